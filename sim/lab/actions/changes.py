"""`link`, `node`, `partition`, `heal` and `wait`: what changes the network, or lets time pass."""

from __future__ import annotations

from sim.errors import TopologyError
from sim.lab.actions.base import Action, Cables, Done
from sim.lab.build import impairments, link_properties
from sim.lab.network import Network
from sim.lab.replay import ReplayNode
from sim.scenario import steps
from sim.units import format_duration


class LinkAction(Action):
    def __init__(self, net: Network, step: steps.LinkChange, cables: Cables, on_done: Done) -> None:
        super().__init__(net, on_done)
        self.step = step
        self.cables = cables
        ends = [str(end) for end in step.endpoints]
        self.link = net.link_between(ends[0], ends[1])
        self.title = f"link {ends[0]} - {ends[1]}"

    def start(self) -> None:
        before = self.cables[self.link]
        after = self.cables[self.link] = self.step.merged(before)
        if after.state != before.state:
            self.net.set_link(self.link, not after.down)
        self.net.configure(self.link, link_properties(after), impairments(after))
        self.on_done()

    def summary(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.step.changes().items())


class NodeAction(Action):
    def __init__(self, net: Network, step: steps.NodeChange, on_done: Done) -> None:
        super().__init__(net, on_done)
        self.step = step
        self.title = f"node {step.name}"
        if net[step.name].kind == "probe":
            raise TopologyError(f"{step.name} is a probe: it has no power switch")

    def start(self) -> None:
        self.net.set_power(self.step.name, self.step.state == "up")
        self.on_done()

    def summary(self) -> str:
        return self.step.state


class PartitionAction(Action):
    def __init__(self, net: Network, step: steps.Partition, on_done: Done) -> None:
        super().__init__(net, on_done)
        self.step = step
        self.title = "partition " + " | ".join(", ".join(group) for group in step.groups)

    def start(self) -> None:
        self.net.partition(self.step.groups)
        self.on_done()


class HealAction(Action):
    title = "heal"

    def start(self) -> None:
        self.net.heal()
        self.on_done()


class WaitAction(Action):
    """Its journeys are those of the frames that are replayed in the meantime."""

    def __init__(self, net: Network, duration: int, on_done: Done) -> None:
        super().__init__(net, on_done)
        self.title = f"wait {format_duration(duration)}"
        self._duration = duration

    def start(self) -> None:
        replays = [node for node in self.net.nodes.values() if isinstance(node, ReplayNode)]
        before = [len(node.roots) for node in replays]

        def end() -> None:
            self.roots = sorted(
                root for node, count in zip(replays, before, strict=True) for root in node.roots[count:]
            )
            self.on_done()

        self.net.engine.after(self._duration, end)
