"""`sim why`: questions to a stored trace, and what is said about files and numbers that are wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import sim
from sim.cli.main import build

TOPOLOGIES = Path(__file__).parent.parent.parent / "topologies"


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("why") / "events.jsonl"
    sim.run(TOPOLOGIES / "ttl_death.yaml").network.trace.write_events(path)
    return path


def why(*words: object) -> Result:
    return CliRunner().invoke(build(), ["why", *map(str, words)])


def frames(trace: Path) -> list[dict[str, object]]:
    return [line for text in trace.read_text().splitlines() if "send" in (line := json.loads(text))]


def the_error(trace: Path) -> object:
    """The first ICMP error: time exceeded."""
    return next(line["send"] for line in frames(trace) if str(line["frame"])[68:70] == "0b")


def test_it_tells_the_chain_of_causes_the_frame_and_what_followed(trace: Path) -> None:
    number = the_error(trace)
    said = why(trace, number).output
    before, _, rest = said.partition("\nthis frame\n")
    here, _, after = rest.partition("\nwhat became of it\n")
    assert "wants to send" in before
    assert "drops it: its time to live is used up" in before
    assert "that its packet to 203.0.113.9 has used up its time to live" in before
    assert f"#{number} " in here
    assert after


def test_in_chinese(trace: Path) -> None:
    said = why(trace, the_error(trace), "--lang", "zh").output
    assert "从何而来" in said
    assert "TTL 已用尽" in said


def test_json_has_the_same(trace: Path) -> None:
    number = the_error(trace)
    answer = json.loads(why(trace, number, "--json").output)
    assert answer["frame"]["id"] == number
    assert answer["origin"]["node"] == "pc1"
    assert answer["way"][0] == "pc1"
    sentences = [note["sentence"] for hop in answer["chain"] for note in hop["notes"]]
    assert any("time to live" in text for text in sentences)


def test_the_number_of_a_wish_gives_its_whole_journey(trace: Path) -> None:
    root = next(json.loads(text)["about"] for text in trace.read_text().splitlines() if '"origin"' in text)
    assert "wants to send" in why(trace, root).output
    assert json.loads(why(trace, root, "--json").output)["id"] == root


def test_no_simulation_is_needed(trace: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere.jsonl"
    shutil.copy(trace, copy)
    assert why(copy, the_error(trace)).exit_code == 0


def spoilt(trace: Path, tmp_path: Path, what: str) -> Path:
    lines = trace.read_text().splitlines(keepends=True)
    header = json.loads(lines[0])
    looped = json.loads(next(text for text in lines if '"send"' in text))
    made = {
        "cut": [*lines[:7], lines[7][:20]],
        "version": [json.dumps({**header, "version": 99}) + "\n", *lines[1:]],
        "no trace": ["name: lab\n"],
        "empty": [],
        "word": [*lines[:3], '{"t": 0, "surprise": 1}\n'],
        "loop": [lines[0], json.dumps({**looped, "cause": looped["send"]}) + "\n"],
    }
    path = tmp_path / "spoilt.jsonl"
    path.write_text("".join(made[what]))
    return path


@pytest.mark.parametrize(
    ("what", "place", "problem", "hint"),
    [
        ("cut", ":8", "this line is cut off", "was the run that wrote it killed?"),
        ("version", ":1", "the trace has version 99", "pip install -U packetsim"),
        ("no trace", ":1", "this is no packetsim trace", "--out DIR"),
        ("empty", "", "the trace is empty", "--out DIR"),
        ("word", ":4", "neither a frame, nor a note", ""),
        ("loop", ":2", "which is not before it", ""),
    ],
)
def test_a_file_that_is_wrong(trace: Path, tmp_path: Path, what: str, place: str, problem: str, hint: str) -> None:
    path = spoilt(trace, tmp_path, what)
    result = why(path, 3)
    assert result.exit_code == 2
    assert result.output.startswith(f"{path}{place}: error: ")
    assert problem in result.output
    assert hint in result.output


def test_a_frame_that_is_not_there(trace: Path) -> None:
    result = why(trace, 10**9)
    assert result.exit_code == 2
    last = frames(trace)[-1]["send"]
    assert f"{trace}: error: there is no frame 1000000000 in this trace" in result.output
    assert f"to {last}" in result.output


@pytest.mark.parametrize("number", ["-1", "0", "one"])
def test_what_is_no_number_of_a_frame(trace: Path, number: str) -> None:
    assert why(trace, "--", number).exit_code == 2


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    result = why(tmp_path / "nothing.jsonl", 3)
    assert result.exit_code == 2
    assert "cannot read" in result.output
    assert "No such file" in result.output


def test_names_that_would_steer_a_terminal(trace: Path, tmp_path: Path) -> None:
    path = tmp_path / "evil.jsonl"
    path.write_text(trace.read_text().replace('"name": "pc1"', '"name": "\\u001b[2J"'))
    result = why(path, the_error(trace))
    assert result.exit_code == 0
    assert "\x1b" not in result.output
