"""`frame`: bytes that are sent as they are."""

from __future__ import annotations

from typing import Any, Final

from sim.engine.engine import Timer
from sim.errors import TopologyError
from sim.lab.actions.base import Action, Done
from sim.lab.crafting import FrameError, craft
from sim.lab.injecting import origin_of, send
from sim.lab.network import Network
from sim.scenario import steps

SETTLE_TIME: Final = 1_000_000_000
"""How long (ns) a `frame` step watches what its last frame set off."""


class FrameAction(Action):
    def __init__(self, net: Network, step: steps.Frame, on_done: Done) -> None:
        super().__init__(net, on_done)
        self.title = f"frame from {step.source}"
        self.step = step
        self.port, mac, address = origin_of(net, str(step.source))
        try:
            self.frame = craft(step.data, mac, address)
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
        engine = self.net.engine
        self.sent += 1
        self.roots.append(send(self.net, self.port, self.frame))
        if self.sent < self.step.count:
            self._timer.set(engine.now + self.step.interval)
        else:
            engine.after(SETTLE_TIME, self.on_done)
