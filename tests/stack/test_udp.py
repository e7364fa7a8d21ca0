from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from sim.stack.udp import EPHEMERAL_FIRST, EPHEMERAL_LAST
from sim.stack.udp_socket import DATAGRAM_OVERHEAD, ERROR_LIMIT, RECEIVE_BUFFER, UdpSocket
from sim.tracing import kinds
from sim.wire import icmpv4, ipv4, udp
from sim.wire.addresses import MAC_BROADCAST, multicast_mac, parse_ip

if TYPE_CHECKING:
    from tests.stack.conftest import Bench

OWN, PEER = "10.0.0.1", "10.0.0.2"


@pytest.fixture(autouse=True)
def known(bench: Bench) -> None:
    bench.know(PEER)


def data(socket: UdpSocket) -> list[bytes]:
    found = []
    while (datagram := socket.receive()) is not None:
        found.append(datagram[0])
    return found


# -- binding


def test_a_port_can_be_bound_once(bench: Bench) -> None:
    first = bench.stack.udp.open(port=53)
    with bench.refuses(errno.EADDRINUSE):
        bench.stack.udp.open(port=53)
    first.close()
    bench.stack.udp.open(port=53)


@pytest.mark.parametrize(("first", "second"), [("0.0.0.0", OWN), (OWN, "0.0.0.0"), (OWN, OWN)])
def test_an_address_collides_with_itself_and_with_all(bench: Bench, first: str, second: str) -> None:
    bench.stack.udp.open(parse_ip(first), 53)
    with bench.refuses(errno.EADDRINUSE):
        bench.stack.udp.open(parse_ip(second), 53)


def test_two_addresses_may_have_the_same_port(bench: Bench) -> None:
    one, other = bench.stack.udp.open(parse_ip(OWN), 53), bench.stack.udp.open(parse_ip("127.0.0.1"), 53)
    bench.hear_ip(bench.udp(PEER, OWN, 53))
    assert (len(data(one)), len(data(other))) == (1, 0)


def test_only_an_address_of_ours_can_be_bound(bench: Bench) -> None:
    with bench.refuses(errno.EADDRNOTAVAIL):
        bench.stack.udp.open(parse_ip("10.0.0.9"), 53)
    for text in ("127.0.0.7", "10.0.0.255", "255.255.255.255", "239.0.0.1"):
        bench.stack.udp.open(parse_ip(text), 53)


def test_port_0_is_an_ephemeral_port_that_nobody_uses(bench: Bench) -> None:
    taken = bench.stack.udp.open(port=EPHEMERAL_FIRST + 1)
    ports = [bench.stack.udp.open().port for _ in range(3)]
    assert ports == [EPHEMERAL_FIRST, EPHEMERAL_FIRST + 2, EPHEMERAL_FIRST + 3]
    assert taken.port not in ports


def test_a_freed_ephemeral_port_is_not_the_next_one(bench: Bench) -> None:
    socket = bench.stack.udp.open()
    socket.close()
    assert bench.stack.udp.open().port != socket.port


def test_ephemeral_ports_run_out_and_come_round(bench: Bench) -> None:
    sockets = [bench.stack.udp.open() for _ in range(EPHEMERAL_LAST - EPHEMERAL_FIRST + 1)]
    assert {socket.port for socket in sockets} == set(range(49152, 65536))
    with bench.refuses(errno.EADDRINUSE):
        bench.stack.udp.open()
    sockets[1000].close()
    assert bench.stack.udp.open().port == sockets[1000].port


def test_a_closed_socket_sends_no_more_and_closing_twice_is_fine(bench: Bench) -> None:
    socket = bench.stack.udp.open()
    socket.close()
    socket.close()
    with bench.refuses(errno.EBADF):
        socket.send_to(b"", parse_ip(PEER), 7)


# -- sending


def test_a_datagram_leaves_with_ports_addresses_and_checksum(bench: Bench) -> None:
    socket = bench.stack.udp.open(port=5000)
    socket.ttl = 9
    socket.dont_fragment = True
    bench.enter()
    socket.send_to(b"hello", parse_ip(PEER), 7)
    (packet,) = bench.parsed(bench.outside.take())
    assert (packet.source, packet.destination, packet.ttl, packet.dont_fragment) == (
        parse_ip(OWN),
        parse_ip(PEER),
        9,
        True,
    )
    assert udp.parse(packet.payload, packet.source, packet.destination) == udp.Datagram(5000, 7, b"hello")


def test_a_bound_address_is_the_source(bench: Bench) -> None:
    bench.stack.add_address(bench.eth0, parse_ip("10.7.0.1"), 16)
    socket = bench.stack.udp.open(parse_ip("10.7.0.1"))
    socket.send_to(b"", parse_ip(PEER), 7)
    assert bench.parsed(bench.outside.take())[0].source == parse_ip("10.7.0.1")


def test_what_cannot_be_sent_says_why(bench: Bench) -> None:
    socket = bench.stack.udp.open()
    with bench.refuses(errno.EMSGSIZE):
        socket.send_to(bytes(65508), parse_ip(PEER), 7)
    with bench.refuses(errno.ENETUNREACH):
        socket.send_to(b"", parse_ip("8.8.8.8"), 7)
    with bench.refuses(errno.EINVAL):
        bench.stack.udp.open(parse_ip("127.0.0.1")).send_to(b"", parse_ip(PEER), 7)
    socket.dont_fragment = True
    with bench.refuses(errno.EMSGSIZE):
        socket.send_to(bytes(1473), parse_ip(PEER), 7)
    assert bench.outside.take() == []
    socket.send_to(bytes(1472), parse_ip(PEER), 7)
    assert len(bench.outside.take()) == 1


def test_the_longest_datagram_goes_in_fragments(bench: Bench) -> None:
    socket = bench.stack.udp.open()
    socket.send_to(bytes(65507), parse_ip(PEER), 7)
    packets = bench.parsed(bench.outside.take())
    assert sum(len(packet.payload) for packet in packets) == 65515
    assert len({packet.identification for packet in packets}) == 1


@pytest.mark.parametrize("address", ["255.255.255.255", "10.0.0.255"])
def test_a_broadcast_takes_permission(bench: Bench, address: str) -> None:
    socket = bench.stack.udp.open()
    with bench.refuses(errno.EACCES):
        socket.send_to(b"", parse_ip(address), 7)
    socket.broadcast = True
    socket.send_to(b"", parse_ip(address), 7)
    (frame,) = bench.outside.take()
    assert frame[:6] == MAC_BROADCAST
    assert ipv4.parse(frame[14:]).destination == parse_ip(address)


def test_a_multicast_goes_to_its_mac_address_and_one_hop_far(bench: Bench) -> None:
    socket = bench.stack.udp.open()
    socket.send_to(b"", parse_ip("239.129.2.3"), 7)
    (frame,) = bench.outside.take()
    assert frame[:6] == bytes.fromhex("01005e010203")
    assert ipv4.parse(frame[14:]).ttl == 1


# -- receiving


def test_a_datagram_is_delivered_with_where_it_came_from(bench: Bench) -> None:
    socket = bench.stack.udp.open(port=7)
    called = []
    socket.on_event = lambda: called.append(True)
    assert bench.hear_ip(bench.udp(PEER, OWN, 7, b"hello")) == []
    assert socket.receive() == (b"hello", parse_ip(PEER), 4000)
    assert socket.receive() is None
    assert called == [True]
    assert bench.notes(kinds.DELIVER) == ["UDP port 7"]


def test_the_closest_bind_wins(bench: Bench) -> None:
    bench.stack.add_address(bench.eth0, parse_ip("10.7.0.1"), 16)
    bound = bench.stack.udp.open(parse_ip(OWN), 7)
    other = bench.stack.udp.open(parse_ip("10.7.0.1"), 7)
    group = bench.stack.udp.open(parse_ip("10.0.0.255"), 7)
    bench.hear_ip(bench.udp(PEER, OWN, 7, b"1"))
    bench.hear_ip(bench.udp(PEER, "10.7.0.1", 7, b"2"))
    bench.hear_ip(bench.udp(PEER, "10.0.0.255", 7, b"3"), to=MAC_BROADCAST)
    assert (data(bound), data(other), data(group)) == ([b"1"], [b"2"], [b"3"])


def test_a_socket_bound_to_another_address_does_not_hear_it(bench: Bench) -> None:
    socket = bench.stack.udp.open(parse_ip("127.0.0.1"), 7)
    (error,) = bench.errors(bench.hear_ip(bench.udp(PEER, OWN, 7)))
    assert error.code == icmpv4.PORT_UNREACHABLE
    assert data(socket) == []


@pytest.mark.parametrize("address", ["255.255.255.255", "10.0.0.255"])
def test_a_broadcast_reaches_the_open_port(bench: Bench, address: str) -> None:
    socket = bench.stack.udp.open(port=7)
    bench.hear_ip(bench.udp(PEER, address, 7), to=MAC_BROADCAST)
    assert data(socket) == [b"hi"]


def test_who_has_no_address_yet_may_broadcast(bench: Bench) -> None:
    socket = bench.stack.udp.open(port=67)
    bench.hear_ip(bench.udp("0.0.0.0", "255.255.255.255", 67), to=MAC_BROADCAST)
    assert data(socket) == [b"hi"]


def test_a_multicast_is_heard_while_the_group_is_joined(bench: Bench) -> None:
    group = parse_ip("239.1.2.3")
    socket = bench.stack.udp.open(port=7)
    heard = []
    for action in (None, bench.eth0.join, bench.eth0.leave):
        if action is not None:
            action(group)
        bench.hear_ip(bench.udp(PEER, "239.1.2.3", 7), to=multicast_mac(group))
        heard.append(len(data(socket)))
    assert heard == [0, 1, 0]


def test_another_group_with_the_same_mac_address_is_not_heard(bench: Bench) -> None:
    socket = bench.stack.udp.open(port=7)
    bench.eth0.join(parse_ip("239.1.2.3"))
    bench.hear_ip(bench.udp(PEER, "224.129.2.3", 7), to=multicast_mac(parse_ip("239.1.2.3")))
    assert data(socket) == []
    assert bench.journal.drops == {"not its IP address": 1}


def test_a_group_is_joined_on_one_interface(bench: Bench) -> None:
    eth1 = bench.interface("eth1", "10.1.0.1/24")
    bench.eth0.join(parse_ip("239.1.2.3"))
    eth1.join(parse_ip("224.129.2.3"))
    socket = bench.stack.udp.open(port=7)
    frame = multicast_mac(parse_ip("239.1.2.3")) + bytes(6) + b"\x08\x00" + ipv4.emit(bench.udp(PEER, "239.1.2.3", 7))
    bench.hear(frame, eth1)
    assert data(socket) == []
    bench.hear(frame, bench.eth0)
    assert data(socket) == [b"hi"]


def test_no_checksum_is_accepted_and_a_bad_one_is_not(bench: Bench) -> None:
    socket = bench.stack.udp.open(port=7)
    for checksum in (b"\0\0", b"\x12\x34"):
        datagram = bench.udp(PEER, OWN, 7)
        datagram.payload = datagram.payload[:6] + checksum + datagram.payload[8:]
        assert bench.hear_ip(datagram) == []
    assert data(socket) == [b"hi"]
    assert bench.journal.drops == {"malformed UDP": 1}


def test_the_receive_buffer_is_bounded_in_bytes(bench: Bench) -> None:
    socket = bench.stack.udp.open(port=7)
    for _ in range(200):
        assert bench.hear_ip(bench.udp(PEER, OWN, 7, bytes(1400))) == []
    kept = len(data(socket))
    assert kept == RECEIVE_BUFFER // (1400 + DATAGRAM_OVERHEAD) + 1
    assert bench.journal.drops == {"receive buffer full": 200 - kept}
    assert len(bench.notes(kinds.DELIVER)) == kept
    bench.hear_ip(bench.udp(PEER, OWN, 7))
    assert data(socket) == [b"hi"]


def test_empty_datagrams_fill_the_buffer_too(bench: Bench) -> None:
    socket = bench.stack.udp.open(port=7)
    for _ in range(300):
        bench.hear_ip(bench.udp(PEER, OWN, 7, b""))
    assert len(data(socket)) == RECEIVE_BUFFER // DATAGRAM_OVERHEAD + 1


def test_errors_that_nobody_asks_for_are_bounded(bench: Bench) -> None:
    socket = bench.stack.udp.open(port=5000)
    socket.receive_errors = True
    quoted = ipv4.emit(bench.udp(OWN, PEER, 7, sport=5000))
    for _ in range(ERROR_LIMIT + 5):
        bench.hear_ip(ipv4.Packet(parse_ip(PEER), parse_ip(OWN), 1, icmpv4.emit(icmpv4.Message(3, 3, 0, quoted))))
    assert len(socket.errors) == ERROR_LIMIT


def test_an_error_goes_to_the_socket_bound_to_the_address_it_quotes(bench: Bench) -> None:
    first, second = bench.stack.udp.open(parse_ip(OWN), 5000), bench.stack.udp.open(parse_ip("127.0.0.1"), 5000)
    first.receive_errors = second.receive_errors = True
    first.on_event = first.close
    bench.stack.icmp.send_error(ipv4.emit(bench.udp(OWN, "10.9.9.9", sport=5000)), 3, 1)
    assert (len(first.errors), len(second.errors), first.closed) == (1, 0, True)


def test_a_power_cut_closes_every_socket(bench: Bench) -> None:
    sockets = [bench.stack.udp.open(port=port) for port in (7, 8)]
    bench.stack.reset(0)
    assert all(socket.closed for socket in sockets)
    bench.stack.udp.open(port=7)


# -- to ourselves


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", OWN])
def test_a_datagram_to_ourselves_goes_through_lo(bench: Bench, address: str) -> None:
    receiver, sender = bench.stack.udp.open(port=7), bench.stack.udp.open(port=5000)
    bench.enter()
    sender.send_to(b"self", parse_ip(address), 7)
    ((interface, frame, _),) = bench.outside.sent
    assert interface.name == "lo"
    assert frame[:14] == bytes(12) + b"\x08\x00"
    bench.hear(frame, interface)
    source = OWN if address == OWN else "127.0.0.1"
    assert receiver.receive() == (b"self", parse_ip(source), 5000)


def test_a_closed_port_of_our_own_is_an_error_of_our_own(bench: Bench) -> None:
    sender = bench.stack.udp.open(port=5000)
    sender.receive_errors = True
    bench.enter()
    sender.send_to(b"self", parse_ip("127.0.0.1"), 7)
    ((interface, frame, _),) = bench.outside.sent
    assert bench.hear(frame, interface) == []
    assert [error.code for error in sender.errors] == [icmpv4.PORT_UNREACHABLE]
