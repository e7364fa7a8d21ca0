"""The module `signal`, and what else a program does about processes: each has its own handlers and its own number."""

from __future__ import annotations

import _thread
import atexit
import errno
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from sim.stack.service import os_error
from sim.userland.guest_socket import here
from sim.userland.locks import either
from sim.userland.signal_table import SIGKILL, SIGSTOP

PROCESSORS: Final = 4
"""What `os.cpu_count()` says in a program: thread pools must not depend on where the simulator runs."""


def _checked(number: int) -> int:
    number = int(number)
    if not 0 < number < signal.NSIG:
        raise ValueError("signal number out of range")
    return number


def _as_python_shows_it(handler: Any) -> Any:
    return signal.Handlers(handler) if handler in (signal.SIG_DFL, signal.SIG_IGN) else handler


def set_handler(number: int, handler: Any) -> Any:
    """`signal.signal`. Raises ValueError outside the main thread, TypeError, OSError EINVAL for SIGKILL and SIGSTOP."""
    task, process = here()
    if not callable(handler) and handler not in (signal.SIG_IGN, signal.SIG_DFL):
        raise TypeError("signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object")
    if task is not process.main:
        raise ValueError("signal only works in main thread of the main interpreter")
    number = _checked(number)
    if number in (SIGKILL, SIGSTOP):
        raise os_error(errno.EINVAL)
    return _as_python_shows_it(process.signals.set_handler(number, handler))


def get_handler(number: int) -> Any:
    """`signal.getsignal`."""
    return _as_python_shows_it(here()[1].signals.handler(_checked(number)))


def set_wakeup_fd(descriptor: int, **_: bool) -> int:
    """`signal.set_wakeup_fd`: a socket into which the number of each signal is written."""
    task, process = here()
    if task is not process.main:
        raise ValueError("set_wakeup_fd only works in main thread of the main interpreter")
    before, process.signals.wakeup = process.signals.wakeup, descriptor
    return before


def interrupts_calls(number: int, _flag: bool) -> None:
    """`signal.siginterrupt`: calls are resumed anyway (PEP 475)."""
    _checked(number)


def raise_signal(number: int) -> None:
    """`signal.raise_signal`."""
    here()[1].signal(_checked(number))


def kill(pid: int, number: int) -> None:
    """`os.kill`: a signal for a program on the same host. OSError ESRCH, EINVAL."""
    _, process = here()
    if not 0 <= number < signal.NSIG:
        raise os_error(errno.EINVAL)
    for task in process.scheduler.tasks:
        other = getattr(task.context, "process", None)
        if other is not None and other.host is process.host and other.pid == pid and not other.done:
            if number:
                other.signal(number)
            return
    raise os_error(errno.ESRCH)


def interrupt_main(number: int = signal.SIGINT) -> None:
    """`_thread.interrupt_main`."""
    raise_signal(number)


def getpid() -> int:
    """`os.getpid`: programs are numbered per host."""
    return here()[1].pid


def getppid() -> int:
    """`os.getppid`: nobody's child."""
    return 1


def cpu_count() -> int:
    """`os.cpu_count`."""
    return PROCESSORS


def leave(status: int) -> None:
    """`os._exit`: at once, without cleaning up."""
    _, process = here()
    process.end(int(status) & 0xFF, "ended by os._exit")


def abort() -> None:
    """`os.abort`."""
    _, process = here()
    process.end(128 + int(signal.SIGABRT), "aborted")


def register(real: Callable[..., Any]) -> Callable[..., Any]:
    """`atexit.register`: a program's functions run when it ends. The library's own are the real interpreter's."""

    def register(function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
        if _is_for_all(sys._getframe(2).f_globals.get("__name__", "")):
            return real(function, *arguments, **named)
        here()[1].at_exit.append(partial(function, *arguments, **named))
        return function

    return register


def _is_for_all(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names - {"__main__"}


def unregister(function: Callable[..., Any], /) -> None:
    """`atexit.unregister`."""
    _, process = here()
    process.at_exit[:] = [kept for kept in process.at_exit if getattr(kept, "func", None) != function]


def replacements() -> list[tuple[Any, str, Any]]:
    """(module, name, what stands there from now on)."""
    wanted: list[tuple[Any, str, Callable[..., Any]]] = [
        (signal, "signal", set_handler),
        (signal, "getsignal", get_handler),
        (signal, "set_wakeup_fd", set_wakeup_fd),
        (signal, "siginterrupt", interrupts_calls),
        (signal, "raise_signal", raise_signal),
        (os, "kill", kill),
        (os, "getpid", getpid),
        (os, "getppid", getppid),
        (os, "cpu_count", cpu_count),
        (os, "process_cpu_count", cpu_count),
        (os, "_exit", leave),
        (os, "abort", abort),
        (_thread, "interrupt_main", interrupt_main),
        (atexit, "register", register(atexit.register)),
        (atexit, "unregister", unregister),
    ]
    found = [
        (owner, name, either(getattr(owner, name), guest)) for owner, name, guest in wanted if hasattr(owner, name)
    ]
    if hasattr(os, "sched_getaffinity"):
        found.append((os, "sched_getaffinity", either(os.sched_getaffinity, lambda _pid: set(range(PROCESSORS)))))
    return found
