"""Conflicts over addresses (RFC 5227): who has seen another use an address of its own, or one it was about to take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.devices.node import IpNode
from sim.lab.dhcp import clients_of
from sim.wire.addresses import format_ip, format_mac

if TYPE_CHECKING:
    from sim.lab.running import Running


class Conflicts:
    """What was seen in a network; `news` tells each conflict once."""

    def __init__(self, net: Running) -> None:
        self._net = net
        self._told: set[str] = set()

    def news(self) -> list[str]:
        """A sentence for each conflict that was not told yet."""
        found = dict.fromkeys(sentence for node in self._net.nodes.values() for sentence in self._seen_by(node))
        fresh = [sentence for sentence in found if sentence not in self._told]
        self._told.update(fresh)
        return fresh

    def _seen_by(self, node: object) -> list[str]:
        if not isinstance(node, IpNode):
            return []
        rivals = [
            f"{node.name} sees {self._name(mac)} use its address {format_ip(address)}"
            for interface in node.stack.interfaces
            for address, mac in node.stack.neighbours(interface).rivals.items()
        ]
        return rivals + [f"{node.name}: {text}" for client in clients_of(node) for text in client.declined]

    def _name(self, mac: bytes) -> str:
        owner = next((node.name for node in self._net.nodes.values() for port in node.ports if port.mac == mac), None)
        return format_mac(mac) if owner is None else owner
