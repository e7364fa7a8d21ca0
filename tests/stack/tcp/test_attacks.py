"""What a stranger, a liar or an old network may send: nothing breaks, nothing grows without bound, nobody argues on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.stack.tcp import options, states
from sim.stack.tcp.connection import Connection
from sim.stack.tcp.receive_buffer import memory_of
from sim.stack.tcp.sockets import TcpSocket
from sim.wire import ipv4, tcp
from tests.stack.tcp.pair import CLIENT, PORT, SERVER, Pair, drain
from tests.stack.tcp.programs import stream

WINDOW = 64_000
STATES = (
    "SYN-SENT",
    "SYN-RECEIVED",
    "ESTABLISHED",
    "FIN-WAIT-1",
    "FIN-WAIT-2",
    "CLOSE-WAIT",
    "CLOSING",
    "LAST-ACK",
    "TIME-WAIT",
    "LISTEN",
    "CLOSED",
)


class Attack:
    """Host `b` is the victim, with a connection to `a`; segments are put on its wire in `a`'s name.

    Numbers of segments are relative to what the victim expects: `seq` to its rcv_nxt, `ack` to its snd_nxt.
    """

    def __init__(self, seed: int = 1) -> None:
        self.pair = Pair(seed=seed, delay="1ms")
        self.client, self.server = self.pair.joined()

    @property
    def victim(self) -> Connection:
        connection = self.server.connection
        assert connection is not None
        return connection

    def tell(
        self,
        flags: int,
        seq: int = 0,
        ack: int = 0,
        data: bytes = b"",
        window: int = 1000,
        text: bytes | None = None,
        urgent: int = 0,
    ) -> None:
        """Let the victim hear a segment at once."""
        tcb = self.victim
        if text is None:
            text = options.timestamps(int(tcb.ts_recent), int(tcb.timestamp())) if tcb.timestamps_ok else b""
        self.hear(
            tcp.Segment(
                tcb.remote_port,
                tcb.local_port,
                int(tcb.rcv_nxt + seq) & 0xFFFFFFFF,
                int(tcb.snd_nxt + ack) & 0xFFFFFFFF,
                flags,
                window,
                urgent,
                text,
                data,
            )
        )

    def hear(self, segment: tcp.Segment) -> None:
        packet = ipv4.Packet(CLIENT, SERVER, ipv4.PROTOCOL_TCP, tcp.emit(segment, CLIENT, SERVER))
        interface = self.pair.b.stack.interfaces[0]
        frame = interface.mac + bytes(6) + b"\x08\x00" + ipv4.emit(packet)
        self.pair.b.stack.receive(interface, frame, self.pair.net.now, 1)
        self.pair.check()

    def answers(self) -> int:
        """Segments that the victim has sent so far."""
        return int(self.victim.segments_out)

    def works(self, salt: int = 7) -> bool:
        """Whether the two that own the connection can still talk, both ways."""
        pair = self.pair
        for host, one, other in ((pair.a, self.client, self.server), (pair.b, self.server, self.client)):
            pair.act(host)
            data = stream(5000, salt)
            if one.send(data) != len(data):
                return False
            pair.run(3)
            if drain(other) != data:
                return False
        return True


@pytest.fixture
def attack() -> Attack:
    return Attack()


# -- blind injection (RFC 5961)


@pytest.mark.parametrize("seq", [1, 100, WINDOW - 1000])
def test_a_blind_rst_in_the_window_is_challenged(attack: Attack, seq: int) -> None:
    """RFC 5961 3.2: only a RST with exactly the number that is expected resets."""
    before = attack.answers()
    attack.tell(tcp.RST, seq)
    assert attack.server.state_name() == "ESTABLISHED"
    assert attack.answers() == before + 1
    assert attack.works()


@pytest.mark.parametrize("seq", [-1, -5000, 200_000, 1 << 31])
def test_a_rst_outside_the_window_is_ignored(attack: Attack, seq: int) -> None:
    before = attack.answers()
    attack.tell(tcp.RST, seq)
    assert attack.server.state_name() == "ESTABLISHED"
    assert attack.answers() == before
    assert attack.works()


def test_a_rst_that_fits_resets(attack: Attack) -> None:
    attack.tell(tcp.RST)
    assert attack.server.state_name() == "CLOSED"
    with pytest.raises(ConnectionResetError):
        attack.server.receive(1)


@pytest.mark.parametrize("seq", [-1, 0, 100, -5000, 200_000])
@pytest.mark.parametrize("flags", [tcp.SYN, tcp.SYN | tcp.ACK])
def test_a_blind_syn_is_challenged(attack: Attack, seq: int, flags: int) -> None:
    """RFC 5961 4.2: whatever its number."""
    before = attack.answers()
    attack.tell(flags, seq)
    assert attack.server.state_name() == "ESTABLISHED"
    assert attack.answers() == before + 1
    assert attack.works()


@pytest.mark.parametrize("ack", [1, 10_000, -200_000, -(1 << 30)])
def test_data_with_an_impossible_ack_is_not_taken(attack: Attack, ack: int) -> None:
    """RFC 5961 5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT."""
    attack.tell(tcp.ACK, 0, ack, b"evil")
    assert not attack.victim.inbox.ready.size
    assert attack.works()


def test_challenges_are_not_sent_without_end(attack: Attack) -> None:
    """RFC 5961 7: a thousand forged segments provoke a handful of ACKs."""
    before = attack.answers()
    for n in range(1000):
        attack.tell(tcp.RST, 1 + n)
        attack.tell(tcp.SYN, n)
        attack.tell(tcp.ACK, 0, 10 + n)
    assert attack.answers() - before <= 3
    assert attack.works()


def test_old_timestamps_are_dropped(attack: Attack) -> None:
    """PAWS (RFC 7323 5): right numbers, but from another age."""
    attack.pair.run(1)
    old = options.timestamps(int(attack.victim.ts_recent) - 5000, 0)
    attack.tell(tcp.ACK, 0, 0, b"evil", text=old)
    assert not attack.victim.inbox.ready.size
    assert attack.works()


# -- data


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2800), st.integers(1, 400), st.booleans()), max_size=40), st.integers(0, 9))
def test_overlaps_with_other_data_do_not_mix(spans: list[tuple[int, int, bool]], seed: int) -> None:
    """Beyond a gap what has come first stands; what is next in order is taken as it comes, as in Linux; what has become
    part of the stream does not change."""
    attack = Attack(seed)
    data = stream(3200, 1)
    start = int(attack.victim.rcv_nxt)
    model: dict[int, int] = {}
    following = 0
    for left, size, forged in spans:
        piece = b"\xee" * size if forged else data[left : left + size]
        attack.tell(tcp.ACK, start + left - int(attack.victim.rcv_nxt), 0, piece)
        in_order = left <= following
        for at, byte in enumerate(piece, left):
            if in_order and at >= following:
                model[at] = byte
            model.setdefault(at, byte)
        following = next(n for n in range(4000) if n not in model)
    assert drain(attack.server) == bytes(model[n] for n in range(following))


@pytest.mark.slow
def test_many_tiny_segments_out_of_order_take_bounded_memory(attack: Attack) -> None:
    """Each single byte costs an object: what is booked for it stops the flood before the window does."""
    for n in range(10_000):
        attack.tell(tcp.ACK, 2 + 2 * n, 0, b"x")
    inbox = attack.victim.inbox
    assert inbox.held() <= attack.victim.receive_buffer
    assert len(inbox.pieces) <= attack.victim.receive_buffer // memory_of(1)
    assert len(inbox.sacks) <= len(inbox.pieces)
    assert attack.works()


def test_data_beyond_the_window_is_not_kept(attack: Attack) -> None:
    for seq in range(0, 1_000_000, 1400):
        attack.tell(tcp.ACK, seq + 1, 0, bytes(1400))
    assert attack.victim.inbox.held() <= attack.victim.receive_buffer
    assert attack.victim.inbox.pieces[-1].seq < attack.victim.rcv_wup + attack.victim.rcv_wnd


def test_an_urgent_pointer_to_nowhere_does_no_harm(attack: Attack) -> None:
    for urgent in (1, 2, 100, 65_535):
        attack.tell(tcp.ACK | tcp.URG, 0, 0, b"ab", urgent=urgent)
        attack.tell(tcp.ACK | tcp.URG, 0, 0, b"", urgent=urgent)
        attack.pair.act(attack.pair.b)
        drain(attack.server)


# -- lies about what has arrived


def in_flight(attack: Attack, size: int = 40_000) -> None:
    """The victim has sent, and nothing has been acknowledged."""
    attack.pair.act(attack.pair.b)
    attack.server.send(stream(size, 3))


LIES: list[tuple[str, Callable[[int, int], list[tuple[int, int]]]]] = [
    ("beyond what was sent", lambda una, nxt: [(nxt, nxt + 1000)]),
    ("partly beyond", lambda una, nxt: [(nxt - 1000, nxt + 1000)]),
    ("far beyond", lambda una, nxt: [(nxt + (1 << 30), nxt + (1 << 30) + 10)]),
    ("below", lambda una, nxt: [(una - 2000, una - 1000)]),
    ("long ago", lambda una, nxt: [(una - (1 << 30), una - (1 << 29))]),
    ("reversed", lambda una, nxt: [(una + 3000, una + 1000)]),
    ("empty", lambda una, nxt: [(una + 1448, una + 1448)]),
    ("around the edge", lambda una, nxt: [(una - 1000, una + 2000)]),
    ("all at once", lambda una, nxt: [(una, nxt)]),
    ("all but the first", lambda una, nxt: [(una + 1448, nxt)]),
    ("bytes between segments", lambda una, nxt: [(una + 1500, una + 1600), (una + 5000, una + 5001)]),
    ("the same four times", lambda una, nxt: [(una + 1448, una + 2896)] * 3),
    ("half the space", lambda una, nxt: [(una, una + (1 << 31))]),
    ("all that is unsent", lambda una, nxt: [(una + 1, nxt + 100_000)]),
]


def reports(attack: Attack, blocks: list[tuple[int, int]]) -> bytes:
    tcb = attack.victim
    text = options.timestamps(int(tcb.ts_recent), int(tcb.timestamp()))
    return text + options.sack(blocks, len(text))


@pytest.mark.parametrize("lie", [lie for _, lie in LIES], ids=[name for name, _ in LIES])
def test_sack_lies(attack: Attack, lie: Callable[[int, int], list[tuple[int, int]]]) -> None:
    """RFC 2018 8: SACK is advisory; after any lie the counts are right and the stream arrives."""
    in_flight(attack)
    tcb = attack.victim
    una, nxt = int(tcb.snd_una), int(tcb.snd_nxt)
    for _ in range(5):
        attack.tell(tcp.ACK, 0, una - nxt, window=500, text=reports(attack, lie(una, nxt)))
    attack.pair.run(60)
    assert drain(attack.client) == stream(40_000, 3)
    assert attack.works()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(-5000, 50_000), st.integers(-3000, 9000)), max_size=3), max_size=60))
def test_any_sack_blocks(acks: list[list[tuple[int, int]]]) -> None:
    """The checker looks after each."""
    attack = Attack()
    in_flight(attack)
    una = int(attack.victim.snd_una)
    for blocks in acks:
        edges = [(una + left, una + left + length) for left, length in blocks]
        attack.tell(tcp.ACK, 0, una - int(attack.victim.snd_nxt), window=500, text=reports(attack, edges))
    attack.pair.run(100)
    assert drain(attack.client) == stream(40_000, 3)


def test_thousands_of_sack_blocks_cost_no_more(attack: Attack) -> None:
    in_flight(attack)
    una, random = int(attack.victim.snd_una), Random(5)
    before = attack.pair.frames
    for _ in range(3000):
        edges = sorted(random.randrange(0, 60_000) for _ in range(6))
        blocks = [(una + edges[n], una + edges[n + 1]) for n in (4, 2, 0)]
        attack.tell(tcp.ACK, 0, una - int(attack.victim.snd_nxt), window=500, text=reports(attack, blocks))
    assert len(attack.victim.reported) <= 4
    attack.pair.run(100)
    assert attack.pair.frames - before < 2000
    assert drain(attack.client) == stream(40_000, 3)


def test_acks_of_what_was_never_sent_are_challenged(attack: Attack) -> None:
    """RFC 9293 3.10.7.4: an ACK, and drop it; it frees nothing and opens no window."""
    in_flight(attack)
    cwnd, queued = int(attack.victim.flow.cwnd), attack.victim.sent.size()
    for n in range(1, 2000):
        attack.tell(tcp.ACK, 0, n)
    assert attack.victim.flow.cwnd == cwnd
    assert attack.victim.sent.size() == queued
    attack.pair.run(10)
    assert drain(attack.client) == stream(40_000, 3)


def test_split_acks_do_not_inflate_the_window(attack: Attack) -> None:
    """Savage et al., CCR 29(5), 1999: an ACK per byte must not count as an ACK per segment (RFC 3465 2.3)."""
    in_flight(attack, 14_480)
    tcb = attack.victim
    una = int(tcb.snd_una)
    before = int(tcb.flow.cwnd)
    for n in range(1, 1449):
        attack.tell(tcp.ACK, 0, una + n - int(tcb.snd_nxt), window=500)
    assert tcb.flow.cwnd <= before + 1


def test_duplicate_acks_do_not_inflate_the_window(attack: Attack) -> None:
    """The same paper's second trick: forged duplicates free at most what is in flight."""
    in_flight(attack, 80_000)
    tcb = attack.victim
    una, out = int(tcb.snd_una), tcb.sent.size()
    sent = attack.answers()
    for _ in range(2000):
        attack.tell(tcp.ACK, 0, una - int(tcb.snd_nxt), window=int(tcb.snd_wnd) >> int(tcb.snd_scale))
    assert attack.answers() - sent <= 2 * out
    assert tcb.flow.cwnd <= 2 * out


def test_a_window_that_stays_closed_gets_few_probes(attack: Attack) -> None:
    """RFC 9293 3.8.6.1: for as long as it is answered, but ever less often: every two minutes in the end."""
    pair = attack.pair
    pair.act(pair.b)
    with suppress(BlockingIOError):
        while True:
            attack.server.send(bytes(65_536))
    pair.run(1)
    pair.act(pair.b)
    with suppress(BlockingIOError):
        while True:
            attack.server.send(bytes(65_536))
    pair.run(600)
    assert attack.victim.unsent.size
    before = pair.frames
    pair.run(24 * 3600)
    assert attack.server.state_name() == "ESTABLISHED"
    # A probe and its answer each two minutes.
    assert 24 * 28 * 2 <= pair.frames - before <= 24 * 32 * 2
    assert attack.victim.unsent.size <= attack.victim.send_buffer


# -- garbage in every state


def in_state(name: str) -> tuple[Pair, list[TcpSocket]]:
    """A pair whose host `b` has a socket in this state; nothing is on its way that would change it soon."""
    pair = Pair(delay="20s" if name in ("SYN-SENT", "SYN-RECEIVED") else "1ms")
    for host, other, address in ((pair.a, pair.b, SERVER), (pair.b, pair.a, CLIENT)):
        host.stack.neighbours(host.stack.interfaces[0]).set_permanent(address, other.stack.interfaces[0].mac)
    if name == "SYN-SENT":
        one = pair.socket(pair.b)
        with suppress(BlockingIOError):
            one.connect(CLIENT, PORT)
        return pair, [one]
    if name in ("SYN-RECEIVED", "LISTEN", "CLOSED"):
        sockets = [pair.listen()] if name != "CLOSED" else []
        if name == "SYN-RECEIVED":
            sockets.append(pair.connect())
            pair.run(21)
        return pair, sockets
    client, server = pair.joined()
    if name in ("CLOSE-WAIT", "LAST-ACK"):
        pair.act(pair.a)
        client.shutdown(1)
        pair.run(0.1)
    if name in ("LAST-ACK", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSING"):
        pair.act(pair.b)
        server.shutdown(1)
    if name == "CLOSING":
        pair.act(pair.a)
        client.shutdown(1)
        pair.net.run(until=pair.net.now + 1_100_000)
    if name in ("FIN-WAIT-2", "TIME-WAIT"):
        pair.run(0.1)
    if name == "TIME-WAIT":
        pair.act(pair.a)
        client.shutdown(1)
        pair.run(0.1)
    return pair, [client, server]


FLAGS = (tcp.SYN, tcp.ACK, tcp.RST, tcp.FIN, tcp.URG, tcp.PSH, tcp.ECE, tcp.CWR)


def state_of(pair: Pair, sockets: list[TcpSocket]) -> str:
    """The state that host `b` is in."""
    if pair.b.stack.tcp.waiting:
        return "TIME-WAIT"
    found = [states.NAMES[connection.state] for connection in pair.b.stack.tcp.connections.values()]
    return found[0] if found else sockets[0].state_name() if sockets else "CLOSED"


@pytest.mark.parametrize("name", STATES)
def test_garbage_in_every_state(name: str) -> None:
    """Random headers with right ports and a right checksum: no crash, and no more answers than questions."""
    random = Random(name)
    pair, sockets = in_state(name)
    assert state_of(pair, sockets) == name
    ports = (PORT, 49152) if name == "SYN-SENT" else (49152, PORT)
    tcb = next(iter(pair.b.stack.tcp.connections.values()), None)
    known = (0, 0) if tcb is None else (int(tcb.rcv_nxt), int(tcb.snd_nxt))
    interface = pair.b.stack.interfaces[0]
    before = pair.frames
    for _ in range(400):
        near = random.random() < 0.7
        seq, ack = ((part + random.randrange(-3000, 3000) if near else random.getrandbits(32)) for part in known)
        flags = sum(random.sample(FLAGS, random.randrange(5)))
        text = random.randbytes(4 * random.randrange(11))
        segment = tcp.Segment(
            *ports,
            seq & 0xFFFFFFFF,
            ack & 0xFFFFFFFF,
            flags,
            random.getrandbits(16),
            random.getrandbits(16),
            text,
            random.randbytes(random.choice((0, 0, 1, 100, 1400))),
        )
        packet = ipv4.Packet(CLIENT, SERVER, ipv4.PROTOCOL_TCP, tcp.emit(segment, CLIENT, SERVER))
        frame = interface.mac + bytes(6) + b"\x08\x00" + ipv4.emit(packet)
        pair.b.stack.receive(interface, frame, pair.net.now, 1)
        pair.check()
    pair.run(60)
    assert pair.frames - before <= 3 * 400
    assert len(pair.b.stack.tcp.connections) <= 2
