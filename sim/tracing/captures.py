"""Captures: what a sniffer on every port would have seen, as events in the order of time.

A frame is seen twice: when it leaves its sender's port, and when it reaches its receiver's, with the bytes that it has
there. One that was lost is seen once, one that never got onto its link not at all.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.tracing import kinds
from sim.tracing.recorder import NOT_SENT, Recorder

COMMENTED = frozenset({kinds.DROP, kinds.FLOOD, kinds.TABLE_FULL, kinds.FILTER, kinds.ALTERED})


@dataclass(frozen=True)
class Captured:
    """A frame at a port (its index): at `time` ns, on its way out or in, with what the devices said about it."""

    time: int
    number: int
    port: int
    outbound: bool
    frame: bytes
    comment: str


def captured(recorder: Recorder) -> list[Captured]:
    """Everything that was seen up to `recorder.end`, by time; at the same time by the frame's id, leaving first."""
    comments = _comments(recorder)
    seen = []
    for row, number in enumerate(recorder.ids):
        arrival = recorder.arrivals[row]
        if arrival == NOT_SENT:
            continue
        sender = recorder.senders[row]
        receiver = recorder.port_peers[sender]
        frame = recorder.frames[row]
        comment = comments.get(number, "")
        lost = recorder.lost.get(number)
        start = recorder.starts[row]
        if start <= recorder.end and number not in recorder.copies:
            seen.append((start, number, 0, Captured(start, number, sender, True, frame, comment if lost else "")))
        if lost is None and receiver != sender and arrival <= recorder.end:
            arrived = recorder.altered.get(number, frame)
            seen.append((arrival, number, 1, Captured(arrival, number, receiver, False, arrived, comment)))
    seen.sort(key=lambda item: item[:3])
    return [item[3] for item in seen]


def _comments(recorder: Recorder) -> dict[int, str]:
    """Per transmission what was said about it: why it was dropped, or to how many ports it was flooded."""
    comments: dict[int, str] = {}
    for index, kind in enumerate(recorder.note_kinds):
        if kind not in COMMENTED:
            continue
        node = recorder.nodes[recorder.note_nodes[index]]
        detail = recorder.note_details[index]
        if kind == kinds.FLOOD and isinstance(detail, tuple):
            text = f"{node}: flood ({detail[0]!s}) to {detail[1]!s} ports"
        elif kind == kinds.DROP:
            text = f"{node}: dropped, {detail!s}"
        else:
            text = f"{node}: {kinds.NAMES[kind]}"
        number = recorder.note_subjects[index]
        comments[number] = f"{comments[number]}; {text}" if number in comments else text
    return comments
