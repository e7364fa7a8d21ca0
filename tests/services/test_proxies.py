"""The SOCKS5 and the HTTP proxy: with clients of the standard library on a simulated host, and with curl for real."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

import sim
from sim.lab.nodes import LabHost
from sim.services import echo, http_proxy, socks_proxy
from sim.services.http_server.server import serve
from tests.services.loopback import served

SITE: dict[str, Any] = {
    "body": "hello",
    "redirect": {"/old": "/"},
    "routes": {"/large": {"bytes": 200_000}, "/chunked": {"bytes": 200_000, "chunked": True}, "/echo": {"echo": True}},
}
USERS = {"ann": "secret"}


class Lab:
    """`client` reaches `proxy` alone, which reaches `web` (HTTP on 80, echo on 7)."""

    def __init__(self, **settings: Any) -> None:
        net = self.net = sim.Network(seed=2)
        self.client: LabHost = net.host("client", "10.1.0.1/24")
        proxy: LabHost = net.host("proxy", interfaces={"in": "10.1.0.2/24", "out": "10.2.0.2/24"})
        web: LabHost = net.host("web", "10.2.0.3/24")
        net.link(self.client, "proxy:in", delay="1ms")
        net.link("proxy:out", web, delay="1ms")
        self.web = web.serve(partial(serve, **SITE), name="http")
        web.serve(echo.serve)
        self.socks = proxy.serve(partial(socks_proxy.serve, **settings), name="socks")
        self.http = proxy.serve(partial(http_proxy.serve, **settings), name="proxy")

    def run(self, program: Callable[[], Any]) -> Any:
        result = self.client.run(program)
        self.net.run(until="1000s")
        self.net.close()
        for service in (self.socks, self.http):
            assert (service.exit_code, service.stderr) == (0, "")
        return result


def receive(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size and (data := connection.recv(size - len(found))):
        found += data
    return found


def socks(methods: bytes = b"\0", host: str = "10.1.0.2", port: int = 1080) -> tuple[socket.socket, bytes]:
    """A connection to the proxy, and the method that it has chosen."""
    connection = socket.create_connection((host, port), timeout=60)
    connection.sendall(bytes((5, len(methods))) + methods)
    return connection, receive(connection, 2)


def named(name: bytes, port: int) -> bytes:
    return b"\3" + bytes((len(name),)) + name + port.to_bytes(2, "big")


def addressed(address: str, port: int) -> bytes:
    return b"\1" + socket.inet_aton(address) + port.to_bytes(2, "big")


def connect(target: bytes) -> tuple[socket.socket, int]:
    connection, _ = socks()
    connection.sendall(b"\5\1\0" + target)
    return connection, receive(connection, 10)[1]


# -- SOCKS


@pytest.mark.parametrize("target", [named(b"web", 80), addressed("10.2.0.3", 80)])
def test_a_tunnel(target: bytes) -> None:
    def program() -> tuple[int, bytes]:
        tunnel, code = connect(target)
        tunnel.sendall(b"GET / HTTP/1.0\r\n\r\n")
        tunnel.shutdown(socket.SHUT_WR)
        return code, receive(tunnel, 10_000)

    lab = Lab()
    code, answer = lab.run(program)
    assert code == 0
    assert answer.endswith(b"hello")
    assert lab.web.stdout == "10.2.0.2 GET / 200 5\n"  # the web server sees the proxy
    assert lab.socks.stdout.startswith("10.1.0.1 CONNECT ")


def test_each_half_of_a_tunnel_is_closed_by_itself() -> None:
    def program() -> bytes:
        tunnel, _ = connect(addressed("10.2.0.3", 7))
        for _ in range(30):
            tunnel.sendall(b"x" * 1_000)
        tunnel.shutdown(socket.SHUT_WR)
        return receive(tunnel, 100_000)

    assert Lab().run(program) == b"x" * 30_000


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"\5\1\0" + addressed("10.2.0.3", 81), 5),
        (b"\5\1\0" + addressed("10.2.0.9", 80), 4),
        (b"\5\1\0" + addressed("172.16.0.1", 80), 3),
        (b"\5\1\0" + named(b"nobody", 80), 4),
        (b"\5\1\0" + named(b"a" * 70, 80), 4),
        (b"\5\2\0" + addressed("10.2.0.3", 80), 7),
        (b"\5\1\0\4" + bytes(18), 8),
        (b"\5\1\0\3\1\xff\0\1", 8),
    ],
)
def test_why_it_does_not_work(request_: bytes, code: int) -> None:
    def program() -> bytes:
        connection, _ = socks()
        connection.sendall(request_)
        return receive(connection, 100)

    assert Lab().run(program) == bytes((5, code, 0, 1, 0, 0, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("methods", "password", "expected"),
    [
        (b"\0\2", b"\1\3ann\6secret", (b"\5\2", b"\1\0")),
        (b"\2", b"\1\3ann\5wrong", (b"\5\2", b"\1\1")),
        (b"\2", b"\1\3bob\0", (b"\5\2", b"\1\1")),
        (b"\0", b"", (b"\5\xff", b"")),
    ],
)
def test_passwords(methods: bytes, password: bytes, expected: tuple[bytes, bytes]) -> None:
    def program() -> tuple[bytes, bytes]:
        connection, method = socks(methods)
        if password:
            connection.sendall(password)
        return method, receive(connection, 2)

    assert Lab(users=USERS).run(program) == expected


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\4\1\0\x50\x0a\2\0\3\0", b"\5", b"\5\1\0\5\1", b""])
def test_what_is_not_socks_is_hung_up_on(data: bytes) -> None:
    def program() -> int:
        connection = socket.create_connection(("10.1.0.2", 1080), timeout=100)
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        try:
            return len(receive(connection, 100))
        except ConnectionResetError:
            return 0

    assert Lab().run(program) <= 2


@pytest.mark.parametrize("target", [addressed("10.2.0.3", 7), named(b"web", 7)])
def test_datagrams(target: bytes) -> None:
    def program() -> tuple[int, list[bytes]]:
        control, _ = socks()
        control.sendall(b"\5\3\0" + addressed("0.0.0.0", 0))
        reply = receive(control, 10)
        relay = (socket.inet_ntoa(reply[4:8]), int.from_bytes(reply[8:], "big"))
        found = []
        with socket.socket(type=socket.SOCK_DGRAM) as own, socket.socket(type=socket.SOCK_DGRAM) as other:
            own.settimeout(2)
            for data in (b"\0\0\0" + target + b"hello", b"\0\0\1" + target + b"fragment", b"\0\0"):
                own.sendto(data, relay)
            other.sendto(b"\0\0\0" + target + b"stranger", relay)  # not the client's port
            try:
                while True:
                    found.append(own.recv(1000))
            except TimeoutError:
                control.close()
        return reply[1], found

    lab = Lab()
    assert lab.run(program) == (0, [b"\0\0\0" + addressed("10.2.0.3", 7) + b"hello"])
    assert lab.socks.stdout == "10.1.0.1 UDP 1 1\n"


# -- HTTP


PROXY = "http://10.1.0.2:3128"


def opener(proxy: str = PROXY) -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy}))


@pytest.mark.parametrize(
    ("path", "data", "expected"),
    [
        ("/", None, (200, 5)),
        ("/old", None, (200, 5)),
        ("/large", None, (200, 200_000)),
        ("/chunked", None, (200, 200_000)),
        ("/echo", b"x" * 50_000, (200, 50_000)),
    ],
)
def test_whole_urls(path: str, data: bytes | None, expected: tuple[int, int]) -> None:
    def program() -> tuple[int, int]:
        with opener().open(f"http://web{path}", data, timeout=60) as answer:
            assert answer.headers["Via"] == "1.1 packetsim"
            return answer.status, len(answer.read())

    assert Lab().run(program) == expected


def test_many_requests_over_one_connection_to_the_proxy() -> None:
    def program() -> tuple[list[int], int]:
        connection = http.client.HTTPConnection("10.1.0.2", 3128)
        found, ports = [], set()
        for path in ("/", "/missing", "/chunked", "/large"):
            connection.request("GET", f"http://web{path}")
            ports.add(connection.sock.getsockname()[1])
            answer = connection.getresponse()
            found.append(answer.status)
            answer.read()
        return found, len(ports)

    assert Lab().run(program) == ([200, 404, 200, 200], 1)


def test_a_tunnel_by_connect() -> None:
    def program() -> bytes:
        connection = http.client.HTTPConnection("10.1.0.2", 3128)
        connection.set_tunnel("web", 7)
        connection.connect()
        connection.sock.sendall(b"hello")
        return receive(connection.sock, 5)

    assert Lab().run(program) == b"hello"


def ask(request: bytes) -> int:
    with socket.create_connection(("10.1.0.2", 3128), timeout=100) as connection:
        connection.sendall(request)
        found = receive(connection, 12)
        return int(found[9:12])


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: web\r\n\r\n", 400),
        (b"GET https://web/ HTTP/1.1\r\nHost: web\r\n\r\n", 400),
        (b"GET http://nobody/ HTTP/1.1\r\nHost: nobody\r\n\r\n", 502),
        (b"GET http://web:81/ HTTP/1.1\r\nHost: web\r\n\r\n", 502),
        (b"GET http://web:7/ HTTP/1.1\r\nHost: web\r\n\r\n", 502),
        (b"CONNECT web:81 HTTP/1.1\r\nHost: web\r\n\r\n", 502),
        (b"CONNECT web HTTP/1.1\r\nHost: web\r\n\r\n", 400),
        (b"CONNECT web:0 HTTP/1.1\r\nHost: web\r\n\r\n", 400),
        (b"GET http://10.1.0.2:3128/ HTTP/1.1\r\nHost: a\r\nVia: 1.1 packetsim\r\n\r\n", 508),
        (b"nonsense\r\n\r\n", 400),
        (b"GET http://[::1/ HTTP/1.1\r\nHost: web\r\n\r\n", 400),
        (b"GET http://web:99999/ HTTP/1.1\r\nHost: web\r\n\r\n", 400),
        (b"GET http://" + b"a" * 70 + b"/ HTTP/1.1\r\nHost: web\r\n\r\n", 502),
        (b"CONNECT " + b"a" * 70 + b":80 HTTP/1.1\r\nHost: web\r\n\r\n", 502),
    ],
)
def test_what_the_proxy_refuses(request_: bytes, status: int) -> None:
    assert Lab().run(lambda: ask(request_)) == status


def test_the_proxy_asks_for_a_password() -> None:
    def program() -> list[Any]:
        found: list[Any] = []
        for proxy in ("http://ann:secret@10.1.0.2:3128", "http://ann:wrong@10.1.0.2:3128", PROXY):
            try:
                found.append(opener(proxy).open("http://web/", timeout=60).status)
            except urllib.error.HTTPError as error:
                found.append((error.code, error.headers["Proxy-Authenticate"]))
        return found

    refused = (407, 'Basic realm="packetsim"')
    assert Lab(users=USERS).run(program) == [200, refused, refused]


def test_fields_of_one_connection_are_not_passed_on() -> None:
    given = [(b"connection", b"x-mine, close"), (b"x-mine", b"1"), (b"te", b"trailers"), (b"accept", b"*/*")]
    assert http_proxy._passed_on(given) == [(b"accept", b"*/*")]


# -- on a real machine


@pytest.fixture(scope="module")
def web() -> Iterator[int]:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    with served("http_server.server", **SITE) as port:
        yield port


def curl(*arguments: str) -> bytes:
    done = subprocess.run(["curl", "-sS", "--max-time", "20", *arguments], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else f"exit {done.returncode}".encode()


@pytest.mark.slow
def test_curl_through_socks(web: int) -> None:
    with served("socks_proxy", users=USERS) as port:
        url = f"http://localhost:{web}"
        through = ("--socks5-hostname", f"127.0.0.1:{port}", "--noproxy", "", "--proxy-user", "ann:secret")
        assert len(curl(*through, f"{url}/large")) == 200_000
        assert curl(*through, "-d", "data", f"{url}/echo") == b"data"
        assert curl("--socks5", *through[1:], f"{url}/") == b"hello"
        assert curl(*through[:-1], "ann:wrong", f"{url}/") == b"exit 97"  # CURLE_PROXY


@pytest.mark.slow
def test_curl_through_the_http_proxy(web: int) -> None:
    with served("http_proxy") as port:
        url, through = f"http://127.0.0.1:{web}", ("-x", f"http://127.0.0.1:{port}", "--noproxy", "")
        assert curl(*through, "-L", f"{url}/old") == b"hello"
        assert len(curl(*through, f"{url}/chunked")) == 200_000
        assert curl(*through, "-d", "data", f"{url}/echo") == b"data"
        assert len(curl(*through, "--proxytunnel", f"{url}/large")) == 200_000
        told = curl(*through, "-o", "/dev/null", "-w", "%{num_connects}", f"{url}/", "-o", "/dev/null", f"{url}/large")
        assert told == b"10"  # one for both
        assert curl(*through, "-w", "%{http_code}", "-o", "/dev/null", "http://127.0.0.1:1/") == b"502"
