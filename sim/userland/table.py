"""The sockets that are open on a machine, by number."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final

from sim.stack.service import os_error
from sim.userland.ends import DatagramEnd, End, StreamEnd
from sim.userland.local_sockets import LocalEnd, LocalTable
from sim.userland.machine import Machine
from sim.userland.packet_ends import IPPROTO_ICMP, SOCK_RAW, PingEnd, RawEnd
from sim.userland.scratch import Scratch
from sim.userland.watch import Watch

FIRST_DESCRIPTOR: Final = 1 << 20
"""Above what a real system hands out, so that a descriptor that strays there means nothing, instead of a wrong file."""
KIND_MASK: Final = 0xF  # of a socket's type; above it are SOCK_NONBLOCK and SOCK_CLOEXEC
MOST_KINDS: Final = 11  # Linux's SOCK_MAX
LAST_PROTOCOL: Final = 262  # IPPROTO_MPTCP
KNOWN: Final[dict[int, tuple[int, ...]]] = {
    int(socket.SOCK_STREAM): (0, int(socket.IPPROTO_TCP)),
    int(socket.SOCK_DGRAM): (0, int(socket.IPPROTO_UDP), IPPROTO_ICMP),
}
"""The protocols that a type of socket can have; ping sockets (SOCK_DGRAM with ICMP) are for everybody here."""
_FLAGS: Final = int(getattr(socket, "SOCK_NONBLOCK", 0)) | int(getattr(socket, "SOCK_CLOEXEC", 0))


class SocketTable:
    """What a machine's sockets have in common. `resolve` gives the address of a name, or raises TopologyError."""

    first_descriptor: Final = FIRST_DESCRIPTOR

    def __init__(
        self,
        machine: Machine,
        resolve: Callable[[str], bytes],
        name_of: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self.machine = machine
        self.resolve = resolve
        self.name_of = name_of  # of the node that has an address
        self.local = LocalTable()
        self.scratch = Scratch()
        self._ends: dict[int, End] = {}
        self._freed: list[int] = []  # a heap
        self._watches: dict[int, Watch] = {}  # by the identity of the socket
        self._copies: dict[int, int] = {}  # how many numbers more than one it has

    def open(self, family: int, kind: int, protocol: int) -> int:
        """A new socket's number. Raises OSError: EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EINVAL, EACCES."""
        number = _refusal(family, kind & ~_FLAGS, protocol)
        if number:
            raise os_error(number)
        return self.add(self._new_end(kind & KIND_MASK, protocol))

    def _new_end(self, kind: int, protocol: int) -> End:
        stack = self.machine.stack
        if kind == SOCK_RAW:
            return RawEnd(stack, protocol)
        if kind == socket.SOCK_STREAM:
            return StreamEnd(stack)
        return PingEnd(stack) if protocol == IPPROTO_ICMP else DatagramEnd(stack)

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

    def end_if_open(self, descriptor: int) -> End | None:
        """The socket with a number, None when there is none."""
        return self._ends.get(descriptor)

    def remove(self, descriptor: int) -> None:
        """A socket was closed."""
        end = self._ends.pop(descriptor)
        heappush(self._freed, descriptor)
        copies = self._copies.pop(id(end), 0)
        if copies > 1:
            self._copies[id(end)] = copies - 1
        elif copies == 0:
            self._watches.pop(id(end), None)

    def duplicate(self, descriptor: int) -> int:
        """Another number for the same socket, as dup(2) gives it. Raises OSError EBADF."""
        end = self.end(descriptor)
        self._copies[id(end)] = self._copies.get(id(end), 0) + 1
        return self.add(end)

    def is_shared(self, descriptor: int) -> bool:
        """Whether the socket has another number as well: closing this one does not close it."""
        return id(self.end(descriptor)) in self._copies

    def watch(self, descriptor: int) -> Watch:
        """Where to ask to be told of a socket's events. Raises OSError EBADF."""
        end = self.end(descriptor)
        watch = self._watches.get(id(end))
        if watch is None:
            local: object = end
            watch = self._watches[id(end)] = Watch(end.kernel, None if isinstance(local, LocalEnd) else self.machine)
        return watch

    def watch_if_open(self, descriptor: int) -> Watch | None:
        """The same for one that may be closed."""
        end = self._ends.get(descriptor)
        return None if end is None else self._watches.get(id(end))


def _refusal(family: int, kind: int, protocol: int) -> int:
    """The errno with which a socket cannot be had; 0 if it can."""
    if not 0 <= kind < MOST_KINDS or protocol < 0:
        return errno.EINVAL
    if family != socket.AF_INET:
        return errno.EAFNOSUPPORT
    if protocol > LAST_PROTOCOL:
        return errno.EINVAL
    if kind == SOCK_RAW:
        return 0 if protocol else errno.EPROTONOSUPPORT
    known = KNOWN.get(kind)
    if known is None:
        return errno.ESOCKTNOSUPPORT
    return 0 if protocol in known else errno.EPROTONOSUPPORT
