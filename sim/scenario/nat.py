"""How a gateway translates: `nat` of a node."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from sim import units
from sim.scenario.fields import Address, Duration, FieldError, Model, Name, Whole, shown
from sim.scenario.port_ranges import AddressAndPort, Ports

Behaviour = Literal["full-cone", "address-restricted", "port-restricted", "symmetric"]
Dependence = Literal["endpoint-independent", "address-dependent", "address-and-port-dependent"]


def _hairpin(value: object) -> bool | Literal["internal-source"]:
    if value == "internal-source":
        return "internal-source"
    if not isinstance(value, bool):
        raise FieldError(f"{shown(value)} is not a way to turn back", "write true, false or internal-source")
    return value


Hairpin = Annotated[
    bool | Literal["internal-source"],
    PlainValidator(_hairpin),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"const": "internal-source"}]}),
]
Lifetime = Annotated[Duration, Field(gt=0)]


class Forward(Model):
    """A port, or a range of ports, of the outside address that leads to an inside host."""

    protocol: Literal["tcp", "udp"]
    port: Ports
    to: AddressAndPort


class Timeouts(Model):
    """How long (ns) a connection may be silent before the gateway forgets it."""

    udp: Lifetime = 300 * units.SECOND
    tcp: Lifetime = 7440 * units.SECOND
    tcp_transitory: Lifetime = 240 * units.SECOND
    icmp: Lifetime = 60 * units.SECOND
    other: Lifetime = 600 * units.SECOND


class Nat(Model):
    """What a gateway does to addresses and ports (RFC 4787).

    `behaviour` is a pair of `mapping` and `filtering`, either of which can be written instead.
    """

    outside: Name = "outside"
    behaviour: Behaviour = "port-restricted"
    mapping: Dependence | None = None
    filtering: Dependence | None = None
    ports: Ports = (1024, 65_535)
    hairpin: Hairpin = True
    forward: list[Forward] = Field(default_factory=list)
    static: dict[Address, Address] = Field(default_factory=dict)
    timeouts: Timeouts = Field(default_factory=Timeouts)
    table_size: Annotated[Whole, Field(ge=1, le=1_000_000)] = 65_536

    @model_validator(mode="after")
    def _forwards_are_apart(self) -> Nat:
        taken: dict[tuple[str, int], int] = {}
        for index, forward in enumerate(self.forward):
            first, last = forward.port
            if forward.to[1] is not None and forward.to[1] + last - first > 65_535:
                raise FieldError("the last port of the range would lead beyond 65535", at=("forward", index, "to"))
            for port in range(first, last + 1):
                other = taken.setdefault((forward.protocol, port), index)
                if other != index:
                    message = f"{forward.protocol} port {port} is forwarded by entry {other + 1} already"
                    raise FieldError(message, "a port leads to one place", at=("forward", index, "port"))
        return self

    @model_validator(mode="after")
    def _pairs_are_apart(self) -> Nat:
        inside: dict[object, object] = {}
        for outside, address in self.static.items():
            other = inside.setdefault(address, outside)
            if other != outside:
                message = f"{address} has the outside address {other} already"
                raise FieldError(message, "one to one: give each host one", at=("static", str(outside)))
        return self
