"""Socket options, on a simulated host and on Linux: their defaults, their ranges, their forms."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from socket import IPPROTO_IP, IPPROTO_TCP, IPPROTO_UDP, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.userland.conftest import World

Tried = Callable[..., Any]

DOMAIN, PROTOCOL, MTU_DISCOVER, MTU = socket.SO_DOMAIN, socket.SO_PROTOCOL, 10, 14
KINDS = pytest.mark.parametrize("kind", [SOCK_STREAM, SOCK_DGRAM], ids=["stream", "datagram"])


@KINDS
def test_what_a_socket_says_of_itself(world: World, tried: Tried, kind: int) -> None:
    sock = world.socket(kind)
    found = [
        sock.getsockopt(SOL_SOCKET, option)
        for option in (socket.SO_TYPE, DOMAIN, PROTOCOL, socket.SO_ERROR, socket.SO_ACCEPTCONN)
    ]
    assert found == [kind, socket.AF_INET, IPPROTO_TCP if kind == SOCK_STREAM else IPPROTO_UDP, 0, 0]
    for option in (socket.SO_TYPE, socket.SO_ERROR, socket.SO_ACCEPTCONN, DOMAIN, PROTOCOL):
        assert tried(sock.setsockopt, SOL_SOCKET, option, 1) == "ENOPROTOOPT"


@KINDS
@pytest.mark.parametrize("name", ["SO_REUSEADDR", "SO_REUSEPORT", "SO_KEEPALIVE", "SO_BROADCAST", "SO_OOBINLINE"])
def test_switches(world: World, kind: int, name: str) -> None:
    sock, option = world.socket(kind), getattr(socket, name)
    assert sock.getsockopt(SOL_SOCKET, option) == 0
    sock.setsockopt(SOL_SOCKET, option, 1)
    assert sock.getsockopt(SOL_SOCKET, option) == 1
    assert sock.getsockopt(SOL_SOCKET, option, 64) == b"\1\0\0\0"
    sock.setsockopt(SOL_SOCKET, option, bytes(4))
    assert sock.getsockopt(SOL_SOCKET, option) == 0


@KINDS
def test_defaults(world: World, kind: int) -> None:
    sock = world.socket(kind)
    for option, value in ((socket.SO_RCVLOWAT, 1), (socket.SO_SNDLOWAT, 1), (socket.SO_PRIORITY, 0)):
        assert sock.getsockopt(SOL_SOCKET, option) == value
    assert sock.getsockopt(IPPROTO_IP, socket.IP_TTL) == 64
    assert sock.getsockopt(IPPROTO_IP, socket.IP_TOS) == 0
    assert sock.getsockopt(SOL_SOCKET, socket.SO_LINGER, 64) == bytes(8)
    assert sock.getsockopt(SOL_SOCKET, socket.SO_RCVTIMEO, 64) == bytes(16)


@KINDS
@pytest.mark.parametrize(("size", "receive", "send"), [(0, 2304, 4608), (2000, 4000, 4608), (50_000, 100_000, 100_000)])
def test_buffers_are_doubled(world: World, kind: int, size: int, receive: int, send: int) -> None:
    sock = world.socket(kind)
    for option, expected in ((socket.SO_RCVBUF, receive), (socket.SO_SNDBUF, send)):
        sock.setsockopt(SOL_SOCKET, option, size)
        assert sock.getsockopt(SOL_SOCKET, option) == expected


@KINDS
def test_a_negative_buffer_is_the_largest(world: World, kind: int) -> None:
    sock = world.socket(kind)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(SOL_SOCKET, option, -1)
        negative = sock.getsockopt(SOL_SOCKET, option)
        sock.setsockopt(SOL_SOCKET, option, (1 << 31) - 1)
        assert sock.getsockopt(SOL_SOCKET, option) == negative > 212_992


@KINDS
def test_what_is_not_there(world: World, tried: Tried, kind: int) -> None:
    sock = world.socket(kind)
    assert tried(lambda: sock.getsockopt(SOL_SOCKET, 12345)) == "ENOPROTOOPT"
    assert tried(lambda: sock.setsockopt(SOL_SOCKET, 12345, 1)) == "ENOPROTOOPT"
    assert tried(lambda: sock.getsockopt(IPPROTO_IP, 999)) == "ENOPROTOOPT"
    assert tried(lambda: sock.setsockopt(IPPROTO_IP, 999, 1)) == "ENOPROTOOPT"
    assert tried(lambda: sock.getsockopt(77, 1)) == "EOPNOTSUPP"
    assert tried(lambda: sock.setsockopt(77, 1, 1)) == "ENOPROTOOPT"
    other = IPPROTO_UDP if kind == SOCK_STREAM else IPPROTO_TCP
    assert tried(lambda: sock.getsockopt(other, 1)) == "EOPNOTSUPP"
    assert tried(lambda: sock.setsockopt(other, 1, 1)) == "ENOPROTOOPT"
    own = IPPROTO_TCP if kind == SOCK_STREAM else IPPROTO_UDP
    assert tried(lambda: sock.getsockopt(own, 999)) == "ENOPROTOOPT"


def test_forms(world: World, tried: Tried) -> None:
    sock = world.socket(SOCK_DGRAM)
    assert sock.getsockopt(SOL_SOCKET, socket.SO_TYPE, 1) == b"\2"
    assert sock.getsockopt(IPPROTO_IP, socket.IP_TTL, 2) == b"@"
    assert sock.getsockopt(IPPROTO_IP, socket.IP_TTL, 4) == b"@\0\0\0"
    sock.setsockopt(IPPROTO_IP, socket.IP_TTL, b"\7")
    assert sock.getsockopt(IPPROTO_IP, socket.IP_TTL) == 7
    assert tried(lambda: sock.setsockopt(SOL_SOCKET, socket.SO_REUSEADDR, b"\1")) == "EINVAL"
    assert tried(lambda: sock.setsockopt(SOL_SOCKET, socket.SO_REUSEADDR, None, 4)) == "EFAULT"
    for value in ("x", 1 << 40):
        text = tried(sock.setsockopt, SOL_SOCKET, socket.SO_REUSEADDR, value)
        assert text.startswith("TypeError: a bytes-like object is required, not ")
    for size in (-1, 1025):
        with pytest.raises(OSError, match="getsockopt buflen out of range"):
            sock.getsockopt(SOL_SOCKET, socket.SO_TYPE, size)


@KINDS
def test_ttl(world: World, tried: Tried, kind: int) -> None:
    sock = world.socket(kind)
    for value, result in ((0, "EINVAL"), (1, 1), (255, 255), (256, "EINVAL"), (-1, 64)):
        found = tried(sock.setsockopt, IPPROTO_IP, socket.IP_TTL, value)
        assert (found or sock.getsockopt(IPPROTO_IP, socket.IP_TTL)) == result


@KINDS
def test_type_of_service(world: World, kind: int) -> None:
    sock = world.socket(kind)
    sock.setsockopt(IPPROTO_IP, socket.IP_TOS, 0x1FF)
    assert sock.getsockopt(IPPROTO_IP, socket.IP_TOS) == (0xFC if kind == SOCK_STREAM else 0xFF)


def test_multicast(world: World, tried: Tried) -> None:
    sock = world.socket(SOCK_DGRAM)
    for value, result in ((-2, "EINVAL"), (0, 0), (9, 9), (256, "EINVAL"), (-1, 1)):
        found = tried(sock.setsockopt, IPPROTO_IP, socket.IP_MULTICAST_TTL, value)
        assert (found or sock.getsockopt(IPPROTO_IP, socket.IP_MULTICAST_TTL)) == result
    assert sock.getsockopt(IPPROTO_IP, socket.IP_MULTICAST_LOOP) == 1
    sock.setsockopt(IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
    assert sock.getsockopt(IPPROTO_IP, socket.IP_MULTICAST_LOOP) == 0
    assert sock.getsockopt(IPPROTO_IP, socket.IP_MULTICAST_IF, 4) == bytes(4)
    for request, error in (
        (socket.inet_aton("9.9.9.9"), "EADDRNOTAVAIL"),
        (bytes(2), "EINVAL"),
        (bytes(4), None),
        (bytes(4) + socket.inet_aton("127.0.0.1"), None),
        (bytes(8) + struct.pack("i", 999), "EADDRNOTAVAIL"),
    ):
        assert tried(sock.setsockopt, IPPROTO_IP, socket.IP_MULTICAST_IF, request) == error


def test_mtu(world: World, tried: Tried) -> None:
    sock = world.socket(SOCK_DGRAM)
    assert tried(lambda: sock.setsockopt(IPPROTO_IP, MTU_DISCOVER, 6)) == "EINVAL"
    for mode in range(6):
        sock.setsockopt(IPPROTO_IP, MTU_DISCOVER, mode)
        assert sock.getsockopt(IPPROTO_IP, MTU_DISCOVER) == mode
    assert tried(lambda: sock.getsockopt(IPPROTO_IP, MTU)) == "ENOTCONN"
    sock.connect(("127.0.0.1", 9))
    assert sock.getsockopt(IPPROTO_IP, MTU) == 65535


# -- streams


def test_linger(world: World, tried: Tried) -> None:
    sock = world.socket(SOCK_STREAM)
    option = socket.SO_LINGER
    sock.setsockopt(SOL_SOCKET, option, struct.pack("ii", 1, 5))
    assert sock.getsockopt(SOL_SOCKET, option, 8) == struct.pack("ii", 1, 5)
    assert (sock.getsockopt(SOL_SOCKET, option), sock.getsockopt(SOL_SOCKET, option, 4)) == (1, b"\1\0\0\0")
    sock.setsockopt(SOL_SOCKET, option, struct.pack("ii", 0, 9))
    assert sock.getsockopt(SOL_SOCKET, option, 8) == struct.pack("ii", 0, 5)
    assert tried(lambda: sock.setsockopt(SOL_SOCKET, option, 1)) == "EINVAL"


RANGES = [
    ("TCP_NODELAY", 0, [(5, 1), (-1, 1), (0, 0)]),
    ("TCP_CORK", 0, [(5, 1), (0, 0)]),
    ("TCP_MAXSEG", 536, [(87, "EINVAL"), (88, 88), (1000, 1000), (0, 536), (32767, 32767), (32768, "EINVAL")]),
    ("TCP_KEEPIDLE", 7200, [(0, "EINVAL"), (1, 1), (32767, 32767), (32768, "EINVAL")]),
    ("TCP_KEEPINTVL", 75, [(0, "EINVAL"), (1, 1), (32767, 32767), (32768, "EINVAL")]),
    ("TCP_KEEPCNT", 9, [(0, "EINVAL"), (1, 1), (127, 127), (128, "EINVAL")]),
    ("TCP_SYNCNT", 6, [(0, "EINVAL"), (1, 1), (127, 127), (128, "EINVAL")]),
    ("TCP_LINGER2", 60, [(-1, -1), (0, 60), (5, 5), (121, 120)]),
    ("TCP_DEFER_ACCEPT", 0, [(1, 1), (2, 3), (4, 7), (60, 63), (200, 247), (0, 0), (-1, 0)]),
    ("TCP_QUICKACK", 1, [(0, 0), (1, 1)]),
    ("TCP_USER_TIMEOUT", 0, [(-1, "EINVAL"), (5, 5), (0, 0)]),
]


@pytest.mark.parametrize(("name", "default", "values"), RANGES, ids=[row[0] for row in RANGES])
def test_tcp_ranges(world: World, tried: Tried, name: str, default: int, values: list[tuple[int, int | str]]) -> None:
    sock, option = world.socket(SOCK_STREAM), getattr(socket, name)
    assert sock.getsockopt(IPPROTO_TCP, option) == default
    for value, result in values:
        found = tried(sock.setsockopt, IPPROTO_TCP, option, value)
        assert (found or sock.getsockopt(IPPROTO_TCP, option)) == result


def test_congestion_control(world: World, tried: Tried) -> None:
    sock, option = world.socket(SOCK_STREAM), socket.TCP_CONGESTION
    for value, result in ((b"reno", b"reno"), (b"cubic\0zzz", b"cubic")):
        sock.setsockopt(IPPROTO_TCP, option, value)
        assert sock.getsockopt(IPPROTO_TCP, option, 64) == result.ljust(16, b"\0")
    assert sock.getsockopt(IPPROTO_TCP, option, 3) == b"cub"
    assert tried(lambda: sock.setsockopt(IPPROTO_TCP, option, b"nope")) == "ENOENT"
    assert tried(lambda: sock.setsockopt(IPPROTO_TCP, option, b"")) == "EINVAL"
    assert tried(lambda: sock.setsockopt(IPPROTO_TCP, option, 1)) == "ENOENT"
    assert sock.getsockopt(IPPROTO_TCP, option, 5) == b"cubic"


def test_accepted_sockets_inherit(world: World) -> None:
    server, client = world.socket(SOCK_STREAM), world.socket(SOCK_STREAM)
    settings = [
        (SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (IPPROTO_IP, socket.IP_TTL, 9),
        (IPPROTO_TCP, socket.TCP_NODELAY, 1),
        (IPPROTO_TCP, socket.TCP_KEEPIDLE, 7),
        (IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 5000),
    ]
    for level, option, value in settings:
        server.setsockopt(level, option, value)
    server.setsockopt(IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")
    server.setsockopt(SOL_SOCKET, socket.SO_PRIORITY, 3)
    server.bind(("127.0.0.1", 0))
    server.listen()
    client.connect_ex(server.getsockname())
    world.wait(server, 1)
    accepted, _ = world.accept(server)
    assert [accepted.getsockopt(level, option) for level, option, _ in settings] == [row[2] for row in settings]
    assert accepted.getsockopt(IPPROTO_TCP, socket.TCP_CONGESTION, 4) == b"reno"
    assert accepted.getsockopt(SOL_SOCKET, socket.SO_PRIORITY) == 0
    assert accepted.getsockopt(IPPROTO_TCP, socket.TCP_INFO, 1) == b"\1"
    assert accepted.getsockopt(IPPROTO_IP, MTU) == 65535
