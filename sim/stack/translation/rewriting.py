"""Rewriting: another flow's addresses and ports in a packet, every checksum mended by the difference (RFC 1624).

A checksum that was wrong before is wrong by as much afterwards: a gateway does not hide damage. A UDP checksum of zero
is none and stays so (RFC 3022 4.1); one that comes out as zero is sent as 0xFFFF (RFC 768). What an ICMP error quotes
is rewritten with it, its inner checksums as well, as far as they are quoted (RFC 5508 4).
"""

from __future__ import annotations

from typing import Final

from sim.stack.translation.flows import ICMP, QUERIES, TCP, UDP
from sim.wire.checksum import complement, remainder

NONE: Final = b"\x00\x00"
ALL_ONES: Final = b"\xff\xff"


def rewrite(packet: bytes, flow: bytes) -> bytes:
    """The IPv4 packet with the addresses and ports of `flow`, which is one of the same protocol.

    It may be cut short behind the eighth byte of its payload, as a quote is.
    """
    data = bytearray(packet)
    header = (packet[0] & 0x0F) * 4
    old, new = packet[12:20], flow[1:9]
    data[12:20] = new
    data[10:12] = mend(packet[10:12], old, new)
    protocol = packet[9]
    if protocol == TCP:
        ports = packet[header : header + 4]
        data[header : header + 4] = flow[9:13]
        if len(packet) >= header + 18:
            data[header + 16 : header + 18] = mend(packet[header + 16 : header + 18], old + ports, new + flow[9:13])
    elif protocol == UDP:
        ports, checksum = packet[header : header + 4], packet[header + 6 : header + 8]
        data[header : header + 4] = flow[9:13]
        if checksum != NONE:
            checksum = mend(checksum, old + ports, new + flow[9:13])
            data[header + 6 : header + 8] = ALL_ONES if checksum == NONE else checksum
    elif protocol == ICMP:
        _rewrite_query(data, packet, header, flow)
    return bytes(data)


def rewrite_error(packet: bytes, quoted: bytes, source: bytes, destination: bytes) -> bytes:
    """The ICMP error with other addresses, and with the flow `quoted` in the packet that it quotes."""
    data = bytearray(packet)
    header = (packet[0] & 0x0F) * 4
    quote = packet[header + 8 :]
    mended = rewrite(quote, quoted)
    data[10:12] = mend(packet[10:12], packet[12:20], source + destination)
    data[12:20] = source + destination
    data[header + 2 : header + 4] = mend(packet[header + 2 : header + 4], quote, mended)
    data[header + 8 :] = mended
    return bytes(data)


def mend(checksum: bytes, old: bytes, new: bytes) -> bytes:
    """The checksum after some of the words it sums up, `old`, have become `new`."""
    total = 0xFFFF - (checksum[0] << 8 | checksum[1])
    total += remainder(new, 0, len(new)) - remainder(old, 0, len(old))
    return complement(total).to_bytes(2, "big")


def _rewrite_query(data: bytearray, packet: bytes, header: int, flow: bytes) -> None:
    """The identifier of a query, and the checksum, which knows no pseudo header."""
    kind = packet[header]
    new = flow[9:11] if QUERIES[kind] == kind else flow[11:13]
    data[header + 4 : header + 6] = new
    checksum = mend(packet[header + 2 : header + 4], packet[header + 4 : header + 6], new)
    data[header + 2 : header + 4] = NONE
    if checksum == NONE and not any(data[header:]):
        checksum = ALL_ONES  # of nothing but zeros the sum is zero, and not the other zero
    data[header + 2 : header + 4] = checksum
