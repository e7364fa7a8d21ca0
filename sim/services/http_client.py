"""A web client: a request over TCP or TLS with redirects, and how long each part of it took. An ordinary program."""

from __future__ import annotations

import hashlib
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, quote, urljoin, urlsplit

import h11

from sim.services.http_failures import describe

MOST_REDIRECTS: Final = 10
KEPT: Final = 65_536
"""Bytes of a content's beginning that are kept; of all of it there are the number and the hash."""
READ: Final = 65_536
PORTS: Final = {"http": 80, "https": 443}
KEEP_METHOD: Final = (307, 308)
REDIRECTS: Final = (301, 302, 303, 307, 308)
SECOND: Final = 1_000_000_000


@dataclass
class Timing:
    """ns: what the look-ups of names, the connects and the TLS handshakes took, all in all; and from the beginning to
    the last answer's first byte and to its end. None where there was none."""

    dns: int | None = None
    connect: int | None = None
    tls: int | None = None
    first_byte: int | None = None
    total: int | None = None

    def add(self, name: str, since: int) -> None:
        """One of the first three has been going on since a time (ns of `perf_counter`)."""
        setattr(self, name, (getattr(self, name) or 0) + time.perf_counter_ns() - since)


@dataclass
class Exchange:
    """What came of it. `address` is (IP, port) of the first server; `headers` have names in lower case."""

    url: str
    status: int | None = None
    reason: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    head: bytes = field(default=b"", repr=False)
    size: int = 0
    sha256: str = ""
    redirects: int = 0
    requests: int = 0
    connections: int = 0
    address: tuple[str, int] | None = None
    tls: str | None = None
    error: str | None = None
    timing: Timing = field(default_factory=Timing)


def fetch(
    url: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: str | None = None,
    *,
    follow: bool = True,
    timeout: int = 30 * SECOND,
    insecure: bool = False,
    count: int = 1,
) -> Exchange:
    """Ask for a URL `count` times, over one connection where the server lets us, and follow redirects.

    `timeout` (ns) bounds all of it. What fails is told by `error`, in words; nothing is raised.
    """
    exchange = Exchange(url)
    client = _Client(exchange, insecure, time.monotonic() + timeout / SECOND)
    began = time.perf_counter_ns()
    try:
        for _ in range(count):
            exchange.url = url
            client.began = began
            client.follow(method, dict(headers or {}), None if body is None else body.encode(), follow)
    except (OSError, ValueError, h11.ProtocolError) as error:  # a UnicodeError is a ValueError
        exchange.error = describe(error, client.doing, exchange.url)
    finally:
        client.close()
    exchange.timing.total = time.perf_counter_ns() - began
    return exchange


class TooManyRedirectsError(ValueError):
    """It was sent on more often than anybody should be."""


class NoAnswerError(ValueError):
    """The server has hung up."""


class _Client:
    """One connection at a time, kept for the next request if that goes to the same server."""

    def __init__(self, exchange: Exchange, insecure: bool, deadline: float) -> None:
        self.exchange = exchange
        self.doing = ""
        self.began = 0
        self._insecure = insecure
        self._deadline = deadline
        self._socket: socket.socket | None = None
        self._h11: h11.Connection | None = None
        self._server: tuple[str, str, int] | None = None

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket = self._h11 = self._server = None

    def follow(self, method: str, headers: dict[str, str], body: bytes | None, follow: bool) -> None:
        """A request, and those that its redirects ask for (RFC 9110 15.4)."""
        exchange = self.exchange
        exchange.redirects = 0
        while True:
            target = urlsplit(exchange.url)
            self._request(target, method, headers, body)
            location = exchange.headers.get("location")
            if not follow or exchange.status not in REDIRECTS or location is None:
                return
            if exchange.redirects == MOST_REDIRECTS:
                raise TooManyRedirectsError(f"too many redirects: {MOST_REDIRECTS} and no end")
            exchange.redirects += 1
            exchange.url = urljoin(exchange.url, location)
            if exchange.status not in KEEP_METHOD and method not in ("GET", "HEAD"):
                method, body = "GET", None
            if _origin(urlsplit(exchange.url)) != _origin(target):
                headers = {name: value for name, value in headers.items() if name.lower() not in _OF_ONE_SERVER}

    def _request(self, target: SplitResult, method: str, headers: dict[str, str], body: bytes | None) -> None:
        server = _origin(target)
        if self._server != server or self._h11 is None:
            self.close()
            self._open(*server)
        connection = self._h11
        assert connection is not None
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        self.doing = "waiting for an answer"
        fields = _fields(target, headers, body)
        self.exchange.requests += 1
        data = connection.send(h11.Request(method=method, target=_ascii(path), headers=fields)) or b""
        if body:
            data += connection.send(h11.Data(data=body)) or b""
        self._sock().sendall(data + (connection.send(h11.EndOfMessage()) or b""))
        self._answer(connection)
        if connection.our_state is h11.DONE and connection.their_state is h11.DONE:
            connection.start_next_cycle()
        else:
            self.close()

    def _open(self, scheme: str, host: str, port: int) -> None:
        timing, exchange = self.exchange.timing, self.exchange
        self.doing = "looking up the name"
        since = time.perf_counter_ns()
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        timing.add("dns", since)
        self.doing = "connecting"
        since = time.perf_counter_ns()
        self._socket = self._connect([(family, (str(found[0]), int(found[1]))) for family, _, _, _, found in addresses])
        timing.add("connect", since)
        if scheme == "https":
            self.doing = "agreeing on TLS"
            since = time.perf_counter_ns()
            secure = tls_context(self._insecure).wrap_socket(self._sock(), server_hostname=host)
            self._socket = secure
            exchange.tls = secure.version()
            timing.add("tls", since)
        exchange.connections += 1
        self._h11, self._server = h11.Connection(h11.CLIENT), (scheme, host, port)

    def _connect(self, addresses: list[tuple[int, tuple[str, int]]]) -> socket.socket:
        """A connection to the first address that takes one."""
        failure: OSError = OSError("no address")
        for family, address in addresses:
            if self.exchange.address is None:
                self.exchange.address = address
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.settimeout(self._left())
                sock.connect(address)
            except OSError as error:
                failure = error
                sock.close()
            else:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return sock
        raise failure

    def _answer(self, connection: h11.Connection) -> None:
        exchange, digest = self.exchange, hashlib.sha256()
        exchange.head, exchange.size = b"", 0
        first = True
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                data = self._sock().recv(READ)
                if first and not data:
                    raise NoAnswerError("the connection was closed without an answer")
                if first:
                    exchange.timing.first_byte = time.perf_counter_ns() - self.began
                    first = False
                connection.receive_data(data)
            elif isinstance(event, h11.Response):
                exchange.status, exchange.reason = event.status_code, bytes(event.reason).decode("latin-1")
                exchange.headers = _mapping(event)
                self.doing = "receiving the answer"
            elif isinstance(event, h11.Data):
                exchange.size += len(event.data)
                digest.update(event.data)
                exchange.head += bytes(event.data[: KEPT - len(exchange.head)])
            elif isinstance(event, h11.EndOfMessage):
                break
        exchange.sha256 = digest.hexdigest()

    def _sock(self) -> socket.socket:
        """The socket, which waits no longer than there is time."""
        assert self._socket is not None
        self._socket.settimeout(self._left())
        return self._socket

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


_OF_ONE_SERVER: Final = ("host", "authorization", "cookie")


def tls_context(insecure: bool = False) -> ssl.SSLContext:
    """Trusts whom the machine trusts; with `insecure` everybody."""
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


def _origin(target: SplitResult) -> tuple[str, str, int]:
    """Scheme, host and port. Raises ValueError for what is no URL of HTTP."""
    scheme = target.scheme.lower()
    if scheme not in PORTS or not target.hostname:
        raise ValueError(f"{target.geturl()!r} is not a URL that begins with http:// or https://")
    return scheme, target.hostname, target.port or PORTS[scheme]


def _fields(target: SplitResult, headers: dict[str, str], body: bytes | None) -> list[tuple[str, str]]:
    """The header fields of a request: those that are given, and those that must be there."""
    fields = {"Host": target.netloc.rpartition("@")[2], "User-Agent": "packetsim", "Accept": "*/*"}
    if body is not None:
        fields["Content-Length"] = str(len(body))
    own = {name.lower() for name in headers}
    return [*((name, value) for name, value in fields.items() if name.lower() not in own), *headers.items()]


def _ascii(path: str) -> str:
    """A target with what is not ASCII percent-encoded."""
    return quote(path, safe="/?%:@!$&'()*+,;=~-._[]")


def _mapping(event: h11.Response) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in event.headers:
        key, text = name.decode("ascii"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers
