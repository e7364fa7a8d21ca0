#!/usr/bin/env python3
"""Measures pages in headless Chromium (Playwright): how long one takes to open, and a step in it.

python scripts/bench_page.py

The pages: 50,000 frames of TCP and HTTP, a tree of 585 devices, and a run of 1,200,000 frames, of which the page holds
a selection. Opening counts from the browser's start of loading to the first frame of the list; a step to the next
frame that the browser paints. Medians and the longest, in ms.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
TREE = "name: tree\ngenerate: {tree: {depth: 3, fanout: 8}}\nscenario: [{ping: {from: h1, to: h512}}]\n"
STEPS = ["ArrowRight"] * 20 + ["End"] + ["ArrowLeft"] * 20
OPENED = "#frames .row[data-row]"
STEP = """key => new Promise(done => {
    const began = performance.now();
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
})"""
WHEN_OPEN = f"""new MutationObserver((_, observer) => {{
    if (!document.querySelector("{OPENED}")) return;
    window.opened = performance.now();
    observer.disconnect();
}}).observe(document, {{ subtree: true, childList: true, attributes: true }});"""


def main() -> None:
    """All pages."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("there is no Chromium: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, data in pages():
            print(f"{name:<20} {measured(browser, data)}", flush=True)
        browser.close()


def pages() -> Iterator[tuple[str, dict[str, Any]]]:
    """The data of each page."""
    from tests.views.page.pages import filmed_file, many

    yield "50,000 frames", many("web", 50_000)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tree.yaml"
        path.write_text(TREE, encoding="utf-8")
        yield "585 devices", filmed_file(path)[1]
    yield "1,200,000 frames", long_run()


def long_run() -> dict[str, Any]:
    """Of the workload `chain` of `sim bench`."""
    from sim.lab.workloads import WORKLOADS
    from sim.views.page.film import film

    workload = WORKLOADS["chain"](1.0)
    net = workload.build(record=True)
    workload.start(net)
    net.run()
    return film(net.trace.recorder)


def measured(browser: Browser, data: dict[str, Any]) -> str:
    """What is told of one page."""
    from sim.views.page.document import document

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_text(document(data), encoding="utf-8")
        page = browser.new_context(viewport={"width": 1280, "height": 800}, offline=True).new_page()
        page.add_init_script(WHEN_OPEN)
        page.goto(path.as_uri())
        page.wait_for_selector(OPENED)
        opened = page.evaluate("window.opened")
        took = sorted(page.evaluate(STEP, key) for key in STEPS)
        page.context.close()
        size = path.stat().st_size / 1e6
        return f"{size:5.1f} MB  opened in {opened:.0f}  a step {statistics.median(took):.0f}, at most {took[-1]:.0f}"


if __name__ == "__main__":
    main()
