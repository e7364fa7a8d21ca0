"""DHCP in a topology: what is valid, and what `sim check` warns of."""

from __future__ import annotations

import pytest

from sim.scenario.load import loads, problems_in
from sim.scenario.nodes import Host, Router

SEGMENT = """
nodes:
  srv: {{kind: host, ip: 10.0.0.1/24{server}}}
  pc1: {{kind: host, ip: dhcp}}
  pc2: {{kind: host, ip: {second}}}
  sw1: {{kind: switch}}
links: [[srv, sw1], [pc1, sw1], [pc2, sw1]]
"""
POOL = ", services: [dhcp: 10.0.0.100-10.0.0.109]"
RELAYED = """
nodes:
  srv: {{kind: host, ip: 10.0.0.67/24, gateway: 10.0.0.1, services: [{{dhcp: {{pool: {pool}, network: {network}}}}}]}}
  r1: {{kind: router, interfaces: {{a: 10.0.0.1/24, lan: 10.7.0.1/24}}{relay}}}
  pc: {{kind: host, ip: dhcp}}
links: [[srv, "r1:a"], ["r1:lan", pc]]
scenario:
  - ping: {{from: pc, to: srv}}
  - ping: {{from: srv, to: pc}}
  - ping: {{from: srv, to: 10.7.0.100}}
"""


def codes(text: str) -> list[str]:
    return [problem.code for problem in problems_in(text)]


def test_short_and_long_forms_are_the_same() -> None:
    short = loads("nodes: {a: {kind: host, ip: dhcp}}").nodes["a"]
    long = loads("nodes: {a: {kind: host, dhcp: true}}").nodes["a"]
    inside = loads("nodes: {a: {kind: host, interfaces: {eth0: dhcp, eth1: {ip: dhcp, mtu: 1400}}}}").nodes["a"]
    assert isinstance(short, Host)
    assert isinstance(long, Host)
    assert isinstance(inside, Host)
    assert short.interfaces == long.interfaces
    assert [(one.dhcp, one.ip) for one in (*short.interfaces.values(), *inside.interfaces.values())] == [(True, [])] * 3


def test_a_server_and_a_relay_in_their_short_forms() -> None:
    topology = loads(RELAYED.format(pool="10.7.0.9", network="10.7.0.0/24", relay=", dhcp_relay: {lan: 10.0.0.67}"))
    server, router = topology.nodes["srv"], topology.nodes["r1"]
    assert isinstance(server, Host)
    assert isinstance(router, Router)
    dhcp = server.services[0].dhcp
    assert dhcp is not None
    assert [tuple(map(str, ends)) for ends in dhcp.pool] == [("10.7.0.9", "10.7.0.9")]
    assert dhcp.lease == 3600
    assert [str(address) for address in router.dhcp_relay["lan"].to] == ["10.0.0.67"]


@pytest.mark.parametrize(
    ("server", "second", "expected"),
    [
        (POOL, "dhcp", []),
        ("", "dhcp", ["no-dhcp-server", "no-dhcp-server"]),
        (POOL, "10.0.0.105/24", ["pool-overlap"]),
        (POOL, "10.0.0.99/24", []),
        (", services: [{dhcp: {pool: 10.7.0.2-10.7.0.9, network: 10.7.0.0/24}}]", "dhcp", ["no-dhcp-server"] * 2),
    ],
)
def test_servers_on_the_segment(server: str, second: str, expected: list[str]) -> None:
    assert codes(SEGMENT.format(server=server, second=second)) == expected


@pytest.mark.parametrize(
    ("relay", "network", "expected"),
    [
        (", dhcp_relay: {lan: 10.0.0.67}", "10.7.0.0/24", []),
        ("", "10.7.0.0/24", ["no-dhcp-server"]),
        (", dhcp_relay: {lan: 10.0.0.68}", "10.7.0.0/24", ["no-dhcp-server"]),  # nobody is there
        (", dhcp_relay: {a: 10.0.0.67}", "10.7.0.0/24", ["no-dhcp-server"]),  # the wrong side
        (", dhcp_relay: {lan: 10.0.0.67}", "10.8.0.0/24", ["no-dhcp-server"]),  # no pool for it
    ],
)
def test_servers_behind_a_relay(relay: str, network: str, expected: list[str]) -> None:
    pool = network.replace("0/24", "100")
    assert codes(RELAYED.format(pool=pool, network=network, relay=relay)) == expected


def test_a_warning_tells_what_would_mend_it() -> None:
    (problem, _) = problems_in(SEGMENT.format(server="", second="dhcp"))
    assert problem.line == 4
    assert problem.message == "no DHCP server is on the segment of pc1:eth0, and no relay that leads to one"
    assert problem.hint is not None
    assert "dhcp_relay" in problem.hint


def test_a_router_to_clients_that_cannot_reach_it() -> None:
    text = SEGMENT.format(server=", services: [{dhcp: {pool: 10.0.0.100, router: 10.9.0.1}}]", second="dhcp")
    (problem,) = [one for one in problems_in(text) if one.severity == "error"]
    assert (problem.code, problem.message) == (
        "gateway-off-subnet",
        "the router 10.9.0.1 is not in the clients' network 10.0.0.0/24",
    )


def test_drawings_say_where_an_address_comes_from() -> None:
    from sim.scenario.graph import graph
    from sim.views.diagram.plan import plan

    devices = plan(graph(loads(SEGMENT.format(server=POOL, second="dhcp")))).devices
    assert devices["pc1"].addresses == [("eth0", "dhcp")]
