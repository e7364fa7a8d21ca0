"""Ethernet II frames, 802.3 length frames and 802.1Q tags, without preamble and FCS (IEEE 802.3 3.2, 802.1Q 9.6).

For hubs and switches there are peek functions, which read a frame at fixed offsets; stacks and views parse. A
frame is not padded to 60 bytes: what is on our links is what a capture on the sending machine shows.
"""

from __future__ import annotations

import struct
from typing import Final

from sim.errors import WireError
from sim.wire.addresses import format_mac
from sim.wire.layer import Layer, count_bytes, named_hex

HEADER_LENGTH: Final = 14
ETHERTYPE_IPV4: Final = 0x0800
ETHERTYPE_ARP: Final = 0x0806
ETHERTYPE_VLAN: Final = 0x8100
ETHERTYPE_IPV6: Final = 0x86DD
ETHERTYPE_SERVICE_VLAN: Final = 0x88A8
"""The outer tag of QinQ (IEEE 802.1ad)."""
MAXIMUM_LENGTH_FIELD: Final = 1500
"""Up to here the type field is a length of an 802.3 frame; Ethernet II types begin at 1536."""

_HEADER: Final = struct.Struct("!6s6sH")
_TAG: Final = struct.Struct("!HH")
_TAG_TYPES: Final = frozenset({ETHERTYPE_VLAN, ETHERTYPE_SERVICE_VLAN})
_NAMES: Final = {
    ETHERTYPE_IPV4: "IPv4",
    ETHERTYPE_ARP: "ARP",
    ETHERTYPE_VLAN: "802.1Q",
    ETHERTYPE_IPV6: "IPv6",
    ETHERTYPE_SERVICE_VLAN: "802.1ad",
}


def destination(frame: bytes) -> bytes:
    """The destination MAC of a frame. The peek functions trust that it has `HEADER_LENGTH` bytes."""
    return frame[0:6]


def source(frame: bytes) -> bytes:
    """The source MAC of a frame."""
    return frame[6:12]


def ethertype(frame: bytes) -> int:
    """The type field as it stands at offset 12: of a tagged frame that is `ETHERTYPE_VLAN`."""
    return (frame[12] << 8) | frame[13]


class Tag(Layer):
    """An 802.1Q tag: priority 0 to 7, drop eligible (DEI), VLAN 0 to 4095, and the type that announces it (TPID)."""

    __slots__ = ("drop_eligible", "priority", "tpid", "vlan")

    def __init__(self, priority: int, drop_eligible: bool, vlan: int, tpid: int = ETHERTYPE_VLAN) -> None:
        self.priority = priority
        self.drop_eligible = drop_eligible
        self.vlan = vlan
        self.tpid = tpid

    def title(self) -> str:
        return "802.1Q"

    def fields(self) -> tuple[tuple[str, object], ...]:
        return (
            ("tag type", named_hex(self.tpid, _NAMES)),
            ("priority", self.priority),
            ("drop eligible", self.drop_eligible),
            ("VLAN", self.vlan),
        )

    def summary(self) -> str:
        return f"VLAN {self.vlan}" + (f" priority {self.priority}" if self.priority else "")


class Frame(Layer):
    """One frame. `ethertype` is the one after the tags, or the length of an 802.3 frame; tags are outermost first."""

    __slots__ = ("destination", "ethertype", "payload", "source", "tags")

    def __init__(
        self, destination: bytes, source: bytes, ethertype: int, payload: bytes, tags: tuple[Tag, ...] = ()
    ) -> None:
        self.destination = destination
        self.source = source
        self.ethertype = ethertype
        self.payload = payload
        self.tags = tags

    def is_length_frame(self) -> bool:
        """Whether this is an 802.3 frame, whose type field is the length of an LLC payload."""
        return self.ethertype <= MAXIMUM_LENGTH_FIELD

    def title(self) -> str:
        return "Ethernet"

    def fields(self) -> tuple[tuple[str, object], ...]:
        kind: tuple[str, object] = ("type", named_hex(self.ethertype, _NAMES))
        if self.is_length_frame():
            kind = ("length", self.ethertype)
        tags: tuple[tuple[str, object], ...] = (("tags", self.tags),) if self.tags else ()
        return (
            ("destination", format_mac(self.destination)),
            ("source", format_mac(self.source)),
            *tags,
            kind,
            ("payload", self.payload),
        )

    def summary(self) -> str:
        ends = f"{format_mac(self.source)} > {format_mac(self.destination)}"
        if self.is_length_frame():
            return f"802.3 {ends} length {self.ethertype}"
        kind = named_hex(self.ethertype, _NAMES)
        return f"Ethernet {ends} type {kind} {count_bytes(len(self.payload))}"


def parse(data: bytes) -> Frame:
    """A frame of its bytes; WireError when the header or a tag is cut short."""
    if len(data) < HEADER_LENGTH:
        raise WireError(f"cut short: {count_bytes(len(data))} of a header of {HEADER_LENGTH}")
    kind = (data[12] << 8) | data[13]
    if kind in _TAG_TYPES:
        return _parse_tagged(data)
    return Frame(data[0:6], data[6:12], kind, data[HEADER_LENGTH:])


def emit(frame: Frame) -> bytes:
    """The bytes of a frame, unpadded; ValueError for addresses that are not 6 bytes and numbers out of range."""
    if len(frame.destination) != 6 or len(frame.source) != 6:
        raise ValueError("a MAC address must have 6 bytes")
    if not 0 <= frame.ethertype <= 0xFFFF:
        raise ValueError(f"an ethertype is from 0 to 0xffff, not {frame.ethertype}")
    if frame.tags:
        return _emit_tagged(frame)
    return _HEADER.pack(frame.destination, frame.source, frame.ethertype) + frame.payload


def _parse_tagged(data: bytes) -> Frame:
    tags = []
    at = 12
    kind = (data[12] << 8) | data[13]
    while kind in _TAG_TYPES:
        if len(data) < at + 6:
            raise WireError(f"cut short: {count_bytes(len(data) - at)} of a tag and the type after it")
        control, following = _TAG.unpack_from(data, at + 2)
        tags.append(Tag(control >> 13, control & 0x1000 != 0, control & 0x0FFF, kind))
        kind = following
        at += 4
    return Frame(data[0:6], data[6:12], kind, data[at + 2 :], tuple(tags))


def _emit_tagged(frame: Frame) -> bytes:
    pieces = [frame.destination, frame.source]
    for tag in frame.tags:
        if tag.tpid not in _TAG_TYPES:
            raise ValueError(f"a tag's type is 0x8100 or 0x88a8, not 0x{tag.tpid:04x}")
        if not 0 <= tag.vlan <= 0x0FFF:
            raise ValueError(f"a VLAN is from 0 to 4095, not {tag.vlan}")
        if not 0 <= tag.priority <= 7:
            raise ValueError(f"a priority is from 0 to 7, not {tag.priority}")
        dei = 0x1000 if tag.drop_eligible else 0
        pieces.append(_TAG.pack(tag.tpid, tag.priority << 13 | dei | tag.vlan))
    pieces.append(frame.ethertype.to_bytes(2, "big"))
    pieces.append(frame.payload)
    return b"".join(pieces)
