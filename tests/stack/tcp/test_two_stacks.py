"""Two stacks, any plans of two programs and any faults of the network: the stream arrives, and everything ends."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.stack.tcp.block import ECN_ASK
from sim.units import SECOND
from tests.stack.tcp.faults import CHOICES, NO_SACK, NO_SCALE, NO_TIMESTAMPS, Faults, OldBox
from tests.stack.tcp.pair import PORT, SERVER, Pair
from tests.stack.tcp.programs import Plan, Program

PATIENCE = 400 * SECOND
"""After the last fault and the last thing that a program waited for: the longest RTO, twice, and TIME-WAIT."""
EVENTS = 150_000
"""More than any of these conversations needs: whoever uses them up goes round in circles."""

PLANS = st.builds(
    Plan,
    total=st.sampled_from([0, 1, 2000, 10_000, 30_000, 30_000, 100_000]),
    chunk=st.sampled_from([97, 536, 1000, 1448, 5000, 40_000]),
    read_size=st.sampled_from([300, 1000, 65_536]),
    read_from=st.sampled_from([0, 0, 0, 300, 3000]),
    read_every=st.sampled_from([0, 0, 0, 50]),
    send_buffer=st.sampled_from([0, 0, 2000, 10_000]),
    receive_buffer=st.sampled_from([0, 0, 1200, 3000, 10_000]),
    nodelay=st.booleans(),
    cork=st.booleans(),
    end=st.sampled_from(["graceful", "graceful", "graceful", "close", "abort"]),
    end_at=st.integers(0, 2000),
    salt=st.integers(0, 999),
)
SCHEDULES = st.lists(
    st.tuples(st.sampled_from(("pass", *CHOICES)), st.integers(0, 65_535)),
    max_size=40,
)
RATES = st.tuples(*[st.sampled_from([0.0, 0.02, 0.1, 0.3])] * 5)
BOXES = st.sets(st.sampled_from([NO_SACK, NO_TIMESTAMPS, NO_SCALE]))


class Conversation:
    """A client on `a`, a server on `b`, and what is between them."""

    def __init__(self, client: Plan, server: Plan, faults: Faults, box: OldBox, control: str, ecn: bool) -> None:
        self.faults = faults
        self.pair = pair = Pair(rules=[box, faults], delay="5ms", bandwidth="10Mbps", queue=30)
        for host in (pair.a, pair.b):
            host.stack.tcp.congestion = control
            if ecn:
                host.stack.tcp.ecn = ECN_ASK
        self.client, self.server = Program(pair.a, client), Program(pair.b, server)
        self.listener = pair.socket(pair.b)
        self.server.prepare(self.listener)
        self.listener.bind(SERVER, PORT)
        self.listener.on_event = self._accept
        self.listener.listen(1)
        one = pair.socket(pair.a)
        self.client.prepare(one)
        with suppress(BlockingIOError):
            one.connect(SERVER, PORT)
        self.client.start(one)

    def _accept(self) -> None:
        with suppress(BlockingIOError):
            accepted = self.listener.accept()
            self.listener.close()
            self.server.start(accepted)

    def run(self) -> None:
        """To the end: until nothing is left, and no longer than is reasonable."""
        net = self.pair.net
        while not self.is_over() and net.now < self.deadline():
            net.run(until=net.now + 5 * SECOND, budget=EVENTS)
        self.pair.check()

    def is_over(self) -> bool:
        return self.client.over and self.server.over and self.pair.is_empty()

    def deadline(self) -> int:
        slowest = max(end.plan.total / end.plan.read_size * end.plan.read_every for end in (self.client, self.server))
        return self.faults.last + round(slowest * 1e6) + 5 * SECOND + PATIENCE

    def let_go(self) -> None:
        """Who still waits for a peer that is gone (a RST may be lost, nobody sends it twice) closes now."""
        for end in (self.client, self.server):
            end.give_up()
        self.pair.act(self.pair.b)
        self.listener.close()
        net = self.pair.net
        net.run(until=net.now + 2 * PATIENCE, budget=EVENTS)

    def gave_up(self) -> bool:
        """Whether one end has closed and then, an orphan, repeated itself in vain for 8 doublings of the RTO."""
        return self.client.over != self.server.over and self.faults.lost >= 5

    def graceful(self) -> bool:
        return self.client.plan.end == self.server.plan.end == "graceful"


def check(conversation: Conversation) -> None:
    conversation.run()
    client, server = conversation.client, conversation.server
    for sender, receiver in ((client, server), (server, client)):
        assert sender.data.startswith(bytes(receiver.received)), "what was received is not what was sent"
        assert len(receiver.received) <= sender.written
    if conversation.graceful() and conversation.faults.is_mild():
        assert client.error is None
        assert server.error is None
        assert bytes(client.received) == server.data
        assert bytes(server.received) == client.data
        assert conversation.is_over()
    conversation.let_go()
    assert conversation.pair.is_empty(), "something is left for ever"
    for end in (client, server):
        assert end.socket is None or end.socket.connection is None or end.socket.state_name() in ("CLOSED", "TIME-WAIT")


@pytest.mark.slow
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    client=PLANS,
    server=PLANS,
    schedule=SCHEDULES,
    rates=RATES,
    count=st.sampled_from([0, 100, 500]),
    seed=st.integers(0, 1000),
    box=BOXES,
    control=st.sampled_from(["cubic", "reno", "bbr"]),
    ecn=st.booleans(),
)
def test_whatever_happens(
    client: Plan,
    server: Plan,
    schedule: list[tuple[str, int]],
    rates: tuple[float, ...],
    count: int,
    seed: int,
    box: set[int],
    control: str,
    ecn: bool,
) -> None:
    faults = Faults(schedule, rates, count, seed)
    check(Conversation(client, server, faults, OldBox(*sorted(box)), control, ecn))


@pytest.mark.parametrize("client", ["graceful", "close", "abort"])
@pytest.mark.parametrize("server", ["graceful", "close", "abort"])
@pytest.mark.parametrize("box", [(), (NO_SACK,), (NO_TIMESTAMPS,), (NO_SACK, NO_TIMESTAMPS, NO_SCALE)])
def test_every_way_to_end(client: str, server: str, box: tuple[int, ...]) -> None:
    """Without faults, and each of the first twelve packets lost once."""
    for victim in range(-1, 12):
        schedule = [("lose" if n == victim else "pass", 0) for n in range(12)]
        one, other = (Plan(5000, 800, end=how, end_at=30, salt=salt) for how, salt in ((client, 1), (server, 2)))
        check(Conversation(one, other, Faults(schedule), OldBox(*box), "cubic", False))


def test_losses_both_ways() -> None:
    """Who sends again what was lost and reports what came out of order has less room in each segment."""
    schedule = [("lose" if n in (10, 13) else "pass", 0) for n in range(14)]
    one, other = (Plan(60_000, 5000, salt=salt) for salt in (1, 2))
    conversation = Conversation(one, other, Faults(schedule), OldBox(), "cubic", False)
    check(conversation)
    assert conversation.client.at_end
    assert conversation.server.at_end


def test_duplicates_without_sack() -> None:
    """Each packet twice or thrice: what looks like duplicate ACKs counts no more segments than there are."""
    faults = Faults([("pass", 0)] * 2, (0, 0.3, 0, 0, 0), 100, 1)
    check(Conversation(Plan(), Plan(2000, 97), faults, OldBox(NO_SACK), "cubic", False))


def test_losses_undone_keep_the_order_of_time() -> None:
    """What was thought lost and was not is among the oldest on its way: RACK looks at it before the rest."""
    faults = Faults([], (0.3, 0, 0, 0.3, 0), 100, 0)
    check(Conversation(Plan(30_000, 97, 300), Plan(30_000, 97, 300, nodelay=True), faults, OldBox(), "cubic", False))
