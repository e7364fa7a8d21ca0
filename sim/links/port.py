"""A port: where a device ends and a link begins."""

from __future__ import annotations

from collections.abc import Callable

from mypy_extensions import i64, mypyc_attr

from sim.engine.engine import Engine, Target
from sim.links.channel import Channel

Tap = Callable[[int, "Port", bytes], None]
"""A sniffer: called with the time (ns), the port, and the bytes that left or reached it."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Receiver:
    """Whoever owns ports: a device, or a probe of a test."""

    name: str

    def receive(self, port: Port, frame: bytes) -> None:
        """A frame has reached `port`."""
        raise NotImplementedError

    def port_changed(self, port: Port) -> None:
        """The carrier of `port` came (`port.up`) or went."""


class Port(Target):
    """One network port. `up` says whether there is a carrier.

    `index` is its number in the trace, `number` its place among the ports of its owner,
    `frames` counts what arrived.
    """

    def __init__(self, engine: Engine, owner: Receiver, name: str, mac: bytes, index: int, number: int) -> None:
        self.engine = engine
        self.owner = owner
        self.name = name
        self.mac = mac
        self.index = index
        self.number = number
        self.up = False
        self.channel: Channel | None = None
        self.taps: tuple[Tap, ...] = ()
        self.frames: i64 = 0

    def __repr__(self) -> str:
        return f"<port {self.owner.name}:{self.name}>"

    def send(self, frame: bytes) -> None:
        """Hand a frame to the link. Without a link it is gone, as from a socket with no cable in it."""
        if self.taps:
            self._tap(frame)
        channel = self.channel
        if channel is not None:
            channel.send(frame)

    def fire(self, frame: bytes) -> None:
        """A frame arrives."""
        self.frames += 1
        if self.taps:
            self._tap(frame)
        self.owner.receive(self, frame)

    def _tap(self, frame: bytes) -> None:
        for tap in self.taps:
            tap(self.engine.now, self, frame)
