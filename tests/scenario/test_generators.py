"""The shapes that generators make: names, addresses, cables, and what they refuse."""

from __future__ import annotations

import time
from collections import Counter
from ipaddress import IPv4Interface, IPv4Network
from itertools import pairwise

import networkx as nx
import pytest

from sim.scenario.blueprint import Blueprint, text_of
from sim.scenario.generators import GENERATORS, MAX_NODES, generate

SMALL = {
    "line": {"routers": 4, "hosts": 2},
    "ring": {"routers": 5, "hosts": 1},
    "star": {"sites": 3, "hosts": 4},
    "tree": {"depth": 3, "fanout": 3},
    "fat_tree": {"k": 4},
    "random": {"routers": 8, "degree": 3, "hosts": 2, "seed": 4},
}


def graph(plan: Blueprint) -> nx.MultiGraph[str]:
    net: nx.MultiGraph[str] = nx.MultiGraph()
    net.add_nodes_from(plan)
    net.add_edges_from((a[0], b[0]) for a, b in [*plan.access, *plan.backbone])
    return net


def addresses(plan: Blueprint) -> dict[tuple[str, str], IPv4Interface]:
    found = {(name, "eth0"): IPv4Interface((host.address, host.length)) for name, host in plan.hosts.items()}
    for name, legs in plan.routers.items():
        found |= {(name, leg.port): IPv4Interface((leg.address, leg.length)) for leg in legs}
    return found


def test_every_shape_is_tried_here() -> None:
    assert set(SMALL) == set(GENERATORS)


@pytest.mark.parametrize("shape", SMALL)
def test_all_are_joined_and_every_end_is_there_once(shape: str) -> None:
    plan = generate(shape, **SMALL[shape])
    assert nx.is_connected(graph(plan))
    ends = Counter(end for cable in [*plan.access, *plan.backbone] for end in cable)
    assert set(ends.values()) == {1}
    assert {end for end in ends if end[0] not in plan.switches} == set(addresses(plan))
    for name, count in plan.switches.items():
        assert {port for node, port in ends if node == name} == {f"eth{i + 1}" for i in range(count)}


@pytest.mark.parametrize("shape", SMALL)
def test_addresses_are_hosts_of_their_network_and_nobody_elses(shape: str) -> None:
    plan = generate(shape, **SMALL[shape])
    found = addresses(plan)
    assert len({interface.ip for interface in found.values()}) == len(found)
    for interface in found.values():
        assert interface.ip not in (interface.network.network_address, interface.network.broadcast_address)
        space = "10.0.0.0/8" if interface.ip in IPv4Network("10.0.0.0/8") else "172.16.0.0/12"
        assert interface.network.subnet_of(IPv4Network(space))
    networks = sorted({interface.network for interface in found.values()})
    assert not any(a.overlaps(b) for a, b in pairwise(networks))


@pytest.mark.parametrize("shape", SMALL)
def test_who_is_on_one_cable_or_switch_is_on_one_network(shape: str) -> None:
    plan = generate(shape, **SMALL[shape])
    found = addresses(plan)
    for cable in plan.backbone:
        assert found[cable[0]].network == found[cable[1]].network
    for a, b in plan.access:
        if b[0] in plan.routers:
            assert found[a].network == found[b].network


@pytest.mark.parametrize("shape", SMALL)
def test_the_gateway_is_a_router_on_the_hosts_network(shape: str) -> None:
    plan = generate(shape, **SMALL[shape])
    owners = {int(interface.ip): end for end, interface in addresses(plan).items()}
    for name, host in plan.hosts.items():
        if plan.routers:
            router = owners[host.gateway]
            assert router[0] in plan.routers
            assert addresses(plan)[router].network == addresses(plan)[name, "eth0"].network
        else:
            assert host.gateway == 0


def test_star() -> None:
    plan = generate("star", sites=3, hosts=4)
    assert list(plan) == ["r1", "r2", "r3", "core", "sw1", "sw2", "sw3", *(f"h{i}" for i in range(1, 13))]
    assert [(leg.port, text_of(leg.address), leg.length) for leg in plan.routers["r2"]] == [
        ("lan", "10.0.1.1", 24),
        ("eth1", "172.16.0.5", 30),
    ]
    assert [text_of(leg.address) for leg in plan.routers["core"]] == ["172.16.0.2", "172.16.0.6", "172.16.0.10"]
    host = plan.hosts["h5"]
    assert (text_of(host.address), host.length, text_of(host.gateway)) == ("10.0.1.2", 24, "10.0.1.1")
    assert plan.access[:3] == [
        (("r1", "lan"), ("sw1", "eth1")),
        (("h1", "eth0"), ("sw1", "eth2")),
        (("h2", "eth0"), ("sw1", "eth3")),
    ]
    assert plan.backbone[1] == (("r2", "eth1"), ("core", "eth2"))
    assert plan.speed == (10_000_000_000, 100_000)


@pytest.mark.parametrize(("hosts", "length"), [(1, 24), (253, 24), (254, 23), (509, 23), (510, 22), (1000, 22)])
def test_a_sites_network_is_as_large_as_its_hosts_need(hosts: int, length: int) -> None:
    plan = generate("star", sites=2, hosts=hosts)
    found = {interface.network for end, interface in addresses(plan).items() if end[1] in ("lan", "eth0")}
    assert {network.prefixlen for network in found} == {length}
    assert len(found) == 2


def test_sites_without_hosts_are_routers() -> None:
    plan = generate("ring", routers=3)
    assert list(plan) == ["r1", "r2", "r3"]
    assert len(plan.backbone) == 3


def test_line_and_ring() -> None:
    row, circle = graph(generate("line", routers=5)), graph(generate("ring", routers=5))
    assert nx.is_isomorphic(row, nx.MultiGraph(nx.path_graph(5)))
    assert nx.is_isomorphic(circle, nx.MultiGraph(nx.cycle_graph(5)))
    assert list(generate("line", routers=1, hosts=2).hosts) == ["h1", "h2"]


def test_tree() -> None:
    plan = generate("tree", depth=3, fanout=3)
    assert nx.is_isomorphic(graph(plan), nx.MultiGraph(nx.balanced_tree(3, 3)))
    assert list(plan.switches) == [f"sw{i}" for i in range(1, 14)]
    assert plan.access[0] == (("sw2", "eth1"), ("sw1", "eth1"))
    assert plan.access[-1] == (("h27", "eth0"), ("sw13", "eth4"))
    assert {host.length for host in plan.hosts.values()} == {24}
    assert text_of(plan.hosts["h27"].address) == "10.0.0.27"
    assert next(iter(generate("tree", depth=4, fanout=10).hosts.values())).length == 18


@pytest.mark.parametrize("k", [2, 4, 6])
def test_fat_tree(k: int) -> None:
    plan = generate("fat_tree", k=k)
    net = graph(plan)
    assert len(plan.hosts) == k**3 // 4
    assert len(plan.routers) == k * k + k * k // 4
    degrees = dict(net.degree())
    assert {degrees[name] for name in plan.routers} == {k}
    if k > 2:  # as many equal ways from pod to pod as there are core routers
        ways = list(nx.all_shortest_paths(nx.Graph(net), "h1", f"h{len(plan.hosts)}"))
        assert len(ways) == k * k // 4
        assert {way[3].rstrip("0123456789") for way in ways} == {"core"}


def test_random_is_the_same_for_the_same_seed() -> None:
    one, same, other = (generate("random", routers=40, degree=4, seed=seed) for seed in (1, 1, 2))
    assert one.backbone == same.backbone
    assert one.backbone != other.backbone
    assert len(one.backbone) == 80
    assert one.backbone[:2] == [(("r1", "eth1"), ("r2", "eth1")), (("r1", "eth2"), ("r3", "eth1"))]
    assert len(generate("random", routers=40, degree=1).backbone) == 39  # a tree is the least
    assert len(generate("random", routers=6, degree=5).backbone) == 15  # and all with all is the most


@pytest.mark.parametrize(
    ("shape", "parameters", "words"),
    [
        ("star", {"sites": 1000, "hosts": 1000}, "1,002,001 nodes"),
        ("star", {"sites": 10**6}, "from 1 to 250,000"),
        ("star", {"sites": 83_000, "hosts": 1}, "do not fit into 10.0.0.0/8"),
        ("tree", {"depth": 6, "fanout": 10}, "1,111,111 nodes"),
        ("tree", {"depth": 10**9, "fanout": 2}, "depth"),
        ("tree", {"depth": 2, "fanout": 0}, "fanout"),
        ("fat_tree", {"k": 128}, "nodes"),
        ("fat_tree", {"k": 5}, "even"),
        ("ring", {"routers": 2}, "routers"),
        ("ring", {"routers": 10**6}, "routers"),
        ("line", {"routers": 3, "hosts": -1}, "hosts"),
        ("random", {"routers": 5, "degree": 5}, "degree"),
        ("random", {"routers": 1000, "degree": 10**9}, "degree"),
        ("line", {"routers": 2, "host": 3}, "no 'host'"),
        ("line", {}, "needs 'routers'"),
        ("cube", {}, "there is no shape 'cube'"),
    ],
)
def test_refused_at_once(shape: str, parameters: dict[str, int], words: str) -> None:
    started = time.process_time()
    with pytest.raises(ValueError, match=words):
        generate(shape, **parameters)
    assert time.process_time() - started < 0.2


def test_as_many_nodes_as_are_allowed() -> None:
    assert MAX_NODES >= 110_000
