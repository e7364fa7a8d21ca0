"""Good files: every value that the model holds."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path

import pytest

from sim.errors import TopologyError
from sim.scenario.load import load, loads, problems, problems_in
from sim.scenario.model import (
    Comparison,
    Endpoint,
    FrameStep,
    Host,
    LinkProperties,
    LinkStep,
    NodeStep,
    PingStep,
    Queue,
    Router,
    Station,
    Switch,
    TcpStep,
    Topology,
    TracerouteStep,
    UdpStep,
    WaitStep,
)
from sim.scenario.targets import TargetError, address_of

GOOD = Path(__file__).parent / "good"
MS = 1_000_000


@pytest.fixture(scope="module")
def office() -> Topology:
    return load(GOOD / "office.yaml")


def test_top(office: Topology) -> None:
    assert (office.name, office.seed, office.description) == ("office", 7, "two subnets and a router")
    assert list(office.nodes) == ["pc1", "pc2", "hub1", "sw1", "r1", "web"]
    assert [node.kind for node in office.nodes.values()] == ["host", "host", "hub", "switch", "router", "host"]


def test_a_simple_host(office: Topology) -> None:
    pc1 = office.nodes["pc1"]
    assert isinstance(pc1, Host)
    assert pc1.gateway == IPv4Address("192.168.1.1")
    assert (pc1.position, pc1.label) == ((1.0, 2.5), "PC")
    assert list(pc1.interfaces) == ["eth0"]
    eth0 = pc1.interfaces["eth0"]
    assert eth0.ip == [IPv4Interface("192.168.1.10/24")]
    assert (eth0.mac, eth0.mtu) == ("02:00:00:00:00:0a", 1500)
    assert "mtu" not in eth0.model_fields_set


def test_a_host_with_interfaces(office: Topology) -> None:
    pc2 = office.nodes["pc2"]
    assert isinstance(pc2, Host)
    assert [str(address) for address in pc2.interfaces["eth0"].ip] == ["192.168.1.11/24", "192.168.1.12/24"]
    assert pc2.interfaces["eth1"].mtu == 1400
    default = pc2.routes[IPv4Network("0.0.0.0/0")]
    assert [(route.via, route.metric) for route in default] == [
        (IPv4Address("192.168.1.1"), 0),
        (IPv4Address("192.168.1.2"), 5),
    ]
    assert pc2.routes[IPv4Network("10.9.0.0/16")][0].dev == "eth1"
    assert pc2.join == [IPv4Address("224.0.0.251")]
    assert pc2.arp == {IPv4Address("192.168.1.99"): "02:00:00:00:00:99"}


def test_switch_and_router(office: Topology) -> None:
    sw1, r1 = office.nodes["sw1"], office.nodes["r1"]
    assert isinstance(sw1, Switch)
    assert (sw1.ageing, sw1.table_size) == (60_000 * MS, 16)
    assert isinstance(r1, Router)
    assert [str(r1.interfaces[port].ip[0]) for port in ("lan", "wan")] == ["192.168.1.1/24", "10.0.0.1/30"]
    assert r1.interfaces["wan"].mac == "02:00:00:00:00:11"


def test_link_properties(office: Topology) -> None:
    assert office.links[1].endpoints == (Endpoint("sw1", "eth7"), Endpoint("hub1"))
    plain = office.properties(office.links[0])
    assert (plain.bandwidth, plain.delay, plain.queue, plain.mtu) == (10**8, 10_000, Queue(frames=1000), None)
    wan = office.properties(office.links[4])
    assert (wan.bandwidth, wan.delay, wan.jitter) == (10**7, 10_000, 2 * MS)
    assert (wan.loss, wan.duplicate, wan.reorder, wan.corrupt) == (0.01, 0.005, 0.02, 0.001)
    assert (wan.reorder_delay, wan.queue, wan.mtu, wan.down) == (3 * MS, Queue(bytes=64_000), 1500, False)
    assert wan.burst_loss is not None
    assert (wan.burst_loss.p, wan.burst_loss.r) == (0.1, 0.3)
    assert (wan.burst_loss.good_loss, wan.burst_loss.bad_loss) == (0.0, 1.0)


def test_the_ping_and_what_it_expects(office: Topology) -> None:
    step = office.scenario[0]
    assert isinstance(step, PingStep)
    assert (step.kind, step.at, step.name, step.action) == ("ping", 0, "across the router", step.ping)
    assert (step.ping.source, step.ping.to, step.ping.count, step.ping.size, step.ping.df) == (
        "pc1",
        "web",
        3,
        1000,
        True,
    )
    assert (step.ping.interval, step.ping.timeout, step.ping.ttl) == (1000 * MS, 1000 * MS, None)
    expect = step.expect
    assert expect.received == Comparison("==", 3)
    assert expect.avg_rtt == Comparison("<", 50 * MS, "time")
    assert expect.path == ["pc1", "sw1", "r1", "web"]
    assert expect.mac == {
        "sw1": {
            Station(None, Endpoint("pc1")): "eth1",
            Station(None, Endpoint("r1", "lan")): "eth2",
            Station("02:00:00:00:00:99", None): None,
        }
    }
    assert expect.routes == {
        "r1": {
            IPv4Network("10.1.0.0/16"): IPv4Address("10.0.0.2"),
            IPv4Network("10.0.0.0/30"): "direct",
            IPv4Network("10.2.0.0/16"): None,
        }
    }
    assert expect.counters == {"r1": {"forwarded": Comparison(">=", 6)}}
    assert expect.seen == [Endpoint("sw1"), Endpoint("r1", "lan")]
    assert list(expect.checks()) == [
        "path", "mac", "arp", "routes", "counters", "drops", "seen", "unseen", "received", "avg_rtt",
    ]  # fmt: skip


def test_the_other_steps(office: Topology) -> None:
    traceroute, udp, shout, frame, down, lossy, node, wait = office.scenario[1:]
    assert isinstance(traceroute, TracerouteStep)
    assert (traceroute.expect.hops, traceroute.expect.reached) == (["192.168.1.1", "web"], True)
    assert isinstance(udp, UdpStep)
    assert (udp.udp.to, udp.udp.payload, udp.udp.listen, udp.expect.error) == (
        "r1:lan",
        b"hello",
        False,
        "port unreachable",
    )
    assert isinstance(shout, UdpStep)
    assert (shout.udp.payload, shout.udp.reply) == (b"abcdefghijklmnopqrstuvwxyzabcd", "pong")
    assert isinstance(frame, FrameStep)
    assert (frame.frame.source, frame.frame.count, frame.frame.interval) == (Endpoint("pc1"), 2, 5 * MS)
    assert isinstance(down, LinkStep)
    assert down.link.changes() == {"state": "down"}
    assert isinstance(lossy, LinkStep)
    after = lossy.link.merged(LinkProperties.model_validate({"delay": "5ms", "state": "down"}))
    assert (after.loss, after.delay, after.down) == (0.1, 5 * MS, False)
    assert isinstance(node, NodeStep)
    assert (node.node.name, node.node.state) == ("sw1", "down")
    assert isinstance(wait, WaitStep)
    assert wait.wait == 1500 * MS


def test_tcp() -> None:
    text = """
nodes: {a: {kind: host, ip: 10.0.0.1/24}, b: {kind: host, ip: 10.0.0.2/24}}
links: [[a, b]]
scenario:
  - tcp: {from: a, to: b, port: 80}
  - tcp: {from: a, to: b, port: 80, bytes: 10MB, flows: 4, congestion: reno, reverse: true, timeout: 5s}
    expect: {throughput: ">= 9Mbps", fairness: ">= 95%", received: "<= 40MB", sent: 1000, retransmissions: 0}
"""
    plain, full = loads(text).scenario
    assert isinstance(plain, TcpStep)
    assert (plain.tcp.amount, plain.tcp.flows, plain.tcp.listen, plain.expect.checks()) == (None, 1, True, {})
    assert isinstance(full, TcpStep)
    assert (full.tcp.amount, full.tcp.flows, full.tcp.congestion, full.tcp.timeout) == (10**7, 4, "reno", 5000 * MS)
    assert {name: str(value) for name, value in full.expect.checks().items()} == {
        "sent": "1000",
        "received": "<= 40000000",
        "throughput": ">= 9Mbps",
        "fairness": ">= 0.95",
        "retransmissions": "0",
    }


def test_a_file_lends_its_name(tmp_path: Path) -> None:
    file = tmp_path / "two (copies).yaml"
    file.write_text("nodes: {h: {kind: hub}}", "utf-8")
    assert load(file).name == "two -copies"
    assert loads("nodes: {}").name == "topology"


def test_names_may_be_numbers() -> None:
    topology = loads("nodes: {1: {kind: host, ip: 10.0.0.1/8}, 2: {kind: hub}}\nlinks: [[1, 2]]")
    assert topology.links[0].endpoints == (Endpoint("1"), Endpoint("2"))


def test_an_error_points_into_the_file(office: Topology) -> None:
    error = office.error(("nodes", "r1", "routes", "10.1.0.0/16", 0, "via"), "nobody there")
    assert (error.line, error.column) == (23, 27)
    made = Topology.of({"nodes": {"h": {"kind": "hub"}}})
    assert str(made.error(("nodes", "h"), "no")) == "error: no"


@pytest.mark.parametrize(
    ("target", "address"),
    [("pc1", "192.168.1.10"), ("r1", "192.168.1.1"), ("r1:wan", "10.0.0.1"), ("255.255.255.255", "255.255.255.255")],
)
def test_targets(office: Topology, target: str, address: str) -> None:
    assert address_of(office, target) == IPv4Address(address)


def test_targets_that_are_none(office: Topology) -> None:
    for target, code in (("sw1", "wrong-kind"), ("nobody", "unknown-node"), ("r1:dmz", "unknown-port")):
        with pytest.raises(TargetError) as caught:
            address_of(office, target)
        assert caught.value.code == code


def test_problems_as_data(tmp_path: Path) -> None:
    (problem,) = problems_in("nodes:\n  a: {kind: hob}\n", "x.yaml")
    assert problem.as_dict() == {
        "severity": "error",
        "code": "schema",
        "message": "node 'a': there is no kind of node 'hob'",
        "file": "x.yaml",
        "line": 2,
        "column": 13,
        "source": "  a: {kind: hob}",
        "hint": "did you mean 'hub'? kinds are dns, gateway, host, hub, replay, router, switch, tap, vxlan",
    }
    assert [(found.code, found.line) for found in problems(tmp_path / "none.yaml")] == [("yaml", None)]
    assert [found.code for found in problems_in("a: [")] == ["yaml"]


def test_text_is_refused_like_a_file() -> None:
    with pytest.raises(TopologyError) as caught:
        loads("nodes: {a: {kind: host, ip: 10.0.0.1}}")
    assert str(caught.value).startswith("<text>:1:29: error: 'ip' of node 'a': '10.0.0.1' has no mask\n")


@pytest.mark.parametrize(
    ("text", "actual", "holds"),
    [(3, 3, True), ("< 3", 3, False), ("<=3", 3, True), (">= 3", 2, False), ("!= 3", 4, True), ("> 3", 4, True)],
)
def test_comparisons(text: object, actual: int, holds: bool) -> None:
    (step,) = Topology.of(
        {"nodes": {}, "scenario": [{"ping": {"from": "a", "to": "b"}, "expect": {"received": text}}]}
    ).scenario
    assert isinstance(step, PingStep)
    assert step.expect.received is not None
    assert step.expect.received.holds(actual) is holds
