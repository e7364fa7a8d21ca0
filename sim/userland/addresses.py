"""Socket addresses as Python has them: `(host, port)`, read with the checks and the errors of CPython's `socket`."""

from __future__ import annotations

import operator
import socket
from collections.abc import Callable
from contextlib import suppress

from sim.errors import TopologyError

ANY = b"\0\0\0\0"
BROADCAST = b"\xff\xff\xff\xff"
LOOPBACK = b"\x7f\0\0\1"


def parse_address(caller: str, address: object, resolve: Callable[[str], bytes]) -> tuple[bytes, int]:
    """The IPv4 address and the port that a program names; `resolve` knows the names of nodes.

    "" is 0.0.0.0, "<broadcast>" 255.255.255.255. Raises TypeError, OverflowError and gaierror as `caller` of a real
    socket would.
    """
    if not isinstance(address, tuple):
        raise TypeError(f"{caller}(): AF_INET address must be tuple, not {type(address).__name__}")
    if len(address) != 2:
        raise TypeError("AF_INET address must be a pair (host, port)")
    name = _host_name(address[0])
    port = operator.index(address[1])
    host = _host(name, resolve)
    if not 0 <= port <= 0xFFFF:
        raise OverflowError(f"{caller}(): port must be 0-65535.")
    return host, port


def format_address(address: bytes, port: int) -> tuple[str, int]:
    """As `getsockname` gives it."""
    return ".".join(str(octet) for octet in address), port


def _host_name(host: object) -> str:
    if isinstance(host, (bytes, bytearray)):
        name = host.decode("ascii", "surrogateescape")
    elif isinstance(host, str):
        name = host
    else:
        raise TypeError(f"str, bytes or bytearray expected, not {type(host).__name__}")
    if "\0" in name:
        raise TypeError("host name must not contain null character")
    return name


def _host(name: str, resolve: Callable[[str], bytes]) -> bytes:
    if not name:
        return ANY
    if name == "<broadcast>":
        return BROADCAST
    if not any(character.isspace() for character in name):
        with suppress(OSError, UnicodeEncodeError):
            return socket.inet_aton(name)  # also 127.1 and 0x7f.1, which getaddrinfo takes for addresses
    if name.lower() == "localhost":
        return LOOPBACK
    found = None
    with suppress(TopologyError, OSError):
        found = resolve(name)
    if found is None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    if len(found) != 4:
        raise socket.gaierror(getattr(socket, "EAI_ADDRFAMILY", -9), "Address family for hostname not supported")
    return found


def octets(data: object) -> bytes:
    """The bytes of a bytes-like object. Raises TypeError."""
    if isinstance(data, bytes):
        return data
    with suppress(TypeError):
        return memoryview(data).tobytes()  # type: ignore[arg-type]
    raise TypeError(f"a bytes-like object is required, not '{type(data).__name__}'")
