"""`generate` and `routing` in a file: what is made is a topology like any other."""

from __future__ import annotations

import time
from ipaddress import IPv4Network

import pytest

from sim.errors import TopologyError
from sim.scenario import routing
from sim.scenario.generators import GENERATORS
from sim.scenario.graph import graph
from sim.scenario.lint import lint
from sim.scenario.load import loads, problems_in
from sim.scenario.model import Host, Router, Switch, Topology

SHAPES = [
    "line: {routers: 4, hosts: 2}",
    "ring: {routers: 4, hosts: 2}",
    "star: {sites: 3, hosts: 3}",
    "tree: {depth: 2, fanout: 3}",
    "fat_tree: {k: 4}",
    "random: {routers: 6, degree: 3, hosts: 1, seed: 1}",
]


def generated(shape: str, rest: str = "") -> Topology:
    return loads(f"generate: {{{shape}}}\n{rest}")


def refusal(text: str) -> TopologyError:
    with pytest.raises(TopologyError) as caught:
        loads(text)
    return caught.value


def test_every_shape_is_tried_here() -> None:
    assert [shape.split(":")[0] for shape in SHAPES] == sorted(
        GENERATORS, key=["line", "ring", "star", "tree", "fat_tree", "random"].index
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_wrong_with_what_is_made(shape: str) -> None:
    """Also every first host reaches every last: the lint walks along the routes."""
    topology = generated(shape)
    last = len(topology.blueprint.hosts)
    assert lint(generated(shape, f"scenario: [{{ping: {{from: h1, to: h{last}}}}}]")) == []
    assert len(topology.nodes) == len(list(topology.nodes)) == len(topology.blueprint)
    assert len(topology.links) == len(topology.cables())


def test_nodes_are_models_when_looked_at() -> None:
    nodes = generated("star: {sites: 2, hosts: 2}").nodes
    h1, r1, sw1 = nodes["h1"], nodes["r1"], nodes["sw1"]
    assert isinstance(h1, Host)
    assert isinstance(r1, Router)
    assert isinstance(sw1, Switch)
    assert (str(h1.interfaces["eth0"].ip[0]), str(h1.gateway)) == ("10.0.0.2/24", "10.0.0.1")
    assert {name: str(interface.ip[0]) for name, interface in r1.interfaces.items()} == {
        "lan": "10.0.0.1/24",
        "eth1": "172.16.0.1/30",
    }
    assert [str(route.via) for route in r1.routes[IPv4Network("0.0.0.0/0")]] == ["172.16.0.2"]
    assert sw1.table_size == 8192
    assert nodes["h1"] is h1
    assert "h4" in nodes
    assert "h5" not in nodes
    with pytest.raises(KeyError):
        nodes["h5"]


def test_links_like_a_list() -> None:
    links = generated("star: {sites: 2, hosts: 1}", "nodes: {x: {kind: hub}}\nlinks: [[x, sw2]]").links
    written = [tuple(map(str, link.endpoints)) for link in links]
    assert written == [
        ("r1:lan", "sw1:eth1"),
        ("h1:eth0", "sw1:eth2"),
        ("r2:lan", "sw2:eth1"),
        ("h2:eth0", "sw2:eth2"),
        ("r1:eth1", "core:eth1"),
        ("r2:eth1", "core:eth2"),
        ("x", "sw2"),
    ]
    assert [link.bandwidth for link in links] == [10**9] * 4 + [10**10] * 2 + [10**9]
    assert links[-1] == links[6]
    assert links[1:3] == [links[1], links[2]]
    assert [link.delay for link in links[3:5]] == [1000, 100_000]
    for index in (7, -8):
        with pytest.raises(IndexError):
            links[index]


def test_defaults_are_for_generated_links_too() -> None:
    topology = generated("line: {routers: 2, hosts: 1}", "defaults: {link: {delay: 7ms}}")
    assert {properties.delay for properties in topology.cables()} == {7_000_000}
    assert {topology.properties(link).delay for link in topology.links} == {7_000_000}


def test_what_is_written_takes_the_next_ports() -> None:
    topology = generated("tree: {depth: 1, fanout: 3}", "nodes: {x: {kind: host, ip: 10.0.0.9/24}}\nlinks: [[x, sw1]]")
    ends = [data["ends"] for _, _, data in graph(topology).edges(data=True)]
    assert (("x", "eth0"), ("sw1", "eth4")) in ends
    assert list(topology.nodes) == ["sw1", "h1", "h2", "h3", "x"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("generate: {star: {sites: 1000, hosts: 1000}}", 1, "1,002,001 nodes"),
        ("generate:\n  tree: {depth: 3}", 2, "'tree' has no 'fanout'"),
        ("generate:\n  tree:\n    depth: 0\n    fanout: 1", 3, "'depth' of 'tree' must be at least 1"),
        ("generate:\n  tree: {depth: 3, fan: 1, fanout: 1}", 2, "unknown key 'fan' in 'tree'"),
        ("generate:\n  fat_tree: {k: 7}", 2, "'k' of 'fat_tree' must be a multiple of 2"),
        ("generate:\n  fat_tre: {k: 4}", 2, "did you mean 'fat_tree'"),
        ("generate: {line: {routers: 2}, ring: {routers: 3}}", 1, "2 shapes"),
        ("generate: {}", 1, "no shape"),
        ("generate: tree", 1, "must be a mapping"),
        ("generate:", 1, "has no 'nodes'"),
        ("name: x\nrouting: dynamic\nnodes: {}", 2, "'static' or 'auto'"),
        ("generate: {line: {routers: 2, hosts: 1}}\nnodes:\n  h1: {kind: hub}", 3, "'h1' is generated already"),
        (
            "generate: {line: {routers: 2, hosts: 1}}\nnodes: {x: {kind: hub}}\nlinks:\n  - [x, r1]",
            4,
            "a generated link",
        ),
        ("generate: {line: {routers: 2, hosts: 1}}\nlinks:\n  - [sw1:eth2, sw2]", 3, "used by a generated link too"),
        ("generate: {line: {routers: 2, hosts: 1}}\nlinks:\n  - [sw3, sw2]", 3, "no node 'sw3'"),
        ("generate: {line: {routers: 2, hosts: 1}}\nscenario:\n  - ping: {from: h1, to: h9}", 3, "no node 'h9'"),
    ],
)
def test_refused_in_the_right_place(text: str, line: int, words: str) -> None:
    started = time.process_time()
    error = refusal(text)
    assert words in str(error)
    assert error.line == line
    assert problems_in(text)[0].line == line
    assert time.process_time() - started < 5


def test_warnings_point_at_the_file_too() -> None:
    text = "generate: {line: {routers: 2, hosts: 1}}\nnodes:\n  x: {kind: host, ip: 10.0.0.2/24}\nlinks: [[x, sw1]]\n"
    text += "scenario:\n  - ping: {from: h1, to: 10.77.0.1}\n"
    assert [(problem.code, problem.line) for problem in problems_in(text)] == [
        ("duplicate-ip", 3),
        ("unreachable-destination", 6),
    ]


def test_what_is_wrong_with_generated_parts_is_shown_at_generate() -> None:
    text = "generate: {line: {routers: 2, hosts: 1}}\nnodes:\n  x: {kind: host, ip: 10.0.0.9/24, mtu: 9000}\n"
    text += "links:\n  - [x, sw1]\n"
    found = problems_in(text)
    assert [(problem.code, problem.line) for problem in found] == [("mtu-mismatch", 3)]
    found = problems_in("defaults: {link: {mtu: 1400}}\n" + text.replace("mtu: 9000", "mtu: 1500"))
    assert {(problem.code, problem.line) for problem in found} == {
        ("mtu-mismatch", 2),
        ("mtu-mismatch", 4),
        ("mtu-mismatch", 6),
    }


def test_too_many_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "MAX_ROUTES", 100)
    text = "name: x\ngenerate: {ring: {routers: 30}}\n"
    assert refusal(text).line == 2
    assert "too many" in str(refusal(text))
    assert refusal(text + "routing: auto").line == 3
    assert [problem.code for problem in problems_in(text)] == ["routing"]
    assert len(loads(text + "routing: static").nodes) == 30


HAND_MADE = """
routing: {routing}
nodes:
  r1: {{kind: router, interfaces: {{a: 10.1.0.1/24, b: 10.0.0.1/30, c: 10.0.0.9/30}}{routes}}}
  r2: {{kind: router, interfaces: {{a: 10.0.0.2/30, b: 10.0.0.5/30}}}}
  r3: {{kind: router, interfaces: {{a: 10.0.0.6/30, b: 10.2.0.1/24, c: 10.0.0.10/30}}}}
links:
  - ["r1:b", "r2:a"]
  - ["r2:b", "r3:a"]
  - {{endpoints: ["r1:c", "r3:c"], state: {state}}}
"""


def routes_of(topology: Topology, name: str) -> dict[str, list[str]]:
    node = topology.nodes[name]
    assert isinstance(node, Router)
    return {str(prefix): [str(route.via) for route in routes] for prefix, routes in node.routes.items()}


def hand_made(how: str = "auto", state: str = "up", routes: str = "") -> Topology:
    return loads(HAND_MADE.format(routing=how, state=state, routes=routes))


def test_routes_are_computed_for_what_is_written() -> None:
    """r3's 10.2.0.0/24 has no link, so that nobody hears of it."""
    assert routes_of(hand_made(), "r1") == {"10.0.0.4/30": ["10.0.0.2", "10.0.0.10"]}
    assert routes_of(hand_made(), "r2") == {"10.0.0.8/30": ["10.0.0.1", "10.0.0.6"]}
    assert routes_of(hand_made("static"), "r1") == {}


def test_a_link_that_is_down_does_not_count() -> None:
    assert routes_of(hand_made(state="down"), "r1") == {"0.0.0.0/0": ["10.0.0.2"]}


def test_a_written_route_takes_the_place_of_a_computed_one() -> None:
    topology = hand_made(routes=", routes: {10.0.0.4/30: 10.0.0.10, 10.9.0.0/16: 10.0.0.2}")
    assert routes_of(topology, "r1") == {"10.0.0.4/30": ["10.0.0.10"], "10.9.0.0/16": ["10.0.0.2"]}


def test_routing_can_be_left_out_of_what_is_generated() -> None:
    topology = generated("line: {routers: 3, hosts: 1}", "routing: static")
    assert all(routes_of(topology, name) == {} for name in ("r1", "r2", "r3"))


def test_written_and_generated_routers_find_each_other() -> None:
    topology = generated(
        "line: {routers: 2, hosts: 1}",
        "nodes: {edge: {kind: router, interfaces: {in: 10.0.0.77/24, out: 192.168.7.1/24}}, far: {kind: host,"
        " ip: 192.168.7.2/24, gateway: 192.168.7.1}}\n"
        "links: [['edge:in', sw1], ['edge:out', far]]\n"
        "scenario: [{ping: {from: h2, to: far}}]",
    )
    assert lint(topology) == []
    assert routes_of(topology, "r1")["192.168.7.0/24"] == ["10.0.0.77"]
    assert routes_of(topology, "r2") == {"0.0.0.0/0": ["172.16.0.1"]}
    assert routes_of(topology, "edge") == {"0.0.0.0/0": ["10.0.0.1"]}


@pytest.mark.slow
def test_ten_thousand_hosts_are_no_models() -> None:
    topology = generated("star: {sites: 100, hosts: 100}", "scenario: [{ping: {from: h1, to: h10000}}]")
    assert len(topology.nodes) == 10_201
    assert len(topology._nodes._made) <= 2  # type: ignore[attr-defined]  # what the scenario names
