"""From a topology's nodes with a bare port to live ones: `replay`, `tap`, `vxlan`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.errors import TopologyError
from sim.lab.network import Network
from sim.lab.outlets import TapOutlet
from sim.lab.replay import ReplayNode
from sim.lab.vxlan import VxlanOutlet
from sim.scenario.capture_files import CaptureError, frames_of
from sim.scenario.outlets import Outlet, Outside, Replay, Tap, Vxlan

if TYPE_CHECKING:
    from sim.scenario.model import Topology


def add_outlet(net: Network, name: str, spec: Outlet, folder: str) -> None:
    """Add the node that a topology describes; paths lead on from `folder`. Raises TopologyError."""
    if isinstance(spec, Replay):
        try:
            frames = frames_of(spec, folder)
        except CaptureError as error:
            raise TopologyError(str(error), hint=error.hint) from None
        net.add(
            ReplayNode(
                net,
                name,
                frames,
                speed=spec.speed,
                start=spec.start,
                loop=spec.loop,
                pause=spec.pause,
                source=spec.file,
            )
        )
    elif isinstance(spec, Tap):
        net.add(TapOutlet(net, name, spec.device, spec.netns))
    elif isinstance(spec, Vxlan):
        local = (str(spec.local.address), spec.local.port)
        remotes = [(str(end.address), end.port) for end in spec.remote]
        net.add(VxlanOutlet(net, name, spec.vni, local, remotes, spec.netns))


def refuse_virtual_time(topology: Topology) -> None:
    """Raise TopologyError for a topology with nodes that lead out, where time is virtual and leaps."""
    for name, node in topology.written_nodes.items():
        if isinstance(node, Outside):
            raise topology.error(
                ("nodes", name, "kind"),
                f"{node.kind} '{name}' leads out of the simulation, where time cannot leap as it does in a run",
                "`sim bridge FILE` runs it in real time",
            )
