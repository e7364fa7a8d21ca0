"""Web servers in a topology: sites, pages, virtual hosts, and what TLS needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from sim import units
from sim.scenario.fields import (
    Bitrate,
    ByteCount,
    Duration,
    FieldError,
    Flag,
    Model,
    Path,
    Text,
    Whole,
    as_text,
    shown,
)

Port = Annotated[Whole, Field(ge=1, le=65_535)]
_HOST: Final = re.compile(
    r"(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*", re.IGNORECASE
)
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def _page_path(value: object) -> str:
    hint = "write the path of a URL: /index.html, or /files/* for all that begins so"
    text = as_text(value, "a path", hint)
    if not text.startswith("/") or "*" in text[:-1] or "?" in text or "#" in text or not text.isprintable():
        raise FieldError(f"{shown(text)} is not a path", hint)
    return text


def _host_name(value: object) -> str:
    hint = "write a host's name, www.corp.test, or *.corp.test for all below it"
    text = as_text(value, "a host's name", hint)
    if not _HOST.fullmatch(text) or len(text) > 253:
        raise FieldError(f"{shown(text)} is not a host's name", hint)
    return text


def _header_name(value: object) -> str:
    text = as_text(value, "the name of a header field")
    if not _TOKEN.fullmatch(text):
        raise FieldError(f"{shown(text)} is not the name of a header field", "write {Cache-Control: no-store}")
    return text


def _header_value(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise FieldError(f"{shown(value)} is not the value of a header field", 'put it in quotes: "true"')
    text = as_text(str(value), "the value of a header field")
    if not text.isprintable() or not text.isascii():
        raise FieldError(f"{shown(text)} is not the value of a header field", "it is one line of ASCII")
    return text.strip()


def _location(value: object) -> str:
    hint = "write where to: /new or https://www.corp.test/"
    text = as_text(value, "a URL", hint)
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise FieldError(f"{shown(text)} is not a URL", hint)
    return text


def _folder(value: object) -> str:
    hint = "write the path of a folder, from where this file is: www"
    text = as_text(value, "a folder", hint)
    if not text or "\0" in text:
        raise FieldError(f"{shown(text)} is not a folder", hint)
    return text


_TEXT: Final[dict[str, Any]] = {"type": "string"}
PagePath = Annotated[str, PlainValidator(_page_path), WithJsonSchema({"type": "string", "pattern": "^/"})]
HostName = Annotated[str, PlainValidator(_host_name), WithJsonSchema(_TEXT)]
HeaderName = Annotated[str, PlainValidator(_header_name), WithJsonSchema(_TEXT)]
HeaderValue = Annotated[str, PlainValidator(_header_value), WithJsonSchema({"type": ["string", "number"]})]
Headers = dict[HeaderName, HeaderValue]
Location = Annotated[str, PlainValidator(_location), WithJsonSchema(_TEXT)]
Folder = Annotated[str, PlainValidator(_folder), WithJsonSchema({"type": "string", "examples": ["www"]})]
Method = Literal["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
Rate = Annotated[Bitrate, Field(ge=8)]


class Manner(Model):
    """How slowly an answer comes, and with which header fields: `delay` (ns) before it, `rate` (bit/s) of its
    content."""

    headers: Headers = Field(default_factory=dict)
    delay: Duration | None = None
    rate: Rate | None = None


class Page(Manner):
    """What one path gives: a text, so many made-up `bytes`, the files of a folder, a `redirect`, or with `echo` what
    was sent."""

    body: Text | None = None
    amount: ByteCount | None = Field(default=None, alias="bytes")
    root: Folder | None = None
    redirect: Location | None = None
    echo: Flag = False
    status: Annotated[Whole, Field(ge=200, le=599)] | None = None
    media_type: HeaderValue | None = Field(default=None, alias="type")
    methods: Annotated[list[Method], Field(min_length=1)] | None = None
    chunked: Flag = False

    def model_post_init(self, context: Any, /) -> None:
        """Refuse two contents for one page."""
        kinds = {"body": self.body, "bytes": self.amount, "root": self.root, "redirect": self.redirect}
        given = [*(name for name, value in kinds.items() if value is not None), *(["echo"] if self.echo else [])]
        if len(given) > 1:
            raise FieldError(f"'{given[0]}' and '{given[1]}' exclude one another", at=(given[1],))


class Site(Manner):
    """A host's pages: `body` or made-up `bytes` at `/`, `routes` by path, `redirect` from old paths to new places, and
    the files of the folder `root` for what is left."""

    body: Text | None = None
    amount: ByteCount | None = Field(default=None, alias="bytes")
    root: Folder | None = None
    routes: dict[PagePath, Page] = Field(default_factory=dict)
    redirect: dict[PagePath, Location] = Field(default_factory=dict)

    def model_post_init(self, context: Any, /) -> None:
        """Refuse two contents for the front page."""
        if self.body is not None and self.amount is not None:
            raise FieldError("'body' and 'bytes' exclude one another", at=("bytes",))


class WebServer(Site):
    """An HTTP/1.1 server (RFC 9110, 9112): one site, or several by the host that is asked for. `max_body` bounds the
    bytes of a request's content, `idle_timeout` (ns) the silence of a connection, `connections` their number."""

    port: Port = 80
    hosts: dict[HostName, Site] = Field(default_factory=dict)
    max_body: ByteCount = 1_000_000
    idle_timeout: Annotated[Duration, Field(gt=0)] = 15 * units.SECOND
    connections: Annotated[Whole, Field(ge=1, le=100_000)] = 1_000

    def folders(self) -> Iterator[tuple[Path, str]]:
        """Each folder that it serves, and where that stands in its settings."""
        sites: list[tuple[Path, Site]] = [((), self), *((("hosts", name), site) for name, site in self.hosts.items())]
        for at, site in sites:
            if site.root is not None:
                yield (*at, "root"), site.root
            for path, page in site.routes.items():
                if page.root is not None:
                    yield (*at, "routes", path, "root"), page.root


class SecureWebServer(WebServer):
    """The same over TLS, with a certificate of the lab's authority for the host's name, its addresses, its virtual
    hosts and `names`."""

    port: Port = 443
    names: list[HostName] = Field(default_factory=list)
    certificate: Literal["good", "expired", "self_signed"] = "good"
