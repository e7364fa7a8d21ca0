"""Drawings of small networks as they must look, and what holds for all."""

from __future__ import annotations

from textwrap import dedent

import pytest

from sim.scenario.graph import graph
from sim.scenario.load import loads
from sim.views.diagram.plan import Plan, plan
from sim.views.diagram.terminal_map import draw
from sim.views.text import columns, plain

HUB = """
nodes:
  pc1: {kind: host, ip: 10.0.0.1/24}
  pc2: {kind: host, ip: 10.0.0.2/24}
  pc3: {kind: host, ip: 10.0.0.3/24}
  hub1: {kind: hub}
links: [[pc1, hub1], [pc2, hub1], [pc3, hub1]]
"""
WAN = """
defaults: {link: {delay: 10us}}
nodes:
  east: {kind: host, ip: 10.1.0.10/24, gateway: 10.1.0.1}
  west: {kind: host, ip: 10.2.0.10/24, gateway: 10.2.0.1}
  r1: {kind: router, interfaces: {lan: 10.1.0.1/24, wan: 10.0.0.1/30}, routes: {10.2.0.0/24: 10.0.0.2}}
  r2: {kind: router, interfaces: {lan: 10.2.0.1/24, wan: 10.0.0.2/30}, routes: {10.1.0.0/24: 10.0.0.1}}
links:
  - [east, r1:lan]
  - {endpoints: [r1:wan, r2:wan], bandwidth: 2Mbps, delay: 30ms, loss: 1%}
  - [r2:lan, west]
"""
TRIANGLE = """
nodes:
  a: {kind: switch}
  b: {kind: switch}
  c: {kind: switch}
  d: {kind: switch}
links: [[a, b], [b, c], [c, a], [a, d]]
"""


def plan_of(text: str, title: str = "") -> Plan:
    return plan(graph(loads(text)), title)


def tree(switches: int, hosts: int) -> str:
    """A core switch, `switches` under it, `hosts` on each."""
    lines = ["nodes:", "  core: {kind: switch}"]
    links = []
    for s in range(1, switches + 1):
        lines.append(f"  sw{s}: {{kind: switch}}")
        links.append(f"[core, sw{s}]")
        for h in range((s - 1) * hosts + 1, s * hosts + 1):
            lines.append(f"  h{h}: {{kind: host, ip: 10.0.{h // 250}.{h % 250 + 1}/16}}")
            links.append(f"[sw{s}, h{h}]")
    return "\n".join([*lines, f"links: [{', '.join(links)}]"])


def drawn(text: str, width: int = 80, title: str = "") -> str:
    return plain(draw(plan_of(text, title), width))


def test_hosts_on_a_hub() -> None:
    assert drawn(HUB, title="lab") == dedent("""\
        lab: 4 devices, 3 links

                    ┌───────────────────────┐
                    │ hub1              hub │
                    └─┬─────────┬─────┬─────┘
                      │eth1     │eth2 │eth3
                ╭─────╯         │     ╰─────────╮
                │eth0           │eth0           │eth0
        ╭───────┴─────╮  ╭──────┴──────╮  ╭─────┴───────╮
        │ pc1    host │  │ pc2    host │  │ pc3    host │
        │ 10.0.0.1/24 │  │ 10.0.0.2/24 │  │ 10.0.0.3/24 │
        ╰─────────────╯  ╰─────────────╯  ╰─────────────╯

        links: 1Gbps 1us
        networks: ━ 10.0.0.0/24
        """)


def test_routers_stand_side_by_side_and_a_special_link_is_marked() -> None:
    assert drawn(WAN) == dedent("""\
        4 devices, 3 links

        ┏━━━━━━━━━━━━━━━━━┓ 2Mbps 30ms 1% loss ┏━━━━━━━━━━━━━━━━━┓
        ┃ r1       router ┠wan──────────────wan┨ r2       router ┃
        ┃ lan 10.1.0.1/24 ┃                    ┃ lan 10.2.0.1/24 ┃
        ┃ wan 10.0.0.1/30 ┃                    ┃ wan 10.0.0.2/30 ┃
        ┗━━━━━━━━━┯━━━━━━━┛                    ┗━━━━━━━━┯━━━━━━━━┛
                  │lan                                  │lan
                  │eth0                                 │eth0
          ╭───────┴──────╮                      ╭───────┴──────╮
          │ east    host │                      │ west    host │
          │ 10.1.0.10/24 │                      │ 10.2.0.10/24 │
          │ via 10.1.0.1 │                      │ via 10.2.0.1 │
          ╰──────────────╯                      ╰──────────────╯

        links: 1Gbps 10us where nothing else is written
        networks: ━ 10.1.0.0/24  ━ 10.0.0.0/30  ━ 10.2.0.0/24
        """)


def test_a_loop_of_switches() -> None:
    assert drawn(TRIANGLE) == dedent("""\
        4 devices, 4 links

                        ┌───────────────────────┐
                        │ a              switch │
                        └─┬─────────┬─────┬─────┘
                          │eth1     │eth2 │eth3
              ╭───────────╯         │     ╰───────────╮
              │eth1                 │eth2             │eth1
        ┌─────┴─────┐            ┌──┴────────┐  ┌─────┴─────┐
        │ b  switch ├eth2────eth1┤ c  switch │  │ d  switch │
        └───────────┘            └───────────┘  └───────────┘

        links: 1Gbps 1us
        """)


def test_hosts_hang_on_their_switch_when_boxes_are_too_many() -> None:
    text = drawn(tree(3, 6), 100)
    assert "│ eth2 ── h1 10.0.0.2/16 │" in text
    assert text.count("┌") == 4  # a box for each switch, none for the hosts


def test_a_wide_network_becomes_a_tree_with_summaries() -> None:
    text = drawn(tree(5, 10))
    assert "├─ eth2 ── sw2 switch\n" in text
    assert "└─ eth2 … eth11 ── h11 … h20 10 hosts  10.0.0.12 … 10.0.0.21/16\n" in text


def test_the_tree_names_links_across_it() -> None:
    text = drawn(tree(9, 6).replace("[core, sw1]", "[core, sw1], [sw1, sw2]"))
    assert "and across the tree:\n  sw1:eth2 ── sw2:eth1\n" in text


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 200])
@pytest.mark.parametrize(
    "text", [HUB, WAN, TRIANGLE, tree(3, 6), tree(5, 10)], ids=["hub", "wan", "triangle", "18", "50"]
)
def test_no_drawing_is_wider_than_asked(text: str, width: int) -> None:
    body = drawn(text, width).split("\n\n")[1]
    assert max(columns(line) for line in body.splitlines()) <= width


def test_every_box_shows_its_name_at_any_width() -> None:
    for width in (30, 60, 120):
        assert all(name in drawn(WAN, width) for name in ("east", "west", "r1", "r2"))


@pytest.mark.slow
def test_the_largest_networks_are_drawn() -> None:
    assert "475 hosts" not in drawn(tree(25, 19))
    assert drawn(tree(25, 19)).count("19 hosts") == 25


def test_an_empty_network_is_drawn() -> None:
    assert drawn("nodes: {}") == "0 devices, 0 links\n\n"


def test_hostile_names_do_not_reach_the_terminal() -> None:
    made = plan_of(HUB)
    made.devices["pc1"].name = "\x1b[31mred"
    assert "\x1b" not in plain(draw(made, 80))
