"""What `sim check` finds about gateways and firewalls, and what it leaves in peace."""

from __future__ import annotations

import pytest

from sim.scenario.load import problems_in

HOMES = """
nodes:
  a: {{kind: host, ip: 192.168.1.10/24, gateway: 192.168.1.1}}
  b: {{kind: host, ip: 192.168.1.10/24, gateway: 192.168.1.1}}
  gw1: {{kind: gateway, interfaces: {{inside: 192.168.1.1/24, outside: 203.0.113.1/24}}, nat: {nat}}}
  gw2: {{kind: {kind}, interfaces: {{inside: 192.168.1.1/24, outside: 203.0.113.2/24}}}}
  net: {{kind: switch}}
  web: {{kind: host, ip: 203.0.113.80/24}}
links: [[a, "gw1:inside"], [b, "gw2:inside"], ["gw1:outside", net], ["gw2:outside", net], [web, net]]
scenario:
  - ping: {{from: web, to: {to}}}
"""


def found(nat: str = "{}", kind: str = "gateway", to: str = "gw1:outside") -> list[tuple[str, int]]:
    """Code and line of each problem."""
    return [(problem.code, problem.line or 0) for problem in problems_in(HOMES.format(nat=nat, kind=kind, to=to))]


def test_homes_behind_gateways_may_have_the_same_addresses() -> None:
    assert found() == []


def test_two_routers_do_not_part_realms() -> None:
    text = HOMES.replace("kind: gateway", "kind: router").replace(", nat: {nat}", "")
    codes = [problem.code for problem in problems_in(text.format(nat="", kind="router", to="web"))]
    assert codes.count("duplicate-ip") == 2
    assert "subnet-overlap" in codes


@pytest.mark.parametrize(
    ("nat", "codes"),
    [
        ("{forward: [{protocol: tcp, port: 80, to: 192.168.1.10}]}", []),
        ("{forward: [{protocol: tcp, port: 80, to: 192.168.1.99}]}", [("forward-nowhere", 5)]),
        ("{forward: [{protocol: tcp, port: 80, to: 203.0.113.80}]}", [("forward-nowhere", 5)]),
        ("{static: {203.0.113.9: 192.168.1.10}}", []),
        ("{static: {203.0.113.9: 192.168.1.99}}", [("forward-nowhere", 5)]),
    ],
)
def test_where_ports_and_addresses_lead(nat: str, codes: list[tuple[str, int]]) -> None:
    assert found(nat) == codes


def test_a_static_address_is_reached_at_its_gateway() -> None:
    assert found("{static: {203.0.113.9: 192.168.1.10}}", to="203.0.113.9") == []
    assert found(to="203.0.113.9") == [("unreachable-destination", 11)]


def shadowed(*rules: str) -> bool:
    """Whether the last rule is never reached."""
    text = f"""
nodes:
  pc: {{kind: host, ip: 10.0.0.2/24}}
  r: {{kind: router, interfaces: {{a: 10.0.0.1/24}}, firewall: {{rules: [{", ".join(rules)}]}}}}
links: [[pc, "r:a"]]
"""
    codes = [problem.code for problem in problems_in(text)]
    assert set(codes) <= {"shadowed-rule"}
    return bool(codes)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("{allow: all}", "{deny: {protocol: tcp}}", True),
        ("{allow: {protocol: tcp}}", "{deny: all}", False),
        ("{allow: {protocol: tcp}}", "{deny: {protocol: tcp, port: 22}}", True),
        ("{allow: {protocol: tcp, port: 22}}", "{deny: {protocol: tcp}}", False),
        ("{allow: {port: 20-30}}", "{deny: {port: [22, 25]}}", True),
        ("{allow: {port: 20-30}}", "{deny: {port: [22, 80]}}", False),
        ("{allow: {from: 10.0.0.0/8}}", "{deny: {from: 10.1.0.0/16}}", True),
        ("{allow: {from: 10.1.0.0/16}}", "{deny: {from: 10.0.0.0/8}}", False),
        ("{allow: {to: self}}", "{deny: {to: self, protocol: icmp}}", True),
        ("{allow: {to: self}}", "{deny: {to: 10.0.0.1}}", False),
        ("{allow: {to: 10.0.0.1}}", "{deny: {to: self}}", False),
        ("{allow: {state: [established, related]}}", "{deny: {state: established}}", True),
        ("{allow: {state: established}}", "{deny: {protocol: tcp}}", False),
        ("{allow: {in: a}}", "{deny: {in: a, out: a}}", True),
        ("{allow: {in: a}}", "{deny: {out: a}}", False),
    ],
)
def test_a_rule_that_no_packet_comes_to(first: str, second: str, expected: bool) -> None:
    assert shadowed(first, second) is expected
