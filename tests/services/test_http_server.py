"""The web server as a program: in the simulator with clients of the standard library and raw sockets, and as a real
process with curl."""

from __future__ import annotations

import hashlib
import http.client
import random
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import sim
from sim.lab.authority.authority import Authority
from sim.lab.nodes import LabHost
from sim.services.http_server.server import serve
from sim.userland.process import Process
from tests.services.loopback import served

SITE: dict[str, Any] = {
    "body": "hello",
    "redirect": {"/old": "/"},
    "routes": {
        "/large": {"bytes": 300_000},
        "/chunked": {"bytes": 300_000, "chunked": True},
        "/echo": {"echo": True},
        "/echo-chunked": {"echo": True, "chunked": True},
        "/slow": {"body": "x" * 1000, "rate": 16_000, "delay": 500_000_000},
        "/none": {"status": 204},
    },
    "hosts": {"b.test": {"body": "b"}},
    "max_body": 200_000,
}


class Pair:
    """A client and a web server, 10 ms of delay between them."""

    def __init__(self, **settings: Any) -> None:
        self.net = sim.Network(seed=3)
        self.client: LabHost = self.net.host("client", "10.0.0.1/24")
        self.web: LabHost = self.net.host("web", "10.0.0.2/24")
        self.net.link(self.client, self.web, delay="10ms", bandwidth="100Mbps")
        self.service: Process = self.web.serve(partial(serve, **{**SITE, **settings}), name="http")

    def run(self, program: Any, *args: Any) -> Any:
        return self.client.run(program, *args)


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.net.close()
    assert (pair.service.exit_code, pair.service.stderr) == (0, "")


def talk(data: bytes, wait: bool = True, host: str = "web", pause: float = 0, close: bool = True) -> bytes:
    """Send bytes, and what comes until the server closes."""
    with socket.create_connection((host, 80), timeout=100) as connection:
        for part in [data[n : n + 1] for n in range(len(data))] if pause else [data]:
            connection.sendall(part)
            time.sleep(pause)
        if close:
            connection.shutdown(socket.SHUT_WR)
        found = b""
        while wait and (more := connection.recv(65_536)):
            found += more
        return found


def statuses(answer: bytes) -> list[int]:
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


def get(path: str, *, method: str = "GET", extra: str = "", content: str = "") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: web\r\n{extra}\r\n{content}".encode()


def test_urllib_follows_and_reads(pair: Pair) -> None:
    def program() -> list[Any]:
        found: list[Any] = []
        for path in ("/old", "/large", "/chunked"):
            with urllib.request.urlopen(f"http://web{path}") as answer:
                found.append((answer.url, answer.status, len(answer.read())))
        try:
            urllib.request.urlopen("http://web/missing")
        except urllib.error.HTTPError as error:
            found.append(error.code)
        return found

    expected = [("http://web/", 200, 5), ("http://web/large", 200, 300_000), ("http://web/chunked", 200, 300_000), 404]
    assert pair.run(program) == expected
    assert pair.service.stdout.splitlines()[:2] == ["10.0.0.1 GET web/old 301 22", "10.0.0.1 GET web/ 200 5"]


def test_one_connection_for_many_requests(pair: Pair) -> None:
    def program() -> tuple[set[int], bytes]:
        connection = http.client.HTTPConnection("web")
        ports = set()
        for _ in range(5):
            connection.request("GET", "/")
            ports.add(connection.sock.getsockname()[1])
            content = connection.getresponse().read()
        return ports, content

    ports, content = pair.run(program)
    assert (len(ports), content) == (1, b"hello")


def test_pipelined_requests_are_answered_in_their_order(pair: Pair) -> None:
    requests = get("/") + get("/missing") + get("/none") + get("/", method="HEAD") + get("/", extra="Host2: x\r\n")
    answer = pair.run(talk, requests)
    assert statuses(answer) == [200, 404, 204, 200, 200]
    assert answer.endswith(b"hello")


def test_a_hundred_pipelined_requests_over_one_connection(pair: Pair) -> None:
    assert statuses(pair.run(talk, get("/") * 100)) == [200] * 100


@pytest.mark.parametrize("path", ["/echo", "/echo-chunked"])
def test_what_is_sent_in_chunks_comes_back(pair: Pair, path: str) -> None:
    def program() -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("web")
        connection.request("POST", path, body=iter([b"a" * 1000, b"b" * 70_000]), encode_chunked=True,
                           headers={"Transfer-Encoding": "chunked"})  # fmt: skip
        answer = connection.getresponse()
        return answer.status, answer.read()

    assert pair.run(program) == (200, b"a" * 1000 + b"b" * 70_000)


def test_http_1_0_is_closed_at_the_end(pair: Pair) -> None:
    answer = pair.run(partial(talk, b"GET /chunked HTTP/1.0\r\n\r\n", close=False))
    head, _, content = answer.partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert b"Connection: close" in head
    assert len(content) == 300_000


def test_continue_comes_before_the_content(pair: Pair) -> None:
    def program() -> tuple[bytes, bytes]:
        with socket.create_connection(("web", 80), timeout=60) as connection:
            connection.sendall(get("/echo", method="POST", extra="Content-Length: 5\r\nExpect: 100-continue\r\n"))
            first = connection.recv(1000)
            connection.sendall(b"hello")
            return first, connection.recv(1000)

    first, answer = pair.run(program)
    assert first.startswith(b"HTTP/1.1 100 Continue\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"hello")


LONG = "GET / HTTP/1.1\r\nHost: web\r\n" + "".join(f"X-{n}: {'y' * 100}\r\n" for n in range(300)) + "\r\n"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (LONG.encode(), 431),
        (get("/echo", method="POST", extra="Content-Length: 200001\r\n"), 413),
        (get("/echo", method="POST", extra="Content-Length: 5\r\nContent-Length: 6\r\n"), 400),
        (get("/echo", method="POST", extra="Transfer-Encoding: gzip\r\n"), 501),
        (get("/echo", method="POST", extra="Content-Length: 5\r\nExpect: a-miracle\r\n"), 417),
        (get("/echo", method="POST", extra="Transfer-Encoding: chunked\r\n", content="zz\r\n"), 400),
        (
            get("/echo", method="POST", extra="Transfer-Encoding: chunked\r\n")
            + (b"10000\r\n" + b"x" * 65_536 + b"\r\n") * 4,
            413,
        ),
        (get("/", extra="Connection: close\r\n") + get("/"), 200),
    ],
)
def test_what_is_refused_is_answered_once_and_closed(pair: Pair, data: bytes, status: int) -> None:
    assert statuses(pair.run(partial(talk, data, close=False))) == [status]


def test_a_slow_answer_takes_its_time(pair: Pair) -> None:
    def program() -> float:
        begun = time.monotonic()
        urllib.request.urlopen("http://web/slow").read()
        return time.monotonic() - begun

    assert pair.run(program) == pytest.approx(0.5 + 1000 * 8 / 16_000 + 0.06, abs=0.06)


def test_who_drips_is_cut_off() -> None:
    pair = Pair()

    def program() -> tuple[float, bytes]:
        begun = time.monotonic()
        with socket.create_connection(("web", 80), timeout=1000) as connection:
            connection.sendall(b"GET / HT")
            while time.monotonic() - begun < 200:
                try:
                    connection.sendall(b"T")
                    connection.settimeout(5)
                    return time.monotonic() - begun, connection.recv(1000)
                except TimeoutError:
                    continue
            return time.monotonic() - begun, b""

    taken, answer = pair.run(program)
    assert taken == pytest.approx(20, abs=6)
    assert statuses(answer) == [408]


def test_a_content_that_drips_is_cut_off() -> None:
    pair = Pair()

    def program() -> tuple[float, bytes]:
        begun = time.monotonic()
        with socket.create_connection(("web", 80), timeout=1000) as connection:
            connection.sendall(get("/echo", method="POST", extra="Content-Length: 100000\r\n"))
            while True:
                connection.sendall(b"x" * 10)
                connection.settimeout(1)
                try:
                    return time.monotonic() - begun, connection.recv(1000)
                except TimeoutError:
                    continue

    taken, answer = pair.run(program)
    assert 19 < taken < 25
    assert statuses(answer) == [408]


def test_who_says_nothing_is_hung_up_on() -> None:
    pair = Pair(idle_timeout=3_000_000_000)

    def program() -> tuple[bytes, float]:
        begun = time.monotonic()
        with socket.create_connection(("web", 80), timeout=100) as connection:
            return connection.recv(100), time.monotonic() - begun

    answer, taken = pair.run(program)
    assert answer == b""
    assert taken == pytest.approx(3, abs=0.2)


def test_there_is_room_for_so_many_connections() -> None:
    pair = Pair(connections=2)

    def program() -> list[int]:
        held = [socket.create_connection(("web", 80)) for _ in range(2)]
        found = []
        for _ in range(2):
            found += statuses(talk(b""))
            held[0].close()
            time.sleep(1)
        return found

    assert pair.run(program) == [503]  # there was room for the second
    assert pair.service.exit_code is None


@pytest.mark.slow
def test_mutated_requests_never_stop_it(pair: Pair) -> None:
    """Each of them gets an answer, or an end; and the server goes on."""
    chance = random.Random(1)
    good = [
        get("/large", extra="Range: bytes=0-9,20-\r\nIf-None-Match: *\r\n"),
        get("/echo", method="POST", extra="Transfer-Encoding: chunked\r\n", content="5\r\nhello\r\n0\r\nT: x\r\n\r\n"),
        get("http://web/old", extra="Expect: 100-continue\r\nContent-Length: 0\r\n"),
    ]

    def mutated() -> bytes:
        data = bytearray(chance.choice(good))
        for _ in range(chance.randint(1, 6)):
            place = chance.randrange(len(data))
            match chance.randrange(3):
                case 0:
                    data[place] = chance.randrange(256)
                case 1:
                    del data[place : place + chance.randint(1, 20)]
                case _:
                    data[place:place] = bytes(chance.choices(range(256), k=chance.randint(1, 10)))
            data = data or bytearray(b"\r")
        return bytes(data)

    def program() -> list[int]:
        found = []
        for _ in range(300):
            found += statuses(talk(mutated()))
        return found

    found = pair.run(program)
    assert {200, 400} <= set(found)
    assert 500 not in found
    assert statuses(pair.run(talk, get("/"))) == [200]


# -- as a real process


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("www")
    (root / "page.html").write_text("<p>page")
    (root / "large.bin").write_bytes(random.Random(1).randbytes(3_000_000))
    return root


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The certificate of the authority, and that of a server."""
    authority, folder = Authority(5), tmp_path_factory.mktemp("ca")
    (folder / "ca.pem").write_text(authority.pem())
    (folder / "server.pem").write_text(authority.certificate(("web.test", "127.0.0.1")))
    return folder / "ca.pem", folder / "server.pem"


@pytest.fixture(scope="module")
def curl() -> str:
    found = shutil.which("curl")
    if found is None:
        pytest.skip("curl is not installed")
    return found


@pytest.fixture(scope="module")
def plain(folder: Path) -> Iterator[int]:
    with served("http_server.server", root=str(folder), **SITE) as port:
        yield port


def fetch(*arguments: str, data: bytes = b"") -> bytes:
    done = subprocess.run(["curl", "-sS", "--max-time", "20", *arguments], input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_curl_keeps_its_connection(curl: str, plain: int) -> None:
    url = f"http://127.0.0.1:{plain}"
    connects = fetch("-o", "/dev/null", "-w", "%{num_connects} %{http_code}\n", f"{url}/", f"{url}/large", "-o",
                     "/dev/null", f"{url}/none")  # fmt: skip
    assert [line for line in connects.split(b"\n") if line[-3:].isdigit()] == [b"1 200", b"0 200", b"0 204"]


@pytest.mark.slow
def test_curl_reads_all_sorts_of_answers(curl: str, plain: int, folder: Path) -> None:
    url = f"http://127.0.0.1:{plain}"
    whole = (folder / "large.bin").read_bytes()
    assert fetch(f"{url}/large.bin") == whole
    assert fetch("-r", "1000-1999", f"{url}/large.bin") == whole[1000:2000]
    assert fetch("-r", "-7", f"{url}/large.bin") == whole[-7:]
    assert fetch("-L", f"{url}/old") == b"hello"
    assert len(fetch("--http1.0", f"{url}/chunked")) == 300_000
    assert hashlib.sha256(fetch(f"{url}/chunked")).digest() == hashlib.sha256(fetch(f"{url}/large")).digest()
    head = fetch("-I", f"{url}/large.bin")
    assert b"Content-Length: 3000000" in head
    assert b"Accept-Ranges: bytes" in head
    assert fetch("--resolve", f"b.test:{plain}:127.0.0.1", f"http://b.test:{plain}/") == b"b"
    assert fetch("--path-as-is", "-w", "%{http_code}", "-o", "/dev/null", f"{url}/../ca.pem") == b"404"


@pytest.mark.slow
def test_curl_goes_on_where_it_stopped(curl: str, plain: int, folder: Path, tmp_path: Path) -> None:
    whole = (folder / "large.bin").read_bytes()
    part = tmp_path / "part"
    part.write_bytes(whole[:1_000_000])
    fetch("-C", "-", "-o", str(part), f"http://127.0.0.1:{plain}/large.bin")
    assert part.read_bytes() == whole


@pytest.mark.slow
def test_curl_sends(curl: str, plain: int) -> None:
    url, data = f"http://127.0.0.1:{plain}/echo", random.Random(2).randbytes(150_000)
    assert fetch("-T", "-", url, data=data) == data  # in chunks
    assert fetch("--data-binary", "@-", url, data=data) == data
    assert fetch("--data-binary", "@-", "-w", "%{http_code}", "-o", "/dev/null", url, data=data * 2) == b"413"


@pytest.mark.slow
def test_curl_trusts_the_authority(curl: str, certificate: tuple[Path, Path]) -> None:
    authority, server = certificate
    with served("http_server.server", body="secret", certificate=str(server)) as port:
        url = f"https://127.0.0.1:{port}/"
        assert fetch("--cacert", str(authority), url) == b"secret"
        named = ("--resolve", f"web.test:{port}:127.0.0.1", f"https://web.test:{port}/")
        assert fetch("--cacert", str(authority), *named) == b"secret"
        for arguments in ((url,), ("--cacert", str(authority), f"https://localhost:{port}/")):
            refused = subprocess.run(["curl", "-sS", *arguments], capture_output=True, check=False)
            assert refused.returncode == 60, refused.stderr  # CURLE_PEER_FAILED_VERIFICATION
