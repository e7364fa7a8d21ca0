"""The tables that the page shows at a time are those that the recording has then."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest

from tests.views.page.pages import filmed, module, with_data

if TYPE_CHECKING:
    from tests.views.page.conftest import Show

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["hub_versus_switch", "home_nat", "dhcp_office", "dns_office"])
def test_tables_at_any_time(show: Show, name: str) -> None:
    recorder, data = filmed(name)
    assert recorder.tables is not None
    page = show(html=module("history", "histories"))
    draw = random.Random(1)
    times = [0, data["end"], *draw.sample(range(data["end"]), 20), *draw.sample(list(recorder.tables.times), 20)]
    page.evaluate(f"window.film = {with_data({'tables': data['tables']})}; window.known = histories(film)")
    plain = """time => Object.fromEntries([...known].map(([node, history]) => [node, Object.fromEntries(
        [...history.at(time).tables].filter(([, rows]) => rows.size)
            .map(([name, rows]) => [name, Object.fromEntries(rows)]))
    ]).filter(([, tables]) => Object.keys(tables).length))"""
    for time in times:
        wanted = {
            str(node): {table: {key: list(row) for key, row in rows.items()} for table, rows in tables.items()}
            for node, tables in recorder.tables.at(time).items()
            if tables
        }
        assert page.evaluate(plain, time) == wanted


def test_the_panel_shows_them_and_what_has_just_changed(show: Show) -> None:
    from playwright.sync_api import expect

    recorder, data = filmed("hub_versus_switch")
    assert recorder.tables is not None
    node = next(index for index, node in enumerate(data["nodes"]) if node["kind"] == "switch")
    page = show("hub_versus_switch", f"#panel=tables&device={data['nodes'][node]['name']}")
    learned = [change for change in data["tables"] if change[1] == node and change[2] == "MAC"]
    for time, _, _, key, row in learned:
        page.evaluate(f"location.hash = 't={time}&panel=tables&device={data['nodes'][node]['name']}'")
        expect(page.locator(".clock")).to_have_text(re.compile(f"{time % 1000:03}$"))
        fresh = page.locator("table[data-table=MAC] .fresh").all_inner_texts()
        assert any(key in text and row[0] in text for text in fresh)
        shown = page.locator("table[data-table=MAC] tbody tr:not(.gone)").count()
        assert shown == len(recorder.tables.at(time)[node]["MAC"])


def test_a_device_is_chosen_on_the_map(show: Show) -> None:
    page = show("home_nat")
    page.click("#map [data-device=gw] .name")
    assert page.get_attribute("#tab-tables", "aria-selected") == "true"
    assert page.locator("#device option:checked").inner_text() == "gw (gateway)"
    page.focus("#map [data-device=web]")
    page.keyboard.press("Enter")
    assert page.locator("#device option:checked").inner_text() == "web (host)"
