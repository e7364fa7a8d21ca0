"""`bridge:` of a topology: how the real world comes in and goes out when it runs in real time."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any, NamedTuple

from pydantic import Field, PlainValidator, WithJsonSchema

from sim.scenario.fields import FieldError, Model, Name, Whole, as_text, shown

RealPort = Annotated[Whole, Field(ge=0, le=65_535)]
"""A port of this machine; 0 is any that is free."""
HIGHEST_PORT = 65_535


class End(NamedTuple):
    """A host, by name or address, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def _end(value: object) -> End:
    hint = "write HOST:PORT, as api.example.test:443"
    text = as_text(value, "a host and a port", hint)
    host, colon, port = text.rpartition(":")
    if not colon or not host or ":" in host or not port.isdigit() or not 0 < int(port) <= HIGHEST_PORT:
        raise FieldError(f"{shown(text)} is not a host and a port", hint)
    return End(host, int(port))


def _real_end(value: object) -> End:
    end = _end(value)
    try:
        ipaddress.IPv4Address(end.host)
    except ValueError:
        raise FieldError(
            f"{shown(end.host)} is no IPv4 address: names are not looked up outside", "write 127.0.0.1:PORT"
        ) from None
    return end


_SCHEMA: dict[str, Any] = {"type": "string", "examples": ["api.example.test:443"]}
InnerEnd = Annotated[End, PlainValidator(_end), WithJsonSchema(_SCHEMA)]
RealEnd = Annotated[End, PlainValidator(_real_end), WithJsonSchema({"type": "string", "examples": ["127.0.0.1:8443"]})]


class Bridge(Model):
    """The real world enters at the host `enter_at` (the first one); `exit_at` is the host that names stand for which no
    node has. `outward` leads ports inside to real addresses; `socks`, `proxy` and `dns` are ports of this machine at
    which there is a way in."""

    enter_at: Name | None = None
    exit_at: Name | None = None
    outward: dict[InnerEnd, RealEnd] = Field(default_factory=dict)
    socks: RealPort | None = None
    proxy: RealPort | None = None
    dns: RealPort | None = None
