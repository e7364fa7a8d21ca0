"""`socket.socket` as a program has it: the API of CPython's own class, over the sockets of the program's host.

It is a subclass of the real one, so that whoever asks `isinstance` is content; the real socket underneath is never
opened. Calls that have to wait park the task in virtual time.
"""

from __future__ import annotations

import errno
import operator
import socket
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from sim.errors import SimError
from sim.stack.service import os_error
from sim.userland.local_sockets import FAMILY, LocalObject, LocalSocket, join
from sim.userland.machine import TcpSocket
from sim.userland.process import Process, ProcessContext
from sim.userland.sockets import Socket
from sim.userland.tasks import Task, current
from sim.userland.watch import Watch

T = TypeVar("T")
SECOND: Final = 1_000_000_000
POLLOUT: Final = 4
POLLERR: Final = 8
POLLHUP: Final = 16


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
    return task, process_of(task)


class GuestSocket(socket.socket):
    """A socket of a program."""

    def __new__(cls, *args: Any, **kwargs: Any) -> GuestSocket:
        return REAL_NEW(cls)

    def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: Any = None) -> None:  # noqa: A002
        self._io_refs = 0
        self._closed = False
        _, process = here()
        self._process = process
        self._inner: Any = (
            fileno
            if isinstance(fileno, Socket | LocalObject)
            else _open(process, int(family), int(type), max(proto, 0), fileno)
        )
        process.opened[self._inner.fileno()] = None
        timeout = socket.getdefaulttimeout()
        if type != -1 and int(type) & int(getattr(socket, "SOCK_NONBLOCK", 0)):
            timeout = 0.0
        self._wait_for = timeout

    def __repr__(self) -> str:
        return repr(self._inner)

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
        return self._inner.proto

    @property
    def timeout(self) -> float | None:
        return self._wait_for

    def fileno(self) -> int:
        return self._inner.fileno()

    def settimeout(self, value: float | None, /) -> None:
        if value is not None:
            value = float(value)
            if not value >= 0:
                raise ValueError("Timeout value out of range")
        self._wait_for = value

    def gettimeout(self) -> float | None:
        return self._wait_for

    def setblocking(self, flag: bool, /) -> None:
        self._wait_for = None if flag else 0.0

    def getblocking(self) -> bool:
        return self._wait_for != 0.0

    # -- calls that may wait

    def _patiently(self, call: Callable[[], T], what: str) -> T:
        """Do it, when it can be done: EAGAIN for a socket that does not wait, TimeoutError when it took too long."""
        task, _ = here()
        deadline = None if self._wait_for is None else task.scheduler.engine.now + round(self._wait_for * SECOND)
        while True:
            try:
                return call()
            except BlockingIOError:
                if self._wait_for == 0:
                    task.look()
                    raise
            if deadline is not None and task.scheduler.engine.now >= deadline:
                raise TimeoutError("timed out")
            self._watch().wait(task, deadline, what)

    def _watch(self) -> Watch:
        return self._process.sockets.watch(self._inner.fileno())

    def accept(self) -> tuple[GuestSocket, Any]:
        inner, address = self._patiently(self._inner.accept, f"a connection to {self._inner.getsockname()}")
        guest = type(self)(fileno=inner)
        return guest, address

    def connect(self, address: Any, /) -> None:
        try:
            self._inner.connect(address)
            return
        except BlockingIOError:
            if self._wait_for == 0:
                raise
        self._finish_connect(f"the connection to {address}")

    def _finish_connect(self, what: str) -> None:
        task, _ = here()
        deadline = None if self._wait_for is None else task.scheduler.engine.now + round(self._wait_for * SECOND)
        while not self._inner.poll() & (POLLOUT | POLLERR | POLLHUP):
            if not self._watch().wait(task, deadline, what):
                raise TimeoutError("timed out")
        number = self._inner.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            raise os_error(int(number))

    def connect_ex(self, address: Any, /) -> int:
        try:
            self.connect(address)
        except TimeoutError as error:
            return error.errno or errno.EAGAIN
        except OSError as error:
            if error.errno is None:
                raise
            return error.errno
        return 0

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        if flags & socket.MSG_WAITALL and not flags & socket.MSG_PEEK:
            return self._receive_all(bufsize)
        return self._patiently(lambda: self._inner.recv(bufsize, flags), self._data())

    def _receive_all(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            part = self._patiently(lambda: self._inner.recv(size), self._data())
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _data(self) -> str:
        return f"data on {self._inner.getsockname()}" if self._inner.fileno() >= 0 else "data"

    def recvfrom(self, bufsize: int, flags: int = 0, /) -> Any:
        return self._patiently(lambda: self._inner.recvfrom(bufsize, flags), self._data())

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        return self._patiently(lambda: self._inner.recv_into(buffer, nbytes, flags), self._data())

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> Any:
        return self._patiently(lambda: self._inner.recvfrom_into(buffer, nbytes, flags), self._data())

    def recvmsg(self, bufsize: int, ancbufsize: int = 0, flags: int = 0, /) -> Any:
        return self._patiently(lambda: self._inner.recvmsg(bufsize, ancbufsize, flags), self._data())

    def recvmsg_into(self, buffers: Iterable[Any], ancbufsize: int = 0, flags: int = 0, /) -> Any:
        views = [memoryview(buffer).cast("B") for buffer in buffers]
        data, items, told, address = self.recvmsg(sum(len(view) for view in views), ancbufsize, flags)
        left = data
        for view in views:
            part, left = left[: len(view)], left[len(view) :]
            view[: len(part)] = part
        return len(data), items, told, address

    def send(self, data: Any, flags: int = 0, /) -> int:
        return self._patiently(lambda: self._inner.send(data, flags), "room to send")

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        left = memoryview(data).cast("B")
        while len(left):
            taken = self._patiently(lambda left=left: self._inner.send(left, flags), "room to send")  # type: ignore[misc]
            left = left[taken:]

    def sendto(self, data: Any, *arguments: Any) -> int:
        return self._patiently(lambda: self._inner.sendto(data, *arguments), "room to send")

    def sendmsg(self, buffers: Iterable[Any], *arguments: Any) -> int:
        parts = list(buffers)
        return self._patiently(lambda: self._inner.sendmsg(parts, *arguments), "room to send")

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        return self._sendfile_use_send(file, offset, count)  # type: ignore[attr-defined,no-any-return]

    # -- calls that do not

    def bind(self, address: Any, /) -> None:
        self._inner.bind(address)

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
        return self._inner.poll()

    def dup(self) -> GuestSocket:
        other = type(self)(fileno=self._process.sockets.duplicate(self._inner.fileno()))
        other._wait_for = self._wait_for
        return other

    def detach(self) -> int:
        self._closed = True
        descriptor = self._inner.detach()
        self._process.opened.pop(descriptor, None)
        return descriptor

    def _real_close(self, *_: Any) -> None:
        descriptor = self._inner.fileno()
        if descriptor >= 0:
            self._process.opened.pop(descriptor, None)
            self._inner.close()


def _open(process: Process, family: int, kind: int, proto: int, fileno: Any) -> Socket | LocalObject:
    """A new socket of a program, or the one that has a number already."""
    table = process.sockets
    if fileno is not None:
        end: Any = table.end(operator.index(fileno))
        if isinstance(end.kernel, LocalSocket):
            return LocalObject(table, end.kernel, fileno)
        stream = isinstance(end.kernel, TcpSocket)
        return Socket(table, socket.AF_INET, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM, proto, fileno)
    kind = socket.SOCK_STREAM if kind == -1 else kind
    if family == FAMILY:
        return LocalObject(table, LocalSocket(table.local, kind & 0xF))
    return Socket(table, socket.AF_INET if family == -1 else family, kind, proto)


def socketpair(family: Any = None, type: int = socket.SOCK_STREAM, proto: int = 0) -> tuple[Any, Any]:  # noqa: A002
    """`socket.socketpair`: two local sockets that are connected."""
    _, process = here()
    if family not in (None, FAMILY):
        raise os_error(errno.EOPNOTSUPP)
    one, other = (LocalSocket(process.sockets.local, int(type) & 0xF) for _ in range(2))
    join(one, other)
    pair = [GuestSocket(fileno=LocalObject(process.sockets, end)) for end in (one, other)]
    return pair[0], pair[1]


REAL_NEW: Final = socket.socket.__new__
_MIXED: Final[dict[type, type]] = {}


def new_socket(cls: type, *args: Any, **kwargs: Any) -> Any:
    """`socket.socket.__new__`: a socket of the program that asks for one, a real one outside of programs."""
    if current() is None or issubclass(cls, GuestSocket):
        return REAL_NEW(cls)
    if cls is socket.socket:
        return REAL_NEW(GuestSocket)
    mixed = _MIXED.get(cls)
    if mixed is None:
        mixed = _MIXED[cls] = type(cls.__name__, (cls, GuestSocket), {"__new__": GuestSocket.__new__})
    return REAL_NEW(mixed)


def replacements() -> list[tuple[Any, str, Any]]:
    """(class, name, what stands there from now on)."""
    real = socket.socketpair

    def pair(*arguments: Any, **named: Any) -> Any:
        return (real if current() is None else socketpair)(*arguments, **named)

    return [(socket.socket, "__new__", staticmethod(new_socket)), (socket, "socketpair", pair)]
