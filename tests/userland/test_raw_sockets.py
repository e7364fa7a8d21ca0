"""Raw and ping sockets on a network: what comes back from routers, from nobody, and what is sent to many.

On loopback they are held against the kernel by `parity/raw.py`; what an unreachable host does to a socket was read off
Linux 6.18, in a namespace where nobody answers ARP.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest

from sim.lab.network import Network

IP_RECVERR, MSG_ERRQUEUE = 11, 0x2000
HOST_UNREACHABLE = struct.pack("=IBBBBII", errno.EHOSTUNREACH, 2, 3, 1, 0, 0, 0)  # struct sock_extended_err
TIME_EXCEEDED = struct.pack("=IBBBBII", errno.EHOSTUNREACH, 2, 11, 0, 0, 0, 0)
REQUEST = struct.pack("!BBHHH", 8, 0, 0xF7FA, 5, 0)


class Lab:
    """a and c on a switch, and b behind the router r1."""

    def __init__(self) -> None:
        self.net = Network(seed=3)
        self.a = self.net.host("a", "10.0.0.1/24", gateway="10.0.0.254")
        self.b = self.net.host("b", "10.0.1.1/24", gateway="10.0.1.254")
        self.c = self.net.host("c", "10.0.0.3/24", gateway="10.0.0.254")
        self.net.router("r1", {"lan": "10.0.0.254/24", "wan": "10.0.1.254/24"})
        switch = self.net.switch("sw1")
        for end in (self.a, self.c, "r1:lan"):
            self.net.link(end, switch)
        self.net.link("r1:wan", self.b)

    def run(self, program: Callable[..., Any], *arguments: Any) -> Any:
        process = self.a.spawn(program, *arguments)
        self.net.run()
        return process.result()


def offender(address: str) -> bytes:
    return struct.pack("=HH4s8s", 2, 0, socket.inet_aton(address), bytes(8))  # struct sockaddr_in


def make(kind: int, *, asks: bool = False) -> socket.socket:
    made = socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP)
    made.settimeout(10)
    made.setsockopt(socket.IPPROTO_IP, IP_RECVERR, asks)
    return made


def ask(kind: int, address: str, asks: bool, connects: bool) -> Any:
    """Send a request that fails, and wait for what is said of it."""
    sock = make(kind, asks=asks)
    if connects:
        sock.connect((address, 0))
    sock.sendto(REQUEST, (address, 0))
    try:
        return sock.recv(100)
    except OSError as error:
        if not asks:
            return error.errno
        _, items, flags, (host, port) = sock.recvmsg(100, 512, MSG_ERRQUEUE)
        return error.errno, items[0][2], flags, host, port


def test_a_ping_socket_hears_of_an_unreachable_host_only_when_it_asks() -> None:
    told = HOST_UNREACHABLE + offender("10.0.0.1")
    found = errno.EHOSTUNREACH, told, MSG_ERRQUEUE, "10.0.0.9", 0
    assert Lab().run(ask, socket.SOCK_DGRAM, "10.0.0.9", True, False) == found
    assert Lab().run(ask, socket.SOCK_DGRAM, "10.0.0.9", True, True) == found
    assert Lab().run(ask, socket.SOCK_DGRAM, "10.0.0.9", False, True) is None  # a soft error: it waits to its timeout


def test_a_raw_socket_is_given_the_error_itself() -> None:
    packet = Lab().run(ask, socket.SOCK_RAW, "10.0.0.9", False, False)
    assert (packet[20:22], packet[12:16], packet[28 + 12 : 28 + 20]) == (
        b"\3\1",
        socket.inet_aton("10.0.0.1"),
        socket.inet_aton("10.0.0.1") + socket.inet_aton("10.0.0.9"),
    )


def test_errors_of_a_router_name_the_router() -> None:
    def probe(kind: int) -> Any:
        sock = make(kind, asks=kind == socket.SOCK_DGRAM)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
        sock.sendto(REQUEST, ("10.0.1.1", 0))
        if kind == socket.SOCK_RAW:
            data, address = sock.recvfrom(1000)
            return data[20:22], address
        try:
            sock.recv(100)
        except OSError as error:
            return error.errno, sock.recvmsg(100, 512, MSG_ERRQUEUE)[1][0][2]

    assert Lab().run(probe, socket.SOCK_RAW) == (b"\x0b\0", ("10.0.0.254", 0))
    assert Lab().run(probe, socket.SOCK_DGRAM) == (errno.EHOSTUNREACH, TIME_EXCEEDED + offender("10.0.0.254"))


def test_a_broadcast_is_heard_by_all_raw_sockets_the_sender_s_too() -> None:
    lab = Lab()
    data = b"\x2a\0" + REQUEST[2:] + b"to everybody"

    def hear() -> list[str]:
        sock = make(socket.SOCK_RAW)
        return [address for data, (address, _) in [sock.recvfrom(100)] if data[20:21] == b"\x2a"]

    def send() -> list[str]:
        sock = make(socket.SOCK_RAW)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.sendto(data, ("10.0.0.255", 0))
        return [sock.recvfrom(100)[1][0]]

    hearers = [host.spawn(hear) for host in (lab.b, lab.c)]
    assert lab.run(send) == ["10.0.0.1"]
    assert hearers[1].result() == ["10.0.0.1"]
    assert isinstance(hearers[0].error, TimeoutError)  # the router keeps it


def test_a_packet_with_a_header_of_its_own_goes_where_the_call_says() -> None:
    lab = Lab()
    heard = []
    lab.b.attach(lambda _, __, frame: heard.append(frame[14:]))

    def forge() -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        ends = socket.inet_aton("10.0.0.77") + socket.inet_aton("10.0.1.1")
        sock.sendto(struct.pack("!BBHHHBBH", 0x45, 0, 0, 5, 0, 9, 99, 0) + ends + b"forged", ("10.0.1.1", 0))

    lab.run(forge)
    packet = next(data for data in heard if data[:1] == b"\x45")
    assert (packet[4:6], packet[8:10], packet[12:16], packet[20:26]) == (
        b"\0\5",
        b"\x08\x63",  # one hop less
        socket.inet_aton("10.0.0.77"),
        b"forged",
    )


def test_a_full_buffer_drops() -> None:
    lab = Lab()
    for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM):
        sock = lab.a.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        before = lab.a.drops().get("receive buffer full", 0)
        for _ in range(6):
            sock.sendto(REQUEST, ("10.0.0.3", 0))
            lab.net.run()
        received = 0
        while sock.poll() & 1:
            sock.recv(100)
            received += 1
        assert 1 <= received < 6
        assert lab.a.drops()["receive buffer full"] - before == 6 - received
        sock.close()


def test_they_close_when_the_power_fails() -> None:
    lab = Lab()
    for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM):
        sock = lab.a.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP)
        sock.sendto(REQUEST, ("10.0.0.3", 0))
        lab.net.run()
        lab.a.set_power(False)
        with pytest.raises(OSError, match="Bad file descriptor"):
            sock.recv(100)
        lab.a.set_power(True)
        lab.net.run()


def test_the_journey_says_what_was_sent_and_who_got_it() -> None:
    lab = Lab()
    raw = lab.c.socket(socket.AF_INET, socket.SOCK_RAW, 99)
    lab.a.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).sendto(REQUEST, ("10.0.1.1", 0))
    lab.a.socket(socket.AF_INET, socket.SOCK_RAW, 99).sendto(b"hello", ("10.0.0.3", 0))
    lab.net.run()
    assert raw.recv(100)[20:] == b"hello"
    journeys = lab.net.trace.journeys()
    assert [journey.text for journey in journeys] == [
        "ICMP message of 8 bytes to 10.0.1.1",
        "raw packet of 5 bytes, protocol 99, to 10.0.0.3",
    ]
    assert "raw socket, protocol 99" in {hop.delivered() for hop in journeys[1].walk()}


def test_all_runs_are_equal() -> None:
    def digest() -> str:
        lab = Lab()
        lab.run(ask, socket.SOCK_DGRAM, "10.0.0.9", True, False)
        lab.run(ask, socket.SOCK_RAW, "10.0.1.1", False, True)
        return lab.net.trace.digest()

    assert digest() == digest()
