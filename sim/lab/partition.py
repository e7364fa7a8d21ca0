"""A network divided into groups whose members do not hear of each other.

It is done at the groups' own links, by rules that look at addresses, so that it holds however the groups are joined:

1. What leaves a member for the address of a member of another group is dropped on the member's link.
2. So is what reaches a member's link from such an address: broadcasts, multicasts and floods come that far.

The addresses are IPv4's, in ARP those of the question and the answer, and MAC addresses in frames of another kind. Whom
no group names is not concerned, and what is on its way when the division begins still arrives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from sim.devices.node import IpNode
from sim.errors import TopologyError
from sim.links.channel import Channel
from sim.links.link import Link
from sim.links.rules import PASS, Drop, Rule, Verdict

REASON: Final = "partition"
_IPV4: Final = b"\x08\x00"
_NOBODY: Final = bytes(4)
_ARP: Final = b"\x08\x06"


class Ground(Protocol):
    """What is asked of the network that is divided."""

    links: list[Link]

    def __getitem__(self, name: str) -> Any: ...


class Partition:
    """The rules that divide a network, until `heal`. Raises TopologyError for groups that cannot be."""

    def __init__(self, net: Ground, groups: Sequence[Sequence[IpNode | str]]) -> None:
        members: dict[IpNode, int] = {}
        for number, group in enumerate(groups):
            for member in group:
                node = net[member] if isinstance(member, str) else member
                if not isinstance(node, IpNode):
                    raise TopologyError(f"{node.name} is a {node.kind}: only hosts and routers can be in a group")
                if members.setdefault(node, number) != number:
                    raise TopologyError(f"{node.name} cannot be in two groups")
        self._rules: list[tuple[Channel, Rule]] = []
        owners = _owners(members)
        for link in net.links:
            for end, channel in enumerate(link.channels):
                for port, sending in ((link.ports[end], True), (link.ports[1 - end], False)):
                    own = members.get(port.owner) if isinstance(port.owner, IpNode) else None
                    if own is not None:
                        self._add(channel, Boundary(owners, own, sending))

    def heal(self) -> None:
        """Let all hear of all again."""
        for channel, rule in self._rules:
            channel.rules = tuple(other for other in channel.rules if other is not rule)
        self._rules.clear()

    def _add(self, channel: Channel, rule: Rule) -> None:
        channel.rules = (*channel.rules, rule)
        self._rules.append((channel, rule))


class Boundary:
    """The rule of one direction of a member's link: away from it (`sending`) or towards it."""

    def __init__(self, owners: dict[bytes, int], own: int, sending: bool) -> None:
        self._owners = owners
        self._own = own
        self._sending = sending

    def __call__(self, frame: bytes, time: int) -> Verdict:
        other = self._owners.get(self._far_address(frame), self._own)
        return PASS if other == self._own else Drop(REASON)

    def _far_address(self, frame: bytes) -> bytes:
        """Of the one at the other end: the destination of what is sent, the source of what is received."""
        kind = frame[12:14]
        if not self._sending and frame[26 if kind == _IPV4 else 28 :].startswith(_NOBODY):
            return frame[6:12]  # it has no address yet: DHCP, or an ARP probe
        if kind == _IPV4:
            return frame[30:34] if self._sending else frame[26:30]
        if kind == _ARP:
            return frame[38:42] if self._sending else frame[28:32]
        return frame[0:6] if self._sending else frame[6:12]


def _owners(members: dict[IpNode, int]) -> dict[bytes, int]:
    """The group of each address of the members, MAC addresses included."""
    owners: dict[bytes, int] = {}
    for node, group in members.items():
        for port in node.ports:
            owners[port.mac] = group
        for interface in node.stack.interfaces:
            if not interface.loopback:
                for address in interface.addresses:
                    owners[address[0]] = group
    return owners
