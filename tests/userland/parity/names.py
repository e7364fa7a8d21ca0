"""Names and addresses, systematically: flags of getaddrinfo and getnameinfo, and the errors of each."""

from __future__ import annotations

import itertools
import socket
from typing import Any

from tests.userland.parity.outcome import tried

FLAGS = ("AI_PASSIVE", "AI_NUMERICHOST", "AI_CANONNAME", "AI_NUMERICSERV", "AI_ADDRCONFIG", "AI_V4MAPPED", "AI_ALL")


def flags_alone(host: str, port: int) -> None:
    """All pairs of flags, with and without a name."""
    inet, stream = socket.AF_INET, socket.SOCK_STREAM
    for one, other in itertools.combinations_with_replacement(FLAGS, 2):
        flags = getattr(socket, one) | getattr(socket, other)
        for name in (host, None, "localhost"):
            print(one, other, name, tried(socket.getaddrinfo, name, 80, inet, stream, 0, flags))


def kinds_alone(host: str, port: int) -> None:
    """All types with all protocols, by number and by name of the service."""
    for kind in (0, 1, 2, 3, 4, 5, 6, 10, 99, -1):
        for protocol in (0, 1, 6, 17, 132, 136, 255, 999, -1):
            print(kind, protocol, tried(socket.getaddrinfo, host, 80, socket.AF_INET, kind, protocol), end=" ")
            print(tried(socket.getaddrinfo, host, "http", socket.AF_INET, kind, protocol))
    for family in (-1, 1, 3, 16, 17, 99):
        print(family, tried(socket.getaddrinfo, host, 80, family), tried(socket.getaddrinfo, None, 80, family))


def services_alone(host: str, port: int) -> None:
    stream, datagram = socket.SOCK_STREAM, socket.SOCK_DGRAM
    for service in ("http", "domain", "tftp", "ssh", "nonsense", "HTTP", "", " 80", "80 ", "+80", "-1", "0x50", "080"):
        for kind in (0, stream, datagram):
            print(repr(service), kind, tried(socket.getaddrinfo, host, service, socket.AF_INET, kind))
    odd: tuple[Any, ...] = (0, 65535, 65536, 1 << 20, -1, True, b"http", "http\0x", 1.5, [], "99999")
    for thing in odd:
        print(repr(thing), tried(socket.getaddrinfo, host, thing, socket.AF_INET, stream))


def spellings_alone(host: str, port: int) -> None:
    """What is taken for an address, and what for a name that nobody has."""
    for name in (
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.0.0.01",
        "127.0.0.1.",
        "1",
    ):
        for call in (socket.gethostbyname, socket.inet_aton):
            print(name, tried(call, name), end=" ")
        print(tried(socket.getaddrinfo, name, 1, socket.AF_INET, 1, 0, socket.AI_NUMERICHOST))
        print(tried(socket.inet_pton, socket.AF_INET, name))
    for name in (
        "256.0.0.1",
        "1.2.3.4.5",
        "127.0.0.1 ",
        " 127.0.0.1",
        "127.0.0.1\n",
        "a" * 64,
        "a..b",
        ".",
        "-",
        "é.invalid",
    ):
        print(repr(name), tried(socket.gethostbyname, name), tried(socket.getaddrinfo, name, 1, socket.AF_INET, 1))
    odd: tuple[Any, ...] = (None, 5, b"127.0.0.1", bytearray(b"127.1"), [], "a\0b", b"\xff")
    for thing in odd:
        print(repr(thing), tried(socket.gethostbyname, thing), tried(socket.gethostbyname_ex, thing))
        print(tried(socket.gethostbyaddr, thing))


def info_alone(host: str, port: int) -> None:
    names = ("NI_NUMERICHOST", "NI_NUMERICSERV", "NI_NAMEREQD", "NI_NOFQDN", "NI_DGRAM")
    for count in range(len(names) + 1):
        for chosen in itertools.combinations(names, count):
            flags = sum(getattr(socket, name) for name in chosen)
            for number in (80, 514, 54321):
                print(*chosen, number, tried(socket.getnameinfo, ("127.0.0.1", number), flags))
    numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    for address in (("192.0.2.1", 80), ("127.0.0.1", 65536), ("127.0.0.1", -1), ("127.0.0.1",), ("127.0.0.1", 1, 2, 3)):
        print(address, tried(socket.getnameinfo, address, numeric))
    odd: tuple[Any, ...] = (("", 80), ("x y", 80), (5, 80), ["127.0.0.1", 80], None, ("127.0.0.1", 1, 2, 3, 4))
    for thing in odd:
        print(thing, tried(socket.getnameinfo, thing, numeric), tried(socket.getnameinfo, ("127.0.0.1", 1), "x"))
    print(
        tried(socket.getnameinfo, ("192.0.2.1", 80), socket.NI_NAMEREQD), tried(socket.getnameinfo, (host, 80), 1 << 20)
    )


def tables_alone(host: str, port: int) -> None:
    """Services and protocols in /etc, and what is not in them."""
    for name in (
        "echo",
        "ftp",
        "ssh",
        "telnet",
        "smtp",
        "domain",
        "tftp",
        "http",
        "pop3",
        "ntp",
        "https",
        "imaps",
    ):
        print(name, [tried(socket.getservbyname, name, *each) for each in ((), ("tcp",), ("udp",), ("sctp",))])
    for number in (7, 22, 53, 69, 80, 110, 123, 443, 993, 54321, 0):
        print(number, [tried(socket.getservbyport, number, *each) for each in ((), ("tcp",), ("udp",), ("x",))])
    odd: list[Any] = [-1, 65536, "80", None, 1.5]
    for bad in odd:
        print(bad, tried(socket.getservbyport, bad), tried(socket.getservbyname, bad))
    odd = ["ip", "icmp", "tcp", "udp", "TCP", "igmp", "gre", "nonsense", "", 6, None]
    for bad in odd:
        print(bad, tried(socket.getprotobyname, bad))
    odd = ["", "none99", 5, None, b"lo", "lo\0x"]
    for bad in odd:
        print(repr(bad), tried(socket.if_nametoindex, bad), tried(socket.if_indextoname, bad))
    for number in (0, -1, 9999, 1 << 40):
        print(number, tried(socket.if_indextoname, number))


def conversions_alone(host: str, port: int) -> None:
    for call in (socket.htons, socket.ntohs, socket.htonl, socket.ntohl):
        print(
            call.__name__,
            [tried(call, value) for value in (0, 1, 0x1234, 0xFFFF, 0x10000, 0xFFFFFFFF, 1 << 32, -1, "x")],
        )
    for data in (b"\x7f\0\0\1", b"", b"123", b"12345", bytearray(4), "1234", 5):
        print(data, tried(socket.inet_ntoa, data), tried(socket.inet_ntop, socket.AF_INET, data))
    for name in ("::1", "::", "1::2", "::ffff:1.2.3.4", "g::", "1:2:3:4:5:6:7:8", ""):
        print(name, tried(socket.inet_pton, socket.AF_INET6, name), tried(socket.inet_pton, socket.AF_INET, name))
    for data in (bytes(15) + b"\1", bytes(16), bytes(4)):
        print(
            tried(socket.inet_ntop, socket.AF_INET6, data),
            tried(socket.inet_ntop, 99, data),
            tried(socket.inet_pton, 99, "x"),
        )
    print(socket.CMSG_LEN(0), socket.CMSG_SPACE(4), tried(socket.CMSG_LEN, -1), tried(socket.CMSG_SPACE, 1 << 64))


def own_alone(host: str, port: int) -> None:
    name = socket.gethostname()
    own = socket.gethostbyname(name)
    print(
        isinstance(own, str), own == socket.getaddrinfo(name, 1, socket.AF_INET, 1)[0][4][0], socket.getfqdn(name) != ""
    )
    print(socket.gethostbyname_ex(name)[2][0] == own, socket.getfqdn("localhost"), socket.getfqdn("no.such.invalid"))
    print(
        tried(socket.gethostname, 5).split(":")[0],
        tried(socket.gethostbyname).split(":")[0],
        tried(socket.sethostname, 5),
    )
