"""Two hosts with two routers between them: h1 - r1 - r2 - h2, every link 1 ms long."""

from __future__ import annotations

import pytest

from sim.lab.network import Network
from sim.lab.nodes import LabHost


class Chain:
    """10.0.0.0/24 around h1, 10.1.0.0/24 between the routers, 10.2.0.0/24 around h2."""

    def __init__(self) -> None:
        net = self.net = Network()
        self.h1: LabHost = net.host("h1", "10.0.0.1/24", gateway="10.0.0.254")
        self.h2: LabHost = net.host("h2", "10.2.0.1/24", gateway="10.2.0.254")
        net.router("r1", {"a": "10.0.0.254/24", "b": "10.1.0.1/24"}, routes={"10.2.0.0/24": "10.1.0.2"})
        net.router("r2", {"a": "10.1.0.2/24", "b": "10.2.0.254/24"}, routes={"10.0.0.0/24": "10.1.0.1"})
        ends = (("h1", "r1:a"), ("r1:b", "r2:a"), ("r2:b", "h2"))
        self.links = [net.link(a, b, delay="1ms") for a, b in ends]

    def warm_up(self) -> None:
        """Let everybody know his neighbours, so that times are those of the wire alone."""
        self.h1.ping("h2", timeout="1s")


@pytest.fixture
def chain() -> Chain:
    return Chain()
