"""The datagram socket as the kernel has it: peers, errors, groups, buffers. (tests/userland asks Linux as well.)"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from sim.stack.udp_socket import PMTUDISC_DONT, PMTUDISC_WANT, UdpSocket
from sim.stack.unreachable import errno_of
from sim.tracing import kinds
from sim.wire import icmpv4, ipv4
from sim.wire.addresses import IPV4_ANY, MAC_BROADCAST, multicast_mac, parse_ip

if TYPE_CHECKING:
    from tests.stack.conftest import Bench

OWN, PEER, OTHER = "10.0.0.1", "10.0.0.2", "10.0.0.3"
GROUP = parse_ip("239.1.2.3")


@pytest.fixture(autouse=True)
def known(bench: Bench) -> None:
    bench.know(PEER, OTHER)


def connected(bench: Bench, port: int = 7) -> UdpSocket:
    socket = bench.stack.udp.open(port=5000)
    socket.connect(parse_ip(PEER), port)
    return socket


def error(bench: Bench, kind: int, code: int, rest: int = 0, target: str = PEER) -> None:
    """An ICMP error comes in about a datagram from port 5000 to port 7."""
    quoted = ipv4.emit(bench.udp(OWN, target, 7, sport=5000))
    message = icmpv4.emit(icmpv4.Message(kind, code, rest, quoted))
    bench.hear_ip(ipv4.Packet(parse_ip("10.0.0.254"), parse_ip(OWN), ipv4.PROTOCOL_ICMP, message))


def data(socket: UdpSocket) -> list[bytes]:
    found = []
    while (datagram := socket.receive()) is not None:
        found.append(datagram[0])
    return found


# -- peers


def test_a_connected_socket_has_the_address_of_the_way_to_its_peer(bench: Bench) -> None:
    socket = connected(bench)
    assert (socket.local(), socket.remote()) == ((parse_ip(OWN), 5000), (parse_ip(PEER), 7))
    bench.hear_ip(bench.udp(PEER, OWN, 5000, b"peer", sport=7))
    assert data(socket) == [b"peer"]
    for source, port in ((PEER, 8), (OTHER, 7)):
        (refusal,) = bench.errors(bench.hear_ip(bench.udp(source, OWN, 5000, sport=port)))
        assert refusal.code == icmpv4.PORT_UNREACHABLE


def test_disconnecting_gives_back_what_connecting_took(bench: Bench) -> None:
    socket = bench.stack.udp.socket()
    socket.connect(parse_ip(PEER), 7)
    assert socket.local() == (parse_ip(OWN), 49152)
    socket.disconnect()
    assert socket.local() == (IPV4_ANY, 0)
    with bench.refuses(errno.ENOTCONN):
        socket.remote()
    with bench.refuses(errno.EDESTADDRREQ):
        socket.send(b"")
    bound = bench.stack.udp.open(parse_ip(OWN), 5000)
    bound.connect(parse_ip(PEER), 7)
    bound.disconnect()
    assert bound.local() == (parse_ip(OWN), 5000)
    half = bench.stack.udp.open(parse_ip("127.0.0.1"))
    half.connect(parse_ip("127.0.0.1"), 7)
    half.disconnect()
    assert half.local() == (parse_ip("127.0.0.1"), 0)
    half.send_to(b"", parse_ip("127.0.0.1"), 7)
    assert half.local()[0] == parse_ip("127.0.0.1")
    bench.hear_ip(bench.udp(OTHER, OWN, 5000))
    assert data(bound) == [b"hi"]


def test_a_broadcast_peer_takes_permission(bench: Bench) -> None:
    socket = bench.stack.udp.socket()
    with bench.refuses(errno.EACCES):
        socket.connect(parse_ip("10.0.0.255"), 7)
    socket.broadcast = True
    socket.connect(parse_ip("10.0.0.255"), 7)
    socket.send(b"all")
    assert bench.outside.take()[0][:6] == MAC_BROADCAST


def test_reuseport_chooses_by_flow_and_always_the_same(bench: Bench) -> None:
    def receivers() -> list[int]:
        udp = bench.stack.udp
        sockets = [udp.socket() for _ in range(3)]
        for socket in sockets:
            socket.reuse_port = True
            socket.bind(IPV4_ANY, 9)
        chosen = []
        for port in range(4000, 4060):
            bench.hear_ip(bench.udp(PEER, OWN, 9, sport=port))
            chosen += [index for index, socket in enumerate(sockets) if data(socket)]
        for socket in sockets:
            socket.close()
        return chosen

    first = receivers()
    assert first == receivers()
    assert min(first.count(index) for index in range(3)) > 10


# -- errors


@pytest.mark.parametrize(
    ("kind", "code", "number"),
    [
        (3, 0, 0),
        (3, 1, 0),
        (3, 2, errno.ENOPROTOOPT),
        (3, 3, errno.ECONNREFUSED),
        (3, 5, 0),
        (3, 9, errno.ENETUNREACH),
        (3, 13, errno.EHOSTUNREACH),
        (3, 99, 0),
        (4, 0, 0),
        (11, 0, 0),
        (12, 0, errno.EPROTO),
    ],
)
def test_hard_errors_reach_who_is_connected(bench: Bench, kind: int, code: int, number: int) -> None:
    socket = connected(bench)
    called = []
    socket.on_event = lambda: called.append(socket.poll())
    error(bench, kind, code)
    assert socket.take_error() == number
    assert called == ([0xC] if number else [])


@pytest.mark.parametrize(("kind", "code"), [(3, 0), (3, 1), (3, 3), (11, 0)])
def test_who_asks_hears_of_soft_ones_too(bench: Bench, kind: int, code: int) -> None:
    socket = bench.stack.udp.open(port=5000)
    socket.receive_errors = True
    error(bench, kind, code)
    assert socket.poll() == 0xC
    with pytest.raises(OSError, match=os.strerror(errno_of(socket.errors[0]))):
        socket.receive_from()
    assert socket.take_queued_error().code == code
    assert socket.poll() == 0x4
    with bench.refuses(errno.EAGAIN):
        socket.take_queued_error()


def test_of_several_errors_the_next_is_pending(bench: Bench) -> None:
    socket = bench.stack.udp.open(port=5000)
    socket.receive_errors = True
    for code in (3, 2, 1):
        error(bench, 3, code)
    assert socket.take_error() == errno.EHOSTUNREACH  # the latest
    socket.take_queued_error()
    assert socket.take_error() == errno.ENOPROTOOPT


def test_who_empties_the_list_of_errors_may_go_on_sending(bench: Bench) -> None:
    socket = bench.stack.udp.open(port=5000)
    socket.receive_errors = True
    error(bench, 3, 3)
    socket.errors.clear()
    socket.send_to(b"x", parse_ip(PEER), 7)
    assert len(bench.outside.take()) == 1


def test_an_error_about_another_peer_s_datagram_is_not_ours(bench: Bench) -> None:
    socket = connected(bench)
    error(bench, 3, 3, target=OTHER)
    assert socket.take_error() == 0


def test_a_smaller_path_is_remembered(bench: Bench) -> None:
    socket = connected(bench)
    assert socket.path_mtu_discovery == PMTUDISC_DONT
    error(bench, 3, 4, 1000)
    assert (socket.take_error(), bench.stack.path_mtu(parse_ip(PEER))) == (0, 1000)
    error(bench, 3, 4, 20)
    assert bench.stack.path_mtu(parse_ip(PEER)) == 552
    socket.path_mtu_discovery = PMTUDISC_WANT
    error(bench, 3, 4, 1400)
    assert (socket.take_error(), bench.stack.path_mtu(parse_ip(PEER))) == (errno.EMSGSIZE, 552)
    bench.outside.take()
    for size, says in ((524, True), (525, False)):
        socket.send(bytes(size))
        assert [packet.dont_fragment for packet in bench.parsed(bench.outside.take())] == [says]


# -- to many


def test_what_is_sent_to_many_comes_back_after_the_call(bench: Bench) -> None:
    sender, receiver = bench.stack.udp.open(port=5000), bench.stack.udp.open(port=7)
    sender.broadcast = True
    bench.enter(cause=42)
    sender.send_to(b"all", parse_ip("10.0.0.255"), 7)
    assert data(receiver) == []
    assert len(bench.outside.take()) == 1
    bench.at(0)
    assert data(receiver) == [b"all"]
    assert bench.notes(kinds.DELIVER) == ["UDP port 7"]
    assert bench.recorder.note_subjects[-1] == 42
    assert bench.outside.take() == []


def test_what_nobody_here_awaits_does_not_come_back(bench: Bench) -> None:
    sender = bench.stack.udp.open(port=5000)
    sender.broadcast = True
    for address in ("10.0.0.255", "239.1.2.3", "224.0.0.1"):
        sender.send_to(b"all", parse_ip(address), 7)
    assert bench.outside.wake is None
    assert bench.journal.drops is None or not bench.journal.drops


def test_a_group_leaves_by_the_interface_that_is_asked_for(bench: Bench) -> None:
    eth1 = bench.interface("eth1", "10.1.0.1/24")
    socket = bench.stack.udp.open()
    socket.multicast_interface = eth1
    socket.send_to(b"x", GROUP, 7)
    ((interface, frame, _),) = bench.outside.sent
    assert interface is eth1
    assert ipv4.parse(frame[14:]).source == parse_ip("10.1.0.1")
    socket.multicast_source = parse_ip(OWN)
    socket.send_to(b"x", GROUP, 7)
    assert ipv4.parse(bench.outside.sent[-1][1][14:]).source == parse_ip(OWN)


def test_an_interface_listens_as_long_as_anyone_does(bench: Bench) -> None:
    first, second = bench.stack.udp.socket(), bench.stack.udp.socket()
    for socket in (first, second):
        socket.join(GROUP)
    first.leave(GROUP, bench.eth0)
    assert bench.eth0.hears(multicast_mac(GROUP))
    second.close()
    assert not bench.eth0.hears(multicast_mac(GROUP))
    with bench.refuses(errno.EADDRNOTAVAIL):
        first.leave(GROUP)


def test_only_a_member_hears_if_it_says_so(bench: Bench) -> None:
    socket = bench.stack.udp.open(port=7)
    socket.multicast_all = False
    bench.eth0.join(GROUP)
    frame = multicast_mac(GROUP) + bytes(6) + b"\x08\x00" + ipv4.emit(bench.udp(PEER, "239.1.2.3", 7))
    bench.hear(frame)
    assert data(socket) == []
    socket.join(GROUP)
    bench.hear(frame)
    assert data(socket) == [b"hi"]


# -- buffers


@pytest.mark.parametrize(("asked", "given"), [(0, 2304), (5000, 10_000), (-1, 8 << 20), (1 << 30, 8 << 20)])
def test_buffers_are_doubled_within_limits(bench: Bench, asked: int, given: int) -> None:
    socket = bench.stack.udp.socket()
    socket.set_receive_buffer(asked)
    socket.set_send_buffer(asked)
    assert (socket.receive_buffer, socket.send_buffer) == (given, max(given, 4608))


def test_a_small_buffer_fills_soon(bench: Bench) -> None:
    socket = bench.stack.udp.open(port=7)
    socket.set_receive_buffer(0)
    for _ in range(10):
        bench.hear_ip(bench.udp(PEER, OWN, 7, b"x"))
    assert len(data(socket)) == 3
    assert bench.journal.drops == {"receive buffer full": 7}


def test_calls_on_a_closed_socket(bench: Bench) -> None:
    socket = bench.stack.udp.open(port=7)
    socket.close()
    for call in (socket.local, socket.remote, socket.receive_from, socket.disconnect, lambda: socket.join(GROUP)):
        with bench.refuses(errno.EBADF):
            call()
