"""Plays a drill script against a host under test, step by step, and says exactly where it leaves the script.

`play` is a generator so that virtual time and many hosts in real time are driven alike: it yields what it waits for,
and is resumed when that has come.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Protocol

from tests.drill.calls import Program
from tests.drill.frames import FrameError
from tests.drill.peer import DepartureError, Peer, differences
from tests.drill.script import Script, Step
from tests.drill.segments import IcmpError, Segment, text


@dataclass
class Wait:
    """Resume at `until` (ns since the start of the script), or at once when a frame has arrived and `frames` is set."""

    until: int
    frames: bool


class Stage(Protocol):
    """One host under test with its peer's end of the cable. Times are ns since the script's start."""

    peer: Peer
    program: Program
    arrived: deque[tuple[int, bytes]]

    def now(self) -> int: ...

    def send(self, frame: bytes) -> None:
        """Let the host receive a frame now."""

    def settle(self) -> None:
        """Let the host do what it does at once, and take in what it sends."""

    def early(self, after: int) -> int:
        """How much too early a segment may come that is due `after` the last line (ns)."""

    def late(self, after: int) -> int:
        """How much too late."""


@dataclass
class Play:
    """The performance of a script: `log` tells what happened, in the script's own notation."""

    script: Script
    stage: Stage
    log: list[str] = field(default_factory=list)
    last: int = 0  # when the last line happened

    def run(self) -> Generator[Wait, None, None]:
        """Play the script. Raises DepartureError with the whole story when the host does not follow."""
        step: Step | None = None
        try:
            for step in self.script.steps:
                if step.direction == ">":
                    yield from self._expect(step)
                else:
                    yield from self._act(step)
            step = None
            yield from self._silence(self.last + self.script.quiet)
        except (DepartureError, FrameError) as departure:
            raise DepartureError(self._story(step, departure)) from None

    def _act(self, step: Step) -> Generator[Wait, None, None]:
        """Do what the peer or the program does at the time of the step."""
        yield from self._silence(self.last + step.low if step.relative else step.low)
        self.last = self.stage.now()
        self._note(self.last, step.text.split(None, 1)[1])
        if isinstance(step.content, Segment):
            self.stage.send(self.stage.peer.frame(step.content))
        elif isinstance(step.content, IcmpError):
            self.stage.send(self.stage.peer.error_frame(step.content))
        else:
            self.stage.program.call(step.content)
        self.stage.settle()

    def _expect(self, step: Step) -> Generator[Wait, None, None]:
        """Wait for the segment of the step; the clock of what follows starts when it came."""
        base = self.last if step.relative else 0
        low, high = base + step.low, base + step.high
        low -= self.stage.early(low - self.last)
        high += self.stage.late(high - self.last)
        while True:
            yield Wait(high, frames=True)
            if not self.stage.arrived:
                raise DepartureError("nothing came")
            time, segment = self._take()
            if segment is not None:
                break
        assert isinstance(step.content, Segment)
        wrong = differences(step.content, segment, 1 + self.stage.late(time) // 1_000_000)
        if wrong:
            raise DepartureError(f"another segment: {', '.join(wrong)}")
        if time < low:
            raise DepartureError(f"too early, by {seconds(low - time)} s")
        if time > high:
            raise DepartureError(f"too late, by {seconds(time - high)} s")
        self.last = time

    def _silence(self, until: int) -> Generator[Wait, None, None]:
        """Wait; no segment may come."""
        while self.stage.arrived or self.stage.now() < until:
            if not self.stage.arrived:
                yield Wait(until, frames=True)
            if self.stage.arrived and self._take()[1] is not None:
                raise DepartureError("a segment that is not in the script")

    def _take(self) -> tuple[int, Segment | None]:
        time, frame = self.stage.arrived.popleft()
        segment = self.stage.peer.read(frame)
        if segment is not None:
            self._note(time, f"> {text(segment)}")
        return time, segment

    def _note(self, time: int, words: str) -> None:
        self.log.append(f"{seconds(time):>10}  {words}")

    def _story(self, step: Step | None, departure: Exception) -> str:
        where = f"{self.script.path}:{step.line if step else 'end'}"
        lines = [f"{where}: {departure}", f"  {self.script.title}"]
        lines += [f"  {line}" for line in self.log]
        while self.stage.arrived:  # what else was on its way
            time, frame = self.stage.arrived.popleft()
            try:
                segment = self.stage.peer.read(frame)
            except (DepartureError, FrameError) as error:
                lines.append(f"  {seconds(time):>10}  > {error}")
                continue
            if segment is not None:
                lines.append(f"  {seconds(time):>10}  > {text(segment)}")
        lines.append(f"  expected    {step.text if step else 'silence'}")
        return "\n".join(lines)


def seconds(time: int) -> str:
    return f"{time / 1e9:.4f}"
