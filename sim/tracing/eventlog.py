"""A recording as lines of JSON, `events.jsonl`: complete, so that views need no simulation.

The first line is a header: `{"format": "packetsim-events", "version": 1, "end": ns, "nodes": [{"name", "kind"}...],
"ports": [{"node", "name", "peer"}...]}`, where `node` and `peer` are indexes into the lists (-1: no link). Then, by
time, one line each:

    {"t": ns, "send": id, "port": index, "arrival": ns or null, "cause": id, "frame": hex,
     "lost": reason, "received": hex, "copy": true}         (the last three only where they apply)
    {"t": ns, "note": kind, "node": index, "about": id, "detail": text, number or list}

Bytes in a detail (addresses) are written as `{"hex": "..."}`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from sim.tracing import kinds
from sim.tracing.recorder import NOT_SENT, Detail, Recorder

VERSION: Final = 1


def write_events(recorder: Recorder, path: str | Path) -> None:
    """Write the recording to `path`. Raises OSError."""
    lines = [(recorder.starts[row], number, _sending(recorder, row)) for row, number in enumerate(recorder.ids)]
    lines += [
        (time, recorder.note_subjects[index], _note(recorder, index)) for index, time in enumerate(recorder.note_times)
    ]
    lines.sort(key=lambda line: line[:2])  # stable: a frame stands before what was noted about it
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(_header(recorder)) + "\n")
        file.writelines(json.dumps(line[2]) + "\n" for line in lines)


def _header(recorder: Recorder) -> dict[str, Any]:
    return {
        "format": "packetsim-events",
        "version": VERSION,
        "end": recorder.end,
        "nodes": [{"name": name, "kind": kind} for name, kind in zip(recorder.nodes, recorder.node_kinds, strict=True)],
        "ports": [
            {"node": node, "name": name, "peer": peer}
            for node, name, peer in zip(recorder.port_nodes, recorder.ports, recorder.port_peers, strict=True)
        ],
    }


def _sending(recorder: Recorder, row: int) -> dict[str, Any]:
    number = recorder.ids[row]
    arrival = recorder.arrivals[row]
    line: dict[str, Any] = {
        "t": recorder.starts[row],
        "send": number,
        "port": recorder.senders[row],
        "arrival": None if arrival == NOT_SENT else arrival,
        "cause": recorder.causes[row],
        "frame": recorder.frames[row].hex(),
    }
    if number in recorder.lost:
        line["lost"] = recorder.lost[number]
    if number in recorder.altered:
        line["received"] = recorder.altered[number].hex()
    if number in recorder.copies:
        line["copy"] = True
    return line


def _note(recorder: Recorder, index: int) -> dict[str, Any]:
    return {
        "t": recorder.note_times[index],
        "note": kinds.NAMES[recorder.note_kinds[index]],
        "node": recorder.note_nodes[index],
        "about": recorder.note_subjects[index],
        "detail": _plain(recorder.note_details[index]),
    }


def _plain(detail: Detail) -> Any:
    if isinstance(detail, bytes):
        return {"hex": detail.hex()}
    if isinstance(detail, tuple):
        return [_plain(part) for part in detail]
    return detail
