"""What a step may expect of its outcome."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from operator import eq, ge, gt, le, lt, ne
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

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
    as_list,
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

Unit = Literal["count", "time", "size", "rate", "share"]


@dataclass(frozen=True)
class Comparison:
    """A bound on a number: `operator` is one of < <= == != >= >.

    `value` is in what `unit` counts: a count, ns of time, bytes of size, bit/s of rate, or a share from 0 to 1.
    """

    operator: str
    value: float
    unit: Unit = "count"

    def holds(self, actual: float) -> bool:
        """Whether `actual`, in the same unit, keeps to the bound."""
        return _OPERATORS[self.operator](actual, self.value)

    def shown(self, value: float) -> str:
        """A number in this unit, as people write it."""
        if self.unit == "time":
            return units.format_duration(int(value))
        if self.unit == "rate":
            return units.format_bitrate(int(value))
        return f"{value:.4g}" if self.unit == "share" else str(value)

    def __str__(self) -> str:
        value = self.shown(self.value)
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
        return Comparison(operator, units.duration(time), "time")
    except ValueError:
        raise FieldError(f"{shown(value)} is not a duration", hint) from None


def _size(value: object) -> Comparison:
    if isinstance(value, Comparison):
        return value
    hint = 'write bytes, 1000, a size, 10MB, or a bound, ">= 10MB"'
    operator, size = _split(value, "a size", hint)
    try:
        return Comparison(operator, int(size) if _COUNT.fullmatch(size) else units.size(size), "size")
    except ValueError:
        raise FieldError(f"{shown(value)} is not a size", hint) from None


def _rate(value: object) -> Comparison:
    if isinstance(value, Comparison):
        return value
    hint = 'write a bound, ">= 9Mbps"'
    operator, rate = _split(value, "a bit rate", hint)
    try:
        return Comparison(operator, int(rate) if _COUNT.fullmatch(rate) else units.bitrate(rate), "rate")
    except ValueError:
        raise FieldError(f"{shown(value)} is not a bit rate", hint) from None


def _share(value: object) -> Comparison:
    if isinstance(value, Comparison):
        return value
    hint = 'write a bound, ">= 0.95"'
    operator, share = _split(str(value) if isinstance(value, float) else value, "a share", hint)
    try:
        return Comparison(operator, units.probability(share), "share")
    except ValueError:
        raise FieldError(f"{shown(value)} is not a share from 0 to 1", hint) from None


Count = Annotated[
    Comparison,
    PlainValidator(_count),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "examples": [">= 3"]}]}),
]
"""A count, or a bound on one."""
Time = Annotated[Comparison, PlainValidator(_time), WithJsonSchema({"type": "string", "examples": ["< 10ms"]})]
"""A duration, or a bound on one."""
Size = Annotated[
    Comparison,
    PlainValidator(_size),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "examples": [">= 10MB"]}]}),
]
"""Bytes, or a bound on them."""
Rate = Annotated[
    Comparison,
    PlainValidator(_rate),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "examples": [">= 9Mbps"]}]}),
]
"""A bit rate, or a bound on one."""
Share = Annotated[
    Comparison,
    PlainValidator(_share),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "examples": [">= 0.95"]}]}),
]
"""A share from 0 to 1, or a bound on one."""


@dataclass(frozen=True)
class NatEnd:
    """One end in a NAT table: an address, and protocol and port where they are said."""

    protocol: str | None
    address: str
    port: int | None

    def fits(self, protocol: str, end: str) -> bool:
        """Whether an entry of the table, `10.0.0.2:5000`, is meant."""
        address, _, port = end.partition(":")
        return (
            address == self.address
            and self.protocol in (None, protocol)
            and (self.port is None or str(self.port) == port)
        )

    def __str__(self) -> str:
        end = self.address if self.port is None else f"{self.address}:{self.port}"
        return end if self.protocol is None else f"{self.protocol} {end}"


_NAT_END: Final = re.compile(r"\s*(?:(udp|tcp|icmp)\s+)?([0-9.]+)(?::([0-9]{1,5}))?\s*")


def _nat_end(value: object) -> NatEnd:
    if isinstance(value, NatEnd):
        return value
    hint = 'write "udp 192.168.1.10:5000", or leave out the protocol or the port'
    match = _NAT_END.fullmatch(value) if isinstance(value, str) and len(value) <= LONGEST_QUANTITY else None
    if match is None:
        raise FieldError(f"{shown(value)} is not an end in a NAT table", hint)
    return NatEnd(match[1], str(as_address(match[2])), int(match[3]) if match[3] else None)


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


Parts = Annotated[
    list[Text],
    BeforeValidator(as_list),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""A text, or a list of them."""
Status = Literal["NOERROR", "NODATA", "NXDOMAIN", "SERVFAIL", "REFUSED", "FORMERR", "NOTIMP", "TIMEOUT"]
"""What came of a question to a name server."""
StationName = Annotated[Station, PlainValidator(_station), WithJsonSchema({"type": "string"})]
NextHop = Annotated[IPv4Address | Literal["direct"], PlainValidator(_next_hop), WithJsonSchema({"type": "string"})]
NatEndText = Annotated[NatEnd, PlainValidator(_nat_end), WithJsonSchema({"type": "string"})]
Hop = Annotated[str, PlainValidator(_hop), WithJsonSchema({"type": ["string", "integer"]})]


def _cached(value: object) -> list[str] | str | None:
    if value is None or value in ("NXDOMAIN", "NODATA"):
        return value if value is None else str(value)
    parts = value if isinstance(value, list) else [value]
    if not parts or not all(isinstance(part, str) for part in parts):
        hint = "write the data of its records, NXDOMAIN, NODATA, or null for nothing"
        raise FieldError(f"{shown(value)} is nothing that a cache can hold", hint)
    return [str(part) for part in parts]


Cached = Annotated[
    list[str] | str | None, PlainValidator(_cached), WithJsonSchema({"type": ["string", "array", "null"]})
]
"""What a resolver remembers of a name."""


class Expect(Model):
    """What any step may expect. `model_fields_set` tells what it does; the rest is None.

    `path` is the nodes that the step's first packet went through, from its source to its destination. `mac` is what
    switches have learned (the port of a station, None if it must not be in the table), `arp` what hosts and routers
    have (whose MAC an address has), `routes` their next hops, `leases` what DHCP servers have leased to whom.
    `counters` are bounds on a node's counters by name, `drops` on how many packets were dropped for a reason while the
    step ran. `nat` is the outside end that gateways have for an inside one (None: none), `firewall` how many packets
    each rule has decided about. `printed` are texts, each of which a node's services have printed. `seen` are the nodes
    and ports that the step's frames came by, `unseen` those they did not. `dns_cache` is what resolvers remember of a
    name (and type): data, NXDOMAIN, NODATA, or None for nothing.
    """

    path: list[Name] | None = None
    mac: dict[Name, dict[StationName, Name | None]] | None = None
    arp: dict[Name, dict[Address, StationName | None]] | None = None
    routes: dict[Name, dict[Prefix, NextHop | None]] | None = None
    counters: dict[Name, dict[Text, Count]] | None = None
    drops: dict[Text, Count] | None = None
    nat: dict[Name, dict[NatEndText, NatEndText | None]] | None = None
    firewall: dict[Name, dict[Text, Count]] | None = None
    printed: dict[Name, Parts] | None = None
    seen: list[EndpointName] | None = None
    unseen: list[EndpointName] | None = None
    dns_cache: dict[Name, dict[Text, Cached]] | None = None
    leases: dict[Name, dict[StationName, Address | None]] | None = None

    def checks(self) -> dict[str, Any]:
        """What is expected, by name, in the order of the model."""
        return {
            field.alias or name: getattr(self, name)
            for name, field in type(self).model_fields.items()
            if getattr(self, name) is not None
        }


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


class TcpExpect(Expect):
    """What a tcp step may expect of all its connections together.

    `connected`: whether each was established. `sent` and `received` are bytes at the program that sends and at the one
    that receives, `intact` whether the latter are the former. `reply` is a part of what came back, `error` of what
    failed. `throughput` counts the payload received, `fairness` is Jain's index over the connections,
    `retransmissions` counts segments at both ends. `handshake` is the longest of any connection, `duration` the time
    from the first segment to the last.
    """

    connected: Flag | None = None
    sent: Size | None = None
    received: Size | None = None
    intact: Flag | None = None
    reply: Text | None = None
    error: Text | None = None
    throughput: Rate | None = None
    fairness: Share | None = None
    retransmissions: Count | None = None
    handshake: Time | None = None
    duration: Time | None = None


class ResolveExpect(Expect):
    """What a resolve step may expect.

    `status` is the response code, NODATA for a name without such records, TIMEOUT when nobody answered. `answers` are
    the data of the records, `addresses` those of A and AAAA records, in the order in which they came. `authoritative`
    and `truncated` are what the header said, the latter of the first reply. `queries` counts all that were sent, by
    whomever, to find it out; `cached`: the server knew it from its cache. `ttl` is in seconds.
    """

    status: Status | None = None
    answers: Parts | None = None
    addresses: Parts | None = None
    aliases: Parts | None = None
    ttl: Count | None = None
    authoritative: Flag | None = None
    truncated: Flag | None = None
    queries: Count | None = None
    cached: Flag | None = None
    server: Address | None = None
    duration: Time | None = None


class ProgramExpect(Expect):
    """What a program may be expected to do.

    `exit` is its exit code: 0, unless something else is expected here. `stdout` is all that it prints, where the last
    line's end need not be written; `stdout_contains` and `stderr_contains` are parts, each of which must be there.
    `duration` is the time from its start to its end.
    """

    exit: Count | None = None
    stdout: Text | None = None
    stdout_contains: Parts | None = None
    stderr_contains: Parts | None = None
    duration: Time | None = None
