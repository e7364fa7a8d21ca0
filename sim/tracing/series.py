"""Time series: numbers that change while a run goes on, such as a congestion window or the length of a queue.

A series belongs to a subject (`h1 10.0.0.1:49152 > 10.0.0.2:80`, a connection seen from its host; `r1:eth1`, a port)
and has a name (`cwnd`, `queue`). It holds (time, value) where the value changed: between two points it is the earlier.
Series are kept beside the trace and are no part of its digest.
"""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left
from pathlib import Path
from typing import Final

VERSION: Final = 1

UNITS: Final[dict[str, str]] = {
    "cwnd": "segments",
    "ssthresh": "segments",
    "in_flight": "segments",
    "srtt": "ns",
    "rto": "ns",
    "queue": "frames",
    "pacing_rate": "bytes/s",
}
"""What a value counts, by the name of its series."""


Key = tuple[str, str]
"""Subject and name of a series."""
Part = tuple[str, str, list[int], list[int]]
"""Some points of a series: its subject and name, their times (ns) and values."""


class Column:
    """The points of one series, in the order of time: `times` in ns, `values` in the unit of its name. Before them
    there were `gone` others."""

    def __init__(self) -> None:
        self.times: array[int] = array("q")
        self.values: array[int] = array("q")
        self.gone: int = 0


class Series:
    """All series of a run."""

    def __init__(self) -> None:
        self._columns: dict[tuple[str, str], Column] = {}

    def add(self, subject: str, name: str, time: int, value: int) -> None:
        """The value at `time` (ns, not before the last one's). One that has not changed is not stored again.

        Of several at one instant the last is kept.
        """
        column = self._columns.get((subject, name))
        if column is None:
            column = self._columns[(subject, name)] = Column()
        values = column.values
        if len(values) > 0:
            if values[-1] == value:
                return
            if column.times[-1] == time:
                column.times.pop()
                values.pop()
                if len(values) > 0 and values[-1] == value:
                    return
        column.times.append(time)
        values.append(value)

    def names(self) -> list[tuple[str, str]]:
        """(subject, name) of each series, in the order in which they began."""
        return list(self._columns)

    def points(self, subject: str, name: str) -> list[tuple[int, int]]:
        """(time in ns, value) of each change. Raises KeyError when there is no such series."""
        column = self._columns[(subject, name)]
        return list(zip(column.times, column.values, strict=True))

    def since(self, marks: dict[Key, int], before: int) -> list[Part]:
        """The points before a time (ns) that are new to somebody whose `marks` say what he has; they are moved on."""
        parts: list[Part] = []
        for key, column in self._columns.items():
            start = max(0, marks.get(key, 0) - column.gone)
            end = bisect_left(column.times, before)
            if end > start:
                parts.append((key[0], key[1], list(column.times[start:end]), list(column.values[start:end])))
                marks[key] = column.gone + end
        return parts

    def extend(self, parts: list[Part]) -> None:
        """Go on with points of another recording."""
        for subject, name, times, values in parts:
            for time, value in zip(times, values, strict=True):
                self.add(subject, name, time, value)

    def forget(self, before: int) -> None:
        """Let go of the points before a time (ns), but for the last one of each series, which still holds then."""
        for column in self._columns.values():
            gone = bisect_left(column.times, before) - 1
            if gone > 0:
                del column.times[:gone]
                del column.values[:gone]
                column.gone += gone

    def write_csv(self, path: str | Path) -> None:
        """Write all series as a table `time_ns,subject,series,value`, by time. Raises OSError."""
        rows: list[tuple[int, int, int]] = []
        texts: list[str] = []
        for number, ((subject, name), column) in enumerate(self._columns.items()):
            texts.append(f"{_quoted(subject)},{_quoted(name)}")
            rows += [(time, number, value) for time, value in zip(column.times, column.values, strict=True)]
        rows.sort()
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write("time_ns,subject,series,value\r\n")  # RFC 4180 2: lines end in CRLF
            for time, number, value in rows:
                file.write(f"{time},{texts[number]},{value}\r\n")

    def write_json(self, path: str | Path) -> None:
        """Write all series as one JSON document: `{"format", "version", "series": [{"subject", "name", "unit",
        "times", "values"}, ...]}`. Raises OSError."""
        series = [
            {
                "subject": subject,
                "name": name,
                "unit": UNITS.get(name, ""),
                "times": list(column.times),
                "values": list(column.values),
            }
            for (subject, name), column in self._columns.items()
        ]
        document = {"format": "packetsim-series", "version": VERSION, "series": series}
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(document) + "\n")


def _quoted(text: str) -> str:
    """A field of CSV (RFC 4180 2)."""
    if any(character in text for character in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
