"""Drill scripts: files of three columns - time, direction, segment or call - in the manner of packetdrill.

    # A handshake, and a byte that is acknowledged at once. RFC 9293 3.5.
    0       ! listen
    +0.1    < S 0:0(0) win 65535 <mss 1460>
    +0      > S. 0:0(0) ack 1 win 64240 <mss 1460>
    +0.1    < . 1:1(0) ack 1
    +0      ! accept
    +0.1    < P. 1:2(1) ack 1
    +0      > . 1:1(0) ack 2
    +0      ! recv 1

**Time** is seconds since the start (`1.5`), or since the line before really happened (`+0.2`), or a range of either
(`+0.04~+0.2`) for what the host does.

**Direction** is `<` for what the peer sends to the host under test, `>` for what the host must send - that exactly,
in that order, and nothing else until the end and a quiet time after it - and `!` for a call of the program on the host.

Segments are described in `segments.py`, calls in `calls.py`. The first comment says what the script shows and which
RFC asks for it. A comment can also set something:

    # quiet: 1            seconds of silence that must follow the last line (0.1)
    # sysctl: tcp_ecn=1   a setting of the host's TCP
    # mtu: 1280           of the host's interface (1500)
    # isn: 1000           the peer's initial sequence number (500 before the wrap)
    # linux: too long     the script is not run against the kernel, and why
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

from tests.drill.segments import IcmpError, NotationError, Segment, parse_error, parse_segment

SCRIPTS: Final = Path(__file__).parent / "scripts"
SETTING: Final = re.compile(r"#\s*(quiet|sysctl|mtu|isn|linux):\s*(.+)")
LINE: Final = re.compile(r"(?P<time>\S+)\s+(?P<direction>[<>!])\s+(?P<rest>.+?)\s*(?:\s#\s.*)?")
TIME: Final = re.compile(r"(?P<plus>\+?)(?P<low>\d+(?:\.\d+)?)(?:~\+?(?P<high>\d+(?:\.\d+)?))?")


class ScriptError(ValueError):
    """A script is not written as it should be; the text begins with its file and line."""


@dataclass
class Step:
    """One line. Times are ns, after the line before when `relative`; `content` is the third column, read."""

    line: int
    text: str
    relative: bool
    low: int
    high: int
    direction: str
    content: Segment | IcmpError | str


@dataclass
class Script:
    """A script that was read. `id` is its path under `scripts/` without the suffix."""

    path: Path
    title: str
    steps: list[Step]
    quiet: int = 100_000_000
    mtu: int = 1500
    isn: int = 2**32 - 500
    sysctls: dict[str, str] = field(default_factory=dict)
    not_on_linux: str | None = None

    @property
    def id(self) -> str:
        inside = self.path.is_relative_to(SCRIPTS)
        return str((self.path.relative_to(SCRIPTS) if inside else self.path).with_suffix(""))


def all_scripts() -> list[Path]:
    return sorted(SCRIPTS.rglob("*.drill"))


def load(path: Path) -> Script:
    """Read a script. Raises ScriptError."""
    script = Script(path, "", [])
    for number, line in enumerate(path.read_text(encoding="ascii").splitlines(), 1):
        try:
            if line.startswith("#"):
                _comment(script, line)
            elif line.strip():
                script.steps.append(_step(number, line))
        except ValueError as error:
            raise ScriptError(f"{path}:{number}: {error}") from None
    if not script.title:
        raise ScriptError(f"{path}:1: the first line says what the script shows")
    return script


def _comment(script: Script, line: str) -> None:
    match = SETTING.fullmatch(line.strip())
    if match is None:
        script.title = f"{script.title} {line.lstrip('# ')}".strip()
        return
    name, value = match.groups()
    match name:
        case "quiet":
            script.quiet = _nanoseconds(value)
        case "mtu":
            script.mtu = int(value)
        case "isn":
            script.isn = int(value)
        case "linux":
            script.not_on_linux = value
        case _:
            key, _, setting = value.partition("=")
            script.sysctls[key.strip()] = setting.strip()


def _step(number: int, line: str) -> Step:
    match = LINE.fullmatch(line)
    if match is None:
        raise NotationError("a line is TIME, one of < > !, and a segment or call")
    time = TIME.fullmatch(match["time"])
    if time is None:
        raise NotationError(f"{match['time']!r} is no time: 1.5, +0.2, +0.04~+0.2")
    low = _nanoseconds(time["low"])
    high = low if time["high"] is None else _nanoseconds(time["high"])
    direction, rest = match["direction"], match["rest"]
    content: Segment | IcmpError | str = rest
    if direction != "!":
        is_error = direction == "<" and "icmp" in rest.split()[:2]
        content = parse_error(rest) if is_error else parse_segment(rest)
    return Step(number, line.rstrip(), bool(time["plus"]), low, high, direction, content)


def _nanoseconds(seconds: str) -> int:
    return int(Decimal(seconds) * 1_000_000_000)
