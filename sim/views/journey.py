"""A journey as a tree of text: each frame on each link, and under it what the device that it reached did and why.

A frame that a device passes on stands below the frame that came in, at the same depth while there is one way to go;
a flood opens one branch per port. What a router changed in the header is listed old -> new. An explained journey has
whole sentences, and the number of each frame, by which `sim why` finds it in a stored trace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sim.tracing import kinds
from sim.tracing.journeys import Hop, Journey, Note
from sim.units import format_about
from sim.views.changes import changes, is_same_packet
from sim.views.sentences import explain, sentence
from sim.views.text import Line, columns, printable, wrap
from sim.views.words.tree import TREE
from sim.wire.decode import summary

MOST_HOPS: Final = 500
"""Hops that are shown of one journey: a storm has no end worth reading."""

NARROWEST: Final = 30
"""Columns that a sentence gets, however deep in the tree it stands."""

STYLES: Final = {kinds.DROP: "error", kinds.ARP_FAIL: "error", kinds.LEARN: "note", kinds.ARP_LEARN: "note"}


@dataclass(frozen=True)
class Telling:
    """How a journey is told: in whole sentences of a `language`, or in a few English words if that is None.

    Sentences are cut into lines of at most `width` columns; None: not at all, as other programs like to have them.
    """

    language: str | None = None
    width: int | None = None

    def say(self, what: str) -> str:
        """One of the words that stand between the sentences."""
        return TREE[self.language or "en"][what]


def journey_lines(journey: Journey, telling: Telling | None = None) -> list[Line]:
    """The journey as lines. Times are counted from its beginning."""
    telling = telling or Telling()
    return wish_lines(journey, telling) + tree_lines(journey.hops, b"", journey.time, telling)


def wish_lines(journey: Journey, telling: Telling) -> list[Line]:
    """What somebody wanted to send, and what was decided before anything was sent."""
    lines: list[Line] = []
    if journey.text and telling.language:
        wish = sentence(Note(journey.time, journey.node, kinds.ORIGIN, journey.text), b"", telling.language)
        lines.append([(journey.node, "name"), (f" {printable(wish)}", "")])
    elif journey.text:
        lines.append([(journey.node, "name"), (f" wants to send: {journey.text}", "")])
    for note in journey.notes:
        lines += note_lines("  ", note, b"", telling)
    return lines


def tree_lines(hops: list[Hop], cause: bytes, began: int, telling: Telling, indent: str = "") -> list[Line]:
    """Hops that follow from the frame `cause`, and all below them; times count from `began`."""
    lines: list[Line] = []
    stack = [(hop, cause, prefix, rest) for hop, prefix, rest in _branches(hops, indent)]
    stack.reverse()
    shown = 0
    while stack:
        hop, before, prefix, rest = stack.pop()
        if shown == MOST_HOPS:
            lines.append([(telling.say("more").format(MOST_HOPS), "note")])
            break
        shown += 1
        lines += hop_lines(hop, before, prefix, rest, began, telling)
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


def hop_lines(hop: Hop, before: bytes, prefix: str, rest: str, began: int, telling: Telling) -> list[Line]:
    """One frame, and what was done with it. `before` is the frame that has caused it; `prefix` stands before the first
    line, `rest` before the others; times count from `began`."""
    time = format_about(hop.start - began)
    way: Line = [
        (prefix, "frame"),
        (f"{time:<9} ", "time"),
        *([(f"#{hop.id:<5} ", "note")] if telling.language else []),
        (f"{hop.sender}:{hop.sender_port}", "name"),
        (" > ", ""),
        (f"{hop.receiver}:{hop.receiver_port}" if hop.receiver_port else telling.say("nowhere"), "name"),
    ]
    indent = rest + " " * 10
    lines = [way]
    if before == hop.frame:
        way.append((f"  {telling.say('same frame')}", "note"))
    elif before and is_same_packet(before, hop.frame):
        way.append((f"  {telling.say('same packet')}", "note"))
        lines += [
            [(indent, "frame"), (f"{name}: {old} -> ", ""), (new, "change")]
            for name, old, new in changes(before, hop.frame)
        ]
    else:
        way.append((f"  {summary(hop.frame)}", "summary"))
    if hop.lost is not None and not (telling.language and any(_is_loss(note, hop) for note in hop.notes)):
        lines.append([(indent, "frame"), (telling.say("lost").format(hop.lost), "error")])
    for note in hop.notes:
        if telling.language or not _is_loss(note, hop):
            lines += note_lines(indent, note, hop.received, telling, hop.arrival)
    return lines


def _is_loss(note: Note, hop: Hop) -> bool:
    """The note of a loss says what `lost` says already."""
    return note.kind == kinds.DROP and hop.lost is not None


def note_lines(indent: str, note: Note, frame: bytes, telling: Telling, arrived: int | None = None) -> list[Line]:
    """What a device noted about a frame: a few words, or a sentence, which says how much later than `arrived` it is."""
    style = STYLES.get(note.kind, "")
    if telling.language is None:
        return [[(indent, "frame"), (note.node, "name"), (f" {explain(note)}", style)]]
    text = printable(sentence(note, frame, telling.language))
    if arrived is not None and note.time > arrived:
        text = telling.say("later").format(format_about(note.time - arrived), text)
    room = 10_000 if telling.width is None else max(NARROWEST, telling.width - columns(indent) - columns(note.node) - 1)
    first, *others = wrap(text, room)
    line: Line = [(indent, "frame"), (note.node, "name"), (f" {first}", style)]
    hanging = " " * (columns(note.node) + 1)
    return [line, *([(indent, "frame"), (f"{hanging}{text}", style)] for text in others)]
