"""Addresses and sockets on this machine's loopback: nothing here is ever bound, or contacted, anywhere else.

On Linux all of 127.0.0.0/8 is this machine, so each simulated host has an address of its own there, counted up in the
order of the nodes. Elsewhere there is only 127.0.0.1, and ports are what tells hosts apart.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import sys
from typing import Final

from sim.errors import SimError

FIRST: Final = ipaddress.IPv4Address("127.64.0.1")
ONLY: Final = "127.0.0.1"
SHIFT: Final = 10_000
"""What is added to a port that cannot be had: 80 is 10080 then."""
BACKLOG: Final = 1024
PATIENCE: Final = 5.0
"""Seconds after which what was sent to oneself is lost; as a rule it is there at once."""
ATTEMPTS: Final = 50
"""Free ports that are tried for two protocols: what one has free, the other may have in use."""


class BridgeError(SimError):
    """The bridge cannot have what it needs of the real system; the text says what, and why."""


def check_up() -> None:
    """Raises BridgeError when nobody could be reached on this machine's loopback.

    Linux lets sockets be bound there even while the interface is down: then what is sent is lost, or refused.
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(PATIENCE)
            probe.bind((ONLY, 0))
            probe.sendto(b"", probe.getsockname())
            probe.recv(1)
    except OSError as error:
        why = f"what is sent to {ONLY} does not arrive: {(error.strerror or str(error)).lower()}"
        remedy = "; `ip link set lo up` brings it up" if sys.platform == "linux" else ""
        raise BridgeError(f"this machine's loopback is down, {why}{remedy}") from None


def addresses_of(count: int) -> list[str]:
    """The loopback addresses of so many hosts."""
    if not _has_many():
        return [ONLY] * count
    return [str(FIRST + index) for index in range(count)]


def _has_many() -> bool:
    """Whether all of 127.0.0.0/8 is here: Linux can be told otherwise."""
    if sys.platform != "linux":
        return False
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((str(FIRST), 0))
    except OSError:
        return False
    return True


def check_loopback(address: str, port: int, anywhere: bool = False) -> tuple[str, int]:
    """An address of this machine's loopback. Raises BridgeError for another one, unless `anywhere` is allowed."""
    try:
        inside = ipaddress.IPv4Address(address).is_loopback
    except ValueError:
        raise BridgeError(f"{address!r} is no IPv4 address: names are not looked up outside") from None
    if not inside and not anywhere:
        raise BridgeError(f"{address}:{port} is not on this machine's loopback; --anywhere allows it")
    return address, port


def listen(address: str, port: int, kind: int) -> tuple[socket.socket, int]:
    """A socket that does not block, bound to a loopback address and listening if it is a stream; and its port.

    The port is the one that is asked for, else that and 10,000, else a free one. Raises BridgeError if there is none.
    """
    refused: OSError | None = None
    for attempt in (port, port + SHIFT, 0):
        if attempt > 65_535:
            continue
        try:
            return _open(address, attempt, kind)
        except OSError as error:
            refused = error
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EADDRINUSE):
                break
    assert refused is not None
    raise BridgeError(f"cannot listen on {address}, port {port}: {refused.strerror or refused}")


def exactly(address: str, port: int, kind: int) -> tuple[socket.socket, int]:
    """The same at this very port, 0 for any. Raises BridgeError."""
    try:
        return _open(address, port, kind)
    except OSError as error:
        raise BridgeError(f"cannot listen on {address}, port {port}: {error.strerror or error}") from None


def both(address: str, port: int) -> tuple[socket.socket, socket.socket, int]:
    """A stream and a datagram socket at one port, 0 for any; and the port. Raises BridgeError."""
    for left in range(ATTEMPTS - 1, -1, -1):
        stream, number = exactly(address, port, socket.SOCK_STREAM)
        try:
            datagrams, _ = exactly(address, number, socket.SOCK_DGRAM)
        except BridgeError:
            stream.close()
            if port or not left:
                raise
        else:
            return stream, datagrams, number
    raise AssertionError("the last attempt raises")


def _open(address: str, port: int, kind: int) -> tuple[socket.socket, int]:
    sock = socket.socket(socket.AF_INET, kind)
    try:
        sock.setblocking(False)
        if kind == socket.SOCK_STREAM and sys.platform != "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        if kind == socket.SOCK_STREAM:
            sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock, int(sock.getsockname()[1])
