"""A browser for the tests of the page: Chromium without a network, in which no page may complain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sim.views.page.document import document
from tests.browsers import launched
from tests.views.page.pages import filmed

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

Show = Callable[..., "Page"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for the tests of a module."""
    with launched() as browser:
        yield browser


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Show]:
    """`show(name or data, fragment="", html=None, **context)`: the page, loaded from disk with the network off."""
    complaints: list[str] = []
    contexts: list[BrowserContext] = []

    def open_page(
        what: str | dict[str, Any] = "",
        fragment: str = "",
        html: str | None = None,
        may_be_blocked: bool = False,  # by the page's policy, which says so
        **context: Any,
    ) -> Page:
        path = tmp_path / f"page{len(contexts)}.html"
        if html is None:
            html = document(filmed(what)[1] if isinstance(what, str) else what)
        path.write_text(html, encoding="utf-8")
        settings = {"viewport": {"width": 1280, "height": 800}, "locale": "en-US", "reduced_motion": "reduce"}
        opened = browser.new_context(offline=True, **{**settings, **context})
        contexts.append(opened)
        page = opened.new_page()

        def complain(text: str) -> None:
            if not (may_be_blocked and "Content Security Policy" in text):
                complaints.append(text)

        page.set_default_timeout(10_000)
        page.on("console", lambda message: complain(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url) if path.name not in request.url else None)
        page.goto(path.as_uri() + fragment)
        if "<main>" in html:
            page.wait_for_selector("body[data-panel]")  # it unpacks its data first
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
