"""The sockets of a host as a program has them: the API of Python's `socket.socket`, over the host's own TCP and UDP.

They do not block: what would have to wait raises BlockingIOError. `poll()` tells what is possible without waiting, and
`on_event` is called when that may have changed. Constants are those of the `socket` module, addresses `(host, port)`,
and errors what CPython raises on Linux.
"""

from __future__ import annotations

import builtins
import errno
import operator
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Final, Self

from sim.engine.engine import NO_CAUSE
from sim.errors import SimError
from sim.stack.polling import POLLOUT
from sim.stack.service import os_error
from sim.userland import ancillary, options
from sim.userland.addresses import format_address, octets, parse_address
from sim.userland.ends import MSG_CTRUNC, Address, Message
from sim.userland.table import SocketTable

DEFAULT_BACKLOG: Final = 128
LONGEST_OPTION: Final = 1024


class Socket:
    """A socket of a host, `host.socket(AF_INET, SOCK_STREAM)`; `table` is that host's.

    A subclass that may wait overrides `permit_timeout` and the calls that raise BlockingIOError.
    """

    def __init__(
        self,
        table: SocketTable,
        family: int = socket.AF_INET,
        type: int = socket.SOCK_STREAM,  # noqa: A002 - its name in Python's own API
        proto: int = 0,
        fileno: int | None = None,
    ) -> None:
        """Raises OSError: EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EINVAL, EBADF for an unknown `fileno`."""
        self._descriptor = table.open(family, type, proto) if fileno is None else table.check(fileno)
        self._table = table
        self._family, self._type, self._proto = family, type & 0xF, proto
        self._timeout: float | None = 0.0
        self._on_event: Callable[[], None] | None = None

    # -- what it is

    @property
    def family(self) -> socket.AddressFamily:
        """AF_INET."""
        return socket.AddressFamily(self._family)

    @property
    def type(self) -> socket.SocketKind:
        """SOCK_STREAM, SOCK_DGRAM or SOCK_RAW."""
        return socket.SocketKind(self._type)

    @property
    def proto(self) -> int:
        """The protocol that was asked for; 0 for the usual one."""
        return self._proto

    @property
    def timeout(self) -> float | None:
        """See `gettimeout`."""
        return self._timeout

    def fileno(self) -> int:
        """Its number on its host, -1 when it is closed. The numbers are too high to be one of the real system's."""
        return self._descriptor

    def __repr__(self) -> str:
        closed = " [closed]" if self._descriptor < 0 else ""
        kind = f"family={self._family}, type={self._type}, proto={self._proto}"
        return f"<Socket{closed} fd={self._descriptor}, host={self._table.machine.name}, {kind}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: builtins.type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # -- waiting, and not

    def settimeout(self, value: float | None) -> None:
        """0 is all that is possible outside a program: SimError for what would block."""
        timeout = value if value is None or isinstance(value, float) else float(operator.index(value))
        if timeout is not None and not timeout >= 0:
            raise ValueError("Timeout value out of range")
        self._end()
        self.permit_timeout(timeout)
        self._timeout = timeout

    def permit_timeout(self, timeout: float | None) -> None:
        """Raise SimError for a timeout that this socket cannot keep."""
        if timeout != 0.0:
            raise SimError("blocking sockets belong in programs: out here nobody can wait, use setblocking(False)")

    def gettimeout(self) -> float | None:
        """The timeout: 0.0."""
        return self._timeout

    def setblocking(self, flag: bool) -> None:
        """False is all that is possible outside a program."""
        self.settimeout(None if flag else 0.0)

    def getblocking(self) -> bool:
        """False."""
        return self._timeout != 0.0

    def poll(self) -> int:
        """What is possible without waiting, in Linux's bits: POLLIN 1, POLLOUT 4, POLLERR 8, POLLHUP 0x10 ..."""
        return int(self._end().kernel.poll())

    @property
    def on_event(self) -> Callable[[], None] | None:
        """Called with nothing when `poll()` may say something new."""
        return self._on_event

    @on_event.setter
    def on_event(self, callback: Callable[[], None] | None) -> None:
        self._on_event = callback
        self._end().kernel.on_event = None if callback is None else self._handle_event

    # -- naming and connecting

    def bind(self, address: Any, /) -> None:
        """Take an address and a port."""
        self._end().kernel.bind(*self._parse("bind", address))

    def getsockname(self) -> tuple[str, int]:
        """Our address and port."""
        return format_address(*self._end().kernel.local())

    def getpeername(self) -> tuple[str, int]:
        """The peer's address and port."""
        return format_address(*self._end().kernel.remote())

    def connect(self, address: Any, /) -> None:
        """Connect to an address, or to the name of a node."""
        self._connect(*self._parse("connect", address))

    def connect_ex(self, address: Any, /) -> int:
        """As `connect`, but returns the errno."""
        host, port = self._parse("connect_ex", address)
        try:
            self._connect(host, port)
        except OSError as error:
            return error.errno or errno.EINVAL
        return 0

    def _connect(self, host: bytes, port: int) -> None:
        end = self._end()
        begins = self._type == socket.SOCK_STREAM and not end.would_send()
        with self._acting("TCP connection to", (host, port) if begins else None):
            end.kernel.connect(host, port)

    def listen(self, backlog: int = DEFAULT_BACKLOG, /) -> None:
        """Await connections."""
        self._end().listen(max(0, operator.index(backlog)))

    def accept(self) -> tuple[Self, tuple[str, int]]:
        """The next connection, as a socket of its own, and who has opened it."""
        end, peer = self._end().accept()
        child = type(self)(self._table, self._family, self._type, self._proto, self._table.add(end))
        return child, format_address(*peer)

    # -- sending

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Send; how many bytes were taken."""
        return self._send(octets(data), flags, None, [])

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send all of it: BlockingIOError leaves open how much."""
        left = octets(data)
        taken = self._send(left, flags, None, [])
        while taken < len(left):
            left = left[taken:]
            taken = self._send(left, flags, None, [])

    def sendto(self, data: Any, *arguments: Any) -> int:
        """`sendto(data, address)` or `sendto(data, flags, address)`."""
        if not 1 <= len(arguments) <= 2:
            raise TypeError(f"sendto() takes 2 or 3 arguments ({len(arguments) + 1} given)")
        flags = operator.index(arguments[0]) if len(arguments) == 2 else 0
        return self._send(octets(data), flags, self._parse("sendto", arguments[-1]), [])

    def sendmsg(
        self,
        buffers: Iterable[Any],
        ancdata: Iterable[tuple[int, int, Any]] = (),
        flags: int = 0,
        address: Any = None,
        /,
    ) -> int:
        """Send the buffers as one; ancillary data is IP_TTL, IP_TOS and IP_PKTINFO of datagrams."""
        if not isinstance(buffers, Iterable):
            raise TypeError("sendmsg() argument 1 must be an iterable")
        data = b"".join([octets(buffer) for buffer in buffers])
        items = [(level, kind, octets(content)) for level, kind, content in ancdata]
        return self._send(data, flags, None if address is None else self._parse("sendmsg", address), items)

    def _send(self, data: bytes, flags: int, address: Address | None, items: list[ancillary.Item]) -> int:
        end = self._end()
        size = f"{len(data)} bytes"
        to = self._peer() if address is None else address
        ready = end.would_send() and end.kernel.poll() & POLLOUT
        with self._acting(f"{end.name(size)} to", to if ready else None, ports=end.has_ports):
            return int(end.send(data, flags, address, items))

    # -- receiving

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Up to `bufsize` bytes; of a stream none at its end."""
        size = _size(bufsize, "negative buffersize in recv")
        return _whole(self._receive(size, flags)) if size else b""

    def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, tuple[str, int] | None]:
        """As `recv`, and where it came from; None for a stream."""
        message = self._receive(_size(bufsize, "negative buffersize in recvfrom"), flags)
        return _whole(message), message.address

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """As `recv`, into a buffer; how many bytes."""
        view = _writable(buffer, "recv_into")
        size = _size(nbytes, "negative buffersize in recv_into") or len(view)
        if size > len(view):
            raise ValueError("buffer too small for requested bytes")
        return _fill(view, self._receive(size, flags)) if size else 0

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, tuple[str, int] | None]:
        """As `recvfrom`, into a buffer."""
        view = _writable(buffer, "recvfrom_into")
        size = _size(nbytes, "negative buffersize in recvfrom_into") or len(view)
        if size > len(view):
            raise ValueError("nbytes is greater than the length of the buffer")
        message = self._receive(size, flags)
        return _fill(view, message), message.address

    def recvmsg(
        self, bufsize: int, ancbufsize: int = 0, flags: int = 0, /
    ) -> tuple[bytes, list[ancillary.Item], int, tuple[str, int] | None]:
        """Data, ancillary data, flags (MSG_TRUNC, MSG_CTRUNC, MSG_ERRQUEUE) and address."""
        size = _size(bufsize, "negative buffer size in recvmsg()")
        room = _size(ancbufsize, "invalid ancillary data buffer length")
        message = self._receive(size, flags)
        items, cut = ancillary.fit(message.items, room)
        return _whole(message), items, message.flags | (MSG_CTRUNC if cut else 0), message.address

    def _receive(self, size: int, flags: int) -> Message:
        end = self._end()
        engine = self._table.machine.engine
        end.stack.enter(engine.now, engine.cause)  # reading may open a window, of which the peer is told
        message: Message = end.receive(size, flags)
        return message

    # -- options

    def setsockopt(self, level: int, optname: int, value: Any, optlen: int | None = None, /) -> None:
        """Set an option to an int, or to a structure of Linux's as bytes. ENOPROTOOPT for those that are not there."""
        if value is None:
            if optlen is None:
                raise TypeError("setsockopt() argument 3 must be int or a bytes-like object, not None")
            raise os_error(errno.EFAULT)
        content = options.octets_of(value)
        end = self._end()
        with self._acting("socket option set, on the way to", self._peer() if end.would_send() else None):
            options.set_option(end, operator.index(level), operator.index(optname), content)

    def getsockopt(self, level: int, optname: int, buflen: int = 0, /) -> int | bytes:
        """An option as an int, or with `buflen` as at most so many bytes."""
        if not 0 <= buflen <= LONGEST_OPTION:
            raise OSError("getsockopt buflen out of range")
        return options.get_option(self._end(), operator.index(level), operator.index(optname), buflen)

    # -- the end

    def shutdown(self, how: int, /) -> None:
        """Send no more (SHUT_WR), receive no more (SHUT_RD), or neither."""
        end = self._end()
        direction = operator.index(how)
        with self._acting("shutdown towards", self._peer() if end.would_send() else None):
            end.kernel.shutdown(direction)

    def close(self) -> None:
        """Let go of it; what was written to a stream is still sent."""
        if self._descriptor < 0:
            return
        end = self._end()
        if not self._table.is_shared(self._descriptor):
            streams = self._type == socket.SOCK_STREAM and end.would_send()
            with self._acting("close towards", self._peer() if streams else None):
                end.kernel.close()
        self._table.remove(self.detach())

    def detach(self) -> int:
        """Let go of the socket without closing it; `Socket(table, fileno=...)` takes it up again."""
        descriptor, self._descriptor = self._descriptor, -1
        return descriptor

    # -- inside

    def _end(self) -> Any:
        return self._table.end(self._descriptor)

    def _parse(self, caller: str, address: object) -> Address:
        return parse_address(caller, address, self._table.resolve)

    def _peer(self) -> Address | None:
        try:
            peer: Address = self._end().kernel.remote()
        except OSError:
            return None
        return peer

    @contextmanager
    def _acting(self, what: str, towards: Address | None, ports: bool = True) -> Iterator[None]:
        """Let what is sent meanwhile have a cause: what is being handled, or, outside of that, a journey of its own."""
        machine = self._table.machine
        engine = machine.engine
        if towards is None or engine.cause != NO_CAUSE:
            machine.stack.enter(engine.now, engine.cause)
            yield
            return
        host, port = format_address(*towards)
        machine.originate(f"{what} {host} port {port}" if ports else f"{what} {host}")
        try:
            yield
        finally:
            engine.cause = NO_CAUSE

    def _handle_event(self) -> None:
        machine = self._table.machine
        before = machine.engine.cause
        machine.engine.cause = machine.stack.core.cause  # a timer of the stack acts under causes of its own
        try:
            if self._on_event is not None:
                self._on_event()
        finally:
            machine.engine.cause = before


def _size(value: int, complaint: str) -> int:
    size = operator.index(value)
    if size < 0:
        raise ValueError(complaint)
    return size


def _writable(buffer: Any, caller: str) -> memoryview:
    view = memoryview(b"")
    with suppress(TypeError):
        view = memoryview(buffer)
    if view.readonly:
        raise TypeError(f"{caller}() argument 1 must be read-write bytes-like object, not {type(buffer).__name__}")
    return view.cast("B")


def _whole(message: Message) -> bytes:
    """The data at the length that the call returned, as CPython has it; what was cut off is zeros here."""
    return message.data + bytes(message.length - len(message.data))


def _fill(view: memoryview, message: Message) -> int:
    view[: len(message.data)] = message.data
    return message.length
