"""What can be wrong with DHCP in a topology: errors with which a server cannot serve, and warnings."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from sim.scenario.dhcp import Dhcp
from sim.scenario.expect import Station
from sim.scenario.fields import Path
from sim.scenario.model import Host, Router, Topology
from sim.scenario.ports import Fault, similar
from sim.scenario.segments import Segment, owners_on


def servers_in(topology: Topology) -> Iterator[tuple[str, int, Dhcp]]:
    """Each DHCP server's name, with the index of the service among the node's."""
    for name, node in topology.written_nodes.items():
        if isinstance(node, Host | Router):
            for index, service in enumerate(node.services):
                if service.dhcp is not None:
                    yield name, index, service.dhcp


def network_of_pool(topology: Topology, name: str, service: Dhcp) -> IPv4Network | None:
    """The subnet of a server's pool."""
    node = topology.nodes[name]
    assert isinstance(node, Host | Router)
    return service.network_among(address for interface in node.interfaces.values() for address in interface.ip)


def dhcp_faults(topology: Topology) -> Iterator[Fault]:
    """Errors: pools outside of their network, reservations for nobody, relays by interfaces that are not there."""
    first: dict[tuple[str, IPv4Network], int] = {}
    for name, index, service in servers_in(topology):
        path: Path = ("nodes", name, "services", index, "dhcp")
        network = network_of_pool(topology, name, service)
        if network is None:
            yield _off_every_subnet(topology, name, service, path)
        else:
            yield from _off_subnet(network, service, path)
            if first.setdefault((name, network), index) != index:
                message = f"'{name}' has two DHCP pools in {network}"
                yield Fault("pool-overlap", path, message, "write one, with a list of ranges: pool: [A-B, C-D]")
        for station in service.reservations:
            yield from _unknown_station(topology, station, (*path, "reservations", str(station)))
    for name, node in topology.written_nodes.items():
        for port in node.dhcp_relay if isinstance(node, Router) else ():
            assert isinstance(node, Router)
            place = ("nodes", name, "dhcp_relay", port)
            if port not in node.interfaces:
                message = f"router '{name}' has no interface '{port}'"
                yield Fault("unknown-port", place, message, similar(port, node.interfaces))
            elif not node.interfaces[port].ip:
                message = f"'{name}:{port}' has no IP address, which tells the server whose the clients are"
                yield Fault("no-address", place, message, "give it an ip")


def dhcp_warnings(topology: Topology, segments: list[Segment]) -> Iterator[Fault]:
    """Clients that nobody answers, and addresses that are given away though somebody has them."""
    yield from _unserved(topology, segments)
    for name, index, service in servers_in(topology):
        reserved = {address: station for station, address in service.reservations.items()}
        path = ("nodes", name, "services", index, "dhcp", "pool")
        for owner in (owner for segment in segments for owner in owners_on(topology, segment)):
            address = owner.address.ip
            if service.holds(address) and address not in reserved:
                message = f"the pool holds {address}, which is the address of {owner.node}:{owner.port}"
                yield Fault("pool-overlap", path, message, "leave it out, or reserve it for nobody else")


def _off_every_subnet(topology: Topology, name: str, service: Dhcp, path: Path) -> Fault:
    node = topology.nodes[name]
    assert isinstance(node, Host | Router)
    own = [str(address.network) for interface in node.interfaces.values() for address in interface.ip]
    message = f"{service.addresses()[0]} is in no network of '{name}': {', '.join(own) or 'it has none'}"
    hint = "for clients behind a relay say which network it is: network: 10.2.0.0/24"
    return Fault("pool-off-subnet", (*path, "pool") if service.pool else path, message, hint)


def _off_subnet(network: IPv4Network, service: Dhcp, path: Path) -> Iterator[Fault]:
    usable = f"hosts of {network} are {network.network_address + 1} to {network.broadcast_address - 1}"
    for index, (first, last) in enumerate(service.pool):
        for end in dict.fromkeys((first, last)):
            if end not in network or end in (network.network_address, network.broadcast_address):
                message = f"the pool's {end} is no address of a host in {network}"
                yield Fault("pool-off-subnet", (*path, "pool", index), message, usable)
    for station, address in service.reservations.items():
        if address not in network:
            message = f"{address}, which is reserved for {station}, is not in {network}"
            yield Fault("pool-off-subnet", (*path, "reservations", str(station)), message, usable)
    for index, router in enumerate(service.router):
        if router not in network:
            message = f"the router {router} is not in the clients' network {network}"
            yield Fault("gateway-off-subnet", (*path, "router", index), message, usable)


def _unknown_station(topology: Topology, station: Station, path: Path) -> Iterator[Fault]:
    end = station.endpoint
    if end is None:
        return
    node = topology.nodes.get(end.node)
    if node is None:
        yield Fault("unknown-node", path, f"there is no node '{end.node}'", similar(end.node, topology.nodes))
    elif not isinstance(node, Host | Router):
        yield Fault("wrong-kind", path, f"'{end.node}' is a {node.kind}: it asks for no address")
    elif end.port is not None and end.port not in node.interfaces:
        message = f"'{end.node}' has no interface '{end.port}'"
        yield Fault("unknown-port", path, message, similar(end.port, node.interfaces))


def _unserved(topology: Topology, segments: list[Segment]) -> Iterator[Fault]:
    pools = [(name, network_of_pool(topology, name, service)) for name, _, service in servers_in(topology)]
    for segment in segments:
        clients = [(name, port) for name, port in segment.members if _asks(topology, name, port)]
        if not clients or segment.open:
            continue
        own = [
            (owner.node, owner.address.ip)
            for owner in owners_on(topology, segment)
            if any(name == owner.node and net is not None and owner.address.ip in net for name, net in pools)
        ]
        if own or _is_relayed(topology, segment, pools):
            continue
        for name, port in clients:
            node = topology.nodes[name]
            assert isinstance(node, Host | Router)
            short = isinstance(node, Host) and "interfaces" not in node.model_fields_set
            path: Path = ("nodes", name, "ip") if short else ("nodes", name, "interfaces", port)
            message = f"no DHCP server is on the segment of {name}:{port}, and no relay that leads to one"
            hint = "add services: [{dhcp: {pool: A-B}}] to a host or router there, or dhcp_relay to the router"
            yield Fault("no-dhcp-server", path, message, hint)


def _asks(topology: Topology, name: str, port: str) -> bool:
    node = topology.nodes[name]
    return isinstance(node, Host | Router) and node.interfaces[port].dhcp


def _is_relayed(topology: Topology, segment: Segment, pools: list[tuple[str, IPv4Network | None]]) -> bool:
    """Whether a router there relays to a server that has a pool for this segment."""
    for name, port in segment.members:
        node = topology.nodes[name]
        if not isinstance(node, Router) or port not in node.dhcp_relay or not node.interfaces[port].ip:
            continue
        giaddr = node.interfaces[port].ip[0].ip
        for server, network in pools:
            to = node.dhcp_relay[port].to
            if network is not None and giaddr in network and any(_has(topology, server, one) for one in to):
                return True
    return False


def _has(topology: Topology, name: str, address: IPv4Address) -> bool:
    node = topology.nodes[name]
    assert isinstance(node, Host | Router)
    return any(address == own.ip for interface in node.interfaces.values() for own in interface.ip)
