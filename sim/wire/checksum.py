"""The Internet checksum (read RFC 1071 first), and how to mend it after changing one word (RFC 1624).

The one's complement sum of 16-bit words is the whole data, read as one number, modulo 65535: 2**16 is 1 modulo 65535,
so a word counts the same at any place. `int.from_bytes(data) % 0xFFFF` is thus exact, and measured 3 to 4 times
faster in CPython than any sum over words. The one thing modulo loses is that one's complement has two zeros: the
sum of words that are not all zero is never 0x0000 but 0xFFFF, whose checksum is 0.
"""

from __future__ import annotations

import struct
from typing import Final

_PSEUDO_IPV4: Final = struct.Struct("!4s4sBBH")
_PSEUDO_IPV6: Final = struct.Struct("!16s16sII")


def internet_checksum(data: bytes) -> int:
    """The checksum of `data`, whose own checksum field holds zero; an odd last byte is the high half of a word."""
    remainder = int.from_bytes(data, "big") % 0xFFFF
    if len(data) & 1:
        remainder = (remainder << 8) % 0xFFFF
    if remainder:
        return 0xFFFF - remainder
    return 0 if any(data) else 0xFFFF


def verify(data: bytes) -> bool:
    """Whether data that includes its checksum sums up right; all zeros does not."""
    return int.from_bytes(data, "big") % 0xFFFF == 0 and any(data)


def pseudo_header(source: bytes, destination: bytes, protocol: int, length: int) -> bytes:
    """What UDP and TCP sum before their header: RFC 9293 3.1 for IPv4 addresses, RFC 8200 8.1 for IPv6."""
    if len(source) != len(destination) or len(source) not in {4, 16}:
        raise ValueError("source and destination must both have 4 bytes or both have 16")
    if len(source) == 4:
        return _PSEUDO_IPV4.pack(source, destination, 0, protocol, length)
    return _PSEUDO_IPV6.pack(source, destination, length, protocol)


def transport_checksum(source: bytes, destination: bytes, protocol: int, data: bytes) -> int:
    """`internet_checksum(pseudo_header(...) + data)` for a `protocol` that is not zero, without making that copy.

    Zero when `data` already holds its right checksum. UDP sends a zero as 0xFFFF (RFC 768).
    """
    remainder = int.from_bytes(data, "big") % 0xFFFF
    if len(data) & 1:
        remainder <<= 8
    addresses = int.from_bytes(source, "big") + int.from_bytes(destination, "big")
    remainder = (remainder + addresses + protocol + len(data)) % 0xFFFF
    # The protocol number makes the sum other than zero, so a remainder of 0 is the other zero, 0xFFFF.
    return 0xFFFF - remainder if remainder else 0


def update(checksum: int, old: int, new: int) -> int:
    """The checksum after one 16-bit word of the data changed from `old` to `new`: RFC 1624 equation 3.

    Exact for every header that is not all zero afterwards, which no IPv4, UDP or TCP header is; equation 2 of the
    same RFC is the one that gives 0xFFFF for 0. For UDP, leave a checksum of 0 (none) alone, and send a result of 0
    as 0xFFFF.
    """
    total = (checksum ^ 0xFFFF) + (old ^ 0xFFFF) + new
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF
