"""What was expected of NAT tables and firewalls, against what there is."""

from __future__ import annotations

from sim.devices.gateway import Gateway
from sim.errors import TopologyError
from sim.lab.naming import unknown
from sim.lab.network import Network
from sim.scenario.expect import Comparison, NatEnd


def nat_failures(net: Network, wanted: dict[str, dict[NatEnd, NatEnd | None]]) -> list[str]:
    """A sentence for each end that a gateway has not mapped as expected."""
    found = []
    for name, table in wanted.items():
        gateway = net[name]
        if not isinstance(gateway, Gateway) or gateway.translator is None:
            raise TopologyError(f"{name} is a {gateway.kind}: it does not translate")
        entries = gateway.nat_table()
        for inside, outside in table.items():
            actual = [(protocol, end) for protocol, own, end in entries if inside.fits(protocol, own)]
            met = not actual if outside is None else any(outside.fits(*entry) for entry in actual)
            if not met:
                shown = ", ".join(end for _, end in actual) or "nothing"
                found.append(f"nat: expected {name} to map {inside} to {outside or 'nothing'}, it has {shown}")
    return found


def firewall_failures(net: Network, wanted: dict[str, dict[str, Comparison]]) -> list[str]:
    """A sentence for each rule that has not decided as often as expected."""
    found = []
    for name, bounds in wanted.items():
        node = net[name]
        if not isinstance(node, Gateway) or node.firewall is None:
            raise TopologyError(f"{name} has no firewall")
        for rule, bound in bounds.items():
            if rule not in node.firewall.names:
                raise unknown(f"firewall rule of {name}", rule, node.firewall.names)
            made = node.firewall.names[rule]
            if not bound.holds(made.packets):
                found.append(f"firewall: expected {name} {rule} ({made.text}) {bound}, got {made.packets}")
    return found
