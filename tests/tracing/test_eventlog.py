from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.links.rules import PASS, Deliver, Drop, Verdict
from sim.tracing import kinds
from sim.tracing.digest import digest
from sim.tracing.recorder import NOT_SENT, Detail, Recorder

if TYPE_CHECKING:
    from tests.tracing.conftest import Office


def lines(office: Office, folder: Path) -> list[dict[str, Any]]:
    office.net.trace.write_events(folder / "events.jsonl")
    return [json.loads(line) for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()]


def rich(detail: Any) -> Detail:
    """A detail as it was before it was written."""
    if isinstance(detail, dict):
        return bytes.fromhex(detail["hex"])
    if isinstance(detail, list):
        return tuple(rich(part) for part in detail)  # type: ignore[misc]
    return detail  # type: ignore[no-any-return]


def rebuilt(header: dict[str, Any], events: list[dict[str, Any]]) -> Recorder:
    """A recorder made of the lines alone."""
    recorder = Recorder()
    recorder.end = header["end"]
    for node in header["nodes"]:
        recorder.add_node(node["name"], node["kind"])
    for port in header["ports"]:
        recorder.add_port(port["node"], port["name"])
    recorder.port_peers = [port["peer"] for port in header["ports"]]
    for line in sorted((line for line in events if "send" in line), key=lambda line: int(line["send"])):
        arrival = NOT_SENT if line["arrival"] is None else line["arrival"]
        recorder.transmission(
            line["send"], line["t"], arrival, line["port"], line["cause"], bytes.fromhex(line["frame"])
        )
        if "lost" in line:
            recorder.lost[line["send"]] = line["lost"]
        if "received" in line:
            recorder.altered[line["send"]] = bytes.fromhex(line["received"])
    numbers = {name: kind for kind, name in kinds.NAMES.items()}
    for line in events:
        if "note" in line:
            recorder.note(line["t"], line["about"], line["node"], numbers[line["note"]], rich(line["detail"]))
    return recorder


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
    assert (header["format"], header["version"], header["end"]) == ("packetsim-events", 1, office.net.now)
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
    header, *events = lines(busy(office), tmp_path)
    recorder, again = office.net.recorder, rebuilt(header, events)
    assert recorder.lost
    assert recorder.altered
    for column in (
        "nodes",
        "node_kinds",
        "ports",
        "port_nodes",
        "port_peers",
        "ids",
        "starts",
        "arrivals",
        "senders",
        "causes",
        "frames",
        "lost",
        "altered",
        "end",
    ):
        assert getattr(again, column) == getattr(recorder, column), column

    def notes(one: Recorder) -> list[tuple[object, ...]]:
        columns = (one.note_times, one.note_subjects, one.note_nodes, one.note_kinds, one.note_details)
        return sorted(zip(*columns, strict=True), key=repr)

    assert notes(again) == notes(recorder)
    assert len(digest(again)) == 64


def test_journeys_can_be_told_from_the_log_alone(office: Office, tmp_path: Path) -> None:
    from sim.tracing.journeys import Lineage

    header, *events = lines(busy(office), tmp_path)
    told = Lineage(rebuilt(header, events)).journeys()
    assert [(journey.text, journey.path(), journey.drops()) for journey in told] == [
        (journey.text, journey.path(), journey.drops()) for journey in office.net.trace.journeys()
    ]
