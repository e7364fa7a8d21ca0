"""Segments: what hubs, switches and cables join into one broadcast domain, with the interfaces on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Interface

from sim.scenario.model import Host, Interface, Router, Topology
from sim.scenario.outlets import Outlet, Outside
from sim.scenario.ports import End, Wiring


@dataclass
class Segment:
    """One broadcast domain: the ends of hosts and routers on it, the hubs and switches in it, the links it is of.

    An `open` one goes on outside of the file, behind a TAP device or a tunnel: who else is on it is not known."""

    members: list[End] = field(default_factory=list)
    bridges: dict[str, None] = field(default_factory=dict)
    links: list[int] = field(default_factory=list)
    open: bool = False


@dataclass(frozen=True)
class Owner:
    """An address and where it is: node, interface, the address's index there."""

    node: str
    port: str
    index: int
    address: IPv4Interface


def segments_of(topology: Topology, wires: Wiring) -> list[Segment]:
    """The segments in the order of their first link; links that are down belong to none."""
    parents: dict[End, End] = {}

    def root(end: End) -> End:
        while (parent := parents.setdefault(end, end)) != end:
            parents[end] = parents[parent]  # halve the path for the next time
            end = parents[end]
        return end

    joined: list[tuple[int, End, End]] = []
    for index, (ends, properties) in enumerate(zip(wires.ends, topology.cables(), strict=True)):
        if ends is None or properties.down:
            continue
        a, b = (_domain(topology, end) for end in ends)
        parents[root(a)] = root(b)
        joined.append((index, *ends))
    segments: dict[End, Segment] = {}
    for index, *pair in joined:
        segment = segments.setdefault(root(_domain(topology, pair[0])), Segment())
        segment.links.append(index)
        for end in pair:
            node = topology.nodes[end[0]]
            if isinstance(node, Host | Router):
                segment.members.append(end)
            elif isinstance(node, Outlet):
                segment.open = segment.open or isinstance(node, Outside)
            else:
                segment.bridges[end[0]] = None
    return list(segments.values())


def _domain(topology: Topology, end: End) -> End:
    """What a cable's end belongs to: all ports of a hub or a switch are one."""
    return end if isinstance(topology.nodes[end[0]], Host | Router) else (end[0], "")


def owners_on(topology: Topology, segment: Segment) -> list[Owner]:
    """The addresses on a segment."""
    return [
        Owner(name, port, index, address)
        for name, port in segment.members
        for index, address in enumerate(_interface(topology, (name, port)).ip)
    ]


def _interface(topology: Topology, end: End) -> Interface:
    node = topology.nodes[end[0]]
    assert isinstance(node, Host | Router)
    return node.interfaces[end[1]]
