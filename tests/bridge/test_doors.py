"""Who comes in from the real world: proxies, names, garbage, and those who never read."""

from __future__ import annotations

import contextlib
import errno
import random
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.bridge.doors import READ, Doors
from sim.bridge.entrance import Entrance
from sim.bridge.session import Bridge
from tests.bridge.office import PATIENCE, connect, open_bridge, receive


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Bridge]:
    with open_bridge(tmp_path, enter_at="pc", socks=0, proxy=0, dns=0) as bridge:
        yield bridge


def run(command: str, **named: str) -> str:
    """What a real program prints; skips the test when it is not installed."""
    words = command.split()
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    words = [named.get(word, word) for word in words]
    result = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def at(bridge: Bridge, name: str) -> str:
    address, port = bridge.ports[name]
    return f"{address}:{port}"


def test_curl(office: Bridge) -> None:
    assert run(f"curl -sS --noproxy * {office.url('web', 80)}") == "it works\n"


def test_curl_through_socks_with_names_of_the_network(office: Bridge) -> None:
    socks = at(office, "socks")
    assert run(f"curl -sS --noproxy none --socks5-hostname {socks} http://api.corp.test/") == "api"
    (process,) = [one for one in office.entry.services if one.name == "socks"]
    assert "CONNECT api.corp.test:80 open" in office.call(lambda: process.stdout)


def test_curl_through_the_http_proxy(office: Bridge, tmp_path: Path) -> None:
    proxy = at(office, "proxy")
    assert run(f"curl -sS --noproxy none --proxy http://{proxy} http://api.corp.test/") == "api"
    ca = tmp_path / "ca.pem"
    ca.write_text(office.network.authority.pem())
    ask = f"curl -sS --noproxy none --proxy http://{proxy} --cacert CA https://web.corp.test/"
    assert run(ask, CA=str(ca)) == "a secret\n"


def test_https_at_its_published_port(office: Bridge) -> None:
    context = ssl.create_default_context(cadata=office.network.authority.pem())
    with (
        connect(office.endpoint("web", 443)) as plain,
        context.wrap_socket(plain, server_hostname="web.corp.test") as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\nHost: web.corp.test\r\nConnection: close\r\n\r\n")
        assert receive(client, 10_000).endswith(b"a secret\n")


@pytest.mark.parametrize("way", ["+notcp", "+tcp"])
def test_dig(office: Bridge, way: str) -> None:
    address, port = office.ports["dns"]
    assert run(f"dig @{address} -p {port} {way} +short api.corp.test") == "web.corp.test.\n10.0.1.80\n"


def alive(bridge: Bridge) -> None:
    """The network's thread answers, and the web server serves."""
    assert bridge.call(lambda: 1) == 1
    with connect(bridge.endpoint("web", 7)) as client:
        client.sendall(b"hello")
        assert receive(client, 5) == b"hello"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["socks", "proxy", "dns", "http", "https", "echo"])
def test_garbage_and_clients_that_are_half_there(office: Bridge, name: str) -> None:
    chance = random.Random(name)
    inside = {"http": 80, "https": 443, "echo": 7}
    where = office.endpoint("web", inside[name]) if name in inside else office.ports[name]
    silent = [connect(where) for _ in range(20)]
    for number in range(100):
        with connect(where) as client, contextlib.suppress(ConnectionError):
            client.sendall(chance.randbytes(chance.choice((1, 2, 3, 10, 100, 3000))))
            if number % 3 == 0:
                client.shutdown(socket.SHUT_WR)
            if number % 4 == 0:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    alive(office)
    for client in silent:
        client.close()
    alive(office)


@pytest.mark.slow
def test_socks_that_is_almost_right(office: Bridge) -> None:
    """Some thousand short connections of which each has something wrong."""
    chance = random.Random(5)
    right = b"\5\1\0" + b"\5\1\0\3\x0bapi.corp.test\0\x50" + b"GET / HTTP/1.0\r\n\r\n"
    for _ in range(3000):
        wrong = bytearray(right[: chance.randrange(1, len(right) + 1)])
        for _ in range(chance.randrange(4)):
            wrong[chance.randrange(len(wrong))] = chance.randrange(256)
        with connect(office.ports["socks"]) as client, contextlib.suppress(ConnectionError):
            client.sendall(wrong)
    alive(office)
    (process,) = [one for one in office.entry.services if one.name == "socks"]
    assert not office.call(lambda: process.done)
    assert "Traceback" not in office.call(lambda: process.stderr)


def test_datagrams_that_are_no_questions(office: Bridge) -> None:
    chance = random.Random(6)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for size in (0, 1, 11, 12, 13, 100, 512, 9000, 65_507) * 20:
            client.sendto(chance.randbytes(size), office.ports["dns"])
    alive(office)


@pytest.mark.slow
def test_clients_that_never_read(office: Bridge) -> None:
    where = office.endpoint("web", 80)
    clients = [connect(where) for _ in range(20)]
    for client in clients:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: web\r\n\r\n")
    alive(office)
    for client in clients:
        client.close()
    alive(office)


# -- the doors themselves


def test_one_who_is_always_ready_does_not_keep_others_out() -> None:
    doors = Doors()
    pairs = [socket.socketpair() for _ in range(600)]
    served: set[socket.socket] = set()
    for inside, outside in pairs:
        outside.send(b"x")
        doors.watch(inside, READ, lambda _, inside=inside: served.add(inside))  # type: ignore[misc]
    for _ in range(3):
        doors.readable()
    assert len(served) == 600
    doors.close()
    for inside, outside in pairs:
        inside.close()
        outside.close()


def test_one_of_which_nothing_is_awaited_is_asked_now_and_then() -> None:
    doors = Doors()
    events: list[int] = []
    inside, outside = socket.socketpair()
    doors.watch(inside, READ, events.append)
    doors.watch(inside, 0, events.append)
    outside.send(b"x")
    doors.readable()
    assert events == []
    doors.look()
    assert events == [0]
    doors.watch(inside, READ, events.append)
    doors.look()
    doors.readable()
    assert events == [0, READ]
    assert len(doors) == 1
    doors.forget(inside)
    doors.readable()
    assert (events, len(doors)) == ([0, READ], 0)
    doors.close()
    inside.close()
    outside.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is set by a call of Linux")
def test_no_descriptor_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes then waits, and costs nothing until the next look."""

    class Full:
        """A listener that cannot be accepted at."""

        def __init__(self, listener: socket.socket) -> None:
            self.full = True
            self.listener = listener
            self.calls = 0

        def fileno(self) -> int:
            return self.listener.fileno()

        def accept(self) -> object:
            self.calls += 1
            if self.full:
                raise OSError(errno.EMFILE, "Too many open files")
            return self.listener.accept()

        def close(self) -> None:
            self.listener.close()

    doors = Doors()
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        full = Full(listener)
        entrance = Entrance(doors, full, taken.append)  # type: ignore[arg-type]
        with connect(listener.getsockname()):
            deadline = time.monotonic() + PATIENCE
            while not full.calls:
                assert time.monotonic() < deadline
                doors.readable()
            for _ in range(10):
                doors.readable()
            assert full.calls == 1
            full.full = False
            doors.look()
            doors.readable()
            assert len(taken) == 1
            taken[0].close()
        entrance.close()
    doors.close()
