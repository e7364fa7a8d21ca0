"""Shortest-path routes for a whole network at once, as a link-state protocol would find them (RFC 2328, all costs 1).

Two routers are neighbours when they have an interface on the same network. A network is as far from a router as there
are routers on the way to it, and all neighbours that are one nearer share its traffic (ECMP).

The search walks from all routers to all networks at the same time. Every network has a bit, and a router's step k is
one integer, the set of networks that are k routers away:

    step[0][u] = the networks that u is on
    step[k][u] = the union of step[k-1] of its neighbours, without what u found before
    u reaches by its neighbour v:  step[k][u] & step[k-1][v], over all k

So the sets of 1000 networks are joined in one operation. In a table, prefixes that lead the same way are merged where
they fill a shorter prefix exactly (RFC 4632), and a router that has only one neighbour gets a default route.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from sim.scenario.blueprint import Leg

MAX_ROUTES: Final = 1_000_000
"""Routes in all tables together, some 0.3 KiB of memory each."""
MAX_CELLS: Final = 1_000_000_000
"""Routers times networks: bits that one search keeps."""
MAX_JOINS: Final = 20_000_000
"""Unions of sets in one search, some 0.3 us each; a circle of 3000 routers takes 9 million."""


class Hop(NamedTuple):
    """A neighbour's address, and our interface towards it."""

    via: int
    port: str


class Way(NamedTuple):
    """A route: the prefix, and the next hops that share its traffic."""

    network: int
    length: int
    hops: tuple[Hop, ...]


class _Neighbour(NamedTuple):
    router: int
    hop: Hop


def shortest_paths(routers: Mapping[str, Sequence[Leg]]) -> dict[str, list[Way]]:
    """The routes of each router to the networks that it is not on itself.

    Raises ValueError for tables too large to hold or to compute.
    """
    prefixes = {(_network(leg), leg.length) for legs in routers.values() for leg in legs}
    if len(routers) * len(prefixes) > MAX_CELLS:
        raise ValueError(f"{len(routers):,} routers and {len(prefixes):,} networks are too many to find routes for")
    forest = _Forest(prefixes)
    own = [_union(forest.bits[_network(leg), leg.length] for leg in legs) for legs in routers.values()]
    neighbours = _neighbours(list(routers.values()))
    found = _search(own, neighbours)
    tables: dict[str, list[Way]] = {}
    total = 0
    for index, name in enumerate(routers):
        hops = [neighbour.hop for neighbour in neighbours[index]]
        stub = _is_stub(index, neighbours)
        ways = [Way(0, 0, tuple(hops))] if stub else _table(hops, found[index], forest)
        total += len(ways)
        if total > MAX_ROUTES:
            raise ValueError(f"the routes between {len(routers):,} routers are too many: over {MAX_ROUTES:,}")
        tables[name] = ways
    return tables


def _network(leg: Leg) -> int:
    return leg.address >> 32 - leg.length << 32 - leg.length


def _union(sets: Iterator[int]) -> int:
    result = 0
    for one in sets:
        result |= one
    return result


def _neighbours(routers: Sequence[Sequence[Leg]]) -> list[list[_Neighbour]]:
    """For each router its neighbours, once for each network that they share."""
    on: dict[tuple[int, int], list[tuple[int, Leg]]] = {}
    for index, legs in enumerate(routers):
        for leg in legs:
            on.setdefault((_network(leg), leg.length), []).append((index, leg))
    result: list[list[_Neighbour]] = [[] for _ in routers]
    for members in on.values():
        for index, leg in members:
            result[index] += [
                _Neighbour(other, Hop(theirs.address, leg.port)) for other, theirs in members if other != index
            ]
    return result


def _search(own: list[int], neighbours: list[list[_Neighbour]]) -> list[list[int]]:
    """For each router, and each of its neighbours, the set of networks that a shortest path by it leads to."""
    seen = list(own)
    step = list(own)
    found = [[0] * len(others) for others in neighbours]
    joins = 0
    while any(step):
        before, step = step, [0] * len(own)
        for index, others in enumerate(neighbours):
            fresh = _union(before[other.router] for other in others) & ~seen[index]
            joins += len(others)
            if fresh:
                step[index] = fresh
                seen[index] |= fresh
                ways = found[index]
                for place, other in enumerate(others):
                    ways[place] |= fresh & before[other.router]
        if joins > MAX_JOINS:
            raise ValueError(f"{len(own):,} routers so far apart are too many to find routes between")
    return found


def _is_stub(index: int, neighbours: list[list[_Neighbour]]) -> bool:
    """Whether everything else lies behind one neighbour, which is no stub too: or both would send what nobody has to
    one another for ever."""
    others = {neighbour.router for neighbour in neighbours[index]}
    return len(others) == 1 and any(further.router != index for further in neighbours[others.pop()])


def _table(hops: list[Hop], found: list[int], forest: _Forest) -> list[Way]:
    """One router's routes: the networks are parted by the set of hops that leads to them, then merged into prefixes."""
    seen = shared = 0
    for networks in found:
        shared |= seen & networks
        seen |= networks
    groups = [((hop,), networks & ~shared) for hop, networks in zip(hops, found, strict=True)]
    parts: list[tuple[tuple[Hop, ...], int]] = [((), shared)]
    for hop, networks in zip(hops, found, strict=True):
        if networks & shared:
            split = [((*before, hop), part & networks) for before, part in parts]
            parts = [entry for entry in split + [(before, part & ~networks) for before, part in parts] if entry[1]]
    ways = [
        Way(network, length, group)
        for group, networks in [*groups, *parts]
        for network, length in forest.cover(networks)
    ]
    return sorted(ways)


class _Prefix:
    """A network, or the prefix that two halves fill. Its networks are `width` bits from `first` on."""

    __slots__ = ("first", "halves", "length", "network", "parent", "width")

    def __init__(self, network: int, length: int, halves: tuple[_Prefix, _Prefix] | None = None) -> None:
        self.network = network
        self.length = length
        self.halves = halves
        self.parent: _Prefix | None = None
        self.first = 0
        self.width: int = 1 if halves is None else halves[0].width + halves[1].width
        for half in halves or ():
            half.parent = self

    def is_in(self, networks: int) -> bool:
        """Whether a set has all its networks."""
        whole = (1 << self.width) - 1
        return networks >> self.first & whole == whole


class _Forest:
    """The networks and all the prefixes that they fill, and the `bits` of the networks."""

    def __init__(self, prefixes: set[tuple[int, int]]) -> None:
        self._leaves: list[_Prefix] = []
        self.bits: dict[tuple[int, int], int] = {}
        tops = self._merge([_Prefix(network, length) for network, length in sorted(prefixes)], prefixes)
        for top in tops:
            self._number(top)

    def cover(self, networks: int) -> Iterator[tuple[int, int]]:
        """The fewest prefixes that hold these networks and no other."""
        while networks:
            prefix = self._leaves[(networks & -networks).bit_length() - 1]
            while prefix.parent is not None and prefix.parent.is_in(networks):
                prefix = prefix.parent
            yield prefix.network, prefix.length
            networks &= ~((1 << prefix.width) - 1 << prefix.first)

    def _merge(self, leaves: list[_Prefix], given: set[tuple[int, int]]) -> list[_Prefix]:
        """Join halves to wholes, from long prefixes to short ones; return what has no whole."""
        levels: list[dict[int, _Prefix]] = [{} for _ in range(33)]
        for leaf in leaves:
            levels[leaf.length][leaf.network] = leaf
        tops: list[_Prefix] = []
        for length in range(32, 0, -1):
            bit = 1 << 32 - length
            for network, prefix in levels[length].items():
                other = levels[length].get(network ^ bit)
                if other is None or (network & ~bit, length - 1) in given:  # what is a network itself has its own route
                    tops.append(prefix)
                elif not network & bit:
                    levels[length - 1][network] = _Prefix(network, length - 1, (prefix, other))
        return [*levels[0].values(), *tops]

    def _number(self, top: _Prefix) -> None:
        """Give the networks below `top` the next bits, side by side."""
        waiting = [top]
        while waiting:
            prefix = waiting.pop()
            prefix.first = len(self._leaves)
            if prefix.halves is None:
                self.bits[prefix.network, prefix.length] = 1 << prefix.first
                self._leaves.append(prefix)
            else:
                waiting += [prefix.halves[1], prefix.halves[0]]
