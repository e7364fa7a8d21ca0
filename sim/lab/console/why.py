"""Where a packet and what followed from it got lost, from what was recorded."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from sim.lab.network import Network
from sim.tracing import kinds
from sim.tracing.recorder import Detail
from sim.wire.addresses import format_ip

MOST_ROWS: Final = 100_000
"""Rows of the recording that are looked at: in a storm there are more than anybody waits for."""


def losses(net: Network, root: int) -> list[tuple[str, str]]:
    """(node, reason) of each drop in the journey `root`, in the order of time; where nothing was dropped, who could
    send nothing on. Empty where nothing was recorded.

    A cause comes before what it causes, so one pass over what came after the root finds all of it.
    """
    recorder = net.recorder
    family = {root}
    ids, causes = recorder.ids, recorder.causes
    first = bisect_left(ids, root)
    for row in range(first, min(len(ids), first + MOST_ROWS)):
        if causes[row] in family:
            family.add(ids[row])
    drops: dict[tuple[str, str], None] = {}
    ends: dict[tuple[str, str], None] = {}
    notes = recorder.note_subjects
    begin = _first_note(net, root)
    for index in range(begin, min(len(notes), begin + MOST_ROWS)):
        if notes[index] in family:
            kind, detail = recorder.note_kinds[index], recorder.note_details[index]
            node = recorder.nodes[recorder.note_nodes[index]]
            if kind == kinds.DROP:
                drops[node, str(detail)] = None
            elif reason := _end_of(kind, detail):
                ends[node, reason] = None
    return list(drops or ends)


def _end_of(kind: int, detail: Detail) -> str:
    """Why nothing follows from a decision, though nothing was dropped; empty when something may."""
    if isinstance(detail, tuple):
        if kind == kinds.FLOOD and detail[1] == 0:
            return "no other port has a link that is up"
        if kind == kinds.FLOOD and detail[0] == "unknown":
            return "does not know where the destination lives, and nobody takes it"
        if kind == kinds.ARP_ASK and isinstance(detail[0], bytes):
            return f"still asks who has {format_ip(detail[0])}"
    return ""


def _first_note(net: Network, root: int) -> int:
    """The note that says that the journey begins: looked for from the end, for it is seldom long ago."""
    recorder = net.recorder
    subjects, numbers = recorder.note_subjects, recorder.note_kinds
    for index in range(len(subjects) - 1, max(-1, len(subjects) - MOST_ROWS), -1):
        if subjects[index] == root and numbers[index] == kinds.ORIGIN:
            return index
    return len(subjects)
