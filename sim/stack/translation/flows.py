"""Flows: what packets of one conversation share in one direction, as thirteen bytes that are a key of a table.

    protocol (1)  source (4)  destination (4)  source port (2)  destination port (2)

An ICMP query has an identifier in place of ports (RFC 5508 3): its request has it as the source port, its reply as the
destination port, and the other port is the type of the request. So the flow of an answer is always the inverse of the
flow of the question. Protocols without ports have zeros there.
"""

from __future__ import annotations

from typing import Final

from sim.wire import ipv4
from sim.wire.addresses import format_ip

LENGTH: Final = 13
ICMP: Final = ipv4.PROTOCOL_ICMP
TCP: Final = ipv4.PROTOCOL_TCP
UDP: Final = ipv4.PROTOCOL_UDP
NO_PORTS: Final = b"\x00\x00\x00\x00"

QUERIES: Final = {8: 8, 13: 13, 15: 15, 17: 17, 0: 8, 14: 13, 16: 15, 18: 17}
"""Types of ICMP queries and of their replies, each with the type of the request (RFC 792, RFC 950)."""
ERRORS: Final = (3, 4, 5, 11, 12)
PROTOCOL_NAMES: Final = {ICMP: "icmp", TCP: "tcp", UDP: "udp"}


def flow_of(packet: bytes) -> bytes:
    """The flow of an IPv4 packet whose header is sound; empty if it has none.

    ICMP errors have none, and neither have fragments but the first, nor packets too short for their own header.
    """
    header = (packet[0] & 0x0F) * 4
    needed = 20 if packet[9] == TCP else 8 if packet[9] in (UDP, ICMP) else 0
    return b"" if len(packet) < header + needed else _flow(packet, header)


def quoted_flow(packet: bytes) -> bytes:
    """The flow of the packet that an ICMP error quotes, of which eight bytes of payload are enough (RFC 792).

    Empty if `packet` is no ICMP error, or quotes too little.
    """
    quote = quote_of(packet)
    if len(quote) < ipv4.HEADER_LENGTH or quote[0] >> 4 != 4:
        return b""
    header = (quote[0] & 0x0F) * 4
    if header < ipv4.HEADER_LENGTH or len(quote) < header + 8:
        return b""
    return _flow(quote, header)


def quote_of(packet: bytes) -> bytes:
    """What an ICMP error quotes; empty if the packet is none."""
    header = (packet[0] & 0x0F) * 4
    return packet[header + 8 :] if is_error(packet) else b""


def is_error(packet: bytes) -> bool:
    """Whether an IPv4 packet carries an ICMP error."""
    header = (packet[0] & 0x0F) * 4
    return packet[9] == ICMP and len(packet) >= header + 8 and packet[header] in ERRORS and not is_later(packet)


def is_later(packet: bytes) -> bool:
    """Whether an IPv4 packet is a fragment that is not the first."""
    return (packet[6] & 0x1F) != 0 or packet[7] != 0


def _flow(packet: bytes, header: int) -> bytes:
    if is_later(packet):
        return b""
    protocol = packet[9]
    if protocol in (TCP, UDP):
        return packet[9:10] + packet[12:20] + packet[header : header + 4]
    if protocol != ICMP:
        return packet[9:10] + packet[12:20] + NO_PORTS
    kind = packet[header]
    request = QUERIES.get(kind)
    if request is None:
        return b""
    other, identifier = bytes((0, request)), packet[header + 4 : header + 6]
    ports = identifier + other if kind == request else other + identifier
    return packet[9:10] + packet[12:20] + ports


def inverse(flow: bytes) -> bytes:
    """The flow of the answers."""
    return flow[:1] + flow[5:9] + flow[1:5] + flow[11:13] + flow[9:11]


def make(protocol: int, source: bytes, source_port: bytes, destination: bytes, destination_port: bytes) -> bytes:
    """A flow of its parts; ports are two bytes each."""
    return bytes((protocol,)) + source + destination + source_port + destination_port


def source_of(flow: bytes) -> bytes:
    """Protocol, source address and source port: who sends, as seven bytes."""
    return flow[:5] + flow[9:11]


def destination_of(flow: bytes) -> bytes:
    """Protocol, destination address and destination port: who is meant, as seven bytes."""
    return flow[:1] + flow[5:9] + flow[11:13]


def format_end(end: bytes) -> str:
    """`192.168.1.10:49152` of what `source_of` or `destination_of` returns; without a port where there is none."""
    port = int.from_bytes(end[5:7], "big")
    address = format_ip(end[1:5])
    return f"{address}:{port}" if end[0] in PROTOCOL_NAMES else address


def protocol_name(protocol: int) -> str:
    """`tcp`, or `protocol 47` for one without a name here."""
    return PROTOCOL_NAMES.get(protocol) or f"protocol {protocol}"
