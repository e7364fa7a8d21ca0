"""Clients that mean no good, or know no better, at each way into a bridged network: it goes on, and tells what it can.

What is no protocol at all `test_doors.py` sends.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sim.bridge import loopback, published
from sim.bridge.loopback import BridgeError
from sim.bridge.session import Bridge
from tests.bridge.office import OFFICE, PAIR, connect, host, open_bridge, receive, wait
from tests.bridge.test_associations import associate
from tests.bridge.test_doors import alive

SOCKS = b"\5\1\0" + b"\5\1\0\3\x0dweb.corp.test\0\x50" + b"GET / HTTP/1.0\r\n\r\n"
TUNNEL = b"CONNECT web.corp.test:80 HTTP/1.1\r\nHost: web.corp.test:80\r\n\r\nGET / HTTP/1.0\r\n\r\n"
FETCH = b"POST http://web.corp.test/form HTTP/1.1\r\nHost: web.corp.test\r\nContent-Length: 5\r\n\r\nhello"
QUESTION = b"\0\1\1\0\0\1\0\0\0\0\0\0\3api\4corp\4test\0\0\1\0\1"
ASKED = len(QUESTION).to_bytes(2, "big") + QUESTION
LARGE = b"GET http://web.corp.test/large HTTP/1.1\r\nHost: web.corp.test\r\n\r\n"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Bridge]:
    with open_bridge(tmp_path, OFFICE, enter_at="pc", socks=0, proxy=0, dns=0) as bridge:
        yield bridge


def sound(bridge: Bridge) -> None:
    """It serves, and none of its own programs has ended or complained."""
    alive(bridge)
    for process in [process for name in ("pc", "web", "ns") for process in host(bridge, name).services]:
        assert not process.done
        assert "Traceback" not in process.stderr


def spoilt(chance: random.Random, right: bytes) -> bytes:
    """The beginning of something that is right, with some bytes that are not, or with some of it twice."""
    wrong = bytearray(right[: chance.randrange(1, len(right) + 1)])
    for _ in range(chance.randrange(4)):
        wrong[chance.randrange(len(wrong))] = chance.randrange(256)
    if chance.random() < 0.2:
        start = chance.randrange(len(wrong))
        wrong[start:start] = wrong[start : start + chance.randrange(20)]
    return bytes(wrong)


# -- almost right


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "right"),
    [("socks", SOCKS), ("proxy", TUNNEL), ("proxy", FETCH), ("dns", ASKED)],
    ids=["socks", "tunnel", "fetch", "dns"],
)
def test_what_is_almost_right(office: Bridge, name: str, right: bytes) -> None:
    with connect(office.ports[name]) as client:  # it is right before it is spoilt
        client.sendall(right)
        assert receive(client, 1)
    chance = random.Random(name)
    for number in range(500):
        with connect(office.ports[name]) as client, contextlib.suppress(ConnectionError):
            client.sendall(spoilt(chance, right))
            if number % 3 == 0:
                client.shutdown(socket.SHUT_WR)
    sound(office)
    with connect(office.ports[name]) as client:
        client.sendall(right)
        assert receive(client, 1)


@pytest.mark.slow
def test_datagrams_for_the_proxy_that_are_almost_right(office: Bridge) -> None:
    chance = random.Random(8)
    right = b"\0\0\0\3\x0dweb.corp.test\0\7hello"
    control, at = associate(office.ports["socks"])
    with control, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(at)
        for _ in range(500):
            with contextlib.suppress(BlockingIOError):
                client.send(spoilt(chance, right))
        client.send(b"")
        client.send(bytes(60_000))
        client.settimeout(0.5)
        for _ in range(20):  # any of them may be lost, in what the others have left
            client.send(right)
            with contextlib.suppress(TimeoutError):
                while not (answer := client.recv(1000)).endswith(b"hello"):
                    pass
                break
        assert answer == b"\0\0\0\1\x0a\0\1\x50\0\7hello"
    sound(office)


# -- those who never read


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("socks", SOCKS.replace(b"GET / ", b"GET /large ")),
        ("proxy", TUNNEL.replace(b"GET / ", b"GET /large ")),
        ("proxy", LARGE),
        ("dns", ASKED * 3_000),
    ],
    ids=["socks", "tunnel", "fetch", "dns"],
)
def test_who_never_reads_is_not_waited_for(office: Bridge, name: str, ask: bytes) -> None:
    """Others are served meanwhile. That what waits for them is bounded, `test_relay.py` shows."""
    clients = [connect(office.ports[name]) for _ in range(10)]
    for client in clients:
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            client.send(ask)
    sound(office)
    for client in clients:
        client.close()
    wait(office, lambda: not office.published.relays)
    sound(office)


# -- somebody is there already


def listening(kind: int) -> socket.socket:
    """A real socket at some port, which has it for itself."""
    sock = socket.socket(socket.AF_INET, kind)
    sock.bind(("127.0.0.1", 0))
    if kind == socket.SOCK_STREAM:
        sock.listen()
    return sock


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what is open")
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("socks", socket.SOCK_STREAM),
        ("proxy", socket.SOCK_STREAM),
        ("dns", socket.SOCK_STREAM),
        ("dns", socket.SOCK_DGRAM),
    ],
)
def test_a_port_that_somebody_has(tmp_path: Path, name: str, kind: int) -> None:
    """It is told, and what was opened before is closed again."""
    ways: dict[str, Any] = {"socks": 0, "proxy": 0, "dns": 0, "outward": {("web", 5000): ("127.0.0.1", 9)}}
    with listening(kind) as taken:
        port = taken.getsockname()[1]
        before = sorted(os.listdir("/proc/self/fd"))
        with pytest.raises(BridgeError, match=f"cannot listen on 127.0.0.1, port {port}: Address already in use"):
            open_bridge(tmp_path, OFFICE, **(ways | {name: port}))
        assert sorted(os.listdir("/proc/self/fd")) == before


def test_a_port_that_cannot_be_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are, and it is told what is missing."""
    real = loopback.listen

    def listen(address: str, port: int, kind: int) -> tuple[socket.socket, int]:
        if kind == socket.SOCK_DGRAM:
            raise BridgeError(f"cannot listen on {address}, port {port}: Too many open files")
        return real(address, port, kind)

    monkeypatch.setattr(published, "listen", listen)
    with open_bridge(tmp_path, PAIR) as bridge:
        address, _ = bridge.endpoint("server", 7)
        wait(bridge, lambda: bridge.published.problems)
        with pytest.raises(BridgeError, match="nobody listens on udp port 7 of server; open ports are: server tcp 7"):
            bridge.endpoint("server", 7, "udp", timeout=0.01)
    assert bridge.summary().problems == [f"cannot listen on {address}, port 7: Too many open files"]


@pytest.mark.parametrize("break_off", [socket.socket.close, lambda client: client.shutdown(socket.SHUT_RD)])
def test_who_is_gone_before_anybody_has_looked(tmp_path: Path, break_off: Callable[[socket.socket], None]) -> None:
    """Connections wait in the system's queue until the network runs."""
    bridge = open_bridge(tmp_path, OFFICE, socks=0, proxy=0, dns=0)
    clients = [connect(address) for address in bridge.ports.values()]
    for client in clients:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        break_off(client)
    with bridge:
        sound(bridge)
    for client in clients:
        client.close()
