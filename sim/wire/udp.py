"""UDP (RFC 768): two ports, a length, and a checksum over a pseudo-header that holds the IP addresses."""

from __future__ import annotations

import struct
from typing import Final

from sim.errors import WireError
from sim.wire.checksum import remainder, transport_checksum
from sim.wire.layer import Layer, count_bytes

HEADER_LENGTH: Final = 8

_HEADER: Final = struct.Struct("!HHHH")
_PROTOCOL: Final = 17
_MAXIMUM_LENGTH: Final = 65535


class Datagram(Layer):
    """One datagram."""

    __slots__ = ("destination_port", "payload", "source_port")

    def __init__(self, source_port: int, destination_port: int, payload: bytes) -> None:
        self.source_port = source_port
        self.destination_port = destination_port
        self.payload = payload

    def title(self) -> str:
        return "UDP"

    def fields(self) -> tuple[tuple[str, object], ...]:
        return (
            ("source port", self.source_port),
            ("destination port", self.destination_port),
            ("payload", self.payload),
        )

    def summary(self) -> str:
        return f"UDP {self.source_port} > {self.destination_port} Len={len(self.payload)}"


def parse(data: bytes, source_ip: bytes, destination_ip: bytes) -> Datagram:
    """A datagram of the payload of an IP packet; bytes after its length are not its own.

    WireError when it is cut short, its length is below 8, or its checksum is bad. A checksum of 0 is none, which
    IPv6 does not allow (RFC 8200 8.1).
    """
    if len(data) < HEADER_LENGTH:
        raise WireError(f"cut short: {count_bytes(len(data))} of a header of {HEADER_LENGTH}")
    source_port, destination_port, length, checksum = _HEADER.unpack_from(data)
    if length < HEADER_LENGTH:
        raise WireError(f"length is {length}, less than the header's {HEADER_LENGTH}")
    if length > len(data):
        raise WireError(f"cut short: {count_bytes(len(data))} of a datagram of {length}")
    if length < len(data):
        data = data[:length]
    if checksum == 0:
        if len(source_ip) == 16:
            raise WireError("no checksum, which IPv6 does not allow")
    elif transport_checksum(source_ip, destination_ip, _PROTOCOL, data) != 0:
        raise WireError("bad checksum")
    return Datagram(source_port, destination_port, data[HEADER_LENGTH:])


def emit(datagram: Datagram, source_ip: bytes, destination_ip: bytes) -> bytes:
    """The bytes of a datagram with its checksum; ValueError for a port or a length above 65535."""
    payload = datagram.payload
    length = HEADER_LENGTH + len(payload)
    if length > _MAXIMUM_LENGTH:
        raise ValueError(f"a UDP datagram may have {_MAXIMUM_LENGTH} bytes, not {length}")
    # The length counts twice: in the pseudo header, and in the header itself.
    words = datagram.source_port + datagram.destination_port + length + length + _PROTOCOL
    addresses = source_ip + destination_ip
    words += remainder(addresses, 0, len(addresses)) + remainder(payload, 0, len(payload))
    # RFC 768: a checksum that comes out as zero is sent as all ones, since zero says that there is none.
    checksum = 0xFFFF - words % 0xFFFF
    try:
        return _HEADER.pack(datagram.source_port, datagram.destination_port, length, checksum) + payload
    except struct.error as error:
        raise ValueError(f"a UDP header field is out of range: {error}") from None
