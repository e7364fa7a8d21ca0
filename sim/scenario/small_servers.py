"""The settings of small servers: discard, chargen, daytime, time, throughput, smtp, ntp, socks, proxy."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, PlainValidator, WithJsonSchema

from sim.scenario.fields import ByteCount, Duration, FieldError, Model, Whole, as_text, shown
from sim.scenario.web import HostName

Port = Annotated[Whole, Field(ge=1, le=65_535)]
Connections = Annotated[Whole, Field(ge=1, le=100_000)]


def _word(value: object) -> str:
    text = as_text(value, "a name or a password", 'put it in quotes: "1234"')
    if not 1 <= len(text.encode()) <= 255 or not text.isprintable() or ":" in text:  # RFC 1929 2, RFC 7617 2
        raise FieldError(f"{shown(text)} is not a name or a password", "1 to 255 characters, without a colon")
    return text


_TEXT: Final = {"type": "string"}
Word = Annotated[str, PlainValidator(_word), WithJsonSchema(_TEXT)]
Users = Annotated[dict[Word, Word], Field(max_length=1_000)]


class Discard(Model):
    """Takes in what comes, by TCP and UDP, and keeps nothing (RFC 863)."""

    port: Port = 9


class Chargen(Model):
    """Sends lines of characters for as long as the connection lasts, and one datagram for each (RFC 864)."""

    port: Port = 19


class Daytime(Model):
    """Says what time it is, for people (RFC 867)."""

    port: Port = 13


class TimeServer(Model):
    """Says what time it is, in seconds since 1900 (RFC 868)."""

    port: Port = 37


class ThroughputServer(Model):
    """The other end of `throughput` steps."""

    port: Port = 5_201


class Smtp(Model):
    """Takes in mail (RFC 5321) for `domains`, or for everybody, and prints a line for each. `max_size` bounds the bytes
    of a mail."""

    port: Port = 25
    domains: list[HostName] = Field(default_factory=list)
    max_size: ByteCount = 1_000_000


class Ntp(Model):
    """Says what time it is, to the nanosecond (RFC 5905); `offset` (ns) is how far its clock is ahead."""

    port: Port = 123
    stratum: Annotated[Whole, Field(ge=1, le=15)] = 1
    offset: Duration = 0


class Socks(Model):
    """A SOCKS5 proxy (RFC 1928), for `users` with their passwords (RFC 1929), or for everybody."""

    port: Port = 1_080
    users: Users = Field(default_factory=dict)
    connections: Connections = 1_000


class HttpProxy(Model):
    """A proxy for HTTP, and by CONNECT for all else over TCP (RFC 9110 3.7, 9.3.6), for `users` with their passwords
    (RFC 7617), or for everybody."""

    port: Port = 3_128
    users: Users = Field(default_factory=dict)
    connections: Connections = 1_000
