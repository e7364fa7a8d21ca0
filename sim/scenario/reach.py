"""Whether a step's destination can be reached: a walk along the routes that the file gives.

It says "unreachable" only when every way a packet could take ends for certain, with all links up and all nodes on:
steps that take links down do so on purpose.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Interface
from typing import NamedTuple

from sim.scenario.model import Gateway, Host, Router, Topology
from sim.scenario.ports import End
from sim.scenario.segments import Segment, owners_on


class Hop(NamedTuple):
    """One way on from a node: to `next_hop` out of `port`; a port of None is any on whose network that lies."""

    next_hop: IPv4Address
    port: str | None


class Reach:
    """Answers for one topology."""

    def __init__(self, topology: Topology, segments: Iterable[Segment]) -> None:
        self._topology = topology
        self._neighbours: dict[End, dict[IPv4Address, list[str]]] = {}
        for segment in segments:
            owners: dict[IPv4Address, list[str]] = {}
            for owner in owners_on(topology, segment):
                owners.setdefault(owner.address.ip, []).append(owner.node)
            for name, port in segment.members:
                node = topology.nodes[name]
                if isinstance(node, Gateway) and node.nat.outside == port:
                    for public in node.nat.static:
                        owners.setdefault(public, []).append(name)
            self._neighbours.update(dict.fromkeys(segment.members, owners))
        self._owners: dict[IPv4Address, set[str]] = {}
        self._broadcasts: set[IPv4Address] = set()
        self._leased = {  # of these only the run shows their addresses and routes
            name
            for name, node in topology.nodes.items()
            if isinstance(node, Host | Router) and any(interface.dhcp for interface in node.interfaces.values())
        }
        for name, node in topology.nodes.items():
            if isinstance(node, Host | Router):
                for interface in node.interfaces.values():
                    for address in interface.ip:
                        self._owners.setdefault(address.ip, set()).add(name)
                        if address.network.prefixlen < 31:
                            self._broadcasts.add(address.network.broadcast_address)
            if isinstance(node, Gateway):
                for public in node.nat.static:  # it answers for them
                    self._owners.setdefault(public, set()).add(name)

    def obstacle(self, source: str, target: IPv4Address) -> str | None:
        """Why no packet from `source` reaches `target`, or None if one can, or might."""
        if target.is_multicast or target.is_loopback or target in self._broadcasts or int(target) == 0xFFFF_FFFF:
            return None
        if self._leased and target not in self._owners:
            return None  # it may be leased
        obstacle: str | None = None
        seen: set[str] = set()
        waiting = [source]
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            found = self._step(name, target, name == source)
            if found is None:
                return None
            onward, why = found
            obstacle = obstacle or why
            waiting += onward
        return obstacle or f"the routes towards {target} go in a circle: {', '.join(sorted(seen))}"

    def _step(self, name: str, target: IPv4Address, first: bool) -> tuple[list[str], str | None] | None:
        """The nodes that `name` hands a packet on to, or why to none; None if it has arrived."""
        if name in self._owners.get(target, ()) or name in self._leased:
            return None
        node = self._topology.nodes[name]
        if isinstance(node, Host) and not first:
            return [], f"{name} is a host: it does not forward"
        assert isinstance(node, Host | Router)
        hops = _hops(node, target)
        if not hops:
            return [], f"{name} has no route to {target}"
        onward: list[str] = []
        why: str | None = None
        for hop in hops:
            ports = self._ports_towards(node, hop)
            if not ports:
                why = why or f"{hop.next_hop}, the next hop from {name}, is on none of its networks"
            found = [other for port in ports for other in self._neighbours.get((name, port), {}).get(hop.next_hop, [])]
            if ports and not found:
                why = why or f"nobody next to {name} has the address {hop.next_hop}"
            onward += found
        return onward, why

    def _ports_towards(self, node: Host | Router, hop: Hop) -> list[str]:
        if hop.port is not None:
            return [hop.port] if hop.port in node.interfaces else []
        return [
            port
            for port, interface in node.interfaces.items()
            if any(hop.next_hop in address.network for address in interface.ip)
        ]


def _hops(node: Host | Router, target: IPv4Address) -> list[Hop]:
    """The best routes of a node for an address: longest prefix, then lowest metric."""
    table: list[tuple[int, int, Hop]] = []
    for port, interface in node.interfaces.items():
        table += [(-_length(a), 0, Hop(target, port)) for a in interface.ip if target in a.network]
    for prefix, routes in node.routes.items():
        if target in prefix:
            table += [(-prefix.prefixlen, route.metric, Hop(route.via or target, route.dev)) for route in routes]
    if isinstance(node, Host) and node.gateway is not None:
        table.append((0, 0, Hop(node.gateway, None)))
    best = min((entry[:2] for entry in table), default=None)
    return [entry[2] for entry in table if entry[:2] == best]


def _length(address: IPv4Interface) -> int:
    return address.network.prefixlen
