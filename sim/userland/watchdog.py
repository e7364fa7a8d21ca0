"""Finds programs that never wait: a real thread looks, once in a while, whether it is always the same task's turn.

A pure computation cannot be stopped by the simulator, which has the same thread. So the watchdog raises SpinError in
it from outside; if the program swallows that, GreenletExit follows. Programs that do wait cost nothing: the thread
compares two numbers a few times a second, ends when nothing runs, and never has an influence on virtual time.
"""

from __future__ import annotations

import _thread
import ctypes
import signal
import sys
import threading
import weakref
from time import monotonic, sleep
from typing import Any, Final, Protocol

from greenlet import GreenletExit

from sim.errors import SimError
from sim.userland.diagnosis import SpinError, place

PATIENCE: Final = 10.0
"""Real seconds that a program may run without waiting."""
INTERVAL: Final = 0.05
IDLE_ROUNDS: Final = 40

_start_thread = _thread.start_new_thread  # the real one, whatever stands there later
_allocate_lock = _thread.allocate_lock
_get_ident = _thread.get_ident


class Task(Protocol):
    """What runs, and what is found out about it."""

    verdict: SimError | None

    @property
    def name(self) -> str: ...


class Scheduler(Protocol):
    """Who lets tasks run: `turns` counts them."""

    turns: int
    patience: float

    @property
    def running(self) -> Task | None: ...


class _Observed:
    """A scheduler that runs tasks in a thread; since when it is one turn, and what was done against it."""

    def __init__(self, scheduler: Scheduler, thread: int) -> None:
        self.scheduler = weakref.ref(scheduler)
        self.thread = thread
        self.turn = -1
        self.since = 0.0
        self.warnings = 0


class Watchdog:
    """Looks after the schedulers that have run lately."""

    def __init__(self) -> None:
        self._lock = _allocate_lock()
        self._observed: dict[int, _Observed] = {}
        self._alive = False

    def observe(self, scheduler: Scheduler) -> None:
        """A scheduler is about to run tasks in this thread."""
        known = self._observed.get(id(scheduler))
        if known is not None and known.scheduler() is scheduler and self._alive:
            known.thread = _get_ident()
            return
        with self._lock:
            self._observed[id(scheduler)] = _Observed(scheduler, _get_ident())
            if not self._alive:
                self._alive = True
                _start_thread(self._watch, ())

    def _watch(self) -> None:
        idle = 0
        while idle < IDLE_ROUNDS:
            sleep(INTERVAL)
            idle = 0 if self._look() else idle + 1
            if idle == IDLE_ROUNDS:
                with self._lock:
                    self._observed.clear()
                    self._alive = False

    def _look(self) -> bool:
        """Look at each; whether one of them is at work."""
        busy = False
        for key, observed in list(self._observed.items()):
            scheduler = observed.scheduler()
            if scheduler is None:
                self._observed.pop(key, None)
            elif scheduler.running is not None:
                busy = True
                self._judge(observed, scheduler)
            else:
                busy = busy or observed.turn != scheduler.turns
                observed.turn = scheduler.turns
                observed.since = monotonic()
        return busy

    def _judge(self, observed: _Observed, scheduler: Scheduler) -> None:
        now = monotonic()
        if scheduler.turns != observed.turn:
            observed.turn, observed.since, observed.warnings = scheduler.turns, now, 0
            return
        task = scheduler.running
        limit = scheduler.patience * (1 if observed.warnings == 0 else 1 + observed.warnings / 4)
        if task is not None and now - observed.since >= limit:
            observed.warnings += 1
            _stop(observed, task, now - observed.since)


def _stop(observed: _Observed, task: Task, seconds: float) -> None:
    """Raise SpinError in the thread of a task; the second time GreenletExit, which programs do not catch.

    Neither reaches a thread that waits in C for a real lock: a signal does, the third time.
    """
    where = place(sys._current_frames().get(observed.thread))
    text = f"{task.name} has run for {seconds:.1f} s of real time at {where} and never waits: virtual time stands still"

    class FoundSpinningError(SpinError):
        """Made without arguments, as the interpreter makes it."""

        def __init__(self, *arguments: Any) -> None:
            super().__init__(text)

    FoundSpinningError.__name__ = FoundSpinningError.__qualname__ = SpinError.__name__
    FoundSpinningError.__module__ = SpinError.__module__
    task.verdict = FoundSpinningError()
    if observed.warnings <= 2:
        _raise_in(observed.thread, FoundSpinningError if observed.warnings == 1 else GreenletExit)
    elif observed.thread == threading.main_thread().ident and hasattr(signal, "pthread_kill"):
        _raise_in(observed.thread, None)
        signal.pthread_kill(observed.thread, signal.SIGINT)


def _raise_in(thread: int, kind: type[BaseException] | None) -> None:
    """Raise an exception in a thread as soon as it does something; None takes back one that waits for that."""
    error = None if kind is None else ctypes.py_object(kind)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), error)


_WATCHDOG: Final = Watchdog()
observe = _WATCHDOG.observe
