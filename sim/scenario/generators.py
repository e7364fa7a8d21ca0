"""Networks from a few numbers: line, ring, star, tree, fat tree, random graph.

Nodes are named `h1`, `sw1`, `r1` and so on. A site is a router, a switch and hosts on one network: site 1 is router
`r1` with its interface `lan`, switch `sw1` and the first hosts. Networks of hosts are carved from 10.0.0.0/8 in the
order of the sites, each a /24 or as large as its hosts need: the router has its first address, the hosts those after
it. Links between routers are /30 networks carved from 172.16.0.0/12 in the order of the links, on interfaces `eth1`,
`eth2`, ... of each. So the networks of neighbouring sites are neighbouring prefixes, which routing.py can merge.

Each generator is a function that returns a `Blueprint`, and raises ValueError, before it has made anything, for
numbers that make no network.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from random import Random
from typing import Final

from sim.scenario.blueprint import Blueprint, End, Speed, Station, text_of

MAX_NODES: Final = 250_000
"""Nodes that one file may ask for: some 7 KiB of memory each."""
MAX_MESH: Final = 1000
"""Routers of a line, a ring or a random graph: each has a way to every other, so tables grow with the square."""
MAX_DEPTH: Final = 32
MAX_DEGREE: Final = 128

LAN_SPACE: Final = (0x0A00_0000, 8)
LINK_SPACE: Final = (0xAC10_0000, 12)
LINK_LENGTH: Final = 30
LONGEST_LAN: Final = 24

STAR_BACKBONE: Final = Speed(10_000_000_000, 100_000)


def line(routers: int, hosts: int = 0) -> Blueprint:
    """Sites in a row, each with so many hosts."""
    _check("routers", routers, 1, MAX_MESH)
    draft = _Sites(routers, hosts)
    for number in range(1, routers):
        draft.join(f"r{number}", f"r{number + 1}")
    return draft.blueprint


def ring(routers: int, hosts: int = 0) -> Blueprint:
    """Sites in a circle."""
    _check("routers", routers, 3, MAX_MESH)
    draft = _Sites(routers, hosts)
    for number in range(1, routers + 1):
        draft.join(f"r{number}", f"r{number % routers + 1}")
    return draft.blueprint


def star(sites: int, hosts: int = 0) -> Blueprint:
    """Sites around a router called `core`, over links of 10 Gbit/s and 100 us."""
    _check("sites", sites, 1, MAX_NODES)
    draft = _Sites(sites, hosts, more=1)
    draft.blueprint.speed = STAR_BACKBONE
    draft.blueprint.add_router("core")
    for number in range(1, sites + 1):
        draft.join(f"r{number}", "core")
    return draft.blueprint


def random(routers: int, degree: int, hosts: int = 0, seed: int = 0) -> Blueprint:
    """A connected random graph of sites: a random tree, and random links until the average router has `degree`.

    The same numbers give the same graph.
    """
    _check("routers", routers, 1, MAX_MESH)
    _check("degree", degree, 1, max(1, min(routers - 1, MAX_DEGREE)))
    draft = _Sites(routers, hosts)
    chance = Random(seed)
    pairs = [(chance.randrange(1, number), number) for number in range(2, routers + 1)]
    taken = set(pairs)
    free = [(a, b) for b in range(2, routers + 1) for a in range(1, b) if (a, b) not in taken]
    pairs += chance.sample(free, max(0, routers * degree // 2 - len(pairs)))
    for a, b in sorted(pairs):
        draft.join(f"r{a}", f"r{b}")
    return draft.blueprint


def tree(depth: int, fanout: int) -> Blueprint:
    """A tree of switches, `depth` levels of them, with `fanout` below each; below the last are hosts.

    All are on one network, 10.0.0.0 with the mask that the hosts need; `h1` is 10.0.0.1. Switches are counted level by
    level: `sw1` is the root.
    """
    _check("depth", depth, 1, MAX_DEPTH)
    _check("fanout", fanout, 1, MAX_NODES)
    hosts = fanout**depth
    _check_size(hosts + sum(fanout**level for level in range(depth)))
    draft = Blueprint()
    length = _length_for(hosts)
    level = [draft.add_switch("sw1")]
    for _ in range(depth - 1):
        above, level = level, []
        for parent in above:
            for _ in range(fanout):
                level.append(draft.add_switch(f"sw{len(draft.switches) + 1}"))
                draft.access.append((draft.switch_port(level[-1]), draft.switch_port(parent)))
    for parent in level:
        for _ in range(fanout):
            number = len(draft.hosts) + 1
            _add_host(draft, number, LAN_SPACE[0] + number, length, 0, draft.switch_port(parent))
    return draft


def fat_tree(k: int) -> Blueprint:
    """The k-ary fat tree of Al-Fares, Loukissas and Vahdat (SIGCOMM 2008), with routers that share flows (ECMP).

    There are k pods of k/2 edge and k/2 aggregation routers, and (k/2)^2 core routers, called `edge1`, `agg1`, `core1`
    and so on, pod by pod. Each edge router has k/2 hosts, each on a /30 network of its own. Aggregation router number
    j of each pod reaches the core routers number (j-1)*k/2+1 to j*k/2.
    """
    _check("k", k, 2, MAX_DEGREE)
    if k % 2:
        raise ValueError(f"k is {k}: a fat tree needs an even number")
    half = k // 2
    _check_size(half * half * k + k * k + half * half)
    draft = _Draft()
    plan, pods = draft.blueprint, range(k)
    for name, count in (("core", half * half), ("agg", k * half), ("edge", k * half)):
        for number in range(1, count + 1):
            plan.add_router(f"{name}{number}")
    for edge in range(1, k * half + 1):
        for _ in range(half):
            number = len(plan.hosts) + 1
            network = LAN_SPACE[0] + 4 * (number - 1)
            end = draft.next_leg(f"edge{edge}", network + 1)
            _add_host(plan, number, network + 2, LINK_LENGTH, network + 1, end)
    # Links are numbered so that, seen from most routers, those that lie the same way are neighbouring prefixes.
    for j in range(1, half + 1):
        for pod in pods:
            for edge in range(1, half + 1):
                draft.join(f"edge{pod * half + edge}", f"agg{pod * half + j}")
        for pod in pods:
            for core in range((j - 1) * half + 1, j * half + 1):
                draft.join(f"agg{pod * half + j}", f"core{core}")
    return plan


GENERATORS: Final[dict[str, Callable[..., Blueprint]]] = {
    "line": line,
    "ring": ring,
    "star": star,
    "tree": tree,
    "fat_tree": fat_tree,
    "random": random,
}


def generate(shape: str, **parameters: int) -> Blueprint:
    """The blueprint of a shape by its name. Raises ValueError, also for parameters that it does not have."""
    if shape not in GENERATORS:
        raise ValueError(f"there is no shape {shape!r}: there are {', '.join(GENERATORS)}")
    known = signature(GENERATORS[shape]).parameters
    for name in parameters:
        if name not in known:
            raise ValueError(f"a {shape} has no {name!r}: it has {', '.join(known)}")
    for name, parameter in known.items():
        if name not in parameters and parameter.default is Parameter.empty:
            raise ValueError(f"a {shape} needs {name!r}")
    return GENERATORS[shape](**parameters)


class _Draft:
    """A blueprint with links between routers, numbered as they are made."""

    def __init__(self) -> None:
        self.blueprint = Blueprint()
        self._links = 0
        self._numbered: dict[str, int] = {}

    def next_leg(self, router: str, address: int) -> End:
        """One more interface of a router, `eth1`, `eth2`, ..., on a /30 network."""
        number = self._numbered[router] = self._numbered.get(router, 0) + 1
        return self.blueprint.add_leg(router, f"eth{number}", address, LINK_LENGTH)

    def join(self, a: str, b: str) -> None:
        """A link between two routers; the first has the first address."""
        network = LINK_SPACE[0] + (self._links << 32 - LINK_LENGTH)
        if self._links == 1 << LINK_LENGTH - LINK_SPACE[1]:
            raise ValueError(f"more than {self._links:,} links between routers do not fit into {_text(*LINK_SPACE)}")
        self._links += 1
        self.blueprint.backbone.append((self.next_leg(a, network + 1), self.next_leg(b, network + 2)))


class _Sites(_Draft):
    """A draft that begins with `count` sites of `hosts` hosts; without hosts they are routers alone."""

    def __init__(self, count: int, hosts: int, more: int = 0) -> None:
        super().__init__()
        _check("hosts", hosts, 0, MAX_NODES)
        _check_size(count * (hosts + 2 if hosts else 1) + more)
        length = _length_for(hosts + 1)
        if hosts and count << 32 - length > 1 << 32 - LAN_SPACE[1]:
            raise ValueError(f"{count:,} networks of {hosts:,} hosts (/{length}) do not fit into {_text(*LAN_SPACE)}")
        for number in range(1, count + 1):
            self.blueprint.add_router(f"r{number}")
            if hosts:
                self._add_site(number, hosts, LAN_SPACE[0] + (number - 1 << 32 - length), length)

    def _add_site(self, number: int, hosts: int, network: int, length: int) -> None:
        plan = self.blueprint
        switch = plan.add_switch(f"sw{number}")
        plan.access.append((plan.add_leg(f"r{number}", "lan", network + 1, length), plan.switch_port(switch)))
        for index in range(hosts):
            address = network + 2 + index
            _add_host(plan, len(plan.hosts) + 1, address, length, network + 1, plan.switch_port(switch))


def _add_host(plan: Blueprint, number: int, address: int, length: int, gateway: int, end: End) -> None:
    name = f"h{number}"
    plan.hosts[name] = Station(name, address, length, gateway)
    plan.access.append(((name, "eth0"), end))


def _length_for(stations: int) -> int:
    """The prefix length of a network for so many stations, beside its own address and the broadcast address."""
    return min(LONGEST_LAN, 32 - (stations + 1).bit_length())


def _check(name: str, value: int, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number from {low:,} to {high:,}, not {value}")


def _check_size(nodes: int) -> None:
    if nodes > MAX_NODES:
        raise ValueError(f"that makes {nodes:,} nodes, where at most {MAX_NODES:,} are made")


def _text(network: int, length: int) -> str:
    return f"{text_of(network)}/{length}"
