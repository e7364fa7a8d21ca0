"""`frame`: bytes that are sent as they are."""

from __future__ import annotations

from typing import Any, Final

from sim.devices.node import IpNode
from sim.engine.engine import Timer
from sim.errors import TopologyError
from sim.lab.actions.base import Action, Done
from sim.lab.crafting import FrameError, craft
from sim.lab.network import Network
from sim.links.port import Port
from sim.scenario import steps
from sim.tracing import kinds
from sim.wire.addresses import format_ip

SETTLE_TIME: Final = 1_000_000_000
"""How long (ns) a `frame` step watches what its last frame set off."""


class FrameAction(Action):
    def __init__(self, net: Network, step: steps.Frame, on_done: Done) -> None:
        super().__init__(net, on_done)
        self.title = f"frame from {step.source}"
        self.step = step
        self.port = self._port(str(step.source))
        try:
            self.frame = craft(step.data, self.port.mac, self._address())
        except FrameError as error:
            raise TopologyError(str(error)) from None
        self.sent = 0
        self._timer: Timer = net.engine.timer(self._send)

    def start(self) -> None:
        self._send()

    def outcome(self) -> dict[str, Any]:
        return {"sent": self.sent}

    def summary(self) -> str:
        return f"{self.sent} sent, {len(self.frame)} bytes each"

    def _send(self) -> None:
        net = self.net
        self.sent += 1
        engine = net.engine
        engine.cause = engine.number()
        self.roots.append(engine.cause)
        net.note(self.port, kinds.ORIGIN, f"hand-crafted frame of {len(self.frame)} bytes")
        self.port.send(self.frame)
        engine.cause = 0
        if self.sent < self.step.count:
            self._timer.set(engine.now + self.step.interval)
        else:
            engine.after(SETTLE_TIME, self.on_done)

    def _port(self, end: str) -> Port:
        name, _, port_name = end.partition(":")
        node = self.net[name]
        if port_name:
            return self.net.port(end)
        linked = [port for port in node.ports if port.channel is not None]
        if not linked:
            raise TopologyError(f"{name} has no link to send on")
        return linked[0]

    def _address(self) -> str:
        owner = self.port.owner
        if isinstance(owner, IpNode) and (addresses := owner.stack.interfaces[self.port.number].addresses):
            return format_ip(addresses[0][0])
        return "0.0.0.0"
