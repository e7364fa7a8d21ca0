"""The topology as a networkx graph: what views draw, what exporters write, what a network is built from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.model import Topology
from sim.scenario.ports import wiring

if TYPE_CHECKING:
    import networkx as nx


def graph(topology: Topology) -> nx.MultiGraph[str]:
    """Nodes and links in the order of the file.

    A node has `kind` and `spec` (its model). An edge's key and `index` are the place of its link in the file; `ends`
    is `((node, port), (node, port))` in the order the link is written, `properties` the link's `LinkProperties` with
    the defaults filled in. Raises `TopologyError` if a link's node or port does not exist or is taken.
    """
    import networkx as nx

    wires = wiring(topology)
    if wires.faults:
        fault = wires.faults[0]
        raise topology.error(fault.path, fault.message, fault.hint)
    result: nx.MultiGraph[str] = nx.MultiGraph(name=topology.name)
    for name, node in topology.nodes.items():
        result.add_node(name, kind=node.kind, spec=node)
    for index, (properties, ends) in enumerate(zip(topology.cables(), wires.ends, strict=True)):
        assert ends is not None
        (a, _), (b, _) = ends
        result.add_edge(a, b, key=index, index=index, ends=ends, properties=properties)
    return result
