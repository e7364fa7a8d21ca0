"""One topology with each problem, and the nearest one without."""

from __future__ import annotations

import pytest

from sim.scenario.lint import lint
from sim.scenario.load import loads, problems_in


def codes(text: str) -> list[str]:
    return [problem.code for problem in problems_in(text)]


TWO = """
nodes:
  a: {{kind: host, ip: {a}}}
  b: {{kind: host, ip: {b}}}
  sw: {{kind: switch}}
links: [[a, sw], [b, sw]]
"""

ROUTED = """
nodes:
  a: {{kind: host, ip: 10.1.0.2/24, gateway: {gateway}}}
  b: {{kind: host, ip: 10.2.0.2/24, gateway: 10.2.0.1}}
  r: {{kind: router, interfaces: {{x: 10.1.0.1/24, y: {y}}}, routes: {routes}}}
links: [[a, "r:x"], [b, "r:y"]]
scenario:
  - ping: {{from: a, to: {to}}}
    expect: {expect}
"""


def routed(
    gateway: str = "10.1.0.1", y: str = "10.2.0.1/24", routes: str = "{}", to: str = "b", expect: str = "{}"
) -> str:
    return ROUTED.format(gateway=gateway, y=y, routes=routes, to=to, expect=expect)


def test_a_clean_network_has_no_problem() -> None:
    assert codes(routed()) == []
    assert codes(TWO.format(a="10.0.0.1/24", b="10.0.0.2/24")) == []


@pytest.mark.parametrize(
    ("a", "b", "found"),
    [
        ("10.0.0.1/24", "10.0.0.1/24", ["duplicate-ip"]),
        ("10.0.0.1/24, mac: '02:00:00:00:00:01'", "10.0.0.2/24, mac: '02:00:00:00:00:01'", ["duplicate-mac"]),
        ("10.0.0.1/24, mac: '02:00:00:00:00:01'", "10.0.0.2/24, mac: '02:00:00:00:00:02'", []),
        ("10.0.0.1/24", "10.0.0.2/16", ["mask-mismatch"]),
        ("10.0.0.1/24", "10.0.1.2/24", []),
        ("10.0.0.1/24, mtu: 1400", "10.0.0.2/24", ["mtu-mismatch"]),
        ("10.0.0.1/24, mtu: 1400", "10.0.0.2/24, mtu: 1400", []),
        ("10.0.0.1/24, gateway: 10.0.9.2", "10.0.0.2/24", ["gateway-off-subnet"]),
        ("10.0.0.1/24, gateway: 10.0.0.1", "10.0.0.2/24", ["gateway-off-subnet"]),
        ("10.0.0.1/24, gateway: 10.0.0.254", "10.0.0.2/24", ["gateway-missing"]),
        ("10.0.0.1/24, gateway: 10.0.0.2", "10.0.0.2/24", []),
        ("10.0.0.1/24, routes: {10.9.0.0/16: 10.1.0.1}", "10.0.0.2/24", ["next-hop-off-subnet"]),
        ("10.0.0.1/24, routes: {10.9.0.0/16: 10.0.0.1}", "10.0.0.2/24", ["next-hop-off-subnet"]),
        ("10.0.0.1/24, routes: {10.9.0.0/16: 10.0.0.2}", "10.0.0.2/24", []),
        ("10.0.0.1/24, routes: {10.9.0.0/16: {via: 10.1.0.1, dev: eth0}}", "10.0.0.2/24", []),
    ],
)
def test_two_hosts_on_a_switch(a: str, b: str, found: list[str]) -> None:
    assert codes(TWO.format(a=a, b=b)) == found


@pytest.mark.parametrize(
    ("address", "misused"),
    [
        ("192.168.1.0/24", True),
        ("192.168.1.255/24", True),
        ("192.168.0.255/23", False),
        ("192.168.1.255/23", True),
        ("192.168.1.0/23", False),
        ("192.168.1.0/31", False),
        ("192.168.1.255/32", False),
        ("224.0.0.1/24", True),
        ("255.255.255.255/32", True),
        ("240.0.0.1/8", True),
        ("127.0.0.1/8", True),
        ("0.0.0.0/0", True),
        ("0.1.2.3/8", True),
        ("169.254.1.1/16", False),
        ("100.64.0.1/10", False),
    ],
)
def test_addresses_that_no_interface_can_have(address: str, misused: bool) -> None:
    found = problems_in(f"nodes: {{a: {{kind: host, ip: {address}}}, h: {{kind: hub}}}}\nlinks: [[a, h]]")
    assert [(problem.code, problem.severity) for problem in found] == [("address-misuse", "error")] * misused


def test_ports_without_links() -> None:
    text = "nodes: {a: {kind: host, ip: 10.0.0.1/8}, r: {kind: router, interfaces: {x: 10.0.0.2/8, y: 11.0.0.1/8}}}\n"
    assert codes(text + "links: [[a, r]]") == ["dangling-port"]
    assert codes(text) == ["unlinked-node", "unlinked-node"]


def test_a_loop_of_switches() -> None:
    nodes = "nodes: {s1: {kind: switch}, s2: {kind: switch}, h: {kind: hub}}\n"
    assert codes(nodes + "links: [[s1, s2], [s2, h]]") == []
    (loop,) = problems_in(nodes + "links:\n- [s1, s2]\n- [s2, h]\n- [h, s1]\n")
    assert (loop.code, loop.line) == ("l2-loop", 5)
    assert loop.message == "this link closes a loop of h - s2 - s1 - h"
    assert codes(nodes + "links: [[s1, s2], [s2, h], [s1, s2]]") == ["l2-loop"]
    assert codes(nodes + "links: [[s1, s2], [s2, h], [h, h]]") == ["l2-loop"]
    assert codes(nodes + "links: [[s1, s2], [s2, h], {endpoints: [h, s1], state: down}]") == []


def test_a_router_between_switches_is_no_loop() -> None:
    text = """
nodes:
  s1: {kind: switch}
  s2: {kind: switch}
  r: {kind: router, interfaces: {x: 10.1.0.1/24, y: 10.2.0.1/24}}
  q: {kind: router, interfaces: {x: 10.1.0.2/24, y: 10.2.0.2/24}}
links: [[r, s1], [r, s2], [q, s1], [q, s2]]
"""
    assert codes(text) == []


def test_one_network_on_two_segments() -> None:
    assert codes(routed(y="10.1.0.129/25", expect="{received: 0}")) == [
        "gateway-missing",
        "subnet-overlap",
    ]
    nested = """
nodes:
  r: {kind: router, interfaces: {a: 10.0.0.1/8, b: 10.1.0.1/16, c: 10.2.0.1/16}}
  h: {kind: hub}
  i: {kind: hub}
  j: {kind: hub}
links: [[r, h], [r, i], [r, j]]
"""
    assert codes(nested) == ["subnet-overlap"] * 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (routed(), None),
        (routed(to="10.9.9.9"), "10.9.9.9 cannot be reached from a: r has no route to 10.9.9.9"),
        (routed(to="10.9.9.9", expect="{received: 0}"), None),
        (routed(to="10.9.9.9", expect="{error: net unreachable}"), None),
        (
            routed(to="10.9.9.9", routes="{0.0.0.0/0: 10.2.0.2}"),
            "10.9.9.9 cannot be reached from a: b is a host: it does not forward",
        ),
        (routed(to="10.2.0.9"), "10.2.0.9 cannot be reached from a: nobody next to r has the address 10.2.0.9"),
        (routed(routes="{0.0.0.0/0: 10.1.0.2}"), None),
        (
            routed(to="10.9.9.9", routes="{10.9.0.0/16: [{via: 10.2.0.2, metric: 5}, 10.2.0.9]}"),
            "10.9.9.9 cannot be reached from a: nobody next to r has the address 10.2.0.9",
        ),
        (routed(to="10.2.0.255"), None),
        (routed(to="224.0.0.1"), None),
        (routed(to="127.0.0.1"), None),
        (routed(to="a"), None),
        (routed(to="r:y"), None),
    ],
)
def test_destinations(text: str, why: str | None) -> None:
    found = [problem.message for problem in problems_in(text)]
    assert found == ([] if why is None else [why])


def test_routes_in_a_circle() -> None:
    text = """
nodes:
  a: {kind: host, ip: 10.1.0.2/24, gateway: 10.1.0.1}
  r: {kind: router, interfaces: {x: 10.1.0.1/24, y: 10.0.0.1/30}, routes: {0.0.0.0/0: 10.0.0.2}}
  q: {kind: router, interfaces: {y: 10.0.0.2/30}, routes: {0.0.0.0/0: 10.0.0.1}}
links: [[a, r], [r, q]]
scenario:
  - ping: {from: a, to: 10.9.9.9}
"""
    (problem,) = problems_in(text)
    assert problem.message == "10.9.9.9 cannot be reached from a: the routes towards 10.9.9.9 go in a circle: a, q, r"
    # with two ways, one of which arrives, nothing is certain
    spread = text.replace("{y: 10.0.0.2/30}", "{y: [10.0.0.2/30, 10.9.9.9/32]}")
    assert [problem.code for problem in problems_in(spread)] == []


def test_mtu_of_links() -> None:
    text = TWO.replace("[a, sw]", "{{endpoints: [a, sw], mtu: MTU}}").format(a="10.0.0.1/24", b="10.0.0.2/24")
    assert codes(text.replace("MTU", "1500")) == []
    assert codes(text.replace("MTU", "9000")) == ["mtu-mismatch"]
    assert codes(text.replace("MTU", "1400")) == ["mtu-mismatch", "mtu-mismatch"]


@pytest.mark.parametrize(
    ("links", "code"),
    [
        ("[[a, nobody]]", "unknown-node"),
        ("[['a:eth5', sw]]", "unknown-port"),
        ("[['sw:eth5', a], [b, 'sw:eth5']]", "port-in-use"),
        ("[[a, sw], [a, sw]]", "no-free-port"),
        ("[['sw:1', 'sw:1']]", "port-in-use"),
    ],
)
def test_links_that_cannot_be_made(links: str, code: str) -> None:
    text = TWO.format(a="10.0.0.1/24", b="10.0.0.2/24")
    found = problems_in(text.replace("links: [[a, sw], [b, sw]]", f"links: {links}"))
    assert (found[0].code, found[0].severity) == (code, "error")


def test_errors_come_before_warnings() -> None:
    text = TWO.format(a="10.0.0.1/24", b="10.0.0.1/24") + "scenario:\n  - ping: {from: a, to: c}\n"
    assert codes(text) == ["unknown-node", "duplicate-ip"]


def test_a_network_made_in_python_has_problems_without_a_place() -> None:
    topology = loads(TWO.format(a="10.0.0.1/24", b="10.0.0.1/24"))
    topology._document = None
    (problem,) = lint(topology)
    assert str(problem) == ("warning: 10.0.0.1 is the address of b:eth0 and of a:eth0\nhint: give one of them another")
