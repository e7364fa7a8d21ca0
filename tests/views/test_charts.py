"""Charts of time series: one picture per connection whose window moves, one for the queues."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from sim.tracing.series import Series
from sim.views.charts import ChartsError, check_charts, draw_charts

MS = 1_000_000
FLOW = "h1 10.0.0.1:49152 > 10.0.0.2:80"


@pytest.fixture
def series() -> Series:
    made = Series()
    for number in range(20):
        made.add(FLOW, "cwnd", number * 10 * MS, 10 + number)
        made.add(FLOW, "in_flight", number * 10 * MS, number)
        made.add(FLOW, "srtt", number * 10 * MS, 20 * MS + number)
        made.add("r1:eth1", "queue", number * 10 * MS, number % 7)
        made.add("r2:$quiet$", "queue", number * 10 * MS, number % 2)
    made.add(FLOW, "ssthresh", 0, 0x7FFFFFFF)
    made.add("h2 10.0.0.2:80 > 10.0.0.1:49152", "cwnd", 0, 10)
    return made


@pytest.mark.slow
def test_what_is_drawn_into_which_file(series: Series, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    names = [path.name for path in draw_charts(series, tmp_path / "new")]
    assert names == [
        "h1-10.0.0.1-49152-10.0.0.2-80.svg",
        "h1-10.0.0.1-49152-10.0.0.2-80.png",
        "queues.svg",
        "queues.png",
    ]
    assert all((tmp_path / "new" / name).stat().st_size > 1000 for name in names)
    assert (tmp_path / "new" / names[1]).read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_same_bytes_each_time(series: Series, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    first, second = ([path.read_bytes() for path in draw_charts(series, tmp_path / name)] for name in "ab")
    assert first == second


@pytest.mark.slow
def test_legend_and_units(series: Series, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A threshold that was never set has no line, a queue that was hardly used neither."""
    matplotlib = pytest.importorskip("matplotlib")
    monkeypatch.setitem(matplotlib.rcParams, "svg.fonttype", "none")
    paths = draw_charts(series, tmp_path)
    said = [re.findall(r">([^<>\n]+)</text>", path.read_text()) for path in paths if path.suffix == ".svg"]
    assert {"congestion window", "in flight", "segments", "ms", "simulated time in s"} <= set(said[0])
    assert "slow-start threshold" not in said[0]
    assert {"r1:eth1", "frames"} <= set(said[1])
    assert "r2:$quiet$" not in said[1]


@pytest.mark.slow
def test_subjects_that_come_to_the_same_name_get_files_of_their_own(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    made = Series()
    for subject in ("a:b", "a/b"):
        for number in range(4):
            made.add(subject, "cwnd", number, number)
    assert [path.name for path in draw_charts(made, tmp_path) if path.suffix == ".svg"] == ["a-b.svg", "a-b-2.svg"]


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ChartsError, match=re.escape("pip install 'packetsim[charts]'")):
        check_charts()
