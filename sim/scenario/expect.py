"""What a step may expect of its outcome."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from operator import eq, ge, gt, le, lt, ne
from typing import Annotated, Any, Final, Literal

from pydantic import PlainValidator, WithJsonSchema

from sim import units
from sim.scenario.fields import (
    LONGEST_QUANTITY,
    Address,
    Endpoint,
    EndpointName,
    FieldError,
    Flag,
    Model,
    Name,
    Prefix,
    Text,
    as_address,
    as_endpoint,
    as_mac,
    shown,
)

_OPERATORS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<=": le,
    ">=": ge,
    "==": eq,
    "!=": ne,
    "<": lt,
    ">": gt,
}
_COMPARISON: Final = re.compile(r"\s*(<=|>=|==|!=|<|>)?\s*(.*?)\s*")
_COUNT: Final = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True)
class Comparison:
    """A bound on a number: `operator` is one of < <= == != >= >, `value` a count, or ns if `is_time`."""

    operator: str
    value: int
    is_time: bool = False

    def holds(self, actual: float) -> bool:
        """Whether `actual`, in the same unit, keeps to the bound."""
        return _OPERATORS[self.operator](actual, self.value)

    def __str__(self) -> str:
        value = units.format_duration(self.value) if self.is_time else str(self.value)
        return value if self.operator == "==" else f"{self.operator} {value}"


def _split(value: object, what: str, hint: str) -> tuple[str, str]:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise FieldError(f"{shown(value)} is not {what}", hint)
    text = str(value)
    match = _COMPARISON.fullmatch(text) if len(text) <= LONGEST_QUANTITY else None
    if match is None:
        raise FieldError(f"{shown(value)} is not {what}", hint)
    return match[1] or "==", match[2]


def _count(value: object) -> Comparison:
    if isinstance(value, Comparison):
        return value
    hint = 'write a number, 3, or a bound, ">= 3"'
    operator, number = _split(value, "a count", hint)
    if not _COUNT.fullmatch(number):
        raise FieldError(f"{shown(value)} is not a count", hint)
    return Comparison(operator, int(number))


def _time(value: object) -> Comparison:
    if isinstance(value, Comparison):
        return value
    hint = 'write a bound, "< 10ms", or a duration, 10ms'
    operator, time = _split(value, "a duration", hint)
    try:
        return Comparison(operator, units.duration(time), is_time=True)
    except ValueError:
        raise FieldError(f"{shown(value)} is not a duration", hint) from None


Count = Annotated[
    Comparison,
    PlainValidator(_count),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "examples": [">= 3"]}]}),
]
"""A count, or a bound on one."""
Time = Annotated[Comparison, PlainValidator(_time), WithJsonSchema({"type": "string", "examples": ["< 10ms"]})]
"""A duration, or a bound on one."""


@dataclass(frozen=True)
class Station:
    """Whose MAC address is meant: an address, or the node or port that has it; one of the two is None."""

    mac: str | None
    endpoint: Endpoint | None

    def __str__(self) -> str:
        return str(self.endpoint) if self.mac is None else self.mac


def _station(value: object) -> Station:
    if isinstance(value, Station):
        return value
    hint = "write a node (pc1), a port (r1:lan) or a MAC address"
    if isinstance(value, str) and re.fullmatch(r"[^:-]+[:-][^:-]+[:-].*", value):
        return Station(as_mac(value), None)
    try:
        return Station(None, as_endpoint(value))
    except ValueError:
        raise FieldError(f"{shown(value)} is neither a node, a port nor a MAC address", hint) from None


def _next_hop(value: object) -> IPv4Address | Literal["direct"]:
    return "direct" if value == "direct" else as_address(value)


def _hop(value: object) -> str:
    if value == "*":
        return "*"
    text = value if isinstance(value, str) else str(value)
    return text if re.fullmatch(r"[0-9.]+", text) and as_address(text) else as_endpoint(value).node


StationName = Annotated[Station, PlainValidator(_station), WithJsonSchema({"type": "string"})]
NextHop = Annotated[IPv4Address | Literal["direct"], PlainValidator(_next_hop), WithJsonSchema({"type": "string"})]
Hop = Annotated[str, PlainValidator(_hop), WithJsonSchema({"type": ["string", "integer"]})]


class Expect(Model):
    """What any step may expect. `model_fields_set` tells what it does; the rest is None.

    `path` is the nodes that the step's first packet went through, from its source to its destination. `mac` is what
    switches have learned (the port of a station, None if it must not be in the table), `arp` what hosts and routers
    have (whose MAC an address has), `routes` their next hops. `counters` are bounds on a node's counters by name,
    `drops` on how many packets were dropped for a reason while the step ran. `seen` are the nodes and ports that the
    step's frames came by, `unseen` those they did not.
    """

    path: list[Name] | None = None
    mac: dict[Name, dict[StationName, Name | None]] | None = None
    arp: dict[Name, dict[Address, StationName | None]] | None = None
    routes: dict[Name, dict[Prefix, NextHop | None]] | None = None
    counters: dict[Name, dict[Text, Count]] | None = None
    drops: dict[Text, Count] | None = None
    seen: list[EndpointName] | None = None
    unseen: list[EndpointName] | None = None

    def checks(self) -> dict[str, Any]:
        """What is expected, by name, in the order of the model."""
        return {name: getattr(self, name) for name in type(self).model_fields if getattr(self, name) is not None}


class PingExpect(Expect):
    """What a ping may expect: counts of echo requests and replies, round-trip times, the text of an ICMP error."""

    sent: Count | None = None
    received: Count | None = None
    lost: Count | None = None
    min_rtt: Time | None = None
    avg_rtt: Time | None = None
    max_rtt: Time | None = None
    error: Text | None = None


class TracerouteExpect(Expect):
    """What a traceroute may expect: a node name, an address or `*` (silence) per hop, and whether it got there."""

    hops: list[Hop] | None = None
    reached: Flag | None = None
    error: Text | None = None


class UdpExpect(Expect):
    """What a udp step may expect: datagrams sent and received at the destination, replies, an ICMP error's text."""

    sent: Count | None = None
    received: Count | None = None
    replies: Count | None = None
    error: Text | None = None
