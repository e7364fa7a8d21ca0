"""AF_UNIX sockets and socket pairs within one host (POSIX): streams and datagrams that use no network.

What is written lies in the peer's queue at once. A queue is bounded, so a writer has to wait for a slow reader.
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

from sim.stack.service import os_error
from sim.userland.addresses import octets

FAMILY: Final = int(getattr(socket, "AF_UNIX", 1))
QUEUE_LIMIT: Final = 212_992  # bytes; net.core.wmem_default
POLLIN: Final = 0x001
POLLOUT: Final = 0x004
POLLERR: Final = 0x008
POLLHUP: Final = 0x010
POLLRDHUP: Final = 0x2000
MSG_PEEK: Final = 2

Name = str | bytes


class LocalTable:
    """The names of one host's local sockets. They are no files: two hosts do not see each other's."""

    def __init__(self) -> None:
        self.bound: dict[Name, LocalSocket] = {}


class LocalEnd:
    """What the table of descriptors holds."""

    def __init__(self, kernel: LocalSocket) -> None:
        self.kernel = kernel


class LocalSocket:
    """One end. `kind` is SOCK_STREAM or SOCK_DGRAM (SOCK_SEQPACKET is refused)."""

    def __init__(self, names: LocalTable, kind: int) -> None:
        if kind not in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            raise os_error(errno.ESOCKTNOSUPPORT)
        self.kind = kind
        self.on_event: Callable[[], None] | None = None
        self.name: Name = ""
        self.peer: LocalSocket | None = None
        self.peer_name: Name = ""
        self.queue: deque[tuple[bytes, Name]] = deque()
        self.size = 0
        self.backlog = -1  # of a listener
        self.pending: deque[LocalSocket] = deque()
        self.write_shut = False
        self.peer_done = False  # nothing more will come
        self.closed = False
        self.reset = False
        self._names = names
        self._waiting: list[LocalSocket] = []  # who found this queue full

    # -- naming

    def bind(self, name: Name) -> None:
        """Take a name. EADDRINUSE, EINVAL."""
        if self.name:
            raise os_error(errno.EINVAL)
        if name in self._names.bound:
            raise os_error(errno.EADDRINUSE)
        self.name = name
        self._names.bound[name] = self

    def listen(self, backlog: int) -> None:
        """Await connections. EOPNOTSUPP, EINVAL."""
        if self.kind != socket.SOCK_STREAM:
            raise os_error(errno.EOPNOTSUPP)
        if not self.name:
            raise os_error(errno.EINVAL)
        self.backlog = max(backlog, 0)

    def accept(self) -> LocalSocket:
        """The next connection. EAGAIN, EINVAL."""
        if self.backlog < 0:
            raise os_error(errno.EINVAL)
        if not self.pending:
            raise os_error(errno.EAGAIN)
        return self.pending.popleft()

    def connect(self, name: Name) -> None:
        """Connect to who has a name. ENOENT, ECONNREFUSED, EAGAIN (backlog full), EISCONN, EPROTOTYPE."""
        other = self._names.bound.get(name)
        if other is None:
            raise os_error(errno.ENOENT)
        if other.kind != self.kind:
            raise os_error(errno.EPROTOTYPE)
        if self.kind == socket.SOCK_DGRAM:
            self.peer, self.peer_name = other, name
            return
        if self.peer is not None:
            raise os_error(errno.EISCONN)
        if other.backlog < 0 or other.closed:
            raise os_error(errno.ECONNREFUSED)
        if len(other.pending) > other.backlog:
            raise os_error(errno.EAGAIN)
        child = LocalSocket(self._names, self.kind)
        child.name = other.name
        join(self, child)
        self.peer_name, child.peer_name = other.name, self.name
        other.pending.append(child)
        other.wake()

    # -- data

    def send(self, data: bytes, to: Name | None = None) -> int:
        """Put data into the peer's queue; how many bytes were taken. EAGAIN, EPIPE, ENOTCONN, ECONNREFUSED, ECONNRESET."""
        peer = self.peer if to is None else self._names.bound.get(to)
        if self.write_shut:
            raise os_error(errno.EPIPE)
        if peer is None:
            raise os_error(errno.ENOTCONN if to is None else errno.ENOENT)
        if peer.closed or (self.kind == socket.SOCK_STREAM and self.peer_done and peer.closed):
            raise os_error(errno.EPIPE if self.kind == socket.SOCK_STREAM else errno.ECONNREFUSED)
        room = QUEUE_LIMIT - peer.size
        if room <= 0:
            if self not in peer._waiting:
                peer._waiting.append(self)
            raise os_error(errno.EAGAIN)
        if self.kind == socket.SOCK_STREAM:
            data = data[:room]
            if not data:
                return 0
        peer.queue.append((data, self.name))
        peer.size += len(data)
        peer.wake()
        return len(data)

    def receive(self, size: int, peek: bool = False) -> tuple[bytes, Name]:
        """The next bytes, or the next datagram. EAGAIN, EINVAL, ECONNRESET."""
        if not self.queue:
            if self.reset:
                self.reset = False
                raise os_error(errno.ECONNRESET)
            if self.peer_done:
                return b"", ""
            if self.kind == socket.SOCK_STREAM and self.peer is None:
                raise os_error(errno.EINVAL)
            raise os_error(errno.EAGAIN)
        if self.kind == socket.SOCK_DGRAM:
            data, name = self.queue[0]
            if not peek:
                self.queue.popleft()
                self._shrink(len(data))
            return data[:size], name
        return self._receive_stream(size, peek), ""

    def _receive_stream(self, size: int, peek: bool) -> bytes:
        parts: list[bytes] = []
        left = size
        for data, _ in self.queue:
            if left <= 0:
                break
            parts.append(data[:left])
            left -= len(parts[-1])
        found = b"".join(parts)
        if not peek:
            gone = len(found)
            while gone:
                data, name = self.queue.popleft()
                if len(data) > gone:
                    self.queue.appendleft((data[gone:], name))
                    gone = 0
                else:
                    gone -= len(data)
            self._shrink(len(found))
        return found

    def _shrink(self, count: int) -> None:
        self.size -= count
        waiting, self._waiting = self._waiting, []
        for writer in waiting:
            writer.wake()

    # -- the end

    def shutdown(self, how: int) -> None:
        """Send no more, receive no more. ENOTCONN."""
        if self.peer is None:
            raise os_error(errno.ENOTCONN)
        if how != socket.SHUT_WR:
            self.peer_done = True
        if how != socket.SHUT_RD:
            self.write_shut = True
            self.peer.peer_done = True
            self.peer.wake()
        self.wake()

    def close(self) -> None:
        """Let go of it."""
        if self.closed:
            return
        self.closed = True
        if self.name and self._names.bound.get(self.name) is self:
            del self._names.bound[self.name]
        for child in self.pending:
            child.close()
        if self.peer is not None and self.kind == socket.SOCK_STREAM:
            self.peer.peer_done = True
            self.peer.reset = bool(self.queue)
            self.peer.wake()
        self._shrink(0)
        self.on_event = None

    def poll(self) -> int:
        """What is possible without waiting."""
        ready = 0
        if self.queue or self.pending or self.peer_done:
            ready |= POLLIN
        if self.peer_done:
            ready |= POLLRDHUP | (POLLHUP if self.write_shut or (self.peer is not None and self.peer.closed) else 0)
        if self.backlog < 0 and (self.peer is None or self.peer.closed or self.peer.size < QUEUE_LIMIT):
            ready |= POLLOUT
        if self.peer is None and self.backlog < 0 and self.kind == socket.SOCK_STREAM:
            ready |= POLLHUP
        return ready

    def wake(self) -> None:
        """Something has changed."""
        if self.on_event is not None:
            self.on_event()


def join(one: LocalSocket, other: LocalSocket) -> None:
    """Connect two ends."""
    one.peer, other.peer = other, one


class LocalObject:
    """A local socket with the calls of `sim.userland.sockets.Socket`, for a program's socket to stand on."""

    def __init__(self, table: Any, kernel: LocalSocket, descriptor: int | None = None) -> None:
        self._table = table
        self._kernel = kernel
        self._descriptor: int = table.add(LocalEnd(kernel)) if descriptor is None else descriptor
        self.family = socket.AddressFamily(FAMILY)
        self.type = socket.SocketKind(kernel.kind)
        self.proto = 0

    def __repr__(self) -> str:
        return f"<Socket fd={self._descriptor}, host={self._table.machine.name}, family=AF_UNIX>"

    def fileno(self) -> int:
        return self._descriptor

    def poll(self) -> int:
        return self._kernel.poll()

    def bind(self, address: Any) -> None:
        self._kernel.bind(_name(address))

    def listen(self, backlog: int = 128) -> None:
        self._kernel.listen(backlog)

    def accept(self) -> tuple[LocalObject, Name]:
        child = self._kernel.accept()
        return LocalObject(self._table, child), child.peer_name

    def connect(self, address: Any) -> None:
        self._kernel.connect(_name(address))

    def getsockname(self) -> Name:
        return self._kernel.name

    def getpeername(self) -> Name:
        if self._kernel.peer is None:
            raise os_error(errno.ENOTCONN)
        return self._kernel.peer_name

    def send(self, data: Any, flags: int = 0) -> int:
        return self._kernel.send(octets(data))

    def sendto(self, data: Any, *arguments: Any) -> int:
        return self._kernel.send(octets(data), _name(arguments[-1]))

    def sendmsg(self, buffers: Iterable[Any], ancdata: Any = (), flags: int = 0, address: Any = None) -> int:
        if list(ancdata):
            raise os_error(errno.EOPNOTSUPP)  # passing descriptors
        data = b"".join([octets(buffer) for buffer in buffers])
        return self._kernel.send(data, None if address is None else _name(address))

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        return self._kernel.receive(bufsize, flags & MSG_PEEK != 0)[0]

    def recvfrom(self, bufsize: int, flags: int = 0) -> tuple[bytes, Name | None]:
        data, name = self._kernel.receive(bufsize, flags & MSG_PEEK != 0)
        return data, name or None

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        view = memoryview(buffer).cast("B")
        data = self.recv(nbytes or len(view), flags)
        view[: len(data)] = data
        return len(data)

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Name | None]:
        view = memoryview(buffer).cast("B")
        data, name = self.recvfrom(nbytes or len(view), flags)
        view[: len(data)] = data
        return len(data), name

    def recvmsg(self, bufsize: int, ancbufsize: int = 0, flags: int = 0) -> tuple[bytes, list[Any], int, Name | None]:
        data, name = self.recvfrom(bufsize, flags)
        return data, [], 0, name

    def setsockopt(self, *arguments: Any) -> None:
        """Taken, and without effect."""

    def getsockopt(self, level: int, optname: int, buflen: int = 0) -> Any:
        if level == socket.SOL_SOCKET and optname == socket.SO_TYPE:
            return int(self.type)
        if level == socket.SOL_SOCKET and optname in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            return QUEUE_LIMIT
        return 0 if not buflen else b""

    def shutdown(self, how: int) -> None:
        self._kernel.shutdown(how)

    def close(self) -> None:
        if self._descriptor < 0:
            return
        if not self._table.is_shared(self._descriptor):
            self._kernel.close()
        self._table.remove(self.detach())

    def detach(self) -> int:
        descriptor, self._descriptor = self._descriptor, -1
        return descriptor


def _name(address: Any) -> Name:
    """A path, as text or bytes; an abstract name begins with a zero byte."""
    if isinstance(address, str):
        return address
    data = bytes(address)
    return data if data.startswith(b"\0") else data.decode("utf-8", "surrogateescape")
