"""Third-party libraries that do their waiting in C, where no simulation can see it: refused by name, in programs only.

What is imported by a program is refused there. What somebody has imported before, outside of programs, is refused when
a program makes the object that everything in the library begins with. An import that fails is an ImportError as well:
whoever only prefers such a library (uvicorn uvloop, aiohttp aiodns) goes on with what there is in its place.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from typing import Any, Final, NamedTuple

from sim.errors import SimError
from sim.userland.refusals import refusal
from sim.userland.tasks import current


class ImportRefusedError(SimError, ImportError):
    """A program imports a library that cannot run in one."""


class Library(NamedTuple):
    """Why it is refused, and the classes (`module:name`) that are refused when it was imported before."""

    why: str
    classes: tuple[str, ...] = ()


C_LIBRARIES: Final[dict[str, Library]] = {
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
    "uvloop": Library(
        "libuv, written in C, waits for real sockets and reads the real clock; asyncio's own loop works",
        ("uvloop:Loop",),
    ),
    "zmq": Library("libzmq, written in C, opens real sockets and starts real threads"),
}


class Finder(MetaPathFinder):
    """Refuses to find them for a program; finds nothing itself."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> None:
        """Raises ImportRefusedError."""
        library = C_LIBRARIES.get(fullname)
        if library is not None and current() is not None:
            raise ImportRefusedError(str(refusal(f"import {fullname}", library.why)), name=fullname)


def install() -> None:
    """From now on imports are looked at."""
    sys.meta_path.insert(0, Finder())


def guard() -> None:
    """Guard those that are imported by now. Called whenever a program is started; most often there is nothing to do."""
    for name, library in C_LIBRARIES.items():
        if name in sys.modules:
            for path in library.classes:
                _guard_class(path, library.why)


def _guard_class(path: str, why: str) -> None:
    module, _, name = path.partition(":")
    kind: Any = getattr(sys.modules.get(module), name, None)
    if kind is not None and not hasattr(kind.__init__, "guarded"):
        kind.__init__ = _guarded(f"{module}.{name}", why, kind.__init__)


def _guarded(what: str, why: str, real: Callable[..., None]) -> Callable[..., None]:
    def __init__(self: Any, *arguments: Any, **named: Any) -> None:  # noqa: N807
        if current() is not None:
            raise refusal(what, why)
        real(self, *arguments, **named)

    __init__.guarded = True  # type: ignore[attr-defined]
    return __init__
