"""The signals of one program: what it does about each, and how one reaches it. The real process hears nothing of it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Any, Final, Protocol

from sim.userland.tasks import Task, current

IGNORED: Final = frozenset(
    int(getattr(signal, name)) for name in ("SIGCHLD", "SIGURG", "SIGWINCH", "SIGCONT") if hasattr(signal, name)
)
"""Those that do nothing to a program that has not asked for them (signal(7))."""
_IGNORED_BY_PYTHON: Final = frozenset(
    int(getattr(signal, name)) for name in ("SIGPIPE", "SIGXFSZ") if hasattr(signal, name)
)
SIGKILL: Final = 9
SIGSTOP: Final = 19
SIGNALLED: Final = 128
"""A program that a signal has ended has this plus the signal's number as its exit code, as the shell says it."""


class Receiver(Protocol):
    """A program, as far as signals are concerned."""

    main: Task

    def end(self, code: int, reason: str) -> None:
        """Stop at once."""
        ...

    def write(self, descriptor: int, data: bytes) -> None:
        """Put data into a socket of the program, if there is room."""
        ...


class SignalTable:
    """What a program does about signals. `heard` says whether it has had one that it may answer by an exception."""

    def __init__(self, owner: Receiver) -> None:
        self.wakeup = -1
        self.heard = False
        self._owner = owner
        self._handlers: dict[int, Any] = {}

    def handler(self, number: int) -> Any:
        """SIG_DFL, SIG_IGN or a function, as `signal.getsignal` returns it."""
        if number in self._handlers:
            return self._handlers[number]
        if number == signal.SIGINT:
            return signal.default_int_handler
        return signal.SIG_IGN if number in _IGNORED_BY_PYTHON else signal.SIG_DFL

    def set_handler(self, number: int, handler: Any) -> Any:
        """Do this about a signal from now on; returns what was done before."""
        before = self.handler(number)
        self._handlers[number] = handler
        return before

    def deliver(self, number: int) -> None:
        """A signal comes: the handler runs in the main thread, where that waits."""
        handler = self.handler(number)
        if number in (SIGKILL, SIGSTOP) or handler == signal.SIG_DFL:
            if number not in IGNORED:
                self._owner.end(SIGNALLED + number, f"ended by {signal_name(number)}")
            return
        if handler == signal.SIG_IGN:
            return
        self.heard = True
        if self.wakeup >= 0:
            self._owner.write(self.wakeup, bytes([number]))
        if current() is self._owner.main:
            _call(handler, number)
        else:
            self._owner.main.interrupt(lambda: _call(handler, number))


def _call(handler: Callable[[int, Any], Any], number: int) -> None:
    handler(number, sys._getframe(1))


def signal_name(number: int) -> str:
    """`SIGTERM`."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
