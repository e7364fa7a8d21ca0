"""The live page in browsers: two of them see the same run, and what one does the other sees."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.browsers import launched
from tests.cli.serve.conftest import Serve
from tests.cli.serve.serving import PAIR, Onlooker, Serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="signals are another matter there")]
PATIENCE = 20_000
"""ms"""
Open = Callable[..., "Page"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """`open_page(serving, **context)`: a page of its own browser. None may complain, unless it `may_complain`;
    `prepare(page)` is called before it goes to its address."""
    complaints: list[str] = []
    contexts = []

    def open_one(serving: Serving, *, may_complain: bool = False, prepare: Any = None, **context: Any) -> Page:
        settings = {"viewport": {"width": 1280, "height": 800}, "locale": "en-US", "reduced_motion": "reduce"}
        opened = browser.new_context(**{**settings, **context})
        contexts.append(opened)
        page = opened.new_page()
        page.set_default_timeout(PATIENCE)
        if not may_complain:
            page.on("console", lambda message: complaints.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if prepare is not None:
            prepare(page)
        page.goto(serving.url)
        says(page, "#live-state", "live")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


def says(page: Page, selector: str, text: str) -> None:
    """Wait until an element says something."""
    page.locator(selector, has_text=text).wait_for()


def types(page: Page, line: str) -> None:
    """Type a line at the console that is shown."""
    page.fill("#console-line", line)
    page.press("#console-line", "Enter")


def test_two_browsers_see_the_same_run(serve: Serve, open_page: Open) -> None:
    serving = serve()
    first, second = open_page(serving), open_page(serving)
    types(first, "ping -i 0.2 -W 0.2 server")
    for page in (first, second):
        says(page, "#console", "icmp_seq=2 ttl=64")
    second.select_option("#link", label="server:eth0 — sw:eth2")
    second.click("#cut")
    says(second, "#link-section", "Mend")
    says(first, "#console", "no answer; sw: no other port has a link that is up")
    first.locator('.link.down[data-link="1"]').wait_for(state="attached")
    first.select_option("#link", label="server:eth0 — sw:eth2")
    says(first, "#link-section", "Mend")
    first.fill("#link-loss", "10%")
    first.click("#cut")
    first.click("#link-apply")
    says(second, "#link-section", "Cut")
    second.locator("#console-stop").click()
    says(first, "#console", "ping statistics")
    first.reload()
    says(first, "#live-state", "live")
    says(first, "#console", "ping statistics")
    first.select_option("#link", label="server:eth0 — sw:eth2")
    assert first.input_value("#link-loss") == "10%"


def test_time_and_power_and_frames(serve: Serve, open_page: Open) -> None:
    serving = serve()
    first, second = open_page(serving), open_page(serving)
    first.click("#net-run")
    says(second, "#live-state", "paused")
    first.select_option("#frame-from", "pc")
    first.fill("#frame-text", "Eter()")
    first.click("#frame-send")
    says(first, "#panel-live", "did you mean Ether?")
    first.fill("#frame-text", "Ether()/IP(dst='10.0.0.2')/UDP(dport=7)/'hi'")
    first.click("#frame-send")
    says(first, "#panel-live", "Sent: journey")
    second.locator(".dot:not([display])").first.wait_for()
    second.click("#net-step")
    says(second, "#list", "sw → server")
    second.click("#net-run")
    says(first, "#live-state", "live")
    first.select_option("#console-node", label="server")
    first.click("#power")
    second.select_option("#console-node", label="server")
    says(second, "#power", "Switch on")
    second.locator('[data-device="server"].off').wait_for(state="attached")


def test_a_device_is_dragged_here_and_there(serve: Serve, open_page: Open) -> None:
    serving = serve()
    first, second = open_page(serving), open_page(serving)
    box = first.locator('[data-device="sw"]').bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    first.mouse.move(x, y)
    first.mouse.down()
    first.mouse.move(x + 40, y + 20, steps=4)
    first.mouse.up()
    second.locator('[data-device="sw"][transform^="translate("]').wait_for()
    moved = [page.locator('[data-device="sw"]').get_attribute("transform") for page in (first, second)]
    assert moved[1] is not None
    assert moved[1] != "translate(0 0)"
    first.locator('[data-device="server"]').click()
    assert first.input_value("#console-node") == "2"


def test_a_lost_connection_is_made_again(serve: Serve, open_page: Open) -> None:
    serving = serve()
    ways: list[Any] = []

    def lead(way: Any) -> None:
        ways.append(way)
        way.connect_to_server()

    page = open_page(serving, prepare=lambda page: page.route_web_socket("**/live*", lead))
    ways[0].close()
    says(page, "#live-state", "connection lost")
    with Onlooker(serving) as other:
        other.ask({"console": "pc", "line": "ping -c 1 server"})
    says(page, "#live-state", "live")
    says(page, "#console", "1 sent, 1 received")
    assert len(ways) == 2
    types(page, "arp")
    says(page, "#console", "10.0.0.2  02:")


def test_it_says_when_the_run_is_over(serve: Serve, open_page: Open) -> None:
    serving = serve()
    page = open_page(serving, may_complain=True)
    serving.interrupt()
    says(page, "#live-state", "connection lost")
    assert page.locator("#console-line").is_disabled()
    serve(PAIR, "--port", str(serving.port))
    says(page, "#live-state", "this run is over")


def test_hostile_words_stay_words(serve: Serve, open_page: Open) -> None:
    serving = serve(PAIR.replace("<b>hello</b>", "<img src=x onerror=document.body.remove()>"))
    page = open_page(serving)
    types(page, "curl http://server/")
    says(page, "#console", "<img src=x onerror=document.body.remove()>")
    types(page, "<script>document.body.remove()</script>")
    says(page, "#console", "<script>document.body.remove()</script>: there is no such command")
    assert page.locator("#console *").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits(serve: Serve, open_page: Open, width: int, theme: str) -> None:
    page = open_page(serve(), viewport={"width": width, "height": 800}, color_scheme=theme)
    page.locator("#console-line").wait_for()
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
