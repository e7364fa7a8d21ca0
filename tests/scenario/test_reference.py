"""The YAML reference, topologies/README.md: its examples hold, and it names every key there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sim.scenario.bridging import Bridge
from sim.scenario.dhcp import Dhcp, DhcpExpect, DhcpStepAction, Relay
from sim.scenario.dns import NameServer, ZoneData
from sim.scenario.expect import Expect, PingExpect, ProgramExpect, ResolveExpect, TcpExpect, TracerouteExpect, UdpExpect
from sim.scenario.firewall import Firewall, Match, Rule
from sim.scenario.lint import lint
from sim.scenario.load import loads
from sim.scenario.model import KINDS, STEPS, Defaults, Generate, Interface, Link, Model, Route, Topology
from sim.scenario.nat import Forward, Nat, Timeouts
from sim.scenario.programs import Command, Program
from sim.scenario.queueing import CoDel, Discipline, DropTail, FqCoDel, Red, TokenBucket
from sim.scenario.services import Echo, Service
from sim.scenario.shapes import FatTree, Line, Random, Ring, Star, Tree
from sim.scenario.small_servers import (
    Chargen,
    Daytime,
    Discard,
    HttpProxy,
    Ntp,
    Smtp,
    Socks,
    ThroughputServer,
    TimeServer,
)
from sim.scenario.steps import Frame, LinkChange, NodeChange, Partition, Ping, Resolve, Tcp, Traceroute, Udp
from sim.scenario.throughput import Throughput, ThroughputExpect
from sim.scenario.web import Page, SecureWebServer, Site, WebServer
from sim.scenario.web_steps import HttpExpect, HttpRequest, TimingExpect

TOPOLOGIES = Path(__file__).parents[2] / "topologies"
PAGE = (TOPOLOGIES / "README.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
MODELS: list[type[Model]] = [
    *(Topology, Defaults, Interface, Link, Route, Ping, Traceroute, Udp, Tcp, Frame, LinkChange, NodeChange),
    *(Bridge, Command, Program, Service, Echo, Partition, Resolve, NameServer, ZoneData),
    *(Nat, Forward, Timeouts, Firewall, Rule, Match),
    *(Chargen, Daytime, Discard, HttpProxy, Ntp, Smtp, Socks, ThroughputServer, TimeServer),
    *(Page, Site, WebServer, SecureWebServer, HttpRequest, HttpExpect, TimingExpect, Throughput, ThroughputExpect),
    *(Dhcp, DhcpExpect, DhcpStepAction, Relay),
    *(Generate, Line, Ring, Star, Tree, FatTree, Random),
    *(Discipline, DropTail, Red, CoDel, FqCoDel, TokenBucket),
    *(Expect, PingExpect, TracerouteExpect, UdpExpect, TcpExpect, ResolveExpect, ProgramExpect),
    *KINDS.values(),
    *STEPS.values(),
]
CODES = {
    "unknown-node", "unknown-port", "unknown-link", "port-in-use", "no-free-port", "wrong-kind", "no-address",
    "no-path", "no-file", "no-name-server", "no-root", "bad-zone", "bad-capture",
    "address-misuse", "duplicate-ip", "duplicate-mac", "gateway-off-subnet", "gateway-missing",
    "next-hop-off-subnet",
    "mask-mismatch", "subnet-overlap", "mtu-mismatch", "l2-loop", "dangling-port", "unlinked-node",
    "unreachable-destination", "no-outside", "forward-nowhere", "shadowed-rule", "unknown-rule",
    "no-dhcp-server", "no-dhcp-client", "pool-overlap", "pool-off-subnet",
}  # fmt: skip
VALUES = {
    "full-cone", "address-restricted", "port-restricted", "endpoint-independent", "address-dependent",
    "address-and-port-dependent", "internal-source", "port-unreachable", "6000-6010",
}  # fmt: skip
"""What can be written, and looks like a code."""


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_have_no_problem(text: str) -> None:
    assert [str(problem) for problem in lint(loads(text, str(TOPOLOGIES / "example.yaml")))] == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_is_explained(model: type[Model]) -> None:
    words = set(re.findall(r"[\w-]+", " ".join(re.findall(r"`([^`\n]+)`", PAGE)) + " ".join(EXAMPLES)))
    keys = {field.alias or name for name, field in model.model_fields.items()}
    assert keys <= words


def test_every_code_is_explained() -> None:
    source = "".join(file.read_text("utf-8") for file in (Path(__file__).parents[2] / "sim" / "scenario").glob("*.py"))
    used = set(re.findall(r'"([a-z0-9]+(?:-[a-z0-9]+)+)"', source)) - {"utf-8", "link-local"} - VALUES
    assert used == CODES
    assert {code for code in CODES if f"`{code}`" not in PAGE} == set()
