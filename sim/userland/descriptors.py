"""Calls of `os` and `socket` that take a descriptor: the numbers of a program's sockets never reach the real system."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import Any, Final

from sim.errors import SimError
from sim.stack.service import os_error
from sim.userland.guest_socket import GuestSocket, here
from sim.userland.patience import timeout_of
from sim.userland.table import FIRST_DESCRIPTOR
from sim.userland.tasks import current

BLOCK: Final = 1 << 16  # bytes that are read from a file at once


def borrowed(descriptor: int) -> GuestSocket:
    """The socket with a number, for one call: letting go of it does not close it."""
    _, process = here()
    process.sockets.check(descriptor)
    guest = GuestSocket(fileno=descriptor)
    guest._closed = True
    guest._wait_for = None if process.sockets.end(descriptor).blocking else 0.0
    return guest


def close(descriptor: int, /) -> None:
    """`os.close` and `socket.close`."""
    _, process = here()
    process.sockets.check(descriptor)
    GuestSocket(fileno=descriptor).close()


def read(descriptor: int, length: int, /) -> bytes:
    """`os.read`."""
    return borrowed(descriptor).recv(length)


def write(descriptor: int, data: Any, /) -> int:
    """`os.write`."""
    return borrowed(descriptor).send(data)


def dup(descriptor: int, /) -> int:
    """`os.dup` and `socket.dup`."""
    _, process = here()
    number = process.sockets.duplicate(descriptor)
    process.opened[number] = None
    return number


def sendfile(out_fd: int, in_fd: int, offset: int | None, count: int) -> int:
    """`os.sendfile` from a file to a socket."""
    size = min(count, BLOCK)
    data = os.read(in_fd, size) if offset is None else os.pread(in_fd, size, offset)
    return borrowed(out_fd).send(data) if data else 0


def get_inheritable(descriptor: int, /) -> bool:
    """`os.get_inheritable`: no program here has children."""
    here()[1].sockets.check(descriptor)
    return False


def set_inheritable(descriptor: int, _: bool, /) -> None:
    """`os.set_inheritable`."""
    here()[1].sockets.check(descriptor)


def get_blocking(descriptor: int, /) -> bool:
    """`os.get_blocking`."""
    return here()[1].sockets.end(descriptor).blocking


def set_blocking(descriptor: int, blocking: bool, /) -> None:
    """`os.set_blocking`."""
    here()[1].sockets.end(descriptor).blocking = bool(blocking)


def isatty(_: int, /) -> bool:
    """`os.isatty`."""
    return False


def _no_file(*_: Any, **__: Any) -> Any:
    raise SimError(f"{here()[0].name} takes the number of a socket for that of a file")


def _by_number(real: Callable[..., Any], guest: Callable[..., Any]) -> Callable[..., Any]:
    """A call whose first argument is a descriptor; ours are above all real ones."""

    def choose(descriptor: Any, /, *arguments: Any, **named: Any) -> Any:
        ours = isinstance(descriptor, int) and descriptor >= FIRST_DESCRIPTOR and current() is not None
        return (guest if ours else real)(descriptor, *arguments, **named)

    choose.__name__ = choose.__qualname__ = real.__name__
    return choose


def _socket_close(real: Callable[[int], None]) -> Callable[[int], None]:
    def choose(descriptor: int, /) -> None:
        if current() is None:
            real(descriptor)
        elif descriptor < FIRST_DESCRIPTOR:
            raise os_error(errno.EBADF)
        else:
            close(descriptor)

    choose.__name__ = choose.__qualname__ = "close"
    return choose


def _getdefaulttimeout(real: Callable[[], float | None]) -> Callable[[], float | None]:
    def getdefaulttimeout() -> float | None:
        return real() if current() is None else here()[1].default_timeout

    return getdefaulttimeout


def _setdefaulttimeout(real: Callable[[float | None], None]) -> Callable[[float | None], None]:
    def setdefaulttimeout(timeout: float | None, /) -> None:
        if current() is None:
            real(timeout)
        else:
            here()[1].default_timeout = timeout_of(timeout)

    return setdefaulttimeout


def replacements() -> list[tuple[Any, str, Any]]:
    """(module, name, what stands there from now on)."""
    of_files: list[tuple[str, Callable[..., Any]]] = [
        ("close", close),
        ("read", read),
        ("write", write),
        ("dup", dup),
        ("sendfile", sendfile),
        ("get_blocking", get_blocking),
        ("set_blocking", set_blocking),
        ("isatty", isatty),
        ("get_inheritable", get_inheritable),
        ("set_inheritable", set_inheritable),
    ]
    of_files += [(name, _no_file) for name in ("dup2", "fdopen", "fstat", "ftruncate", "lseek", "pread", "pwrite")]
    found = [(os, name, _by_number(getattr(os, name), guest)) for name, guest in of_files if hasattr(os, name)]
    return [
        *found,
        (socket, "close", _socket_close(socket.close)),
        (socket, "dup", _by_number(socket.dup, dup)),
        (socket, "getdefaulttimeout", _getdefaulttimeout(socket.getdefaulttimeout)),
        (socket, "setdefaulttimeout", _setdefaulttimeout(socket.setdefaulttimeout)),
    ]
