"""IPv4 (read RFC 791 3.1 first): the header, its options, and the fields that carry a packet's fragments."""

from __future__ import annotations

import struct
from typing import Final

from sim.errors import WireError
from sim.wire.addresses import format_ip
from sim.wire.checksum import remainder
from sim.wire.layer import Layer, count_bytes, named
from sim.wire.options import walk_options

PROTOCOL_ICMP: Final = 1
PROTOCOL_TCP: Final = 6
PROTOCOL_UDP: Final = 17

HEADER_LENGTH: Final = 20
"""Of a header without options."""
MAXIMUM_LENGTH: Final = 65535
MAXIMUM_OPTIONS: Final = 40
"""The header length field counts up to 15 words of 4 bytes."""

OPTION_RECORD_ROUTE: Final = 7
OPTION_TIMESTAMP: Final = 68
OPTION_LOOSE_SOURCE_ROUTE: Final = 131
OPTION_STRICT_SOURCE_ROUTE: Final = 137
OPTION_ROUTER_ALERT: Final = 148
"""RFC 2113."""

_HEADER: Final = struct.Struct("!BBHHHBBH4s4s")
_DONT_FRAGMENT: Final = 0x4000
_MORE_FRAGMENTS: Final = 0x2000
_OFFSET_MASK: Final = 0x1FFF
_OFFSET_UNIT: Final = 8
_PROTOCOLS: Final = {PROTOCOL_ICMP: "ICMP", 2: "IGMP", PROTOCOL_TCP: "TCP", PROTOCOL_UDP: "UDP", 89: "OSPF"}


class Packet(Layer):
    """One packet or fragment. `fragment_offset` is in bytes, `tos` is the octet of DSCP and ECN (RFC 2474, 3168)."""

    __slots__ = (
        "destination",
        "dont_fragment",
        "fragment_offset",
        "identification",
        "more_fragments",
        "options",
        "payload",
        "protocol",
        "source",
        "tos",
        "ttl",
    )

    def __init__(
        self,
        source: bytes,
        destination: bytes,
        protocol: int,
        payload: bytes,
        ttl: int = 64,
        identification: int = 0,
        dont_fragment: bool = False,
        more_fragments: bool = False,
        fragment_offset: int = 0,
        tos: int = 0,
        options: bytes = b"",
    ) -> None:
        self.source = source
        self.destination = destination
        self.protocol = protocol
        self.payload = payload
        self.ttl = ttl
        self.identification = identification
        self.dont_fragment = dont_fragment
        self.more_fragments = more_fragments
        self.fragment_offset = fragment_offset
        self.tos = tos
        self.options = options

    def is_fragment(self) -> bool:
        """Whether this is one piece of a packet, the first one or a later one."""
        return self.more_fragments or self.fragment_offset != 0

    def title(self) -> str:
        return "IPv4"

    def fields(self) -> tuple[tuple[str, object], ...]:
        return (
            ("type of service", self.tos),
            ("identification", self.identification),
            ("don't fragment", self.dont_fragment),
            ("more fragments", self.more_fragments),
            ("fragment offset", self.fragment_offset),
            ("time to live", self.ttl),
            ("protocol", named(self.protocol, _PROTOCOLS)),
            ("source", format_ip(self.source)),
            ("destination", format_ip(self.destination)),
            ("options", self.options),
            ("payload", self.payload),
        )

    def summary(self) -> str:
        return self.summary_around(f"{protocol_name(self.protocol)} {count_bytes(len(self.payload))}")

    def summary_around(self, inner: str) -> str:
        """The line of the layer above between the ends and the TTL: `IPv4 10.0.0.1 > 10.0.0.2 UDP ... ttl=64`."""
        fragment = ""
        if self.is_fragment():
            more = " more fragments" if self.more_fragments else ""
            fragment = f" fragment id=0x{self.identification:04x} offset={self.fragment_offset}{more}"
        return f"IPv4 {format_ip(self.source)} > {format_ip(self.destination)} {inner}{fragment} ttl={self.ttl}"


def protocol_name(protocol: int) -> str:
    """`UDP` for 17, `protocol 99` for one without a name here."""
    return _PROTOCOLS.get(protocol) or f"protocol {protocol}"


def parse(data: bytes) -> Packet:
    """A packet of the payload of a frame, whose padding is cut off.

    WireError for a wrong version, a header or a packet cut short, a bad header checksum, or options whose lengths do
    not add up (RFC 1122 3.2.1.8).
    """
    header_length = _header_length(data)
    total_length = (data[2] << 8) | data[3]
    if total_length < header_length:
        raise WireError(f"total length {total_length} is less than the header's {header_length}")
    if total_length > len(data):
        raise WireError(f"cut short: {count_bytes(len(data))} of a packet of {total_length}")
    if remainder(data, 0, header_length):
        raise WireError("bad header checksum")
    packet = _read(data, header_length, total_length)
    if packet.options:
        parse_options(packet.options)
    return packet


def parse_truncated(data: bytes) -> Packet:
    """A packet of which only the header must be whole, as an ICMP error quotes it (RFC 792, RFC 1812 4.3.2.3).

    Neither the total length nor the header checksum is held against it: routers may have changed the header they
    quote without mending it.
    """
    header_length = _header_length(data)
    total_length = (data[2] << 8) | data[3]
    return _read(data, header_length, max(total_length, header_length))


def emit(packet: Packet) -> bytes:
    """The bytes of a packet with its lengths and header checksum; options are padded to whole words with zeros.

    ValueError for addresses that are not 4 bytes, a fragment offset that is no multiple of 8, more than 40 bytes of
    options, more than 65535 bytes in all, and numbers out of range.
    """
    options = packet.options
    if options:
        options += b"\x00" * (-len(options) % 4)
        if len(options) > MAXIMUM_OPTIONS:
            raise ValueError(f"IPv4 options may have {MAXIMUM_OPTIONS} bytes, not {len(options)}")
    header_length = HEADER_LENGTH + len(options)
    total_length = header_length + len(packet.payload)
    if total_length > MAXIMUM_LENGTH:
        raise ValueError(f"an IPv4 packet may have {MAXIMUM_LENGTH} bytes, not {total_length}")
    if len(packet.source) != 4 or len(packet.destination) != 4:
        raise ValueError("an IPv4 address must have 4 bytes")
    version_and_length = 0x40 | (header_length >> 2)
    fragment = _fragment_word(packet)
    words = (version_and_length << 8 | packet.tos) + total_length + packet.identification + fragment
    rest = packet.source + packet.destination + options
    words = (words + (packet.ttl << 8 | packet.protocol) + remainder(rest, 0, len(rest))) % 0xFFFF
    try:
        header = _HEADER.pack(
            version_and_length,
            packet.tos,
            total_length,
            packet.identification,
            fragment,
            packet.ttl,
            packet.protocol,
            0xFFFF - words if words else 0,
            packet.source,
            packet.destination,
        )
    except struct.error as error:
        raise ValueError(f"an IPv4 header field is out of range: {error}") from None
    return header + options + packet.payload if options else header + packet.payload


def parse_options(options: bytes) -> list[tuple[int, bytes]]:
    """(type, data) of each option up to the end of the list, no-operations included; data is without type and length.

    WireError where a length runs out of the header or is below 2 (RFC 791 3.1).
    """
    return walk_options(options)


def _header_length(data: bytes) -> int:
    """The header's length in bytes, once version and length are seen to be right."""
    if len(data) < HEADER_LENGTH:
        raise WireError(f"cut short: {count_bytes(len(data))} of a header of {HEADER_LENGTH}")
    first = data[0]
    if first >> 4 != 4:
        raise WireError(f"version is {first >> 4}, not 4")
    header_length = (first & 0x0F) << 2
    if header_length < HEADER_LENGTH:
        raise WireError(f"header length is {header_length}, less than {HEADER_LENGTH}")
    if header_length > len(data):
        raise WireError(f"cut short: {count_bytes(len(data))} of a header of {header_length}")
    return header_length


def _read(data: bytes, header_length: int, end: int) -> Packet:
    _, tos, _, identification, fragment, ttl, protocol, _, source, destination = _HEADER.unpack_from(data)
    return Packet(
        source,
        destination,
        protocol,
        data[header_length:end],
        ttl,
        identification,
        fragment & _DONT_FRAGMENT != 0,
        fragment & _MORE_FRAGMENTS != 0,
        (fragment & _OFFSET_MASK) * _OFFSET_UNIT,
        tos,
        data[HEADER_LENGTH:header_length],
    )


def _fragment_word(packet: Packet) -> int:
    """The 16 bits of flags and fragment offset, which counts units of 8 bytes."""
    offset = packet.fragment_offset
    if offset % _OFFSET_UNIT or not 0 <= offset <= _OFFSET_MASK * _OFFSET_UNIT:
        raise ValueError(f"a fragment offset is a multiple of 8 from 0 to 65528, not {offset}")
    word = offset // _OFFSET_UNIT
    if packet.dont_fragment:
        word |= _DONT_FRAGMENT
    if packet.more_fragments:
        word |= _MORE_FRAGMENTS
    return word
