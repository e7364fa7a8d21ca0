"""The SVG: well formed, complete, self-contained, deterministic, and safe with any name."""

from __future__ import annotations

import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from sim.scenario.graph import graph
from sim.scenario.load import loads
from sim.views.diagram.mermaid import draw_mermaid
from sim.views.diagram.plan import Device, Link, Plan, plan
from sim.views.diagram.svg_map import draw_svg
from sim.views.diagram.svg_style import CELL_WIDTH
from sim.views.diagram.terminal_map import draw

SVG = "{http://www.w3.org/2000/svg}"
TWO_SUBNETS = """
nodes:
  pc1: {kind: host, ip: 10.1.0.10/24, gateway: 10.1.0.1}
  pc2: {kind: host, ip: 10.1.0.11/24, gateway: 10.1.0.1}
  web: {kind: host, ip: 10.2.0.80/24, gateway: 10.2.0.1}
  sw1: {kind: switch}
  hub1: {kind: hub}
  r1: {kind: router, interfaces: {lan: 10.1.0.1/24, dmz: 10.2.0.1/24}}
links:
  - [pc1, sw1]
  - [pc2, sw1]
  - [sw1, r1:lan]
  - [r1:dmz, hub1]
  - {endpoints: [hub1, web], delay: 5ms, loss: 2%}
"""
EVIL = ['<script>alert("x")</script>', "a]]>&amp;\"'", "\x00\x1b[31m\ud800￾", "日本語" * 10, "W" * 63, "-->"]


def evil_plan(spread: bool) -> Plan:
    """A switch with hostile names around it: as boxes, or too many for that and so hanging."""
    names = EVIL if spread else [f"{name}{i}" for i in range(5) for name in EVIL]
    devices = {"<sw>": Device("<sw>", "switch", links=list(range(len(names))))}
    for index, name in enumerate(names):
        devices[name] = Device(name, "host", [("", '10.0.0.1/24"<')], "<gw>", [index])
    links = [Link(i, ((name, "<p>"), ("<sw>", f"&{i}")), "<1Gbps>") for i, name in enumerate(names)]
    return Plan("<title>&", devices, links, ["<net>"], "")


def svg_of(text: str) -> str:
    return draw_svg(plan(graph(loads(text)), "lab"))


def texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def test_every_name_address_and_port_is_there() -> None:
    found = texts(ElementTree.fromstring(svg_of(TWO_SUBNETS)))
    for text in ("pc1", "pc2", "web", "sw1", "hub1", "r1", "10.1.0.10/24", "lan 10.1.0.1/24", "via 10.2.0.1", "dmz"):
        assert text in found
    assert "1Gbps 5ms 2% loss" in found
    assert "Links: 1Gbps 1us where nothing else is written" in found


def test_each_link_tells_its_ends_and_properties_when_pointed_at() -> None:
    root = ElementTree.fromstring(svg_of(TWO_SUBNETS))
    titles = {
        group.get("data-link"): group.findtext(f"{SVG}title")
        for group in root.iter(f"{SVG}g")
        if group.get("data-link")
    }
    assert len(titles) == 5
    assert titles["4"] == "hub1:eth2 - web:eth0, 1Gbps 5ms 2% loss"


def test_kinds_differ_in_outline_and_icon() -> None:
    root = ElementTree.fromstring(svg_of(TWO_SUBNETS))
    icons, outlines = {}, {}
    for group in root.iter(f"{SVG}g"):
        shape = group.find(f"{SVG}path[@class='shape']")
        icon = group.find(f"{SVG}use")
        if shape is not None and icon is not None:
            outlines[group.get("class")] = re.sub(r"[-0-9. ]", "", shape.get("d") or "")
            icons[group.get("class")] = icon.get("href")
    assert set(outlines) == {"host", "hub", "switch", "router"}
    assert len(set(icons.values())) == 4
    assert outlines["switch"] != outlines["hub"] != outlines["router"]


def test_a_gateway_has_an_icon_and_a_second_line_around_it() -> None:
    text = """
nodes:
  pc: {kind: host, ip: 192.168.1.10/24}
  gw: {kind: gateway, interfaces: {inside: 192.168.1.1/24, outside: 203.0.113.2/24}}
links: [[pc, "gw:inside"]]
"""
    root = ElementTree.fromstring(svg_of(text))
    groups = {group.get("class"): group for group in root.iter(f"{SVG}g")}
    shape = groups["gateway"].find(f"{SVG}path[@class='shape']")
    icon = groups["gateway"].find(f"{SVG}use")
    assert shape is not None
    assert icon is not None
    assert (shape.get("d") or "").count("Z") == 2
    assert "gateway" in (icon.get("href") or "")


def test_what_leads_out_has_an_outline_and_icons_of_its_own() -> None:
    text = """
nodes:
  pc: {kind: host, ip: 192.168.1.10/24}
  sw: {kind: switch}
  out: {kind: tap, device: tap0}
  away: {kind: vxlan, vni: 1, local: 127.0.0.1, remote: 127.0.0.2}
links: [[pc, sw], [out, sw], [away, sw]]
"""
    root = ElementTree.fromstring(svg_of(text))
    groups = {group.get("class"): group for group in root.iter(f"{SVG}g")}
    outlines = {}
    for kind in ("host", "tap", "vxlan"):
        shape, icon = groups[kind].find(f"{SVG}path[@class='shape']"), groups[kind].find(f"{SVG}use")
        assert shape is not None
        assert icon is not None
        assert icon.get("href") == f"#icon-{kind}"
        outlines[kind] = re.sub(r"[-0-9. ]", "", shape.get("d") or "")
    assert outlines["tap"] == outlines["vxlan"] != outlines["host"]


def test_a_subnet_is_one_colour_and_a_router_parts_two() -> None:
    root = ElementTree.fromstring(svg_of(TWO_SUBNETS))
    colours = []
    for group in root.iter(f"{SVG}g"):
        if group.get("data-link"):
            wire = next(path for path in group.iter(f"{SVG}path") if (path.get("class") or "").startswith("wire"))
            colours.append((int(group.get("data-link") or -1), wire.get("class")))
    by_link = [colour for _, colour in sorted(colours, key=lambda found: found[0])]
    assert by_link == ["wire s0"] * 3 + ["wire s1"] * 2
    assert {"10.1.0.0/24", "10.2.0.0/24"} <= set(texts(root))


def test_it_needs_nothing_from_elsewhere_and_follows_the_readers_theme() -> None:
    svg = svg_of(TWO_SUBNETS)
    assert "prefers-color-scheme:dark" in svg
    assert "<script" not in svg
    assert set(re.findall(r'href="([^#"][^"]*)"', svg)) == set()
    assert set(re.findall(r"https?://[^\"]*", svg)) == {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("spread", [True, False], ids=["boxes", "hanging"])
def test_hostile_names_are_only_text(spread: bool) -> None:
    root = ElementTree.fromstring(draw_svg(evil_plan(spread)))
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "style", "defs", "symbol", "path", "rect", "text", "g", "title", "use",
    }  # fmt: skip
    devices = [group.get("data-device") or "" for group in root.iter(f"{SVG}g")]
    assert '<script>alert("x")</script>' in [name.removesuffix("0") for name in devices]


@pytest.mark.parametrize("spread", [True, False], ids=["boxes", "hanging"])
def test_text_stays_within_the_picture(spread: bool) -> None:
    root = ElementTree.fromstring(draw_svg(evil_plan(spread)))
    width = float(root.get("width") or 0)
    for element in root.iter(f"{SVG}text"):
        if element.get("text-anchor") in (None, "start"):
            end = float(element.get("x") or 0) + CELL_WIDTH * len(element.text or "") * 0.94
            assert end <= width


@pytest.mark.slow
def test_the_same_bytes_with_another_hash_seed() -> None:
    program = (
        "import sys, pathlib; from sim.scenario.load import loads; from sim.scenario.graph import graph;"
        "from sim.views.diagram.plan import plan; from sim.views.diagram.svg_map import draw_svg;"
        "sys.stdout.write(draw_svg(plan(graph(loads(sys.stdin.read())), 'lab')))"
    )
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program], input=TWO_SUBNETS, capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONUTF8": "1"},
        )  # fmt: skip
        assert done.stdout == svg_of(TWO_SUBNETS)


def test_labels_and_descriptions_are_shown() -> None:
    text = "nodes: {pc1: {kind: host, label: Anna's desk, description: the one by the window}}\nlinks: []\n"
    planned = plan(graph(loads(text)))
    svg = draw_svg(planned)
    assert ">Anna's desk</text>" in svg
    assert "<title>pc1 (host): the one by the window</title>" in svg
    assert any("Anna's desk" in span for line in draw(planned, 80) for span, _ in line)
    assert "Anna" in draw_mermaid(planned)
