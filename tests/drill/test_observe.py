"""The tools beside the drills: what is observed makes a script that holds, differences are seen, random cases play."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.drill import fuzz, ours
from tests.drill.observe import MILLISECOND, compare, drill, observe_ours
from tests.drill.script import Script, load

LINES = """# A byte is acknowledged, and sent once more when nobody does.
0 ! listen
+0 < S 0:0(0) win 40000 <mss 1000>
+0.1 < . 1:1(0) ack 1 win 40000
+0 ! accept
+0 < P. 1:2(1) ack 1 win 40000
+0 ! recv 100 -> *
+0 ! send 10
+0.4 ! info snd_cwnd == -1
"""


@pytest.fixture
def script(tmp_path: Path) -> Script:
    path = tmp_path / "case.stim"
    path.write_text(LINES, encoding="ascii")
    return load(path)


def test_what_is_observed_makes_a_script_that_holds(script: Script, tmp_path: Path) -> None:
    text = drill(script, observe_ours(script), windows=True)
    assert "recv 100 -> 1" in text
    assert "info snd_cwnd == 1" in text
    path = tmp_path / "case.drill"
    path.write_text(text, encoding="ascii")
    assert any("> P. 1:11(10) ack 2 win" in line for line in ours.run(load(path)))


def test_a_difference_is_seen(script: Script) -> None:
    mine, other = observe_ours(script), observe_ours(script)
    assert compare(mine, other) is None
    last = next(number for number, event in enumerate(other) if event.segment and event.segment.length)
    segment = other[last].segment
    assert segment is not None
    for changed, what in (
        (replace(other[last], segment=replace(segment, ack=1)), "ack"),
        (replace(other[last], time=other[last].time + 300 * MILLISECOND), "time"),
    ):
        assert compare(mine, [*other[:last], changed, *other[last + 1 :]]) == (last, what)
    assert compare(mine, other[:last]) == (last, "too much")


@pytest.mark.parametrize("style", ["send", "receive", "close", "any"])
def test_random_cases_play_on_our_stack(style: str, tmp_path: Path) -> None:
    """Whatever a peer and a program do, nothing fails; the kernel's judgement is for `python -m tests.drill.fuzz`."""
    for seed in range(25):
        case = fuzz.Generator(seed, style).case(f"{style}-{seed}")
        events = observe_ours(fuzz.script_of(case, tmp_path))
        assert len([event for event in events if event.step is not None]) == len(case.lines)
