"""What a program cannot do here, refused by name: nothing of a program ever reaches the real system unseen."""

from __future__ import annotations

import _socket
import asyncio.base_events
import asyncio.subprocess
import ctypes.util
import multiprocessing
import multiprocessing.context
import multiprocessing.process
import os
import signal
import subprocess
from collections.abc import Callable
from typing import Any, Final

from sim.errors import SimError
from sim.userland.diagnosis import running_line
from sim.userland.tasks import current

CHILDREN: Final = (
    "fork",
    "forkpty",
    "posix_spawn",
    "posix_spawnp",
    "system",
    "popen",
    "spawnv",
    "spawnve",
    "startfile",
    "execv",
    "execve",
    "execvp",
    "execvpe",
    "wait",
    "waitpid",
    "killpg",
)
SIGNALS: Final = ("setitimer", "alarm", "pause", "pthread_kill", "sigwait", "sigwaitinfo", "sigtimedwait")
POOLS: Final = ("Manager", "Pipe", "Pool", "Queue", "SimpleQueue", "JoinableQueue", "Lock", "RLock")
SUBPROCESSES: Final = ("create_subprocess_exec", "create_subprocess_shell")
TRANSPORTS: Final = ("subprocess_exec", "subprocess_shell")
PIPES: Final = ("connect_read_pipe", "connect_write_pipe")
NO_PIPES: Final = "a pipe is a file of the real system; socket.socketpair() is simulated, sys.stdin can be read"
OUTSIDE: Final = "a child process would live outside of virtual time"
UNSAFE: Final = "signals of the real system would reach the simulator; process.interrupt() and os.kill() reach programs"


def refusal(what: str, why: str) -> SimError:
    """The error that says which program has called what, and where."""
    task = current()
    name = "a program" if task is None else task.name
    return SimError(f"{name} calls {what} at {running_line()}: {why}")


def refuse(what: str, why: str, real: Callable[..., Any]) -> Callable[..., Any]:
    """A function that programs may not call; for all others it is `real`."""

    def call(*arguments: Any, **named: Any) -> Any:
        if current() is None:
            return real(*arguments, **named)
        raise refusal(what, why)

    call.__name__ = call.__qualname__ = getattr(real, "__name__", what)
    return call


def _refuse_all(owner: Any, prefix: str, names: tuple[str, ...], why: str) -> list[tuple[Any, str, Any]]:
    return [
        (owner, name, refuse(f"{prefix}.{name}", why, getattr(owner, name))) for name in names if hasattr(owner, name)
    ]


def _find_library(real: Callable[[str], str | None]) -> Callable[[str], str | None]:
    """`ctypes.util.find_library` asks a compiler, a child process: a program has none, and finds nothing."""

    def find_library(name: str) -> str | None:
        return real(name) if current() is None else None

    return find_library


def _guarded_socket() -> type:
    """`_socket.socket` by itself is a real socket: programs have `socket.socket`."""
    real = _socket.socket

    class Kind(type):
        def __call__(cls, *arguments: Any, **named: Any) -> Any:
            if cls is not guarded:
                return super().__call__(*arguments, **named)
            if current() is not None:
                raise refusal("_socket.socket", "it would open a real socket; socket.socket is the simulated one")
            return real(*arguments, **named)

        def __instancecheck__(cls, thing: object) -> bool:
            return isinstance(thing, real) if cls is guarded else super().__instancecheck__(thing)

        def __subclasscheck__(cls, other: type) -> bool:
            return issubclass(other, real) if cls is guarded else super().__subclasscheck__(other)

    guarded: type = Kind("socket", (real,), {"__module__": "_socket"})
    return guarded


def replacements() -> list[tuple[Any, str, Any]]:
    """(module or class, name, what stands there from now on)."""
    loop: Any = asyncio.base_events.BaseEventLoop
    popen: Any = subprocess.Popen
    child: Any = multiprocessing.process.BaseProcess
    return [
        *_refuse_all(os, "os", CHILDREN, OUTSIDE),
        *_refuse_all(asyncio.subprocess, "asyncio", SUBPROCESSES, OUTSIDE),
        *_refuse_all(loop, "loop", TRANSPORTS, OUTSIDE),
        *_refuse_all(loop, "loop", PIPES, NO_PIPES),
        (popen, "__init__", refuse("subprocess.Popen", OUTSIDE, popen.__init__)),
        (child, "start", refuse("multiprocessing.Process.start", OUTSIDE, child.start)),
        *_refuse_all(multiprocessing, "multiprocessing", POOLS, OUTSIDE),
        *_refuse_all(multiprocessing.context.BaseContext, "multiprocessing", POOLS, OUTSIDE),
        *_refuse_all(signal, "signal", SIGNALS, UNSAFE),
        (ctypes.util, "find_library", _find_library(ctypes.util.find_library)),
        (_socket, "socket", _guarded_socket()),
    ]
