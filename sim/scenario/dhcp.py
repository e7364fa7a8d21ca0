"""DHCP in a topology: what a server gives away, whom a router relays for, the step `dhcp`, and what it may expect."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, PlainValidator, WithJsonSchema, model_validator
from pydantic_core import CoreSchema

from sim import units
from sim.scenario.expect import Expect, StationName, Time
from sim.scenario.fields import (
    Address,
    Duration,
    FieldError,
    Flag,
    Model,
    Name,
    Prefix,
    Text,
    as_address,
    as_duration,
    as_list,
    as_text,
    shown,
)

FOREVER: Final = 0xFFFF_FFFF
"""The seconds of a lease that has no end (RFC 2131 3.3)."""

Range = tuple[IPv4Address, IPv4Address]


def _range(value: object) -> Range:
    if isinstance(value, tuple):
        return value
    hint = "write the first and the last address: 192.168.1.100-192.168.1.199"
    first, dash, last = as_text(value, "a range of addresses", hint).partition("-")
    if not dash:
        return as_address(first.strip()), as_address(first.strip())
    ends = as_address(first.strip()), as_address(last.strip())
    if ends[0] > ends[1]:
        raise FieldError(f"{shown(value)} is empty: its first address is behind its last", f"write {ends[1]}-{ends[0]}")
    return ends


def _lease(value: object) -> int:
    if value == "forever":
        return FOREVER
    time = as_duration(value)
    if time < units.SECOND or time % units.SECOND:
        raise FieldError(f"{shown(value)} is no time for a lease: it is in whole seconds", "write 1h, 30s or forever")
    return time // units.SECOND


def _option_value(value: object) -> int | str | list[str]:
    """A number, text, `hex:0a0b`, an address, or a list of addresses."""
    hint = "write a number, text, an address, a list of addresses, or bytes as hex:0a0b"
    if isinstance(value, bool) or not isinstance(value, int | str | list):
        raise FieldError(f"{shown(value)} is no value of an option", hint)
    if isinstance(value, list):
        return [str(as_address(item)) for item in value]
    if isinstance(value, str) and (value.startswith("hex:") and not re.fullmatch(r"hex:([0-9a-fA-F]{2})*", value)):
        raise FieldError(f"{shown(value)} is not hex: two digits make a byte", hint)
    if isinstance(value, str) and not value.isascii():
        raise FieldError(f"{shown(value)} is no value of an option: it is not ASCII", hint)
    return value


def _option_code(value: object) -> int:
    hint = "write the option's number: options: {42: 192.168.1.1}"
    number = int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,3}", value) else value
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= 254:
        raise FieldError(f"{shown(value)} is no DHCP option: they are 1 to 254", hint)
    if number in _OWN:
        raise FieldError(f"option {number} is the server's own business", "remove it")
    return number


_OWN: Final = {1, 50, 51, 52, 53, 54, 55, 57, 58, 59, 61, 82}

AddressRange = Annotated[
    Range, PlainValidator(_range), WithJsonSchema({"type": "string", "examples": ["192.168.1.100-192.168.1.199"]})
]
"""An inclusive range of addresses, or a single one."""
Ranges = Annotated[list[AddressRange], BeforeValidator(as_list)]
Addresses = Annotated[list[Address], BeforeValidator(as_list)]
LeaseTime = Annotated[int, PlainValidator(_lease), WithJsonSchema({"type": "string", "examples": ["1h", "forever"]})]
"""Seconds."""
OptionCode = Annotated[int, PlainValidator(_option_code), WithJsonSchema({"type": "integer"})]
OptionValue = Annotated[
    int | str | list[str],
    PlainValidator(_option_value),
    WithJsonSchema({"type": ["integer", "string", "array"], "items": {"type": "string"}}),
]


class Dhcp(Model):
    """A DHCP server's subnet: which addresses it gives away, for how many seconds, and what clients are told besides.

    `network` is the subnet; without it, that of the interface whose network the pool is in. `reservations` keep an
    address for a node, a port or a MAC address. With `ping` an address is probed before it is offered.
    """

    pool: Ranges = Field(default_factory=list)
    network: Prefix | None = None
    router: Addresses = Field(default_factory=list)
    dns: Addresses = Field(default_factory=list)
    domain: Text | None = None
    search: list[Text] = Field(default_factory=list)
    lease: LeaseTime = 3600
    reservations: dict[StationName, Address] = Field(default_factory=dict)
    options: dict[OptionCode, OptionValue] = Field(default_factory=dict)
    ping: Flag = True

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"pool": value} if isinstance(value, str | list) else value

    @model_validator(mode="after")
    def _gives_something(self) -> Dhcp:
        if not self.pool and not self.reservations:
            raise FieldError(
                "this DHCP server has no address to give away", "add pool: 192.168.1.100-192.168.1.199", at=("pool",)
            )
        return self

    def addresses(self) -> list[IPv4Address]:
        """The ends of the ranges, and what is reserved."""
        return [end for ends in self.pool for end in ends] + list(self.reservations.values())

    def network_among(self, own: Iterable[IPv4Interface]) -> IPv4Network | None:
        """The subnet of the pool; `own` are the addresses of the server's interfaces. None if it is in none."""
        if self.network is not None:
            return self.network
        first = self.addresses()[0]
        return next((address.network for address in own if first in address.network), None)

    def holds(self, address: IPv4Address) -> bool:
        """Whether an address is in the pool's ranges."""
        return any(first <= address <= last for first, last in self.pool)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": "string", "examples": ["192.168.1.100-192.168.1.199"]}, handler(core)]}


class Relay(Model):
    """Where a router's interface relays the DHCP messages of its clients: `to` these servers; `agent_information` adds
    which interface it was (option 82, RFC 3046)."""

    to: Annotated[Addresses, Field(min_length=1)]
    agent_information: Flag = False

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"to": value} if isinstance(value, str | list) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": "string", "examples": ["10.0.0.67"]}, handler(core)]}


Relays = dict[Name, Relay]


class DhcpStepAction(Model):
    """What the DHCP client of `on` does: `await` its lease, `renew` it, `release` it (and ask for none), `acquire` one
    anew. It is given up after `timeout` (ns)."""

    on: Name
    interface: Name | None = None
    action: Literal["await", "renew", "release", "acquire"] = "await"
    timeout: Annotated[Duration, Field(gt=0)] = 60 * units.SECOND


class DhcpExpect(Expect):
    """What the step may expect of the client when it has ended: its state, and what is in its lease.

    `state` is one of init, selecting, requesting, checking, bound, renewing, rebinding, rebooting, stopped. `lease` is
    the time it was given for, `error` a part of what went wrong.
    """

    state: Text | None = None
    address: Address | None = None
    server: Address | None = None
    router: Address | None = None
    dns: Addresses | None = None
    domain: Text | None = None
    lease: Time | None = None
    error: Text | None = None
