"""A recording that goes on, taken bit by bit, and kept within bounds: what is new is copied, what is old is let go.

Whoever turns the clock calls `take` between events. It copies references, so that it takes no time worth mentioning;
what is to be done with the piece is for another thread.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Container
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from sim.tracing.recorder import Detail, Recorder
from sim.tracing.series import Key, Part
from sim.tracing.tables import Row, Tables

KEPT_AT_LEAST: Final = 1000
"""Frames that are not let go, however long they are."""
MOST_NOTES: Final = 500_000
"""Notes that are kept, however few frames they are about."""


def _numbers() -> array[int]:
    return array("q")


@dataclass
class Piece:
    """Rows of a recorder, in its own columns. `end` is how far the run was then, `missed` how many frames were left out
    because there were too many."""

    end: int = 0
    missed: int = 0
    ids: array[int] = field(default_factory=_numbers)
    starts: array[int] = field(default_factory=_numbers)
    arrivals: array[int] = field(default_factory=_numbers)
    senders: array[int] = field(default_factory=_numbers)
    causes: array[int] = field(default_factory=_numbers)
    frames: list[bytes] = field(default_factory=list)
    lost: dict[int, str] = field(default_factory=dict)
    altered: dict[int, bytes] = field(default_factory=dict)
    copies: set[int] = field(default_factory=set)
    note_times: array[int] = field(default_factory=_numbers)
    note_subjects: array[int] = field(default_factory=_numbers)
    note_nodes: array[int] = field(default_factory=_numbers)
    note_kinds: array[int] = field(default_factory=_numbers)
    note_details: list[Detail] = field(default_factory=list)
    tables: list[tuple[int, int, str, str, Row | None]] = field(default_factory=list)
    series: list[Part] = field(default_factory=list)

    def add_to(self, recorder: Recorder) -> None:
        """Go on with a recording whose last row was before the first one of this."""
        recorder.ids.extend(self.ids)
        recorder.starts.extend(self.starts)
        recorder.arrivals.extend(self.arrivals)
        recorder.senders.extend(self.senders)
        recorder.causes.extend(self.causes)
        recorder.frames.extend(self.frames)
        recorder.lost.update(self.lost)
        recorder.altered.update(self.altered)
        recorder.copies.update(self.copies)
        recorder.note_times.extend(self.note_times)
        recorder.note_subjects.extend(self.note_subjects)
        recorder.note_nodes.extend(self.note_nodes)
        recorder.note_kinds.extend(self.note_kinds)
        recorder.note_details.extend(self.note_details)
        if recorder.tables is not None:
            for change in self.tables:
                recorder.tables.add(*change)
        if recorder.series is not None:
            recorder.series.extend(self.series)
        recorder.end = self.end


class Reel:
    """What of a recording has been taken already."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._rows = self._notes = self._lost = self._changes = 0
        self._points: dict[Key, int] = {}

    def take(self, most: int) -> Piece:
        """What has come since the last time; of more than `most` frames the first ones, with the notes of that time."""
        recorder = self.recorder
        first, total = self._rows, len(recorder.ids)
        last = min(total, first + most)
        notes = len(recorder.note_times)
        until = notes
        if last < total:  # what is noted about frames that nobody sees is nothing to see
            until = min(notes, self._notes + 4 * most)
        piece = Piece(
            end=recorder.end,
            missed=total - last,
            ids=recorder.ids[first:last],
            starts=recorder.starts[first:last],
            arrivals=recorder.arrivals[first:last],
            senders=recorder.senders[first:last],
            causes=recorder.causes[first:last],
            frames=recorder.frames[first:last],
            lost=dict(islice(recorder.lost.items(), self._lost, None)),
            altered={number: recorder.altered[number] for number in _those_in(recorder.altered, recorder, first, last)},
            copies=set(_those_in(recorder.copies, recorder, first, last)),
            note_times=recorder.note_times[self._notes : until],
            note_subjects=recorder.note_subjects[self._notes : until],
            note_nodes=recorder.note_nodes[self._notes : until],
            note_kinds=recorder.note_kinds[self._notes : until],
            note_details=recorder.note_details[self._notes : until],
            tables=self._new_changes(),
            series=[] if recorder.series is None else recorder.series.since(self._points, recorder.end),
        )
        self._rows, self._notes, self._lost = total, notes, len(recorder.lost)
        return piece

    def let_go(self, rows: int) -> tuple[int, int]:
        """Forget the first rows of the recording, and what was noted before the first that stays; return how many rows
        and how many notes those were. To be called right after `take`."""
        recorder = self.recorder
        rows = min(rows, self._rows)
        notes = forget(recorder, rows)
        self._rows -= rows
        self._notes -= notes
        self._lost = len(recorder.lost)
        if recorder.tables is not None:
            collapse(recorder.tables, recorder.end + 1)
            self._changes = len(recorder.tables)
        if recorder.series is not None:
            recorder.series.forget(recorder.end)
        return rows, notes

    def _new_changes(self) -> list[tuple[int, int, str, str, Row | None]]:
        tables = self.recorder.tables
        if tables is None:
            return []
        since, self._changes = self._changes, len(tables)
        return [
            (tables.times[at], tables.nodes[at], tables.names[at], tables.keys[at], tables.rows[at])
            for at in range(since, len(tables))
        ]


def _those_in(numbers: Container[int], recorder: Recorder, first: int, last: int) -> list[int]:
    """The ids of some rows that are among `numbers`."""
    return [number for number in recorder.ids[first:last] if number in numbers]


def too_many(recorder: Recorder, frames: int, octets: int) -> int:
    """How many of the first rows are to be let go, where `frames` and `octets` (bytes of frames) are enough: none, or
    so many that half of that stays, so that it has not to be done all the time."""
    total = len(recorder.ids)
    size = sum(map(len, recorder.frames))
    if total <= frames and size <= octets:
        return 0
    rows = max(0, total - frames // 2)
    size -= sum(map(len, recorder.frames[:rows]))
    while size > octets // 2 and rows < total - KEPT_AT_LEAST:
        size -= len(recorder.frames[rows])
        rows += 1
    return rows


def forget(recorder: Recorder, rows: int) -> int:
    """Let go of the first rows, and of the notes that are older than those that stay, or too many; return how many
    notes went. Tables stay: see `collapse`."""
    gone = recorder.ids[rows - 1] if rows else 0
    since = recorder.starts[rows] if rows < len(recorder.starts) else recorder.end
    notes = bisect_left(recorder.note_times, since) if rows else 0
    if len(recorder.note_times) - notes > MOST_NOTES:
        notes = len(recorder.note_times) - MOST_NOTES // 2
    for column in (recorder.ids, recorder.starts, recorder.arrivals, recorder.senders, recorder.causes):
        del column[:rows]
    del recorder.frames[:rows]
    for numbers in (recorder.note_times, recorder.note_subjects, recorder.note_nodes, recorder.note_kinds):
        del numbers[:notes]
    del recorder.note_details[:notes]
    if recorder.series is not None:
        recorder.series.forget(since)
    recorder.lost = {number: reason for number, reason in recorder.lost.items() if number > gone}
    recorder.altered = {number: frame for number, frame in recorder.altered.items() if number > gone}
    recorder.copies = {number for number in recorder.copies if number > gone}
    return notes


def collapse(tables: Tables, before: int) -> None:
    """Of the changes `before` a time (ns) keep only the last one of each row that is still there."""
    latest: dict[tuple[int, str, str], int] = {}
    first = bisect_left(tables.times, before)
    for at in range(first):
        key = (tables.nodes[at], tables.names[at], tables.keys[at])
        latest.pop(key, None)
        if tables.rows[at] is not None:
            latest[key] = at
    stay = [*sorted(latest.values()), *range(first, len(tables))]
    tables.times = array("q", [tables.times[at] for at in stay])
    tables.nodes = array("q", [tables.nodes[at] for at in stay])
    tables.names = [tables.names[at] for at in stay]
    tables.keys = [tables.keys[at] for at in stay]
    tables.rows = [tables.rows[at] for at in stay]
