"""Who runs: the threads of the programs on all hosts of one network, one at a time, chosen by the engine.

A task is a greenlet. It runs until it waits; then the engine goes on, and an event (a socket became ready, a deadline
has come, a lock was released) makes the task ready again. That is where determinism comes from: no two tasks ever run
at once, and whose turn it is follows from the events alone.
"""

from __future__ import annotations

from asyncio import _get_running_loop
from collections import deque
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeVar

from greenlet import GreenletExit, getcurrent, greenlet

from sim.engine.engine import NEVER, NO_CAUSE, Engine
from sim.errors import SimError
from sim.userland import watchdog
from sim.userland.diagnosis import SpinError, Stuck, place, running_line

if TYPE_CHECKING:
    from sim.userland.contexts import Context

T = TypeVar("T")
NS: Final = 1_000_000_000
SPIN_LIMIT: Final = 1_000_000
"""Looks at the clock, and waits that did not wait, that a program may take without anything happening."""

# A program that looks again and again is busy, and on a real machine every look takes some time. Here it takes none, as
# long as they are few: else a program that waits until a time has come, or asks for ever which of its sockets can be
# written to, would stay at one instant.
BUSY: Final = 3_000
"""Looks at one instant after which each of them takes some time."""
LOOK: Final = 1_000
"""ns that one takes, as a system call does."""
PART: Final = 500
"""One look takes this part of the time for which the program has been busy, so that long times pass as well."""
LONGEST_LOOK: Final = 10_000_000
TURNS: Final = 100
"""A loop of asyncio looks in each of its turns, also when it has a lot to do: so many looks take their time at once,
and it does not grow."""


class Guest(greenlet):
    """The greenlet of a task."""

    task: Task


class Task:
    """One thread of a program. `context` is what is exchanged while it runs: its standard streams and the like."""

    def __init__(
        self,
        scheduler: Scheduler,
        context: Context,
        body: Callable[[], None],
        program: str,
        *,
        host: str = "",
        thread: str = "MainThread",
    ) -> None:
        self.scheduler = scheduler
        self.context = context
        self.program = program
        self.host = host
        self.thread = thread
        self.number = scheduler.next_number()
        self.done = False
        self.dying = False  # it was killed, and may only unwind
        self.cause = NO_CAUSE  # what has woken it: what it sends now belongs to that journey
        self.waits_for = ""  # for those who ask why nothing goes on
        self.verdict: SimError | None = None  # of the watchdog
        self.on_done: list[Callable[[], None]] = []
        self._waiting = False
        self._woken = False
        self._interruptions: deque[Callable[[], None]] = deque()
        self._guest = Guest(self._run)
        self._guest.task = self
        self._body = body
        self._timer = scheduler.engine.timer(self._time_out)
        self._looks = 0
        self._looked_at = -1
        self._busy_since = 0

    @property
    def name(self) -> str:
        """The program, and the host that it runs on."""
        return f"{self.program} on {self.host}" if self.host else self.program

    # -- from inside: the task itself

    def park(self, deadline: int | None = None, what: str = "an event") -> bool:
        """Wait to be woken, at most to `deadline` (ns). False when that has come first.

        Whoever calls this looks again at what it waits for: a task that was interrupted is woken too.
        """
        scheduler = self.scheduler
        if self.dying or scheduler.running is not self:
            raise GreenletExit  # killed; or collected with its network, when nobody is left to wake it
        if self._interruptions:
            self.take_interruptions()
            return True
        engine = scheduler.engine
        if deadline is not None and deadline < NEVER:
            if deadline <= engine.now:
                self.look()
            self._timer.set(max(deadline, engine.now))
        self._waiting, self._woken, self.waits_for = True, False, what
        parent = self._guest.parent
        assert parent is not None
        parent.switch()
        self._timer.cancel()
        if self._interruptions:
            self.take_interruptions()
            return True
        return self._woken

    def look(self) -> None:
        """The task has looked whether something is so, without waiting. Raises SpinError when it does nothing else."""
        if self.dying:
            raise GreenletExit
        now = self.scheduler.engine.now
        if now != self._looked_at:
            self._looked_at = now
            self._looks = 0
        self._looks += 1
        if self._looks > BUSY:
            self._be_busy(now)
        limit = self.scheduler.spin_limit
        if self._looks > limit:
            self._looks = 0
            raise SpinError(f"{self.name} has looked {limit:,} times at {running_line()} and never waits")

    def _be_busy(self, now: int) -> None:
        """Let time pass, until something happens at most."""
        if self._looks == BUSY + 1:
            self._busy_since = now
        step = min(max(LOOK, (now - self._busy_since) // PART), LONGEST_LOOK)
        if _get_running_loop() is not None:
            if self._looks % TURNS:
                return
            step = TURNS * LOOK
        if self.park(now + step, "its clock to move"):
            self._looks = BUSY
        self._looked_at = self.scheduler.engine.now

    def after(self, seconds: float | None) -> int | None:
        """The deadline (ns) that is so many seconds from now; None for ever.

        It is later than now if `seconds` is more than 0: who waits for the rest of a time must see it shrink.
        """
        if seconds is None or seconds * NS >= NEVER:
            return None
        return self.scheduler.engine.now + (max(1, round(seconds * NS)) if seconds > 0 else 0)

    def take_interruptions(self) -> None:
        """Do what `interrupt` has asked for; the task itself calls this, and whatever that raises is its own."""
        while self._interruptions:
            self._interruptions.popleft()()

    # -- from outside

    def wake(self) -> None:
        """What it waits for may be there."""
        if self._waiting and not self._woken:
            self._woken = True
            self.cause = self.scheduler.engine.cause
            self.scheduler.make_ready(self)

    def throw(self, error: BaseException) -> None:
        """Let its next wait, or the present one, end with `error`."""

        def fail() -> None:
            raise error

        self.interrupt(fail)

    def interrupt(self, action: Callable[[], None]) -> None:
        """Let it do something in its next wait, or the present one, which then goes on unless `action` raises."""
        if self.done or self.dying:
            return
        self._interruptions.append(action)
        if self._waiting and not self._woken:
            self._woken = True
            self.cause = NO_CAUSE
            self.scheduler.make_ready(self)

    def kill(self) -> None:
        """Let it end: GreenletExit, which is no Exception, is raised wherever it waits, now and from now on."""
        self.throw(GreenletExit())
        self.dying = True

    def line(self) -> str:
        """Where it stands, `file:line`: in the program itself, not in what the program has called."""
        return place(self._guest.gr_frame)

    def stuck(self) -> Stuck:
        """What it waits for, and where."""
        return Stuck(self.host, self.program, self.thread, self.waits_for, self.line())

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
            if self.dying:
                raise GreenletExit
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
    """The tasks of one network. With `shuffle`, those that are ready at one instant run in an order drawn from it.

    `spin_limit` bounds how often a task may look without waiting at one instant, `patience` how many real seconds it
    may run without waiting.
    """

    def __init__(self, engine: Engine, shuffle: Random | None = None) -> None:
        self.engine = engine
        self.shuffle = shuffle
        self.tasks: dict[Task, None] = {}
        self.running: Task | None = None
        self.turns = 0
        self.spin_limit = SPIN_LIMIT
        self.patience = watchdog.PATIENCE
        self._numbers = 0
        self._ready: list[Task] = []
        self._scheduled = False

    def next_number(self) -> int:
        """A number for a task: the first has 1."""
        self._numbers += 1
        return self._numbers

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
            self.engine.soon(self._run_ready)

    def forget(self, task: Task) -> None:
        """It is over."""
        self.tasks.pop(task, None)

    def stuck(self) -> list[Stuck]:
        """All threads that wait, in the order in which they began: with no event left, nothing will wake them."""
        return [task.stuck() for task in self.tasks if not task.dying]

    def at_rest(self) -> bool:
        """Whether nothing is to happen any more."""
        return not self._ready and self.engine.at_rest()

    def _run_ready(self) -> None:
        self._scheduled = False
        batch, self._ready = self._ready, []
        if self.shuffle is not None:
            self.shuffle.shuffle(batch)
        watchdog.observe(self)
        for position, task in enumerate(batch):
            if task.done:
                continue
            self.turns += 1
            outer, self.running = self.running, task
            try:
                task.resume()
            except BaseException:
                for other in batch[position + 1 :]:
                    self.make_ready(other)  # they have not had their turn
                raise
            finally:
                self.running = outer


def current() -> Task | None:
    """The task that calls this; None outside of programs."""
    try:
        guest = getcurrent()
    except RuntimeError:  # the interpreter is coming to its end
        return None
    return guest.task if isinstance(guest, Guest) else None


def outside(call: Callable[..., T]) -> Callable[..., T]:
    """The same function, but never on behalf of the program whose turn it is: what it prints, draws at random or opens
    is the simulator's. For what its users want to be called while something happens on a host.
    """

    def run(*arguments: Any) -> T:
        task = current()
        if task is None:
            return call(*arguments)
        task.context.leave()
        try:
            result: T = greenlet(call).switch(*arguments)  # a greenlet that is no task's
            return result
        finally:
            task.context.enter()

    return run
