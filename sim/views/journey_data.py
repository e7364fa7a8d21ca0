"""A journey as plain data, for `--json` and for other tools."""

from __future__ import annotations

from typing import Any

from sim.tracing import kinds
from sim.tracing.journeys import Hop, Journey, Note
from sim.views.sentences import explain
from sim.wire.decode import summary


def journey_data(journey: Journey) -> dict[str, Any]:
    """The journey: times are ns since the start of the run, frames are hex, `hops` a tree through `children`."""
    hops: list[dict[str, Any]] = []
    stack = [(hop, hops) for hop in reversed(journey.hops)]
    while stack:  # no recursion: a storm may go deep
        hop, siblings = stack.pop()
        data = _hop(hop)
        siblings.append(data)
        stack += [(child, data["children"]) for child in reversed(hop.children)]
    return {
        "id": journey.id,
        "time": journey.time,
        "node": journey.node,
        "text": journey.text,
        "path": journey.path(),
        "drops": [{"node": node, "reason": reason} for node, reason in journey.drops()],
        "notes": [_note(note) for note in journey.notes],
        "hops": hops,
    }


def _hop(hop: Hop) -> dict[str, Any]:
    return {
        "id": hop.id,
        "start": hop.start,
        "arrival": hop.arrival,
        "from": f"{hop.sender}:{hop.sender_port}",
        "to": f"{hop.receiver}:{hop.receiver_port}" if hop.receiver_port else None,
        "lost": hop.lost,
        "summary": summary(hop.frame),
        "frame": hop.frame.hex(),
        "received": hop.received.hex() if hop.received != hop.frame else None,
        "notes": [_note(note) for note in hop.notes],
        "children": [],
    }


def _note(note: Note) -> dict[str, Any]:
    return {
        "time": note.time,
        "node": note.node,
        "kind": kinds.NAMES.get(note.kind, str(note.kind)),
        "text": explain(note),
    }
