"""Fifty thousand frames open at once, and steps are steps."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from tests.views.page.pages import filmed, filmed_file

if TYPE_CHECKING:
    from pathlib import Path

    from tests.views.page.conftest import Show

pytestmark = pytest.mark.slow
MANY = 50_000
SLACK = 2.5  # other tests run beside it, on machines that are slower than they seem


def many(name: str, count: int) -> dict[str, Any]:
    """A run that goes on and on: its frames again and again, later."""
    data = copy.deepcopy(filmed(name)[1])
    frames, end = data["frames"], data["end"]
    top = max(frames["id"])
    columns: dict[str, list[int]] = {key: [] for key in ("id", "start", "arrival", "port", "cause", "bytes")}
    for turn in range(-(-count // len(frames["id"]))):
        columns["id"] += [number + turn * top for number in frames["id"]]
        columns["start"] += [time + turn * end for time in frames["start"]]
        columns["arrival"] += [time + turn * end if time >= 0 else -1 for time in frames["arrival"]]
        columns["cause"] += [number + turn * top if number else 0 for number in frames["cause"]]
        columns["port"] += frames["port"]
        columns["bytes"] += frames["bytes"]
    data["frames"] = {
        **{key: column[:count] for key, column in columns.items()},
        "lost": {},
        "received": {},
        "copies": [],
    }
    data["end"] = columns["start"][count - 1]
    return data


STEP = """key => new Promise(done => {
    const began = performance.now();
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
})"""


def test_fifty_thousand_frames(show: Show) -> None:
    data = many("web", MANY)
    data["sampled"] = {"frames": 1_000_000, "kept": MANY}
    page = show(data)
    page.wait_for_selector("#frames .row[data-row]")
    assert page.evaluate("performance.now()") < 2000 * SLACK
    assert page.locator("#frames .row").count() < 100
    assert "1,000,000 frames were recorded" in page.inner_text("#notice")
    took = sorted(
        page.evaluate(STEP, key) for key in ["ArrowRight"] * 8 + ["End", "ArrowLeft", "ArrowLeft", "ArrowLeft"]
    )
    assert took[len(took) // 2] < 50 * SLACK
    assert page.locator("#frames .row").count() < 100
    page.fill("#filter", "tcp.flags.syn == 1")
    page.press("#filter", "Enter")
    assert page.inner_text("#filter-count").endswith("of 50,000")
    page.keyboard.press("Escape")
    page.locator("#frames").evaluate("list => list.scrollTop = list.scrollHeight")
    page.wait_for_selector(f"#frames .row[aria-posinset='{MANY}']:not([hidden])")


def test_five_hundred_nodes(show: Show, tmp_path: Path) -> None:
    path = tmp_path / "tree.yaml"
    path.write_text(
        "name: tree\ngenerate: {tree: {depth: 3, fanout: 8}}\nscenario: [{ping: {from: h1, to: h512}}]\n",
        encoding="utf-8",
    )
    page = show(filmed_file(path)[1])
    assert page.evaluate("performance.now()") < 2000 * SLACK
    took = sorted(page.evaluate(STEP, "ArrowRight") for _ in range(7))
    assert took[3] < 50 * SLACK
    assert page.locator("#map [data-device]").count() == 512 + 73
    assert page.locator(".over .dot:not([display])").count() > 0
