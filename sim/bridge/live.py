"""A network that people watch and change while it runs: in real time, at another speed, paused, or step by step.

    with Live("lab.yaml") as live:
        live.call(lambda: live.console("pc1").enter("ping web"))

Everything of the network happens in one thread of its own. Others hand it what is to be done there with `submit`, or
with `call`, which waits. While it is paused virtual time stands still, and what is handed to it is done nevertheless.
"""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from sim.bridge.loopback import BridgeError
from sim.bridge.realtime import Door, Pacer
from sim.bridge.segments import open_doors
from sim.errors import BudgetError, SimError, TopologyError
from sim.lab.api import prepare
from sim.lab.commands import Commands
from sim.lab.console.console import Console
from sim.lab.crafting import craft
from sim.lab.injecting import origin_of, send

LOOK_EVERY: Final = 20_000_000
"""ns of wall clock between two looks at what others want done."""
PATIENCE: Final = 10.0
"""Seconds that `call` waits for the network."""
SLICE: Final = 10_000
"""Events of one instant that are handled while time stands still, before somebody else has a turn."""
MOST_SILENT: Final = 10_000
"""Instants in which nothing is seen that a step leaps over."""
SLOWEST, FASTEST = 0.001, 1000.0

T = TypeVar("T")
Tell = Callable[[str, str], None]


class Live:
    """The network of a topology file, with its consoles.

    `on_output(node, text)` is given what consoles say, `run_.on_step` the report of each step of the scenario that has
    ended, `on_error` what went wrong; all are called in the network's thread. Raises TopologyError for the file,
    BridgeError for what the real system refuses.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        seed: int | None = None,
        speed: float = 1.0,
        paused: bool = False,
        scenario: bool = True,
    ) -> None:
        check_speed(speed)
        self.run_ = prepare(path, seed)
        self.topology = self.run_.topology
        self.network = self.run_.network
        self.pacer = Pacer(self.network.engine, speed)
        self.paused = paused
        self.stopped = threading.Event()
        self.on_output: Tell = lambda _node, _text: None
        self.on_error: Callable[[str], None] = lambda _text: None
        self._tasks: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sim.live", daemon=True)
        self._stopping = False
        self._failure: BaseException | None = None
        self._consoles: dict[str, Console] = {}
        self._doors: list[Door] = open_doors(self.network, self.topology)
        self._scenario = scenario
        if scenario:
            self.network.engine.at(self.network.now, self.run_.begin)

    # -- for others

    def submit(self, action: Callable[[], T]) -> Future[T]:
        """Let the network's thread do something; what comes of it is in the future, BridgeError if it has ended."""
        future: Future[T] = Future()

        def task() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(action())
            except BaseException as error:
                future.set_exception(error)

        if self.stopped.is_set():
            future.set_exception(BridgeError(f"the network has stopped: {self._failure or 'it was told to'}"))
            return future
        self._tasks.put(task)
        self.pacer.wake()
        if self.stopped.is_set():
            self._drop_tasks()
        return future

    def call(self, action: Callable[[], T], timeout: float = PATIENCE) -> T:
        """The same, waiting for it; raises what it raises."""
        if threading.current_thread() is self._thread:
            return action()
        return self.submit(action).result(timeout)

    def stop(self) -> None:
        """End it, from any thread."""
        self._stopping = True
        self._tasks.put(lambda: None)
        self.pacer.stop()

    @property
    def lag(self) -> int:
        """How far virtual time is behind now (ns of the clock on the wall)."""
        if self.paused or self.stopped.is_set():
            return 0
        return max(0, int((self.pacer.virtual_now() - self.network.now) / self.pacer.speed))

    @property
    def scenario_over(self) -> bool:
        """Whether no step of the scenario runs, or will."""
        return not self._scenario or self.run_.over

    @property
    def failure(self) -> BaseException | None:
        """What has ended it that nobody wanted."""
        return self._failure

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        self._thread.join()

    # -- in the network's thread

    def pause(self, paused: bool) -> None:
        """Let time stand still, or go on."""
        if paused != self.paused:
            self.paused = paused
            self.pacer.stop()

    def set_speed(self, speed: float) -> None:
        """2.0 is twice as fast as the clock. Raises BridgeError."""
        check_speed(speed)
        self.pacer.set_speed(speed)

    def step(self) -> bool:
        """Pause, and go on to the next instant in which something is seen; False when nothing is to happen."""
        self.pause(True)
        engine = self.network.engine
        before = self._seen()
        for _ in range(MOST_SILENT):
            due = engine.next_time()
            if due is None:
                return False
            self._settle(due)
            if self._seen() != before:
                return True
        return True

    def console(self, name: str) -> Console:
        """The console of a node. Raises TopologyError for a node that is not there."""
        node = self.network[name]
        if name not in self._consoles:
            self._consoles[name] = Console(self.network, node, lambda text: self.on_output(name, text))
        return self._consoles[name]

    def do(self, step: Any) -> None:
        """Change something, in the words of a scenario: see `lab/commands.py`. Raises TopologyError."""
        Commands(self.topology, self.network, self.run_.cables).do(step)

    def busy(self) -> list[str]:
        """The nodes at whose consoles something goes on."""
        return [name for name, console in self._consoles.items() if console.busy]

    def dark(self) -> list[str]:
        """The nodes that are switched off."""
        return [name for name, node in self.network.nodes.items() if not getattr(node, "powered", True)]

    # -- wherever

    def inject(self, port: str, text: str) -> Future[int]:
        """Send a hand-crafted frame out of a port, see `lab/crafting.py`; the result is its journey.

        It is crafted in the thread that calls, for that takes its time. Raises FrameError, TopologyError.
        """
        source, mac, address = self.call(lambda: origin_of(self.network, port))
        frame = craft(text, mac, address)
        return self.submit(lambda: send(self.network, source, frame))

    # -- inside

    def _run(self) -> None:
        try:
            while not self._stopping:
                try:
                    if self.paused:
                        self._tasks.get()()
                        self._settle(self.network.now)
                    else:
                        self.pacer.run(None, self._doors, self._turn, LOOK_EVERY)
                except TopologyError as error:  # a step of the scenario that cannot be done
                    self.on_error(str(error))
                except BudgetError as error:
                    self.paused = True
                    self.on_error(f"paused: {error}")
        except BaseException as error:
            self._failure = error
            self.on_error(f"the network has broken down: {error!r}")
        finally:
            self.stopped.set()
            self._drop_tasks()
            with suppress(SimError):
                self.network.close()
            for door in self._doors:
                door.close()

    def _turn(self) -> None:
        with suppress(queue.Empty):
            while True:
                self._tasks.get_nowait()()

    def _settle(self, time: int) -> None:
        """Let happen what happens up to `time` (ns); the rest of a very long instant is left for the next time."""
        engine = self.network.engine
        with suppress(BudgetError):
            engine.run(time, SLICE)
            while engine.now < time:  # a tool that was done has stopped the engine
                engine.run(time, SLICE)

    def _seen(self) -> tuple[int, int]:
        recorder = self.network.recorder
        return len(recorder.ids), len(recorder.note_times)

    def _drop_tasks(self) -> None:
        """What will not be done any more: futures of a network that has ended fail."""
        with suppress(queue.Empty):
            while True:
                self._tasks.get_nowait()()


def check_speed(speed: float) -> None:
    """Raises BridgeError for a speed that is none."""
    if not (math.isfinite(speed) and SLOWEST <= speed <= FASTEST):
        raise BridgeError(f"a speed of {speed:g} is none: it is between {SLOWEST:g} and {FASTEST:g}")
