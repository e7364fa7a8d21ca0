"""Ports as a topology names them: one, a range, or an address with one."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

from sim.scenario.fields import FieldError, as_address, as_list, as_text, shown

HIGHEST: Final = 65_535
_RANGE: Final = re.compile(r"\s*([0-9]{1,5})\s*(?:-\s*([0-9]{1,5}))?\s*")

PortRange = tuple[int, int]
"""The first and the last of them."""


def _port_range(value: object) -> PortRange:
    if isinstance(value, tuple):
        return value
    hint = "write a port, 80, or a range, 6000-6010"
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    match = _RANGE.fullmatch(text)
    if match is None:
        raise FieldError(f"{shown(value)} is not a port", hint)
    first, last = int(match[1]), int(match[2] or match[1])
    if not 1 <= first <= HIGHEST or not 1 <= last <= HIGHEST:
        raise FieldError(f"{shown(value)} is not a port: ports are 1 to {HIGHEST}", hint)
    if last < first:
        raise FieldError(f"{shown(value)} is not a range of ports: it ends before it begins", f"write {last}-{first}")
    return first, last


def _address_and_port(value: object) -> tuple[IPv4Address, int | None]:
    if isinstance(value, tuple):
        return value
    hint = "write an address and a port, 192.168.1.80:80, or an address for the same port"
    address, colon, port = as_text(value, "an address and a port", hint).partition(":")
    if not colon:
        return as_address(address), None
    if "-" in port or not port:
        raise FieldError(f"{shown(value)} does not end in a port", hint)
    return as_address(address), _port_range(port)[0]


_FORMS: Final = {"anyOf": [{"type": "integer"}, {"type": "string", "examples": ["6000-6010"]}]}
Ports = Annotated[tuple[int, int], PlainValidator(_port_range), WithJsonSchema(_FORMS)]
"""A port or a range of ports."""
PortList = Annotated[
    list[Ports],
    BeforeValidator(as_list),
    WithJsonSchema({"anyOf": [*_FORMS["anyOf"], {"type": "array", "items": _FORMS}]}),
]
"""One of them, or a list."""
AddressAndPort = Annotated[
    tuple[IPv4Address, int | None],
    PlainValidator(_address_and_port),
    WithJsonSchema({"type": "string", "examples": ["192.168.1.80:80"]}),
]
