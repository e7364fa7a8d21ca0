"""Nodes with one bare port and no inside: where frames come from a capture, a TAP device or another simulator."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from ipaddress import IPv4Address
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from sim.scenario.addressing import parse_ipv4
from sim.scenario.base_node import BaseNode
from sim.scenario.fields import Duration, FieldError, Flag, Text, Whole, as_list, as_text, shown

BARE_PORT: Final = "eth0"
"""The only port of such a node."""

VXLAN_PORT: Final = 4789
"""RFC 7348 5: the destination port that IANA assigned."""

HIGHEST_VNI: Final = 2**24 - 1
MOST_REMOTES: Final = 64
INTERFACE_NAME_LIMIT: Final = 15
"""Bytes of an interface's name in Linux (IFNAMSIZ, less the zero byte at its end)."""


class Outlet(BaseNode):
    """A node of which only its port eth0 is known."""


class Outside(Outlet):
    """One whose frames come from outside of the simulation, so that it only works in real time."""


def _speed(value: object) -> Fraction:
    hint = "write a number: 2 is twice as fast, 0.5 half as fast"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldError(f"{shown(value)} is not a speed", hint)
    if not 0.000_001 <= value <= 1_000_000:
        raise FieldError(f"{shown(value)} is not a speed: it must be 0.000001 to 1000000", hint)
    return Fraction(str(value))  # the number that was written, and not the nearest binary one


def _capture_file(value: object) -> str:
    hint = "write the path of a capture, from where this file is: captures/office.pcapng"
    text = as_text(value, "the path of a capture", hint)
    if not text or "\0" in text:
        raise FieldError(f"{shown(text)} is not the path of a capture", hint)
    return text


Speed = Annotated[Fraction, PlainValidator(_speed), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})]
CaptureFile = Annotated[
    str, PlainValidator(_capture_file), WithJsonSchema({"type": "string", "examples": ["captures/office.pcapng"]})
]


class Replay(Outlet):
    """Sends the frames of a capture, at their times: the first at `start` (ns), the others as long after it as in the
    capture, `speed` times as fast; all of it `loop` times, `pause` (ns) after its last frame again. Of a pcapng file
    those of one `interface` only, by its name, and in one `direction`, if that is said."""

    kind: Literal["replay"]
    file: CaptureFile
    interface: Annotated[Text, Field(min_length=1)] | None = None
    direction: Literal["in", "out", "both"] = "both"
    speed: Speed = Fraction(1)
    start: Duration = 0
    loop: Annotated[Whole, Field(ge=1, le=1_000_000)] = 1
    pause: Duration = 0


def _device_name(value: object) -> str:
    hint = f"1 to {INTERFACE_NAME_LIMIT} bytes, no slash and no space: tap0"
    name = as_text(value, "a network interface's name", hint)
    plain = name.isprintable() and not any(character in "/:%" or character.isspace() for character in name)
    if not plain or not 0 < len(name.encode()) <= INTERFACE_NAME_LIMIT or name in (".", ".."):
        raise FieldError(f"{shown(name)} is not a network interface's name", hint)
    return name


def _namespace(value: object) -> str:
    hint = "write a name as `ip netns` shows it, or a path such as /proc/1234/ns/net"
    name = as_text(value, "a network namespace", hint)
    if not name or "\0" in name or name in (".", "..") or ("/" in name and not name.startswith("/")):
        raise FieldError(f"{shown(name)} is not a network namespace", hint)
    return name


DeviceName = Annotated[str, PlainValidator(_device_name), WithJsonSchema({"type": "string", "examples": ["tap0"]})]
Namespace = Annotated[str, PlainValidator(_namespace), WithJsonSchema({"type": "string", "examples": ["lab"]})]


class Tap(Outside):
    """A TAP device of Linux, `device` in the namespace `netns`: whatever is behind it is a node of the network."""

    kind: Literal["tap"]
    device: DeviceName
    netns: Namespace | None = None


@dataclass(frozen=True)
class UdpEnd:
    """An address and a port of UDP."""

    address: IPv4Address
    port: int

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


def _udp_end(value: object) -> UdpEnd:
    if isinstance(value, UdpEnd):
        return value
    hint = f"write an address and a port: 127.0.0.1:{VXLAN_PORT}"
    text = as_text(value, "an address and a port", hint)
    written, colon, port = text.partition(":")
    if ":" in port:
        raise FieldError(f"{shown(text)} is not an IPv4 address and a port", hint)
    address = parse_ipv4(written)
    if colon and not (port.isascii() and port.isdecimal() and len(port) <= 5 and 1 <= int(port) <= 65_535):
        raise FieldError(f"{shown(text)} has no port of 1 to 65535", hint)
    if address.is_multicast or int(address) == 0xFFFF_FFFF:
        raise FieldError(f"{address} is a group of machines: a tunnel has one at each end", "list them all as remote")
    return UdpEnd(address, int(port) if colon else VXLAN_PORT)


_UDP_END: Final[dict[str, Any]] = {"type": "string", "examples": [f"127.0.0.1:{VXLAN_PORT}"]}
UdpEndpoint = Annotated[UdpEnd, PlainValidator(_udp_end), WithJsonSchema(_UDP_END)]
"""`127.0.0.1:4789`; without a port it is VXLAN's."""
Remotes = Annotated[
    list[UdpEndpoint],
    BeforeValidator(as_list),
    Field(min_length=1, max_length=MOST_REMOTES),
    WithJsonSchema({"anyOf": [_UDP_END, {"type": "array", "items": _UDP_END, "minItems": 1}]}),
]


class Vxlan(Outside):
    """The end of a VXLAN tunnel (RFC 7348): frames travel in UDP datagrams from the address `local` to those in
    `remote`, with the network identifier `vni`. All are loopback addresses, unless `anywhere` says otherwise."""

    kind: Literal["vxlan"]
    vni: Annotated[Whole, Field(ge=0, le=HIGHEST_VNI)]
    local: UdpEndpoint
    remote: Remotes
    anywhere: Flag = False
    netns: Namespace | None = None

    @model_validator(mode="after")
    def _stays_here(self) -> Vxlan:
        ends: list[tuple[UdpEnd, tuple[str | int, ...]]] = [(self.local, ("local",))]
        ends += [(end, ("remote", index)) for index, end in enumerate(self.remote)]
        for end, at in ends:
            if not end.address.is_loopback and not self.anywhere:
                raise FieldError(
                    f"{end.address} is no loopback address: frames would leave this machine",
                    "write anywhere: true, if they shall; loopback addresses are 127.0.0.1 and all of 127.0.0.0/8",
                    at=at,
                )
        seen: set[UdpEnd] = set()
        for index, end in enumerate(self.remote):
            if end == self.local or end in seen or int(end.address) == 0:
                why = "its own end" if end == self.local else "nobody's" if int(end.address) == 0 else "there twice"
                raise FieldError(
                    f"the remote {end} is {why}", "a remote is another end of the tunnel", ("remote", index)
                )
            seen.add(end)
        return self
