"""What the data of DHCP's options is made of (RFC 2132), by code: to show it, and to write it from plain values."""

from __future__ import annotations

from typing import Final

from sim.errors import WireError
from sim.wire.addresses import format_ip

ADDRESS: Final = "address"
ADDRESSES: Final = "addresses"
TEXT: Final = "text"
NAMES: Final = "names"  # a list of domain names (RFC 1035 3.1), as in option 119
ROUTES: Final = "routes"  # classless routes (RFC 3442)
FLAG: Final = "flag"
BYTE: Final = "byte"
WORD: Final = "word"
LONG: Final = "long"
BYTES: Final = "bytes"

OPTION_NAMES: Final[dict[int, str]] = {
    1: "subnet mask",
    2: "time offset",
    3: "router",
    4: "time server",
    5: "IEN-116 name server",
    6: "domain name server",
    7: "log server",
    9: "LPR server",
    12: "host name",
    13: "boot file size",
    15: "domain name",
    17: "root path",
    19: "IP forwarding",
    23: "default IP TTL",
    26: "interface MTU",
    28: "broadcast address",
    31: "router discovery",
    33: "static route",
    40: "NIS domain",
    41: "NIS servers",
    42: "NTP servers",
    43: "vendor information",
    44: "NetBIOS name server",
    46: "NetBIOS node type",
    50: "requested address",
    51: "lease time",
    52: "option overload",
    53: "message type",
    54: "server identifier",
    55: "parameter request list",
    56: "message",
    57: "maximum message size",
    58: "renewal time",
    59: "rebinding time",
    60: "vendor class",
    61: "client identifier",
    66: "TFTP server name",
    67: "boot file name",
    69: "SMTP server",
    82: "relay agent information",
    100: "time zone",
    101: "time zone name",
    114: "captive portal",
    119: "domain search",
    121: "classless static route",
    150: "TFTP server address",
    252: "proxy autodiscovery",
}

OPTION_KINDS: Final[dict[int, str]] = {
    **dict.fromkeys((1, 28, 32, 50, 54), ADDRESS),
    **dict.fromkeys((3, 4, 5, 6, 7, 8, 9, 10, 11, 16, 33, 41, 42, 44, 45, 48, 49, 65), ADDRESSES),
    **dict.fromkeys((68, 69, 70, 71, 72, 73, 74, 75, 76, 150), ADDRESSES),
    **dict.fromkeys((12, 14, 15, 17, 18, 40, 47, 56, 60, 64, 66, 67, 100, 101, 114, 252), TEXT),
    **dict.fromkeys((19, 20, 27, 29, 30, 31, 34, 36, 39), FLAG),
    **dict.fromkeys((23, 37, 46, 52, 53), BYTE),
    **dict.fromkeys((13, 22, 26, 57), WORD),
    **dict.fromkeys((2, 24, 35, 38, 51, 58, 59), LONG),
    119: NAMES,
    121: ROUTES,
}
"""What is known of an option's data; all others are bytes."""

_WIDTHS: Final[dict[str, int]] = {FLAG: 1, BYTE: 1, WORD: 2, LONG: 4}
_LONGEST_NAME: Final = 255
_LONGEST_LABEL: Final = 63
_POINTER: Final = 0xC0


def describe(code: int, data: bytes) -> object:
    """The data as a view shows it: text, a number, or the bytes where it is not what it should be."""
    kind = OPTION_KINDS.get(code, BYTES)
    if kind in (ADDRESS, ADDRESSES):
        whole = len(data) > 0 and len(data) % 4 == 0
        return ", ".join([format_ip(data[at : at + 4]) for at in range(0, len(data), 4)]) if whole else data
    if kind == TEXT:
        text = data.decode("latin-1")
        return text if text.isascii() and text.isprintable() and text else data
    if kind == NAMES:
        try:
            return ", ".join(parse_names(data)) or data
        except WireError:
            return data
    width = _WIDTHS.get(kind, 0)
    return int.from_bytes(data, "big") if width and len(data) == width else data


def emit_number(code: int, number: int) -> bytes:
    """The data of an option that holds a number. Raises ValueError for one that holds none, or not such a large one."""
    kind = OPTION_KINDS.get(code, BYTE if number < 256 else "")
    width = _WIDTHS.get(kind, 0)
    if not width:
        raise ValueError(f"option {code} holds no number that is known here")
    limit = 1 if kind == FLAG else (1 << 8 * width) - 1
    if not 0 <= number <= limit:
        raise ValueError(f"option {code} holds a number from 0 to {limit}, not {number}")
    return number.to_bytes(width, "big")


def emit_names(names: list[str]) -> bytes:
    """Domain names one behind the other (RFC 3397 2), without compression. Raises ValueError for what is no name."""
    data = b""
    for name in names:
        labels = [label.encode("ascii", "replace") for label in name.rstrip(".").split(".")]
        if not all(0 < len(label) <= _LONGEST_LABEL for label in labels) or len(name) >= _LONGEST_NAME:
            raise ValueError(f"{name!r} is no domain name")
        data += b"".join([bytes((len(label),)) + label for label in labels]) + b"\0"
    return data


def parse_names(data: bytes) -> list[str]:
    """Domain names one behind the other, compressed or not (RFC 1035 4.1.4). WireError for what is none."""
    names: list[str] = []
    at = 0
    while at < len(data):
        name, at = _parse_name(data, at)
        names.append(name)
    return names


def _parse_name(data: bytes, at: int) -> tuple[str, int]:
    """A name, and where the next begins. A pointer leads back only, so that none leads in a circle."""
    labels: list[str] = []
    end = -1
    length = 0
    while True:
        if at >= len(data):
            raise WireError("a name is cut short")
        size = data[at]
        if size & _POINTER == _POINTER:
            target = (size & 0x3F) << 8 | data[at + 1] if at + 1 < len(data) else len(data)
            if target >= at:
                raise WireError("a name points to what does not stand before it")
            end = at + 2 if end < 0 else end
            at = target
            continue
        if size & _POINTER:
            raise WireError(f"a label of kind {size >> 6} is none")
        if size == 0:
            return ".".join(labels), at + 1 if end < 0 else end
        label = data[at + 1 : at + 1 + size]
        length += size + 1
        if len(label) < size or length > _LONGEST_NAME:
            raise WireError("a name is cut short, or too long")
        labels.append(label.decode("ascii", "replace"))
        at += 1 + size


def parse_routes(data: bytes) -> list[tuple[bytes, int, bytes]]:
    """(network, prefix length, router) of each classless route (RFC 3442). WireError for what is none."""
    routes: list[tuple[bytes, int, bytes]] = []
    at = 0
    while at < len(data):
        length = data[at]
        octets = (length + 7) // 8
        end = at + 1 + octets + 4
        if length > 32 or end > len(data):
            raise WireError(f"a classless route has the prefix length {length}, {len(data) - at} bytes are there")
        network = data[at + 1 : at + 1 + octets] + bytes(4 - octets)
        value = int.from_bytes(network, "big") >> 32 - length << 32 - length
        routes.append((value.to_bytes(4, "big"), length, data[end - 4 : end]))
        at = end
    return routes


def emit_routes(routes: list[tuple[bytes, int, bytes]]) -> bytes:
    """The data of option 121 (RFC 3442)."""
    return b"".join([bytes((length,)) + network[: (length + 7) // 8] + router for network, length, router in routes])
