"""Cutting an IPv4 packet into fragments (RFC 791 2.3 and 3.2)."""

from __future__ import annotations

from typing import Final

from sim.wire import ipv4

COPIED_FLAG: Final = 0x80
NO_OPERATION: Final = 1
LAST_OFFSET: Final = 65528


def fragment(packet: ipv4.Packet, mtu: int) -> list[ipv4.Packet]:
    """Cut `packet` into packets of at most `mtu` bytes each; one that fits comes back as it is.

    Raises ValueError when the MTU has no room for eight bytes of payload behind the header, or when the packet is a
    fragment whose end lies so far out that no offset can say so.
    """
    room = mtu - header_length(packet)
    if len(packet.payload) <= room:
        return [packet]
    step = room // 8 * 8  # offsets count units of eight bytes
    if step <= 0:
        raise ValueError(f"an MTU of {mtu} bytes leaves no room for a fragment's payload")
    if packet.fragment_offset + (len(packet.payload) - 1) // step * step > LAST_OFFSET:
        raise ValueError(f"a fragment at offset {packet.fragment_offset} ends beyond the longest packet")
    later_options = copied_options(packet.options)
    pieces = []
    for start in range(0, len(packet.payload), step):
        last = start + step >= len(packet.payload)
        pieces.append(
            ipv4.Packet(
                packet.source,
                packet.destination,
                packet.protocol,
                packet.payload[start : start + step],
                ttl=packet.ttl,
                identification=packet.identification,
                dont_fragment=False,
                more_fragments=packet.more_fragments or not last,
                fragment_offset=packet.fragment_offset + start,
                tos=packet.tos,
                options=later_options if start else packet.options,
            )
        )
    return pieces


def header_length(packet: ipv4.Packet) -> int:
    """Bytes of the packet's header, options padded to whole words."""
    return ipv4.HEADER_LENGTH + (len(packet.options) + 3) // 4 * 4


def copied_options(options: bytes) -> bytes:
    """The options that go into every fragment, not only the first: those whose copied flag is set (RFC 791 3.1)."""
    kept = b""
    for kind, data in ipv4.parse_options(options):
        if kind & COPIED_FLAG:
            kept += bytes((kind, len(data) + 2)) + data
    return kept + bytes((NO_OPERATION,)) * (-len(kept) % 4)
