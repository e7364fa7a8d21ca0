"""A local socket with the calls of `sim.userland.sockets.Socket`, for a program's socket to stand on."""

from __future__ import annotations

import array
import errno
import operator
import os
import socket
import struct
from collections.abc import Iterable
from typing import Any, Final

from sim.errors import SimError
from sim.stack.service import os_error
from sim.userland.addresses import octets
from sim.userland.ends import MSG_CTRUNC, MSG_PEEK, MSG_TRUNC
from sim.userland.local_sockets import FAMILY, LocalEnd, LocalSocket, Name, Packet

LONGEST_NAME: Final = 108  # bytes; sun_path
SOL_SOCKET: Final = int(socket.SOL_SOCKET)
SCM_RIGHTS: Final = int(getattr(socket, "SCM_RIGHTS", 1))
INT: Final = struct.Struct("=i")
CMSG_HEADER: Final = 16
REMEMBERED: Final = {
    int(getattr(socket, name))
    for name in ("SO_REUSEADDR", "SO_KEEPALIVE", "SO_BROADCAST", "SO_PRIORITY", "SO_PASSCRED", "SO_LINGER")
    if hasattr(socket, name)
}


def key_of(address: Any) -> Name:
    """What a socket is found by: its absolute path, or its abstract name."""
    data = os.fsencode(address)
    return data if not data or data[0] == 0 else os.path.abspath(os.fsdecode(data))


def _name(address: Any) -> Name:
    """A name as `getsockname` gives it. Raises TypeError, OSError."""
    if not isinstance(address, str | bytes | bytearray | memoryview | os.PathLike):
        raise TypeError(f"a bytes-like object is required, not '{type(address).__name__}'")
    data = os.fsencode(address) if isinstance(address, str | os.PathLike) else bytes(address)
    if len(data) > LONGEST_NAME - (data[:1] != b"\0"):
        raise OSError("AF_UNIX path too long")
    if not data:
        return b""
    return data if data[0] == 0 else os.fsdecode(data)


class LocalObject:
    """A number for a local socket."""

    def __init__(self, table: Any, kernel: LocalSocket, descriptor: int | None = None) -> None:
        self._table = table
        self._kernel = kernel
        self._descriptor: int = table.add(LocalEnd(kernel)) if descriptor is None else descriptor
        self._options: dict[int, int] = {}
        self.family = socket.AddressFamily(FAMILY) if hasattr(socket, "AF_UNIX") else FAMILY
        self.type = socket.SocketKind(kernel.kind)
        self.proto = 0

    def __repr__(self) -> str:
        return f"<Socket fd={self._descriptor}, host={self._table.machine.name}, family=AF_UNIX>"

    def fileno(self) -> int:
        """Its number, -1 when it is closed."""
        return self._descriptor

    def _open(self) -> LocalSocket:
        self._table.check(self._descriptor)
        return self._kernel

    def poll(self) -> int:
        """What is possible without waiting."""
        return self._open().poll()

    def bind(self, address: Any, /) -> None:
        """Take a name."""
        name = _name(address)
        self._open().bind(key_of(name), name)

    def listen(self, backlog: int = 128, /) -> None:
        """Await connections."""
        self._open().listen(operator.index(backlog))

    def accept(self) -> tuple[LocalObject, Name]:
        """The next connection, and its peer's name."""
        child = self._open().accept()
        peer = child.peer
        return LocalObject(self._table, child), "" if peer is None else peer.name

    def connect(self, address: Any, /) -> None:
        """Connect to who has a name."""
        name = _name(address)
        self._open().connect(key_of(name))

    def getsockname(self) -> Name:
        """Its name."""
        return self._open().name

    def getpeername(self) -> Name:
        """Its peer's name."""
        return self._open().peer_name()

    # -- data

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Send; how many bytes were taken."""
        return self._open().send(octets(data))

    def sendto(self, data: Any, *arguments: Any) -> int:
        """`sendto(data, address)` or `sendto(data, flags, address)`."""
        if not 1 <= len(arguments) <= 2:
            raise TypeError(f"sendto() takes 2 or 3 arguments ({len(arguments) + 1} given)")
        return self._open().send(octets(data), key_of(_name(arguments[-1])))

    def sendmsg(self, buffers: Iterable[Any], ancdata: Any = (), flags: int = 0, address: Any = None, /) -> int:
        """Send the buffers as one, with descriptors of sockets (SCM_RIGHTS)."""
        data = b"".join([octets(buffer) for buffer in buffers])
        rights: list[int] = []
        for level, kind, content in ancdata:
            if (level, kind) != (SOL_SOCKET, SCM_RIGHTS):
                raise os_error(errno.EINVAL)
            rights += array.array("i", octets(content))
        copies = tuple(self._duplicate(descriptor) for descriptor in rights)
        try:
            return self._open().send(data, None if address is None else key_of(_name(address)), copies)
        except OSError:
            self._drop(copies)
            raise

    def _duplicate(self, descriptor: int) -> int:
        if 0 <= descriptor < self._table.first_descriptor:
            raise SimError(f"descriptor {descriptor} is a file of the real system: only sockets can be passed on")
        return int(self._table.duplicate(descriptor))

    def _drop(self, descriptors: Iterable[int]) -> None:
        for descriptor in descriptors:
            if self._table.is_shared(descriptor):
                self._table.remove(descriptor)

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Up to `bufsize` bytes, or the beginning of a datagram."""
        return self._receive(bufsize, flags, "negative buffersize in recv")[0].data

    def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, Name | None]:
        """As `recv`, and the name of who has sent it, None if that has none."""
        packet, _ = self._receive(bufsize, flags, "negative buffersize in recvfrom")
        return packet.data, packet.name or None

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """As `recv`, into a buffer."""
        return self.recvfrom_into(buffer, nbytes, flags)[0]

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Name | None]:
        """As `recvfrom`, into a buffer."""
        view = memoryview(buffer).cast("B")
        if nbytes > len(view):
            raise ValueError("nbytes is greater than the length of the buffer")
        packet, _ = self._receive(nbytes or len(view), flags, "negative buffersize in recvfrom_into")
        view[: len(packet.data)] = packet.data
        return len(packet.data), packet.name or None

    def recvmsg(self, bufsize: int, ancbufsize: int = 0, flags: int = 0, /) -> tuple[bytes, list[Any], int, Any]:
        """Data, descriptors that came with it, flags (MSG_TRUNC, MSG_CTRUNC) and the sender's name."""
        packet, length = self._receive(bufsize, flags, "negative buffer size in recvmsg()", keep=True)
        told = MSG_TRUNC if length > len(packet.data) else 0
        room = max(0, (ancbufsize - CMSG_HEADER) // INT.size)
        kept = packet.rights[:room]
        if len(kept) < len(packet.rights):
            told |= MSG_CTRUNC
            self._drop(packet.rights[room:])
        items = [(SOL_SOCKET, SCM_RIGHTS, array.array("i", kept).tobytes())] if kept else []
        return packet.data, items, told, packet.name or None

    def _receive(self, size: int, flags: int, complaint: str, *, keep: bool = False) -> tuple[Packet, int]:
        wanted = operator.index(size)
        if wanted < 0:
            raise ValueError(complaint)
        kernel = self._open()
        if not wanted and kernel.kind == socket.SOCK_STREAM:
            return Packet(b"", ""), 0
        packet, length = kernel.receive(wanted, flags & MSG_PEEK != 0)
        if not keep:
            self._drop(packet.rights)
        return packet, length

    # -- options

    def setsockopt(self, level: int, optname: int, value: Any, *_: Any) -> None:
        """SO_SNDBUF; others are remembered. EOPNOTSUPP, ENOPROTOOPT."""
        kernel = self._open()
        if level != SOL_SOCKET:
            raise os_error(errno.EOPNOTSUPP)
        number = operator.index(value) if not isinstance(value, bytes) else INT.unpack(value[:4])[0]
        if optname == socket.SO_SNDBUF:
            kernel.buffer = max(4608, 2 * min(number, 212_992))
        elif optname == socket.SO_RCVBUF:
            self._options[optname] = max(2304, 2 * min(number, 212_992))
        elif optname in REMEMBERED:
            self._options[optname] = int(bool(number))
        else:
            raise os_error(errno.ENOPROTOOPT)

    def getsockopt(self, level: int, optname: int, buflen: int = 0, /) -> Any:
        """An option as an int, or as bytes. EOPNOTSUPP, ENOPROTOOPT."""
        kernel = self._open()
        if level != SOL_SOCKET:
            raise os_error(errno.EOPNOTSUPP)
        value = self._option(kernel, optname)
        return INT.pack(value)[:buflen] if buflen else value

    def _option(self, kernel: LocalSocket, number: int) -> int:
        if number == socket.SO_ERROR:
            return kernel.take_error()
        known = {
            int(socket.SO_TYPE): kernel.kind,
            int(getattr(socket, "SO_DOMAIN", 39)): FAMILY,
            int(getattr(socket, "SO_PROTOCOL", 38)): 0,
            int(getattr(socket, "SO_ACCEPTCONN", 30)): int(kernel.listening),
            int(socket.SO_SNDBUF): kernel.buffer,
            int(socket.SO_RCVBUF): self._options.get(int(socket.SO_RCVBUF), 212_992),
        }
        if number in known:
            return known[number]
        if number in REMEMBERED:
            return self._options.get(number, 0)
        raise os_error(errno.ENOPROTOOPT)

    # -- the end

    def shutdown(self, how: int, /) -> None:
        """Send no more, receive no more."""
        self._open().shutdown(operator.index(how))

    def close(self) -> None:
        """Let go of it."""
        if self._descriptor < 0:
            return
        if not self._table.is_shared(self._descriptor):
            self._kernel.close()
        self._table.remove(self.detach())

    def detach(self) -> int:
        """Let go of it without closing it."""
        descriptor, self._descriptor = self._descriptor, -1
        return descriptor
