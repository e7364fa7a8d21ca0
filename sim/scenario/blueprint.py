"""A network as plain data: what a generator makes, and what both a file's model and a live network are made from.

It is flat on purpose: named tuples and integers, and no validated model for each of 100,000 hosts.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import NamedTuple

End = tuple[str, str]
"""A node and its port."""
Cable = tuple[End, End]


class Station(NamedTuple):
    """A host with one interface, eth0: its address, the prefix length of its network, the gateway (0: none)."""

    name: str
    address: int
    length: int
    gateway: int


class Leg(NamedTuple):
    """One interface of a router."""

    port: str
    address: int
    length: int


class Speed(NamedTuple):
    """Bit/s, and propagation delay in ns."""

    bandwidth: int
    delay: int


class Blueprint:
    """Hosts, switches, the legs of routers, and the cables between them.

    `access` are the cables of hosts and switches, `backbone` those between routers. `speed` is what the latter are
    like where it differs from the others. Every end names its port; ports of a switch are `eth1`, `eth2`, ... in the
    order of the cables.
    """

    def __init__(self) -> None:
        self.routers: dict[str, list[Leg]] = {}
        self.switches: dict[str, int] = {}
        """How many ports each has."""
        self.hosts: dict[str, Station] = {}
        self.access: list[Cable] = []
        self.backbone: list[Cable] = []
        self.speed: Speed | None = None

    def __len__(self) -> int:
        return len(self.routers) + len(self.switches) + len(self.hosts)

    def __contains__(self, name: object) -> bool:
        return name in self.hosts or name in self.switches or name in self.routers

    def __iter__(self) -> Iterator[str]:
        yield from self.routers
        yield from self.switches
        yield from self.hosts

    def add_switch(self, name: str) -> str:
        """Add a switch; return its name."""
        self.switches[name] = 0
        return name

    def add_router(self, name: str) -> str:
        """Add a router; return its name."""
        self.routers[name] = []
        return name

    def add_leg(self, router: str, port: str, address: int, length: int) -> End:
        """Give a router one more interface; return its end."""
        self.routers[router].append(Leg(port, address, length))
        return router, port

    def switch_port(self, switch: str) -> End:
        """The next port of a switch."""
        self.switches[switch] += 1
        return switch, f"eth{self.switches[switch]}"


def text_of(address: int) -> str:
    """`10.0.0.1` of an address as a number."""
    return str(IPv4Address(address))
