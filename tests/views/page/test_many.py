"""Pages of long runs and large networks hold no more than a browser can. How fast they are: scripts/bench_page.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.views.page.pages import filmed_file, many

if TYPE_CHECKING:
    from pathlib import Path

    from tests.views.page.conftest import Show

pytestmark = pytest.mark.slow
MANY = 50_000


def test_fifty_thousand_frames(show: Show) -> None:
    data = many("web", MANY)
    data["sampled"] = {"frames": 1_000_000, "kept": MANY}
    page = show(data)
    page.wait_for_selector("#frames .row[data-row]")
    assert page.locator("#frames .row").count() < 100
    assert "1,000,000 frames were recorded" in page.inner_text("#notice")
    for key in ("ArrowRight", "End", "ArrowLeft"):
        page.keyboard.press(key)
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
    page.keyboard.press("ArrowRight")
    assert page.locator("#map [data-device]").count() == 512 + 73
    assert page.locator(".over .dot:not([display])").count() > 0
