"""Third-party libraries that need more than the standard library's own names exchanged.

Those that do their waiting in C, where no simulation can see it, or have one loop for the whole interpreter, are
refused by name, in programs only.
What is imported by a program is refused there. What somebody has imported before, outside of programs, is refused when
a program makes the object that everything in the library begins with. An import that fails is an ImportError as well:
whoever only prefers such a library (uvicorn uvloop, aiohttp aiodns) goes on with what there is in its place.

Trio is adapted: it keeps worker threads and a generator of random numbers for the whole interpreter, tells the names of
threads to C, and is strict about types. So is dnspython: the resolv.conf that it reads is the host's.
"""

from __future__ import annotations

import io
import random
import socket
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary, WeakSet

from sim.errors import SimError
from sim.userland.diagnosis import running_line
from sim.userland.guest_socket import GuestSocket, process_of
from sim.userland.process import Process
from sim.userland.refusals import refusal
from sim.userland.tasks import current


class ImportRefusedError(SimError, ImportError):
    """A program imports a library that cannot run in one."""


class Library(NamedTuple):
    """Why it is refused, and what is refused when it was imported before: `module:class`, or a method of one."""

    why: str
    classes: tuple[str, ...] = ()


REFUSED: Final[dict[str, Library]] = {
    "gevent": Library(
        "its hub, written in C, waits for real sockets and switches greenlets of its own; threads and asyncio work",
        ("gevent.hub:Hub",),
    ),
    "grpc": Library(
        "grpcio's core, written in C, opens real sockets and starts real threads",
        (
            "grpc._channel:Channel",
            "grpc._server:_Server",
            "grpc.aio._channel:Channel",
            "grpc.aio._server:Server",
        ),
    ),
    "psycopg2": Library("libpq, written in C, opens real sockets; pg8000 and asyncpg speak to PostgreSQL in Python"),
    "pycares": Library("c-ares, written in C, opens real sockets; socket.getaddrinfo and dnspython work"),
    "pycurl": Library("libcurl, written in C, opens real sockets; urllib3, requests and httpx work"),
    "twisted.internet.reactor": Library(
        "the reactor is one for the whole interpreter, not for each program; asyncio works",
        ("twisted.internet.base:ReactorBase.startRunning",),
    ),
    "uvloop": Library(
        "libuv, written in C, waits for real sockets and reads the real clock; asyncio's own loop works",
        ("uvloop:Loop",),
    ),
    "zmq": Library("libzmq, written in C, opens real sockets and starts real threads"),
}


class Finder(MetaPathFinder):
    """Refuses to find them for a program; what is to be adapted is so when it has been imported."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        """Raises ImportRefusedError. None: let others find it."""
        library = REFUSED.get(fullname.partition(".")[0]) or REFUSED.get(fullname)
        task = None if library is None else current()
        if library is not None and task is not None:
            text = f"{task.name} imports {fullname} at {running_line()}: {library.why}"
            raise ImportRefusedError(text, name=fullname)
        adapt = ADAPTED.get(fullname)
        return None if adapt is None else _with(adapt, PathFinder.find_spec(fullname, path))


def _with(adapt: Callable[[Any], None], spec: ModuleSpec | None) -> ModuleSpec | None:
    """The same module, with `adapt` called as soon as it is there."""
    loader: Any = None if spec is None else spec.loader
    if loader is not None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            _adapt(module, adapt)

        loader.exec_module = exec_module
    return spec


_adapted: Final[WeakSet[ModuleType]] = WeakSet()


def _adapt(module: ModuleType, adapt: Callable[[Any], None]) -> None:
    if module not in _adapted:
        _adapted.add(module)
        adapt(module)


class Caches:
    """Trio's threads that wait for work, of each program apart: in another's they would be on another host."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._outside = make()
        self._of_programs: WeakKeyDictionary[Process, Any] = WeakKeyDictionary()

    def start_thread_soon(self, *arguments: Any, **named: Any) -> None:
        """Work for a thread of the program that calls this."""
        task = current()
        cache = self._outside
        if task is not None:
            process = process_of(task)
            cache = self._of_programs.get(process)
            if cache is None:
                cache = self._of_programs[process] = self._make()
        cache.start_thread_soon(*arguments, **named)


def _adapt_trio_threads(module: Any) -> None:
    module.THREAD_CACHE = Caches(module.ThreadCache)
    in_c = module.set_os_thread_name
    if in_c is not None:
        # pthread_setname_np() takes the identity of a thread for an address, and a program's is none
        module.set_os_thread_name = lambda ident, name: None if current() is not None else in_c(ident, name)


def _adapt_trio_sockets(module: Any) -> None:
    """Trio wants sockets of `socket.socket` itself, to keep TLS's out, and calls that class's own methods."""
    module.type = lambda thing: socket.socket if type(thing) is GuestSocket else type(thing)
    real = module._SocketType._nonblocking_helper

    def call(self: Any, wait: Any, method: Any, *arguments: Any, **named: Any) -> Any:
        if isinstance(self._sock, GuestSocket):
            method = getattr(GuestSocket, method.__name__)
        return real(self, wait, method, *arguments, **named)

    module._SocketType._nonblocking_helper = call


def _adapt_trio_scheduler(module: Any) -> None:
    """Trio draws the order of its tasks, and its clock's beginning, from a generator that all programs would share."""
    module._r = random


def _adapt_dnspython(module: Any) -> None:
    """dnspython's own resolver asks the name servers of the program's host, not those of this machine."""
    real = module.BaseResolver.read_resolv_conf

    def read(self: Any, f: Any) -> None:
        task = current()
        if task is not None and f == "/etc/resolv.conf":
            f = io.StringIO(process_of(task).host.resolver.as_text())
        real(self, f)

    module.BaseResolver.read_resolv_conf = read


ADAPTED: Final[dict[str, Callable[[Any], None]]] = {
    "dns.resolver": _adapt_dnspython,
    "trio._core._run": _adapt_trio_scheduler,
    "trio._core._thread_cache": _adapt_trio_threads,
    "trio._socket": _adapt_trio_sockets,
}


def install() -> None:
    """From now on imports are looked at."""
    sys.meta_path.insert(0, Finder())


def guard() -> None:
    """Guard or adapt those that are imported by now: called whenever a program is started."""
    for name, library in REFUSED.items():
        if name in sys.modules:
            for path in library.classes:
                _guard_class(path, library.why)
    for name, adapt in ADAPTED.items():
        module = sys.modules.get(name)
        if module is not None:
            _adapt(module, adapt)


def _guard_class(path: str, why: str) -> None:
    module, _, name = path.partition(":")
    name, _, method = name.partition(".")
    method = method or "__init__"
    kind: Any = getattr(sys.modules.get(module), name, None)
    real = None if kind is None else getattr(kind, method, None)
    if real is not None and not hasattr(real, "guarded"):
        setattr(kind, method, _guarded(path.replace(":", "."), why, real))


def _guarded(what: str, why: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Any, *arguments: Any, **named: Any) -> Any:
        if current() is not None:
            raise refusal(what, why)
        return real(self, *arguments, **named)

    call.guarded = True  # type: ignore[attr-defined]
    return call
