"""Random drills, played to our stack and to the kernel of this machine: do both answer alike?

    python -m tests.drill.fuzz [--seed N] [--batches N] [--keep DIRECTORY]

Each case is a handshake and then a few random things: segments of the peer whose numbers are near what matters (the
edges of windows, of what was sent, of SACK blocks), and calls of the program. Ours is played first, and pauses become
longer until nothing that a timer sends is close to the next line: else the two could fairly differ. A case that
differs is made smaller, line by line, for as long as it does, and printed; with `--keep` it is written down as a
script without `>` lines for `observe.py`. Needs Linux and root.
"""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tests.drill.kernel import BATCH
from tests.drill.observe import Event, compare, observe_kernel, observe_ours, show
from tests.drill.script import Script, load

MILLISECOND: Final = 1_000_000
APART: Final = 60 * MILLISECOND  # between what a timer sends and the next line
PAUSES: Final = ("0", "0", "0.001", "0.02", "0.1", "0.1", "0.3", "0.6")
MOST_OUT: Final = 16  # segments that the program may have written without their being acknowledged
LONGEST: Final = 4_000_000_000  # ns that a case may take


@dataclass
class Case:
    """A case: its lines, of which the first `fixed` are the handshake."""

    name: str
    head: list[str]
    lines: list[str]
    fixed: int


class Generator:
    """Makes up one case. What it believes of the connection need not be true: it only has to be near."""

    def __init__(self, seed: int, style: str) -> None:
        self.choose = random.Random(f"{style} {seed}")
        self.style = style
        self.mss = self.choose.choice((1000, 1000, 1460, 536))
        self.timestamps = self.choose.random() < 0.4
        self.sack = self.choose.random() < 0.7
        self.clock = 1000
        self.sent = 1  # the host's next byte, as far as the windows let it
        self.acked = 1
        self.next = 1  # the peer's next byte
        self.scale = self.choose.choice((0, 0, 7))

    def case(self, name: str) -> Case:
        choose = self.choose
        lines = self._handshake()
        fixed = len(lines)
        for _ in range(choose.randint(3, 9)):
            if lines[-1].endswith("! close"):
                self.style = "closed"
            pause = choose.choice(PAUSES)
            if "F" in lines[-1].split()[2] and pause in PAUSES[:3]:
                pause = PAUSES[3]  # the ACK of a FIN waits for the next tick of the kernel's clock
            line = self._line()
            if lines[-1].split()[2] == "send" and line.startswith("<") and pause in PAUSES[:3]:
                pause = PAUSES[3]  # a round trip takes time
            lines.append(f"+{pause} {line}")
        return Case(name, [f"# Fuzz {name}.", "# quiet: 0.5"], lines, fixed)

    def _handshake(self) -> list[str]:
        options = [f"mss {self.mss}"]
        if self.sack:
            options.append("sackOK")
        if self.timestamps:
            options.append(f"TS val {self.clock} ecr 0")
        options += ["nop", f"wscale {self.scale}"]
        if self.choose.random() < 0.5:
            return [
                "0 ! listen",
                f"+0 < S 0:0(0) win 32000 <{','.join(options)}>",
                f"+0.05 < . 1:1(0) ack 1{self._window()}{self._options([])}",
                "+0 ! accept",
            ]
        if self.timestamps:
            options[options.index(f"TS val {self.clock} ecr 0")] = f"TS val {self.clock} ecr *"
        return ["0 ! connect", f"+0.05 < S. 0:0(0) ack 1 win 32000 <{','.join(options)}>"]

    def _line(self) -> str:
        kinds = {
            "send": "SSSPAAAAAKKKKDDW",
            "receive": "DDDDDDDORRRROOASF",
            "close": "FCCAARXDDSOHH",
            "any": "SPAAKKDDDOORRFCXYHWU",
            "closed": "AADDOFX",  # the program has no socket any more
        }[self.style]
        kind = self.choose.choice(kinds)
        return {
            "S": self._send, "P": self._send_small, "A": self._ack, "K": self._sacks, "D": self._data,
            "O": self._odd_data, "W": self._window_update, "R": self._recv, "F": self._fin, "C": self._close,
            "H": self._shutdown, "X": self._reset, "Y": self._syn, "U": self._urgent,
        }[kind]()  # fmt: skip

    # -- the program

    def _send(self) -> str:
        count = self.choose.choice((1, 2, 4, 5, 8, 10, 12, 15))
        size = count * self._payload() + self.choose.choice((0, 0, 0, 1, 100))
        size = max(min(size, self.acked + MOST_OUT * self._payload() - self.sent), 1)
        self.sent += size
        return f"! send {size} -> *"

    def _send_small(self) -> str:
        size = self.choose.choice((1, 10, 100, 500))
        self.sent += size
        return f"! send {size} -> *"

    def _recv(self) -> str:
        return f"! recv {self.choose.choice((1, 500, 1000, 3000, 20000))} -> *"

    def _close(self) -> str:
        return "! close"

    def _shutdown(self) -> str:
        return f"! shutdown {self.choose.choice(('wr', 'wr', 'rd', 'rdwr'))}"

    # -- the peer

    def _payload(self) -> int:
        return self.mss - (12 if self.timestamps else 0)

    def _window(self) -> str:
        window = self.choose.choice((32000, 32000, 32000, 32000, 32000, 10000, 3000, 0))
        return f" win {window >> self.scale}"

    def _options(self, sacks: list[tuple[int, int]], stale: bool = False) -> str:
        options = []
        if self.timestamps:
            self.clock += self.choose.choice((0, 1, 10, 100))
            value = self.clock - (self.choose.choice((1, 5, 500)) if stale else 0)
            options.append(f"nop,nop,TS val {value} ecr *")
        if sacks:
            blocks = " ".join(f"{left}:{right}" for left, right in sacks)
            options.append(f"nop,nop,sack {blocks}")
        return f" <{','.join(options)}>" if options else ""

    def _edge(self) -> int:
        """A sequence number of the host's that matters."""
        size = self._payload()
        segments = max((self.sent - self.acked) // size, 1)
        exact = self.acked + size * self.choose.randint(0, min(segments, 12))
        return min(exact, self.sent) + self.choose.choice((0, 0, 0, 0, 0, 0, 0, 0, 1, -1))

    def _tail(self) -> str:
        """`ack`, window and options of a segment with data."""
        ack = self.choose.choice((self.acked, self.acked, self.acked, self.sent, self._edge()))
        self.acked = max(self.acked, min(ack, self.sent))
        return f"ack {ack}{self._window()}{self._options([], self.choose.random() < 0.05)}"

    def _ack(self) -> str:
        ack = self.choose.choice(
            (self._edge(), self._edge(), self.sent, self.acked, self.acked - (self.acked > 1), self.sent + 1)
        )
        self.acked = max(self.acked, min(ack, self.sent))
        stale = self.choose.random() < 0.1
        return f"< . {self.next}:{self.next}(0) ack {ack}{self._window()}{self._options([], stale)}"

    def _sacks(self) -> str:
        if not self.sack:
            return self._ack()
        edges = sorted({self._edge() for _ in range(self.choose.choice((2, 2, 2, 4, 6)))})
        blocks = list(zip(edges[::2], edges[1::2], strict=False))
        self.choose.shuffle(blocks)
        ack = self.choose.choice((self.acked, self.acked, self.acked, min(edges)))
        self.acked = max(self.acked, min(ack, self.sent))
        window = f" win {32000 >> self.scale}" if self.choose.random() < 0.8 else self._window()
        return f"< . {self.next}:{self.next}(0) ack {ack}{window}{self._options(blocks)}"

    def _window_update(self) -> str:
        return f"< . {self.next}:{self.next}(0) ack {self.acked}{self._window()}{self._options([])}"

    def _data(self) -> str:
        size = self.choose.choice((1, 100, 1000, 1000, 1000, 1460, 1400))
        first = self.next
        self.next += size
        push = self.choose.choice(("P.", "."))
        return f"< {push} {first}:{first + size}({size}) {self._tail()}"

    def _odd_data(self) -> str:
        """Data that is not next: again, overlapping, behind a gap, beyond the window."""
        size = self.choose.choice((1, 100, 1000, 1460))
        first = self.next + self.choose.choice((-1500, -1000, -1, 1, 100, 1000, 2000, 3000, 64000, 70000))
        if self.choose.random() < 0.5:
            self.next = max(self.next, self.next if first > self.next else first + size)
        return f"< . {first}:{first + size}({size}) {self._tail()}"

    def _fin(self) -> str:
        first = self.next + self.choose.choice((0, 0, 0, 0, 1000, -1))
        size = self.choose.choice((0, 0, 0, 100))
        self.next = first + size + 1
        return f"< F. {first}:{first + size}({size}) {self._tail()}"

    def _reset(self) -> str:
        first = self.next + self.choose.choice((0, 0, 1, -1, 1000, 70000))
        if self.choose.random() < 0.5:
            return f"< R {first}:{first}(0) win 0"
        return f"< R. {first}:{first}(0) ack {self._edge()} win 0"

    def _syn(self) -> str:
        first = self.choose.choice((0, self.next, self.next + 1000, 100000))
        if self.choose.random() < 0.5:
            return f"< S {first}:{first}(0) win 1000"
        return f"< S. {first}:{first}(0) ack {self._edge()} win 1000"

    def _urgent(self) -> str:
        size = self.choose.choice((0, 1, 100))
        first = self.next
        self.next += size
        pointer = self.choose.choice((1, size, 50))
        return f"< PU. {first}:{first + size}({size}) ack {self.acked} win 250 urg {max(pointer, 1)}"


def script_of(case: Case, directory: Path) -> Script:
    """Write the case down and read it as a script."""
    path = directory / f"{case.name}.stim"
    path.write_text("\n".join([*case.head, *case.lines, ""]), encoding="ascii")
    return load(path)


def spread(case: Case, directory: Path) -> tuple[Script, list[Event]] | None:
    """Make pauses longer until no timer of ours comes near a line; None when that does not work out."""
    for _ in range(25):
        script = script_of(case, directory)
        events = observe_ours(script)
        if events[-1].time > LONGEST:
            return None
        near = _line_near_timer(script, events)
        if near is None:
            return script, events
        if near == len(case.lines):
            case.head[1] = f"# quiet: {script.quiet / 1e9 + 0.08:.2f}"
            continue
        time, rest = case.lines[near].split(None, 1)
        case.lines[near] = f"+{float(time) + 0.08:.3f} {rest}"
    return None


def _line_near_timer(script: Script, events: list[Event]) -> int | None:
    """The number of the first line that comes close to something that a timer sent."""
    acted = 0
    number = -1
    events_end = max(event.time for event in events if event.step is not None) + script.quiet
    for event in events:
        if event.step is not None:
            number = script.steps.index(event.step)
            acted = event.time
        elif event.time > acted:
            following = next((e for e in events if e.step is not None and e.time >= event.time), None)
            slack = APART + (event.time - acted) // 3
            if following is not None and following.time - event.time < slack and following.step is not None:
                return script.steps.index(following.step)
            if following is None and events_end - event.time < slack:
                return len(script.steps)
            if event.time - acted < MILLISECOND:
                return number
    return None


def play(cases: list[Case], directory: Path) -> list[tuple[Case, str]]:
    """Play cases on both; those that differ, and how."""
    ready = [(case, made) for case in cases if (made := spread(case, directory)) is not None]
    theirs = observe_kernel(script for _, (script, _) in ready)
    return [
        (case, show(events, other))
        for (case, (_, events)), other in zip(ready, theirs, strict=True)
        if compare(events, other) is not None
    ]


def shrink(case: Case, directory: Path) -> Case:
    """Leave out lines as long as what is left still differs: all candidates at the same time, one line each."""
    while True:
        candidates = []
        for number in range(case.fixed, len(case.lines)):
            lines = case.lines[:number] + case.lines[number + 1 :]
            candidates.append(replace(case, name=f"{case.name}-{number}", lines=lines))
        different = [found for found, _ in play(candidates, directory)]
        if not different:
            return case
        case = replace(different[-1], name=case.name)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batches", type=int, default=1)
    parser.add_argument("--styles", nargs="+", default=["send", "receive", "close", "any"])
    parser.add_argument("--keep", type=Path, default=Path("/tmp"))
    chosen = parser.parse_args()
    chosen.keep.mkdir(exist_ok=True)
    for batch in range(chosen.batches):
        seeds = range(chosen.seed + batch * BATCH, chosen.seed + (batch + 1) * BATCH)
        styles = chosen.styles
        made = [(seed, styles[seed % len(styles)]) for seed in seeds]
        cases = [Generator(seed, style).case(f"{style}-{seed}") for seed, style in made]
        different = [case for case, _ in play(cases, chosen.keep)]
        again = play(different, chosen.keep)  # what a busy machine did does not come twice
        print(f"-- seeds {seeds.start} to {seeds.stop - 1}: {len(again)} differ", flush=True)
        for case, _ in again:
            small = shrink(case, chosen.keep)
            found = play([small], chosen.keep)
            for _, story in found:
                print(f"== {small.name}\n{story}", flush=True)
        for case in cases:
            if case.name not in {found.name for found, _ in again}:
                (chosen.keep / f"{case.name}.stim").unlink(missing_ok=True)
    sys.exit(0)


if __name__ == "__main__":
    main()
