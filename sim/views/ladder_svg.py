"""A ladder as one self-contained SVG, for documents: light or dark follows the reader's setting.

Each segment has its row, whatever time lies between: an arrow that slants down, since it takes time to arrive, what it
says above it, the states at both sides where they change, and at the right what is remarkable. A lost one ends in a
cross halfway.
"""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape, quoteattr

from sim.tracing.recorder import Recorder
from sim.units import format_about
from sim.views.dialogue import LOST, RETRANSMISSION, TROUBLE
from sim.views.exchange import Exchange, Flow
from sim.views.ladder import MOST_LINES, Rung, rungs
from sim.views.text import columns, printable
from sim.wire import tcp

CHARACTER: Final = 7.3  # px of a 12 px monospace character, and a bit
ROW: Final = 44
SLANT: Final = 14
TOP: Final = 76
MARGIN: Final = 20
SIDE: Final = 190  # left of the client's line: times and states
STATES: Final = 112  # right of the server's line
NARROWEST: Final = 330
ROOM: Final = 44  # px on the two sides of a label

_STYLE: Final = """
svg{--paper:#fff;--ink:#1c2733;--soft:#66727e;--line:#8995a1;--bad:#b3261e;--again:#a34700;--mark:#0072b2}
@media (prefers-color-scheme:dark){svg{--paper:#12181f;--ink:#e6edf3;--soft:#93a1ae;--line:#6b7885;--bad:#ff8a80;
--again:#ffab5e;--mark:#56b4e9}}
text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:var(--ink)}
.paper{fill:var(--paper)}
.name{font-size:14px;font-weight:700}
.soft{fill:var(--soft)}
.state{fill:var(--mark);font-weight:700}
.life{stroke:var(--line);stroke-width:1.5}
.gap{stroke:var(--line);stroke-width:1.5;stroke-dasharray:2 5}
.arrow{stroke:var(--ink);stroke-width:1.5;fill:none}
.head{fill:var(--ink)}
.strong{font-weight:700}
.again,.again .head{fill:var(--again)}
.again .arrow{stroke:var(--again);fill:none}
.bad{fill:var(--bad)}
.bad .arrow{stroke:var(--bad);fill:none}
.bad .head{fill:var(--bad)}
"""


def ladder_svg(recorder: Recorder, flow: Flow, most: int = MOST_LINES) -> str:
    """The document, the same bytes for the same recording; "" if it has no segment of the connection."""
    found, steps = rungs(recorder, flow, most=most)
    if not steps:
        return ""
    between = max(NARROWEST, *(columns(step.text) * CHARACTER + ROOM for step in steps))
    left, right = MARGIN + SIDE, MARGIN + SIDE + between
    marks = max((columns(_remarks(step)) for step in steps), default=0) * CHARACTER
    width = round(right + STATES + max(marks, 40) + MARGIN)
    height = TOP + len(steps) * ROW + MARGIN
    title = f"{found.client} {' > '.join(found.flow.ends())} {found.server}".strip()
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    label = quoteattr(printable(f"Ladder of {title}"))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label={label}>',
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
        *_heads(found, left, right),
    ]
    for index, step in enumerate(steps):
        parts += _row(step, left, right, TOP + index * ROW)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _heads(found: Exchange, left: float, right: float) -> list[str]:
    client, server = found.flow.ends()
    parts = []
    for x, name, end in ((left, found.client, client), (right, found.server, server)):
        parts.append(_text(x, MARGIN + 14, name, "name", "middle"))
        parts.append(_text(x, MARGIN + 32, end, "soft", "middle"))
        parts.append(f'<path class="life" d="M{x:g} {MARGIN + 42}V{TOP}"/>')
    return parts


def _row(step: Rung, left: float, right: float, y: float) -> list[str]:
    middle = y + ROW / 2
    kind = "life" if step.turn else "gap"
    parts = [f'<path class="{kind}" d="M{x:g} {y:g}v{ROW}"/>' for x in (left, right)]
    if step.turn is None:
        return [*parts, _text((left + right) / 2, middle + 4, step.text, "soft", "middle")]
    parts.append(_text(MARGIN, middle + 4, format_about(step.time), "soft"))
    parts.append(_text(left - 10, middle + 4, step.states[0], "state", "end"))
    parts.append(_text(right + 10, middle + 4, step.states[1], "state"))
    parts.append(_text(right + STATES, middle + 4, _remarks(step), _class(step)))
    return [*parts, *_arrow(step, left, right, y)]


def _arrow(step: Rung, left: float, right: float, y: float) -> list[str]:
    turn = step.turn
    assert turn is not None
    start, end = (left, right) if turn.forward else (right, left)
    lost = turn.passage.arrived is None and turn.passage.lost is not None
    from_y, to_y = y + ROW - SLANT - 4, y + ROW - 4
    ahead = 1 if turn.forward else -1
    strong = " strong" if turn.flags & (tcp.SYN | tcp.FIN | tcp.RST) else ""
    parts = [f'<g class="{_class(step)}">']
    if lost:
        x, at = start + (end - start) * 0.62, from_y + SLANT * 0.62
        parts.append(
            f'<path class="arrow" d="M{start:g} {from_y:g}L{x:g} {at:g}M{x - 5:g} {at - 5:g}l10 10m0 -10l-10 10"/>'
        )
    else:
        parts.append(f'<path class="arrow" d="M{start:g} {from_y:g}L{end - ahead * 7:g} {to_y - 0.3:g}"/>')
        parts.append(f'<path class="head" d="M{end - ahead:g} {to_y:g}l{-9 * ahead} -5v9z"/>')
    label = (left + right) / 2
    return [*parts, "</g>", _text(label, from_y - 5, step.text, f"{_class(step)}{strong}", "middle")]


def _class(step: Rung) -> str:
    """What colours a segment: lost or reset, sent again, or nothing."""
    turn = step.turn
    if turn is None or not turn.marks:
        return "" if turn is None or turn.passage.segment is not None else "bad"
    if turn.has(LOST) or turn.has(TROUBLE):
        return "bad"
    return "again" if turn.has(RETRANSMISSION) else "soft"


def _remarks(step: Rung) -> str:
    return "" if step.turn is None else ", ".join(text for _, text in step.turn.marks)


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    if not text:
        return ""
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text class="{kind}" x="{x:g}" y="{y:g}"{place}>{escape(printable(text))}</text>'
