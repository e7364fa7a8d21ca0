"""The graph, and the ports that links take."""

from __future__ import annotations

from typing import Any

import networkx as nx
import pytest

from sim.errors import TopologyError
from sim.scenario.graph import graph
from sim.scenario.load import loads
from sim.scenario.model import Router, Topology

TEXT = """
name: square
defaults: {link: {delay: 3ms}}
nodes:
  a: {kind: host, ip: 10.0.0.1/24}
  s: {kind: switch}
  h: {kind: hub}
  r: {kind: router, interfaces: {x: 10.0.0.2/24, y: 10.1.0.1/24, z: 10.2.0.1/24}}
links:
  - [s, a]
  - [s, r]
  - [h, "r:x"]
  - {endpoints: [r, s], delay: 1ms}
  - ["s:eth2", "h:up"]
  - [s, h]
"""


def _edges(net: nx.MultiGraph[str]) -> list[dict[str, Any]]:
    return sorted((data for _, _, data in net.edges(data=True)), key=lambda data: data["index"])


def test_ports_named_ones_first() -> None:
    assert [edge["ends"] for edge in _edges(graph(loads(TEXT)))] == [
        (("s", "eth1"), ("a", "eth0")),
        (("s", "eth3"), ("r", "y")),
        (("h", "eth1"), ("r", "x")),
        (("r", "z"), ("s", "eth4")),
        (("s", "eth2"), ("h", "up")),
        (("s", "eth5"), ("h", "eth2")),
    ]


def test_nodes_and_edges_carry_their_models() -> None:
    topology = loads(TEXT)
    net = graph(topology)
    assert list(net.nodes) == ["a", "s", "h", "r"]
    assert net.nodes["r"]["kind"] == "router"
    assert isinstance(net.nodes["r"]["spec"], Router)
    assert net.graph["name"] == "square"
    delays = [edge["properties"].delay for edge in _edges(net)]
    assert delays == [3_000_000, 3_000_000, 3_000_000, 1_000_000, 3_000_000, 3_000_000]
    assert sorted(key for _, _, key in net.edges(keys=True)) == [0, 1, 2, 3, 4, 5]


def test_parallel_links_are_kept() -> None:
    net = graph(loads("nodes: {s: {kind: switch}, t: {kind: switch}}\nlinks: [[s, t], [s, t]]"))
    assert net.number_of_edges("s", "t") == 2


def test_a_topology_made_in_python_is_checked_too() -> None:
    topology = Topology.of({"nodes": {"s": {"kind": "switch"}}, "links": [["s", "t"]]})
    with pytest.raises(TopologyError, match="there is no node 't'"):
        graph(topology)
