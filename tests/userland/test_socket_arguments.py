"""What sockets refuse before they do anything, on a simulated host and in CPython: types, ranges, addresses."""

from __future__ import annotations

import socket
from collections.abc import Callable
from socket import AF_INET, IPPROTO_TCP, IPPROTO_UDP, SOCK_DGRAM, SOCK_STREAM
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.userland.conftest import World

Tried = Callable[..., Any]

BAD = [
    "x",
    ("a",),
    ["127.0.0.1", 0],
    None,
    ("127.0.0.1", "x"),
    ("127.0.0.1", 1.5),
    (1, 2),
    ("127.0.0.1", 65536),
    ("127.0.0.1", -1),
    ("127.0.0.1", 1 << 40),
    ("127.0.0.1", 80, 0),
    ("a\0b", 1),
]
ADDRESS_ERRORS = [
    "TypeError: {0}(): AF_INET address must be tuple, not str",
    "TypeError: AF_INET address must be a pair (host, port)",
    "TypeError: {0}(): AF_INET address must be tuple, not list",
    "TypeError: {0}(): AF_INET address must be tuple, not NoneType",
    "TypeError: 'str' object cannot be interpreted as an integer",
    "TypeError: 'float' object cannot be interpreted as an integer",
    "TypeError: str, bytes or bytearray expected, not int",
    "OverflowError: {0}(): port must be 0-65535.",
    "OverflowError: {0}(): port must be 0-65535.",
    "OverflowError: {0}(): port must be 0-65535.",
    "TypeError: AF_INET address must be a pair (host, port)",
    "TypeError: host name must not contain null character",
]


@pytest.mark.parametrize("kind", [SOCK_STREAM, SOCK_DGRAM])
@pytest.mark.parametrize(("address", "error"), list(zip(BAD, ADDRESS_ERRORS, strict=True)))
def test_bad_addresses(world: World, tried: Tried, kind: int, address: Any, error: str) -> None:
    sock = world.socket(kind)
    assert tried(lambda: sock.bind(address)) == error.format("bind")
    assert tried(lambda: sock.connect(address)) == error.format("connect")
    assert tried(lambda: sock.connect_ex(address)) == error.format("connect_ex")
    assert tried(lambda: sock.sendto(b"", address)) == error.format("sendto")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("", "0.0.0.0"),
        ("<broadcast>", "255.255.255.255"),
        (b"127.0.0.1", "127.0.0.1"),
        (bytearray(b"127.0.0.1"), "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
    ],
)
def test_ways_to_write_an_address(world: World, host: Any, address: str) -> None:
    sock = world.socket(SOCK_DGRAM)
    sock.bind((host, 0))
    assert sock.getsockname()[0] == address


@pytest.mark.parametrize("host", ["1.2.3.4.5", "no such name", "127.0.0.1 x"])
def test_names_that_nobody_has(world: World, host: str) -> None:
    with pytest.raises(socket.gaierror, match="Name or service not known") as caught:
        world.socket(SOCK_DGRAM).bind((host, 0))
    assert caught.value.errno == socket.EAI_NONAME


@pytest.mark.parametrize(
    ("kind", "proto", "result"),
    [
        (SOCK_STREAM, IPPROTO_TCP, None),
        (SOCK_DGRAM, IPPROTO_UDP, None),
        (SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 0, None),
        (SOCK_STREAM, IPPROTO_UDP, "EPROTONOSUPPORT"),
        (SOCK_DGRAM, IPPROTO_TCP, "EPROTONOSUPPORT"),
        (socket.SOCK_RAW, 0, "EPROTONOSUPPORT"),
        (socket.SOCK_SEQPACKET, 0, "ESOCKTNOSUPPORT"),
        (99, 0, "EINVAL"),
        (SOCK_STREAM, -5, "EINVAL"),
    ],
)
def test_kinds(world: World, tried: Tried, kind: int, proto: int, result: str | None) -> None:
    found = tried(lambda: world.socket(kind, proto))
    if result is None:
        assert (found.family, found.type, found.proto) == (AF_INET, kind & 0xF, proto)
        assert isinstance(found.type, socket.SocketKind)
    else:
        assert found == result


def test_a_family_that_is_not_there(world: World, tried: Tried) -> None:
    assert tried(lambda: world.socket(SOCK_STREAM, 0, 99)) == "EAFNOSUPPORT"


CALLS: list[tuple[Callable[[Any], Any], str]] = [
    (lambda s: s.sendto(b""), "TypeError: sendto() takes 2 or 3 arguments (1 given)"),
    (lambda s: s.sendto(b"", 0, ("", 1), 3), "TypeError: sendto() takes 2 or 3 arguments (4 given)"),
    (lambda s: s.send("x"), "TypeError: a bytes-like object is required, not 'str'"),
    (lambda s: s.sendall(5), "TypeError: a bytes-like object is required, not 'int'"),
    (lambda s: s.recv(-1), "ValueError: negative buffersize in recv"),
    (lambda s: s.recvfrom(-1), "ValueError: negative buffersize in recvfrom"),
    (lambda s: s.recv_into(bytearray(2), 5), "ValueError: buffer too small for requested bytes"),
    (lambda s: s.recv_into(bytearray(2), -5), "ValueError: negative buffersize in recv_into"),
    (lambda s: s.recvfrom_into(bytearray(2), 5), "ValueError: nbytes is greater than the length of the buffer"),
    (lambda s: s.recvfrom_into(bytearray(2), -5), "ValueError: negative buffersize in recvfrom_into"),
    (lambda s: s.recv_into(b"12"), "TypeError: recv_into() argument 1 must be read-write bytes-like object, not bytes"),
    (lambda s: s.recv_into("12"), "TypeError: recv_into() argument 1 must be read-write bytes-like object, not str"),
    (lambda s: s.recvmsg(-1), "ValueError: negative buffer size in recvmsg()"),
    (lambda s: s.recvmsg(1, -1), "ValueError: invalid ancillary data buffer length"),
    (lambda s: s.sendmsg(["x"]), "TypeError: a bytes-like object is required, not 'str'"),
    (lambda s: s.settimeout(-1), "ValueError: Timeout value out of range"),
    (lambda s: s.settimeout("a"), "TypeError: 'str' object cannot be interpreted as an integer"),
    (lambda s: s.shutdown("a"), "TypeError: 'str' object cannot be interpreted as an integer"),
    (lambda s: s.listen("a"), "TypeError: 'str' object cannot be interpreted as an integer"),
    (lambda s: s.sendmsg(None), "TypeError: sendmsg() argument 1 must be an iterable"),
]


@pytest.mark.parametrize(("call", "error"), CALLS)
def test_bad_arguments(world: World, tried: Tried, call: Callable[[Any], Any], error: str) -> None:
    sock = world.socket(SOCK_STREAM)
    assert tried(lambda: call(sock)) == error


def test_an_empty_buffer_receives_nothing(world: World) -> None:
    assert world.socket(SOCK_STREAM).recv_into(bytearray(0)) == 0
