"""What the page shows of a run, as plain data: the recording, the map, and the sentences that explain it.

    {"format": "packetsim-page", "version": 1,
     "name", "seed", "digest", "passed",          what is known of the run; None where nothing is
     "end": ns,
     "sampled": None, or {"frames": all, "kept": n}
     "nodes": [{"name", "kind", "label"}],        a node's number is its place here; its label is what the map calls it
     "ports": [{"node", "name", "peer"}],         numbers; peer -1: no link
     "map": "<svg ...>", "links": [{"ends": [port, port], "text"}],      as data-link counts them; a port may be -1
     "frames": {"id", "start", "arrival", "port", "cause", "bytes": [columns], "lost": {id: reason},
                "received": {id: blob}, "copies": [ids]},                arrival -1: it never got onto the link
     "blobs": {"lengths", "sizes": [...], "data": base64},   all bytes, one after the other; equal frames share a blob;
                                                  a size is more than the length where only the beginning was kept
     "notes": {"time", "about", "node", "kind", "detail", "sentence": [columns]},
     "sentences": {language: [texts]},            a note's sentence is its place there
     "tables": [[time, node, table, key, row or None]], "columns": {table: [names]},
     "steps": [...], "series": [{"subject", "name", "unit", "times", "values"}]}

A film may also be a part of one: `Cutter.cut` gives what has come since the last time, in the same form.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Final

from sim.tracing import kinds
from sim.tracing.eventlog import About, plain
from sim.tracing.journeys import Note
from sim.tracing.recorder import Detail, Recorder
from sim.tracing.series import UNITS, Key
from sim.tracing.tables import COLUMNS
from sim.views.diagram.plan import Plan
from sim.views.diagram.plan_data import plan_of, plan_of_recording
from sim.views.diagram.svg_map import draw_svg
from sim.views.page.sampling import sample
from sim.views.sentences import LANGUAGES, sentence
from sim.views.text import printable

VERSION: Final = 1
MOST_FRAMES: Final = 100_000
MOST_BYTES: Final = 4_000_000
"""Bytes of frames that a page holds; of more, only the beginning of each is kept."""
SNAP: Final = 160
"""Bytes of a frame that are kept then: all headers, and a little of what they carry."""
MAC_ADDRESSES: Final = 12

Data = dict[str, Any]


def film(recorder: Recorder, about: About | None = None, most: int = MOST_FRAMES, cutter: Cutter | None = None) -> Data:
    """All of a recording. Of more than `most` frames it is a selection (see sampling.py), unless a `cutter` is given,
    which can go on afterwards."""
    about = about or {}
    name = str(about.get("name") or "")
    plan = _plan(recorder, about, name)
    ports = {
        (recorder.nodes[node], port): number
        for number, (node, port) in enumerate(zip(recorder.port_nodes, recorder.ports, strict=True))
    }
    if cutter is None:
        rows = sample(recorder, most)
        cutter = Cutter(recorder, None if len(rows) == len(recorder.ids) else rows)
    return {
        "format": "packetsim-page",
        "version": VERSION,
        "name": name,
        "seed": about.get("seed"),
        "digest": about.get("digest"),
        "passed": about.get("passed"),
        "sampled": None if cutter.kept is None else {"frames": len(recorder.ids), "kept": len(cutter.kept)},
        "nodes": [
            {"name": name, "kind": kind, "label": printable(name)}
            for name, kind in zip(recorder.nodes, recorder.node_kinds, strict=True)
        ],
        "ports": [
            {"node": node, "name": name, "peer": peer}
            for node, name, peer in zip(recorder.port_nodes, recorder.ports, recorder.port_peers, strict=True)
        ],
        "map": draw_svg(plan),
        "links": [{"ends": [ports.get(end, -1) for end in link.ends], "text": link.text} for link in plan.links],
        "columns": {name: list(columns) for name, columns in COLUMNS.items()},
        "steps": list(about.get("steps") or []),
        **cutter.cut(),
    }


def _plan(recorder: Recorder, about: About, name: str) -> Plan:
    """The map that was stored with the recording, or one of what was recorded."""
    try:
        return plan_of(about["map"])
    except (KeyError, TypeError, ValueError):
        return plan_of_recording(recorder, name)


class Cutter:
    """Cuts a recording that may go on into parts. `kept` are the rows of frames to show, None for all."""

    def __init__(self, recorder: Recorder, kept: list[int] | None = None) -> None:
        self.recorder = recorder
        self.kept = kept
        whole = sum(map(len, recorder.frames))
        self._snap = SNAP if whole > MOST_BYTES else 1 << 20
        self._frames = self._notes = self._tables = 0  # what has been cut already
        self._blobs: dict[bytes, int] = {}
        self._sentences: dict[tuple[str, ...], int] = {}
        self._told: dict[tuple[int, Detail, bytes], int] = {}  # by what a sentence is made of
        self._lost: set[int] = set()
        self._points: dict[Key, int] = {}

    def cut(self) -> Data:
        """What has come since the last time."""
        recorder = self.recorder
        blobs: Data = {"lengths": [], "sizes": [], "data": bytearray()}
        rows = range(self._frames, len(recorder.ids)) if self.kept is None else self.kept
        self._frames = len(recorder.ids)
        frames: Data = {
            "id": [recorder.ids[row] for row in rows],
            "start": [recorder.starts[row] for row in rows],
            "arrival": [recorder.arrivals[row] for row in rows],
            "port": [recorder.senders[row] for row in rows],
            "cause": [recorder.causes[row] for row in rows],
            "bytes": [self._blob(recorder.frames[row], blobs) for row in rows],
        }
        lost = [number for number in recorder.lost if number not in self._lost]  # a frame may be lost later than sent
        self._lost.update(lost)
        shown = None if self.kept is None else {*frames["id"]}
        frames["lost"] = {str(number): recorder.lost[number] for number in lost if shown is None or number in shown}
        frames["received"] = {
            str(number): self._blob(recorder.altered[number], blobs)
            for number in frames["id"]
            if number in recorder.altered
        }
        frames["copies"] = [number for number in frames["id"] if number in recorder.copies]
        notes, sentences = self._cut_notes(shown)
        blobs["data"] = b64encode(bytes(blobs["data"])).decode("ascii")
        return {
            "end": recorder.end,
            "frames": frames,
            "blobs": blobs,
            "notes": notes,
            "sentences": sentences,
            "tables": self._cut_tables(),
            "series": self._cut_series(),
        }

    def _blob(self, frame: bytes, blobs: Data) -> int:
        """The number of a frame's bytes."""
        number = self._blobs.get(frame)
        if number is None:
            number = self._blobs[frame] = len(self._blobs)
            part = frame[: self._snap]
            blobs["data"] += part
            blobs["lengths"].append(len(part))
            blobs["sizes"].append(len(frame))
        return number

    def _cut_notes(self, shown: set[int] | None) -> tuple[Data, Data]:
        recorder = self.recorder
        notes: Data = {"time": [], "about": [], "node": [], "kind": [], "detail": [], "sentence": []}
        sentences: Data = {language: [] for language in LANGUAGES}
        for index in range(self._notes, len(recorder.note_nodes)):
            about, kind = recorder.note_subjects[index], recorder.note_kinds[index]
            if shown is not None and about and about not in shown and kind != kinds.ORIGIN:
                continue
            notes["time"].append(recorder.note_times[index])
            notes["about"].append(about)
            notes["node"].append(recorder.note_nodes[index])
            notes["kind"].append(kinds.NAMES[kind])
            notes["detail"].append(plain(recorder.note_details[index]))
            notes["sentence"].append(self._sentence(index, sentences))
        self._notes = len(recorder.note_nodes)
        return notes, sentences

    def _sentence(self, index: int, sentences: Data) -> int:
        recorder = self.recorder
        try:
            about = recorder.note_subjects[index]
            frame = recorder.altered.get(about) or recorder.frames[recorder.row(about)]
        except KeyError:  # it is about no frame: about a wish to send, or the power
            frame = b""
        kind, detail = recorder.note_kinds[index], recorder.note_details[index]
        made_of = (kind, detail, frame[:MAC_ADDRESSES])
        number = self._told.get(made_of)
        if number is None:
            number = self._told[made_of] = self._tell(Note(0, "", kind, detail), frame, sentences)
        return number

    def _tell(self, note: Note, frame: bytes, sentences: Data) -> int:
        texts = tuple(sentence(note, frame, language) for language in LANGUAGES)
        number = self._sentences.get(texts)
        if number is None:
            number = self._sentences[texts] = len(self._sentences)
            for language, text in zip(LANGUAGES, texts, strict=True):
                sentences[language].append(text)
        return number

    def _cut_tables(self) -> list[list[Any]]:
        tables = self.recorder.tables
        if tables is None:
            return []
        since, self._tables = self._tables, len(tables)
        return [
            [tables.times[at], tables.nodes[at], tables.names[at], tables.keys[at], _listed(tables.rows[at])]
            for at in range(since, len(tables))
        ]

    def _cut_series(self) -> list[Data]:
        series = self.recorder.series
        parts = [] if series is None else series.since(self._points, self.recorder.end + 1)
        return [
            {"subject": subject, "name": name, "unit": UNITS.get(name, ""), "times": times, "values": values}
            for subject, name, times, values in parts
        ]


def _listed(row: tuple[str, ...] | None) -> list[str] | None:
    return None if row is None else list(row)
