"""What Wireshark's own dissectors see in the captures: who heard what, and what a router changes."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

import sim
from sim.lab.nodes import LabHost

TOPOLOGIES = Path(__file__).parent.parent / "topologies"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed"),
]


def rows(capture: Path, display_filter: str, *fields: str) -> list[list[str]]:
    """One row per frame that the filter lets through, with the fields asked for."""
    arguments = ["tshark", "-r", str(capture), "-Y", display_filter, "-T", "fields"]
    for field in fields:
        arguments += ["-e", field]
    output = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    return [line.split("\t") for line in output.splitlines()]


@pytest.fixture(scope="module")
def hub_and_switch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("captures") / "hub_versus_switch.pcapng"
    sim.run(TOPOLOGIES / "hub_versus_switch.yaml").network.trace.write_pcapng(path)
    return path


def heard(capture: Path, display_filter: str) -> Counter[str]:
    """How many frames came in at each port."""
    inbound = f"({display_filter}) && frame.packet_flags_direction == 1"
    return Counter(name for (name,) in rows(capture, inbound, "frame.interface_name"))


def test_a_hub_repeats_everything_to_everybody(hub_and_switch: Path) -> None:
    pings = heard(hub_and_switch, "icmp && ip.addr == 10.0.0.1")
    assert pings["h3:eth0"] == pings["h4:eth0"] == 4  # two requests and two replies that are none of their business
    assert pings["h1:eth0"] == pings["h2:eth0"] == 2


def test_a_switch_floods_the_question_and_forwards_the_rest(hub_and_switch: Path) -> None:
    questions = heard(hub_and_switch, "arp.opcode == 1 && arp.src.proto_ipv4 == 10.0.1.1")
    assert all(questions[f"s{number}:eth0"] == 1 for number in (2, 3, 4))
    pings = heard(hub_and_switch, "icmp && ip.addr == 10.0.1.1")
    assert (pings["s1:eth0"], pings["s2:eth0"]) == (2, 2)
    assert pings["s3:eth0"] == pings["s4:eth0"] == 0


def test_a_switch_floods_what_it_has_not_learned_and_says_so_in_a_comment(hub_and_switch: Path) -> None:
    unknown = heard(hub_and_switch, "eth.dst == 02:00:00:00:aa:02")
    assert all(unknown[f"s{number}:eth0"] == 1 for number in (2, 3, 4))
    comments = rows(hub_and_switch, "frame.comment && eth.dst == 02:00:00:00:aa:02", "frame.comment")
    assert comments == [["sw1: flood (unknown) to 3 ports"]]


def test_a_router_changes_the_macs_and_the_ttl_and_nothing_else(tmp_path: Path) -> None:
    net = sim.load(TOPOLOGIES / "two_subnets.yaml")
    pc = net["pc1"]
    assert isinstance(pc, LabHost)
    assert pc.ping("server").received == 1
    capture = tmp_path / "two_subnets.pcapng"
    net.trace.write_pcapng(capture)
    fields = ("eth.src", "eth.dst", "ip.src", "ip.dst", "ip.ttl", "ip.id", "icmp.checksum", "ip.checksum.status")
    request = "icmp.type == 8 && frame.interface_name == "
    (before,) = rows(capture, f'{request}"r1:left"', *fields)
    (after,) = rows(capture, f'{request}"r1:right"', *fields)
    assert before[0:2] == ["02:00:00:00:01:10", "02:00:00:00:01:01"]
    assert after[0:2] == ["02:00:00:00:02:01", "02:00:00:00:02:20"]
    assert before[2:4] == after[2:4] == ["10.0.1.10", "10.0.2.20"]
    assert (int(before[4]), int(after[4])) == (64, 63)
    assert before[5:7] == after[5:7]
