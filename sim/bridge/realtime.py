"""Real time: an engine whose clock keeps step with the wall clock, and doors through which the world comes in.

1. What time is it outside? That is the virtual time now: handle every event up to it, and none beyond it.
2. When is the next event due? Sleep until then, unless a door has something to read.
3. Somebody is at a door: first do step 1 again, so that what comes in comes in at the time it came.

Virtual time never runs ahead of the wall clock and never goes back. When the machine is too slow it falls behind; the
pacer measures by how much (`lag`), works in slices, and looks at the doors between them.
"""

from __future__ import annotations

import math
import select
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from sim.engine.engine import NO_CAUSE, Engine
from sim.errors import BudgetError
from sim.units import MILLISECOND, SECOND, format_duration

LATE: Final = 5 * MILLISECOND
"""A turn that starts or ends this much (ns of wall clock) behind counts as late: what a program may begin to notice."""

SLICE: Final = 10_000
"""Events handled at most before the doors are looked at again: some tens of milliseconds of work, if frames just move
on."""

SLICE_TIME: Final = 50 * MILLISECOND
"""ns of wall clock that a slice may take: with programs that work hard on what each event brings, fewer events."""

STUCK: Final = 1_000_000
"""Events at one instant of virtual time before it is called a loop: more than any flood needs."""

LONGEST_WAIT: Final = 3600 * SECOND
"""Sleep no longer (ns) in one go: a timer that is set for the end of time would be too much for some systems."""


class Door(Protocol):
    """A way in from the outside. Whoever opened it closes it; the pacer only reads."""

    def fileno(self) -> int:
        """The file descriptor to watch."""

    def readable(self) -> None:
        """Take in what is there, or a bounded part of it, and put it into the network at the engine's `now`."""

    def close(self) -> None:
        """Close it for good."""


class WallClock:
    """The monotonic clock, and waiting on it with `select`. Tests put a clock of their own in its place."""

    def now(self) -> int:
        """Nanoseconds since some moment in the past."""
        return time.monotonic_ns()

    def wait(self, doors: Sequence[Door], timeout: int | None) -> list[Door]:
        """Sleep for `timeout` ns (None: for ever) or until a door is readable; return the doors that are."""
        # select, for its microseconds: epoll and poll round the timeout up to whole milliseconds.
        ready, _, _ = select.select(doors, [], [], None if timeout is None else timeout / SECOND)
        return ready


class Lag:
    """How far virtual time was behind: `longest` ns of wall clock, `late` turns of `turns` by more than `LATE`."""

    def __init__(self) -> None:
        self.turns: int = 0
        self.late: int = 0
        self.longest: int = 0

    def add(self, lag: int) -> None:
        """Count one turn."""
        self.turns += 1
        self.longest = max(self.longest, lag)
        if lag > LATE:
            self.late += 1

    def __str__(self) -> str:
        return (
            f"at most {format_duration(self.longest)} behind the clock, "
            f"{self.late} of {self.turns} turns by more than {format_duration(LATE)}"
        )


class Pacer:
    """Runs an engine at the pace of the wall clock; `speed` 2.0 is twice as fast. Raises ValueError for a speed <= 0.

    `lag` tells how well it kept up, over all its runs; `interrupted` whether Ctrl-C ended the last one. Between two
    runs virtual time stands still.
    """

    def __init__(self, engine: Engine, speed: float = 1.0, clock: WallClock | None = None) -> None:
        _check(speed)
        self.engine = engine
        self.speed = speed
        self.lag = Lag()
        self.interrupted: bool = False
        self._clock = clock or WallClock()
        self._wall_start: int = 0
        self._virtual_start: int = 0
        self._stopped: bool = False
        self._slice: int = SLICE
        self._stuck: int = 0
        self._bell: Bell | None = None
        self._every_turn: Callable[[], None] | None = None
        self._interval: int = 0
        self._next_turn: int = 0  # of the wall clock

    def run(
        self,
        until: int | None = None,
        doors: Iterable[Door] = (),
        every_turn: Callable[[], None] | None = None,
        interval: int = 0,
    ) -> None:
        """Keep step with the wall clock to virtual time `until` (ns), or to `stop()` or Ctrl-C.

        `every_turn` is called whenever the events that are due have happened, at least every `interval` ns of wall
        clock, and at once after `wake()`.

        Without doors it also ends when nothing more is to happen. Raises BudgetError for a loop that takes no time,
        and whatever a door raises.
        """
        self._every_turn, self._interval, self._next_turn = every_turn, interval, 0
        self.interrupted = False
        self._wall_start = self._clock.now()
        self._virtual_start = self.engine.now
        self._bell = Bell()
        try:
            self._loop(until, list(doors), self._bell)
        except KeyboardInterrupt:
            self.interrupted = True
            self.engine.cause = NO_CAUSE
        finally:
            bell, self._bell = self._bell, None
            bell.close()
            self._stopped = False

    def stop(self) -> None:
        """End the run after the event or the door being handled; if none is running, the next ends at once.

        May be called by an event, a door, a signal handler or another thread.
        """
        self._stopped = True
        self.engine.stop()
        bell = self._bell
        if bell is not None:
            bell.ring()

    def wake(self) -> None:
        """Let `every_turn` be called soon, from any thread."""
        self._next_turn = 0
        bell = self._bell
        if bell is not None:
            bell.ring()

    def set_speed(self, speed: float) -> None:
        """Go on at another speed from now on; for whoever is called by the run. Raises ValueError for a speed <= 0."""
        _check(speed)
        self._virtual_start, self._wall_start = self.virtual_now(), self._clock.now()
        self.speed = speed

    def virtual_now(self) -> int:
        """The virtual time (ns) that the wall clock says it is; the engine may be behind it."""
        return self._virtual_start + int((self._clock.now() - self._wall_start) * self.speed)

    def _loop(self, until: int | None, doors: list[Door], bell: Bell) -> None:
        watched = [*doors, bell]
        while True:
            self._advance(until)
            if self._is_over(until):
                return
            self._take_turn()
            timeout = self._time_to_wait(until)
            if timeout is None and not doors:
                return
            ready = self._clock.wait(watched, timeout)
            if ready:
                self._advance(until)
            for door in ready:
                if self._is_over(until):
                    return
                door.readable()

    def _take_turn(self) -> None:
        if self._every_turn is not None:
            self._next_turn = self._clock.now() + self._interval
            self._every_turn()

    def _is_over(self, until: int | None) -> bool:
        return self._stopped or (until is not None and self.engine.now >= until)

    def _advance(self, until: int | None) -> None:
        """Handle what is due, a slice of it at most: the rest is due at once, so that nobody sleeps before it."""
        engine = self.engine
        outside = self.virtual_now()
        target = outside if until is None else min(outside, until)
        due = engine.next_time()
        behind = self._run_slice(target)
        if due is not None and due <= target:
            # The first event was as late as we began; the last one as late as we end.
            end = self.virtual_now() - (engine.now if behind else outside)
            self.lag.add(int(max(outside - due, end) / self.speed))

    def _run_slice(self, target: int) -> bool:
        """Handle what is due at `target`, or a slice of it; True when that was not all."""
        engine = self.engine
        start, began, size = engine.now, self._clock.now(), self._slice
        try:
            engine.run(target, size)
            while engine.now < target and not self._stopped:  # a tool that was done has stopped the engine, not us
                engine.run(target, size)
        except BudgetError:
            engine.cause = NO_CAUSE
            self._stuck = self._stuck + size if engine.now == start else 0
            if self._stuck >= STUCK:
                raise BudgetError(
                    f"{STUCK} events at {format_duration(start)} and time does not move on: "
                    "frames circle in a loop of links without delay or bandwidth"
                ) from None
            return True
        finally:
            self._cut_slices(self._clock.now() - began)
        self._stuck = 0
        return False

    def _cut_slices(self, taken: int) -> None:
        """The last slice has taken so long (ns of wall clock): how large may the next one be?"""
        if taken > SLICE_TIME:
            self._slice = max(1, self._slice * SLICE_TIME // taken)
        elif taken < SLICE_TIME // 4:
            self._slice = min(SLICE, self._slice * 2)

    def _time_to_wait(self, until: int | None) -> int | None:
        """How long to sleep (ns of wall clock); None when only a door can bring something."""
        due = self.engine.next_time()
        if until is not None and (due is None or until < due):
            due = until
        waits = [] if due is None else [max(0, math.ceil((due - self.virtual_now()) / self.speed))]
        if self._every_turn is not None:
            waits.append(max(0, self._next_turn - self._clock.now()))
        return min([*waits, LONGEST_WAIT]) if waits else None


def _check(speed: float) -> None:
    if not (math.isfinite(speed) and speed > 0):
        raise ValueError(f"a speed of {speed} is none: it must be above zero")


class Bell:
    """A door that wakes the pacer from its sleep."""

    def __init__(self) -> None:
        self._inside, self._outside = socket.socketpair()
        self._inside.setblocking(False)
        self._outside.setblocking(False)

    def fileno(self) -> int:
        return self._inside.fileno()

    def readable(self) -> None:
        self._inside.recv(4096)

    def ring(self) -> None:
        """Make it readable."""
        try:
            self._outside.send(b"\0")
        except OSError:  # full, so it rings already; or closed, so nobody sleeps
            return

    def close(self) -> None:
        self._inside.close()
        self._outside.close()
