"""DHCP in a network: which interfaces have a client, who serves, and who relays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Final, Protocol

from sim.errors import TopologyError
from sim.lab.nodes import LabHost, LabRouter, Tools
from sim.services.dhcp.client_daemon import ClientDaemon
from sim.services.dhcp.pool import Subnet
from sim.services.dhcp.relay import Leg
from sim.services.dhcp.relay_daemon import RelayDaemon
from sim.services.dhcp.server import Server
from sim.services.dhcp.server_daemon import ServerDaemon
from sim.stack.interfaces import Interface
from sim.wire import dhcpv4
from sim.wire.addresses import format_mac, parse_mac
from sim.wire.dhcpv4_options import ADDRESS, ADDRESSES, NAMES, OPTION_KINDS, emit_names, emit_number

if TYPE_CHECKING:
    from sim.engine.engine import Engine
    from sim.engine.streams import Streams
    from sim.lab.naming import Node
    from sim.scenario.dhcp import Dhcp
    from sim.scenario.nodes import Host, Router


class Net(Protocol):
    """What is asked of a network."""

    nodes: dict[str, Node]
    engine: Engine
    streams: Streams

    def __getitem__(self, name: str) -> Node: ...

    def run_until(self, done: Callable[[], bool]) -> None: ...


PATIENCE: Final = 10_000_000_000
"""How long (ns) a scenario waits for its first leases before its first step."""


def add_client(net: Net, node: LabHost | LabRouter, interface: Interface) -> ClientDaemon:
    """Let an interface get its address by DHCP. A router asks for broadcasts, as it would forward what is sent to an
    address that it does not have yet."""

    def name_of(mac: bytes) -> str:
        owner = next((other.name for other in net.nodes.values() for port in other.ports if port.mac == mac), None)
        return format_mac(mac) if owner is None else f"{owner} ({format_mac(mac)})"

    draw = net.streams.stream(f"dhcp/{node.name}:{interface.name}").random
    router = isinstance(node, LabRouter)
    client = ClientDaemon(node, interface, node.resolver, draw, broadcast=router, name_of=name_of)
    node.add_daemon(client)
    return client


def await_leases(net: Net, go_on: Callable[[], None]) -> None:
    """Call `go_on` once every DHCP client whose cable is in has a lease or has failed to get one: after ten seconds at
    the latest, at once if there are none."""
    waiting = [client for client in clients(net) if not client.settled and client.interface.up]
    if not waiting:
        go_on()
        return

    def look() -> None:
        if all(client.settled for client in waiting):
            end()

    def end() -> None:
        timer.cancel()
        for client in waiting:
            client.watchers.remove(look)
        net.engine.at(net.engine.now, go_on)

    timer = net.engine.after(PATIENCE, end)
    for client in waiting:
        client.watchers.append(look)


def settle(net: Net) -> None:
    """Let time pass until the DHCP clients have their leases, ten seconds at most."""
    settled = not clients(net)

    def end() -> None:
        nonlocal settled
        settled = True
        net.engine.stop()

    if not settled:
        net.engine.at(net.engine.now, lambda: await_leases(net, end))
        net.run_until(lambda: settled)


def clients(net: Net) -> list[ClientDaemon]:
    """All DHCP clients, in the order of the nodes."""
    return [client for node in net.nodes.values() for client in clients_of(node)]


def clients_of(node: object) -> list[ClientDaemon]:
    """The DHCP clients of a node, in the order of its interfaces."""
    daemons = node.daemons if isinstance(node, Tools) else ()
    return [daemon for daemon in daemons if isinstance(daemon, ClientDaemon)]


def server_of(node: object) -> ServerDaemon | None:
    """The DHCP server of a node."""
    daemons = node.daemons if isinstance(node, Tools) else ()
    return next((daemon for daemon in daemons if isinstance(daemon, ServerDaemon)), None)


def add_server(net: Net, node: LabHost | LabRouter, spec: Host | Router, services: list[Dhcp]) -> None:
    """Let a node serve DHCP, by all of its services of that name together."""
    subnets = [_subnet(net, node, spec, service) for service in services]
    node.add_daemon(ServerDaemon(node, Server(subnets, ping=all(service.ping for service in services))))


def _subnet(net: Net, node: LabHost | LabRouter, spec: Host | Router, service: Dhcp) -> Subnet:
    network = service.network_among(own for interface in spec.interfaces.values() for own in interface.ip)
    assert network is not None, "who loads a topology has seen to it that its pools are in a network"
    return Subnet(
        int(network.network_address),
        network.prefixlen,
        tuple((int(first), int(last)) for first, last in service.pool),
        service.lease,
        dict(_reservations(net, service)),
        tuple(_options(node, network, service)),
    )


def _reservations(net: Net, service: Dhcp) -> Iterator[tuple[bytes, int]]:
    for station, address in service.reservations.items():
        if station.mac is not None:
            yield parse_mac(station.mac), int(address)
            continue
        assert station.endpoint is not None
        for port in net[station.endpoint.node].ports:
            if station.endpoint.port in (None, port.name):
                yield port.mac, int(address)
                break


def _options(node: LabHost | LabRouter, network: IPv4Network, service: Dhcp) -> Iterator[tuple[int, bytes]]:
    """What clients are told. A router that serves a network of its own is their router, unless another is named."""
    routers = [address.packed for address in service.router]
    if isinstance(node, LabRouter) and "router" not in service.model_fields_set:
        own = [address for interface in node.stack.interfaces for address, _ in interface.addresses]
        routers = [address for address in own if IPv4Address(address) in network][:1]
    if routers:
        yield dhcpv4.ROUTER, b"".join(routers)
    if service.dns:
        yield dhcpv4.DNS_SERVERS, b"".join(address.packed for address in service.dns)
    if service.domain is not None:
        yield dhcpv4.DOMAIN_NAME, service.domain.encode("ascii", "replace")
    if service.search:
        yield dhcpv4.DOMAIN_SEARCH, emit_names(service.search)
    for code, value in service.options.items():
        yield code, _option(code, value)


def _option(code: int, value: int | str | list[str]) -> bytes:
    """The data of an option that a file gives. Raises TopologyError."""
    try:
        if isinstance(value, int):
            return emit_number(code, value)
        if isinstance(value, list):
            return b"".join(IPv4Address(address).packed for address in value)
        if value.startswith("hex:"):
            return bytes.fromhex(value[4:])
        if OPTION_KINDS.get(code) in (None, ADDRESS, ADDRESSES) and _is_address(value):
            return IPv4Address(value).packed
        if OPTION_KINDS.get(code) == NAMES:
            return emit_names([value])
    except ValueError as error:
        raise TopologyError(f"DHCP {error}", hint="write its bytes: hex:0a0b") from None
    return value.encode("ascii")


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def add_relay(node: LabRouter, spec: Router) -> None:
    """Let a router relay for the clients on some of its interfaces."""
    legs = []
    for name, relay in spec.dhcp_relay.items():
        interface = node.interface(name)
        servers = tuple(server.packed for server in relay.to)
        legs.append(Leg(name, interface.addresses[0][0], interface.mac, servers, relay.agent_information))
    node.add_daemon(RelayDaemon(node, legs))
