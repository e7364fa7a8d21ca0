"""What the names in a scenario's steps stand for: addresses and links."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address

from sim.scenario.fields import Endpoint, as_endpoint
from sim.scenario.model import Host, Router, Topology
from sim.scenario.ports import End, Wiring, similar, wiring


class TargetError(ValueError):
    """A name that stands for nothing; `code` is that of the problem, `hint` what would mend it.

    For a name that is not among the `known`, the hint is the one most like it, sought only when somebody asks.
    """

    def __init__(
        self, code: str, message: str, hint: str | None = None, name: str = "", known: Iterable[str] = ()
    ) -> None:
        super().__init__(message)
        self.code = code
        self._hint = hint
        self._name = name
        self._known = known

    @property
    def hint(self) -> str | None:
        return self._hint or similar(self._name, self._known)


def stack_of(topology: Topology, name: str) -> Host | Router:
    """The node `name`, if it has an IP stack. Raises TargetError."""
    node = topology.nodes.get(name)
    if node is None:
        raise TargetError("unknown-node", f"there is no node '{name}'", name=name, known=topology.nodes)
    if not isinstance(node, Host | Router):
        raise TargetError(
            "wrong-kind", f"'{name}' is a {node.kind}: it has no IP address", "only hosts and routers send and answer"
        )
    return node


def address_of(topology: Topology, target: str, source: str = "") -> IPv4Address | None:
    """The address that a step's `to` stands for: itself, that of an interface, the first of a node. None for one that
    is leased by DHCP, and not known before the run.

    Raises TargetError. Where the target may be a name of DNS, `source` is who would ask for it.
    """
    try:
        return IPv4Address(target)
    except ValueError:
        end = as_endpoint(target)
    if end.node not in topology.nodes and "." in target and source in topology.nodes:
        message = f"there is no node '{target}', and '{source}' has no name server to ask for it"
        near = similar(target, topology.nodes)
        hint = near if near is not None and near.startswith("did you mean") else f"write dns: ADDRESS at '{source}'"
        raise TargetError("unknown-node", message, hint)
    node = stack_of(topology, end.node)
    if end.port is not None and end.port not in node.interfaces:
        message = f"{node.kind} '{end.node}' has no interface '{end.port}'"
        raise TargetError("unknown-port", message, name=end.port, known=node.interfaces)
    interfaces = list(node.interfaces.values()) if end.port is None else [node.interfaces[end.port]]
    for interface in interfaces:
        if interface.ip:
            return interface.ip[0].ip
    if any(interface.dhcp for interface in interfaces):
        return None
    raise TargetError("no-address", f"'{target}' has no IP address", "give it an ip")


def is_name(topology: Topology, source: str, target: str) -> bool:
    """Whether a step's `to` is a name that its source asks for when the step begins: no address and no node's name, and
    one that it knows by itself or has a name server for."""
    node = topology.nodes.get(source)
    if not isinstance(node, Host | Router) or _is_ours(topology, target):
        return False
    if target.lower() in node.hosts:
        return True
    return asks_for_names(node) and ("." in target or bool(node.search)) and ":" not in target


def asks_for_names(node: Host | Router) -> bool:
    """Whether it has name servers, or may get some with its address."""
    return bool(node.dns) or any(interface.dhcp for interface in node.interfaces.values())


def _is_ours(topology: Topology, target: str) -> bool:
    try:
        IPv4Address(target)
    except ValueError:
        return target.partition(":")[0] in topology.nodes
    return True


def root_servers(topology: Topology) -> list[str]:
    """The addresses of the servers of DNS's root zone."""
    return [
        str(address.ip)
        for node in topology.written_nodes.values()
        if isinstance(node, Host | Router)
        and any(service.dns is not None and service.dns.is_root for service in node.served)
        for interface in node.interfaces.values()
        for address in interface.ip
    ]


def dhcp_client_of(topology: Topology, name: str, port: str | None) -> None:
    """See to it that a node has a DHCP client, on an interface if one is named. Raises TargetError."""
    node = stack_of(topology, name)
    if port is not None and port not in node.interfaces:
        message = f"{node.kind} '{name}' has no interface '{port}'"
        raise TargetError("unknown-port", message, name=port, known=node.interfaces)
    if not any(interface.dhcp for own, interface in node.interfaces.items() if port in (None, own)):
        what = f"'{name}'" if port is None else f"'{name}:{port}'"
        raise TargetError("no-dhcp-client", f"{what} has no DHCP client", "write ip: dhcp")


def link_between(topology: Topology, a: Endpoint, b: Endpoint, wires: Wiring | None = None) -> int:
    """The index of the link that joins two nodes, or two ports, in either order. Raises TargetError."""
    for end in (a, b):
        if end.node not in topology.nodes:
            raise TargetError("unknown-node", f"there is no node '{end.node}'", name=end.node, known=topology.nodes)
    wires = wires or wiring(topology)
    found = [
        index
        for index, ends in enumerate(wires.ends)
        if ends is not None and ((_fits(a, ends[0]) and _fits(b, ends[1])) or (_fits(a, ends[1]) and _fits(b, ends[0])))
    ]
    if not found:
        raise TargetError("unknown-link", f"no link joins {a} and {b}", _neighbours(a, wires))
    if len(found) > 1:
        first = wires.ends[found[0]]
        assert first is not None
        hint = f"say by which ports: [{first[0][0]}:{first[0][1]}, {first[1][0]}:{first[1][1]}]"
        raise TargetError("unknown-link", f"{len(found)} links join {a} and {b}", hint)
    return found[0]


def _fits(wanted: Endpoint, end: End) -> bool:
    return wanted.node == end[0] and wanted.port in (None, end[1])


def _neighbours(end: Endpoint, wires: Wiring) -> str | None:
    names = [
        other[0] for ends in wires.ends if ends is not None for this, other in (ends, ends[::-1]) if this[0] == end.node
    ]
    return f"'{end.node}' has links to {', '.join(dict.fromkeys(names))}" if 0 < len(names) <= 8 else None
