"""The routes of a topology's routers, where they are computed and not written."""

from __future__ import annotations

from sim.scenario.blueprint import Leg
from sim.scenario.members import Tables
from sim.scenario.model import Router, Topology
from sim.scenario.ports import wiring
from sim.scenario.routing import shortest_paths


def route(topology: Topology) -> None:
    """Give the routers their shortest-path routes, if the topology asks for them.

    All links that are up count. Raises TopologyError for a network that is too large for it.
    """
    if topology.is_routed:
        topology.set_tables(_tables(topology))


def _tables(topology: Topology) -> Tables:
    routers = dict(topology.blueprint.routers)
    linked = _linked(topology)
    for name, node in topology.written_nodes.items():
        if isinstance(node, Router):
            routers[name] = [
                Leg(port, int(address.ip), address.network.prefixlen)
                for port, interface in node.interfaces.items()
                if (name, port) in linked
                for address in interface.ip
            ]
    try:
        return shortest_paths(routers)
    except ValueError as error:
        key = "generate" if topology.routing is None else "routing"
        raise topology.error((key,), str(error), "write routing: static, and routes where you need them") from None


def _linked(topology: Topology) -> set[tuple[str, str]]:
    """The ends of the links in the file that are up."""
    written = topology.written_links
    ends = wiring(topology).ends[len(topology.links) - len(written) :]
    return {
        end
        for link, pair in zip(written, ends, strict=True)
        if not topology.properties(link).down
        for end in pair or ()
    }
