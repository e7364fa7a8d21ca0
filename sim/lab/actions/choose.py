"""Which action a step of the scenario asks for."""

from __future__ import annotations

from sim.lab.actions.base import Action, Cables, Done
from sim.lab.actions.changes import HealAction, LinkAction, NodeAction, PartitionAction, WaitAction
from sim.lab.actions.datagrams import UdpAction
from sim.lab.actions.frames import FrameAction
from sim.lab.actions.leases import DhcpAction
from sim.lab.actions.named import NamedAction, NamedStep, is_name
from sim.lab.actions.probes import PingAction, TracerouteAction
from sim.lab.actions.programs import ProgramAction
from sim.lab.actions.resolve import ResolveAction
from sim.lab.actions.streams import TcpAction
from sim.lab.actions.throughput import ThroughputAction
from sim.lab.actions.web import HttpAction
from sim.lab.network import Network
from sim.scenario import steps
from sim.scenario.throughput import Throughput


def action_for(step: steps.BaseStep, net: Network, cables: Cables, folder: str, on_done: Done) -> Action:
    """The action that a step of the scenario asks for; `folder` is where its file lies.

    Raises TopologyError for what it cannot be done with.
    """
    made = _change(step, net, cables, on_done) or _traffic(step, net, on_done)
    if made is None and isinstance(step, steps.ProgramStep):
        made = ProgramAction(net, step.program, folder, on_done)
    assert made is not None, f"a step that nothing runs: {step}"
    return made


def _traffic(step: steps.BaseStep, net: Network, on_done: Done) -> Action | None:
    """Steps that send something."""
    match step:
        case steps.PingStep() | steps.TracerouteStep() | steps.UdpStep() | steps.TcpStep() | steps.ThroughputStep():
            return _sending(step.action, net, on_done)
        case steps.ResolveStep():
            return ResolveAction(net, step.resolve, on_done)
        case steps.HttpStep():
            return HttpAction(net, step.http, on_done)
        case steps.DhcpStep():
            return DhcpAction(net, step.dhcp, on_done)
        case steps.FrameStep():
            return FrameAction(net, step.frame, on_done)
    return None


def _change(step: steps.BaseStep, net: Network, cables: Cables, on_done: Done) -> Action | None:
    """Steps that change the network, or let time pass."""
    match step:
        case steps.LinkStep():
            return LinkAction(net, step.link, cables, on_done)
        case steps.NodeStep():
            return NodeAction(net, step.node, on_done)
        case steps.PartitionStep():
            return PartitionAction(net, step.partition, on_done)
        case steps.HealStep():
            return HealAction(net, on_done)
        case steps.WaitStep():
            return WaitAction(net, step.wait, on_done)
    return None


def _sending(step: NamedStep, net: Network, on_done: Done) -> Action:
    """The action of a step that sends to `to`, which may be a name that has to be looked up first."""

    def make(target: str) -> Action:
        return _sending_to(step.model_copy(update={"to": target}), net, on_done)

    return NamedAction(net, step, make, on_done) if is_name(net, step.to) else _sending_to(step, net, on_done)


def _sending_to(step: NamedStep, net: Network, on_done: Done) -> Action:
    if isinstance(step, steps.Ping):
        return PingAction(net, step, on_done)
    if isinstance(step, steps.Traceroute):
        return TracerouteAction(net, step, on_done)
    if isinstance(step, Throughput):
        return ThroughputAction(net, step, on_done)
    return UdpAction(net, step, on_done) if isinstance(step, steps.Udp) else TcpAction(net, step, on_done)
