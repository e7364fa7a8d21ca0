"""ARP for IPv4 over Ethernet (RFC 826): who has this IP address, and at which MAC."""

from __future__ import annotations

import struct
from typing import Final

from sim.errors import WireError
from sim.wire.addresses import IPV4_ANY, format_ip, format_mac
from sim.wire.layer import Layer, count_bytes, named

REQUEST: Final = 1
REPLY: Final = 2
LENGTH: Final = 28

_LAYOUT: Final = struct.Struct("!HHBBH6s4s6s4s")
_HARDWARE_ETHERNET: Final = 1
_PROTOCOL_IPV4: Final = 0x0800
_FIXED: Final = b"\x00\x01\x08\x00\x06\x04"
"""Hardware type Ethernet, protocol type IPv4, and the lengths of their addresses."""
_OPERATIONS: Final = {REQUEST: "request", REPLY: "reply"}


class Packet(Layer):
    """One ARP packet; `target_mac` is zero in a question."""

    __slots__ = ("operation", "sender_ip", "sender_mac", "target_ip", "target_mac")

    def __init__(
        self, operation: int, sender_mac: bytes, sender_ip: bytes, target_mac: bytes, target_ip: bytes
    ) -> None:
        self.operation = operation
        self.sender_mac = sender_mac
        self.sender_ip = sender_ip
        self.target_mac = target_mac
        self.target_ip = target_ip

    def is_gratuitous(self) -> bool:
        """Whether the sender speaks of its own address, to announce it (RFC 5227 1.1, RFC 2002 4.6)."""
        return self.sender_ip == self.target_ip

    def is_probe(self) -> bool:
        """Whether the sender has no address yet and asks if one is free (RFC 5227 1.1)."""
        return self.sender_ip == IPV4_ANY

    def title(self) -> str:
        return "ARP"

    def fields(self) -> tuple[tuple[str, object], ...]:
        return (
            ("operation", named(self.operation, _OPERATIONS)),
            ("sender MAC", format_mac(self.sender_mac)),
            ("sender IP", format_ip(self.sender_ip)),
            ("target MAC", format_mac(self.target_mac)),
            ("target IP", format_ip(self.target_ip)),
        )

    def summary(self) -> str:
        sender, target = format_ip(self.sender_ip), format_ip(self.target_ip)
        mac = format_mac(self.sender_mac)
        if self.operation not in _OPERATIONS:
            return f"ARP operation {self.operation} {sender} > {target}"
        if self.is_probe() and self.operation == REQUEST:
            return f"ARP who has {target}? (probe from {mac})"
        if self.is_gratuitous():
            return f"ARP {sender} is at {mac} (gratuitous)"
        if self.operation == REQUEST:
            return f"ARP who has {target}? tell {sender}"
        return f"ARP {sender} is at {mac}"


def parse(data: bytes) -> Packet:
    """A packet of the payload of a frame, padding after it ignored; WireError when it is not Ethernet and IPv4."""
    if len(data) < LENGTH:
        raise WireError(f"cut short: {count_bytes(len(data))} of {LENGTH}")
    hardware, protocol, mac_length, ip_length, operation, sender_mac, sender_ip, target_mac, target_ip = (
        _LAYOUT.unpack_from(data)
    )
    if hardware != _HARDWARE_ETHERNET:
        raise WireError(f"hardware type is {hardware}, not 1 (Ethernet)")
    if protocol != _PROTOCOL_IPV4:
        raise WireError(f"protocol type is 0x{protocol:04x}, not 0x0800 (IPv4)")
    if mac_length != 6 or ip_length != 4:
        raise WireError(f"address lengths are {mac_length} and {ip_length}, not 6 and 4")
    return Packet(operation, sender_mac, sender_ip, target_mac, target_ip)


def emit(packet: Packet) -> bytes:
    """The 28 bytes of a packet; ValueError for addresses of wrong length."""
    if not 0 <= packet.operation <= 0xFFFF:
        raise ValueError(f"an ARP operation is from 0 to 65535, not {packet.operation}")
    if len(packet.sender_mac) != 6 or len(packet.target_mac) != 6:
        raise ValueError("a MAC address must have 6 bytes")
    if len(packet.sender_ip) != 4 or len(packet.target_ip) != 4:
        raise ValueError("an address in ARP must have 4 bytes")
    return b"".join(
        (
            _FIXED,
            packet.operation.to_bytes(2, "big"),
            packet.sender_mac,
            packet.sender_ip,
            packet.target_mac,
            packet.target_ip,
        )
    )
