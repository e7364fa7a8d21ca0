"""Realms: where an address means one host. A gateway parts two of them, and each may use the addresses of the other."""

from __future__ import annotations

from sim.scenario.model import Gateway, Host, Router, Topology
from sim.scenario.ports import End
from sim.scenario.segments import Segment


def realms_of(topology: Topology, segments: list[Segment]) -> dict[End, int]:
    """The number of the realm of each interface that is linked: its segment, and all that routers join to it."""
    parents = list(range(len(segments)))

    def root(number: int) -> int:
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number

    place = {end: number for number, segment in enumerate(segments) for end in segment.members}
    for name, node in topology.nodes.items():
        if not isinstance(node, Host | Router):
            continue
        outside = node.nat.outside if isinstance(node, Gateway) else None
        joined = [place[name, port] for port in node.interfaces if port != outside and (name, port) in place]
        for other in joined[1:]:
            parents[root(other)] = root(joined[0])
    return {end: root(number) for end, number in place.items()}
