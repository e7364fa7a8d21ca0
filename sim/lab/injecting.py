"""Hand-crafted frames that are sent while a network runs."""

from __future__ import annotations

from sim.devices.node import IpNode
from sim.engine.engine import NO_CAUSE
from sim.errors import TopologyError
from sim.lab.network import Network
from sim.links.port import Port
from sim.tracing import kinds
from sim.wire.addresses import format_ip


def origin_of(net: Network, end: str) -> tuple[Port, bytes, str]:
    """The port `pc1:eth0`, or the first of `pc1` that has a link, with its MAC and IP address. Raises TopologyError."""
    port = _port(net, end)
    owner = port.owner
    if isinstance(owner, IpNode) and (addresses := owner.stack.interfaces[port.number].addresses):
        return port, port.mac, format_ip(addresses[0][0])
    return port, port.mac, "0.0.0.0"


def send(net: Network, port: Port, frame: bytes) -> int:
    """Send a frame as it is; return the journey that begins with it."""
    engine = net.engine
    root = engine.cause = engine.number()
    net.note(port, kinds.ORIGIN, f"hand-crafted frame of {len(frame)} bytes")
    port.send(frame)
    engine.cause = NO_CAUSE
    return root


def _port(net: Network, end: str) -> Port:
    name, _, port_name = end.partition(":")
    node = net[name]
    if port_name:
        return net.port(end)
    linked = [port for port in node.ports if port.channel is not None]
    if not linked:
        raise TopologyError(f"{name} has no link to send on")
    return linked[0]
