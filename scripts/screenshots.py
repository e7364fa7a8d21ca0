#!/usr/bin/env python3
"""Makes the pictures of README.md anew: pages of shipped topologies in headless Chromium (Playwright).

python scripts/screenshots.py [FOLDER]

They go to topologies/pictures/ unless a folder is named. The pages are those that `sim run --html` and `sim serve`
make; nothing but loopback is used.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parent.parent
TOPOLOGIES = ROOT / "topologies"
WIDE: Any = {"width": 1280, "height": 800}
NARROW: Any = {"width": 390, "height": 844}
SIM = [sys.executable, "-m", "sim"]


def main() -> None:
    """All pictures."""
    from playwright.sync_api import sync_playwright

    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else TOPOLOGIES / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("there is no Chromium: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, page in pictures(browser):
            page.screenshot(path=folder / f"{name}.png")
            page.context.close()
            print(folder / f"{name}.png")
        browser.close()


def pictures(browser: Browser) -> Iterator[tuple[str, Page]]:
    """A name and the page that is looked at, of each."""
    page = opened(browser, "home_nat")
    page.fill("#filter", "tcp.port == 80 && host == gw")
    page.keyboard.press("Enter")
    page.locator("#frames .row").nth(1).click()
    page.mouse.move(0, 0)
    yield "replay", page
    page = opened(browser, "tcp_handshake", "#panel=ladder&t=90000000", color_scheme="dark")
    yield "ladder", page
    page = opened(browser, "bufferbloat", "#panel=charts&t=4000000000")
    yield "charts", page
    page = opened(browser, "hub_versus_switch", viewport=NARROW, locale="zh-CN", color_scheme="dark")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    yield "phone", page
    with serving("office") as url:
        page = browser.new_context(viewport=WIDE).new_page()
        page.goto(url)
        console = page.locator("#console-line")
        console.fill("ping web")
        console.press("Enter")
        page.locator("#console", has_text="icmp_seq=3").wait_for()
        yield "live", page


def opened(browser: Browser, name: str, moment: str = "", **context: Any) -> Page:
    """The page of a topology's run, at what the end of its address says."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.html"
        subprocess.run([*SIM, "run", str(TOPOLOGIES / f"{name}.yaml"), "--html", str(path), "-q"], check=True, cwd=ROOT)
        settings: dict[str, Any] = {"viewport": WIDE, "locale": "en-US", "reduced_motion": "reduce", **context}
        page = browser.new_context(offline=True, **settings).new_page()
        page.goto(path.as_uri() + moment)
        page.wait_for_selector("body[data-panel]")
        return page


@contextmanager
def serving(name: str) -> Iterator[str]:
    """The address of a live page."""
    command = [*SIM, "serve", str(TOPOLOGIES / f"{name}.yaml"), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout is not None
        try:
            yield json.loads(child.stdout.readline())["url"]
        finally:
            child.terminate()


if __name__ == "__main__":
    main()
