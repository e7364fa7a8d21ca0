from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sim.errors import TraceError
from sim.lab.measuring import record_series
from sim.lab.table_watch import TableWatch
from sim.links.rules import PASS, Deliver, Drop, Verdict
from sim.tracing.digest import digest
from sim.tracing.eventlog import read_events
from sim.tracing.journeys import Lineage
from sim.tracing.recorder import Recorder

if TYPE_CHECKING:
    from tests.tracing.conftest import Office


def lines(office: Office, folder: Path) -> list[dict[str, Any]]:
    office.net.trace.write_events(folder / "events.jsonl")
    return [json.loads(line) for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()]


def busy(office: Office) -> Office:
    office.pc1.ping("web")

    def harm(frame: bytes, time: int) -> Verdict:
        if frame[12:14] != b"\x08\x00":
            return PASS
        return Drop("test loss") if frame[41] == 1 else Deliver(frame=frame[:-1] + b"!", why="corrupted")

    office.net.link_between("pc1", "sw1").add_rule(harm)
    office.pc1.ping("web", count=2)
    office.net.set_link(office.net.link_between("pc2", "sw1"), False)
    office.net.set_power("web", False)
    office.pc2.ping("127.0.0.1")
    office.pc2.ping("pc1")
    return office


def test_the_first_line_says_what_it_is_and_who_is_who(office: Office, tmp_path: Path) -> None:
    header, *_ = lines(busy(office), tmp_path)
    assert (header["format"], header["version"], header["end"]) == ("packetsim-events", 2, office.net.now)
    names = [f"{header['nodes'][port['node']]['name']}:{port['name']}" for port in header["ports"]]
    assert names[:3] == ["pc1:eth0", "pc2:eth0", "web:eth0"]
    assert header["ports"][header["ports"][0]["peer"]]["peer"] == 0


def test_events_come_by_time_and_a_frame_before_what_was_noted_about_it(office: Office, tmp_path: Path) -> None:
    _, *events = lines(busy(office), tmp_path)
    times = [event["t"] for event in events]
    assert times == sorted(times)
    sent: set[int] = set()
    for event in events:
        if "send" in event:
            sent.add(event["send"])
        elif event["note"] not in ("origin", "link", "power"):
            assert event["about"] in sent or event["about"] == 0 or event["note"] in ("route", "arp-ask", "drop")


def test_nothing_is_missing_from_the_log(office: Office, tmp_path: Path) -> None:
    watch = TableWatch(office.net)
    series = record_series(office.net)
    recorder = busy(office).net.recorder
    watch.finish()
    series.add("pc1:eth0", "queue", 5, 3)
    office.net.trace.write_events(tmp_path / "events.jsonl", {"name": "office", "steps": [1]})
    again, about = read_events(tmp_path / "events.jsonl")
    assert about == {"name": "office", "steps": [1]}
    assert recorder.lost
    assert recorder.altered
    assert recorder.tables is not None
    assert len(recorder.tables) > 20
    assert again.tables is not None
    assert again.series is not None
    for column in ("nodes", "node_kinds", "ports", "port_nodes", "port_peers", "ids", "starts", "arrivals", "senders"):
        assert getattr(again, column) == getattr(recorder, column), column
    for column in ("causes", "frames", "lost", "altered", "copies", "end"):
        assert getattr(again, column) == getattr(recorder, column), column
    for column in ("times", "nodes", "names", "keys", "rows"):
        assert getattr(again.tables, column) == getattr(recorder.tables, column), column
    assert [(key, again.series.points(*key)) for key in again.series.names()] == [
        (key, series.points(*key)) for key in series.names()
    ]

    def notes(one: Recorder) -> list[tuple[object, ...]]:
        columns = (one.note_times, one.note_subjects, one.note_nodes, one.note_kinds, one.note_details)
        return sorted(zip(*columns, strict=True), key=repr)

    assert notes(again) == notes(recorder)
    assert len(digest(again)) == 64


def test_journeys_can_be_told_from_the_log_alone(office: Office, tmp_path: Path) -> None:
    busy(office).net.trace.write_events(tmp_path / "events.jsonl")
    told = Lineage(read_events(tmp_path / "events.jsonl")[0]).journeys()
    assert [(journey.text, journey.path(), journey.drops()) for journey in told] == [
        (journey.text, journey.path(), journey.drops()) for journey in office.net.trace.journeys()
    ]


def test_the_first_version_is_still_read(tmp_path: Path) -> None:
    header = {"format": "packetsim-events", "version": 1, "end": 5, "nodes": [{"name": "pc", "kind": "host"}]}
    path = tmp_path / "old.jsonl"
    path.write_text(json.dumps({**header, "ports": [{"node": 0, "name": "eth0", "peer": -1}]}) + "\n", encoding="utf-8")
    recorder, about = read_events(path)
    assert (recorder.nodes, recorder.end, about) == (["pc"], 5, {})


HEADER = (
    '{"format": "packetsim-events", "version": 2, "end": 5, "nodes": [{"name": "pc", "kind": "host"}], '
    '"ports": [{"node": 0, "name": "eth0", "peer": -1}], "about": {}}\n'
)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", None, "the trace is empty"),
        ("hello\n", 1, "this is no packetsim trace: its first line is no header"),
        ("[]\n", 1, "this is no packetsim trace: its first line is no header"),
        ('{"format": "pcap"}\n', 1, "this is no packetsim trace: its first line is no header"),
        (HEADER.replace("2,", "9,", 1), 1, "the trace has version 9, this packetsim reads up to 2"),
        (HEADER.replace('"node": 0', '"node": 1'), 1, "this is no packetsim trace: its first line is no header"),
        (HEADER + '{"t": 1, "send": 3, "port"', 2, "this line is cut off"),
        (HEADER + '{"t": 1, "send": 3, "port": 7, "arrival": 2, "cause": 0, "frame": "00"}\n', 2, "cannot be read"),
        (HEADER + '{"t": 1, "send": 3, "port": 0, "arrival": 2, "cause": 0, "frame": "0g"}\n', 2, "cannot be read"),
        (HEADER + "7\n", 2, "this line cannot be read: 7"),
        (HEADER + '{"t": 1, "note": "dance", "node": 0, "about": 0, "detail": ""}\n', 2, "not known: dance"),
        (HEADER + '{"t": 1, "note": "drop", "node": 4, "about": 0, "detail": ""}\n', 2, "cannot be read"),
        (HEADER + '{"t": 1, "note": "drop", "node": 0, "about": 0, "detail": null}\n', 2, "cannot be read"),
        (HEADER + '{"t": 1}\n', 2, "neither a frame, nor a note"),
    ],
)
def test_what_is_no_trace(tmp_path: Path, text: str, line: int | None, message: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TraceError) as caught:
        read_events(path)
    place = f"{path}:{line}" if line else str(path)
    assert str(caught.value).startswith(f"{place}: error: ")
    assert message in str(caught.value)
