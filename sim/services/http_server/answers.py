"""What a request gets: from a method, a target and header fields to a status, header fields and content. No I/O but
for looking at files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, unquote_to_bytes, urlsplit

from sim.services.http_server import files
from sim.services.http_server.bodies import Content, Data, FileContent, MadeUp
from sim.services.http_server.ranges import content_range, parse_ranges
from sim.services.http_server.sites import Route, Sites
from sim.services.http_server.validators import http_date, judge, range_holds

KNOWN_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT")
LONGEST_TARGET: Final = 8_000
TEXT: Final = "text/plain; charset=utf-8"
NO_CONTENT: Final = (204, 304)
BOUNDARY: Final = "part-of-a-content"

Part = bytes | tuple[int, int]


@dataclass(frozen=True)
class Request:
    """A request without its content; names of header fields are in lower case, repeated ones joined by a comma."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    version: str = "1.1"

    @property
    def host(self) -> str:
        """Whom it is for: the target's host if it has one, else the Host field (RFC 9112 3.2.2)."""
        return self._split()[0] if self.absolute else self.headers.get("host", "")

    @property
    def absolute(self) -> bool:
        """Whether the target is a whole URL, as proxies are asked."""
        return self.target.lower().startswith(("http://", "https://"))

    @property
    def path(self) -> str | None:
        """The path of the target, decoded; None if it has none or is no text."""
        path = self._split()[1] if self.absolute else self.target.partition("?")[0]
        try:
            decoded = unquote_to_bytes(path).decode()
        except UnicodeDecodeError:
            return None
        return decoded if decoded.startswith("/") else None

    def _split(self) -> tuple[str, str]:
        """Host and path of a whole URL; empty for what is none."""
        try:
            parts = urlsplit(self.target)
        except ValueError:
            return "", ""
        return parts.netloc, parts.path or "/"


@dataclass
class Answer:
    """What is sent back: `parts` are bytes as they are, or (start, stop) of the content."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    content: Content | None = None
    parts: list[Part] = field(default_factory=list)
    chunked: bool = False
    delay: int = 0
    rate: int | None = None
    echo: bool = False

    @property
    def size(self) -> int:
        """Bytes of content."""
        return sum(len(part) if isinstance(part, bytes) else part[1] - part[0] for part in self.parts)

    def pieces(self) -> Iterator[bytes]:
        """The content, little by little."""
        for part in self.parts:
            if isinstance(part, bytes):
                yield part
            elif self.content is not None:
                yield from self.content.pieces(*part)


def failure(status: int, headers: list[tuple[str, str]] | None = None) -> Answer:
    """An answer that says its status and nothing else."""
    text = Data(f"{status} {HTTPStatus(status).phrase}\n".encode())
    return _whole(status, [("Content-Type", TEXT), *(headers or [])], text)


def answer(request: Request, sites: Sites, modified: float | None = None) -> Answer:
    """What a request gets. `modified`, in seconds since 1970, takes the place of the times of files."""
    if request.method not in KNOWN_METHODS:
        return failure(501)
    if not request.version.startswith("1."):
        return failure(505)
    if len(request.target) > LONGEST_TARGET:
        return failure(414)
    if request.method == "OPTIONS" and request.target == "*":
        return Answer(204, [("Allow", "GET, HEAD, OPTIONS")])
    path, site = request.path, sites.site(request.host)
    if path is None or "\0" in path:
        return failure(400)
    if site is None:
        return failure(421)
    found = site.route(path)
    if found is None:
        return failure(404)
    route, rest = found
    made = _of_route(request, route, path, rest, modified)
    made.headers += route.headers.items()
    made.delay, made.rate = route.delay, route.rate
    return made


def _of_route(request: Request, route: Route, path: str, rest: str, modified: float | None) -> Answer:
    allow = ", ".join([*route.methods, "OPTIONS"])
    if request.method == "OPTIONS":
        return Answer(204, [("Allow", allow)])
    if request.method not in route.methods:
        return failure(405, [("Allow", allow)])
    if route.redirect is not None:
        return failure(route.status, [("Location", route.redirect)])
    if route.echo:
        kind = request.headers.get("content-type", "application/octet-stream")
        return Answer(route.status, [("Content-Type", route.media_type or kind)], chunked=route.chunked, echo=True)
    if route.root is not None:
        return _of_folder(request, route, path, rest, modified)
    content: Content = MadeUp(route.size) if route.size is not None else Data((route.body or "").encode())
    if route.body is None and route.size is None and route.status != HTTPStatus.OK:
        return Answer(route.status) if route.status in NO_CONTENT else failure(route.status)
    kind = route.media_type or (_guess(route.body) if route.body is not None else TEXT)
    return _deliver(request, route, content, kind, None)


def _of_folder(request: Request, route: Route, path: str, rest: str, modified: float | None) -> Answer:
    root = route.root or ""
    found = files.find(root, rest)
    if found is None:
        return failure(404)
    file, status = found
    if files.is_folder(root, rest):
        query = request.target.partition("?")
        return failure(301, [("Location", "/" + quote(path.lstrip("/")) + "/" + query[1] + query[2])])
    if rest.endswith("/") and rest.rstrip("/").endswith(os.path.basename(file)):
        return failure(404)  # a file is no folder
    changed = status.st_mtime if modified is None else modified
    kind = route.media_type or files.media_type(file)
    return _deliver(request, route, FileContent(file, status.st_size), kind, changed)


def _deliver(request: Request, route: Route, content: Content, kind: str, modified: float | None) -> Answer:
    """A content, a part of it, or the word that it has not changed."""
    if route.status != HTTPStatus.OK:
        return _whole(route.status, [("Content-Type", kind)], content, route.chunked)
    tag = f'"{content.tag}"'
    validators = [("ETag", tag)]
    if modified is not None:
        validators.append(("Last-Modified", http_date(modified)))
    reading = request.method in ("GET", "HEAD")
    verdict = judge(request.headers, tag, modified, reading)
    if verdict is not None:
        return Answer(verdict, validators) if verdict in NO_CONTENT else failure(verdict)
    headers = [("Content-Type", kind), *validators]
    if not route.chunked:
        headers.append(("Accept-Ranges", "bytes"))
        wanted = request.headers.get("range")
        if wanted is not None and request.method == "GET" and range_holds(request.headers, tag, modified):
            ranges = parse_ranges(wanted, content.size)
            if ranges is not None:
                return _partly(headers, kind, content, ranges)
    return _whole(HTTPStatus.OK, headers, content, route.chunked)


def _whole(status: int, headers: list[tuple[str, str]], content: Content, chunked: bool = False) -> Answer:
    return Answer(status, headers, content, [(0, content.size)], chunked)


def _partly(headers: list[tuple[str, str]], kind: str, content: Content, ranges: list[tuple[int, int]]) -> Answer:
    """206 with one part, or with several as multipart/byteranges (RFC 9110 14.6); 416 when there is none."""
    size = content.size
    if not ranges:
        return failure(416, [("Content-Range", f"bytes */{size}")])
    if len(ranges) == 1:
        return Answer(206, [*headers, ("Content-Range", content_range(*ranges[0], size))], content, list(ranges))
    parts: list[Part] = []
    for number, (start, stop) in enumerate(ranges):
        head = f"--{BOUNDARY}\r\nContent-Type: {kind}\r\nContent-Range: {content_range(start, stop, size)}\r\n\r\n"
        parts += [(("\r\n" if number else "") + head).encode(), (start, stop)]
    parts.append(f"\r\n--{BOUNDARY}--\r\n".encode())
    others = [header for header in headers if header[0] != "Content-Type"]
    return Answer(206, [("Content-Type", f"multipart/byteranges; boundary={BOUNDARY}"), *others], content, parts)


def _guess(text: str) -> str:
    """HTML where it looks like it."""
    return "text/html; charset=utf-8" if text.lstrip()[:1] == "<" else TEXT
