"""AF_UNIX sockets within one host (POSIX, unix(7)): streams, datagrams and packets that use no network.

What is written lies in the peer's queue at once. A queue is bounded, so a writer has to wait for a slow reader. Names
are those of one host; they are no files, but like files they stay when their socket is closed, until they are removed.
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from sim.stack.polling import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP
from sim.stack.service import os_error

FAMILY: Final = int(getattr(socket, "AF_UNIX", 1))
SOCK_SEQPACKET: Final = int(getattr(socket, "SOCK_SEQPACKET", 5))
BUFFER: Final = 212_992  # bytes; net.core.wmem_default
DATAGRAM_LIMIT: Final = 10  # net.unix.max_dgram_qlen
LARGEST_BACKLOG: Final = 4096  # net.core.somaxconn

Name = str | bytes
"""A path, absolute; or bytes that begin with a zero, for what Linux calls an abstract name; "" for none."""


class LocalTable:
    """The names of one host's local sockets."""

    def __init__(self) -> None:
        self.bound: dict[Name, LocalSocket] = {}
        self._automatic = 0

    def automatic_name(self) -> bytes:
        """An abstract name that nobody has (autobind, unix(7))."""
        while True:
            self._automatic += 1
            name = b"\0%05x" % self._automatic
            if name not in self.bound:
                return name


class Packet(NamedTuple):
    """What was written at once: the data, the writer's name, and the numbers of descriptors that go with it."""

    data: bytes
    name: Name
    rights: tuple[int, ...] = ()


class LocalEnd:
    """What the table of descriptors holds."""

    def __init__(self, kernel: LocalSocket) -> None:
        self.kernel = kernel
        self.blocking = True


class LocalSocket:
    """One end. `kind` is SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET; ESOCKTNOSUPPORT for others."""

    def __init__(self, names: LocalTable, kind: int) -> None:
        if kind not in (socket.SOCK_STREAM, socket.SOCK_DGRAM, SOCK_SEQPACKET):
            raise os_error(errno.ESOCKTNOSUPPORT)
        self.kind = kind
        self.on_event: Callable[[], None] | None = None
        self.name: Name = ""  # as it was given to `bind`
        self.peer: LocalSocket | None = None
        self.queue: deque[Packet] = deque()
        self.size = 0  # bytes in the queue
        self.buffer = BUFFER  # bytes that the peer's queue may hold of ours
        self.listening = False
        self.backlog = 0
        self.pending: deque[LocalSocket] = deque()  # connections that nobody has accepted
        self.receive_shut = False
        self.send_shut = False
        self.closed = False
        self.error = 0
        self.names = names
        self._key: Name = ""
        self._waiting: dict[LocalSocket, None] = {}  # who found this queue full

    @property
    def connects(self) -> bool:
        """Whether it has connections."""
        return self.kind != socket.SOCK_DGRAM

    # -- naming

    def bind(self, key: Name, name: Name) -> None:
        """Take a name; `key` is the one that it is found by. EADDRINUSE, EINVAL."""
        if self._key:
            raise os_error(errno.EINVAL)
        if not key:
            key = name = self.names.automatic_name()
        if key in self.names.bound:
            raise os_error(errno.EADDRINUSE)
        self.name, self._key = name, key
        self.names.bound[key] = self

    def listen(self, backlog: int) -> None:
        """Await connections. EOPNOTSUPP, EINVAL."""
        if not self.connects:
            raise os_error(errno.EOPNOTSUPP)
        if not self._key or self.peer is not None:
            raise os_error(errno.EINVAL)
        self.listening = True
        self.backlog = LARGEST_BACKLOG if backlog < 0 else min(backlog, LARGEST_BACKLOG)

    def accept(self) -> LocalSocket:
        """The next connection. EAGAIN, EINVAL, EOPNOTSUPP."""
        if not self.connects:
            raise os_error(errno.EOPNOTSUPP)
        if not self.listening:
            raise os_error(errno.EINVAL)
        if not self.pending:
            raise os_error(errno.EAGAIN)
        child = self.pending.popleft()
        self._wake_waiting()
        return child

    def connect(self, key: Name) -> None:
        """Connect to who has a name. ENOENT, ECONNREFUSED, EAGAIN (backlog full), EISCONN, EINVAL, EPROTOTYPE."""
        other = self._find(key)
        if not self.connects:
            self.peer = other
            return
        if not other.listening:
            raise os_error(errno.ECONNREFUSED)
        if self.peer is not None:
            raise os_error(errno.EISCONN)
        if self.listening:
            raise os_error(errno.EINVAL)
        if len(other.pending) > other.backlog:
            other._waiting[self] = None
            raise os_error(errno.EAGAIN)
        child = LocalSocket(self.names, self.kind)
        child.name = other.name
        join(self, child)
        other.pending.append(child)
        other.wake()

    def _find(self, key: Name) -> LocalSocket:
        other = self.names.bound.get(key)
        if other is None:
            raise os_error(errno.ECONNREFUSED if isinstance(key, bytes) else errno.ENOENT)
        if other.closed:
            raise os_error(errno.ECONNREFUSED)
        if other.kind != self.kind:
            raise os_error(errno.EPROTOTYPE)
        return other

    def peer_name(self) -> Name:
        """The peer's name. ENOTCONN."""
        if self.peer is None:
            raise os_error(errno.ENOTCONN)
        return self.peer.name

    # -- sending

    def send(self, data: bytes, to: Name | None = None, rights: tuple[int, ...] = ()) -> int:
        """Put data into the peer's queue; how many bytes were taken.

        EAGAIN, EPIPE, ENOTCONN, EISCONN, EOPNOTSUPP, EMSGSIZE, ECONNREFUSED, EPERM, ENOENT.
        """
        if self.kind == socket.SOCK_STREAM:
            return self._send_stream(data, to, rights)
        peer = self.peer if to is None or self.connects else self._find(to)
        if peer is None:
            raise os_error(errno.ENOTCONN)
        if len(data) > self.buffer - 32:
            raise os_error(errno.EMSGSIZE)
        if self.send_shut or peer.receive_shut:
            raise os_error(errno.EPIPE)
        if peer.closed:
            self.peer = None if to is None else self.peer
            raise os_error(errno.ECONNREFUSED)
        if not self.connects and peer.peer not in (None, self):
            raise os_error(errno.EPERM)  # it hears only its own peer
        if peer.is_full(self):
            raise os_error(errno.EAGAIN)
        peer.deliver(Packet(data, self.name, rights))
        return len(data)

    def _send_stream(self, data: bytes, to: Name | None, rights: tuple[int, ...]) -> int:
        peer = self.peer
        if to is not None:
            raise os_error(errno.EOPNOTSUPP if peer is None else errno.EISCONN)
        if peer is None:
            raise os_error(errno.ENOTCONN)
        if self.send_shut or peer.receive_shut or peer.closed:
            raise os_error(errno.EPIPE)
        if not data:
            return 0
        if peer.is_full(self):
            raise os_error(errno.EAGAIN)
        part = data[: self.buffer - peer.size]
        peer.deliver(Packet(part, self.name, rights))
        return len(part)

    def is_full(self, writer: LocalSocket) -> bool:
        """Whether its queue takes no more of a writer, who then is told when it does again."""
        full = self.size >= writer.buffer or (not self.connects and len(self.queue) > DATAGRAM_LIMIT)
        if full:
            self._waiting[writer] = None
        return full

    def deliver(self, packet: Packet) -> None:
        """Take in what was written."""
        self.queue.append(packet)
        self.size += len(packet.data)
        self.wake()

    # -- receiving

    def receive(self, size: int, peek: bool = False) -> tuple[Packet, int]:
        """The next bytes, or the next datagram, and how long it was. EAGAIN, EINVAL, and the error that is pending."""
        if self.connects and self.peer is None:
            raise os_error(errno.EINVAL if self.kind == socket.SOCK_STREAM else errno.ENOTCONN)
        if not self.queue:
            self._raise_error()
            if self.receive_shut:
                return Packet(b"", ""), 0
            raise os_error(errno.EAGAIN)
        if self.kind == socket.SOCK_STREAM:
            packet = self._receive_stream(size, peek)
            return packet, len(packet.data)
        packet = self.queue[0]
        if not peek:
            self.queue.popleft()
            self._shrink(len(packet.data))
        return packet._replace(data=packet.data[:size]), len(packet.data)

    def _receive_stream(self, size: int, peek: bool) -> Packet:
        """As much as there is; what goes with descriptors is not mixed with what was written before."""
        first = self.queue[0]
        parts: list[bytes] = []
        left = size
        for packet in self.queue:
            if left <= 0 or (packet.rights and packet is not first) or (first.rights and packet is not first):
                break
            parts.append(packet.data[:left])
            left -= len(parts[-1])
        found = b"".join(parts)
        if not peek:
            self._consume(len(found))
        return Packet(found, first.name, first.rights)

    def _consume(self, count: int) -> None:
        gone = count
        while gone:
            packet = self.queue.popleft()
            if len(packet.data) > gone:
                self.queue.appendleft(Packet(packet.data[gone:], packet.name))
                gone = 0
            else:
                gone -= len(packet.data)
        self._shrink(count)

    def _shrink(self, count: int) -> None:
        self.size -= count
        if not self.connects or self.peer is None or self._has_room(self.peer.buffer):
            self._wake_waiting()

    def _wake_waiting(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for writer in waiting:
            writer.wake()

    def take_error(self) -> int:
        """SO_ERROR: the errno of the pending error, which is then cleared."""
        number, self.error = self.error, 0
        return number

    def _raise_error(self) -> None:
        if self.error:
            raise os_error(self.take_error())

    # -- the end

    def shutdown(self, how: int) -> None:
        """Send no more, receive no more. EINVAL."""
        if how not in (socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR):
            raise os_error(errno.EINVAL)
        peer = self.peer if self.connects else None
        if how != socket.SHUT_WR:
            self.receive_shut = True
            if peer is not None:
                peer.send_shut = True
        if how != socket.SHUT_RD:
            self.send_shut = True
            if peer is not None:
                peer.receive_shut = True
        self.wake()
        if peer is not None:
            peer.wake()

    def close(self) -> None:
        """Let go of it."""
        if self.closed:
            return
        self.closed = True
        if isinstance(self._key, bytes) and self.names.bound.get(self._key) is self:
            del self.names.bound[self._key]
        for child in self.pending:
            child._break()
        peer = self.peer
        if peer is not None and self.connects:
            self._break() if self.queue else self._part()
        self.on_event = None
        self._wake_waiting()

    def _break(self) -> None:
        """Data that nobody will read: the peer hears of it."""
        if self.peer is not None:
            self.peer.error = errno.ECONNRESET
        self._part()

    def _part(self) -> None:
        self.closed = True
        peer = self.peer
        if peer is not None:
            peer.receive_shut = peer.send_shut = True
            peer.wake()

    # -- readiness

    def poll(self) -> int:
        """What is possible without waiting."""
        ready = POLLERR if self.error else 0
        if self.receive_shut:
            ready |= POLLIN | POLLRDHUP | (POLLHUP if self.send_shut else 0)
        if self.queue or self.pending:
            ready |= POLLIN
        if self.connects and self.peer is None and not self.listening:
            ready |= POLLHUP
        peer = self.peer
        if self.listening:
            return ready
        if peer is None or peer.closed or peer._has_room(self.buffer):
            return ready | POLLOUT
        peer._waiting[self] = None  # whoever asks waits for room, perhaps, though not all of its queue is full
        return ready

    def _has_room(self, buffer: int) -> bool:
        """Whether a writer should try: not for the last few bytes."""
        return self.size * 4 <= buffer and (self.connects or len(self.queue) <= DATAGRAM_LIMIT)

    def wake(self) -> None:
        """Something has changed."""
        if self.on_event is not None:
            self.on_event()


def join(one: LocalSocket, other: LocalSocket) -> None:
    """Connect two ends."""
    one.peer, other.peer = other, one
