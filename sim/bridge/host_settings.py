"""What a simulated host has - addresses, routes, names - in the words of a Linux system that is to take its place.

It is taken from the host as it lives, not from the file: so a lease of DHCP counts as well.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sim.bridge.namespace import Layout
from sim.bridge.tap import NAME_LIMIT
from sim.lab.network import Network
from sim.lab.nodes import LabHost, LabRouter

if TYPE_CHECKING:
    from sim.links.port import Port

RESOLV_CONF: Final = "/etc/resolv.conf"
HOSTS: Final = "/etc/hosts"
NSSWITCH: Final = Path("/etc/nsswitch.conf")
HOST_NAME_LIMIT: Final = 64  # HOST_NAME_MAX, see uname(2)
LARGEST_MTU: Final = 65_521
"""Bytes of packet that a TAP device takes at most: 65,535 less its Ethernet header."""
LARGEST_BROADCAST_PREFIX: Final = 30  # longer ones have no broadcast address (RFC 3021)


def layout_of(net: Network, host: LabHost) -> Layout:
    """The namespace in which a program finds itself on `host`: one TAP device per port, and its files."""
    names = tap_names(host)
    files = {HOSTS: hosts_text(net, host), RESOLV_CONF: host.resolver.as_text()}
    switch = nsswitch_text(NSSWITCH)
    if switch is not None:
        files[str(NSSWITCH)] = switch
    host_name = host.name if len(host.name.encode()) <= HOST_NAME_LIMIT else ""
    return Layout(host_name, tuple(names.values()), ("link set lo up", *setup_lines(host, names)), files)


def outer_ports(host: LabHost) -> list[Port]:
    """Its ports but for that of its loopback interface."""
    inner = host.stack.loopback
    return [port for port in host.ports if inner is None or port.number != inner.index]


def tap_names(host: LabHost) -> dict[int, str]:
    """What the interfaces are called in Linux, by the number of the port: as in the network, where Linux can."""
    names: dict[int, str] = {}
    wanted = {port.number: port.name for port in outer_ports(host)}
    for number, name in wanted.items():
        fits = len(name.encode()) <= NAME_LIMIT and "/" not in name and "%" not in name
        if not fits or name in ("lo", ".", "..", "all", "default"):
            free = (f"eth{count}" for count in range(len(wanted) * 2 + 1))
            name = next(other for other in free if other not in wanted.values() and other not in names.values())  # noqa: PLW2901
        names[number] = name
    return names


def setup_lines(host: LabHost, names: dict[int, str]) -> Iterator[str]:
    """What `ip -batch` is to do about interfaces, neighbours and routes."""
    stack, known = host.stack, host.arp_table()
    for number, name in names.items():
        interface = stack.interfaces[number]
        mtu = min(interface.mtu, LARGEST_MTU)
        yield f"link set dev {name} address {interface.mac.hex(':')} mtu {mtu} up"
        for address, length in interface.addresses:
            broadcast = "broadcast + " if length <= LARGEST_BROADCAST_PREFIX else ""
            yield f"address add {_text(address)}/{length} {broadcast}dev {name}"
        for address in stack.neighbours(interface).entries:
            mac, state = known[_text(address)]
            if state == "permanent":
                yield f"neigh replace {_text(address)} lladdr {mac} dev {name} nud permanent"
    yield from _route_lines(host, names)


def _route_lines(host: LabHost, names: dict[int, str]) -> Iterator[str]:
    """Its routes, those to its own subnets excepted, which come with the addresses. Equal ones share the flows."""
    ways: dict[tuple[str, int], list[str]] = {}
    for route in host.stack.routes.routes():
        name = names.get(route.interface.index)
        own = [(_network(address, length), length) for address, length in route.interface.addresses]
        prefix = f"{_text(route.network)}/{route.length}"
        if name is None or (route.next_hop is None and route.metric == 0 and (prefix, route.length) in own):
            continue
        via = "" if route.next_hop is None else f"via {_text(route.next_hop)} "
        ways.setdefault((prefix, route.metric), []).append(f"{via}dev {name}")
    for (prefix, metric), hops in ways.items():
        number = f" metric {metric}" if metric else ""
        way = hops[0] if len(hops) == 1 else " ".join(f"nexthop {hop}" for hop in hops)
        yield f"route add {prefix}{number} {way}"


def hosts_text(net: Network, host: LabHost) -> str:
    """/etc/hosts: what the host knows by itself, then the nodes of the network by their names.

    A node's name stands for its first address, as in the network; its other interfaces are called r1:wan.
    """
    lines = ["127.0.0.1\tlocalhost"]
    for name, addresses in host.resolver.hosts.items():
        lines += [f"{address}\t{name}" for address in addresses]
    for node in [host, *(node for node in net.nodes.values() if node is not host)]:
        if isinstance(node, LabHost | LabRouter):
            lines += _lines_about(node)
    return "\n".join([*lines, ""])


def _lines_about(node: LabHost | LabRouter) -> Iterator[str]:
    named = False
    for interface in node.stack.interfaces:
        for address, _ in [] if interface.loopback else interface.addresses[:1]:
            full = f"{node.name}:{interface.name}"
            yield f"{_text(address)}\t{full if named else f'{node.name} {full}'}"
            named = True


def nsswitch_text(path: Path) -> str | None:
    """nsswitch.conf(5) with names that come from /etc/hosts and DNS only; None when that is what it says.

    Others - systemd-resolved, mDNS - listen on sockets in the file system and would answer for the real network.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    wanted = "hosts: files dns"
    found = [line.startswith("hosts:") for line in lines]
    if [line.split() for line, is_hosts in zip(lines, found, strict=True) if is_hosts] == [wanted.split()]:
        return None
    kept = [line for line, is_hosts in zip(lines, found, strict=True) if not is_hosts]
    return "\n".join([*kept, wanted, ""]).encode("utf-8", "replace").decode()


def _text(address: bytes) -> str:
    return str(ipaddress.ip_address(address))


def _network(address: bytes, length: int) -> str:
    return str(ipaddress.ip_interface((address, length)).network)
