"""A journey as a tree of text: each frame on each link, and under it what the device that it reached did and why.

A frame that a device passes on stands below the frame that came in, at the same depth while there is one way to go;
a flood opens one branch per port. What a router changed in the header is listed old -> new.
"""

from __future__ import annotations

from typing import Final

from sim.tracing import kinds
from sim.tracing.journeys import Hop, Journey, Note
from sim.units import format_about
from sim.views.changes import changes, is_same_packet
from sim.views.sentences import explain
from sim.views.text import Line
from sim.wire.decode import summary

MOST_HOPS: Final = 500
"""Hops that are shown of one journey: a storm has no end worth reading."""

STYLES: Final = {kinds.DROP: "error", kinds.ARP_FAIL: "error", kinds.LEARN: "note", kinds.ARP_LEARN: "note"}


def journey_lines(journey: Journey) -> list[Line]:
    """The journey as lines. Times are counted from its beginning."""
    lines: list[Line] = []
    if journey.text:
        lines.append([(journey.node, "name"), (f" wants to send: {journey.text}", "")])
    lines += [_note_line("  ", note, journey.node) for note in journey.notes]
    stack = [(hop, b"", prefix, rest) for hop, prefix, rest in _branches(journey.hops, "")]
    stack.reverse()
    shown = 0
    while stack:
        hop, before, prefix, rest = stack.pop()
        if shown == MOST_HOPS:
            lines.append([(f"... and more: only the first {MOST_HOPS} hops are shown", "note")])
            break
        shown += 1
        lines += _hop_lines(hop, before, prefix, rest, journey.time)
        below = [(child, hop.received, first, later) for child, first, later in _branches(hop.children, rest)]
        stack += reversed(below)
    return lines


def _branches(hops: list[Hop], prefix: str) -> list[tuple[Hop, str, str]]:
    """Each hop with what stands before its first line and before those below it."""
    if len(hops) == 1:
        return [(hops[0], prefix, prefix)]
    last = len(hops) - 1
    return [
        (hop, prefix + ("└─ " if index == last else "├─ "), prefix + ("   " if index == last else "│  "))
        for index, hop in enumerate(hops)
    ]


def _hop_lines(hop: Hop, before: bytes, prefix: str, rest: str, began: int) -> list[Line]:
    time = format_about(hop.start - began)
    way: Line = [
        (prefix, "frame"),
        (f"{time:<9} ", "time"),
        (f"{hop.sender}:{hop.sender_port}", "name"),
        (" > ", ""),
        (f"{hop.receiver}:{hop.receiver_port}" if hop.receiver_port else "nowhere", "name"),
    ]
    indent = rest + " " * 10
    lines = [way]
    if before == hop.frame:
        way.append(("  the same frame", "note"))
    elif before and is_same_packet(before, hop.frame):
        way.append(("  the same packet, new header", "note"))
        lines += [
            [(indent, "frame"), (f"{name}: {old} -> ", ""), (new, "change")]
            for name, old, new in changes(before, hop.frame)
        ]
    else:
        way.append((f"  {summary(hop.frame)}", "summary"))
    if hop.lost is not None:
        lines.append([(indent, "frame"), (f"lost: {hop.lost}", "error")])
    lines += [_note_line(indent, note, note.node) for note in hop.notes if not _is_loss(note, hop)]
    return lines


def _is_loss(note: Note, hop: Hop) -> bool:
    """The note of a loss says what `lost` says already."""
    return note.kind == kinds.DROP and hop.lost is not None


def _note_line(indent: str, note: Note, node: str) -> Line:
    return [(indent, "frame"), (node, "name"), (f" {explain(note)}", STYLES.get(note.kind, ""))]
