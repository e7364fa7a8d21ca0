"""Nodes that are one bare port and lead out of the simulation: to a TAP device, or through a tunnel (`vxlan.py`).

An `Outlet` knows no socket and no device. Who opens one gives it a `transport`, and calls `bring` with each frame that
comes in; until then it has an inside that nobody knows, and what reaches it goes no further.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sim.lab.network import Network
from sim.lab.nodes import Probe
from sim.links.port import Port

NOT_OPEN: Final = "not open: only real time leads out"
"""Why frames end at an outlet to which nobody has given a transport."""


class Outlet(Probe):
    """A bare port that leads out of the simulation.

    `transport` takes a frame out, and returns why it could not, None when it could; `on_carrier` hears of a cable that
    is plugged in (True) or pulled out. `refused` counts by reason what got in or out no further than here.
    """

    def __init__(self, net: Network, name: str, kind: str) -> None:
        super().__init__(net.engine, name, net.next_mac(), net.recorder, kind)
        self.transport: Callable[[bytes], str | None] | None = None
        self.on_carrier: Callable[[bool], None] | None = None
        self.refused: dict[str, int] = {}
        self._net = net
        self._lost = 0

    def receive(self, port: Port, frame: bytes) -> None:
        reason = NOT_OPEN if self.transport is None else self.transport(frame)
        if reason is not None:
            self._lost += 1
            self.refuse(reason)
            self._net.drop(port, reason)

    def refuse(self, reason: str) -> None:
        """Count something that went no further than here."""
        self.refused[reason] = self.refused.get(reason, 0) + 1

    def bring(self, frame: bytes) -> None:
        """Send a frame that came from outside, now; it is the root of a journey."""
        self._send(frame)

    def port_changed(self, port: Port) -> None:
        if self.on_carrier is not None:
            self.on_carrier(port.up)

    def counters(self) -> dict[str, int]:
        """Frames sent into the network, frames received and taken out, and what was refused either way."""
        received = int(self.ports[0].frames) - self._lost
        return super().counters() | {"received": received, "refused": sum(self.refused.values())}

    def drops(self) -> dict[str, int]:
        total = super().drops()
        for reason, count in self.refused.items():
            total[reason] = total.get(reason, 0) + count
        return total


class TapOutlet(Outlet):
    """Where a TAP device called `device`, in the network namespace `netns`, is to be: None is the one we are in."""

    def __init__(self, net: Network, name: str, device: str, netns: str | None = None) -> None:
        super().__init__(net, name, "tap")
        self.device = device
        self.netns = netns
