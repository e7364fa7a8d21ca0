"""The types of single values in a topology: quantities, addresses, names. Each refuses with a sentence for a user."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema

from sim import units
from sim.scenario.addressing import parse_address, parse_ipv4, parse_mask

Path = tuple[str | int, ...]

LONGEST_TIME: Final = 365 * 24 * 3600 * units.SECOND
LONGEST_QUANTITY: Final = 40
"""Characters of a quantity such as `10ms`."""

_NAME: Final = re.compile(r"\w[\w.-]*")
_DIGITS: Final = re.compile(r"[0-9.]*\.[0-9.]*")
_MAC: Final = re.compile(r"[0-9a-fA-F]{2}(?:([:-])[0-9a-fA-F]{2})(?:\1[0-9a-fA-F]{2}){4}")


class FieldError(ValueError):
    """What is wrong with a value, with a hint; `at` leads from the value to the part of it that is to blame."""

    def __init__(self, message: str, hint: str | None = None, at: Path = ()) -> None:
        super().__init__(message)
        self.hint = hint
        self.at = at


class Model(BaseModel):
    """Base of what can stand in a topology: keys that are not known are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)  # built when first used: import stays fast


def shown(value: object) -> str:
    """A value as an error quotes it: in YAML's words, and not too long."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def as_text(value: object, what: str, hint: str | None = None) -> str:
    """The text itself, if it is one and not endless; otherwise it is not `what`."""
    if not isinstance(value, str):
        raise FieldError(f"{shown(value)} is not {what}", hint)
    if len(value) > 1000:
        raise FieldError(f"{shown(value)} is not {what}: it is too long", hint)
    return value


def _number_or_text(value: object, what: str, hint: str) -> int | float | str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise FieldError(f"{shown(value)} is not {what}", hint)
    if isinstance(value, str) and len(value) > LONGEST_QUANTITY:
        raise FieldError(f"{shown(value)} is not {what}: it is too long", hint)
    return value


def as_duration(value: object) -> int:
    """Nanoseconds of `10ms`."""
    hint = "write a number and a unit: 20us, 10ms, 1.5s"
    quantity = _number_or_text(value, "a duration", hint)
    if isinstance(quantity, str):
        time = units.duration(quantity)
    elif quantity == 0:
        time = 0
    else:
        raise FieldError(f"{shown(value)} is not a duration: it has no unit", hint)
    if time > LONGEST_TIME:
        raise FieldError(f"{shown(value)} is too long: a year (8760h) is the longest duration")
    return time


def _bitrate(value: object) -> int:
    hint = "write a number and a unit: 64kbps, 10Mbps, 1Gbps"
    quantity = _number_or_text(value, "a bit rate", hint)
    if isinstance(quantity, float):
        raise FieldError(f"{shown(value)} is not a bit rate: it has no unit", hint)
    rate = units.bitrate(quantity)
    if rate > 10**15:
        raise FieldError(f"{shown(value)} is too fast: 1000Tbps is the highest bit rate")
    return rate


def _probability(value: object) -> float:
    hint = "write 1% or 0.01"
    quantity = _number_or_text(value, "a probability", hint)
    if isinstance(quantity, int) and abs(quantity) > 1:
        raise FieldError(
            f"{shown(value)} is not a probability: it must lie between 0 and 1", f"did you mean {quantity}%?"
        )
    return units.probability(quantity)


@dataclass(frozen=True)
class Queue:
    """How much can wait for a transmitter: `frames`, or `bytes`; the other is 0, for no bound."""

    frames: int = 0
    bytes: int = 0


def _queue(value: object) -> Queue:
    if isinstance(value, Queue):
        return value
    hint = "write a number of packets, 100, or a size, 64kB"
    quantity = _number_or_text(value, "a queue's length", hint)
    if isinstance(quantity, float):
        raise FieldError(f"{shown(value)} is not a queue's length", hint)
    amount = units.size(quantity)
    if not 1 <= amount <= 10**12:
        raise FieldError(f"{shown(value)} is not a queue's length: it must be 1 or more", hint)
    return Queue(bytes=amount) if isinstance(quantity, str) else Queue(frames=amount)


def _byte_count(value: object) -> int:
    hint = "write bytes, 1000, or a size, 10MB"
    quantity = _number_or_text(value, "a size", hint)
    if isinstance(quantity, float):
        raise FieldError(f"{shown(value)} is not a size", hint)
    amount = units.size(quantity)
    if not 1 <= amount <= 10**12:
        raise FieldError(f"{shown(value)} is not a size: it must be 1 byte to 1000 GB", hint)
    return amount


def as_name(value: object) -> str:
    """A node's or a port's name; a bare number in YAML is one too."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    hint = "a name has letters, digits, '_', '-' and '.', up to 63, and starts with a letter or a digit"
    name = as_text(value, "a name", hint)
    if len(name) > 63 or not _NAME.fullmatch(name):
        raise FieldError(f"{shown(name)} is not a name", hint)
    try:
        parse_ipv4(name)
    except ValueError:
        return name
    raise FieldError(f"{shown(name)} is an address, and so cannot be a name", "names like pc1, r1, web.corp.test")


def as_mac(value: object) -> str:
    """A MAC address of text, in lower case with colons."""
    hint = "write six pairs of hex digits: 02:00:00:00:00:11"
    mac = as_text(value, "a MAC address", hint)
    if not _MAC.fullmatch(mac):
        raise FieldError(f"{shown(mac)} is not a MAC address", hint)
    return mac.lower().replace("-", ":")


def _own_mac(value: object) -> str:
    mac = as_mac(value)
    if int(mac[:2], 16) & 1:
        raise FieldError(
            f"{mac} is a group address (its first byte is odd): an interface cannot have it",
            "make the first byte even, like 02",
        )
    if mac == "00:00:00:00:00:00":
        raise FieldError(f"{mac} is no address", "write one like 02:00:00:00:00:11")
    return mac


def as_address(value: object) -> IPv4Address:
    """An IPv4 address of text."""
    if isinstance(value, IPv4Address):
        return value
    text = as_text(value, "an IPv4 address", "write four numbers: 192.168.1.10")
    if "/" in text:
        raise FieldError(f"{shown(text)} has a mask, which does not belong here", f"write {text.split('/', 1)[0]}")
    _refuse_ipv6(text)
    return parse_ipv4(text)


def _interface_address(value: object) -> IPv4Interface:
    if isinstance(value, IPv4Interface):
        return value
    text = as_text(value, "an address and its mask", "write it like 192.168.1.10/24")
    written, slash, mask = text.partition("/")
    _refuse_ipv6(written)
    address = parse_ipv4(written)
    if not slash:
        raise FieldError(f"{shown(text)} has no mask", f"write {address}/24, if its network has a 24-bit prefix")
    return IPv4Interface((int(address), parse_mask(mask)))


def as_prefix(value: object) -> IPv4Network:
    """A network of text."""
    if isinstance(value, IPv4Network):
        return value
    text = as_text(value, "a prefix", "write it like 10.1.0.0/16")
    written, slash, mask = text.partition("/")
    if text == "default":
        raise FieldError("'default' is not a prefix", "the default route's prefix is 0.0.0.0/0")
    _refuse_ipv6(written)
    address = parse_ipv4(written)
    if not slash or "." in mask:
        hint = f"write {address}/{parse_mask(mask)}" if slash else f"write {address}/24, or {address}/32 for one host"
        raise FieldError(f"{shown(text)} is not a prefix: its length must stand after a '/'", hint)
    network = IPv4Network((int(address), parse_mask(mask)), strict=False)
    if network.network_address != address:
        raise FieldError(f"{shown(text)} has bits beyond its length of {network.prefixlen}", f"the prefix is {network}")
    return network


def _refuse_ipv6(text: str) -> None:
    if ":" in text:
        parse_address(text)
        raise FieldError(f"{shown(text)} is IPv6, which is not simulated yet", "use an IPv4 address")


def _group(value: object) -> IPv4Address:
    address = as_address(value)
    if not address.is_multicast:
        raise FieldError(f"{address} is not a multicast group", "groups are 224.0.0.0 to 239.255.255.255")
    return address


@dataclass(frozen=True)
class Endpoint:
    """A node, and which of its ports when that is said: `sw1` or `r1:lan`."""

    node: str
    port: str | None = None

    def __str__(self) -> str:
        return self.node if self.port is None else f"{self.node}:{self.port}"


def as_endpoint(value: object) -> Endpoint:
    """A node or a port of text."""
    if isinstance(value, Endpoint):
        return value
    if isinstance(value, str):
        node, colon, port = value.partition(":")
        return Endpoint(as_name(node), as_name(port) if colon else None)
    return Endpoint(as_name(value))


def as_target(value: object) -> str:
    """What a packet can be sent to: a node, one of its interfaces (`r1:lan`) or an address."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return str(as_address(value))
    return str(as_endpoint(value))


def _position(value: object) -> tuple[float, float]:
    hint = "write [x, y]"
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise FieldError("a position is two numbers", hint)
    for number in value:
        if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) <= 1e9:
            raise FieldError(f"{shown(number)} is not a coordinate", hint)
    return float(value[0]), float(value[1])


def as_list(value: object) -> object:
    """One value where a list may stand is a list of one."""
    return [value] if isinstance(value, str | int | float | dict) else value


def _schema(pattern: str | None, *examples: str, also: str | None = None) -> WithJsonSchema:
    text: dict[str, Any] = {"type": "string", "examples": list(examples)}
    if pattern is not None:
        text["pattern"] = pattern
    return WithJsonSchema(text if also is None else {"anyOf": [text, {"type": also}]})


_NUMBER: Final = r"^\s*([0-9]+\.?[0-9]*|\.[0-9]+)\s*"
_TIME_TEXT: Final = rf"{_NUMBER}(ns|us|µs|ms|s|min|h)\s*$"
_IP: Final = r"[0-9]{1,3}(\.[0-9]{1,3}){3}"
_HEX_PAIRS: Final = r"[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}"

DURATION_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [{"type": "string", "pattern": _TIME_TEXT, "examples": ["10ms"]}, {"const": 0}]
}
Duration = Annotated[int, PlainValidator(as_duration), WithJsonSchema(DURATION_SCHEMA)]
"""Nanoseconds, written `10ms`; a number without a unit is refused, except 0."""
Bitrate = Annotated[
    int, PlainValidator(_bitrate), _schema(_NUMBER + "[kKmMgGtT]?[bB][pP][sS]\\s*$", "10Mbps", also="integer")
]
"""Bit/s, written `10Mbps` or as a number."""
Probability = Annotated[float, PlainValidator(_probability), _schema(None, "1%", also="number")]
"""0 to 1, written `1%` or `0.01`."""
QueueLength = Annotated[
    Queue, PlainValidator(_queue), _schema(_NUMBER + "[kKmMgG]?i?[bB]\\s*$", "64kB", also="integer")
]
"""Packets, or bytes with their unit."""
ByteCount = Annotated[
    int, PlainValidator(_byte_count), _schema(_NUMBER + "[kKmMgG]?i?[bB]\\s*$", "10MB", also="integer")
]
"""Bytes, as a number or a size."""
Name = Annotated[str, PlainValidator(as_name), _schema(r"^\w[\w.-]*$", "pc1", also="integer")]
Mac = Annotated[str, PlainValidator(as_mac), _schema(f"^{_HEX_PAIRS}$", "02:00:00:00:00:11")]
"""A MAC address in lower case with colons."""
OwnMac = Annotated[str, PlainValidator(_own_mac), _schema(f"^{_HEX_PAIRS}$", "02:00:00:00:00:11")]
"""A MAC address that an interface can have: not a group's."""
Address = Annotated[IPv4Address, PlainValidator(as_address), _schema(f"^{_IP}$", "192.168.1.1")]
InterfaceAddress = Annotated[
    IPv4Interface, PlainValidator(_interface_address), _schema(f"^{_IP}/[0-9.]+$", "192.168.1.10/24")
]
Prefix = Annotated[IPv4Network, PlainValidator(as_prefix), _schema(f"^{_IP}/[0-9]+$", "10.1.0.0/16")]
Group = Annotated[IPv4Address, PlainValidator(_group), _schema(f"^{_IP}$", "224.0.0.251")]
EndpointName = Annotated[
    Endpoint, PlainValidator(as_endpoint), _schema(r"^\w[\w.-]*(:\w[\w.-]*)?$", "r1:lan", also="integer")
]
Target = Annotated[str, PlainValidator(as_target), _schema(None, "pc1", "r1:lan", "192.168.1.1", also="integer")]
"""A node's name, an interface's (`r1:lan`) or an IPv4 address."""
Position = Annotated[
    tuple[float, float],
    PlainValidator(_position),
    WithJsonSchema({"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}),
]
Text = Annotated[str, Field(strict=True, max_length=65_536)]
Flag = Annotated[bool, Field(strict=True)]
Whole = Annotated[int, Field(strict=True)]
_DHCP: Final[dict[str, Any]] = {"type": "string", "const": "dhcp"}
_ADDRESS_TEXT: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": f"^{_IP}/[0-9.]+$",
    "examples": ["192.168.1.10/24"],
}
ADDRESS_FORMS: Final[list[dict[str, Any]]] = [
    _ADDRESS_TEXT,
    {"type": "array", "items": _ADDRESS_TEXT},
    _DHCP,
]
InterfaceAddresses = Annotated[
    list[InterfaceAddress], BeforeValidator(as_list), WithJsonSchema({"anyOf": ADDRESS_FORMS})
]
"""One address with its mask, or a list of them."""
