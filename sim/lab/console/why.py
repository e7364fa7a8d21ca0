"""Where a packet and what followed from it got lost, from what was recorded."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from sim.lab.network import Network
from sim.tracing import kinds

MOST_ROWS: Final = 100_000
"""Rows of the recording that are looked at: in a storm there are more than anybody waits for."""


def losses(net: Network, root: int) -> list[tuple[str, str]]:
    """(node, reason) of each drop in the journey `root`, in the order of time; empty where nothing was recorded.

    A cause comes before what it causes, so one pass over what came after the root finds all of it.
    """
    recorder = net.recorder
    family = {root}
    ids, causes = recorder.ids, recorder.causes
    first = bisect_left(ids, root)
    for row in range(first, min(len(ids), first + MOST_ROWS)):
        if causes[row] in family:
            family.add(ids[row])
    found: list[tuple[str, str]] = []
    notes = recorder.note_subjects
    begin = _first_note(net, root)
    for index in range(begin, min(len(notes), begin + MOST_ROWS)):
        if recorder.note_kinds[index] == kinds.DROP and notes[index] in family:
            drop = (recorder.nodes[recorder.note_nodes[index]], str(recorder.note_details[index]))
            if drop not in found:
                found.append(drop)
    return found


def _first_note(net: Network, root: int) -> int:
    """The note that says that the journey begins: looked for from the end, for it is seldom long ago."""
    recorder = net.recorder
    subjects, numbers = recorder.note_subjects, recorder.note_kinds
    for index in range(len(subjects) - 1, max(-1, len(subjects) - MOST_ROWS), -1):
        if subjects[index] == root and numbers[index] == kinds.ORIGIN:
            return index
    return len(subjects)
