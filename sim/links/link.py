"""A full-duplex link between two ports: two channels with the same properties, and one carrier."""

from __future__ import annotations

from sim.engine.engine import Engine
from sim.links.channel import Channel, Properties
from sim.links.port import Port
from sim.links.rules import Rule
from sim.tracing.recorder import Recorder


class Link:
    """Joins `ports[0]` and `ports[1]`; `channels[0]` leads from the first to the second, `channels[1]` back.

    The carrier is there when the link itself is up and so are both devices. When it goes, what was queued or on its
    way is lost with the reason "link down", and both owners are told.
    """

    def __init__(
        self,
        engine: Engine,
        ports: tuple[Port, Port],
        nodes: tuple[int, int],
        properties: Properties,
        recorder: Recorder | None,
    ) -> None:
        for port in ports:
            if port.channel is not None:
                raise ValueError(f"{port.owner.name}:{port.name} has a link already")
        self.ports = ports
        self.properties = properties
        self.channels = (
            Channel(engine, ports[0].index, nodes[0], ports[1], recorder),
            Channel(engine, ports[1].index, nodes[1], ports[0], recorder),
        )
        self._up = True
        self._powered = (True, True)
        for port, channel in zip(ports, self.channels, strict=True):
            port.channel = channel
            port.up = True
        self.configure(properties)

    def configure(self, properties: Properties) -> None:
        """Take on new properties in both directions, for the frames that come from now on."""
        self.properties = properties
        for channel in self.channels:
            channel.configure(properties)

    def add_rule(self, rule: Rule) -> None:
        """Let `rule` judge the frames of both directions, after the rules that are there."""
        for channel in self.channels:
            channel.rules = (*channel.rules, rule)

    def remove_rule(self, rule: Rule) -> None:
        """Take a rule out again, wherever it is."""
        for channel in self.channels:
            channel.rules = tuple([other for other in channel.rules if other is not rule])

    @property
    def up(self) -> bool:
        """Whether there is a carrier."""
        return self._up and all(self._powered)

    def set_up(self, up: bool) -> None:
        """Plug the cable in, or pull it out."""
        self._up = up
        self._follow()

    def set_power(self, port: Port, on: bool) -> None:
        """The device at `port` was switched on or off."""
        first, second = self._powered
        self._powered = (on, second) if port is self.ports[0] else (first, on)
        self._follow()

    def _follow(self) -> None:
        """Bring both ends in line with the carrier, if it changed."""
        up = self.up
        if up == self.ports[0].up:
            return
        for port, channel in zip(self.ports, self.channels, strict=True):
            port.up = up
            channel.set_up(up)
        for port in self.ports:
            port.owner.port_changed(port)
