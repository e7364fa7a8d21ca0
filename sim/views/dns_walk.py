"""Who was asked for a name, and what they said: one line each, those that one was asked for below it."""

from __future__ import annotations

from typing import Any, Final

from sim.units import format_about
from sim.views.text import Line, printable

Data = dict[str, Any]

MOST_LINES: Final = 40


def walk_lines(exchanges: list[Data], indent: str = "") -> list[Line]:
    """The exchanges of a step's `dns`, as `pc1 asks resolver A web.corp.test? 203.0.113.80`."""
    lines = [_line(exchange, indent) for exchange in exchanges[:MOST_LINES]]
    if len(exchanges) > MOST_LINES:
        lines.append([(f"{indent}... and {len(exchanges) - MOST_LINES} more questions", "note")])
    return lines


def _line(exchange: Data, indent: str) -> Line:
    by = " by TCP" if exchange["by"] == "TCP" else ""
    what = printable(f"{exchange['asker']} asks {exchange['server']}{by}: {exchange['question']}? ")
    outcome = exchange["outcome"]
    took = "" if exchange["ended"] is None else f" after {format_about(exchange['ended'] - exchange['started'])}"
    kept = ", from its cache" if exchange["cached"] else ""
    style = "error" if exchange["ended"] is None else "change"
    return [(indent + "  " * exchange["depth"], ""), (what, "note"), (printable(outcome), style), (kept + took, "note")]
