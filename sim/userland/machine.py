"""The host or router that a program runs on."""

from __future__ import annotations

from typing import Protocol

from sim.engine.engine import Engine, Timer
from sim.stack.address_check import AddressCheck
from sim.stack.interfaces import Interface
from sim.stack.ip import IpStack
from sim.stack.link_sockets import LinkSocket
from sim.stack.routes import Route
from sim.stack.service import IcmpError
from sim.stack.tcp.sockets import TcpSocket
from sim.stack.udp_socket import UdpSocket

__all__ = [
    "AddressCheck",
    "IcmpError",
    "Interface",
    "LinkSocket",
    "Machine",
    "Route",
    "TcpSocket",
    "Timer",
    "UdpSocket",
]


class Machine(Protocol):
    """A node with an IP stack and a clock."""

    name: str
    engine: Engine
    stack: IpStack

    def originate(self, text: str) -> int:
        """Begin a journey: what is sent next was caused by nothing but the wish `text`. Returns its id."""
