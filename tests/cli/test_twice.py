"""`sim run --twice` and `--shuffle`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sim.cli.main import build
from sim.views.difference import difference_lines, first_step
from sim.views.text import plain

TOPOLOGIES = Path(__file__).parents[2] / "topologies"
SENDER = """
import socket, time
%s
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    for word in words:
        s.sendto(word.encode(), ("10.0.0.2", 9))
        time.sleep(%s)
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(build(), ["run", *arguments])


def written(folder: Path, words: str, pause: str = "0.001") -> str:
    (folder / "send.py").write_text(SENDER % (words, pause))
    path = folder / "t.yaml"
    path.write_text(
        "nodes: {a: {kind: host, ip: 10.0.0.1/24}, b: {kind: host, ip: 10.0.0.2/24}}\nlinks: [[a, b]]\n"
        "scenario: [{program: {on: a, run: send.py}}]\n"
    )
    return str(path)


@pytest.mark.slow
def test_the_same_again() -> None:
    result = run(str(TOPOLOGIES / "udp_programs.yaml"), "--twice", "--shuffle", "--seed", "3", "--until", "1s")
    assert result.output.endswith("run again in a fresh process: the same\n"), result.output


@pytest.mark.slow
def test_the_order_of_a_set_shows_with_the_first_record_that_differs(tmp_path: Path) -> None:
    path = written(tmp_path, "words = set('abcdefghijklmnopqrstuvwxyz')")
    result = run(path, "--twice", "--json")
    assert result.exit_code == 1
    twice = json.loads(result.stdout)["twice"]
    assert (twice["same"], twice["same_shape"]) == (False, True)
    difference = twice["difference"]
    assert difference["time"] > 0
    for text in (difference["first"], difference["second"]):
        assert "a:eth0 sends IPv4 10.0.0.1 > 10.0.0.2 UDP" in text
    text = run(path, "--twice").output
    assert "run again in a fresh process: not the same" in text
    assert "the first difference is at " in text
    assert "only payload differs" in text


@pytest.mark.slow
def test_what_differs_in_time_is_another_shape(tmp_path: Path) -> None:
    path = written(tmp_path, "words = ['x'] * 3", "(hash('x') % 1000 + 1) / 1e6")
    result = run(path, "--twice", "--json")
    twice = json.loads(result.stdout)["twice"]
    assert (result.exit_code, twice["same"], twice["same_shape"]) == (1, False, False)


@pytest.mark.slow
def test_a_program_that_prints_something_else_shows_though_no_frame_differs(tmp_path: Path) -> None:
    path = written(tmp_path, "words = ['x']\nprint(hash('x'))")
    result = run(path, "--twice", "--json")
    twice = json.loads(result.stdout)["twice"]
    assert (result.exit_code, twice["digest"]) == (1, json.loads(result.stdout)["digest"])
    assert twice["difference"]["where"] == "in step 1 (program send.py on a), its stdout"


def test_shuffle_is_another_order_of_the_same_and_decided_by_the_seed() -> None:
    path = str(TOPOLOGIES / "tree_of_switches.yaml")
    digests = [json.loads(run(path, "--json", *more).stdout)["digest"] for more in ([], ["--shuffle"], ["--shuffle"])]
    assert digests[0] != digests[1] == digests[2]


def test_lines_of_a_step_that_differs() -> None:
    step = {"number": 1, "name": "x", "outcome": {"stdout": "a\n"}}
    difference = first_step({"steps": [step]}, {"steps": [{**step, "outcome": {"stdout": "b\n"}}]})
    assert plain(difference_lines({"same": False, "same_shape": True, "difference": difference})) == (
        "run again in a fresh process: not the same\n"
        "  the first difference is in step 1 (x), its stdout\n"
        "    first   'a\\n'\n"
        "    second  'b\\n'\n"
    )
    assert first_step({"steps": [step]}, {"steps": [step]}) is None


def test_the_output_of_programs_is_shown_to_a_bound(tmp_path: Path) -> None:
    path = written(tmp_path, "words = ['x']\nfor n in range(50): print('line', n)")
    text = run(path).output
    assert "          | ... 38 lines before these\n          | line 38\n" in text
    assert "line 37" not in text
    assert "          | line 0\n" in run(path, "-v").output
    outcome = json.loads(run(path, "--json").stdout)["steps"][0]["outcome"]
    assert (outcome["exit"], len(outcome["stdout"].splitlines()), outcome["stderr"]) == (0, 50, "")
