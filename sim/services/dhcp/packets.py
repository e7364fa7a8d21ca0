"""The UDP datagram that a DHCP message travels in."""

from __future__ import annotations

from sim.userland.machine import Machine
from sim.wire import ipv4, udp


def datagram(machine: Machine, source: bytes, destination: bytes, ports: tuple[int, int], data: bytes) -> ipv4.Packet:
    """A packet from one port to another."""
    return ipv4.Packet(
        source,
        destination,
        ipv4.PROTOCOL_UDP,
        udp.emit(udp.Datagram(*ports, data), source, destination),
        identification=machine.stack.next_identification(),
    )
