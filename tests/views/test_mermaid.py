"""The Mermaid flowchart: as it must look, and safe with any name."""

from __future__ import annotations

import re
from textwrap import dedent

from sim.scenario.graph import graph
from sim.scenario.load import loads
from sim.views.diagram.mermaid import draw_mermaid
from sim.views.diagram.plan import Device, Link, Plan, plan

LAB = """
nodes:
  pc1: {kind: host, ip: 10.1.0.10/24}
  sw1: {kind: switch}
  r1: {kind: router, interfaces: {lan: 10.1.0.1/24, dmz: 10.2.0.1/24}}
  web: {kind: host, ip: 10.2.0.80/24}
links:
  - [pc1, sw1]
  - [sw1, r1:lan]
  - {endpoints: [r1:dmz, web], delay: 5ms}
"""


def test_a_subnet_is_a_subgraph_and_the_router_stands_between() -> None:
    assert draw_mermaid(plan(graph(loads(LAB)))) == dedent("""\
        flowchart TB
          subgraph net0["10.1.0.0/24"]
            n0("pc1<br/>10.1.0.10/24")
            n1["sw1<br/>switch"]
          end
          n2(["r1<br/>router<br/>lan 10.1.0.1/24<br/>dmz 10.2.0.1/24"])
          n3("web<br/>10.2.0.80/24")
          n0 ---|"eth0 - eth1"| n1
          n1 ---|"eth2 - lan"| n2
          n2 ---|"dmz - eth0<br/>1Gbps 5ms"| n3
        """)


def test_names_cannot_end_a_label_or_make_markup() -> None:
    name = 'x"] --> y\n  click n0 "javascript:alert(1)" <b>`#quot;'
    devices = {name: Device(name, "host", links=[0]), "b": Device("b", "switch", links=[0])}
    made = draw_mermaid(Plan("", devices, [Link(0, ((name, '"|'), ("b", "1")), "")], [""], ""))
    assert len(made.splitlines()) == 6
    for line in made.splitlines():
        labels = re.findall(r'"([^"]*)"', line)
        assert line.count('"') == 2 * len(labels) <= 2
        assert not any(set(re.sub(r"<br/>|#[0-9]+;", "", label)) & set("`<>#;[](){}|") for label in labels)
