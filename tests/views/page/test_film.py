"""The data of a page against the recording that it was made of."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from sim.cli.filming import Filming, about_run
from sim.lab.runner import Run
from sim.scenario.load import load
from sim.tracing.recorder import NOT_SENT, Recorder
from sim.views.page.film import SNAP, Cutter, film
from sim.views.page.sampling import sample

TOPOLOGIES = Path(__file__).parents[3] / "topologies"


def filmed(name: str) -> tuple[Recorder, dict[str, Any]]:
    """A topology's run, and the data of its page."""
    topology = load(TOPOLOGIES / f"{name}.yaml")
    run = Run(topology)
    filming = Filming(run.network)
    report = run.run()
    filming.finish()
    recorder = report.network.trace.recorder
    return recorder, film(recorder, about_run(topology, report.as_dict()))


def frames_of(data: dict[str, Any]) -> list[bytes]:
    """The blobs of a film."""
    packed = b64decode(data["blobs"]["data"])
    found, at = [], 0
    for length in data["blobs"]["lengths"]:
        found.append(packed[at : at + length])
        at += length
    assert at == len(packed)
    return found


def test_every_frame_is_in_it_with_its_bytes() -> None:
    recorder, data = filmed("office")
    frames, blobs = data["frames"], frames_of(data)
    assert frames["id"] == list(recorder.ids)
    assert frames["start"] == list(recorder.starts)
    assert frames["cause"] == list(recorder.causes)
    assert [blobs[number] for number in frames["bytes"]] == recorder.frames
    assert len(blobs) == len(set(recorder.frames))
    assert (data["name"], data["seed"], data["passed"], data["sampled"]) == ("office", 1, True, None)
    assert [step["number"] for step in data["steps"]] == list(range(1, len(data["steps"]) + 1))


def test_the_links_of_the_map_are_the_ports_that_send() -> None:
    recorder, data = filmed("office")
    ends = {port for link in data["links"] for port in link["ends"]}
    assert {*recorder.senders} <= ends
    for link in data["links"]:
        first, second = link["ends"]
        assert data["ports"][first]["peer"] == second
        assert f'data-link="{data["links"].index(link)}"' in data["map"]


def test_every_note_has_its_sentence_in_each_language() -> None:
    recorder, data = filmed("hub_versus_switch")
    notes = data["notes"]
    assert len(notes["time"]) == len(recorder.note_times)
    floods = [at for at, kind in enumerate(notes["kind"]) if kind == "flood"]
    assert floods
    for at in floods:
        english, chinese = (data["sentences"][language][notes["sentence"][at]] for language in ("en", "zh"))
        assert str(notes["detail"][at][1]) in english
        assert not chinese.isascii()


def test_tables_and_series_come_with_it() -> None:
    recorder, data = filmed("tcp_handshake")
    assert recorder.tables is not None
    assert len(data["tables"]) == len(recorder.tables)
    assert {name for _, _, name, _, _ in data["tables"]} <= {*data["columns"]}
    assert "cwnd" in {one["name"] for one in data["series"]}


def test_what_comes_later_is_cut_as_a_part_of_its_own() -> None:
    recorder = Recorder()
    recorder.add_port(recorder.add_node("a", "host"), "eth0")
    cutter = Cutter(recorder)
    recorder.transmission(3, 10, 20, 0, 0, b"one")
    recorder.transmission(4, 11, 21, 0, 0, b"two")
    first = cutter.cut()
    recorder.transmission(5, 30, NOT_SENT, 0, 3, b"one")
    recorder.lose(31, 4, 0, "link down")
    second = cutter.cut()
    assert (first["frames"]["id"], second["frames"]["id"]) == ([3, 4], [5])
    assert second["frames"]["bytes"] == [0]
    assert second["blobs"]["lengths"] == []
    assert second["frames"]["lost"] == {"4": "link down"}
    assert second["frames"]["arrival"] == [NOT_SENT]
    assert [len(part["notes"]["time"]) for part in (first, second)] == [0, 1]
    assert cutter.cut()["frames"]["lost"] == {}


def test_of_very_many_bytes_only_the_beginning_of_each_frame_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.views.page.film.MOST_BYTES", 10_000)
    recorder, data = filmed("fragments")
    assert max(data["blobs"]["lengths"]) == SNAP
    sizes = data["blobs"]["sizes"]
    assert [sizes[number] for number in data["frames"]["bytes"]] == [len(frame) for frame in recorder.frames]


def recording(count: int, lost: tuple[int, ...] = ()) -> Recorder:
    """So many frames, some of them lost, each with a note about it."""
    recorder = Recorder()
    recorder.add_port(recorder.add_node("a", "host"), "eth0")
    for number in range(1, count + 1):
        recorder.transmission(number, number, number + 1, 0, 0, b"x" * 60)
    for number in lost:
        recorder.lose(number, number, 0, "unlucky")
    return recorder


def test_of_too_many_frames_it_is_a_selection() -> None:
    recorder = recording(10_000, lost=(9, 7_777, 9_999))
    data = film(recorder, most=2_000)
    kept = data["frames"]["id"]
    assert data["sampled"] == {"frames": 10_000, "kept": len(kept)}
    assert len(kept) <= 2_000
    assert kept[:900] == list(range(1, 901))
    assert kept[-1] == 10_000
    assert {*data["frames"]["lost"]} == {"9", "7777", "9999"}
    assert sorted(data["notes"]["about"]) == [9, 7_777, 9_999]


@pytest.mark.parametrize("count", [0, 1, 1999, 2000, 2001, 2500, 30_000])
def test_a_selection_has_no_more_than_there_is_room_for(count: int) -> None:
    rows = sample(recording(count, lost=tuple(range(1, count, 3))), 2_000)
    assert len(rows) <= 2_000
    assert rows == sorted({*rows})
    assert len(rows) == count or len(rows) > 1_700
    assert all(0 <= row < count for row in rows)
