"""Where two runs part: the first record of their event logs that is not the same, and the first step that is not."""

from __future__ import annotations

import json
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from sim.units import format_duration
from sim.views.text import Line, printable
from sim.wire.decode import summary

Data = dict[str, Any]

BEFORE: Final = 4
SHOWN: Final = 24
"""Bytes of a frame that are shown, from a little before the first that differs."""


def first_record(mine: Path, other: Path) -> Data | None:
    """The first line that differs between two event logs (tracing/eventlog.py): `record` is its number, `time` ns,
    `where` says that in words, `first` and `second` are the two records in words. None if there is no such line."""
    with mine.open(encoding="utf-8") as a, other.open(encoding="utf-8") as b:
        header: Data = json.loads(next(a))
        next(b)
        for number, (one, two) in enumerate(zip_longest(a, b), start=1):
            if one != two:
                records = [None if line is None else json.loads(line) for line in (one, two)]
                time = min(record["t"] for record in records if record is not None)
                at = _first_byte(records)
                return {
                    "record": number,
                    "time": time,
                    "where": f"at {format_duration(time)}, record {number}",
                    "first": _told(records[0], header, at),
                    "second": _told(records[1], header, at),
                }
    return None


def first_step(mine: Data, other: Data) -> Data | None:
    """The first step that differs between two reports: frames need not, when a program prints something else."""
    for one, two in zip(mine["steps"], other["steps"], strict=True):
        for key in one:
            if one[key] == two[key]:
                continue
            what, first, second = key, one[key], two[key]
            if key == "outcome":
                what = next(name for name in first if first[name] != second.get(name))
                first, second = first[what], second.get(what)
            where = f"in step {one['number']} ({one['name']}), its {what}"
            return {"record": None, "time": None, "where": where, "first": repr(first), "second": repr(second)}
    return None


def difference_lines(result: Data) -> list[Line]:
    """What was found, for people: `same`, `difference` as above, and whether the runs are the `same_shape`."""
    if result["same"]:
        return [[("run again in a fresh process: the same", "good")]]
    difference = result["difference"]
    lines: list[Line] = [[("run again in a fresh process: not the same", "error")]]
    lines.append([(f"  the first difference is {difference['where']}", "")])
    for run, text in (("first ", difference["first"]), ("second", difference["second"])):
        lines.append([(f"    {run}  ", "note"), (printable(text), "")])
    if result["same_shape"] and difference["record"] is not None:
        lines.append([("  times, ports and lengths are the same, only payload differs: is it encrypted?", "hint")])
    return lines


def _first_byte(records: list[Data | None]) -> int:
    """The first byte in which two frames differ."""
    frames = [bytes.fromhex(record["frame"]) for record in records if record is not None and "frame" in record]
    if len(frames) < 2:
        return 0
    return next((at for at, (a, b) in enumerate(zip(*frames, strict=False)) if a != b), min(map(len, frames)))


def _told(record: Data | None, header: Data, at: int) -> str:
    """A record of an event log: when, where, and what; of a frame the bytes around `at`."""
    if record is None:
        return "nothing more"
    time = format_duration(record["t"])
    if "send" in record:
        port = header["ports"][record["port"]]
        frame = bytes.fromhex(record["frame"])
        start = max(0, at - BEFORE)
        part = f", from byte {start} {frame[start : start + SHOWN]!r}" if at else ""
        return f"{time} {header['nodes'][port['node']]['name']}:{port['name']} sends {summary(frame)}{part}"
    detail = record["detail"]
    text = " ".join(map(str, detail)) if isinstance(detail, list) else str(detail)
    return f"{time} {header['nodes'][record['node']]['name']} notes {record['note']} {text}"
