"""What programs have printed, as lines below their step."""

from __future__ import annotations

from typing import Any, Final

from sim.views.report import INDENT
from sim.views.text import Line, printable

Data = dict[str, Any]

MOST_LINES: Final = 12
"""Lines of a program's output that are shown, unless all are asked for."""


def output_lines(outcome: Data, most: int | None = MOST_LINES) -> list[Line]:
    """A program's standard output, then its standard error in another colour; of each the last `most` lines."""
    lines: list[Line] = []
    for stream, style in (("stdout", ""), ("stderr", "error")):
        text = str(outcome.get(stream) or "").splitlines()
        hidden = 0 if most is None else max(0, len(text) - most)
        if hidden:
            lines.append([(f"{INDENT}| ... {hidden} lines before these", "note")])
        lines += [[(f"{INDENT}| ", "note"), (printable(line), style)] for line in text[hidden:]]
    return lines
