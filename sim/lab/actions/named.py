"""A step whose destination is a name of DNS: it is looked up on the sending host first, and then the step begins.

Path, journeys and counts are those of the step's own packets; who was asked for the name is told beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.errors import TopologyError
from sim.lab.actions.base import Action, Done
from sim.lab.lookups import Lookup, look_up
from sim.lab.naming import unknown
from sim.lab.network import Network
from sim.lab.nodes import Tools
from sim.scenario import steps
from sim.scenario.expect import Expect
from sim.scenario.throughput import Throughput
from sim.wire.addresses import format_ip

NamedStep = steps.Ping | steps.Traceroute | steps.Udp | steps.Tcp | Throughput


class NamedAction(Action):
    """`make` gives the action of the same step with an address in place of the name."""

    def __init__(self, net: Network, step: NamedStep, make: Callable[[str], Action], on_done: Done) -> None:
        super().__init__(net, on_done)
        node = net[step.source]
        if not isinstance(node, Tools):
            raise unknown("node or address", step.to, net.nodes)
        self.name = step.to
        self.asker = step.source
        self.title = f"{type(step).__name__.lower()} {step.source} -> {step.to}"
        self.title += f" port {step.port}" if isinstance(step, steps.Udp | steps.Tcp) else ""
        self.lookup: Lookup | None = None
        self._node = node
        self._make = make
        self._inner: Action | None = None
        # what it may cost is known before its destination is
        self._allowance = make("0.0.0.0").allowance()

    def start(self) -> None:
        look_up(self._node, self.name, self._found)

    def allowance(self) -> int:
        return self._allowance

    def watched(self) -> int | None:
        return None if self._inner is None else self._inner.watched()

    def path(self) -> list[str]:
        return [] if self._inner is None else self._inner.path()

    def outcome(self) -> dict[str, Any]:
        if self._inner is not None:
            self.roots = self._inner.roots
            return self._inner.outcome()
        error = "" if self.lookup is None else self.lookup.error
        # of what was never begun nothing was sent, nothing came, and nothing is connected
        blank = {"sent": 0, "received": 0, "lost": 0, "replies": 0, "hops": [], "reached": False, "connected": False}
        return {**blank, "flows": [], "error": error}

    def summary(self) -> str:
        if self.lookup is None or not self.lookup.addresses:
            return ""
        summary = "" if self._inner is None else self._inner.summary()
        return f"{self.name} is {format_ip(self.lookup.addresses[0])}; {summary}"

    def faults(self, expected: Expect) -> list[str]:
        if self._inner is not None:
            return self._inner.faults(expected)
        if getattr(expected, "error", None) is not None or self.lookup is None:
            return []
        return [f"{self.name}: {self.lookup.error}"]

    def check(self, name: str, wanted: Any) -> list[str] | None:
        return None if self._inner is None else self._inner.check(name, wanted)

    def _found(self, lookup: Lookup) -> None:
        self.lookup = lookup
        if not lookup.addresses:
            self.on_done()
            return
        self._inner = self._make(format_ip(lookup.addresses[0]))
        self.net.engine.at(self.net.now, self._begin)  # nothing of the answer is the cause of what comes now

    def _begin(self) -> None:
        assert self._inner is not None
        self._inner.start()
        self.roots = self._inner.roots


def is_name(net: Network, target: str) -> bool:
    """Whether a step's destination is neither an address nor in the network."""
    try:
        net.resolve(target)
    except TopologyError:
        return target.partition(":")[0] not in net.nodes
    return False
