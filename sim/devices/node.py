"""What hosts and routers have in common: an IP stack behind their ports, woken by the engine's clock.

Interface number i of the stack is port number i of the node, with the same name and MAC address.
"""

from __future__ import annotations

from mypy_extensions import mypyc_attr

from sim.devices.device import Device
from sim.engine.engine import NEVER, Engine, Timer
from sim.links.channel import Channel, Properties
from sim.links.port import Port
from sim.stack.interfaces import DEFAULT_MTU, Interface
from sim.stack.ip import IpStack
from sim.stack.neighbours import STATE_NAMES
from sim.stack.outside import Outside
from sim.tracing import kinds
from sim.tracing.recorder import Recorder
from sim.wire.addresses import MAC_ZERO, format_ip, format_mac


@mypyc_attr(allow_interpreted_subclasses=True)
class IpNode(Device):
    """A device with an IP stack. `stack` is all that it knows of IP."""

    def __init__(self, engine: Engine, name: str, kind: str, recorder: Recorder, record: bool) -> None:
        super().__init__(engine, name, kind, recorder, record)
        self.stack = IpStack(PortOutside(self), self.journal)

    def add_interface(self, name: str, mac: bytes, mtu: int = DEFAULT_MTU) -> Interface:
        """Give the node a port with an interface behind it. Its loopback interface, if any, comes later."""
        loopback = self.stack.loopback
        if loopback is not None and loopback.index == len(self.ports):
            self.add_loopback(loopback)  # a group was joined on it, but nothing has been sent there yet
        self.add_port(name, mac)
        interface = self.stack.add_interface(name, mac, mtu)
        interface.up = False
        return interface

    def interface(self, name: str) -> Interface:
        """The interface called `name`. Raises KeyError."""
        for interface in self.stack.interfaces:
            if interface.name == name:
                return interface
        raise KeyError(f"{self.name} has no interface {name}")

    def receive(self, port: Port, frame: bytes) -> None:
        engine = self.engine
        self.stack.receive(self.stack.interfaces[port.number], frame, engine.now, engine.cause)

    def originate(self, text: str) -> int:
        """Begin something that nothing on the wire has caused; return its id, the root of a journey."""
        engine = self.engine
        engine.cause = engine.number()
        self.note(kinds.ORIGIN, text)
        self.stack.enter(engine.now, engine.cause)
        return engine.cause

    def port_changed(self, port: Port) -> None:
        engine = self.engine
        self.stack.enter(engine.now, engine.cause)
        self.stack.set_up(self.stack.interfaces[port.number], port.up, engine.now)

    def set_power(self, on: bool) -> None:
        super().set_power(on)
        if not on:
            self.stack.reset(self.engine.now)

    def arp_table(self) -> dict[str, tuple[str, str]]:
        """Per IP address the MAC address and the state of the neighbour, over all interfaces."""
        return {
            format_ip(entry.address): (format_mac(entry.mac), STATE_NAMES[entry.state_at(self.engine.now)])
            for interface in self.stack.interfaces
            for entry in self.stack.neighbours(interface).entries.values()
        }

    def counters(self) -> dict[str, int]:
        conflicts = sum([self.stack.neighbours(interface).conflicts for interface in self.stack.interfaces])
        return super().counters() | {"conflicts": conflicts}

    def add_loopback(self, interface: Interface) -> None:
        """Add the port behind the stack's loopback interface: a wire from the node to itself."""
        port = self.add_port(interface.name, MAC_ZERO)
        self._names.connect(port.index, port.index)
        port.channel = Channel(self.engine, port.index, self.journal.node, port, self.journal.recorder)
        port.channel.configure(Properties())
        port.up = True


class PortOutside(Outside):
    """The way from a stack to its node's ports and timer."""

    def __init__(self, node: IpNode) -> None:
        self._node = node
        self._timer: Timer | None = None

    def transmit(self, interface: Interface, frame: bytes, cause: int) -> None:
        node = self._node
        if interface.index == len(node.ports):
            node.add_loopback(interface)
        engine = node.engine
        current = engine.cause
        engine.cause = cause
        node.ports[interface.index].send(frame)
        engine.cause = current

    def wake_at(self, time: int) -> None:
        timer = self._timer
        if timer is None:
            timer = self._timer = self._node.engine.timer(self._handle_timers)
        if time == NEVER:
            timer.cancel()
        else:
            timer.set(time)

    def _handle_timers(self) -> None:
        node = self._node
        node.stack.handle_timers(node.engine.now)
