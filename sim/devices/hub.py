"""A hub: a repeater with many ports. It knows nothing, so everybody hears everything.

1. A frame comes in on a port.
2. It goes out on every other port, unchanged.
"""

from __future__ import annotations

from sim.devices.device import Device
from sim.engine.engine import Engine
from sim.links.port import Port
from sim.tracing import kinds
from sim.tracing.recorder import Recorder


class Hub(Device):
    """Repeats each frame to all ports but the one that it came from."""

    def __init__(self, engine: Engine, name: str, recorder: Recorder, record: bool) -> None:
        super().__init__(engine, name, "hub", recorder, record)
        self.repeated: int = 0

    def receive(self, port: Port, frame: bytes) -> None:
        others = [other for other in self.ports if other is not port and other.up]
        self.repeated += 1
        if self.journal.recording:
            self.note(kinds.REPEAT, len(others))
        for other in others:
            other.send(frame)

    def counters(self) -> dict[str, int]:
        return super().counters() | {"repeated": self.repeated}
