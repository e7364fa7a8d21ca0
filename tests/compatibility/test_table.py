"""The script that tries all probes: its verdicts, and the table of README.md."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from tests.compatibility.described import described

PROBES = sorted((Path(__file__).parent / "probes").glob("with_*.py"))
SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "compatibility.py"))


def runs(**changes: dict[str, str]) -> dict[str, dict[str, str]]:
    """Those of a probe that works."""
    hows = [f"{how}, {seed}" for how in SCRIPT["SIMULATED"] for seed in SCRIPT["SEEDS"]]
    works = {"outcome": "works", "detail": "", "shape": "s", "digest": "d"}
    return {how: works | changes.get(how, {}) for how in [*hows, "over a lossy link", "for real"]}


def test_verdicts() -> None:
    verdict = SCRIPT["verdict"]
    before = "imported before, 2"
    assert verdict(runs(), "bytes") == "works"
    assert verdict(runs(**{before: {"digest": "other"}}), "shape") == "works"
    assert (
        verdict(runs(**{before: {"digest": "other"}}), "bytes")
        == "fails, imported before: two runs have different bytes"
    )
    assert (
        verdict(runs(**{before: {"shape": "x"}}), "shape") == "fails, imported before: two runs have different traces"
    )
    broken = {"outcome": "fails", "detail": "why"}
    assert verdict(runs(**{before: broken}), "shape") == "fails, imported before, 2: why"
    assert verdict(runs(**{"over a lossy link": broken}), "shape") == "fails, over a lossy link: why"
    assert verdict(runs(**{"for real": broken}), "shape") == "fails: why"
    refused = {"outcome": "refused", "detail": "a calls b at c.py:5: it is in C"}
    assert verdict(runs(**{before: refused}), "shape").startswith("fails: not the same each time: refused")
    everywhere = {how: refused for how in runs() if how != "for real"}
    assert verdict(runs(**everywhere), "bytes") == "refused by name: it is in C"


def test_a_run_that_takes_too_long_or_says_nothing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "certificates").mkdir()
    once = SCRIPT["once"]
    path = tmp_path / "with_nothing.py"
    path.touch()
    monkeypatch.setitem(once.__globals__, "LONGEST", 0.01)
    found = once(Path(sys.executable), "drive", path, tmp_path / "a")
    assert found == {"outcome": "fails", "detail": "it was stopped after 0.01 s"}
    monkeypatch.setitem(once.__globals__, "LONGEST", 60)
    found = once(Path(sys.executable), "nothing", path, tmp_path / "b")
    assert found["outcome"] == "fails"
    assert "No module named tests.compatibility.nothing" in found["detail"]


def test_the_readme_has_the_table_of_these_probes_and_versions() -> None:
    wanted = SCRIPT["table"](dict.fromkeys(PROBES, "OUTCOME")).splitlines()
    shown = SCRIPT["shown_now"]().splitlines()
    assert len(shown) == len(wanted) == len(PROBES) + 4
    for row, now in zip(wanted[4:], shown[4:], strict=True):
        begin = row.removesuffix("OUTCOME |")
        assert now.startswith((f"{begin}works |", f"{begin}refused by name: "))


def test_only_the_date_may_differ() -> None:
    difference, shown = SCRIPT["difference"], SCRIPT["shown_now"]()
    assert difference(shown) == ""
    assert difference(shown.replace("Tried on 20", "Tried on 30")) == ""
    assert "+| trio | 0.1" in difference(shown.replace("| trio | ", "| trio | 0.1"))


@pytest.mark.parametrize("path", PROBES, ids=lambda path: path.stem)
def test_each_probe_says_what_it_is(path: Path) -> None:
    about = described(path)
    assert about.tried
    assert set(about.libraries) <= set(SCRIPT["pinned"]())
    assert about.repeats in ("bytes", "shape")
