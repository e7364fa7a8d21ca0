"""The sockets that are open on a machine, by number."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final

from sim.stack.service import os_error
from sim.userland.ends import DatagramEnd, End, StreamEnd
from sim.userland.machine import Machine

FIRST_DESCRIPTOR: Final = 1 << 20
"""Above what a real system hands out, so that a descriptor that strays there means nothing, instead of a wrong file."""
KIND_MASK: Final = 0xF  # of a socket's type; above it are SOCK_NONBLOCK and SOCK_CLOEXEC
MOST_KINDS: Final = 11  # Linux's SOCK_MAX
SOCK_RAW: Final = 3
_FLAGS: Final = int(getattr(socket, "SOCK_NONBLOCK", 0)) | int(getattr(socket, "SOCK_CLOEXEC", 0))


class SocketTable:
    """What a machine's sockets have in common. `resolve` gives the address of a name, or raises TopologyError."""

    def __init__(self, machine: Machine, resolve: Callable[[str], bytes]) -> None:
        self.machine = machine
        self.resolve = resolve
        self._ends: dict[int, End] = {}
        self._freed: list[int] = []  # a heap

    def open(self, family: int, kind: int, protocol: int) -> int:
        """A new socket's number. Raises OSError: EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EINVAL, EACCES."""
        number = _refusal(family, kind & ~_FLAGS, protocol)
        if number:
            raise os_error(number)
        stack = self.machine.stack
        return self.add(StreamEnd(stack) if kind & KIND_MASK == socket.SOCK_STREAM else DatagramEnd(stack))

    def add(self, end: End) -> int:
        """Give a socket the lowest number that is free."""
        descriptor = heappop(self._freed) if self._freed else FIRST_DESCRIPTOR + len(self._ends)
        self._ends[descriptor] = end
        return descriptor

    def check(self, descriptor: int) -> int:
        """The number, if it is a socket's. Raises OSError EBADF."""
        self.end(descriptor)
        return descriptor

    def end(self, descriptor: int) -> End:
        """The socket with a number. Raises OSError EBADF."""
        end = self._ends.get(descriptor)
        if end is None:
            raise os_error(errno.EBADF)
        return end

    def remove(self, descriptor: int) -> None:
        """A socket was closed."""
        del self._ends[descriptor]
        heappush(self._freed, descriptor)


def _refusal(family: int, kind: int, protocol: int) -> int:
    """The errno with which a socket cannot be had; 0 if it can."""
    if not 0 <= kind < MOST_KINDS or protocol < 0:
        return errno.EINVAL
    if family != socket.AF_INET:
        return errno.EAFNOSUPPORT
    if kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        usual = socket.IPPROTO_TCP if kind == socket.SOCK_STREAM else socket.IPPROTO_UDP
        return 0 if protocol in (0, usual) else errno.EPROTONOSUPPORT
    return errno.EPROTONOSUPPORT if kind == SOCK_RAW else errno.ESOCKTNOSUPPORT
