"""Each file in bad/ is refused with exactly the text in the .txt beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sim.errors import TopologyError
from sim.scenario.load import load, problems, problems_in

BAD = Path(__file__).parent / "bad"
FILES = sorted(BAD.glob("*.yaml"))


def test_there_are_enough() -> None:
    assert len(FILES) >= 50
    assert {file.stem for file in FILES} == {file.stem for file in BAD.glob("*.txt")}


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_the_exact_error(file: Path) -> None:
    with pytest.raises(TopologyError) as caught:
        load(file)
    assert str(caught.value).replace(f"{BAD}{os.sep}", "") + "\n" == file.with_suffix(".txt").read_text("utf-8")
    assert "pydantic" not in str(caught.value).lower()


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_check_begins_with_the_same(file: Path) -> None:
    first = problems(file)[0]
    assert first.severity == "error"
    assert str(first).replace(f"{BAD}{os.sep}", "") + "\n" == file.with_suffix(".txt").read_text("utf-8")


def test_check_tells_everything_at_once() -> None:
    found = problems_in("nodes:\n  a: {kind: host, ip: 1}\n  b: {kind: hob}\nlinks: [[a]]\nfoo: 1\n")
    assert [problem.line for problem in found] == [2, 3, 4, 5]
    assert {problem.code for problem in found} == {"schema"}
