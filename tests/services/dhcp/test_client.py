"""The client's state machine (RFC 2131 4.4), call by call."""

from __future__ import annotations

import pytest

from sim.services.dhcp.client import STATES, Bind, Check, Client, Note, Send, Unbind
from sim.services.dhcp.lease import NEVER
from sim.units import SECOND
from sim.wire import dhcpv4
from sim.wire.addresses import IPV4_ANY, parse_ip
from sim.wire.dhcpv4 import ACK, BOOTREPLY, DECLINE, DISCOVER, NAK, OFFER, RELEASE, REQUEST, Message

MAC = b"\2\0\0\0\0\1"
ADDRESS, OTHER, SERVER = parse_ip("10.0.0.100"), parse_ip("10.0.0.101"), parse_ip("10.0.0.1")


def seconds(number: int) -> bytes:
    return number.to_bytes(4, "big")


class Talk:
    """A client and its clock (s). Draws are one half: no jitter."""

    def __init__(self, **settings: bool) -> None:
        self.client = Client(MAC, lambda: 0.5, host_name="pc1", **settings)
        self.now = 0
        self.did: list[object] = []

    def do(self, actions: object) -> list[object]:
        assert isinstance(actions, list)
        self.did += actions
        assert self.client.state in STATES
        return actions

    def start(self) -> Message:
        return self.sent(self.do(self.client.start(self.now)))

    def sent(self, actions: list[object]) -> Message:
        """The one message among what it wants done; it survives the wire."""
        (message,) = [action.message for action in actions if isinstance(action, Send)]
        assert dhcpv4.parse(dhcpv4.emit(message)) == message
        self.last = message
        return message

    def answer(self, kind: int, *options: dhcpv4.Option, address: bytes = ADDRESS, lease: int = 1000) -> list[object]:
        """The server answers the last message."""
        usual = () if kind == NAK else ((51, seconds(lease)), (1, b"\xff\xff\xff\0"))
        written = ((53, bytes((kind,))), (54, SERVER), *usual, *options)
        yiaddr = IPV4_ANY if kind == NAK else address
        reply = Message(BOOTREPLY, self.last.xid, MAC, written, yiaddr=yiaddr)
        actions = self.do(self.client.receive(reply, self.now * SECOND))
        if [action for action in actions if isinstance(action, Send)]:
            self.sent(actions)
        return actions

    def wait(self, until: float) -> list[tuple[float, Message]]:
        """Let time pass; the messages that it sends, and when."""
        found = []
        end = round(until * SECOND)
        while self.client.deadline is not None and self.client.deadline <= end:
            now = self.client.deadline
            actions = self.do(self.client.handle_timer(now))
            for action in actions:
                if isinstance(action, Send):
                    self.last = action.message
                    found.append((now / SECOND, action.message))
        self.now = int(until)
        return found

    def bind(self, lease: int = 1000) -> None:
        self.start()
        self.answer(OFFER, lease=lease)
        self.answer(ACK, lease=lease)
        self.do(self.client.handle_free(self.now * SECOND))
        assert self.client.state == "bound"


def test_from_discover_to_bound() -> None:
    talk = Talk()
    discover = talk.start()
    assert (discover.kind, discover.ciaddr, discover.broadcast, discover.text(12)) == (DISCOVER, IPV4_ANY, False, "pc1")
    assert discover.option(61) == b"\1" + MAC
    request = talk.sent(talk.answer(OFFER))
    assert (request.kind, request.xid, request.address(50), request.address(54)) == (
        REQUEST,
        discover.xid,
        ADDRESS,
        SERVER,
    )
    assert request.ciaddr == IPV4_ANY
    assert talk.answer(ACK) == [Check(ADDRESS)]
    assert talk.client.lease is None
    (bind,) = talk.do(talk.client.handle_free(6 * SECOND))
    assert isinstance(bind, Bind)
    lease = bind.lease
    assert (lease.address, lease.length, lease.server) == (ADDRESS, 24, SERVER)
    assert (lease.renew_at, lease.rebind_at, lease.expires_at) == (500 * SECOND, 875 * SECOND, 1000 * SECOND)
    assert talk.client.deadline == 500 * SECOND


def test_discover_is_repeated_ever_more_slowly() -> None:
    talk = Talk()
    talk.start()
    times = [time for time, message in talk.wait(300) if message.kind == DISCOVER]
    assert times == [4, 12, 28, 60, 124, 188, 252]
    assert talk.client.error == "no DHCP server has answered"
    assert len({message.xid for message in [talk.last]}) == 1


def test_jitter_is_a_second_either_way() -> None:
    for draw, first in ((0.0, 3), (1.0, 5)):
        client = Client(MAC, lambda draw=draw: draw)  # type: ignore[misc]
        client.start(0)
        assert client.deadline == first * SECOND


def test_a_request_is_repeated_four_times_then_all_begins_anew() -> None:
    talk = Talk()
    talk.start()
    talk.answer(OFFER)
    kinds = [(time, message.kind) for time, message in talk.wait(61)]
    assert kinds == [(4, REQUEST), (12, REQUEST), (28, REQUEST), (60, DISCOVER)]


def test_the_lease_is_renewed_by_unicast_then_rebound_by_broadcast_then_it_ends() -> None:
    talk = Talk()
    talk.bind()
    said = talk.wait(1001)
    sends = [action for action in talk.did if isinstance(action, Send)]
    assert [(time, message.kind, message.ciaddr) for time, message in said] == [
        (500, REQUEST, ADDRESS),  # T1
        (687.5, REQUEST, ADDRESS),  # half of what is left to T2
        (781.25, REQUEST, ADDRESS),
        (841.25, REQUEST, ADDRESS),  # but a minute at least
        (875, REQUEST, ADDRESS),  # T2
        (937.5, REQUEST, ADDRESS),
        (997.5, REQUEST, ADDRESS),
        (1000, DISCOVER, IPV4_ANY),
    ]
    assert [send.server for send in sends[-8:]] == [SERVER] * 4 + [None] * 4
    assert all(send.message.address(54) is None and send.message.address(50) is None for send in sends[-8:-1])
    assert any(isinstance(action, Unbind) and action.reason == "it has expired" for action in talk.did)
    assert talk.client.lease is None


def test_an_acknowledgment_extends_the_lease_from_when_it_was_asked() -> None:
    talk = Talk()
    talk.bind()
    talk.wait(501)
    (bind,) = talk.answer(ACK, lease=2000)
    assert isinstance(bind, Bind)
    assert (bind.lease.obtained, bind.lease.expires_at) == (500 * SECOND, 2500 * SECOND)
    assert (talk.client.state, talk.client.deadline) == ("bound", 1500 * SECOND)


def test_times_of_the_server_count_if_they_make_sense() -> None:
    for renewal, rebinding, expected in (
        (10, 20, (10, 20)),
        (0, 5000, (50, 87)),
        (90, 20, (20, 20)),
        (99, 0, (87, 87)),
    ):
        talk = Talk()
        talk.start()
        times = ((58, seconds(renewal)), (59, seconds(rebinding)))
        talk.answer(OFFER)
        talk.answer(ACK, *times, lease=100)
        talk.client.handle_free(0)
        lease = talk.client.lease
        assert lease is not None
        assert (lease.renew_at // SECOND, lease.rebind_at // SECOND) == expected


def test_a_lease_for_ever_is_never_renewed() -> None:
    talk = Talk()
    talk.bind(lease=dhcpv4.INFINITE)
    assert talk.client.lease is not None
    assert (talk.client.lease.expires_at, talk.client.deadline) == (NEVER, None)


def test_a_refusal_ends_the_lease_and_all_begins_anew() -> None:
    talk = Talk()
    talk.bind()
    talk.wait(501)
    actions = talk.answer(NAK, (56, b"the address is another's"))
    assert isinstance(actions[0], Unbind)
    assert talk.last.kind == DISCOVER
    assert talk.client.error == "the server refuses: the address is another's"


def test_refusals_in_a_row_are_not_answered_at_once() -> None:
    talk = Talk()
    talk.start()
    delays = []
    for _ in range(5):
        talk.answer(OFFER)
        before = talk.now
        talk.answer(NAK)
        if talk.client.state == "init":
            assert talk.client.deadline is not None
            delays.append(talk.client.deadline / SECOND - before)
            talk.wait(talk.client.deadline / SECOND)
    assert delays == [1, 2, 4, 8]


def test_another_servers_refusal_is_none() -> None:
    talk = Talk()
    talk.start()
    talk.answer(OFFER)
    reply = Message(BOOTREPLY, talk.last.xid, MAC, ((53, b"\6"), (54, OTHER)))
    assert talk.client.receive(reply, 0) == []
    assert talk.client.state == "requesting"


def test_an_address_that_is_in_use_is_declined() -> None:
    talk = Talk()
    talk.start()
    talk.answer(OFFER)
    talk.answer(ACK)
    decline, note = talk.do(talk.client.handle_conflict("printer", 3 * SECOND))
    assert isinstance(decline, Send)
    assert isinstance(note, Note)
    message = decline.message
    assert (message.kind, message.address(50), message.address(54), message.ciaddr) == (
        DECLINE,
        ADDRESS,
        SERVER,
        IPV4_ANY,
    )
    assert message.option(55) is None  # RFC 2131 table 5: MUST NOT
    assert note.text == "10.0.0.100 was declined: printer uses it"
    assert [(time, one.kind) for time, one in talk.wait(13)] == [(13, DISCOVER)]


def test_after_ten_conflicts_it_asks_once_a_minute() -> None:
    """RFC 5227 2.1.1: MAX_CONFLICTS."""
    talk = Talk()
    talk.start()
    waits = []
    for _ in range(11):
        talk.answer(OFFER)
        talk.answer(ACK)
        now = talk.now * SECOND
        talk.client.handle_conflict("printer", now)
        assert talk.client.deadline is not None
        waits.append((talk.client.deadline - now) // SECOND)
        talk.wait(talk.client.deadline / SECOND)
    assert waits == [10] * 9 + [60] * 2


def test_a_conflict_over_the_address_that_we_have() -> None:
    talk = Talk()
    talk.bind()
    unbind, decline, _ = talk.do(talk.client.handle_conflict("printer", 100 * SECOND))
    assert isinstance(unbind, Unbind)
    assert isinstance(decline, Send)
    assert (decline.message.kind, talk.client.lease, talk.client.state) == (DECLINE, None, "init")


def test_release_is_a_word_to_the_server_and_the_end() -> None:
    talk = Talk()
    talk.bind()
    send, unbind = talk.do(talk.client.release(5 * SECOND))
    assert isinstance(send, Send)
    assert isinstance(unbind, Unbind)
    assert (send.server, send.message.kind, send.message.ciaddr, send.message.address(54)) == (
        SERVER,
        RELEASE,
        ADDRESS,
        SERVER,
    )
    assert send.message.address(50) is None
    assert talk.wait(5000) == []
    assert talk.client.release(0) == []


# -- the cable was out


def test_with_a_lease_it_asks_whether_that_is_still_good() -> None:
    talk = Talk()
    talk.bind()
    talk.client.stop()
    assert talk.wait(100) == []
    request = talk.sent(talk.do(talk.client.start(100 * SECOND)))
    assert (request.kind, request.address(50), request.address(54), request.ciaddr) == (
        REQUEST,
        ADDRESS,
        None,
        IPV4_ANY,
    )
    talk.now = 100
    (bind,) = talk.answer(ACK)
    assert isinstance(bind, Bind)
    assert bind.lease.expires_at == 1100 * SECOND


def test_without_an_answer_the_lease_is_good_until_its_end() -> None:
    """RFC 2131 3.2."""
    talk = Talk()
    talk.bind()
    talk.client.stop()
    talk.client.start(100 * SECOND)
    said = talk.wait(499)
    assert [(time, message.kind) for time, message in said] == [(104, REQUEST)]
    assert (talk.client.state, talk.client.deadline) == ("bound", 500 * SECOND)


def test_a_lease_that_ends_with_the_cable_out_is_gone() -> None:
    talk = Talk()
    talk.bind()
    talk.client.stop()
    assert talk.wait(1000) == []
    assert talk.client.lease is None
    assert talk.start().kind == DISCOVER


def test_a_power_cut_forgets_everything() -> None:
    talk = Talk()
    talk.bind()
    talk.client.forget()
    assert (talk.client.lease, talk.client.deadline) == (None, None)
    assert talk.start().kind == DISCOVER


# -- what is not for us


@pytest.mark.parametrize("kind", [OFFER, ACK, NAK])
def test_answers_that_are_not_ours_change_nothing(kind: int) -> None:
    talk = Talk()
    talk.start()
    options = ((53, bytes((kind,))), (54, SERVER), (51, seconds(100)))
    for reply in (
        Message(BOOTREPLY, talk.last.xid + 1, MAC, options, yiaddr=ADDRESS),
        Message(BOOTREPLY, talk.last.xid, b"\2\0\0\0\0\2", options, yiaddr=ADDRESS),
        Message(dhcpv4.BOOTREQUEST, talk.last.xid, MAC, options, yiaddr=ADDRESS),
    ):
        assert talk.client.receive(reply, 0) == []
    assert talk.client.state == "selecting"


@pytest.mark.parametrize(
    ("options", "yiaddr"),
    [
        (((54, SERVER),), ADDRESS),  # no lease time
        (((51, seconds(100)),), ADDRESS),  # no server
        (((54, SERVER), (51, seconds(0))), ADDRESS),
        (((54, SERVER), (51, seconds(100))), IPV4_ANY),
        (((54, SERVER), (51, seconds(100))), parse_ip("224.0.0.1")),
        (((54, SERVER), (51, seconds(100))), parse_ip("127.0.0.1")),
    ],
)
def test_offers_of_no_use_are_not_taken(options: tuple[dhcpv4.Option, ...], yiaddr: bytes) -> None:
    talk = Talk()
    talk.start()
    reply = Message(BOOTREPLY, talk.last.xid, MAC, ((53, b"\2"), *options), yiaddr=yiaddr)
    assert talk.client.receive(reply, 0) == []


def test_a_second_offer_comes_too_late() -> None:
    talk = Talk()
    talk.start()
    talk.answer(OFFER)
    assert talk.answer(OFFER, address=OTHER) == []
    assert talk.last.address(50) == ADDRESS


def test_one_who_hears_only_broadcasts_says_so() -> None:
    talk = Talk(broadcast=True)
    assert talk.start().broadcast
    assert talk.sent(talk.answer(OFFER)).broadcast


def test_options_become_a_lease() -> None:
    talk = Talk()
    talk.start()
    talk.answer(OFFER)
    routes = bytes.fromhex("000a000001") + bytes.fromhex("100a110a000002")
    more = ((3, parse_ip("10.0.0.254")), (121, routes), (119, b"\4corp\4test\0"), (15, b"x.test"), (26, b"\5\x78"))
    talk.answer(ACK, *more)
    talk.client.handle_free(0)
    lease = talk.client.lease
    assert lease is not None
    assert lease.routes == ((IPV4_ANY, 0, SERVER), (parse_ip("10.17.0.0"), 16, parse_ip("10.0.0.2")))  # RFC 3442
    assert (lease.search, lease.mtu, lease.routers) == (("corp.test",), 1400, (parse_ip("10.0.0.254"),))


@pytest.mark.parametrize("mask", [b"\xff\0\xff\0", b"\xff", b"\0\0\0\0"])
def test_a_mask_of_no_sense_is_that_of_the_class(mask: bytes) -> None:
    talk = Talk()
    talk.start()
    talk.answer(OFFER)
    options = ((53, b"\5"), (54, SERVER), (51, seconds(100)), (1, mask))
    talk.client.receive(Message(BOOTREPLY, talk.last.xid, MAC, options, yiaddr=ADDRESS), 0)
    talk.client.handle_free(0)
    assert talk.client.lease is not None
    assert talk.client.lease.length == 8
