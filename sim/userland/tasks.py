"""Who runs: the threads of the programs on all hosts of one network, one at a time, chosen by the engine.

A task is a greenlet. It runs until it waits; then the engine goes on, and an event (a socket became ready, a deadline
has come, a lock was released) makes the task ready again. That is where determinism comes from: no two tasks ever run
at once, and whose turn it is follows from the events alone.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Final

from greenlet import GreenletExit, getcurrent, greenlet

from sim.engine.engine import NO_CAUSE, Engine
from sim.errors import SimError

if TYPE_CHECKING:
    from sim.userland.contexts import Context

SPIN_LIMIT: Final = 1_000_000
"""Looks at the clock, and waits that did not wait, that a program may take before it lets time pass."""


class SpinError(SimError):
    """A program goes round in circles and never waits."""


class Guest(greenlet):
    """The greenlet of a task."""

    task: Task


class Task:
    """One thread of a program. `context` is what is exchanged while it runs: its standard streams and the like."""

    def __init__(self, scheduler: Scheduler, context: Context, body: Callable[[], None], name: str) -> None:
        self.scheduler = scheduler
        self.context = context
        self.name = name
        self.done = False
        self.cause = NO_CAUSE  # what has woken it: what it sends now belongs to that journey
        self.waits_for = ""  # for those who ask why nothing goes on
        self.on_done: list[Callable[[], None]] = []
        self._waiting = False
        self._woken = False
        self._pending: BaseException | None = None
        self._guest = Guest(self._run)
        self._guest.task = self
        self._body = body
        self._timer = scheduler.engine.timer(self._time_out)
        self._idle_looks = 0

    # -- from inside: the task itself

    def park(self, deadline: int | None = None, what: str = "an event") -> bool:
        """Wait to be woken, at most to `deadline` (ns). False when that has come first."""
        engine = self.scheduler.engine
        if deadline is not None:
            if deadline <= engine.now:
                self.look()
            self._timer.set(max(deadline, engine.now))
        self._waiting, self._woken, self.waits_for = True, False, what
        self._guest.parent.switch()
        self._timer.cancel()
        self._idle_looks = 0
        if self._pending is not None:
            pending, self._pending = self._pending, None
            raise pending
        return self._woken

    def look(self) -> None:
        """The task has looked whether something is so, without waiting. Raises SpinError when it does nothing else."""
        self._idle_looks += 1
        if self._idle_looks > SPIN_LIMIT:
            self._idle_looks = 0
            raise SpinError(f"{self.name} has looked {SPIN_LIMIT:,} times and never waits: virtual time stands still")

    # -- from outside

    def wake(self) -> None:
        """What it waits for may be there."""
        if self._waiting and not self._woken:
            self._woken = True
            self.cause = self.scheduler.engine.cause
            self.scheduler.make_ready(self)

    def throw(self, error: BaseException) -> None:
        """Let its next wait, or the present one, end with `error`."""
        if self.done:
            return
        self._pending = error
        if self._waiting and not self._woken:
            self._woken = True
            self.cause = NO_CAUSE
            self.scheduler.make_ready(self)

    def line(self) -> str:
        """Where it stands, `file:line`: the innermost frame that is not ours."""
        frame = self._guest.gr_frame
        while frame is not None and "/sim/" in frame.f_code.co_filename.replace("\\", "/"):
            frame = frame.f_back
        return "" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"

    def resume(self) -> None:
        """Let it run until it waits. Only the scheduler calls this."""
        self._waiting = False
        self._guest.parent = getcurrent()
        self.scheduler.engine.cause = self.cause
        self.context.enter()
        try:
            self._guest.switch()
        finally:
            self.context.leave()

    def _run(self) -> None:
        try:
            if self._pending is not None:
                pending, self._pending = self._pending, None
                raise pending
            self._body()
        except GreenletExit:
            pass
        finally:
            self.done = True
            self.scheduler.forget(self)
            for action in self.on_done:
                action()

    def _time_out(self) -> None:
        if self._waiting and not self._woken:
            self._waiting = False
            self.cause = NO_CAUSE
            self.scheduler.make_ready(self)


class Scheduler:
    """The tasks of one network. With `shuffle`, those that are ready at one instant run in an order drawn from it."""

    def __init__(self, engine: Engine, shuffle: Random | None = None) -> None:
        self.engine = engine
        self.shuffle = shuffle
        self.tasks: dict[Task, None] = {}
        self.running: Task | None = None
        self._ready: list[Task] = []
        self._scheduled = False

    def start(self, task: Task) -> None:
        """Let a new task have its turn."""
        self.tasks[task] = None
        task.cause = self.engine.cause
        self.make_ready(task)

    def make_ready(self, task: Task) -> None:
        """It runs at this instant, after what is happening now."""
        self._ready.append(task)
        if not self._scheduled:
            self._scheduled = True
            self.engine.at(self.engine.now, self._run_ready)

    def forget(self, task: Task) -> None:
        """It is over."""
        self.tasks.pop(task, None)

    def _run_ready(self) -> None:
        self._scheduled = False
        batch, self._ready = self._ready, []
        if self.shuffle is not None:
            self.shuffle.shuffle(batch)
        for task in batch:
            if not task.done:
                self.running = task
                try:
                    task.resume()
                finally:
                    self.running = None


def current() -> Task | None:
    """The task that calls this; None outside of programs."""
    guest = getcurrent()
    return guest.task if isinstance(guest, Guest) else None
