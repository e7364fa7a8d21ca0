"""Addresses between the text people write and the `bytes` on the wire: 6 for a MAC, 4 for IPv4, 16 for IPv6.

Every parser raises ValueError with a sentence fit for a user. A prefix is a pair `(address, length)`.
"""

from __future__ import annotations

import ipaddress
from typing import Final

MAC_BROADCAST: Final = b"\xff\xff\xff\xff\xff\xff"
MAC_ZERO: Final = b"\x00\x00\x00\x00\x00\x00"
IPV4_ANY: Final = b"\x00\x00\x00\x00"
IPV4_BROADCAST: Final = b"\xff\xff\xff\xff"

_DECIMAL: Final = tuple(str(number) for number in range(256))
_DIGITS: Final = frozenset("0123456789")
_HEX_DIGITS: Final = frozenset("0123456789abcdefABCDEF")


def parse_mac(text: str) -> bytes:
    """Six bytes from `02:00:00:00:00:11` or `02-00-00-00-00-11`."""
    separator = "-" if "-" in text else ":"
    groups = text.split(separator)
    if len(groups) != 6:
        raise ValueError(f"{text!r} is not a MAC address: write six pairs of digits, like 02:00:00:00:00:11")
    for group in groups:
        if len(group) != 2 or not _HEX_DIGITS.issuperset(group):
            raise ValueError(f"{text!r} is not a MAC address: {group!r} is not two hexadecimal digits")
    return bytes.fromhex("".join(groups))


def format_mac(mac: bytes) -> str:
    """Lower case with colons: `02:00:00:00:00:11`."""
    return mac.hex(":")


def parse_ip(text: str) -> bytes:
    """4 bytes from `10.0.0.1`, 16 bytes from `2001:db8::1`. Leading zeros are refused: some read them as octal."""
    return _parse_ipv6(text) if ":" in text else _parse_ipv4(text)


def format_ip(address: bytes) -> str:
    """Dotted quad for 4 bytes, RFC 5952 for 16."""
    if len(address) == 4:
        names = _DECIMAL
        return f"{names[address[0]]}.{names[address[1]]}.{names[address[2]]}.{names[address[3]]}"
    if len(address) == 16:
        return _format_ipv6(address)
    raise ValueError(f"an IP address has 4 or 16 bytes, not {len(address)}")


def parse_interface(text: str) -> tuple[bytes, int]:
    """The address of an interface and its prefix length: `192.168.1.10/24` or `192.168.1.10/255.255.255.0`."""
    address_text, slash, mask_text = text.partition("/")
    address = parse_ip(address_text)
    if not slash:
        example = "/64" if len(address) == 16 else "/24"
        raise ValueError(f"{text!r} has no prefix length: write it after a slash, like {text}{example}")
    return address, _parse_length(text, mask_text, len(address))


def parse_prefix(text: str) -> tuple[bytes, int]:
    """A network and its prefix length from `10.0.0.0/8`; an address inside it is refused."""
    address, length = parse_interface(text)
    network = network_of(address, length)
    if network != address:
        raise ValueError(
            f"{text!r} is not a network: it has host bits set, the network is {format_prefix(network, length)}"
        )
    return network, length


def format_prefix(network: bytes, length: int) -> str:
    """`10.0.0.0/8`."""
    return f"{format_ip(network)}/{length}"


def mask_of(length: int, size: int = 4) -> bytes:
    """The mask of `length` ones as `size` bytes: 24 is `255.255.255.0`."""
    return _mask(length, size).to_bytes(size, "big")


def network_of(address: bytes, length: int) -> bytes:
    """The address with its host bits cleared."""
    size = len(address)
    return (int.from_bytes(address, "big") & _mask(length, size)).to_bytes(size, "big")


def broadcast_of(address: bytes, length: int) -> bytes:
    """The address with its host bits set: the directed broadcast of an IPv4 network (RFC 1122 3.2.1.3)."""
    size = len(address)
    host_bits = ((1 << (8 * size)) - 1) ^ _mask(length, size)
    return (int.from_bytes(address, "big") | host_bits).to_bytes(size, "big")


def in_prefix(address: bytes, network: bytes, length: int) -> bool:
    """Whether the first `length` bits agree; addresses of different families never do."""
    if len(address) != len(network):
        return False
    shift = 8 * len(address) - length
    return int.from_bytes(address, "big") >> shift == int.from_bytes(network, "big") >> shift


def is_multicast_mac(mac: bytes) -> bool:
    """Whether the group bit is set (IEEE 802 8.2.2), so the broadcast address is one too."""
    return mac[0] & 1 == 1


def is_multicast_ip(address: bytes) -> bool:
    """224.0.0.0/4 (RFC 1112 4) or ff00::/8 (RFC 4291 2.7)."""
    if len(address) == 4:
        return address[0] & 0xF0 == 0xE0
    return address[0] == 0xFF


def multicast_mac(address: bytes) -> bytes:
    """The MAC address of a group: the low 23 bits of IPv4, so 32 groups share one (RFC 1112 6.4); RFC 2464 7 for IPv6.

    ValueError for an address that is no group.
    """
    if not is_multicast_ip(address):
        raise ValueError(f"{format_ip(address)} is not a multicast address")
    if len(address) == 16:
        return b"\x33\x33" + address[12:]
    return bytes((0x01, 0x00, 0x5E, address[1] & 0x7F, address[2], address[3]))


def _mask(length: int, size: int) -> int:
    bits = 8 * size
    if not 0 <= length <= bits:
        raise ValueError(f"a prefix length of an address of {bits} bits is from 0 to {bits}, not {length}")
    return ((1 << length) - 1) << (bits - length)


def _parse_length(text: str, mask_text: str, size: int) -> int:
    bits = 8 * size
    if size == 4 and "." in mask_text:
        return _parse_mask(mask_text)
    if not mask_text or len(mask_text) > 3 or not _DIGITS.issuperset(mask_text) or int(mask_text) > bits:
        raise ValueError(f"{text!r} has a bad prefix length: {mask_text!r} is not a number from 0 to {bits}")
    return int(mask_text)


def _parse_mask(text: str) -> int:
    mask = int.from_bytes(_parse_ipv4(text), "big")
    length = mask.bit_count()
    if mask != _mask(length, 4):
        raise ValueError(f"{text!r} is not a netmask: its ones must all come before its zeros, like 255.255.255.0")
    return length


def _parse_ipv4(text: str) -> bytes:
    parts = text.split(".")
    if len(parts) != 4:
        raise ValueError(f"{text!r} is not an IP address: write four numbers, like 192.168.1.10")
    for part in parts:
        if not part or not _DIGITS.issuperset(part):
            raise ValueError(f"{text!r} is not an IP address: {part!r} is not a number")
        if len(part) > 3 or int(part) > 255:
            raise ValueError(f"{text!r} is not an IP address: {part} is above 255")
        if len(part) > 1 and part[0] == "0":
            raise ValueError(f"{text!r} is not an IP address: {part} has a leading zero, write {int(part)}")
    return bytes([int(part) for part in parts])


def _parse_ipv6(text: str) -> bytes:
    if "%" in text or "/" in text:
        raise ValueError(f"{text!r} is not an IPv6 address: write it without zone and prefix length")
    try:
        return ipaddress.IPv6Address(text).packed
    except ValueError:
        raise ValueError(f"{text!r} is not an IPv6 address: write it like 2001:db8::1") from None


def _format_ipv6(address: bytes) -> str:
    if address[:12] == b"\x00" * 10 + b"\xff\xff":  # RFC 5952 5: a mapped IPv4 address keeps its dots
        return "::ffff:" + format_ip(address[12:])
    groups = [int.from_bytes(address[at : at + 2], "big") for at in range(0, 16, 2)]
    start, length = _longest_zeros(groups)
    words = [f"{group:x}" for group in groups]
    if length < 2:  # RFC 5952 4.2.2: one group of zeros is not shortened
        return ":".join(words)
    return ":".join(words[:start]) + "::" + ":".join(words[start + length :])


def _longest_zeros(groups: list[int]) -> tuple[int, int]:
    """Start and length of the longest run of zero groups, the first one of equals (RFC 5952 4.2.3)."""
    best_start = best_length = length = 0
    for at, group in enumerate(groups):
        length = length + 1 if group == 0 else 0
        if length > best_length:
            best_start, best_length = at + 1 - length, length
    return best_start, best_length
