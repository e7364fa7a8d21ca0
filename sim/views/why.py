"""Why a frame was there: what led to it, what its receiver did with it, and what became of it; from a recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sim.tracing.journeys import Hop, Journey, Lineage, is_arp, trail
from sim.tracing.recorder import Recorder
from sim.units import format_about
from sim.views.journey import Telling, hop_lines, tree_lines, wish_lines
from sim.views.journey_data import hop_data, note_data
from sim.views.text import Line, printable
from sim.wire.decode import summary


@dataclass(frozen=True)
class Reason:
    """`wish` is what somebody wanted to send, if that is the root (its id), `ancestry` the frames between that and
    `hop`, each of which has caused the next. `cut`: the root is neither a wish nor a frame of the recording."""

    root: int
    wish: Journey | None
    ancestry: list[Hop]
    hop: Hop
    cut: bool

    @property
    def began(self) -> int:
        """The time (ns) that others are counted from."""
        return self.wish.time if self.wish else (self.ancestry[0] if self.ancestry else self.hop).start

    @property
    def cause(self) -> bytes:
        """The frame that its sender was handling when it sent this one."""
        return self.ancestry[-1].received if self.ancestry else b""

    def way(self) -> list[str]:
        """The nodes from where it all began, through this frame, to where it got to."""
        before = [hop.sender for hop in self.ancestry if is_arp(hop.frame) == is_arp(self.hop.frame)]
        return [*before, self.hop.sender, *trail(self.hop)]


def reason(recorder: Recorder, number: int) -> Reason:
    """Why there was frame `number`. Raises KeyError if there was none."""
    lineage = Lineage(recorder)
    hop = lineage.hop(number)
    root, ancestry = lineage.ancestry(number)
    wish = lineage.wish(root)
    first = (ancestry[0] if ancestry else hop).id
    return Reason(root, wish, ancestry, hop, wish is None and root != first)


def wish_of(recorder: Recorder, number: int) -> Journey | None:
    """The journey that begins with `number`, if that is what somebody wanted to send and no frame."""
    lineage = Lineage(recorder)
    return lineage.journey(number) if number in lineage.origins else None


def reason_lines(found: Reason, telling: Telling) -> list[Line]:
    """The answer in three parts."""
    hop = found.hop
    ends = f"{hop.sender}:{hop.sender_port}", f"{hop.receiver}:{hop.receiver_port}" if hop.receiver_port else "-"
    title = f"#{hop.id}  {ends[0]} > {ends[1]}  {format_about(hop.start)}"
    lines: list[Line] = [[(title, "title")], [(f"{summary(hop.frame)}", "summary")], []]
    lines += [_head(telling, "from"), *_indented(_origin(found, telling)), []]
    lines += [_head(telling, "this"), *_indented(_this(found, telling)), []]
    lines += [_head(telling, "after"), *_indented(_after(found, telling))]
    return [[(printable(text), style) for text, style in line] for line in lines]


def _head(telling: Telling, what: str) -> Line:
    return [(telling.say(what), "title")]


def _indented(lines: list[Line]) -> list[Line]:
    return [[("  ", ""), *line] for line in lines]


def _origin(found: Reason, telling: Telling) -> list[Line]:
    if found.cut:
        lines: list[Line] = [[(telling.say("unknown cause").format(f"#{found.root}"), "note")]]
    elif found.wish is not None:
        lines = wish_lines(found.wish, telling)
    else:
        lines = [] if found.ancestry else [[(telling.say("no cause"), "note")]]
    before = b""
    for hop in found.ancestry:
        lines += hop_lines(hop, before, "", "", found.began, telling)
        before = hop.received
    return lines


def _this(found: Reason, telling: Telling) -> list[Line]:
    hop = found.hop
    lines = hop_lines(hop, found.cause, "", "", found.began, telling)
    if not hop.notes and hop.lost is None:
        lines.append([(" " * 10 + telling.say("end" if hop.arrival is None else "nothing"), "note")])
    return lines


def _after(found: Reason, telling: Telling) -> list[Line]:
    if not found.hop.children:
        return [[(telling.say("alone"), "note")]]
    return tree_lines(found.hop.children, found.hop.received, found.began, telling)


def reason_data(found: Reason, language: str) -> dict[str, Any]:
    """The same as plain data: `chain` leads from the root to the frame, `frame` has what followed as `children`."""
    wish = found.wish
    return {
        "frame": hop_data(found.hop, language),
        "chain": [{**hop_data(hop, language), "children": []} for hop in found.ancestry],
        "root": found.root,
        "origin": None
        if wish is None
        else {
            "time": wish.time,
            "node": wish.node,
            "text": wish.text,
            "notes": [note_data(note, b"", language) for note in wish.notes],
        },
        "way": found.way(),
        "delivered": found.hop.delivered(),
        "dropped": found.hop.lost or found.hop.died(),
    }
