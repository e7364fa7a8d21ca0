"""Gateways in a scenario and in Python: expectations on their tables, steps through them, what is told of a journey."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import sim
from sim.errors import TopologyError
from sim.lab.network import Network
from sim.lab.runner import Report, Run
from sim.scenario.load import loads
from sim.views.journey import journey_lines

HOME = """
nodes:
  pc: {kind: host, ip: 192.168.1.10/24, gateway: 192.168.1.1}
  nas: {kind: host, ip: 192.168.1.80/24, gateway: 192.168.1.1}
  sw: {kind: switch}
  gw:
    kind: gateway
    interfaces: {inside: 192.168.1.1/24, outside: 203.0.113.2/24}
    nat:
      forward: [{protocol: tcp, port: 8080, to: 192.168.1.80:80}, {protocol: udp, port: 5300, to: 192.168.1.80:53}]
      static: {203.0.113.9: 192.168.1.80}
    firewall: {rules: [{deny: {protocol: udp, port: 99}}]}
  web: {kind: host, ip: 203.0.113.80/24}
links: [[pc, sw], [nas, sw], ["gw:inside", sw], ["gw:outside", web]]
scenario:
"""


def run(scenario: str) -> Report:
    return Run(loads(HOME + scenario)).run()


UDP = "- udp: {from: pc, to: web, port: 53, source_port: 5000, reply: true}\n"


@pytest.mark.parametrize(
    ("expect", "failure"),
    [
        ('nat: {gw: {"udp 192.168.1.10:5000": "203.0.113.2:5000"}}', None),
        ('nat: {gw: {"192.168.1.10": "udp 203.0.113.2"}}', None),
        ('nat: {gw: {"tcp 192.168.1.10": null, "192.168.1.11": null, "192.168.1.10:5001": null}}', None),
        (
            'nat: {gw: {"udp 192.168.1.10:5000": "203.0.113.2:5001"}}',
            "nat: expected gw to map udp 192.168.1.10:5000 to 203.0.113.2:5001, it has 203.0.113.2:5000",
        ),
        (
            'nat: {gw: {"udp 192.168.1.10": null}}',
            "nat: expected gw to map udp 192.168.1.10 to nothing, it has 203.0.113.2:5000",
        ),
        (
            'nat: {gw: {"icmp 192.168.1.10": 203.0.113.2}}',
            "nat: expected gw to map icmp 192.168.1.10 to 203.0.113.2, it has nothing",
        ),
        ("firewall: {gw: {rule 1: 0, policy: 2}}", None),
        ("firewall: {gw: {rule 1: 1}}", "firewall: expected gw rule 1 (deny udp to port 99) 1, got 0"),
        ("counters: {gw: {mappings: 1, connections: 1, translated: 2}}", None),
    ],
)
def test_expectations(expect: str, failure: str | None) -> None:
    (step,) = run(f"{UDP}  expect: {{{expect}}}\n").steps
    assert step.failures == ([] if failure is None else [failure])


def test_steps_open_the_port_where_the_gateway_leads() -> None:
    report = run(
        '- tcp: {from: web, to: "gw:outside", port: 8080, data: hello, reply: true}\n'
        "  expect: {reply: hello, intact: true, path: [web, gw, sw, nas]}\n"
        '- udp: {from: web, to: "gw:outside", port: 5300, reply: true}\n  expect: {received: 1, replies: 1}\n'
        "- tcp: {from: web, to: 203.0.113.9, port: 22, data: hello, reply: true}\n"
        "  expect: {reply: hello, path: [web, gw, sw, nas]}\n"
        "- ping: {from: web, to: 203.0.113.9}\n  expect: {received: 1, path: [web, gw, sw, nas]}\n"
        "- tcp: {from: pc, to: web, port: 80, bytes: 100kB, reverse: true, flows: 3}\n"
        "  expect: {intact: true, connected: true}\n"
    )
    assert [step.failures for step in report.steps] == [[]] * 5


def test_the_journey_tells_of_the_translation() -> None:
    report = run(UDP)
    lines = ["".join(text for text, _ in line) for line in journey_lines(report.network.trace.journeys()[0])]
    text = "\n".join(lines)
    assert "gw maps 192.168.1.10:5000 to 203.0.113.2:5000: new mapping, port kept" in text
    assert "gw maps 203.0.113.2:5000 to 192.168.1.10:5000: answer of a known connection" in text
    assert text.count("the same packet, new header") == 2
    assert "IPv4 source: 192.168.1.10 -> 203.0.113.2" in text
    assert "IPv4 destination: 203.0.113.2 -> 192.168.1.10" in text
    assert "gw lets it pass: firewall policy (allow)" in text


def test_the_journey_names_the_rule_that_dropped_it() -> None:
    report = run("- udp: {from: pc, to: web, port: 99, listen: false}\n")
    journey = report.network.trace.journey(report.steps[0].roots[0])
    assert journey.drops() == [("gw", "firewall rule 1 (deny udp to port 99)")]
    assert journey.path() == ["pc", "sw", "gw"]


CONTRACT = """
nodes:
  pc1: {kind: host, ip: 192.168.1.10/24, gateway: 192.168.1.1}
  sw1: {kind: switch}
  r1: {kind: router, interfaces: {lan: 192.168.1.1/24, wan: 10.0.0.1/30}, routes: {0.0.0.0/0: 10.0.0.2}}
  gw: {kind: gateway, interfaces: {inside: 10.0.0.2/30, outside: 203.0.113.2/24}, routes: {192.168.1.0/24: 10.0.0.1}}
  web: {kind: host, ip: 203.0.113.80/24}
links: [[pc1, sw1], [sw1, "r1:lan"], ["r1:wan", "gw:inside"], ["gw:outside", web]]
scenario:
  - ping: {from: pc1, to: web, count: 3}
    expect: {received: 3, path: [pc1, sw1, r1, gw, web]}
  - traceroute: {from: pc1, to: web}
    expect: {hops: [r1, gw, web]}
"""


def test_a_gateway_behind_a_router_needs_nothing_but_its_interfaces() -> None:
    report = Run(loads(CONTRACT)).run()
    assert [step.failures for step in report.steps] == [[], []]


# -- in Python


def network(**nat: Any) -> Network:
    net = sim.Network(seed=1)
    net.host("pc", "192.168.1.10/24", gateway="192.168.1.1")
    net.gateway("gw", {"lan": "192.168.1.1/24", "wan": "203.0.113.2/24"}, outside="wan", **nat)
    net.host("web", "203.0.113.80/24")
    net.link("pc", "gw:lan")
    net.link("gw:wan", "web")
    return net


def test_a_gateway_in_python() -> None:
    net = network(behaviour="symmetric", forward=[{"protocol": "tcp", "port": 80, "to": "192.168.1.10"}])
    pc, gateway = net["pc"], net["gw"]
    assert pc.ping("web", size=4000).received == 1  # type: ignore[union-attr]
    assert [hop.address for hop in pc.traceroute("web").hops] == ["192.168.1.1", "203.0.113.80"]  # type: ignore[union-attr]
    assert ("icmp", "192.168.1.10:1", "203.0.113.2:1") in gateway.nat_table()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("nat", "message"),
    [
        ({"behaviour": "conical"}, "gw: behaviour: "),
        ({"ports": "9-3"}, "gw: ports: '9-3' is not a range of ports"),
        ({"static": {"203.0.113.2": "192.168.1.10"}}, "203.0.113.2 is gw's own address"),
        ({"firewall": {"policy": "maybe"}}, "gw: policy: "),
    ],
)
def test_what_cannot_be_is_told(nat: dict[str, Any], message: str) -> None:
    with pytest.raises(TopologyError, match=re.escape(message)):
        network(**nat)


def test_a_gateway_needs_its_outside() -> None:
    net = sim.Network()
    with pytest.raises(TopologyError, match="no interface 'outside'") as caught:
        net.gateway("gw", {"lan": "192.168.1.1/24", "wan": "203.0.113.2/24"})
    assert caught.value.hint == "call one of lan, wan outside, or name it as outside"


def test_programs_run_on_a_gateway() -> None:
    net = network()

    def client() -> bytes:
        import socket

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"hello", ("203.0.113.80", 7))
            return sock.recv(100)

    def server() -> None:
        import socket

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("0.0.0.0", 7))
            data, sender = sock.recvfrom(100)
            sock.sendto(data, sender)

    net["web"].spawn(server)  # type: ignore[union-attr]
    assert net["gw"].run(client) == b"hello"  # type: ignore[union-attr]


TRAFFIC = """
- tcp: {from: pc, to: web, port: 80, bytes: 50kB}
- udp: {from: pc, to: web, port: 53, size: 1000, reply: true}
- udp: {from: web, to: "gw:outside", port: 5300, size: 1000, reply: true}
- ping: {from: pc, to: web, size: 4000, count: 2}
"""
CHECKS = ("ip.check_checksum:TRUE", "udp.check_checksum:TRUE", "tcp.check_checksum:TRUE")
BAD = " || ".join(f"{name}.checksum.status == 0" for name in ("ip", "udp", "tcp", "icmp"))
FIELDS = ("ip.len", "ip.id", "ip.flags", "ip.frag_offset", "ip.proto", "tcp.seq_raw", "tcp.payload", "udp.payload")


def tshark(file: Path, *arguments: str) -> list[str]:
    options = [word for check in CHECKS for word in ("-o", check)]
    command = ["tshark", "-r", str(file), *options, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_both_sides_of_a_nat_are_the_same_but_for_what_is_rewritten(tmp_path: Path) -> None:
    """tshark reads the captures of both ports: the same packets with the same contents, and every checksum right."""
    run(TRAFFIC).network.trace.write_pcaps(tmp_path)
    columns = ["-T", "fields", *[word for name in FIELDS for word in ("-e", name)]]
    sides = []
    for port in ("inside", "outside"):
        file = next(tmp_path.glob(f"gw-{port}*"))
        assert tshark(file, "-Y", BAD) == []
        sides.append(tshark(file, "-Y", "ip", *columns))
    assert len(sides[0]) > 50
    assert sorted(sides[0]) == sorted(sides[1])
