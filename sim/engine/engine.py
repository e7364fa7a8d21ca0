"""The event queue: integer nanoseconds, and a tie is settled by who asked first.

An event is `(time, sequence, target, frame)`. The sequence number makes the order total, so a run repeats exactly; it
is also the identity of a transmission: while a frame's arrival is handled, `cause` holds its number, and whatever is
sent meanwhile records that number as its cause. An event without a frame is a timer's.

To hunt races, chance may settle ties instead (`shuffle`): of what is due at one instant when it begins, any target may
come first. The frames of one target keep their order, and what is asked for at an instant, for that same instant,
comes behind what was due, unless it is asked for with `soon`: the turns of programs are.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Final

from mypy_extensions import i64, mypyc_attr

from sim.errors import BudgetError

NEVER: Final = (1 << 62) - 1
"""A time (ns) later than any simulated time, 146 years on; the largest integer that compiled code need not box."""

NO_CAUSE: Final = 0
"""The cause of what nothing on a wire has caused: an application's own wish, or a test's."""


Event = tuple[int, int, "Target", bytes]
"""Time (ns), sequence number, for whom, and the frame; b"" for a timer."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Target:
    """Something an event can be for: a port that a frame reaches, or a timer."""

    def fire(self, frame: bytes) -> None:
        raise NotImplementedError


class Engine:
    """Virtual time and what is to happen in it. (`i64` is an `int` that compiled code keeps in a machine word.)

    `now` is nanoseconds since the start of the run. `cause` is the id of the transmission being handled, 0 when none
    is.
    """

    def __init__(self) -> None:
        self.now: i64 = 0
        self.cause: i64 = NO_CAUSE
        self.sequence: i64 = 0
        self.queue: list[Event] = []
        self.background: i64 = 0  # how many of the queue's events are of timers that keep no run going
        self.observer: Callable[[int], None] | None = None  # told before the clock goes on, and to when
        self._stopped: bool = False
        self._draw: Callable[[int], int] | None = None
        self._due: list[Event] = []  # of the instant that has begun, the next one last; empty unless shuffled

    def schedule(self, time: i64, target: Target, frame: bytes) -> i64:
        """Let `frame` reach `target` at `time` (ns); return the event's sequence number."""
        sequence: i64 = self.sequence + 1
        self.sequence = sequence
        heappush(self.queue, (time, sequence, target, frame))
        return sequence

    def number(self) -> int:
        """A sequence number for a transmission that will never arrive."""
        self.sequence += 1
        return self.sequence

    def timer(self, action: Callable[[], None], background: bool = False) -> Timer:
        """A timer, not yet set, that will call `action()`. One in the `background` keeps no run going: it is for what
        is never over, as a lease that has to be renewed."""
        return Timer(self, action, background)

    def at(self, time: int, action: Callable[[], None]) -> Timer:
        """Call `action()` at `time` (ns, not before now)."""
        timer = Timer(self, action)
        timer.set(time)
        return timer

    def soon(self, action: Callable[[], None]) -> None:
        """Call `action()` at this instant: behind all that is due, or, where chance settles ties, anywhere among it."""
        timer = Timer(self, action)
        if self._draw is None or not self._due:
            timer.set(self.now)
        else:
            timer.deadline = timer.queued = self.now
            timer.cause = self.cause
            self._due.insert(self._draw(len(self._due) + 1), (self.now, self.number(), timer, b""))

    def after(self, delay: int, action: Callable[[], None]) -> Timer:
        """Call `action()` once `delay` ns have passed."""
        return self.at(self.now + delay, action)

    def run(self, until: int | None = None, budget: int | None = None) -> None:
        """Handle events in order, to the last one, or to `until` (ns, included), or to `stop()`.

        Without `until` the last one is handled when only timers in the background are left. With `until` the clock
        ends there even if nothing happened. `budget` bounds how many events may be handled; BudgetError says that it
        was not enough.
        """
        queue = self.queue
        limit: i64 = NEVER if until is None else until
        self._stopped = False
        left: i64 = NEVER if budget is None else budget
        while (queue or self._due) and not self._stopped:
            if self.background and until is None and self.at_rest():
                break
            event = heappop(queue) if self._draw is None else self._next_drawn(self._draw)
            time, sequence, target, frame = event
            if time > limit or left == 0:
                heappush(queue, event)
                break
            left -= 1
            if self.observer is not None and time > self.now:
                self.observer(time)
            if frame:
                self.now = time
                self.cause = sequence
                target.fire(frame)
            elif not isinstance(target, Timer):
                raise ValueError("a device sent an empty frame: a frame has at least one byte")
            elif target.is_due(time):
                self.now = time  # only here: a cancelled timer must not move the clock
                self.cause = target.cause
                target.fire(frame)
        self.cause = NO_CAUSE
        while self._due:
            heappush(queue, self._due.pop())
        if self._stopped:
            return
        if left == 0 and queue and queue[0][0] <= limit and not (until is None and self.at_rest()):
            raise BudgetError(f"{budget} events handled and the network is not at rest")
        if until is not None and until > self.now:
            if self.observer is not None:
                self.observer(until)
            self.now = until

    def stop(self) -> None:
        """Return from `run` after the event being handled."""
        self._stopped = True

    def shuffle(self, draw: Callable[[int], int]) -> None:
        """From now on chance settles ties; `draw(n)` is a random number from 0 to n - 1."""
        self._draw = draw

    def _next_drawn(self, draw: Callable[[int], int]) -> Event:
        """The next event; when an instant begins, all that is due in it is put in an order that is drawn."""
        if not self._due:
            queue = self.queue
            event = heappop(queue)
            if event[0] <= self.now or not queue or queue[0][0] != event[0]:
                return event
            together = [event]
            while queue and queue[0][0] == event[0]:
                together.append(heappop(queue))
            self._due = mix(together, draw)
            self._due.reverse()
        return self._due.pop()

    def at_rest(self) -> bool:
        """Whether nothing is to happen but what timers in the background do. A cancelled timer may still count."""
        return len(self.queue) + len(self._due) == self.background

    def next_time(self) -> int | None:
        """When the next event is (ns), None when nothing is to happen. A cancelled timer may still count."""
        if self._due:
            return self._due[-1][0]
        return self.queue[0][0] if self.queue else None

    def withdraw(self, target: Target) -> list[int]:
        """Take back all frames on their way to `target`; return their sequence numbers in order.

        It reads the whole queue: for links that are cut, not for every frame.
        """
        queue, due = self.queue, self._due
        numbers = sorted([entry[1] for entry in queue + due if entry[2] is target])
        if numbers:
            queue[:] = [entry for entry in queue if entry[2] is not target]
            due[:] = [entry for entry in due if entry[2] is not target]
            heapify(queue)
        return numbers


def mix(events: list[Event], draw: Callable[[int], int]) -> list[Event]:
    """The events in an order that is drawn (Fisher and Yates), those of one target in the order they have."""
    targets = [event[2] for event in events]
    for last in range(len(targets) - 1, 0, -1):
        other = draw(last + 1)
        targets[last], targets[other] = targets[other], targets[last]
    waiting: dict[Target, list[Event]] = {}
    for event in reversed(events):
        waiting.setdefault(event[2], []).append(event)
    return [waiting[target].pop() for target in targets]


class Timer(Target):
    """Calls an action once, at a time that may be moved or cancelled before it comes.

    It is lazy, as timers that are mostly moved away should be: setting it later than its queued event leaves that
    event alone, which on firing finds that it is early and queues the next.
    """

    def __init__(self, engine: Engine, action: Callable[[], None], background: bool = False) -> None:
        self.cause: i64 = NO_CAUSE
        self.background = background
        self.deadline: i64 = NEVER
        self._engine = engine
        self._action = action
        self.queued: i64 = NEVER

    @property
    def pending(self) -> bool:
        """Whether it is set."""
        return self.deadline != NEVER

    def set(self, time: int) -> None:
        """Fire at `time` (ns), instead of whenever it was set for before. Raises ValueError for the past."""
        if time < self._engine.now:
            raise ValueError(f"a timer cannot be set to {time} ns: it is {self._engine.now} ns already")
        self.deadline = time
        self.cause = self._engine.cause
        if time < self.queued:
            self._queue(time)

    def cancel(self) -> None:
        """Do not fire. A timer that is not set does not mind."""
        self.deadline = NEVER

    def is_due(self, time: int) -> bool:
        """Whether the queued event at `time` is the one to act on; keeps the queue in step when it is not."""
        if self.background:
            self._engine.background -= 1
        if time != self.queued:
            return False
        self.queued = NEVER
        if self.deadline == time:
            return True
        if self.deadline != NEVER:
            self._queue(self.deadline)
        return False

    def fire(self, frame: bytes) -> None:
        self.deadline = NEVER
        self._action()

    def _queue(self, time: i64) -> None:
        self.queued = time
        if self.background:
            self._engine.background += 1
        self._engine.schedule(time, self, b"")
