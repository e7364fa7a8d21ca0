"""`socket.socket` as a program has it: the API of CPython's own class, over the sockets of the program's host.

It is a subclass of the real one, so that whoever asks `isinstance` is content; the real socket underneath is never
opened. Calls that have to wait park the task in virtual time (`patience.py`).
"""

from __future__ import annotations

import _socket
import _thread
import errno
import gc
import operator
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

from greenlet import GreenletExit

from sim.errors import SimError
from sim.stack.polling import POLLERR, POLLHUP, POLLIN, POLLOUT
from sim.stack.service import os_error
from sim.userland import patience
from sim.userland.addresses import octets
from sim.userland.local_object import LocalObject
from sim.userland.local_sockets import FAMILY, LocalSocket, join
from sim.userland.patience import MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL, T
from sim.userland.process import Process, ProcessContext
from sim.userland.sockets import Socket
from sim.userland.tasks import Task, current
from sim.userland.watch import Watch

SOCK_NONBLOCK: Final = int(getattr(socket, "SOCK_NONBLOCK", 0))
KIND_MASK: Final = 0xF
LONGEST_WRITE: Final = 4 << 20
"""Bytes that are offered to the stack at once: no send buffer is larger."""
ROOM: Final = "room to send"


def process_of(task: Task) -> Process:
    """The program that a task belongs to."""
    context = task.context
    assert isinstance(context, ProcessContext)
    return context.process


def here() -> tuple[Task, Process]:
    """The task and the program that call this. Raises SimError outside of programs."""
    task = current()
    if task is None:
        raise SimError("a socket of a program was used outside of it")
    if task.dying:
        raise GreenletExit  # it was killed: whatever it does on its way out has no effect
    return task, process_of(task)


class GuestSocket(socket.socket):
    """A socket of a program. `look_up` gives the address of a name; it may take its time."""

    look_up: Callable[[str], str] = staticmethod(lambda name: name)

    def __new__(cls, *_: Any, **__: Any) -> GuestSocket:
        return REAL_NEW(cls)

    def __init__(self, family: Any = -1, type: Any = -1, proto: Any = -1, fileno: Any = None) -> None:  # noqa: A002
        self._io_refs = 0
        self._closed = False
        _, process = here()
        self._process = process
        known = isinstance(fileno, Socket | LocalObject)
        self._inner: Any = fileno if known else _open(process, family, type, proto, fileno)
        self._stream = int(self._inner.type) == socket.SOCK_STREAM
        self._inheritable = False
        process.opened[self._inner.fileno()] = None
        flagged = not known and operator.index(type) != -1 and operator.index(type) & SOCK_NONBLOCK
        self._wait_for: float | None = 0.0 if flagged else process.default_timeout
        if self._wait_for is not None:
            process.sockets.end(self._inner.fileno()).blocking = False

    def __del__(self) -> None:
        if not getattr(self, "_closed", True) and hasattr(self, "_inner"):
            self._closed = True
            self._real_close()

    # -- what it is

    @property
    def family(self) -> Any:
        return self._inner.family

    @property
    def type(self) -> Any:
        return self._inner.type

    @property
    def proto(self) -> int:
        return int(self._inner.proto)

    @property
    def timeout(self) -> float | None:
        return self._wait_for

    def fileno(self) -> int:
        return int(self._inner.fileno())

    def settimeout(self, value: float | None, /) -> None:
        self._wait_for = patience.timeout_of(value)
        try:
            self._process.sockets.end(self._inner.fileno()).blocking = value is None
        except OSError:
            self._wait_for = 0.0  # a timeout is what CPython itself adds to a descriptor that does not block
            raise

    def gettimeout(self) -> float | None:
        return self._wait_for

    def setblocking(self, flag: bool, /) -> None:
        self.settimeout(None if flag else 0.0)

    def getblocking(self) -> bool:
        return self._wait_for != 0.0

    def get_inheritable(self) -> bool:
        self._process.sockets.check(self._inner.fileno())
        return self._inheritable

    def set_inheritable(self, inheritable: bool) -> None:
        self._process.sockets.check(self._inner.fileno())
        self._inheritable = bool(inheritable)

    # -- calls that may wait

    def _patiently(self, call: Callable[[], T], what: str, flags: int = 0) -> T:
        """Do it, when it can be done: EAGAIN for a socket that does not wait, TimeoutError when it took too long."""
        try:
            return call()
        except BlockingIOError:
            wait = self._wait_for
            if wait == 0 or (wait is None and flags & MSG_DONTWAIT):
                self._watch().look(here()[0])
                raise
        seconds = patience.kernel_timeout(self._process.sockets.end(self.fileno()), what is ROOM) if wait is None else 0
        if not seconds:
            return patience.retry(self, call, what, self._deadline())
        with suppress(TimeoutError):
            return patience.retry(self, call, what, here()[0].after(seconds))
        raise os_error(errno.EAGAIN)

    def _deadline(self) -> int | None:
        wait = self._wait_for
        return here()[0].after(wait) if wait else None

    def _watch(self) -> Watch:
        return self._process.sockets.watch(self._inner.fileno())

    def _accept(self) -> tuple[int, Any]:
        """What CPython's own `accept` makes a socket of."""
        inner, address = self._patiently(self._inner.accept, "a connection")
        return inner.detach(), address

    def connect(self, address: Any, /) -> None:
        address = self._numeric(address)
        if self._wait_for is None:
            self._patiently(lambda: self._inner.connect(address), f"the connection to {address}")
            return
        try:
            self._inner.connect(address)
            return
        except BlockingIOError as error:
            if self._wait_for == 0 or error.errno != errno.EINPROGRESS:
                raise
        patience.until(self, POLLOUT | POLLERR | POLLHUP, f"the connection to {address}", self._deadline())
        number = self._inner.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            raise os_error(int(number))

    def connect_ex(self, address: Any, /) -> int:
        try:
            self.connect(address)
        except socket.gaierror:
            raise
        except OSError as error:
            return errno.EAGAIN if error.errno is None else error.errno
        return 0

    def _numeric(self, address: Any) -> Any:
        """The same with the address of the name in it. Raises socket.gaierror."""
        host = address[0] if isinstance(address, tuple) and len(address) == 2 else None
        if not isinstance(host, str) or host in ("", "<broadcast>") or "\0" in host:
            return address
        if not any(character.isspace() for character in host):
            with suppress(OSError, UnicodeEncodeError):
                socket.inet_aton(host)
                return address
        return self.look_up(host), address[1]

    # -- receiving

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        if self._gathers(flags):
            return self._gather(operator.index(bufsize), flags)
        return self._patiently(lambda: bytes(self._inner.recv(bufsize, flags)), "data", flags)

    def recvfrom(self, bufsize: int, flags: int = 0, /) -> Any:
        if self._gathers(flags):
            return self._gather(operator.index(bufsize), flags), None
        return self._patiently(lambda: self._inner.recvfrom(bufsize, flags), "data", flags)

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        if self._gathers(flags):
            view = memoryview(buffer).cast("B")
            data = self._gather(nbytes or len(view), flags)
            view[: len(data)] = data
            return len(data)
        return self._patiently(lambda: int(self._inner.recv_into(buffer, nbytes, flags)), "data", flags)

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> Any:
        return self._patiently(lambda: self._inner.recvfrom_into(buffer, nbytes, flags), "data", flags)

    def recvmsg(self, bufsize: int, ancbufsize: int = 0, flags: int = 0, /) -> Any:
        if self._gathers(flags):
            return self._gather(operator.index(bufsize), flags), [], 0, None
        return self._patiently(lambda: self._inner.recvmsg(bufsize, ancbufsize, flags), "data", flags)

    def recvmsg_into(self, buffers: Iterable[Any], ancbufsize: int = 0, flags: int = 0, /) -> Any:
        views = patience.writable_views(buffers)
        data, items, told, address = self.recvmsg(sum(len(view) for view in views), ancbufsize, flags)
        left = data
        for view in views:
            part, left = left[: len(view)], left[len(view) :]
            view[: len(part)] = part
        return len(data), items, told, address

    def _gathers(self, flags: int) -> bool:
        """Whether all that was asked for is awaited (MSG_WAITALL): on a blocking stream only, as the kernel sees it."""
        return flags & MSG_WAITALL != 0 and self._stream and self._wait_for is None and not flags & MSG_DONTWAIT

    def _gather(self, size: int, flags: int) -> bytes:
        if flags & MSG_PEEK:
            return patience.peek_all(self, size)
        data = self._patiently(lambda: bytes(self._inner.recv(size)), "data")
        while data and len(data) < size:
            patience.until(self, POLLIN | POLLERR | POLLHUP, f"{size - len(data)} bytes more", None)
            if self._inner.poll() & POLLERR:
                break  # the next call tells
            part = self._inner.recv(size - len(data))
            if not part:
                break
            data += part
        return data

    # -- sending

    def _await_room(self, deadline: int | None) -> None:
        """With a timeout, CPython asks for room before it sends; there is some when there is a lot."""
        if self._wait_for:
            patience.until(self, POLLOUT | POLLERR | POLLHUP, ROOM, deadline)

    def send(self, data: Any, flags: int = 0, /) -> int:
        self._await_room(self._deadline())
        taken = self._patiently(lambda: int(self._inner.send(data, flags)), ROOM, flags)
        return taken + self._send_rest(data, taken, flags)

    def _send_rest(self, data: Any, taken: int, flags: int) -> int:
        """A blocking stream takes all there is, or as much as goes before an error; how many bytes more."""
        if not self._stream or self._wait_for is not None or flags & MSG_DONTWAIT:
            return 0
        left = memoryview(data).cast("B")[taken:]
        more = 0
        while more < len(left):
            patience.until(self, POLLOUT | POLLERR | POLLHUP, ROOM, None)
            if self._inner.poll() & (POLLERR | POLLHUP):
                break
            with patience.not_yet():
                more += int(self._inner.send(left[more : more + LONGEST_WRITE], flags))
        return more

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        left = memoryview(data).cast("B")
        deadline = self._deadline()
        while True:
            self._await_room(deadline)
            part = left[:LONGEST_WRITE]
            try:
                taken = int(self._inner.send(part, flags))
            except BlockingIOError:
                if self._wait_for == 0:
                    raise
                patience.wait(self, ROOM, deadline)
                continue
            left = left[taken:]
            if not left:
                return

    def sendto(self, data: Any, *arguments: Any) -> int:
        arguments = tuple(self._numeric(one) for one in arguments)
        self._await_room(self._deadline())
        return self._patiently(lambda: int(self._inner.sendto(data, *arguments)), ROOM)

    def sendmsg(self, buffers: Iterable[Any], *arguments: Any) -> int:
        self._await_room(self._deadline())
        parts = list(buffers) if isinstance(buffers, Iterable) else buffers
        arguments = tuple(self._numeric(one) for one in arguments)
        flags = operator.index(arguments[1]) if len(arguments) > 1 else 0
        taken = self._patiently(lambda: int(self._inner.sendmsg(parts, *arguments)), ROOM, flags)
        if not self._stream or self._wait_for is not None:
            return taken
        return taken + self._send_rest(b"".join([octets(part) for part in parts]), taken, flags)

    # -- calls that do not

    def bind(self, address: Any, /) -> None:
        self._inner.bind(self._numeric(address))

    def listen(self, backlog: int = 128, /) -> None:
        self._inner.listen(backlog)

    def getsockname(self) -> Any:
        return self._inner.getsockname()

    def getpeername(self) -> Any:
        return self._inner.getpeername()

    def setsockopt(self, *arguments: Any) -> None:
        self._inner.setsockopt(*arguments)

    def getsockopt(self, level: int, optname: int, buflen: int = 0, /) -> Any:
        return self._inner.getsockopt(level, optname, buflen)

    def shutdown(self, how: int, /) -> None:
        self._inner.shutdown(how)

    def poll(self) -> int:
        """What is possible without waiting, in Linux's bits."""
        return int(self._inner.poll())

    def dup(self) -> GuestSocket:
        other = type(self)(self.family, self.type, self.proto, self._process.sockets.duplicate(self._inner.fileno()))
        other._wait_for = self._wait_for
        return other

    def detach(self) -> int:
        self._closed = True
        return int(self._inner.detach())

    def _real_close(self, *_: Any) -> None:
        descriptor = self._inner.fileno()
        if _get_ident() in _collecting:
            return
        if descriptor in self._process.opened:  # not: closed by the system when the program ended
            del self._process.opened[descriptor]
            self._inner.close()


GuestSocket.__module__, GuestSocket.__name__, GuestSocket.__qualname__ = "socket", "socket", "socket"


def _open(process: Process, family: Any, kind: Any, proto: Any, fileno: Any) -> Socket | LocalObject:
    """A new socket of a program, or the one that has a number already."""
    table = process.sockets
    family, kind, proto = operator.index(family), operator.index(kind), operator.index(proto)
    if fileno is not None:
        return adopt(process, operator.index(fileno), proto)
    kind = socket.SOCK_STREAM if kind == -1 else kind
    proto = max(proto, 0)
    if family == FAMILY:
        return LocalObject(table, LocalSocket(table.local, kind & KIND_MASK))
    return Socket(table, socket.AF_INET if family == -1 else family, kind, proto)


def adopt(process: Process, descriptor: int, proto: int = -1) -> Socket | LocalObject:
    """The socket that has a number; with `proto` -1 it has its own protocol. ValueError, OSError EBADF."""
    if descriptor < 0:
        raise ValueError("negative file descriptor")
    table = process.sockets
    end: Any = table.end(descriptor)
    if isinstance(end.kernel, LocalSocket):
        return LocalObject(table, end.kernel, descriptor)
    return Socket(table, socket.AF_INET, end.kind, end.protocol if proto == -1 else proto, descriptor)


def socketpair(family: Any = FAMILY, type: Any = socket.SOCK_STREAM, proto: int = 0) -> tuple[Any, Any]:  # noqa: A002
    """`_socket.socketpair`: two local sockets that are connected. EOPNOTSUPP for other families, EPROTONOSUPPORT."""
    _, process = here()
    if family != FAMILY:
        raise os_error(errno.EOPNOTSUPP)
    if proto:
        raise os_error(errno.EPROTONOSUPPORT)
    one, other = (LocalSocket(process.sockets.local, int(type) & KIND_MASK) for _ in range(2))
    join(one, other)
    return LocalObject(process.sockets, one), LocalObject(process.sockets, other)


REAL_NEW: Final = socket.socket.__new__
_get_ident: Final = _thread.get_ident
_MIXED: Final[dict[type, type]] = {}
_collecting: Final[list[int]] = []
"""The real thread in which the garbage collector runs, if it does: others may go on meanwhile. When it runs depends on
all that the interpreter holds, and not on the seed: sockets that only it can reach stay open until their program ends.
"""


def _note_collection(phase: str, _: dict[str, int]) -> None:
    if phase == "start":
        _collecting.append(_get_ident())
    else:
        _collecting.clear()


def new_socket(cls: type, *_: Any, **__: Any) -> Any:
    """`socket.socket.__new__`: a socket of the program that asks for one, a real one outside of programs."""
    if current() is None or issubclass(cls, GuestSocket):
        return REAL_NEW(cls)
    if cls is socket.socket:
        return REAL_NEW(GuestSocket)
    mixed = _MIXED.get(cls)
    if mixed is None:
        members = {"__new__": GuestSocket.__new__, "__module__": cls.__module__, "__qualname__": cls.__qualname__}
        mixed = _MIXED[cls] = type(cls.__name__, (cls, GuestSocket), members)
    return REAL_NEW(mixed)


def replacements() -> list[tuple[Any, str, Any]]:
    """(class, name, what stands there from now on)."""
    real: Any = getattr(_socket, "socketpair", None)

    def pair(*arguments: Any, **named: Any) -> Any:
        return (real if current() is None else socketpair)(*arguments, **named)

    gc.callbacks.append(_note_collection)
    found: list[tuple[Any, str, Any]] = [(socket.socket, "__new__", staticmethod(new_socket))]
    if real is not None:  # else `socket` makes a pair of two streams
        found.append((_socket, "socketpair", pair))
    return found
