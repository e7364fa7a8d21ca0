"""What queue disciplines look at in a frame: which flow it is of, and whether its sender understands ECN.

A link peeks at fixed offsets; what it does not recognise it leaves alone.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

ETHERTYPE_IPV4: Final = 0x0800
ETHERTYPE_IPV6: Final = 0x86DD
TAGS: Final = (0x8100, 0x88A8)
"""802.1Q and 802.1ad: four bytes more before the type."""

ECN_MASK: Final = 0b11  # RFC 3168 5: not-ECT 00, ECT(1) 01, ECT(0) 10, CE 11
_WITH_PORTS: Final = (6, 17, 33, 132, 136)
"""TCP, UDP, DCCP, SCTP and UDP-Lite begin with the two ports."""


def find_payload(frame: bytes) -> int:
    """The offset of what an Ethernet frame carries, behind up to two tags; its type is in the two bytes before."""
    offset: i64 = 14
    while offset < 22 and len(frame) >= offset + 4 and (frame[offset - 2] << 8 | frame[offset - 1]) in TAGS:
        offset += 4
    return offset


def _ethertype(frame: bytes, payload: int) -> int:
    return int.from_bytes(frame[payload - 2 : payload], "big") if len(frame) >= payload else 0


def mark_congestion(frame: bytes) -> bytes | None:
    """The frame with "congestion experienced" in its IP header; None if its sender does not understand that.

    RFC 3168 5. A frame that is marked already stays as it is. The IPv4 checksum is mended for the one word that
    changes (RFC 1624 equation 3), so a wrong one stays wrong.
    """
    start = find_payload(frame)
    kind = _ethertype(frame, start)
    if kind == ETHERTYPE_IPV4 and len(frame) >= start + 20:
        return _mark_ipv4(frame, start)
    if kind == ETHERTYPE_IPV6 and len(frame) >= start + 40:
        # The traffic class lies across two bytes: its ECN bits are bits 4 and 5 of the second (RFC 8200 3).
        field = frame[start + 1] >> 4 & ECN_MASK
        return frame[: start + 1] + bytes([frame[start + 1] | 0x30]) + frame[start + 2 :] if field else None
    return None


def _mark_ipv4(frame: bytes, start: int) -> bytes | None:
    field = frame[start + 1] & ECN_MASK
    if field == 0:
        return None
    if field == ECN_MASK:
        return frame
    old = frame[start] << 8 | frame[start + 1]
    checksum = frame[start + 10] << 8 | frame[start + 11]
    total = (checksum ^ 0xFFFF) + (old ^ 0xFFFF) + (old | ECN_MASK)
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    mended = (total ^ 0xFFFF).to_bytes(2, "big")
    marked = bytes([frame[start + 1] | ECN_MASK])
    return frame[: start + 1] + marked + frame[start + 2 : start + 10] + mended + frame[start + 12 :]


def flow_key(frame: bytes) -> bytes:
    """Bytes that are equal for the frames of one flow: protocol, addresses and ports (RFC 8290 4.1).

    The fragments of a datagram have no ports, since only the first of them carries any; what is not IP is told apart
    by its MAC addresses and type.
    """
    start = find_payload(frame)
    kind = _ethertype(frame, start)
    if kind == ETHERTYPE_IPV4 and len(frame) >= start + 20:
        protocol = frame[start + 9]
        fragment = (frame[start + 6] & 0x3F) | frame[start + 7]  # more fragments, or an offset: RFC 791 3.1
        ports = start + (frame[start] & 15) * 4
        key = frame[start + 9 : start + 10] + frame[start + 12 : start + 20]
    elif kind == ETHERTYPE_IPV6 and len(frame) >= start + 40:
        protocol = frame[start + 6]
        fragment = 0
        ports = start + 40
        key = frame[start + 6 : start + 7] + frame[start + 8 : start + 40]
    else:
        return frame[:12] + frame[max(start - 2, 12) : start]
    return key + frame[ports : ports + 4] if protocol in _WITH_PORTS and not fragment else key
