"""What an IP address says about itself: class, mask, network, range, purpose. The data behind `sim ip`.

Classes are of RFC 791 3.2 and RFC 1112 4 (D); CIDR (RFC 4632) put masks in their place in 1993, so a class here only
explains, and supplies a mask where none is written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

_CLASSES: Final = (
    # letter, first octet below, prefix length of the class's own mask
    ("A", 128, 8),
    ("B", 192, 16),
    ("C", 224, 24),
    ("D", 240, None),
    ("E", 256, None),
)

_PURPOSES: Final = tuple(
    # the first match counts; IANA's IPv4 and IPv6 special-purpose address registries (RFC 6890)
    (ip_network(prefix), purpose, source)
    for prefix, purpose, source in (
        ("255.255.255.255/32", "limited broadcast", "RFC 919"),
        ("0.0.0.0/8", "this network", "RFC 791"),
        ("10.0.0.0/8", "private", "RFC 1918"),
        ("172.16.0.0/12", "private", "RFC 1918"),
        ("192.168.0.0/16", "private", "RFC 1918"),
        ("100.64.0.0/10", "carrier-grade NAT", "RFC 6598"),
        ("127.0.0.0/8", "loopback", "RFC 1122"),
        ("169.254.0.0/16", "link-local", "RFC 3927"),
        ("192.0.2.0/24", "documentation", "RFC 5737"),
        ("198.51.100.0/24", "documentation", "RFC 5737"),
        ("203.0.113.0/24", "documentation", "RFC 5737"),
        ("198.18.0.0/15", "benchmarking", "RFC 2544"),
        ("224.0.0.0/4", "multicast", "RFC 1112"),
        ("240.0.0.0/4", "reserved", "RFC 1112"),
        ("::/128", "unspecified", "RFC 4291"),
        ("::1/128", "loopback", "RFC 4291"),
        ("fe80::/10", "link-local", "RFC 4291"),
        ("fc00::/7", "private", "RFC 4193"),
        ("2001:db8::/32", "documentation", "RFC 3849"),
        ("ff00::/8", "multicast", "RFC 4291"),
        ("2000::/3", "public", "RFC 4291"),
        ("::/0", "reserved", "RFC 4291"),
    )
)

_OCTETS: Final = re.compile(r"[0-9]+(?:\.[0-9]*)*")
_PREFIX_LENGTH: Final = re.compile(r"0|[1-9][0-9]{0,2}")

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class NetworkFacts:
    """What follows from an address and its mask.

    `first` and `last` are the addresses that a host can have, `usable` how many those are: all but the network's own
    and the broadcast address, both of a /31 (RFC 3021), the one of a /32. `host_part` is the address without the
    network's bits. `role` is what the address is in its network: "host", "network" or "broadcast". The wildcard is
    the mask turned over, as access lists write it; IPv6 has neither dotted mask, wildcard nor broadcast: None.
    """

    network: Network
    prefix: int
    mask: str | None
    wildcard: str | None
    host_part: str
    broadcast: str | None
    first: str
    last: str
    usable: int
    role: str
    mask_binary: str


@dataclass(frozen=True)
class AddressFacts:
    """What there is to say of one address. What does not apply (a class in IPv6, a mask in class D) is None.

    `purpose` is a word such as "private" or "multicast", `source` the document that says so. `assumed_mask` tells that
    no mask was written and the class's own (`class_prefix`) is used. `binary` has a `|` between the bits of the
    network and those of the host.
    """

    address: Address
    version: int
    class_: str | None
    class_prefix: int | None
    purpose: str
    source: str
    assumed_mask: bool
    network: NetworkFacts | None
    binary: str
    multicast_mac: str | None


def explain(text: str) -> AddressFacts:
    """The facts about `192.168.1.10`, `192.168.1.10/24`, `192.168.1.10/255.255.255.0` or an IPv6 address.

    Raises ValueError with a sentence for a user.
    """
    written, slash, mask = text.strip().partition("/")
    address = parse_address(written)
    class_, class_prefix = class_of(address)
    prefix = parse_mask(mask, address.version) if slash else class_prefix
    purpose, source = purpose_of(address)
    return AddressFacts(
        address=address,
        version=address.version,
        class_=class_,
        class_prefix=class_prefix,
        purpose=purpose,
        source=source,
        assumed_mask=not slash and prefix is not None,
        network=None if prefix is None else _network_facts(address, prefix),
        binary=_binary(address, prefix),
        multicast_mac=multicast_mac(address) if address.is_multicast else None,
    )


def parse_address(text: str) -> Address:
    """An address of either version, or ValueError with a sentence that tells what is wrong with it."""
    return _parse_ipv6(text) if ":" in text else parse_ipv4(text)


def parse_ipv4(text: str) -> IPv4Address:
    """`192.168.1.10`, or ValueError with a sentence that tells what is wrong with it."""
    text = text.strip()
    if len(text) > 50 or not _OCTETS.fullmatch(text):
        raise ValueError(f"{_short(text)} is not an IPv4 address: write four numbers, like 192.168.1.10")
    octets = text.split(".")
    if len(octets) != 4:
        count = "number" if len(octets) == 1 else "numbers"
        raise ValueError(f"{_short(text)} is not an IPv4 address: it has {len(octets)} {count}, not 4")
    for octet in octets:
        if not octet:
            raise ValueError(f"{_short(text)} is not an IPv4 address: a number is missing")
        if octet[0] == "0" and octet != "0":
            raise ValueError(
                f"{_short(text)} is not an IPv4 address: write {octet.lstrip('0') or '0'} for {octet}, "
                "since some programs read a leading zero as octal"
            )
        if len(octet) > 3 or int(octet) > 255:
            raise ValueError(f"{_short(text)} is not an IPv4 address: {octet} is above 255")
    return IPv4Address(text)


def _parse_ipv6(text: str) -> IPv6Address:
    try:
        return IPv6Address(text.strip())
    except AddressValueError as error:
        reason = str(error).split(" in ", 1)[0].lower() if len(text) < 60 else "it is too long"
        raise ValueError(f"{_short(text)} is not an IPv6 address: {reason}") from None


def parse_mask(text: str, version: int = 4) -> int:
    """The prefix length of `24` or, in IPv4, of `255.255.255.0`. Raises ValueError with a sentence for a user."""
    text, width = text.strip(), 32 if version == 4 else 128
    if _PREFIX_LENGTH.fullmatch(text) and int(text) <= width:
        return int(text)
    if version == 6 or "." not in text:
        raise ValueError(f"/{_short(text, '')} is not a mask: write /0 to /{width}")
    try:
        value = int(parse_ipv4(text))
    except ValueError as error:
        raise ValueError(str(error).replace("an IPv4 address", "a mask")) from None
    prefix = value.bit_count()
    if value == ((1 << prefix) - 1) << (32 - prefix):
        return prefix
    if value & (value + 1) == 0:
        raise ValueError(f"{text} is a wildcard, the mask turned over: write {IPv4Address(value ^ 0xFFFFFFFF)}")
    raise ValueError(f"{text} is not a mask: in binary all its ones must stand before its zeros ({_binary(value)})")


def class_of(address: Address) -> tuple[str | None, int | None]:
    """The class's letter, and the prefix length of its mask where it has one; nothing of the kind in IPv6."""
    if address.version == 6:
        return None, None
    octet = int(address) >> 24
    return next((letter, prefix) for letter, limit, prefix in _CLASSES if octet < limit)


def purpose_of(address: Address) -> tuple[str, str]:
    """What the address is for, and the RFC that says so: `("private", "RFC 1918")`, `("public", "RFC 791")`."""
    for network, purpose, source in _PURPOSES:
        if address.version == network.version and address in network:
            return purpose, source
    return "public", "RFC 791"


def multicast_mac(group: Address) -> str:
    """The MAC address of a multicast group: its low 23 bits (RFC 1112 6.4), or 32 in IPv6 (RFC 2464 7)."""
    if group.version == 6:
        return (0x3333_0000_0000 | int(group) & 0xFFFF_FFFF).to_bytes(6, "big").hex(":")
    return (0x0100_5E00_0000 | int(group) & 0x7F_FFFF).to_bytes(6, "big").hex(":")


def _network_facts(address: Address, prefix: int) -> NetworkFacts:
    network = ip_network(f"{address}/{prefix}", strict=False)
    start, end = network.network_address, network.broadcast_address
    whole = network.num_addresses <= 2 or address.version == 6
    v4 = address.version == 4
    role = "host"
    if v4 and not whole:
        role = {start: "network", end: "broadcast"}.get(address, "host")
    return NetworkFacts(
        network=network,
        prefix=prefix,
        mask=str(network.netmask) if v4 else None,
        wildcard=str(network.hostmask) if v4 else None,
        host_part=str(type(address)(int(address) & int(network.hostmask))),
        broadcast=str(end) if v4 and not whole else None,
        first=str(start if whole else start + 1),
        last=str(end if whole else end - 1),
        usable=network.num_addresses - (0 if whole else 2),
        role=role,
        mask_binary=_binary(network.netmask, prefix),
    )


def _binary(address: Address | int, prefix: int | None = None) -> str:
    """The bits in groups of 8 (IPv6: 16), with a `|` after the first `prefix`."""
    value, width = (address, 32) if isinstance(address, int) else (int(address), address.max_prefixlen)
    group, separator = (8, ".") if width == 32 else (16, ":")
    bits = f"{value:0{width}b}"
    text = ""
    for index, bit in enumerate(bits):
        if index == prefix:
            text += "|"
        elif index and index % group == 0:
            text += separator
        text += bit
    return text + ("|" if prefix == width else "")


def _short(text: str, quote: str = "'") -> str:
    return f"{quote}{text if len(text) <= 50 else text[:47] + '...'}{quote}"
