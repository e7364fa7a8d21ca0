"""The step `http`: a web client's request, and what may be expected of it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, PlainValidator, WithJsonSchema

from sim import units
from sim.scenario.expect import Count, Expect, Parts, Size, Time
from sim.scenario.fields import Duration, FieldError, Flag, Model, Name, Text, Whole, as_text, shown
from sim.scenario.web import HeaderName, Headers, HeaderValue, Method


def _url(value: object) -> str:
    hint = "write http://web.corp.test/page or https://..."
    text = as_text(value, "a URL", hint)
    try:
        parts = urlsplit(text)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or not text.isprintable() or " " in text:
        raise FieldError(f"{shown(text)} is not a URL", hint)
    return text


Url = Annotated[str, PlainValidator(_url), WithJsonSchema({"type": "string", "pattern": "^https?://"})]


class HttpRequest(Model):
    """A request, `count` times over one connection if the server lets it, with the redirects that it `follow`s.
    `timeout` (ns) bounds all of it; `insecure` accepts any certificate."""

    source: Name = Field(alias="from")
    url: Url
    method: Method = "GET"
    headers: Headers = Field(default_factory=dict)
    body: Text | None = None
    follow: Flag = True
    timeout: Annotated[Duration, Field(gt=0)] = 30 * units.SECOND
    insecure: Flag = False
    count: Annotated[Whole, Field(ge=1, le=10_000)] = 1


class TimingExpect(Model):
    """How long look-ups, connects and TLS handshakes took all in all; from the beginning to the last answer's first
    byte, and to its end."""

    dns: Time | None = None
    connect: Time | None = None
    tls: Time | None = None
    first_byte: Time | None = None
    total: Time | None = None


class HttpExpect(Expect):
    """What an http step may expect of its last answer.

    `body` is all of the content, where the last line's end may be left out, `body_contains` are parts of it (of its
    first 64 KiB); `headers` are fields by name, null for one that must not be there; `url` is where it came from in the
    end. `bytes` and `sha256` are those of the content. `error` is a part of what failed.
    """

    status: Count | None = None
    body: Text | None = None
    body_contains: Parts | None = None
    headers: dict[HeaderName, HeaderValue | None] | None = None
    redirects: Count | None = None
    connections: Count | None = None
    url: Text | None = None
    amount: Size | None = Field(default=None, alias="bytes")
    sha256: Annotated[Text, Field(pattern="^[0-9a-f]{64}$")] | None = None
    error: Text | None = None
    timing: TimingExpect | None = None
