"""NAT as programs see it: a STUN probe classifies every kind, and holes are punched exactly where theory says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.lab.network import Network
from sim.lab.nodes import LabHost

PROGRAMS = Path(__file__).parents[2] / "topologies" / "programs"
KINDS = ("full-cone", "address-restricted", "port-restricted", "symmetric")
DEPENDENCE = ("endpoint-independent", "address-dependent", "address-and-port-dependent")


def home(net: Network, number: int, **nat: Any) -> LabHost:
    """A host behind a gateway of its own on the switch `net`."""
    host = net.host(f"h{number}", f"192.168.{number}.10/24", gateway=f"192.168.{number}.1")
    interfaces = {"inside": f"192.168.{number}.1/24", "outside": f"203.0.113.{number}/24"}
    net.gateway(f"gw{number}", interfaces, **nat)
    net.link(host, f"gw{number}:inside", delay="1ms")
    net.link(f"gw{number}:outside", "internet", delay="5ms")
    return host


def internet() -> Network:
    net = Network(seed=1, record=False)
    net.switch("internet")
    server = net.host("server", ["203.0.113.80/24", "203.0.113.81/24"])
    net.link(server, "internet", delay="5ms")
    return net


def probe(*arguments: str, **nat: Any) -> list[str]:
    """What the probe prints."""
    net = internet()
    server = net["server"]
    assert isinstance(server, LabHost)
    server.spawn(PROGRAMS / "stun_server.py", "203.0.113.80", "203.0.113.81")
    host = home(net, 1, **nat)
    process = host.spawn(PROGRAMS / "nat_probe.py", "203.0.113.80", *arguments)
    net.run(until="6h")
    assert process.exit_code == 0, process.stderr
    return process.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_probe_names_each_kind(kind: str) -> None:
    words = probe(behaviour=kind)
    assert words[0] == "outside address 203.0.113.1"
    assert words[3] == f"kind {kind}"


@pytest.mark.slow
@pytest.mark.parametrize("mapping", DEPENDENCE)
@pytest.mark.parametrize("filtering", DEPENDENCE)
def test_mapping_and_filtering_are_found_apart(mapping: str, filtering: str) -> None:
    words = probe(mapping=mapping, filtering=filtering)
    assert words[1:3] == [f"mapping {mapping}", f"filtering {filtering}"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hairpin", "words"),
    [(True, "yes"), (False, "no"), ("internal-source", "no")],  # no host takes a packet with its own source address
)
def test_hairpin_is_found(hairpin: bool | str, words: str) -> None:
    """RFC 4787 REQ-9 wants the outside source."""
    assert f"hairpin {words}" in probe(behaviour="full-cone", hairpin=hairpin)


@pytest.mark.slow
@pytest.mark.parametrize(("timeout", "found"), [("5min", "300 s"), ("2min", "120 s"), ("37s", "37 s")])
def test_the_lifetime_of_a_mapping_is_found(timeout: str, found: str) -> None:
    assert probe("--lifetime", timeouts={"udp": timeout})[-1] == f"lifetime {found}"


def test_without_a_nat_it_says_so() -> None:
    net = internet()
    server = net["server"]
    assert isinstance(server, LabHost)
    server.spawn(PROGRAMS / "stun_server.py", "203.0.113.80", "203.0.113.81")
    host = net.host("h", "203.0.113.9/24")
    net.link(host, "internet")
    process = host.spawn(PROGRAMS / "nat_probe.py", "203.0.113.80")
    net.run(until="1min")
    assert process.stdout == "no NAT\n"


def punch(protocol: str, one: str, other: str) -> bool:
    net = internet()
    server = net["server"]
    assert isinstance(server, LabHost)
    server.spawn(PROGRAMS / "rendezvous.py")
    hosts = [home(net, 1, behaviour=one), home(net, 2, behaviour=other)]
    arguments = (protocol, "203.0.113.80", "7000", "room")
    peers = [host.spawn(PROGRAMS / "hole_punch.py", *arguments, host.name) for host in hosts]
    net.run(until="2min")
    codes = [peer.exit_code for peer in peers]
    assert codes in ([0, 0], [1, 1]), [peer.stderr for peer in peers]
    if codes == [0, 0]:
        assert [peer.stdout for peer in peers] == ["reached 203.0.113.2\n", "reached 203.0.113.1\n"]
    return codes == [0, 0]


def can_meet(one: str, other: str) -> bool:
    """Theory (RFC 5128 3.3): whose port nobody can know in advance must be let in by address alone."""
    return not (
        (one == "symmetric" and other in ("port-restricted", "symmetric"))
        or (other == "symmetric" and one in ("port-restricted", "symmetric"))
    )


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["udp", "tcp"])
@pytest.mark.parametrize("one", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_holes_are_punched_exactly_where_theory_says(protocol: str, one: str, other: str) -> None:
    assert punch(protocol, one, other) is can_meet(one, other)
