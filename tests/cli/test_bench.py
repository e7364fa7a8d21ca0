from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sim.cli.main import build
from sim.cli.progress import PATIENCE, Progress


def sim(*arguments: str) -> Result:
    return CliRunner().invoke(build(), ["bench", *arguments])


def test_json_has_what_comparing_needs(tmp_path: Path) -> None:
    result = sim("chain", "--scale", "0.001", "--runs", "1", "--json")
    data = json.loads(result.stdout)
    assert data["build"] in {"interpreted", "compiled"}
    (chain,) = data["results"]
    assert chain["workload"] == "chain"
    assert 200 * 6 <= chain["frame_hops"] < 200 * 6 + 50  # six each, and some ARP
    assert chain["rate"] == pytest.approx(chain["frame_hops"] / chain["run_seconds"])
    assert chain["ratio"] == pytest.approx(chain["rate"] / chain["calibration"])
    earlier = tmp_path / "earlier.json"
    earlier.write_text(result.stdout)
    compared = sim("chain", "--scale", "0.001", "--runs", "1", "--compare", str(earlier))
    assert compared.exit_code == 0
    assert "% against" in compared.stdout


def test_recording_does_not_change_the_work() -> None:
    counts = [
        json.loads(sim("lan", "--scale", "0.002", "--runs", "1", "--json", *more).stdout)["results"][0]["frame_hops"]
        for more in ([], ["--record"])
    ]
    assert counts[0] == counts[1] > 0


@pytest.mark.slow
def test_programs_beside_plain_asyncio(tmp_path: Path) -> None:
    """Only that all is measured: how long it takes is for those who look."""
    result = sim("programs", "--scale", "0.02", "--runs", "1", "--json")
    (programs,) = json.loads(result.stdout)["results"]
    figures = {name for name in programs if name.endswith(("_us", "_s"))}
    assert len(figures) == 10
    assert all(programs[name] > 0 for name in figures)
    earlier = tmp_path / "earlier.json"
    earlier.write_text(result.stdout)
    shown = sim("programs", "--scale", "0.02", "--runs", "1", "--compare", str(earlier))
    assert shown.exit_code == 0
    assert "us a step" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["chian"], "no workload 'chian'"), (["chain", "--compare", "nowhere.json"], "nowhere.json is not what")],
)
def test_wrong_usage(arguments: list[str], message: str) -> None:
    result = sim(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("sim.cli.progress.time", clock)
    monkeypatch.setattr("sim.cli.progress.on_terminal", lambda stream: True)
    return clock


def test_a_bar_appears_for_those_who_have_waited(clock: Clock) -> None:
    progress = Progress(until=10)
    progress.update(1, 100)
    assert progress.text is None
    clock.seconds = PATIENCE + 2
    progress.update(5_000_000, 8_000)
    assert progress.text == "5ms simulated, 8000 frames, 2 k frames/s"
    progress.hide()
    assert progress.text is None


def test_no_bar_in_a_pipe(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.cli.progress.on_terminal", lambda stream: False)
    progress = Progress()
    clock.seconds = 100
    progress.update(1, 1)
    assert progress.text is None
