"""Plays to our stack and to the kernel of this machine what a peer and a program do, and shows what either answers.

    python -m tests.drill.observe FILE...       both, side by side, with a mark where they differ
    python -m tests.drill.observe --drill FILE  the drill script that this makes, from what ours does

A FILE is a drill script without its `>` lines; relative times count from the line before. This is how scripts are
written: the kernel says what is right. `! info snd_cwnd == -1` asks for a value. The kernel takes root: `kernel.py`.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import math
import re
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from tests.drill import kernel, ours
from tests.drill.frames import FrameError
from tests.drill.peer import DepartureError, differences
from tests.drill.runner import Play, Wait, seconds
from tests.drill.script import Script, Step, load
from tests.drill.segments import ANY, IcmpError, Segment, text

MILLISECOND: Final = 1_000_000
SOME: Final = 8  # scripts at the same time


@dataclass
class Event:
    """Something that happened: line `step` of the script (with a call's result), or a `segment` of the host."""

    time: int
    words: str
    step: Step | None = None
    segment: Segment | None = None


@dataclass
class Observation(Play):
    """A play that expects nothing and writes all down."""

    events: list[Event] = field(default_factory=list)

    def run(self) -> Generator[Wait, None, None]:
        due = 0
        for step in self.script.steps:
            due = due + step.low if step.relative else step.low
            yield from self._watch(due)
            self._do(step)
            self.stage.settle()
        yield from self._watch(due + self.script.quiet)

    def _do(self, step: Step) -> None:
        event = Event(self.stage.now(), step.text.split(None, 1)[1], step)
        self.events.append(event)
        if isinstance(step.content, Segment):
            self.stage.send(self.stage.peer.frame(step.content))
        elif isinstance(step.content, IcmpError):
            self.stage.send(self.stage.peer.error_frame(step.content))
        else:
            event.words = f"! {self._call(step.content)}"

    def _call(self, content: str) -> str:
        try:
            result, _, verb = self.stage.program.perform(content)
        except DepartureError as error:
            result, verb = str(error), ""
        except KeyError:
            result, verb = "no such socket", ""
        usual = "EINPROGRESS" if verb == "connect" else "ok"
        return content if result == usual else f"{content.partition(' -> ')[0]} -> {result}"

    def _watch(self, until: int) -> Generator[Wait, None, None]:
        while self.stage.arrived or self.stage.now() < until:
            if not self.stage.arrived:
                yield Wait(until, frames=True)
            if self.stage.arrived:
                self._write_down(*self.stage.arrived.popleft())

    def _write_down(self, time: int, frame: bytes) -> None:
        try:
            segment = self.stage.peer.read(frame)
        except (DepartureError, FrameError) as error:
            self.events.append(Event(time, f"> {error}"))
        else:
            if segment is not None:
                self.events.append(Event(time, f"> {text(segment)}", segment=segment))


def observe_ours(script: Script) -> list[Event]:
    """What our stack does, in virtual time."""
    stage = ours.OurStage(script)
    play = Observation(script, stage)
    ours.perform(play, stage)
    return play.events


def observe_kernel(scripts: Iterable[Script]) -> list[list[Event]]:
    """What the kernel does, some at the same time."""
    remaining = iter(scripts)
    found: list[list[Event]] = []
    while batch := list(itertools.islice(remaining, SOME)):
        found += _observe_some(batch)
    return found


def _observe_some(scripts: Iterable[Script]) -> list[list[Event]]:
    with contextlib.ExitStack() as cleanup:
        actors = []
        for script in scripts:
            actors.append(kernel.Actor(script, Observation))
            cleanup.callback(actors[-1].stage.close)
        kernel.perform(actors)
        return [actor.play.events for actor in actors if isinstance(actor.play, Observation)]


def difference(ours: Event | None, theirs: Event | None, windows: float = math.inf) -> str:
    """In what the same event differs, "" when in nothing. `windows`: the part by which windows may."""
    if ours is None or theirs is None:
        return "missing" if ours is None else "too much"
    mine, other = ours.segment, theirs.segment
    if mine is None or other is None:
        return "" if ours.words == theirs.words and ours.step is theirs.step else "another event"
    if "S" in mine.flags and "S" in other.flags and mine.first:
        other = replace(other, first=mine.first)
    slack = 30 + 1000 * MILLISECOND // MILLISECOND // 4 if abs(ours.time - theirs.time) > 20 * MILLISECOND else 30
    found = differences(replace(other, window=ANY, flags=other.flags.replace("P", "P?")), mine, slack)
    if bool(mine.window) != bool(other.window) or abs(mine.window - other.window) > windows * other.window:
        found.append("window")
    return ", ".join(found)


def late(ours: Event, theirs: Event, since: int) -> bool:
    """Whether the kernel's time is not ours, so long after the last line; its timers may be an eighth late."""
    after = max(ours.time - since, 0)
    early, slack = (
        8 * MILLISECOND + after // 6,
        25 * MILLISECOND + (25 * MILLISECOND + after // 6 if after > MILLISECOND else 0),
    )
    return not -early <= theirs.time - ours.time <= slack


def compare(ours: list[Event], theirs: list[Event], windows: float = math.inf) -> tuple[int, str] | None:
    """The first event that differs and how, None when none does."""
    since = 0
    mine = None
    for number in range(max(len(ours), len(theirs))):
        mine = ours[number] if number < len(ours) else None
        other = theirs[number] if number < len(theirs) else None
        found = difference(mine, other, windows)
        if not found and mine is not None and other is not None and mine.segment and late(mine, other, since):
            found = "time"
        if found:
            return number, found
        if mine is not None and mine.segment and "S" in mine.segment.flags and mine.segment.first:
            return None  # another incarnation: its numbers have nothing to do with the first one's
        since = mine.time if mine is not None else since
    return None


def show(mine: list[Event], other: list[Event], windows: float = math.inf) -> str:
    """Both side by side up to the first difference and a few events more."""
    found = compare(mine, other, windows)
    lines = []
    for number in range(max(len(mine), len(other))):
        left, right = (_words(events[number]) if number < len(events) else "" for events in (mine, other))
        mark = f"  <-- {found[1]}" if found and found[0] == number else ""
        lines.append(f"{left:<78} | {right}{mark}")
    return "\n".join(lines)


def _words(event: Event) -> str:
    return f"{seconds(event.time)} {event.words}"


def drill(script: Script, events: list[Event], windows: bool = False) -> str:
    """The drill script: head of the file, then each event at its time after the last."""
    head = [line for line in script.path.read_text(encoding="ascii").splitlines() if line.startswith("#")]
    lines: list[str] = []
    last = 0
    for event in events:
        words = event.words
        if event.segment is not None and not windows:
            words = f"> {text(replace(event.segment, window=ANY))}"
        words = re.sub(r"^(! info \w+ ==) -1 -> ", r"\1 ", words)
        after = f"{(event.time - last) / 1e9:.6f}".rstrip("0").rstrip(".")
        lines.append(f"{'+' + after if lines else after:<9} {words}")
        last = event.time
    return "\n".join([*head, *lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--drill", action="store_true")
    parser.add_argument("--windows", type=float, default=math.inf, help="part by which windows may differ")
    chosen = parser.parse_args()
    scripts = [load(path) for path in chosen.files]
    if chosen.drill:
        for script in scripts:
            print(drill(script, observe_ours(script), chosen.windows < math.inf))
        return
    for script, theirs in zip(scripts, observe_kernel(scripts), strict=True):
        mine = observe_ours(script)
        print(f"== {script.path}: {script.title}")
        print(show(mine, theirs, chosen.windows))


if __name__ == "__main__":
    main()
