"""A journey as plain data, for `--json` and for other tools."""

from __future__ import annotations

from typing import Any

from sim.tracing import kinds
from sim.tracing.journeys import Hop, Journey, Note
from sim.views.sentences import explain, sentence
from sim.wire.decode import summary


def journey_data(journey: Journey, language: str = "en") -> dict[str, Any]:
    """The journey: times are ns since the start of the run, frames are hex, `hops` a tree through `children`.

    Of a note, `text` says what was decided in a few words, `sentence` in the `language` why.
    """
    return {
        "id": journey.id,
        "time": journey.time,
        "node": journey.node,
        "text": journey.text,
        "path": journey.path(),
        "drops": [{"node": node, "reason": reason} for node, reason in journey.drops()],
        "notes": [note_data(note, b"", language) for note in journey.notes],
        "hops": [hop_data(hop, language) for hop in journey.hops],
    }


def hop_data(hop: Hop, language: str) -> dict[str, Any]:
    """A hop with all below it."""
    top = _single(hop, language)
    stack = [(hop, top)]
    while stack:  # no recursion: a storm may go deep
        above, data = stack.pop()
        for child in above.children:
            below = _single(child, language)
            data["children"].append(below)
            stack.append((child, below))
    return top


def note_data(note: Note, frame: bytes, language: str) -> dict[str, Any]:
    """A note about a frame, b"" for none."""
    return {
        "time": note.time,
        "node": note.node,
        "kind": kinds.NAMES.get(note.kind, str(note.kind)),
        "text": explain(note),
        "sentence": sentence(note, frame, language),
    }


def _single(hop: Hop, language: str) -> dict[str, Any]:
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
        "notes": [note_data(note, hop.received, language) for note in hop.notes],
        "children": [],
    }
