"""A ladder as a Mermaid sequence diagram, for Markdown pages that draw it themselves."""

from __future__ import annotations

from sim.tracing.recorder import Recorder
from sim.units import format_about
from sim.views.diagram.mermaid import quoted
from sim.views.exchange import Flow
from sim.views.ladder import MOST_LINES, Rung, rungs


def ladder_mermaid(recorder: Recorder, flow: Flow, most: int = MOST_LINES) -> str:
    """The diagram as text; "" if the recording has no segment of the connection. What the diagram cannot draw, marks
    and states, stands in notes; a lost segment ends in a cross."""
    found, steps = rungs(recorder, flow, most=most)
    if not steps:
        return ""
    client, server = found.flow.ends()
    lines = ["sequenceDiagram"]
    lines += [
        f"    participant {side} as {quoted(name)}<br/>{quoted(end)}"
        for side, name, end in (("c", found.client, client), ("s", found.server, server))
    ]
    for step in steps:
        lines += [f"    {line}" for line in _lines(step)]
    return "\n".join(lines) + "\n"


def _lines(step: Rung) -> list[str]:
    turn = step.turn
    if turn is None:
        return [f"Note over c,s: {quoted(step.text)}"]
    lost = turn.passage.arrived is None and turn.passage.lost is not None
    ends = ("c", "s") if turn.forward else ("s", "c")
    lines = [f"{ends[0]}{'-x' if lost else '->>'}{ends[1]}: {quoted(format_about(step.time))} {quoted(step.text)}"]
    if turn.marks:
        lines.append(f"Note over c,s: {quoted(', '.join(text for _, text in turn.marks))}")
    lines += [f"Note over {side}: {state}" for side, state in zip("cs", step.states, strict=True) if state]
    return lines
