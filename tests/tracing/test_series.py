from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from sim.lab.network import Network
from sim.tracing.series import UNITS, Series

FLOW = "h1 10.0.0.1:49152 > 10.0.0.2:80"


@pytest.fixture
def series() -> Series:
    made = Series()
    for time, value in ((0, 10), (5, 10), (7, 20), (9, 20), (9, 30)):
        made.add(FLOW, "cwnd", time, value)
    made.add('r1:"a", b', "queue", 6, 1)
    return made


def test_only_changes_are_kept(series: Series) -> None:
    assert series.points(FLOW, "cwnd") == [(0, 10), (7, 20), (9, 30)]
    assert series.names() == [(FLOW, "cwnd"), ('r1:"a", b', "queue")]
    with pytest.raises(KeyError):
        series.points(FLOW, "rto")


def test_of_one_instant_the_last_is_kept() -> None:
    made = Series()
    for time, value in ((0, 1), (5, 2), (5, 3), (7, 9), (7, 3), (8, 3), (9, 4), (9, 3)):
        made.add("h1", "queue", time, value)
    assert made.points("h1", "queue") == [(0, 1), (5, 3)]


def test_csv_is_a_table_by_time(series: Series, tmp_path: Path) -> None:
    series.write_csv(tmp_path / "series.csv")
    with open(tmp_path / "series.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["time_ns", "subject", "series", "value"],
        ["0", FLOW, "cwnd", "10"],
        ["6", 'r1:"a", b', "queue", "1"],
        ["7", FLOW, "cwnd", "20"],
        ["9", FLOW, "cwnd", "30"],
    ]


def test_json_has_a_column_for_each(series: Series, tmp_path: Path) -> None:
    series.write_json(tmp_path / "series.json")
    document = json.loads((tmp_path / "series.json").read_text("utf-8"))
    assert (document["format"], document["version"]) == ("packetsim-series", 1)
    first = {"subject": FLOW, "name": "cwnd", "unit": UNITS["cwnd"], "times": [0, 7, 9], "values": [10, 20, 30]}
    assert document["series"][0] == first


def test_the_digest_does_not_know_of_them(series: Series) -> None:
    net = Network()
    net.link(net.host("a", "10.0.0.1/24"), net.host("b", "10.0.0.2/24"))
    net.run("1s")
    before = net.trace.digest()
    net.recorder.series = series
    assert net.trace.digest() == before


def test_what_is_new_is_told_once(series: Series) -> None:
    marks: dict[tuple[str, str], int] = {}
    assert series.since(marks, 9) == [(FLOW, "cwnd", [0, 7], [10, 20]), ('r1:"a", b', "queue", [6], [1])]
    assert series.since(marks, 9) == []
    series.add(FLOW, "cwnd", 12, 40)
    assert series.since(marks, 100) == [(FLOW, "cwnd", [9, 12], [30, 40])]


def test_pieces_make_the_whole(series: Series) -> None:
    copy, marks = Series(), dict[tuple[str, str], int]()
    for before in (5, 7, 8, 100):
        copy.extend(series.since(marks, before))
    assert [copy.points(*key) for key in copy.names()] == [series.points(*key) for key in series.names()]


def test_what_is_old_is_let_go_but_for_what_still_holds(series: Series) -> None:
    marks: dict[tuple[str, str], int] = {}
    series.since(marks, 8)
    series.forget(9)
    assert series.points(FLOW, "cwnd") == [(7, 20), (9, 30)]
    assert series.points('r1:"a", b', "queue") == [(6, 1)]
    assert series.since(marks, 100) == [(FLOW, "cwnd", [9], [30])]
    series.forget(1000)
    series.add(FLOW, "cwnd", 20, 50)
    assert series.since(marks, 100) == [(FLOW, "cwnd", [20], [50])]
