"""A DHCP relay agent on a router: hears port 67 on every interface, and sends on what `relay.py` says."""

from __future__ import annotations

from typing import Final

from sim.errors import WireError
from sim.services.dhcp.packets import close_sockets, datagram, open_sockets
from sim.services.dhcp.relay import Discard, Forward, Leg, towards_client, towards_server
from sim.userland.machine import Interface, LinkSocket, Machine
from sim.wire import dhcpv4, ipv4, udp

LARGEST: Final = 1472
"""Bytes of message that fit into an Ethernet frame."""


class RelayDaemon:
    """Relays from the time that the machine is switched on, for the clients on its `legs`."""

    def __init__(self, machine: Machine, legs: list[Leg]) -> None:
        self.machine = machine
        self.legs = legs
        self._sockets: list[LinkSocket] = []

    def start(self) -> None:
        """The machine is on."""
        self._sockets = open_sockets(self.machine, self._receive)

    def cut(self) -> None:
        """The power is off."""
        close_sockets(self.machine, self._sockets)

    def _receive(self, interface: Interface, packet: ipv4.Packet, segment: udp.Datagram) -> None:
        core = self.machine.stack.core
        try:
            message = dhcpv4.parse(segment.payload)
        except WireError:
            core.drop("malformed DHCP")
            return
        for action in self._decide(message, interface):
            if isinstance(action, Discard):
                core.drop(action.reason)
            else:
                self._send(action)

    def _decide(self, message: dhcpv4.Message, interface: Interface) -> list[Forward | Discard]:
        if message.operation == dhcpv4.BOOTREPLY:
            back = towards_client(message, self.legs)
            return [] if back is None else [back]
        leg = next((leg for leg in self.legs if leg.name == interface.name), None)
        return [] if leg is None else towards_server(message, leg)

    def _send(self, action: Forward) -> None:
        stack, to = self.machine.stack, action.to
        ports = (dhcpv4.SERVER_PORT, to.port)
        try:
            data = dhcpv4.emit(action.message, LARGEST)
            if action.leg is None or to.mac is None:
                stack.core.tell("relays it to a DHCP server")
                stack.send(datagram(self.machine, stack.source_for(to.address), to.address, ports, data))
            else:
                stack.core.tell(f"relays it to the client on {action.leg.name}")
                interface = next(one for one in stack.interfaces if one.name == action.leg.name)
                stack.send_on_link(
                    interface, datagram(self.machine, action.leg.address, to.address, ports, data), to.mac
                )
        except OSError as error:
            stack.core.drop((error.strerror or str(error)).lower())
        except ValueError as error:
            stack.core.drop(f"DHCP message cannot be relayed: {error}")
