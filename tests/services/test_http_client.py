"""The web client as a program on a simulated host, against our server and against servers that misbehave."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

import sim
from sim.lab.nodes import LabHost
from sim.services.http_client import Exchange, fetch
from sim.services.http_server.server import serve
from sim.units import MILLISECOND, SECOND
from tests.services.loopback import served

SITE: dict[str, Any] = {
    "body": "hello",
    "redirect": {"/1": "/2", "/2": "http://web/3", "/loop": "/loop", "/away": "http://other/", "/ftp": "ftp://x/"},
    "routes": {
        "/3": {"body": "three"},
        "/post": {"redirect": "/echo", "status": 303},
        "/keep": {"redirect": "/echo", "status": 307},
        "/echo": {"echo": True, "methods": ["GET", "POST"]},
        "/large": {"bytes": 100_000, "chunked": True},
        "/slow": {"body": "late", "delay": 10 * SECOND},
        "/umlaut%C3%A4": {"body": "no"},
    },
}


class Trio:
    """A client, a web server 10 ms away, and another with nothing of ours on it."""

    def __init__(self) -> None:
        self.net = sim.Network(seed=1)
        self.client: LabHost = self.net.host("client", "10.0.0.1/24")
        self.web: LabHost = self.net.host("web", "10.0.0.2/24")
        self.other: LabHost = self.net.host("other", "10.0.0.3/24")
        switch = self.net.switch("sw")
        for host in (self.client, self.web, self.other):
            self.net.link(host, switch, delay="5ms")
        self.service = self.web.serve(partial(serve, **SITE), name="http")
        self.client.ping("web")

    def fetch(self, url: str, *args: Any, **named: Any) -> Exchange:
        found: Exchange = self.client.run(partial(fetch, url, *args, **named))
        return found

    def badly(self, answer: bytes) -> None:
        """Let the other server say this to whoever comes, and hang up."""

        def program() -> None:
            with socket.create_server(("", 80)) as listening:
                while True:
                    connection, _ = listening.accept()
                    with connection:
                        connection.recv(10_000)
                        connection.sendall(answer)

        self.other.serve(program)


@pytest.fixture
def trio() -> Trio:
    return Trio()


def test_a_page_and_how_long_it_took(trio: Trio) -> None:
    exchange = trio.fetch("http://web/")
    assert (exchange.status, exchange.reason, exchange.head, exchange.error) == (200, "OK", b"hello", None)
    timing = exchange.timing
    assert (timing.dns, timing.connect, timing.tls) == (0, 20 * MILLISECOND, None)
    assert timing.first_byte == timing.total == 40 * MILLISECOND
    assert exchange.address == ("10.0.0.2", 80)


def test_redirects_are_followed_over_one_connection(trio: Trio) -> None:
    exchange = trio.fetch("http://web/1")
    assert (exchange.url, exchange.redirects, exchange.requests, exchange.connections) == ("http://web/3", 2, 3, 1)
    assert exchange.head == b"three"
    assert exchange.timing.total == 80 * MILLISECOND
    stays = trio.fetch("http://web/1", follow=False)
    assert (stays.status, stays.redirects, stays.headers["location"]) == (301, 0, "/2")


@pytest.mark.parametrize(("path", "log", "content"), [("/post", "GET /echo", b""), ("/keep", "POST /echo", b"data")])
def test_a_redirect_may_change_the_method(trio: Trio, path: str, log: str, content: bytes) -> None:
    exchange = trio.fetch(f"http://web{path}", "POST", body="data")
    assert (exchange.status, exchange.head) == (200, content)
    assert log in trio.service.stdout.splitlines()[-1]


def test_what_is_secret_does_not_go_along_to_another_server(trio: Trio) -> None:
    heard: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append((self.headers["Authorization"], self.headers["X-Mine"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    trio.other.serve(lambda: HTTPServer(("", 80), Handler).serve_forever())
    exchange = trio.fetch("http://web/away", headers={"Authorization": "secret", "X-Mine": "kept"})
    assert (exchange.status, exchange.connections, heard) == (200, 2, [(None, "kept")])


def test_many_times_over_one_connection(trio: Trio) -> None:
    exchange = trio.fetch("http://web/large", count=20)
    assert (exchange.requests, exchange.connections, exchange.size) == (20, 1, 100_000)
    assert exchange.sha256 == hashlib.sha256(exchange.head + _rest(exchange)).hexdigest()


def _rest(exchange: Exchange) -> bytes:
    """What was not kept of the pattern."""
    line = b"abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 012345678\n"
    return (line * 2_000)[len(exchange.head) : exchange.size]


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://nobody/", "name not known: nobody"),
        ("http://" + "a" * 70, "name not known: aaa"),
        ("http://web:81/", "connection refused"),
        ("http://10.0.0.9/", "no route to host"),
        ("http://web/loop", "too many redirects: 10 and no end"),
        ("http://web/ftp", "'ftp://x/' is not a URL that begins with http:// or https://"),
        ("http://web/slow", "timeout while waiting for an answer"),
        ("https://web:80/", "TLS failed: "),
    ],
)
def test_errors_by_name(trio: Trio, url: str, error: str) -> None:
    exchange = trio.fetch(url, timeout=5 * SECOND)
    assert (exchange.error or "").startswith(error)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", "the connection was closed without an answer"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "the answer is not HTTP: "),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "cut short: "),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "cut short: "),
    ],
)
def test_servers_that_misbehave(trio: Trio, answer: bytes, error: str) -> None:
    trio.badly(answer)
    exchange = trio.fetch("http://other/")
    assert (exchange.error or "").startswith(error)


def test_a_server_that_is_silent_at_the_syn_times_out(trio: Trio) -> None:
    trio.net.partition([["client"], ["web"]])
    exchange = trio.fetch("http://web/", timeout=3 * SECOND)
    assert exchange.error == "timeout while connecting"
    assert exchange.timing.total == 3 * SECOND


@pytest.mark.slow
def test_runs_on_a_real_machine() -> None:
    with served("http_server.server", **SITE) as port:
        exchange = fetch(f"http://127.0.0.1:{port}/large", count=3)
        assert (exchange.status, exchange.size, exchange.connections) == (200, 100_000, 1)
    refused: Callable[[], Exchange] = lambda: fetch(f"http://127.0.0.1:{port}/")  # noqa: E731
    assert refused().error == "connection refused"
    assert threading.active_count() >= 1
