"""Fakes for people who write devices, rules and tests: small real parts in place of a whole network.

`Traffic` tells what went over the wires of a whole one.
"""

from __future__ import annotations

from sim.engine.engine import NEVER, Engine
from sim.lab.traffic import Packet, Traffic
from sim.links.channel import Properties
from sim.links.link import Link
from sim.links.port import Port, Receiver
from sim.stack.interfaces import Interface
from sim.stack.outside import Outside
from sim.tracing.recorder import Recorder

__all__ = ["FakeOutside", "Packet", "Sink", "Traffic", "linked"]


class Sink(Receiver):
    """An owner of one port that keeps what arrives: `frames` holds `(time_ns, bytes)`, `carrier` each change of it."""

    def __init__(self, engine: Engine, recorder: Recorder, name: str) -> None:
        self.engine = engine
        self.name = name
        self.frames: list[tuple[int, bytes]] = []
        self.carrier: list[bool] = []
        self.node = recorder.add_node(name, "sink")
        self.port = Port(engine, self, "eth0", bytes(6), recorder.add_port(self.node, "eth0"), 0)

    def receive(self, port: Port, frame: bytes) -> None:
        self.frames.append((self.engine.now, frame))

    def port_changed(self, port: Port) -> None:
        self.carrier.append(port.up)


def linked(engine: Engine, recorder: Recorder, properties: Properties) -> tuple[Sink, Sink, Link]:
    """Two sinks and the link between them."""
    a, b = Sink(engine, recorder, "a"), Sink(engine, recorder, "b")
    recorder.connect(a.port.index, b.port.index)
    return a, b, Link(engine, (a.port, b.port), (a.node, b.node), properties, recorder)


class FakeOutside(Outside):
    """The world around a stack under test: keeps what it sends, and when it wants to be woken (ns)."""

    def __init__(self) -> None:
        self.sent: list[tuple[Interface, bytes, int]] = []
        self.wake: int | None = None

    def transmit(self, interface: Interface, frame: bytes, cause: int) -> None:
        self.sent.append((interface, frame, cause))

    def wake_at(self, time: int) -> None:
        self.wake = None if time == NEVER else time

    def take(self) -> list[bytes]:
        """The frames sent since the last call."""
        frames = [frame for _, frame, _ in self.sent]
        self.sent.clear()
        return frames
