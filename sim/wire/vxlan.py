"""VXLAN (RFC 7348 5): eight bytes before an Ethernet frame, in a UDP datagram; they say of which network it is."""

from __future__ import annotations

import struct
from typing import Final

from sim.errors import WireError
from sim.wire.layer import Layer, count_bytes

PORT: Final = 4789
"""The destination port that IANA assigned. Linux's first implementation had 8472."""

HEADER_LENGTH: Final = 8
HIGHEST_VNI: Final = 0xFFFFFF

_HEADER: Final = struct.Struct("!II")
_VALID_VNI: Final = 0x08000000  # the I flag, in the first four bytes


class Packet(Layer):
    """A frame of the network `vni`."""

    __slots__ = ("payload", "vni")

    def __init__(self, vni: int, payload: bytes) -> None:
        self.vni = vni
        self.payload = payload

    def title(self) -> str:
        return "VXLAN"

    def fields(self) -> tuple[tuple[str, object], ...]:
        return (("VXLAN network identifier", self.vni), ("payload", self.payload))

    def summary(self) -> str:
        return f"VXLAN VNI={self.vni} {count_bytes(len(self.payload))}"


def parse(data: bytes) -> Packet:
    """A packet of a datagram's payload. WireError when it is cut short, or its I flag is not set.

    RFC 7348 5: all other flags and reserved bits are ignored.
    """
    if len(data) < HEADER_LENGTH:
        raise WireError(f"cut short: {count_bytes(len(data))} of a header of {HEADER_LENGTH}")
    flags, last = _HEADER.unpack_from(data)
    if not flags & _VALID_VNI:
        raise WireError("the I flag is not set: it has no valid VNI")
    return Packet(last >> 8, data[HEADER_LENGTH:])


def emit(packet: Packet) -> bytes:
    """The bytes of a packet; ValueError for a VNI that has no place in 24 bits."""
    vni = packet.vni
    if not 0 <= vni <= HIGHEST_VNI:
        raise ValueError(f"a VNI is 0 to {HIGHEST_VNI}, not {vni}")
    return _HEADER.pack(_VALID_VNI, vni << 8) + packet.payload
