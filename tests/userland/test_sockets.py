"""Sockets between simulated hosts: names, journeys, events, and what only a network of one's own can show."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from socket import AF_INET, IPPROTO_IP, SO_BROADCAST, SO_ERROR, SO_REUSEADDR, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET
from typing import Any

import pytest

from sim.errors import SimError
from sim.lab.network import Network
from sim.lab.nodes import LabHost
from sim.tracing.journeys import Lineage, is_arp
from sim.userland.sockets import Socket
from sim.userland.table import FIRST_DESCRIPTOR, SocketTable

IN, OUT, ERR, HUP = 0x1, 0x4, 0x8, 0x10
IP_RECVERR, MTU_DISCOVER, MTU, PKTINFO = 11, 10, 14, 8
GROUP = "239.1.2.3"


class Lan:
    """h1, h2 and h3 on a switch."""

    def __init__(self, **link: Any) -> None:
        self.net = Network(seed=1)
        self.net.switch("sw1")
        self.h1, self.h2, self.h3 = (self.host(number, **link) for number in (1, 2, 3))

    def host(self, number: int, **link: Any) -> LabHost:
        host = self.net.host(f"h{number}", f"10.0.0.{number}/24")
        self.net.link(host, "sw1", **link)
        return host

    def udp(self, host: LabHost, *options: int, port: int = 0) -> Socket:
        made = host.socket(AF_INET, SOCK_DGRAM)
        for option in options:
            made.setsockopt(SOL_SOCKET, option, 1)
        if port:
            made.bind(("", port))
        return made

    def roots(self) -> list[str]:
        """The texts with which journeys began."""
        recorder = self.net.recorder
        return [journey.text for journey in Lineage(recorder).journeys()]


@pytest.fixture
def lan() -> Lan:
    return Lan(delay="1ms")


def data(sock: Socket) -> list[bytes]:
    found = []
    while sock.poll() & IN:
        found.append(sock.recv(100))
    return found


# -- names and numbers


def test_a_node_is_reached_by_its_name(lan: Lan) -> None:
    server, client = lan.h2.socket(), lan.h1.socket()
    server.bind(("", 80))
    server.listen()
    assert client.connect_ex(("h2", 80)) == errno.EINPROGRESS
    lan.net.run()
    accepted, address = server.accept()
    assert address == client.getsockname()
    assert client.getpeername() == ("10.0.0.2", 80)
    assert isinstance(accepted, Socket)
    with pytest.raises(socket.gaierror, match="Name or service not known"):
        client.connect(("h9", 80))


def test_descriptors_are_reused_and_can_be_taken_up_again(lan: Lan) -> None:
    table = SocketTable(lan.h1, lan.net.resolve)
    first, second = Socket(table), Socket(table, AF_INET, SOCK_DGRAM)
    assert (first.fileno(), second.fileno()) == (FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + 1)
    first.close()
    assert Socket(table).fileno() == FIRST_DESCRIPTOR
    second.bind(("", 53))
    again = Socket(table, AF_INET, SOCK_DGRAM, 0, second.detach())
    assert second.fileno() == -1
    assert again.getsockname() == ("0.0.0.0", 53)
    with pytest.raises(OSError, match="Bad file descriptor"):
        Socket(table, fileno=5)


def test_its_text_says_whose_it_is(lan: Lan) -> None:
    sock = lan.h1.socket()
    assert repr(sock) == f"<Socket fd={FIRST_DESCRIPTOR}, host=h1, family=2, type=1, proto=0>"
    sock.close()
    assert repr(sock) == "<Socket [closed] fd=-1, host=h1, family=2, type=1, proto=0>"


@pytest.mark.parametrize(
    "block", [lambda s: s.setblocking(True), lambda s: s.settimeout(5), lambda s: s.settimeout(None)]
)
def test_it_does_not_block_and_says_where_to(lan: Lan, block: Callable[[Socket], None]) -> None:
    sock = lan.h1.socket()
    sock.settimeout(0)
    sock.setblocking(False)
    with pytest.raises(SimError, match="blocking sockets belong in programs"):
        block(sock)
    assert (sock.gettimeout(), sock.getblocking()) == (0.0, False)


def test_a_power_cut_closes_datagram_sockets(lan: Lan) -> None:
    sock = lan.udp(lan.h1, port=53)
    lan.h1.set_power(False)
    with pytest.raises(OSError, match="Bad file descriptor"):
        sock.recv(1)
    sock.close()


# -- causes


def test_each_call_from_outside_begins_a_journey(lan: Lan) -> None:
    sock = lan.udp(lan.h1)
    for text in (b"1", b"22"):
        sock.sendto(text, ("h2", 9))
    lan.net.run()
    assert lan.roots() == [
        "UDP datagram of 1 bytes to 10.0.0.2 port 9",
        "UDP datagram of 2 bytes to 10.0.0.2 port 9",
    ]


def test_an_answer_belongs_to_the_journey_of_the_question(lan: Lan) -> None:
    server, client = lan.udp(lan.h2, port=7), lan.udp(lan.h1)

    def answer() -> None:
        text, address = server.recvfrom(100)
        server.sendto(text.upper(), address)

    server.on_event = answer
    assert server.on_event is answer
    client.sendto(b"hi", ("h2", 7))
    lan.net.run()
    assert data(client) == [b"HI"]
    assert len(lan.roots()) == 1
    server.on_event = None
    client.sendto(b"hi", ("h2", 7))
    lan.net.run()
    assert data(server) == [b"hi"]


def test_a_stream_begins_journeys_only_where_it_sends(lan: Lan) -> None:
    server, client = lan.h2.socket(), lan.h1.socket()
    server.bind(("", 80))
    server.listen()
    for _ in range(3):
        client.connect_ex(("h2", 80))
    for _ in range(3):
        with pytest.raises(BlockingIOError):
            client.send(b"too early")
    lan.net.run()
    client.sendall(b"hello")
    lan.net.run()
    client.close()
    lan.net.run()
    assert lan.roots() == [
        "TCP connection to 10.0.0.2 port 80",
        "5 bytes by TCP to 10.0.0.2 port 80",
        "close towards 10.0.0.2 port 80",
    ]


def test_what_a_timer_of_the_stack_brings_has_its_own_cause(lan: Lan) -> None:
    sender, receiver, away = lan.udp(lan.h1, SO_BROADCAST), lan.udp(lan.h1, port=67), lan.udp(lan.h2, port=9)

    def pass_on() -> None:
        receiver.sendto(receiver.recv(9), ("h2", 9))

    receiver.on_event = pass_on
    for text in (b"1", b"2"):
        sender.sendto(text, ("<broadcast>", 67))
    lan.net.run()
    assert data(away) == [b"1", b"2"]
    journeys = Lineage(lan.net.recorder).journeys()
    hops = [[hop for hop in journey.hops if not is_arp(hop.frame)] for journey in journeys]
    assert [[hop.frame[-1:] for hop in of_one] for of_one in hops] == [[b"1", b"1"], [b"2", b"2"]]


def test_a_send_that_is_refused_begins_no_journey(lan: Lan) -> None:
    server, client = lan.h2.socket(), lan.h1.socket()
    server.bind(("", 80))
    server.listen()
    client.connect_ex(("h2", 80))
    lan.net.run()
    while client.poll() & OUT:
        client.send(bytes(1 << 20))
    with suppress(BlockingIOError):
        client.send(bytes(1 << 20))  # there is room yet, though less than poll() speaks of
    before = len(lan.roots())
    with pytest.raises(BlockingIOError):
        client.send(b"x")
    assert len(lan.roots()) == before


def test_events_of_a_stream(lan: Lan) -> None:
    server, client = lan.h2.socket(), lan.h1.socket()
    server.bind(("", 80))
    server.listen()
    seen: list[int] = []
    client.on_event = lambda: seen.append(client.poll())
    client.connect_ex(("h2", 80))
    lan.net.run()
    assert seen[-1] == OUT
    accepted, _ = server.accept()
    accepted.send(b"x")
    lan.net.run()
    assert seen[-1] == IN | OUT


# -- what the network says


def test_nobody_there(lan: Lan) -> None:
    sock, other = lan.udp(lan.h1), lan.h1.socket()
    sock.connect(("10.0.0.99", 9))
    sock.send(b"x")
    assert other.connect_ex(("10.0.0.99", 9)) == errno.EINPROGRESS
    lan.net.run()
    assert sock.getsockopt(SOL_SOCKET, SO_ERROR) == 0  # a host may be unreachable for now only: a soft error
    assert other.getsockopt(SOL_SOCKET, SO_ERROR) == errno.EHOSTUNREACH
    sock.setsockopt(IPPROTO_IP, IP_RECVERR, 1)
    sock.send(b"x")
    lan.net.run()
    assert sock.poll() & ERR
    assert sock.getsockopt(SOL_SOCKET, SO_ERROR) == errno.EHOSTUNREACH


def test_no_way_there(lan: Lan) -> None:
    for sock in (lan.udp(lan.h1), lan.h1.socket()):
        with pytest.raises(OSError, match="unreachable") as caught:
            sock.connect(("8.8.8.8", 9))
        assert caught.value.errno == errno.ENETUNREACH


def test_a_loopback_name_does_not_leave(lan: Lan) -> None:
    sock = lan.udp(lan.h1)
    sock.connect(("127.0.0.1", 9))
    with pytest.raises(OSError, match="Invalid argument"):
        sock.connect(("h2", 9))


def test_a_broadcast_comes_home_too(lan: Lan) -> None:
    sockets = [lan.udp(host, SO_BROADCAST, SO_REUSEADDR, port=67) for host in (lan.h1, lan.h1, lan.h2, lan.h3)]
    for address in ("<broadcast>", "10.0.0.255"):
        sockets[0].sendto(b"all", (address, 67))
        lan.net.run()
        assert [data(sock) for sock in sockets] == [[b"all"]] * 4


def test_a_multicast_comes_home_where_it_is_joined(lan: Lan) -> None:
    sender, home, away, stranger = (lan.udp(host, SO_REUSEADDR, port=99) for host in (lan.h1, lan.h1, lan.h2, lan.h3))
    request = socket.inet_aton(GROUP) + bytes(4)
    sender.sendto(b"1", (GROUP, 99))
    lan.net.run()
    for member in (home, away):
        member.setsockopt(IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
    home.setsockopt(IPPROTO_IP, PKTINFO, 1)
    sender.sendto(b"2", (GROUP, 99))
    lan.net.run()
    text, items, _, _ = home.recvmsg(9, 64)
    assert (text, items) == (b"2", [(0, PKTINFO, struct.pack("i", 1) + bytes((10, 0, 0, 1)) + socket.inet_aton(GROUP))])
    assert [data(sock) for sock in (sender, away, stranger)] == [[b"2"], [b"2"], []]
    sender.setsockopt(IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
    sender.sendto(b"3", (GROUP, 99))
    sender.setsockopt(IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
    sender.setsockopt(IPPROTO_IP, socket.IP_MULTICAST_TTL, 0)
    sender.sendto(b"4", (GROUP, 99))
    lan.net.run()
    assert [data(sock) for sock in (home, away)] == [[b"4"], [b"3"]]


def test_ephemeral_ports_are_those_of_the_book_and_never_in_use(lan: Lan) -> None:
    taken = lan.udp(lan.h1, SO_REUSEADDR, port=49153)
    ports = []
    for _ in range(3):
        sock = lan.udp(lan.h1, SO_REUSEADDR)
        sock.bind(("", 0))
        ports.append(sock.getsockname()[1])
    assert ports == [49152, 49154, 49155]
    taken.close()


# -- the path's MTU


def test_dont_fragment_is_off_until_it_is_asked_for(lan: Lan) -> None:
    receiver, sender = lan.udp(lan.h2, port=9), lan.udp(lan.h1)
    assert sender.getsockopt(IPPROTO_IP, MTU_DISCOVER) == 0
    sender.connect(("h2", 9))
    sender.send(bytes(3000))
    for mode in (1, 5):
        sender.setsockopt(IPPROTO_IP, MTU_DISCOVER, mode)
        sender.send(bytes(3000))
    for mode in (2, 3, 4):
        sender.setsockopt(IPPROTO_IP, MTU_DISCOVER, mode)
        with pytest.raises(OSError, match="Message too long"):
            sender.send(bytes(3000))
    lan.net.run()
    assert len(data(receiver)) == 3


def test_the_path_s_mtu_is_learned() -> None:
    net = Network()
    h1 = net.host("h1", "10.0.0.1/24", gateway="10.0.0.254")
    h2 = net.host("h2", "10.1.0.1/24", gateway="10.1.0.254")
    router = net.router("r1", {"a": "10.0.0.254/24", "b": "10.1.0.254/24"})
    net.link(h1, "r1:a")
    net.link("r1:b", h2, mtu=1000)
    sock, receiver = h1.socket(AF_INET, SOCK_DGRAM), h2.socket(AF_INET, SOCK_DGRAM)
    receiver.bind(("", 9))
    sock.connect(("h2", 9))
    sock.setsockopt(IPPROTO_IP, MTU_DISCOVER, 2)
    assert sock.getsockopt(IPPROTO_IP, MTU) == 1500
    sock.send(bytes(1400))
    net.run()
    assert sock.getsockopt(IPPROTO_IP, MTU) == 1000
    assert sock.getsockopt(SOL_SOCKET, SO_ERROR) == errno.EMSGSIZE
    with pytest.raises(OSError, match="Message too long"):
        sock.send(bytes(973))
    assert sock.send(bytes(972)) == 972
    sock.setsockopt(IPPROTO_IP, MTU_DISCOVER, 1)
    assert sock.send(bytes(973)) == 973  # cut on the way
    net.run()
    assert len(data(receiver)) == 2
    assert router.forwarded > 0


# -- a lost peer


def test_a_stream_learns_that_its_peer_is_gone(lan: Lan) -> None:
    server, client = lan.h2.socket(AF_INET, SOCK_STREAM), lan.h1.socket()
    server.bind(("", 80))
    server.listen()
    client.connect_ex(("h2", 80))
    lan.net.run()
    lan.h2.set_power(False)
    lan.h2.set_power(True)
    client.send(b"anybody?")
    lan.net.run()
    assert client.poll() & (ERR | HUP) == ERR | HUP
    with pytest.raises(ConnectionResetError):
        client.recv(1)
