"""The routing table: longest-prefix match, then the lowest metric, then all that are equal (RFC 1812 5.2.4.3).

Routes lie in a dictionary, keyed by network address and prefix length; a lookup tries the lengths that occur, longest
first.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.stack.interfaces import Interface
from sim.wire.addresses import format_ip, format_prefix, network_of


class Route:
    """Packets to `network`/`length` leave by `interface`, to `next_hop`, or straight to their destination if None."""

    def __init__(
        self, network: bytes, length: int, next_hop: bytes | None, interface: Interface, metric: int = 0
    ) -> None:
        self.network = network
        self.length = length
        self.next_hop = next_hop
        self.interface = interface
        self.metric = metric
        self._text: str = ""

    @property
    def text(self) -> str:
        """`10.0.0.0/8 via 192.0.2.1 dev eth0`, made once."""
        if not self._text:
            via = "direct" if self.next_hop is None else f"via {format_ip(self.next_hop)}"
            self._text = f"{format_prefix(self.network, self.length)} {via} dev {self.interface.name}"
        return self._text

    def __repr__(self) -> str:
        return f"<route {self.text}>"


class RouteTable:
    """The routes of one stack. `on_change` is called after every change, for those who keep what they looked up."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self.on_change = on_change
        self._lengths: list[tuple[int, int]] = []
        self._routes: dict[tuple[bytes, int], list[Route]] = {}

    def add(self, route: Route) -> None:
        """Add a route beside those there are; of the same prefix the lowest metric wins, equals share the flows."""
        same = self._routes.get((route.network, route.length))
        if same is None:
            self._routes[route.network, route.length] = [route]
            family = (len(route.network), route.length)
            if family not in self._lengths:
                self._lengths = sorted([*self._lengths, family], reverse=True)
        else:
            same.append(route)
            same.sort(key=lambda other: other.metric)  # stable: equals stay in the order they were given
        self.on_change()

    def remove(self, network: bytes, length: int, next_hop: bytes | None = None) -> int:
        """Remove the routes to a prefix (only those via `next_hop`, if given); return how many went."""
        same = self._routes.pop((network, length), [])
        kept = [route for route in same if next_hop is not None and route.next_hop != next_hop]
        if kept:
            self._routes[network, length] = kept
        self.on_change()
        return len(same) - len(kept)

    def discard(self, route: Route) -> None:
        """Remove one route; one that is not there does not mind."""
        same = self._routes.get((route.network, route.length), [])
        kept = [other for other in same if other is not route]
        if kept:
            self._routes[route.network, route.length] = kept
        else:
            self._routes.pop((route.network, route.length), None)
        self.on_change()

    def lookup(self, destination: bytes) -> list[Route]:
        """The usable routes of the longest matching prefix that have the lowest metric; empty when there are none."""
        for family, length in self._lengths:
            if family != len(destination):
                continue
            same = self._routes.get((network_of(destination, length), length))
            if same:
                usable = [route for route in same if route.interface.up]
                if usable:
                    return [route for route in usable if route.metric == usable[0].metric]
        return []

    def routes(self) -> list[Route]:
        """All routes, longest prefixes first, then by network and metric."""
        order = sorted(self._routes, key=lambda key: (-len(key[0]), -key[1], key[0]))
        return [route for key in order for route in self._routes[key]]
