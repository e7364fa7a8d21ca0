"""A recording that goes on: taken in pieces it is the same as at once, and it can be kept short."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.lab.api import load
from sim.lab.measuring import record_series
from sim.lab.network import Network
from sim.lab.nodes import LabHost
from sim.lab.table_watch import TableWatch
from sim.tracing.recorder import Recorder
from sim.tracing.reel import KEPT_AT_LEAST, Reel, collapse, forget, too_many
from sim.tracing.series import Series
from sim.tracing.tables import Tables
from sim.units import MILLISECOND

TOPOLOGIES = Path(__file__).parents[2] / "topologies"
COLUMNS = (
    *("ids", "starts", "arrivals", "senders", "causes", "frames"),
    *("note_times", "note_subjects", "note_nodes", "note_kinds", "note_details"),
)


@pytest.fixture
def net() -> Network:
    net = load(TOPOLOGIES / "lossy_wan.yaml")
    TableWatch(net)
    record_series(net)
    return net


def begin(net: Network, count: int = 30) -> None:
    host = next(node for node in net.nodes.values() if isinstance(node, LabHost))
    other = [node for node in net.nodes.values() if isinstance(node, LabHost)][-1]
    host.ping(other.name, count, interval="10ms")


def blank(recorder: Recorder) -> Recorder:
    made = Recorder()
    made.tables, made.series = Tables(), Series()
    made.nodes, made.ports = recorder.nodes, recorder.ports
    made.port_nodes, made.port_peers = recorder.port_nodes, recorder.port_peers
    return made


def test_pieces_make_the_whole(net: Network) -> None:
    reel, tape = Reel(net.recorder), blank(net.recorder)
    recorder = net.trace.recorder
    assert recorder.series is not None
    for number in range(20):
        begin(net, 2)
        recorder.series.add("pc", "cwnd", net.now - 1, number)
        recorder.series.add("pc", "cwnd", net.now, number + 100)  # may still change: it is taken the next time
        recorder.end = net.now
        reel.take(10_000).add_to(tape)
    assert len(recorder.ids) > 100
    assert recorder.lost
    for column in COLUMNS:
        assert list(getattr(tape, column)) == list(getattr(recorder, column)), column
    assert (tape.lost, tape.altered, tape.copies) == (recorder.lost, recorder.altered, recorder.copies)
    assert recorder.tables is not None
    assert tape.tables is not None
    assert tape.tables.rows == recorder.tables.rows
    assert tape.series is not None
    taken = {key: tape.series.points(*key) for key in tape.series.names()}
    assert len(taken["pc", "cwnd"]) == 39
    for key, points in taken.items():
        assert [point for point in recorder.series.points(*key) if point[0] < recorder.end] == points


def test_too_many_at_once_are_counted(net: Network) -> None:
    begin(net)
    piece = Reel(net.recorder).take(10)
    assert len(piece.ids) == len(piece.frames) == 10
    assert piece.missed == len(net.recorder.ids) - 10
    assert len(piece.note_times) <= 40


def test_the_run_goes_on_when_its_beginning_is_let_go(net: Network) -> None:
    watch = TableWatch(net)
    reel = Reel(net.recorder)
    begin(net)
    reel.take(10_000)
    total = len(net.recorder.ids)
    rows, notes = reel.let_go(total - 20)
    watch.let_go(rows, notes)
    assert rows == total - 20
    assert notes > 0
    assert len(net.recorder.ids) == len(net.recorder.frames) == 20
    first = net.recorder.ids[0]
    assert all(number >= first for number in net.recorder.lost)
    begin(net)
    piece = reel.take(10_000)
    assert len(piece.ids) == len(net.recorder.ids) - 20
    assert piece.ids[0] > first
    assert len(net.trace.journeys()) > 0
    watch.finish()


def test_a_link_is_cut_under_frames_that_were_let_go(net: Network) -> None:
    reel = Reel(net.recorder)
    host = next(node for node in net.nodes.values() if isinstance(node, LabHost))
    host.originate("a long way")
    host.ports[0].send(bytes(60))
    reel.take(100)
    forget(net.recorder, len(net.recorder.ids))
    net.set_link(net.links[0], up=False)
    assert "link down" in net.recorder.lost.values()


def test_what_is_too_many() -> None:
    recorder = Recorder()
    for number in range(1, 3001):
        recorder.transmission(number, number, number + 1, 0, 0, bytes(100))
    assert too_many(recorder, 3000, 300_000) == 0
    assert too_many(recorder, 2999, 300_000) == 3000 - 1499
    assert too_many(recorder, 5000, 299_999) == 3000 - 1499
    assert too_many(recorder, 5000, 10) == 3000 - KEPT_AT_LEAST


def test_old_changes_of_tables_are_made_one() -> None:
    tables = Tables()
    tables.add(1, 0, "ARP", "a", ("x",))
    tables.add(2, 0, "ARP", "b", ("x",))
    tables.add(3, 0, "ARP", "a", ("y",))
    tables.add(4, 0, "ARP", "b", None)
    tables.add(9 * MILLISECOND, 0, "ARP", "a", ("z",))
    before = tables.at(5), tables.at(10 * MILLISECOND)
    collapse(tables, MILLISECOND)
    assert (tables.at(5), tables.at(10 * MILLISECOND)) == before
    assert len(tables) == 2
