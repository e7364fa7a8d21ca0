"""A small network with something of everything: a hub, a switch, a router, and a lossy far end."""

from __future__ import annotations

import pytest

from sim.lab.network import Network
from sim.lab.nodes import LabHost
from sim.links.rules import Rule


class Office:
    """pc1 and pc2 at a switch, the router r1, and web behind a hub with a probe that listens in."""

    def __init__(self, seed: int = 1, rules: tuple[Rule, ...] = ()) -> None:
        net = self.net = Network(seed=seed)
        self.pc1: LabHost = net.host("pc1", "10.0.0.1/24", gateway="10.0.0.254")
        self.pc2: LabHost = net.host("pc2", "10.0.0.2/24", gateway="10.0.0.254")
        self.web: LabHost = net.host("web", "10.1.0.1/24", gateway="10.1.0.254")
        net.switch("sw1")
        net.router("r1", {"lan": "10.0.0.254/24", "wan": "10.1.0.254/24"})
        net.hub("hub1")
        net.probe("spy")
        for end in ("pc1", "pc2", "r1:lan"):
            net.link(end, "sw1", bandwidth="1Gbps", delay="10us")
        for end in ("r1:wan", "web", "spy"):
            net.link(end, "hub1", bandwidth="100Mbps", delay="1ms", rules=rules)


@pytest.fixture
def office() -> Office:
    return Office()
