"""What can be built, and is most likely a mistake all the same: warnings about addresses, masks, loops and routes.

A lab may do any of this on purpose, so nothing here stops a run. What does is in references.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from itertools import islice
from typing import Final

from sim.scenario.dhcp_lint import dhcp_warnings
from sim.scenario.fields import Path
from sim.scenario.gateway_lint import gateway_warnings
from sim.scenario.model import Host, PingStep, Router, Step, TcpStep, Topology, TracerouteStep, UdpStep
from sim.scenario.ports import End, Fault, Wiring, wiring
from sim.scenario.problems import MAX_PROBLEMS, Problem, by_place
from sim.scenario.reach import Reach
from sim.scenario.realms import realms_of
from sim.scenario.references import address_fault, address_path, addresses_of, references
from sim.scenario.segments import Owner, Segment, owners_on, segments_of
from sim.scenario.targets import TargetError, address_of

NOWHERE: Final = -1
"""The realm of interfaces without a link."""


def lint(topology: Topology) -> list[Problem]:
    """Errors of `references`, then warnings, each in the order of the file."""
    wires = wiring(topology)
    segments = segments_of(topology, wires)
    realms = realms_of(topology, segments)
    rules = (
        _duplicate_addresses(topology, realms),
        _duplicate_macs(topology),
        _gateways(topology, segments),
        _next_hops(topology),
        _unlinked(topology, wires),
        _masks(topology, segments),
        _overlaps(topology, segments, realms),
        _loops(wires, segments),
        _mtus(topology, segments, wires),
        _destinations(topology, segments),
        gateway_warnings(topology),
        dhcp_warnings(topology, segments),
    )
    faults = [fault for rule in rules for fault in islice(rule, MAX_PROBLEMS)]
    warnings = [topology.problem("warning", fault.code, fault.path, fault.message, fault.hint) for fault in faults]
    return sorted(references(topology, wires) + warnings, key=by_place)


def _stacks(topology: Topology) -> Iterator[tuple[str, Host | Router]]:
    for name, node in topology.nodes.items():
        if isinstance(node, Host | Router):
            yield name, node


def _duplicate_addresses(topology: Topology, realms: dict[End, int]) -> Iterator[Fault]:
    """In each realm an address is one host's."""
    first: dict[object, str] = {}
    for name, node in _stacks(topology):
        for port, index, address in addresses_of(node):
            place = f"{name}:{port}"
            other = first.setdefault((address.ip, realms.get((name, port), NOWHERE)), place)
            if other != place:
                message = f"{address.ip} is the address of {place} and of {other}"
                yield Fault("duplicate-ip", address_path(node, name, port, index), message, "give one of them another")


def _duplicate_macs(topology: Topology) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for name, node in _stacks(topology):
        for port, interface in node.interfaces.items():
            if interface.mac is None:
                continue
            place = f"{name}:{port}"
            other = first.setdefault(interface.mac, place)
            if other != place:
                message = f"{interface.mac} is the MAC address of {place} and of {other}"
                yield Fault("duplicate-mac", _port_path(node, name, port, "mac"), message, "remove it: one is made")


def _port_path(node: Host | Router, name: str, port: str, key: str) -> tuple[str, ...]:
    if isinstance(node, Host) and "interfaces" not in node.model_fields_set:
        return "nodes", name, key
    return "nodes", name, "interfaces", port, key


def _networks(node: Host | Router) -> list[IPv4Network]:
    return [address.network for _, _, address in addresses_of(node)]


def _gateways(topology: Topology, segments: list[Segment]) -> Iterator[Fault]:
    neighbours: dict[End, set[IPv4Address]] = {}
    for segment in segments:
        if segment.open:
            continue
        addresses = {owner.address.ip for owner in owners_on(topology, segment)}
        neighbours.update(dict.fromkeys(segment.members, addresses))
    for name, node in _stacks(topology):
        if not isinstance(node, Host) or node.gateway is None:
            continue
        path, gateway = ("nodes", name, "gateway"), node.gateway
        ports = [port for port, _, address in addresses_of(node) if gateway in address.network]
        own = [address.ip for _, _, address in addresses_of(node)]
        if gateway in own:
            yield Fault("gateway-off-subnet", path, f"{gateway} is {name}'s own address", "name its router's")
        elif not ports:
            if any(interface.dhcp for interface in node.interfaces.values()):
                continue
            networks = ", ".join(map(str, _networks(node))) or "no network"
            message = f"the gateway {gateway} is not in {name}'s network: {networks}"
            yield Fault(
                "gateway-off-subnet", path, message, "a gateway is on the host's own network, or the mask is wrong"
            )
        else:
            near = [neighbours[name, port] for port in ports if (name, port) in neighbours]
            if near and not any(gateway in addresses for addresses in near):
                message = f"nobody on {name}'s segment has the gateway's address {gateway}"
                yield Fault("gateway-missing", path, message, "give it to the router's interface there")


def _next_hops(topology: Topology) -> Iterator[Fault]:
    for name, node in _stacks(topology):
        for prefix, routes in node.routes.items():
            for index, route in enumerate(routes):
                via = route.via
                if via is None:
                    continue
                path = ("nodes", name, "routes", str(prefix), index, "via")
                if any(via == address.ip for _, _, address in addresses_of(node)):
                    message = f"the next hop {via} is {name}'s own address"
                    yield Fault("next-hop-off-subnet", path, message, "name the next router's")
                elif any(interface.dhcp for interface in node.interfaces.values()):
                    continue
                elif route.dev is None and not any(via in network for network in _networks(node)):
                    networks = ", ".join(map(str, _networks(node))) or "none"
                    message = f"the next hop {via} is on none of {name}'s networks: {networks}"
                    yield Fault("next-hop-off-subnet", path, message, "a next hop is a neighbour")


def _unlinked(topology: Topology, wires: Wiring) -> Iterator[Fault]:
    linked = {end for ends in wires.ends if ends for end in ends}
    # a link that cannot be made has its own error; its ends meant to be linked
    named = {end.node for link in topology.links for end in link.endpoints}
    for name, node in topology.nodes.items():
        if name not in named:
            yield Fault("unlinked-node", ("nodes", name), f"{node.kind} '{name}' has no link", "add one to links")
        elif isinstance(node, Host | Router) and not wires.faults:
            for port in node.interfaces:
                if (name, port) not in linked:
                    message = f"the interface {name}:{port} has no link"
                    yield Fault("dangling-port", ("nodes", name, "interfaces", port), message, "add one to links")


def _nested(owners: list[tuple[Owner, int]]) -> Iterator[tuple[Owner, int, list[tuple[Owner, int]]]]:
    """Each owner of an address and the number of its segment, with those whose networks hold its own network."""
    around: list[tuple[Owner, int]] = []
    for owner, segment in sorted(owners, key=lambda entry: entry[0].address.network):
        # sorted by address and then from short to long prefixes, networks come after those that hold them
        while around and not around[-1][0].address.network.overlaps(owner.address.network):
            around.pop()
        yield owner, segment, around
        around.append((owner, segment))


def _one_per_network(topology: Topology, segment: Segment) -> list[Owner]:
    owners: dict[IPv4Network, Owner] = {}
    for owner in owners_on(topology, segment):
        if address_fault(owner.address) is None:
            owners.setdefault(owner.address.network, owner)
    return list(owners.values())


def _masks(topology: Topology, segments: list[Segment]) -> Iterator[Fault]:
    """On one segment networks are equal or apart."""
    for segment in segments:
        for owner, _, around in _nested([(owner, 0) for owner in _one_per_network(topology, segment)]):
            if around:
                other = around[-1][0]
                message = (
                    f"{owner.node} has {owner.address} and {other.node} has {other.address} on one segment: "
                    "their masks differ"
                )
                yield Fault("mask-mismatch", _owner_path(topology, owner), message, "neighbours need the same mask")


def _overlaps(topology: Topology, segments: list[Segment], realms: dict[End, int]) -> Iterator[Fault]:
    """In each realm a network is on one segment, since routers could not tell where its addresses are otherwise."""
    owners: dict[int, list[tuple[Owner, int]]] = {}
    for number, segment in enumerate(segments):
        for owner in _one_per_network(topology, segment):
            if owner.address.network.prefixlen < 32:
                owners.setdefault(realms[owner.node, owner.port], []).append((owner, number))
    for realm in owners.values():
        yield from _overlaps_in(topology, realm)


def _overlaps_in(topology: Topology, owners: list[tuple[Owner, int]]) -> Iterator[Fault]:
    for owner, segment_number, around in _nested(owners):
        other = next((entry[0] for entry in reversed(around) if entry[1] != segment_number), None)
        if other is not None:
            message = (
                f"{owner.address.network} at {owner.node}:{owner.port} overlaps {other.address.network} at "
                f"{other.node}:{other.port}, which is another segment"
            )
            hint = "give each segment a network of its own"
            yield Fault("subnet-overlap", _owner_path(topology, owner), message, hint)


def _owner_path(topology: Topology, owner: Owner) -> Path:
    node = topology.nodes[owner.node]
    assert isinstance(node, Host | Router)
    return address_path(node, owner.node, owner.port, owner.index)


def _loops(wires: Wiring, segments: list[Segment]) -> Iterator[Fault]:
    """A segment is a tree of hubs and switches, as they run no spanning tree protocol."""
    for segment in segments:
        parents: dict[str, str] = {name: name for name in segment.bridges}
        tree: list[tuple[str, str]] = []
        for index in segment.links:
            ends = wires.ends[index]
            assert ends is not None
            a, b = ends[0][0], ends[1][0]
            if a not in parents or b not in parents:
                continue
            root_a, root_b = _root(parents, a), _root(parents, b)
            if root_a == root_b:
                message = f"this link closes a loop of {_cycle(tree, a, b)}"
                hint = "there is no spanning tree protocol: a broadcast goes round for ever; remove a link"
                yield Fault("l2-loop", ("links", index), message, hint)
            else:
                parents[root_a] = root_b
                tree.append((a, b))


def _root(parents: dict[str, str], name: str) -> str:
    while parents[name] != name:
        parents[name] = parents[parents[name]]
        name = parents[name]
    return name


def _cycle(tree: list[tuple[str, str]], a: str, b: str) -> str:
    """The hubs and switches of the loop that a link between `a` and `b` completes in a tree."""
    import networkx as nx

    if a == b:
        return f"{a} with itself"
    net: nx.Graph[str] = nx.Graph(tree)
    return " - ".join([*nx.shortest_path(net, a, b), a])


def _mtus(topology: Topology, segments: list[Segment], wires: Wiring) -> Iterator[Fault]:
    """Whoever is on a segment sends packets that all the others, and all the links, can take."""
    links = {end: index for index, ends in enumerate(wires.ends) if ends for end in ends}
    limits = [properties.mtu for properties in topology.cables()]
    for segment in segments:
        first: tuple[str, int] | None = None
        largest = 0
        for name, port in segment.members:
            mtu, path = _mtu(topology, name, port, links[name, port], limits)
            largest = max(largest, mtu)
            if first is None:
                first = (f"{name}:{port}", mtu)
            elif mtu != first[1]:
                message = f"{name}:{port} has an MTU of {mtu} and {first[0]} one of {first[1]} on one segment"
                yield Fault("mtu-mismatch", path, message, "longer packets are lost without a word: use one MTU")
        for index in segment.links:
            limit = limits[index]
            if limit is not None and limit < largest:
                message = f"this link's MTU of {limit} is below the {largest} of an interface on its segment"
                hint = "longer packets are lost without a word: lower the MTU of the interfaces"
                yield Fault("mtu-mismatch", ("links", index, "mtu"), message, hint)


def _mtu(topology: Topology, name: str, port: str, link: int, limits: list[int | None]) -> tuple[int, Path]:
    """An interface's MTU, its link's if it has none of its own, and where that is written."""
    node = topology.nodes[name]
    assert isinstance(node, Host | Router)
    interface = node.interfaces[port]
    of_link = limits[link]
    if of_link is not None and "mtu" not in interface.model_fields_set:
        return of_link, ("links", link, "mtu")
    return interface.mtu, _port_path(node, name, port, "mtu")


def _destinations(topology: Topology, segments: list[Segment]) -> Iterator[Fault]:
    if any(segment.open for segment in segments):
        return  # what is outside may forward to anywhere
    reach = Reach(topology, segments)
    for index, step in enumerate(topology.scenario):
        if not isinstance(step, PingStep | TracerouteStep | UdpStep | TcpStep) or _expects_failure(step):
            continue
        action = step.action
        try:
            target = address_of(topology, action.to)
        except TargetError:
            continue  # an error already
        if target is None or not isinstance(topology.nodes.get(action.source), Host | Router):
            continue
        why = reach.obstacle(action.source, target)
        if why is not None:
            message = f"{action.to} cannot be reached from {action.source}: {why}"
            hint = "if that is the point, expect it: error, received: 0, reached: false or connected: false"
            yield Fault("unreachable-destination", ("scenario", index, step.kind, "to"), message, hint)


def _expects_failure(step: Step) -> bool:
    expect = step.expect
    received = getattr(expect, "received", None)
    return (
        getattr(expect, "error", None) is not None
        or getattr(expect, "reached", None) is False
        or getattr(expect, "connected", None) is False
        or (received is not None and received.holds(0))
    )
