"""Several who wait for one socket: each is called when what it may do has perhaps changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sim.userland.machine import Machine
from sim.userland.tasks import Task


class Pollable(Protocol):
    """A socket of the stack, or a local one."""

    on_event: Callable[[], None] | None

    def poll(self) -> int: ...


class Watch:
    """Passes a socket's events on to all who have asked for them, in the order in which they did.

    `machine` is the one that a socket of the stack belongs to, None for a local one. What its events cause has the
    cause that the stack acts under then: a timer of the stack acts under causes of its own.
    """

    def __init__(self, socket: Pollable, machine: Machine | None = None) -> None:
        self._socket = socket
        self._machine = machine
        self._callbacks: dict[Callable[[], None], None] = {}

    def add(self, callback: Callable[[], None]) -> None:
        """Call `callback()` from now on."""
        self._callbacks[callback] = None
        self._socket.on_event = self._fire

    def remove(self, callback: Callable[[], None]) -> None:
        """Do so no longer."""
        self._callbacks.pop(callback, None)
        if not self._callbacks:
            self._socket.on_event = None

    def wait(self, task: Task, deadline: int | None, what: str) -> bool:
        """Let a task wait for the next event, at most to `deadline` (ns); False when that came first."""
        callback = task.wake
        self.add(callback)
        try:
            return task.park(deadline, what)
        finally:
            self.remove(callback)

    def look(self, task: Task) -> None:
        """A task has looked in vain, and does not wait; if it is busy with that, the next event ends its look."""
        callback = task.wake
        self.add(callback)
        try:
            task.look()
        finally:
            self.remove(callback)

    def _fire(self) -> None:
        machine = self._machine
        if machine is None:
            self._call_all()
            return
        engine = machine.engine
        before = engine.cause
        engine.cause = machine.stack.core.cause
        try:
            self._call_all()
        finally:
            engine.cause = before

    def _call_all(self) -> None:
        for callback in list(self._callbacks):
            callback()
