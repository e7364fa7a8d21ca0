"""`--explain` and `--lang`: whole sentences under each hop, in colour for a person, plain in a pipe."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sim.cli import explaining
from sim.cli.explaining import Language, telling
from sim.cli.main import build

TOPOLOGIES = Path(__file__).parent.parent.parent / "topologies"
LEARNING = str(TOPOLOGIES / "hub_versus_switch.yaml")


def sim(*words: str) -> str:
    result = CliRunner().invoke(build(), [*words])
    assert result.exit_code == 0, result.output
    return result.output


def test_path_says_why_in_whole_sentences() -> None:
    said = sim("path", LEARNING, "s1", "s2", "--explain")
    assert "s1 does not know the MAC address of 10.0.1.2, so it asks everybody on eth0 who has it (ARP)" in said
    assert "sw1 has learned that 02:00:00:00:00:06 lives behind eth2, so it sends it there and nowhere else" in said
    assert said.endswith("delivered  s1 > sw1 > s2\n")


def test_without_it_the_tree_is_brief() -> None:
    assert "knows where the destination lives: forwards to eth2 only" in sim("path", LEARNING, "s1", "s2")


def test_a_language_is_enough() -> None:
    said = sim("path", LEARNING, "s1", "s2", "--lang", "zh")
    assert "s1 不知道 10.0.1.2 的 MAC 地址" in said
    assert "已送达  s1 > sw1 > s2" in said


def test_run_explains_every_packet_of_every_step() -> None:
    said = sim("run", LEARNING, "--explain")
    assert "is a hub and knows no addresses, so it repeats the frame on its 3 other ports" in said
    assert "of 3 steps passed" in said or "steps passed" in said


def test_a_language_that_there_is_not() -> None:
    result = CliRunner().invoke(build(), ["path", LEARNING, "s1", "s2", "--lang", "tlh"])
    assert result.exit_code == 2
    assert "'tlh'" in result.output


def test_frames_have_their_numbers_for_sim_why() -> None:
    assert "#2 " in sim("path", LEARNING, "s1", "s2", "--explain")
    assert "#2 " not in sim("path", LEARNING, "s1", "s2")


def test_lines_are_cut_for_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert telling(True, None).width is None
    monkeypatch.setattr(explaining, "on_terminal", lambda stream: True)
    monkeypatch.setenv("COLUMNS", "70")
    assert telling(False, Language.CHINESE).width == 70
    assert telling(False, None).language is None
