"""From a validated topology to a live network: what it generates, then a device per node and a link per link."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

from sim.devices.node import IpNode
from sim.errors import TopologyError
from sim.lab import gateways
from sim.lab.assembly import Material, assemble
from sim.lab.bare_ports import add_outlet
from sim.lab.collector import paused_collector
from sim.lab.dhcp import add_client, add_relay, add_server
from sim.lab.network import Network
from sim.lab.nodes import LabHost, LabRouter
from sim.lab.servers import serve
from sim.links.channel import Properties
from sim.links.impairments import BurstLoss, Impairments
from sim.links.queues.codel import CoDel
from sim.links.queues.discipline import Discipline
from sim.links.queues.fq_codel import FqCoDel
from sim.links.queues.red import Red
from sim.links.queues.token_bucket import TokenBucket
from sim.scenario import nodes
from sim.scenario.outlets import Outlet, Vxlan
from sim.scenario.ports import wiring
from sim.scenario.targets import root_servers
from sim.stack.interfaces import Interface
from sim.wire.addresses import parse_mac

if TYPE_CHECKING:
    from sim.scenario.cables import LinkProperties
    from sim.scenario.model import Topology
    from sim.scenario.ports import End
    from sim.scenario.queueing import Discipline as WrittenDiscipline


def build(topology: Topology, seed: int | None = None, record: bool = True) -> Network:
    """The network that a topology describes; `seed` takes the place of the file's.

    Raises TopologyError, with the place in the file, for what only shows when it is put together.
    """
    net = Network(topology.seed if seed is None else seed, topology.name, record)
    _choose_mac_block(net, topology)
    ends = wiring(topology).ends
    cables = topology.cables()
    with paused_collector():
        generated = _add_generated(net, topology, cables)
        for name in topology.written_nodes:
            try:
                _add_node(net, name, topology.nodes[name], topology.folder)
            except TopologyError as error:
                raise topology.error(("nodes", name), error.message, error.hint) from None
        for index in range(generated, len(cables)):
            try:
                _add_link(net, ends[index], cables[index])
            except TopologyError as error:
                raise topology.error(("links", index), error.message, error.hint) from None
    if any(service.https for node in topology.written_nodes.values() for service in getattr(node, "services", ())):
        _ = net.authority  # before the first program starts, so that all trust it
    roots = root_servers(topology)
    for name, node in topology.written_nodes.items():
        if isinstance(node, nodes.Host | nodes.Router):
            _start(net, topology, name, node, roots)
    return net


def _choose_mac_block(net: Network, topology: Topology) -> None:
    """Whoever is at the other end of a tunnel counts MAC addresses up as well: take those that go with our own end."""
    tunnels = [node for node in topology.written_nodes.values() if isinstance(node, Vxlan)]
    if tunnels:
        own = f"{tunnels[0].local} {tunnels[0].netns or ''}"
        net.take_mac_block(int.from_bytes(sha256(own.encode()).digest()[:2], "big"))


def _start(net: Network, topology: Topology, name: str, spec: nodes.Host | nodes.Router, roots: Sequence[str]) -> None:
    """What runs on a host or router from the time it is switched on; `roots` are DNS's root servers."""
    node = net[name]
    assert isinstance(node, LabHost | LabRouter)
    given = [service.dhcp for service in spec.services if service.dhcp is not None]
    try:
        if given:
            add_server(net, node, spec, given)
    except TopologyError as error:
        raise topology.error(("nodes", name, "services"), error.message, error.hint) from None
    if isinstance(spec, nodes.Router) and isinstance(node, LabRouter) and spec.dhcp_relay:
        add_relay(node, spec)
    for service in spec.served:
        if service.dhcp is None:
            serve(node, service, topology.folder, roots)
    for port, interface in spec.interfaces.items():
        if interface.dhcp:
            add_client(net, node, node.interface(port))


def _add_generated(net: Network, topology: Topology, cables: list[LinkProperties]) -> int:
    """What `generate` says; return how many links that makes."""
    plan = topology.blueprint
    access, generated = len(plan.access), len(plan.access) + len(plan.backbone)
    near = _material(cables[0]) if access else None
    far = _material(cables[access]) if plan.backbone else None
    assemble(net, plan, topology.tables, near, far)
    return generated


def _material(properties: LinkProperties) -> Material:
    return Material(link_properties(properties), impairments(properties), not properties.down)


def _add_link(net: Network, ends: tuple[End, End] | None, properties: LinkProperties) -> None:
    assert ends is not None, "who loads a topology has seen to it that its links can be made"
    a, b = (net.port_for(f"{node}:{port}") for node, port in ends)
    link = net.connect(a, b, link_properties(properties), impairments(properties))
    if properties.down:
        net.set_link(link, up=False)


def link_properties(properties: LinkProperties) -> Properties:
    """What a link is like, in the words of `sim.links`."""
    return Properties(
        properties.bandwidth,
        properties.delay,
        properties.queue.frames,
        properties.queue.bytes,
        properties.mtu or 0,
        None if properties.discipline is None else discipline(properties.discipline),
    )


def discipline(written: WrittenDiscipline) -> Discipline | None:
    """The discipline of a link's queues, in the words of `sim.links`; None for drop-tail."""
    if written.codel is not None:
        return CoDel(**dict(written.codel))
    if written.fq_codel is not None:
        return FqCoDel(**dict(written.fq_codel))
    if written.red is not None:
        red = written.red
        highest = 3 * red.min if red.max is None else red.max
        return Red(red.min, highest, red.probability, red.weight, red.gentle, red.ecn)
    if written.token_bucket is not None:
        return TokenBucket(**dict(written.token_bucket))
    return None


def impairments(properties: LinkProperties) -> Impairments:
    """What a link does to frames, in the words of `sim.links`."""
    burst = properties.burst_loss
    return Impairments(
        jitter=properties.jitter,
        loss=properties.loss,
        burst_loss=None if burst is None else BurstLoss(burst.p, burst.r, burst.good_loss, burst.bad_loss),
        duplicate=properties.duplicate,
        reorder=properties.reorder,
        reorder_delay=properties.reorder_delay,
        corrupt=properties.corrupt,
    )


def _add_node(net: Network, name: str, spec: nodes.Node, folder: str) -> None:
    if isinstance(spec, nodes.Hub):
        net.hub(name)
    elif isinstance(spec, Outlet):
        add_outlet(net, name, spec, folder)
    elif isinstance(spec, nodes.Switch):
        net.switch(name, ageing=spec.ageing, table_size=spec.table_size)
    elif isinstance(spec, nodes.Gateway):
        gateway = net.add(gateways.LabGateway(net.engine, name, net.recorder, net.recording))
        gateway.network = net
        _configure(net, gateway, spec)
        gateways.configure(gateway, spec.nat, spec.firewall)
    elif isinstance(spec, nodes.Router):
        _configure(net, net.router(name, {}, firewall=spec.firewall), spec)
    else:
        host = net.host(name, interfaces={})
        _configure(net, host, spec)
        if spec.gateway is not None:
            net.add_route(host, "0.0.0.0/0", str(spec.gateway))
        for group in spec.join:
            for interface in host.stack.interfaces:
                interface.join(group.packed)
        if spec.congestion is not None:
            net.set_congestion(host, spec.congestion)
        if spec.ecn is not None:
            host.stack.tcp.ecn = ("off", "ask", "accept").index(spec.ecn)
        for address, mac in spec.arp.items():
            interface = _interface_towards(host, address.packed)
            host.stack.neighbours(interface).set_permanent(address.packed, parse_mac(mac))


def _configure(net: Network, node: LabHost | LabRouter, spec: nodes.Host | nodes.Router) -> None:
    """What it knows about names; interfaces, then the routes that need their subnets."""
    host_mtu = spec.mtu if isinstance(spec, nodes.Host) and "mtu" in spec.model_fields_set else None
    resolver = node.resolver
    resolver.servers = [str(address) for address in spec.dns]
    resolver.search = list(spec.search)
    resolver.hosts = {name: [str(address) for address in addresses] for name, addresses in spec.hosts.items()}
    for name, interface in spec.interfaces.items():
        mtu = interface.mtu if "mtu" in interface.model_fields_set else host_mtu
        net.add_interface(node, name, [str(address) for address in interface.ip], mac=interface.mac, mtu=mtu)
    for prefix, routes in spec.routes.items():
        for route in routes:
            via = None if route.via is None else str(route.via)
            net.add_route(node, str(prefix), via, dev=route.dev, metric=route.metric)


def _interface_towards(node: IpNode, address: bytes) -> Interface:
    routes = node.stack.routes.lookup(address)
    return routes[0].interface if routes else node.stack.interfaces[0]
