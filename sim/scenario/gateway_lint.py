"""What is wrong, or most likely wrong, with gateways and firewalls."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from sim.scenario.expect import Expect
from sim.scenario.fields import Path
from sim.scenario.firewall import Firewall, Match
from sim.scenario.model import Gateway, Host, Router, Topology
from sim.scenario.ports import Fault, similar


def gateway_errors(topology: Topology) -> Iterator[Fault]:
    """Interfaces that are named and do not exist, and addresses that cannot be paired."""
    for name, node in topology.written_nodes.items():
        if isinstance(node, Gateway):
            yield from _outside(name, node)
        if isinstance(node, Router) and node.firewall is not None:
            yield from _interfaces(name, node, node.firewall)


def _outside(name: str, node: Gateway) -> Iterator[Fault]:
    outside = node.interfaces.get(node.nat.outside)
    if outside is None:
        written = "nat" in node.model_fields_set and "outside" in node.nat.model_fields_set
        path: Path = ("nodes", name, "nat", "outside") if written else ("nodes", name)
        hint = f"call one of {', '.join(node.interfaces)} outside, or write nat: {{outside: NAME}}"
        message = f"gateway '{name}' has no interface '{node.nat.outside}', which leads outside"
        yield Fault("no-outside", path, message, similar(node.nat.outside, node.interfaces) if written else hint)
        return
    if not outside.ip and not outside.dhcp:
        path = ("nodes", name, "interfaces", node.nat.outside)
        yield Fault("no-outside", path, f"{name}:{node.nat.outside} has no address to translate to", "give it an ip")
    own = {address.ip for interface in node.interfaces.values() for address in interface.ip}
    for public in node.nat.static:
        if public in own:
            message = f"{public} is {name}'s own address: it cannot be another's"
            yield Fault("address-misuse", ("nodes", name, "nat", "static", str(public)), message, "forward its ports")


def _interfaces(name: str, node: Router, firewall: Firewall) -> Iterator[Fault]:
    for index, rule in enumerate(firewall.rules):
        for key, interface in (("in", rule.match.into), ("out", rule.match.out)):
            if interface is not None and interface not in node.interfaces:
                path = ("nodes", name, "firewall", "rules", index, rule.action, key)
                message = f"{node.kind} '{name}' has no interface '{interface}'"
                yield Fault("unknown-port", path, message, similar(interface, node.interfaces))


def gateway_warnings(topology: Topology) -> Iterator[Fault]:
    """Ports that lead nowhere, and rules that no packet can reach."""
    owners = _owners(topology)
    for name, node in topology.written_nodes.items():
        if isinstance(node, Gateway):
            yield from _targets(name, node, owners)
        if isinstance(node, Router) and node.firewall is not None:
            yield from _shadowed(name, node.firewall)


def _owners(topology: Topology) -> dict[IPv4Address, str]:
    return {
        address.ip: name
        for name, node in topology.nodes.items()
        if isinstance(node, Host | Router)
        for interface in node.interfaces.values()
        for address in interface.ip
    }


def _targets(name: str, node: Gateway, owners: dict[IPv4Address, str]) -> Iterator[Fault]:
    base = ("nodes", name, "nat")
    found: list[tuple[Path, IPv4Address]] = [
        ((*base, "forward", index, "to"), forward.to[0]) for index, forward in enumerate(node.nat.forward)
    ]
    found += [((*base, "static", str(public)), inside) for public, inside in node.nat.static.items()]
    outside = node.interfaces.get(node.nat.outside)
    for path, target in found:
        if outside is not None and any(target in address.network for address in outside.ip):
            yield Fault("forward-nowhere", path, f"{target} is outside of {name}", "name the address of an inside host")
        elif target not in owners:
            yield Fault("forward-nowhere", path, f"nobody has the address {target}", "name that of an inside host")


def _shadowed(name: str, firewall: Firewall) -> Iterator[Fault]:
    for index, rule in enumerate(firewall.rules):
        for earlier, other in enumerate(firewall.rules[:index]):
            if _covers(other.match, rule.match):
                message = f"no packet comes to rule {index + 1} of {name}: rule {earlier + 1} fits all of them before"
                path = ("nodes", name, "firewall", "rules", index)
                yield Fault("shadowed-rule", path, message, "put it before that one, or remove it")
                break


def _covers(wide: Match, narrow: Match) -> bool:
    """Whether every packet that fits `narrow` fits `wide`."""
    same = all(getattr(wide, key) in (None, getattr(narrow, key)) for key in ("into", "out", "protocol"))
    if not same or (wide.state and not (narrow.state and set(narrow.state) <= set(wide.state))):
        return False
    if isinstance(wide.to, str) or isinstance(narrow.to, str):
        if wide.to not in ([], narrow.to):
            return False
    elif not _networks_cover(wide.to, narrow.to):
        return False
    return (
        _networks_cover(wide.source, narrow.source)
        and _ports_cover(wide.port, narrow.port)
        and _ports_cover(wide.source_port, narrow.source_port)
    )


def _networks_cover(wide: list[IPv4Network], narrow: list[IPv4Network]) -> bool:
    return not wide or (bool(narrow) and all(any(one.subnet_of(other) for other in wide) for one in narrow))


def _ports_cover(wide: list[tuple[int, int]], narrow: list[tuple[int, int]]) -> bool:
    inside = all(any(low <= first and last <= high for low, high in wide) for first, last in narrow)
    return not wide or (bool(narrow) and inside)


def expect_errors(topology: Topology, expect: Expect, path: Path) -> Iterator[Fault]:
    """NAT tables of what translates nothing, and rules that do not exist."""
    for name in expect.nat or ():
        node = topology.nodes.get(name)
        if node is not None and not isinstance(node, Gateway):
            message = f"'{name}' is a {node.kind}: it does not translate"
            yield Fault("wrong-kind", (*path, "nat", name), message, "only gateways do")
    for name, bounds in (expect.firewall or {}).items():
        node = topology.nodes.get(name)
        if node is None:
            continue
        firewall = node.firewall if isinstance(node, Router) else None
        if firewall is None:
            message = f"'{name}' has no firewall"
            yield Fault("wrong-kind", (*path, "firewall", name), message, "give it one, on a router or a gateway")
            continue
        known = [f"rule {number}" for number in range(1, len(firewall.rules) + 1)] + ["policy"]
        for rule in bounds:
            if rule not in known:
                message = f"the firewall of '{name}' has no '{rule}'"
                yield Fault("unknown-rule", (*path, "firewall", name, rule), message, similar(rule, known))
