"""A recording as lines of JSON, `events.jsonl`: complete, so that views need no simulation.

The first line is a header: `{"format": "packetsim-events", "version": 2, "end": ns, "nodes": [{"name", "kind"}...],
"ports": [{"node", "name", "peer"}...], "about": {...}}`, where `node` and `peer` are indexes into the lists (-1: no
link), and `about` is what is known of the run besides: its name, seed and digest, its steps, the map to draw. Then, by
time, one line each:

    {"t": ns, "send": id, "port": index, "arrival": ns or null, "cause": id, "frame": hex,
     "lost": reason, "received": hex, "copy": true}         (the last three only where they apply)
    {"t": ns, "note": kind, "node": index, "about": id, "detail": text, number or list}

Bytes in a detail (addresses) are written as `{"hex": "..."}`. What follows is there when it was recorded, tables by
time, then each series in one line:

    {"t": ns, "table": name, "node": index, "key": text, "row": [texts] or null}    (null: the row is gone)
    {"series": name, "subject": text, "unit": text, "times": [ns...], "values": [numbers...]}

A reader that meets a later version, or a line of a kind it does not know, says so. Version 1 had no `about`, no tables
and no series; it is still read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sim.errors import TraceError
from sim.tracing import kinds
from sim.tracing.recorder import NOT_SENT, Detail, Recorder
from sim.tracing.series import UNITS, Series
from sim.tracing.tables import Tables

FORMAT: Final = "packetsim-events"
VERSION: Final = 2
KINDS: Final = {name: kind for kind, name in kinds.NAMES.items()}

About = dict[str, Any]
Line = dict[str, Any]
Sent = tuple[int, int, int, int, int, bytes]
"""Id, start, arrival, port, cause and bytes of a frame."""


# -- writing


def write_events(recorder: Recorder, path: str | Path, about: About | None = None) -> None:
    """Write the recording to `path`. Raises OSError."""
    lines = [(recorder.starts[row], number, _sending(recorder, row)) for row, number in enumerate(recorder.ids)]
    lines += [
        (time, recorder.note_subjects[index], _note(recorder, index)) for index, time in enumerate(recorder.note_times)
    ]
    lines.sort(key=lambda line: line[:2])  # stable: a frame stands before what was noted about it
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(_header(recorder, about or {})) + "\n")
        file.writelines(json.dumps(line[2]) + "\n" for line in lines)
        file.writelines(json.dumps(line) + "\n" for line in _tables(recorder.tables))
        file.writelines(json.dumps(line) + "\n" for line in _series(recorder.series))


def _header(recorder: Recorder, about: About) -> Line:
    return {
        "format": FORMAT,
        "version": VERSION,
        "end": recorder.end,
        "nodes": [{"name": name, "kind": kind} for name, kind in zip(recorder.nodes, recorder.node_kinds, strict=True)],
        "ports": [
            {"node": node, "name": name, "peer": peer}
            for node, name, peer in zip(recorder.port_nodes, recorder.ports, recorder.port_peers, strict=True)
        ],
        "about": about,
    }


def _sending(recorder: Recorder, row: int) -> Line:
    number = recorder.ids[row]
    arrival = recorder.arrivals[row]
    line: Line = {
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


def _note(recorder: Recorder, index: int) -> Line:
    return {
        "t": recorder.note_times[index],
        "note": kinds.NAMES[recorder.note_kinds[index]],
        "node": recorder.note_nodes[index],
        "about": recorder.note_subjects[index],
        "detail": plain(recorder.note_details[index]),
    }


def _tables(tables: Tables | None) -> Iterator[Line]:
    if tables is not None:
        for index, row in enumerate(tables.rows):
            yield {
                "t": tables.times[index],
                "table": tables.names[index],
                "node": tables.nodes[index],
                "key": tables.keys[index],
                "row": None if row is None else list(row),
            }


def _series(series: Series | None) -> Iterator[Line]:
    for subject, name in [] if series is None else series.names():
        assert series is not None
        points = series.points(subject, name)
        yield {
            "series": name,
            "subject": subject,
            "unit": UNITS.get(name, ""),
            "times": [time for time, _ in points],
            "values": [value for _, value in points],
        }


def plain(detail: Detail) -> Any:
    """A note's detail as JSON has it."""
    if isinstance(detail, bytes):
        return {"hex": detail.hex()}
    if isinstance(detail, tuple):
        return [plain(part) for part in detail]
    return detail


# -- reading


def read_events(path: str | Path) -> tuple[Recorder, About]:
    """The recording that a file holds, and what is said about it. Raises OSError; TraceError with the line."""
    recorder = Recorder()
    about: About = {}
    sent: list[Sent] = []
    with open(path, encoding="utf-8", errors="replace") as file:
        for number, text in enumerate(file, start=1):
            try:
                line = json.loads(text)
                if number == 1:
                    about = _read_header(recorder, line)
                elif "send" in line:
                    sent.append(_read_sending(recorder, line))
                else:
                    _read_line(recorder, line)
            except TraceError as error:
                raise TraceError(error.message, file=str(path), line=number, hint=error.hint) from None
            except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError, RecursionError):
                raise _unreadable(str(path), number, text) from None
    if not recorder.nodes:
        raise TraceError("the trace is empty", file=str(path), hint=HINT)
    for row in sorted(sent):  # the rows of a recorder are in the order of their ids
        recorder.transmission(*row)
    return recorder, about


HINT: Final = "`sim run FILE --out DIR` writes one, DIR/events.jsonl"


def _unreadable(path: str, number: int, text: str) -> TraceError:
    if number == 1:
        return TraceError("this is no packetsim trace: its first line is no header", file=path, line=1, hint=HINT)
    if not text.endswith("\n"):
        return TraceError("this line is cut off", file=path, line=number, hint="was the run that wrote it killed?")
    return TraceError(f"this line cannot be read: {text.strip()[:60]}", file=path, line=number)


def _read_header(recorder: Recorder, line: Line) -> About:
    if line["format"] != FORMAT:
        raise ValueError(line["format"])
    if line["version"] not in range(1, VERSION + 1):
        raise TraceError(
            f"the trace has version {line['version']}, this packetsim reads up to {VERSION}",
            hint="a newer packetsim has written it: pip install -U packetsim",
        )
    recorder.end = int(line["end"])
    for node in line["nodes"]:
        recorder.add_node(str(node["name"]), str(node["kind"]))
    for port in line["ports"]:
        recorder.node_kinds[port["node"]]  # IndexError for a port of nobody
        recorder.add_port(port["node"], str(port["name"]))
    recorder.port_peers = [int(port["peer"]) for port in line["ports"]]
    if any(peer >= len(recorder.ports) for peer in recorder.port_peers):
        raise IndexError("a port leads to one that is not there")
    return dict(line.get("about", {}))


def _read_line(recorder: Recorder, line: Line) -> None:
    if "note" in line:
        if line["note"] not in KINDS:
            raise TraceError(f"a note of a kind that is not known: {line['note']}")
        recorder.nodes[line["node"]]
        recorder.note(line["t"], line["about"], line["node"], KINDS[line["note"]], _rich(line["detail"]))
    elif "table" in line:
        if recorder.tables is None:
            recorder.tables = Tables()
        row = None if line["row"] is None else tuple(str(text) for text in line["row"])
        recorder.nodes[line["node"]]
        recorder.tables.add(line["t"], line["node"], str(line["table"]), str(line["key"]), row)
    elif "series" in line:
        if recorder.series is None:
            recorder.series = Series()
        for time, value in zip(line["times"], line["values"], strict=True):
            recorder.series.add(str(line["subject"]), str(line["series"]), time, value)
    else:
        raise TraceError("a line that is neither a frame, nor a note, nor of a table or a series")


def _read_sending(recorder: Recorder, line: Line) -> Sent:
    number = line["send"]
    arrival = NOT_SENT if line["arrival"] is None else line["arrival"]
    recorder.ports[line["port"]]
    if line["cause"] >= number:
        raise TraceError(f"frame {number} is said to be caused by frame {line['cause']}, which is not before it")
    if "lost" in line:
        recorder.lost[number] = str(line["lost"])
    if "received" in line:
        recorder.altered[number] = bytes.fromhex(line["received"])
    if line.get("copy"):
        recorder.copies.add(number)
    return (
        int(number),
        int(line["t"]),
        int(arrival),
        int(line["port"]),
        int(line["cause"]),
        bytes.fromhex(line["frame"]),
    )


def _rich(detail: Any) -> Detail:
    """A detail as it was before it was written."""
    if isinstance(detail, dict):
        return bytes.fromhex(detail["hex"])
    if isinstance(detail, list):
        return tuple(part if isinstance(part, (str, int)) else bytes.fromhex(part["hex"]) for part in detail)
    if not isinstance(detail, (str, int)):
        raise TypeError("a detail is text, a number, an address or a list of them")
    return detail
