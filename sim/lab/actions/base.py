"""What every step is while it runs: it starts something, tells when it is done, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.devices.node import IpNode
from sim.errors import TopologyError
from sim.lab.dhcp import clients_of
from sim.lab.network import Network
from sim.links.link import Link
from sim.scenario.cables import LinkProperties
from sim.scenario.expect import Expect
from sim.wire.addresses import IPV4_ANY

Done = Callable[[], None]
Cables = dict[Link, LinkProperties]


class Action:
    """One step in progress. `roots` are the journeys it began; `on_done` is called once, when it has ended."""

    title: str = ""
    asker: str | None = None
    """The node that may ask for names in this step: whom it asked is told in the report."""
    lingers: bool = False
    """Whether it goes on while later steps run. Such an action ends by itself, or when `finish` is called."""

    def __init__(self, net: Network, on_done: Done) -> None:
        self.net = net
        self.roots: list[int] = []
        self.on_done = on_done

    unaddressed: str | None = None
    """Why its destination had no address when it should have begun; then it has not."""

    def start(self) -> None:
        raise NotImplementedError

    def finish(self) -> None:
        """The scenario is over: an action that lingers comes to its end."""

    def faults(self, expected: Expect) -> list[str]:
        """What went wrong that nobody expected, beside the expectations that are written."""
        unexpected = self.unaddressed is not None and getattr(expected, "error", None) is None
        return [f"error: {self.unaddressed}"] if unexpected else []

    def find(self, target: str) -> bytes | None:
        """The address of a destination now that the step begins. Without one, whose lease is missing, it has ended."""
        try:
            return self.net.resolve(target)
        except TopologyError as error:
            if not is_leased(self.net, target):
                raise
            self.unaddressed = error.message
            self.on_done()
            return None

    def allowance(self) -> int:
        """How many events more than other steps it may need."""
        return 0

    def watched(self) -> int | None:
        """The journey whose path is the step's: that of its first packet. None when it sent none."""
        return self.roots[0] if self.roots else None

    def path(self) -> list[str]:
        """The nodes that the step's first packet went through; empty when it sent none."""
        root = self.watched()
        return [] if root is None else self.net.trace.journey(root).path()

    def outcome(self) -> dict[str, Any]:
        """What came of it: counts, times in ns, lists of names. The keys are those that `expect` knows."""
        return {}

    def check(self, name: str, wanted: Any) -> list[str] | None:
        """What is wrong with an expectation that only this step has; None for one that it does not judge itself."""
        return None

    def summary(self) -> str:
        """What came of it, in a few words."""
        return ""


def foresee(net: Network, target: str) -> bytes:
    """The address of a step's destination before it begins: 0.0.0.0 for one that is leased. Raises TopologyError."""
    return IPV4_ANY if is_leased(net, target) else net.resolve(target)


def is_leased(net: Network, target: str) -> bool:
    """Whether a node, or an interface of it, has its address by DHCP."""
    name, _, port = target.partition(":")
    return any(not port or client.interface.name == port for client in clients_of(net.nodes.get(name)))


def ip_node(net: Network, name: str) -> IpNode:
    """The host or router called `name`. Raises TopologyError."""
    node = net[name]
    if not isinstance(node, IpNode):
        raise TopologyError(f"{name} is a {node.kind}: it has no IP address to send from")
    return node
