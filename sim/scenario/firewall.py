"""The firewall of a router or a gateway: `firewall` of a node."""

from __future__ import annotations

from difflib import get_close_matches
from ipaddress import IPv4Network
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, PlainValidator, WithJsonSchema, model_validator
from pydantic_core import CoreSchema

from sim.scenario.fields import FieldError, Model, Name, as_address, as_list, as_prefix, shown
from sim.scenario.port_ranges import PortList

Action = Literal["allow", "deny", "reject"]
ACTIONS: Final = ("allow", "deny", "reject")
State = Literal["new", "established", "related", "invalid"]
PROTOCOLS: Final = ("icmp", "tcp", "udp")


def _network(value: object) -> IPv4Network:
    if isinstance(value, IPv4Network):
        return value
    if isinstance(value, str) and "/" not in value:
        return IPv4Network(as_address(value))
    return as_prefix(value)


def _protocol(value: object) -> str | int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 255:
        return value
    if not isinstance(value, str) or value not in PROTOCOLS:
        close = get_close_matches(str(value)[:64].lower(), PROTOCOLS, 1)
        hint = f"did you mean '{close[0]}'?" if close else f"write {', '.join(PROTOCOLS)} or a number from 0 to 255"
        raise FieldError(f"{shown(value)} is not a protocol", hint)
    return value


def _destination(value: object) -> Literal["self"] | list[IPv4Network]:
    if value == "self":
        return "self"
    networks = as_list(value)
    if not isinstance(networks, list):
        raise FieldError(f"{shown(value)} is not a destination", "write a prefix, an address, a list of them, or self")
    return [_network(network) for network in networks]


_NETWORK_FORM: Final = {"type": "string", "examples": ["192.168.1.0/24", "192.168.1.80"]}
Network = Annotated[IPv4Network, PlainValidator(_network), WithJsonSchema(_NETWORK_FORM)]
"""A prefix, or an address for a prefix of one."""
_NETWORKS_FORM: Final[dict[str, Any]] = {"anyOf": [_NETWORK_FORM, {"type": "array", "items": _NETWORK_FORM}]}
Destination = Annotated[
    Literal["self"] | list[IPv4Network],
    PlainValidator(_destination),
    WithJsonSchema({"anyOf": [{"const": "self"}, *_NETWORKS_FORM["anyOf"]]}),
]
"""Prefixes, or this node itself."""
Networks = Annotated[list[Network], BeforeValidator(as_list), WithJsonSchema(_NETWORKS_FORM)]
Protocol = Annotated[
    str | int,
    PlainValidator(_protocol),
    WithJsonSchema({"anyOf": [{"enum": list(PROTOCOLS)}, {"type": "integer", "minimum": 0, "maximum": 255}]}),
]
_STATE_FORM: Final[dict[str, Any]] = {"enum": ["new", "established", "related", "invalid"]}
States = Annotated[
    list[State],
    BeforeValidator(as_list),
    WithJsonSchema({"anyOf": [_STATE_FORM, {"type": "array", "items": _STATE_FORM}]}),
]


class Match(Model):
    """Which packets a rule is about: those that have all that is written; `all` is every packet.

    `to: self` means packets for this node itself. `answer` is how a packet that is rejected is answered.
    """

    into: Name | None = Field(default=None, alias="in")
    out: Name | None = None
    source: Networks = Field(default_factory=list, alias="from")
    to: Destination = Field(default_factory=list)
    protocol: Protocol | None = None
    port: PortList = Field(default_factory=list)
    source_port: PortList = Field(default_factory=list)
    state: States = Field(default_factory=list)
    answer: Literal["prohibited", "port-unreachable", "reset"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if isinstance(value, str):
            if value != "all":
                raise FieldError(
                    f"{shown(value)} is not what a rule is about", "write all, or {protocol: tcp, port: 22}"
                )
            return {}
        return value

    @model_validator(mode="after")
    def _makes_sense(self) -> Match:
        for key in ("port", "source_port"):
            if getattr(self, key) and self.protocol not in (None, "tcp", "udp", 6, 17):
                raise FieldError(f"{self.protocol} has no ports", "ports are those of tcp and udp", at=(key,))
        if self.to == "self" and self.out is not None:
            raise FieldError("what is for this node itself goes out nowhere", "remove out, or to: self", at=("out",))
        if self.answer == "reset" and self.protocol not in ("tcp", 6):
            raise FieldError("only tcp has a reset", "add protocol: tcp", at=("answer",))
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"const": "all"}, handler(core)]}


class Rule(Model):
    """One of `allow`, `deny` and `reject`, with the packets that it is about."""

    allow: Match | None = None
    deny: Match | None = None
    reject: Match | None = None

    @model_validator(mode="after")
    def _one_action(self) -> Rule:
        written = [action for action in ACTIONS if getattr(self, action) is not None]
        if len(written) != 1:
            what = f"{written[0]} and {written[1]}" if written else "nothing"
            raise FieldError(f"a rule does one thing, not {what}", "write {allow: ...}, {deny: ...} or {reject: ...}")
        for action in ("allow", "deny"):
            match = getattr(self, action)
            if match is not None and match.answer is not None:
                raise FieldError("only reject answers", at=(action, "answer"))
        return self

    @property
    def action(self) -> str:
        """What it does."""
        return next(action for action in ACTIONS if getattr(self, action) is not None)

    @property
    def match(self) -> Match:
        """What it is about."""
        match: Match = getattr(self, self.action)
        return match


class Firewall(Model):
    """Rules in order, of which the first that fits decides, and a `policy` for what fits none."""

    policy: Action = "allow"
    rules: list[Rule] = Field(default_factory=list)
