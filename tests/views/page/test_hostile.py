"""Names, DNS names, bodies and notes with markup and scripts in them are text in the page, and do nothing."""

from __future__ import annotations

import copy
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from sim.views.page.document import document
from sim.wire import ethernet, ipv4, tcp
from tests.views.page.pages import filmed, filmed_file, module

if TYPE_CHECKING:
    from pathlib import Path

    from tests.views.page.conftest import Show

pytestmark = pytest.mark.slow
EVIL = "</script><script>window.hurt=1</script><img src=x onerror=window.hurt=1>"


def poisoned(value: Any) -> Any:
    """Every text in plain data with markup in it, but for those that are looked up."""
    if isinstance(value, str):
        return value + EVIL
    if isinstance(value, list):
        return [poisoned(part) for part in value]
    if isinstance(value, dict):
        return {key: poisoned(part) for key, part in value.items()}
    return value


def test_every_text_of_the_data_is_only_text(show: Show) -> None:
    data = copy.deepcopy(filmed("home_nat")[1])
    for key in ("name", "nodes", "tables", "sentences", "steps", "digest", "columns", "series"):
        data[key] = poisoned(data[key])
    data["tables"] = [[time, node, name, key, row] for time, node, name, key, row in data["tables"]]
    for port in data["ports"]:
        port["name"] += EVIL
    for link in data["links"]:
        link["text"] += EVIL
    data["frames"]["lost"] = dict.fromkeys(data["frames"]["lost"], EVIL)
    page = show(data)
    for panel in "23451":
        page.keyboard.press(panel)
        for _ in range(6):
            page.keyboard.press("ArrowRight")
    page.locator("#map [data-link='0'] .touch").dispatch_event("pointermove", {"clientX": 90, "clientY": 90})
    assert EVIL in page.inner_text("#tip")
    assert EVIL in page.inner_text("#name")
    assert page.evaluate("window.hurt") is None
    assert page.locator("img, main script, #panels script").count() == 0


def test_a_file_whose_texts_hold_markup(show: Show, tmp_path: Path) -> None:
    path = tmp_path / "evil.yaml"
    path.write_text(
        f"""
name: evil
nodes:
  h1: {{kind: host, ip: 10.0.0.1/24}}
  h2: {{kind: host, ip: 10.0.0.2/24}}
links:
  - [h1, h2]
scenario:
  - name: '{EVIL}'
    ping: {{from: h1, to: 10.0.0.2}}
""",
        encoding="utf-8",
    )
    page = show(filmed_file(path)[1], "#panel=steps")
    assert EVIL in page.inner_text("#panel-steps")
    assert page.evaluate("window.hurt") is None
    assert page.locator("#panel-steps img, #panel-steps script").count() == 0


def test_a_drawing_loses_what_could_run_or_load(show: Show) -> None:
    evil = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 200" onload="window.hurt=1">
    <script>window.hurt=1</script>
    <a href="javascript:window.hurt=1"><text>x</text></a><image href="http://example.com/x.png"/>
    <foreignObject><p xmlns="http://www.w3.org/1999/xhtml"><img src="x" onerror="window.hurt=1"/></p></foreignObject>
    <g data-device="h1" onclick="window.hurt=1"><use href="http://example.com/#a"/><use href="#icon"/></g></svg>"""
    data = copy.deepcopy(filmed("hub_versus_switch")[1])
    data["map"] = evil
    page = show(data, may_be_blocked=True)
    assert page.evaluate("window.hurt") is None
    assert (
        page.locator(
            "#map .stage svg script, #map a, #map image, #map foreignObject, #map [onclick], #map [onload]"
        ).count()
        == 0
    )
    assert page.locator("#map use").evaluate_all("uses => uses.map(use => use.getAttribute('href'))") == [None, "#icon"]


def test_payloads_with_markup_are_dissected_as_text(show: Show) -> None:
    body = EVIL.encode()
    head = b"HTTP/1.1 200 OK\r\nX-Evil: <script>\r\nContent-Length: %d\r\n\r\n" % len(body)
    payload = head + body
    source, destination = b"\x0a\0\0\1", b"\x0a\0\0\2"
    segment = tcp.emit(tcp.Segment(80, 50000, 1, 1, 24, 1000, payload=payload), source, destination)
    packet = ipv4.emit(ipv4.Packet(source, destination, 6, segment))
    frame = ethernet.emit(ethernet.Frame(b"\2" + bytes(5), b"\2" + bytes(4) + b"\1", 0x800, packet))
    page = show(html=module("dissect", "dissect"))
    texts = page.evaluate(
        "frame => dissect(Uint8Array.from(frame)).layers.flatMap(layer => layer.fields.map(field => field.text))",
        list(frame),
    )
    assert "<script>" in texts
    data = copy.deepcopy(filmed("tcp_handshake")[1])
    data["blobs"] = {
        "lengths": [len(frame)] * len(data["blobs"]["lengths"]),
        "sizes": [len(frame)] * len(data["blobs"]["lengths"]),
        "data": b64encode(frame * len(data["blobs"]["lengths"])).decode(),
    }
    assert "<script>window" not in document(data)
    opened = show(data)
    opened.keyboard.press("ArrowRight")
    assert "X-Evil" in opened.inner_text("#panel-frame .layers")
    assert opened.evaluate("window.hurt") is None
