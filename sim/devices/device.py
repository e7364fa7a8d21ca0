"""What every device has: a name, ports, and a journal of what it decided."""

from __future__ import annotations

from mypy_extensions import mypyc_attr

from sim.engine.engine import Engine
from sim.links.port import Port, Receiver
from sim.tracing.journal import Journal
from sim.tracing.recorder import Detail, Recorder


@mypyc_attr(allow_interpreted_subclasses=True)
class Device(Receiver):
    """A box with ports. A device of your own overrides `receive(port, frame)` and calls `send` on its ports.

    `recorder` holds the names of all devices and ports; notes go to it only when `record` is true.
    """

    def __init__(self, engine: Engine, name: str, kind: str, recorder: Recorder, record: bool) -> None:
        self.engine = engine
        self.name = name
        self.kind = kind
        self.ports: list[Port] = []
        self.powered: bool = True
        self.journal = Journal(recorder if record else None, recorder.add_node(name, kind))
        self._names = recorder

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"

    def add_port(self, name: str, mac: bytes) -> Port:
        """Give the device another port."""
        index = self._names.add_port(self.journal.node, name)
        port = Port(self.engine, self, name, mac, index, len(self.ports))
        self.ports.append(port)
        return port

    def port(self, name: str) -> Port:
        """The port called `name`. Raises KeyError."""
        for port in self.ports:
            if port.name == name:
                return port
        raise KeyError(f"{self.name} has no port {name}")

    def note(self, kind: int, detail: Detail) -> None:
        """Note a decision about the frame being handled."""
        self.journal.note(self.engine.now, self.engine.cause, kind, detail)

    def drop(self, reason: str) -> None:
        """The frame being handled goes no further."""
        self.journal.drop(self.engine.now, self.engine.cause, reason)

    def set_power(self, on: bool) -> None:
        """Switch it on or off. What a device has learned does not survive; overrides forget it."""
        self.powered = on

    def counters(self) -> dict[str, int]:
        """What it has counted, by name; subclasses add their own."""
        return {
            "sent": sum(port.channel.frames for port in self.ports if port.channel is not None),
            "received": sum(port.frames for port in self.ports),
            "dropped": sum(self.drops().values()),
        }

    def drops(self) -> dict[str, int]:
        """How many frames were dropped here or on leaving here, by reason."""
        total = dict(self.journal.drops)
        for port in self.ports:
            if port.channel is not None and port.channel.drops is not None:
                for reason, count in port.channel.drops.items():
                    total[reason] = total.get(reason, 0) + count
        return total
