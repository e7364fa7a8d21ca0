"""What a program cannot do here, refused by name: nothing of a program ever reaches the real system unseen."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from typing import Any, Final

from sim.errors import SimError
from sim.userland.tasks import current

CHILDREN: Final = ("fork", "forkpty", "posix_spawn", "posix_spawnp", "system", "popen", "execv", "execve", "execvp")


def refuse(what: str, why: str, real: Callable[..., Any]) -> Callable[..., Any]:
    """A function that programs may not call; for all others it is `real`."""

    def call(*arguments: Any, **named: Any) -> Any:
        task = current()
        if task is None:
            return real(*arguments, **named)
        raise SimError(f"{task.name} calls {what}: {why}")

    call.__name__ = call.__qualname__ = getattr(real, "__name__", what)
    return call


def replacements() -> list[tuple[Any, str, Any]]:
    """(module or class, name, what stands there from now on)."""
    outside = "a child process would live outside of virtual time"
    found: list[tuple[Any, str, Any]] = [
        (os, name, refuse(f"os.{name}", outside, getattr(os, name))) for name in CHILDREN if hasattr(os, name)
    ]
    popen: Any = subprocess.Popen
    found.append((popen, "__init__", refuse("subprocess.Popen", outside, popen.__init__)))
    unsafe = "signals are the real process's; a program here is stopped with process.interrupt()"
    found += [
        (signal, name, refuse(f"signal.{name}", unsafe, getattr(signal, name)))
        for name in ("setitimer", "alarm", "pause", "pthread_kill")
        if hasattr(signal, name)
    ]
    return found
