"""The tables of a device as texts, as they are at an instant: what it has learned, and what it has been told."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Any, Final

from sim.devices.gateway import Gateway
from sim.devices.node import IpNode
from sim.devices.switch import Switch
from sim.lab.dhcp import clients_of, server_of
from sim.lab.dns_caches import SECOND, texts_of
from sim.lab.naming import Node
from sim.lab.nodes import Tools
from sim.services.dhcp.pool import LEASED
from sim.stack.neighbours import REACHABLE, STATE_NAMES
from sim.stack.tcp import states
from sim.stack.translation import flows, tcp_states
from sim.tracing.tables import Known, Row
from sim.units import format_duration
from sim.wire.addresses import format_ip, format_mac, format_prefix

FOREVER: Final = 1 << 62

Entry = tuple[str, str, Row, int]
"""Table, key, the other columns, and when the entry changes by itself (ns): it ages, or ends."""


def tables(node: Node, now: int) -> tuple[Known, int]:
    """The tables of a node at `now` (ns), and when they change next though nothing happens (`FOREVER`: not at all).

    Looking changes nothing: what has ended, and is still there because nobody has asked for it since, is left out.
    """
    known: Known = {}
    until = FOREVER
    for name, key, row, changes in _entries(node, now):
        table = known.setdefault(name, {})
        place, number = key, 2
        while place in table:  # routes of one prefix, sockets that share a port
            place, number = f"{key} ({number})", number + 1
        table[place] = row
        until = min(until, changes)
    return known, until


def _entries(node: Node, now: int) -> Iterator[Entry]:
    if isinstance(node, Switch):
        yield from _mac_table(node, now)
    if isinstance(node, IpNode):
        yield from _interfaces(node)
        yield from _neighbours(node, now)
        yield from _routes(node)
        yield from _sockets(node)
    if isinstance(node, Gateway):
        yield from _connections(node, now)
    if isinstance(node, Tools):
        yield from _leases(node, now)
        yield from _dns_cache(node, now)


def _mac_table(switch: Switch, now: int) -> Iterator[Entry]:
    for mac, entry in switch.table.items():
        last = entry.seen + switch.ageing
        if last >= now:
            yield "MAC", format_mac(mac), (entry.port.name,), last + 1


def _interfaces(node: IpNode) -> Iterator[Entry]:
    for interface in node.stack.interfaces:
        addresses = ", ".join(f"{format_ip(address)}/{length}" for address, length in interface.addresses)
        state = "up" if interface.up or interface.loopback else "down"
        yield "interfaces", interface.name, (addresses, format_mac(interface.mac), state), FOREVER


def _neighbours(node: IpNode, now: int) -> Iterator[Entry]:
    for interface in node.stack.interfaces:
        for neighbour in node.stack.neighbours(interface).entries.values():
            state = neighbour.state_at(now)
            mac = format_mac(neighbour.mac) if any(neighbour.mac) else ""
            until = neighbour.fresh_until + 1 if state == REACHABLE else FOREVER
            yield "ARP", format_ip(neighbour.address), (mac, STATE_NAMES[state], interface.name), until


def _routes(node: IpNode) -> Iterator[Entry]:
    for route in node.stack.routes.routes():
        next_hop = "direct" if route.next_hop is None else format_ip(route.next_hop)
        columns = (next_hop, route.interface.name, str(route.metric))
        yield "routes", format_prefix(route.network, route.length), columns, FOREVER


def _sockets(node: IpNode) -> Iterator[Entry]:
    stack = node.stack
    for tenant in stack.tcp.ports.listening():
        yield "sockets", f"TCP {format_ip(tenant.address)}:{tenant.port}", (states.NAMES[states.LISTEN],), FOREVER
    for own in stack.tcp.connections.values():
        ends = _ends(own.local_address, own.local_port, own.remote_address, own.remote_port)
        yield "sockets", f"TCP {ends}", (states.NAMES[own.state],), FOREVER
    for wait in stack.tcp.waiting.values():
        ends = _ends(wait.local_address, wait.local_port, wait.remote_address, wait.remote_port)
        yield "sockets", f"TCP {ends}", (states.NAMES[states.TIME_WAIT],), FOREVER
    for socket in stack.udp.sockets():
        if socket.connected:
            ends = _ends(socket.address, socket.port, socket.peer, socket.peer_port)
            yield "sockets", f"UDP {ends}", ("connected",), FOREVER
        else:
            yield "sockets", f"UDP {format_ip(socket.address)}:{socket.port}", ("bound",), FOREVER


def _ends(local: bytes, local_port: int, remote: bytes, remote_port: int) -> str:
    return f"{format_ip(local)}:{local_port} > {format_ip(remote)}:{remote_port}"


def _connections(gateway: Gateway, now: int) -> Iterator[Entry]:
    if gateway.tracker is None:
        return
    mapped: dict[str, tuple[Row, int]] = {}
    for connection in gateway.tracker.table.living(now):
        protocol = flows.protocol_name(connection.original[0])
        state = tcp_states.NAMES[connection.state] or ("answered" if connection.answered else "unanswered")
        until = int(connection.deadline)
        yield "connections", f"{protocol} {_flow(connection.original)}", (_flow(connection.reply), state), until
        mapping = connection.mapping
        if mapping is not None:
            key = f"{protocol} {flows.format_end(mapping.inside)}"
            last = max(until, mapped[key][1]) if key in mapped else until
            mapped[key] = (flows.format_end(mapping.outside),), last
    for key, (row, until) in mapped.items():
        yield "NAT", key, row, until


def _flow(flow: bytes) -> str:
    return f"{flows.format_end(flows.source_of(flow))} > {flows.format_end(flows.destination_of(flow))}"


def _leases(node: Tools, now: int) -> Iterator[Entry]:
    server = server_of(node)
    if server is not None:
        for pool in server.server.pools:
            for binding in pool.by_address.values():
                if binding.state == LEASED and binding.expires_at > now:
                    client = binding.host_name or format_mac(binding.mac)
                    columns = (client, format_duration(binding.expires_at))
                    yield "leases", str(IPv4Address(binding.address)), columns, binding.expires_at
    for daemon in clients_of(node):
        lease = daemon.client.lease
        address = "" if lease is None else format_ip(lease.address)
        until = "" if lease is None else format_duration(lease.expires_at)
        yield "DHCP", daemon.interface.name, (str(daemon.client.state), address, until), FOREVER


def _dns_cache(node: Tools, now: int) -> Iterator[Entry]:
    server: Any = node.exposed.get("dns")
    if server is None or server.resolver is None:
        return
    for name, rdtype, entry in server.resolver.cache.entries(now / SECOND):
        text = name.to_text().removesuffix(".").lower() or "."
        ends = int(entry.expires * SECOND)
        records = texts_of(entry)
        shown = records if isinstance(records, str) else ", ".join(records)
        yield "DNS cache", f"{text} {rdtype.name}", (shown, format_duration(ends)), ends + 1
