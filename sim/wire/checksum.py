"""The Internet checksum (read RFC 1071 first), and how to mend it after changing one word (RFC 1624).

The one's complement sum of 16-bit words is the whole data, read as one number, modulo 65535: 2**16 is 1 modulo 65535,
so a word counts the same at any place, and as part of a longer number too. Interpreted, `int.from_bytes(data) % 0xFFFF`
is the fastest exact way (measured: 3 to 4 times faster than any sum over words); compiled, a sum over eight bytes at a
time is (15 times faster than the division). The one thing modulo loses is that one's complement has two zeros: the sum
of words that are not all zero is never 0x0000 but 0xFFFF, whose checksum is 0.
"""

from __future__ import annotations

import struct
from typing import Final

from librt.strings import read_i64_be
from mypy_extensions import i64

COMPILED: Final = not __file__.endswith(".py")
_PSEUDO_IPV4: Final = struct.Struct("!4s4sBBH")
_PSEUDO_IPV6: Final = struct.Struct("!16s16sII")


def remainder(data: bytes, start: int, end: int) -> int:
    """The sum of the words of `data[start:end]` modulo 65535; an odd last byte is the high half of a word.

    Zero for data that holds its right checksum, and for zeros.
    """
    if COMPILED:
        return _sum_words(data, start, end) % 0xFFFF
    total = int.from_bytes(data[start:end], "big") % 0xFFFF
    return (total << 8) % 0xFFFF if (end - start) & 1 else total


def _sum_words(data: bytes, start: i64, end: i64) -> i64:
    total: i64 = 0
    index: i64 = start
    while index < end - 7:
        number = read_i64_be(data, index)
        total += (number >> 32 & 0xFFFF_FFFF) + (number & 0xFFFF_FFFF)
        index += 8
    while index < end - 1:
        total += data[index] * 256 + data[index + 1]
        index += 2
    if index < end:
        total += data[index] * 256
    return total


def internet_checksum(data: bytes) -> int:
    """The checksum of `data`, whose own checksum field holds zero; an odd last byte is the high half of a word."""
    rest = remainder(data, 0, len(data))
    if rest:
        return 0xFFFF - rest
    return 0 if any(data) else 0xFFFF


def verify(data: bytes) -> bool:
    """Whether data that includes its checksum sums up right; all zeros does not."""
    return remainder(data, 0, len(data)) == 0 and any(data)


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
    return complement(remainder(data, 0, len(data)) + pseudo_sum(source, destination, protocol, len(data)))


def pseudo_sum(source: bytes, destination: bytes, protocol: int, length: int) -> int:
    """The sum of the words of the pseudo header."""
    return remainder(source, 0, len(source)) + remainder(destination, 0, len(destination)) + protocol + length


def complement(total: int) -> int:
    """The checksum that belongs to a sum of words which are not all zero."""
    total %= 0xFFFF
    return 0xFFFF - total if total else 0  # a remainder of 0 is the other zero then, 0xFFFF


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
