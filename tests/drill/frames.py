"""Bytes on the wire <-> header values, for the drill's peer: Ethernet, IPv4, TCP, and the ICMP errors it may send.

It is written apart from `sim.wire` on purpose: a mistake there is not shared here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

IPV4: Final = 0x0800
ICMP: Final = 1
TCP: Final = 6
ETHERNET_HEADER: Final = 14
DONT_FRAGMENT: Final = 0x4000
FLAG_LETTERS: Final = "FSRP.UEWA"
"""FIN, SYN, RST, PSH, ACK, URG, ECE, CWR, AE: bit 0 upwards (RFC 9293 3.1, RFC 9768)."""


class FrameError(ValueError):
    """A frame is malformed; the text says how."""


@dataclass
class Packet:
    """A TCP segment in its IPv4 packet, with raw sequence numbers. `options` are the bytes of the header's end."""

    source_port: int
    destination_port: int
    flags: str
    sequence: int
    acknowledgement: int
    window: int
    urgent: int = 0
    options: bytes = b""
    payload: bytes = b""
    ecn: int = 0
    ttl: int = 64
    dont_fragment: bool = True


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~int(total) & 0xFFFF


def flag_bits(flags: str) -> int:
    return sum(1 << FLAG_LETTERS.index(letter) for letter in flags)


def ipv4(source: bytes, destination: bytes, protocol: int, payload: bytes, *, ecn: int = 0, ttl: int = 64) -> bytes:
    """An IPv4 packet without options, not to be fragmented."""
    total = 20 + len(payload)
    head = struct.pack("!BBHHHBBH", 0x45, ecn, total, 0, DONT_FRAGMENT, ttl, protocol, 0) + source + destination
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def emit(
    packet: Packet, source: bytes, destination: bytes, *, data_offset: int | None = None, bad: bool = False
) -> bytes:
    """The IPv4 packet of a segment; with a wrong checksum when `bad`, a false data offset when one is given."""
    options = packet.options + bytes(-len(packet.options) % 4)
    words = 5 + len(options) // 4 if data_offset is None else data_offset
    head = struct.pack(
        "!HHIIHHHH",
        packet.source_port,
        packet.destination_port,
        packet.sequence % 2**32,
        packet.acknowledgement % 2**32,
        words << 12 | flag_bits(packet.flags),
        packet.window,
        0,
        packet.urgent,
    )
    segment = head + options + packet.payload
    pseudo = source + destination + struct.pack("!HH", TCP, len(segment))
    check = checksum(pseudo + segment) ^ (0x5555 if bad else 0)
    segment = segment[:16] + struct.pack("!H", check) + segment[18:]
    return ipv4(source, destination, TCP, segment, ecn=packet.ecn, ttl=packet.ttl)


def parse(frame: bytes) -> Packet | None:
    """The TCP segment in a frame, None when it holds something else. Raises FrameError."""
    if len(frame) < ETHERNET_HEADER + 20 or struct.unpack_from("!H", frame, 12)[0] != IPV4:
        return None
    datagram = frame[ETHERNET_HEADER:]
    if datagram[9] != TCP:
        return None
    header = (datagram[0] & 15) * 4
    total, _, fragment = struct.unpack_from("!HHH", datagram, 2)
    if datagram[0] >> 4 != 4 or header < 20 or checksum(datagram[:header]):
        raise FrameError("a bad IPv4 header")
    if fragment & 0x3FFF:
        raise FrameError("a fragment")
    segment = datagram[header:total]
    if len(segment) < 20 or len(datagram) < total:
        raise FrameError("a packet cut short")
    if checksum(datagram[12:20] + struct.pack("!HH", TCP, len(segment)) + segment):
        raise FrameError("a bad TCP checksum")
    source, destination, sequence, ack, bits, window, _, urgent = struct.unpack_from("!HHIIHHHH", segment)
    start = (bits >> 12) * 4
    if not 20 <= start <= len(segment):
        raise FrameError("a bad TCP data offset")
    return Packet(
        source,
        destination,
        "".join(letter for number, letter in enumerate(FLAG_LETTERS) if bits >> number & 1),
        sequence,
        ack,
        window,
        urgent,
        segment[20:start],
        segment[start:],
        datagram[1] & 3,
        datagram[8],
        bool(fragment & DONT_FRAGMENT),
    )


def icmp_error(kind: int, code: int, rest: int, quoted: bytes, source: bytes, destination: bytes) -> bytes:
    """An ICMP error (RFC 792) with the second word `rest`, that quotes the start of an IPv4 packet."""
    message = struct.pack("!BBHI", kind, code, 0, rest) + quoted[:28]
    message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
    return ipv4(source, destination, ICMP, message)
