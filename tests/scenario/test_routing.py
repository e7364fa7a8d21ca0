"""Shortest paths for the whole network against networkx, which asks for one pair at a time."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network

import networkx as nx
import pytest

from sim.scenario import routing
from sim.scenario.blueprint import Leg
from sim.scenario.generators import generate
from sim.scenario.routing import Way, shortest_paths

Routers = Mapping[str, Sequence[Leg]]


def network(leg: Leg) -> IPv4Network:
    return IPv4Network((leg.address, leg.length), strict=False)


def bipartite(routers: Routers) -> nx.Graph[object]:
    """Routers and networks, joined where a router is on a network."""
    net: nx.Graph[object] = nx.Graph()
    for name, legs in routers.items():
        net.add_node(name)
        net.add_edges_from((name, network(leg)) for leg in legs)
    return net


def expected_hops(routers: Routers, net: nx.Graph[object], source: str, target: IPv4Network) -> set[tuple[int, str]]:
    """The next hops of all shortest paths: from a router over a network to the next router, and so on."""
    if not nx.has_path(net, source, target):
        return set()
    hops = set()
    for path in nx.all_shortest_paths(net, source, target):
        via, following = path[1], path[2]
        port = next(leg.port for leg in routers[source] if network(leg) == via)
        address = next(leg.address for leg in routers[str(following)] if network(leg) == via)
        hops.add((address, port))
    return hops


def lookup(ways: list[Way], address: int) -> set[tuple[int, str]]:
    """The longest prefix that holds an address."""
    found = [way for way in ways if address >> 32 - way.length << 32 - way.length == way.network]
    best = max(found, key=lambda way: way.length, default=None)
    return set() if best is None else {(hop.via, hop.port) for hop in best.hops}


def check(routers: Routers) -> None:
    net = bipartite(routers)
    tables = shortest_paths(routers)
    networks = {network(leg) for legs in routers.values() for leg in legs}
    assert list(tables) == list(routers)
    for name, legs in routers.items():
        own = {network(leg) for leg in legs}
        for target in networks - own:
            wanted = expected_hops(routers, net, name, target)
            address = int(target.network_address) + 1
            found = lookup(tables[name], address)
            if wanted:
                assert found == wanted, f"{name} to {target}"
            else:  # a default route may lead to who says so
                assert found in (set(), lookup(tables[name], 0xDEADBEEF))


def random_network(seed: int) -> Routers:
    """Some routers, each on some of a few networks of any size, also twice or on one with no other router."""
    draw = random.Random(seed)
    networks = [(0x0A00_0000 + (index << 8), draw.choice([24, 25, 26])) for index in range(draw.randrange(2, 12))]
    routers: dict[str, list[Leg]] = {}
    used = dict.fromkeys(networks, 0)
    for number in range(draw.randrange(1, 9)):
        legs: list[Leg] = []
        for chosen in draw.sample(networks, draw.randrange(1, min(5, len(networks) + 1))):
            used[chosen] += 1
            legs.append(Leg(f"eth{len(legs)}", chosen[0] + used[chosen], chosen[1]))
        routers[f"r{number}"] = legs
    return routers


@pytest.mark.parametrize("seed", range(60))
def test_random_networks(seed: int) -> None:
    check(random_network(seed))


@pytest.mark.parametrize(
    ("shape", "parameters"),
    [
        ("line", {"routers": 6, "hosts": 1}),
        ("ring", {"routers": 5, "hosts": 1}),
        ("ring", {"routers": 6, "hosts": 1}),
        ("star", {"sites": 9, "hosts": 1}),
        ("random", {"routers": 12, "degree": 3, "hosts": 1, "seed": 2}),
        ("random", {"routers": 9, "degree": 5, "seed": 5}),
        ("fat_tree", {"k": 4}),
    ],
)
def test_generated_networks(shape: str, parameters: dict[str, int]) -> None:
    check(generate(shape, **parameters).routers)


def test_parallel_links_share_the_traffic() -> None:
    check(
        {
            "a": [Leg("lan", 0x0A000001, 24), Leg("x", 0x0B000001, 30), Leg("y", 0x0B000005, 30)],
            "b": [Leg("lan", 0x0A000101, 24), Leg("x", 0x0B000002, 30), Leg("y", 0x0B000006, 30)],
        }
    )


def text(way: Way) -> str:
    return str(IPv4Network((way.network, way.length)))


def test_prefixes_that_lie_the_same_way_are_merged() -> None:
    tables = shortest_paths(generate("line", routers=9, hosts=1).routers)
    assert [text(way) for way in tables["r2"] if way.network < 0x0B000000] == [
        "10.0.0.0/24",  # r1's
        "10.0.2.0/23",  # r3's and r4's
        "10.0.4.0/22",
        "10.0.8.0/24",
    ]


def test_a_router_with_one_neighbour_gets_a_default_route() -> None:
    tables = shortest_paths(generate("star", sites=50, hosts=1).routers)
    assert [text(way) for way in tables["r7"]] == ["0.0.0.0/0"]
    assert len(tables["core"]) == 50


def test_two_that_have_only_each_other_get_none() -> None:
    """Or they would send what neither has to and fro until its TTL is used up."""
    tables = shortest_paths(generate("line", routers=2, hosts=1).routers)
    assert [[text(way) for way in ways] for ways in tables.values()] == [["10.0.1.0/24"], ["10.0.0.0/24"]]


def test_a_merged_prefix_does_not_hide_a_network_within() -> None:
    """10.0.0.0/24 and 10.0.1.0/24 are at b; what they fill, 10.0.0.0/23, is a network at c."""
    check(
        {
            "a": [Leg("x", 0x0B000001, 30), Leg("y", 0x0B000005, 30)],
            "b": [Leg("x", 0x0B000002, 30), Leg("l", 0x0A000001, 24), Leg("m", 0x0A000101, 24)],
            "c": [Leg("y", 0x0B000006, 30), Leg("l", 0x0A000201, 23)],
        }
    )
    tables = shortest_paths(
        {
            "a": [Leg("x", 0x0B000001, 30), Leg("y", 0x0B000005, 30)],
            "b": [Leg("x", 0x0B000002, 30), Leg("l", 0x0A000001, 24), Leg("m", 0x0A000101, 24)],
            "c": [Leg("y", 0x0B000006, 30), Leg("l", 0x0A000001, 23)],
        }
    )
    assert [text(way) for way in tables["a"]] == ["10.0.0.0/23", "10.0.0.0/24", "10.0.1.0/24"]


def test_alone_and_apart() -> None:
    assert shortest_paths({}) == {}
    apart = {"a": [Leg("l", 0x0A000001, 24)], "b": [Leg("l", 0x0A000101, 24)], "c": []}
    assert shortest_paths(apart) == {"a": [], "b": [], "c": []}


def test_a_thousand_routers_around_one_are_quick() -> None:
    tables = shortest_paths(generate("star", sites=1000, hosts=1).routers)
    assert sum(map(len, tables.values())) == 2000


@pytest.mark.parametrize("limit", ["MAX_ROUTES", "MAX_JOINS", "MAX_CELLS"])
def test_too_much_is_refused(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, limit, 100)
    with pytest.raises(ValueError, match="too many"):
        shortest_paths(generate("ring", routers=20, hosts=1).routers)
