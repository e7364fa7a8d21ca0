"""`--ladder` and `--charts`: what is written where, and what is refused before the run."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from sim.cli.main import build

TOPOLOGIES = Path(__file__).parent.parent.parent / "topologies"
HANDSHAKE = TOPOLOGIES / "tcp_handshake.yaml"


def sim(*words: object) -> Result:
    return CliRunner().invoke(build(), [*map(str, words)])


def test_a_ladder_for_each_connection(tmp_path: Path) -> None:
    result = sim("run", HANDSHAKE, "--ladder", tmp_path / "out.svg")
    assert result.exit_code == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["out-2.svg", "out-3.svg", "out-4.svg", "out.svg"]
    for name in names:
        ElementTree.parse(tmp_path / name)
        assert name in result.output


@pytest.mark.parametrize(("name", "first"), [("out.mmd", "sequenceDiagram"), ("out.md", "```mermaid")])
def test_mermaid(tmp_path: Path, name: str, first: str) -> None:
    assert sim("path", HANDSHAKE, "pc1", "web", "--tcp", 80, "--ladder", tmp_path / name).exit_code == 0
    assert (tmp_path / name).read_text().startswith(first)


def test_no_connection_no_ladder(tmp_path: Path) -> None:
    result = sim("path", HANDSHAKE, "pc1", "web", "--ladder", tmp_path / "out.svg")
    assert "there was no TCP connection" in result.output
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_picture(tmp_path: Path) -> None:
    result = sim("run", HANDSHAKE, "--ladder", tmp_path / "out.gif")
    assert result.exit_code == 2
    assert "ends neither in .svg nor in .mmd" in result.output


def test_a_place_where_nothing_can_be_written(tmp_path: Path) -> None:
    result = sim("run", HANDSHAKE, "--ladder", tmp_path / "missing" / "out.svg")
    assert result.exit_code == 2
    assert "cannot write" in result.output


def test_quiet_is_quiet(tmp_path: Path) -> None:
    assert sim("run", HANDSHAKE, "-q", "--ladder", tmp_path / "out.svg").output == ""


@pytest.mark.slow
def test_charts(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    result = sim("run", TOPOLOGIES / "lossy_wan.yaml", "--charts", tmp_path / "charts")
    assert result.exit_code == 0
    assert str(tmp_path / "charts" / "queues.svg") in result.output


def test_charts_without_matplotlib_are_refused_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = sim("run", HANDSHAKE, "--charts", tmp_path / "charts")
    assert result.exit_code == 2
    assert "packetsim[charts]" in result.output
    assert "ok" not in result.output
