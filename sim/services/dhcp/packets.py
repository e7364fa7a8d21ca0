"""How the messages of a DHCP server or relay enter and leave its machine: as UDP datagrams on the link."""

from __future__ import annotations

from collections.abc import Callable

from sim.userland.machine import Interface, LinkSocket, Machine
from sim.wire import dhcpv4, ipv4, udp

Receive = Callable[[Interface, ipv4.Packet, udp.Datagram], None]


def datagram(machine: Machine, source: bytes, destination: bytes, ports: tuple[int, int], data: bytes) -> ipv4.Packet:
    """A packet from one port to another."""
    return ipv4.Packet(
        source,
        destination,
        ipv4.PROTOCOL_UDP,
        udp.emit(udp.Datagram(*ports, data), source, destination),
        identification=machine.stack.next_identification(),
    )


def open_sockets(machine: Machine, receive: Receive) -> list[LinkSocket]:
    """Port 67 of every interface but the loopback: `receive` hears what arrives there."""
    links = machine.stack.links
    return [
        links.open(interface, dhcpv4.SERVER_PORT, receive)
        for interface in machine.stack.interfaces
        if not interface.loopback
    ]


def close_sockets(machine: Machine, sockets: list[LinkSocket]) -> None:
    """Close all, and empty the list."""
    while sockets:
        machine.stack.links.close(sockets.pop())
