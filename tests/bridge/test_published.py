"""Ports of simulated hosts on loopback: which are there, and under which number."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.bridge import datagrams, loopback
from sim.bridge.loopback import BridgeError
from sim.bridge.published import Endpoint
from sim.bridge.session import Bridge, Settings
from tests.bridge.office import PAIR, PATIENCE, connect, host, open_bridge, receive, start_inside

PORT = 5000
HIGH = PAIR.replace("echo", "{echo: {port: 7007}}")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Bridge]:
    with open_bridge(tmp_path, HIGH) as bridge:
        yield bridge


class Changes:
    """What has appeared and disappeared."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, bool]] = []
        self._more = threading.Condition()

    def note(self, endpoint: Endpoint, appears: bool) -> None:
        with self._more:
            self.seen.append((f"{endpoint.host} {endpoint.protocol} {endpoint.port}", appears))
            self._more.notify_all()

    def wait_for(self, what: str, appears: bool) -> None:
        with self._more:
            assert self._more.wait_for(lambda: (what, appears) in self.seen, PATIENCE)


def test_ports_appear_when_they_open_and_disappear_when_they_close(tmp_path: Path) -> None:
    def program() -> float:
        time.sleep(1)
        with socket.create_server(("", PORT)) as listener:
            opened = time.monotonic()
            listener.accept()[0].close()
        return opened

    path = tmp_path / "lab.yaml"
    path.write_text(PAIR)
    changes = Changes()
    with Bridge(path, Settings(), speed=20.0, on_change=changes.note) as bridge:
        result = start_inside(bridge, "server", program)
        assert ("server", "tcp", PORT) not in bridge.endpoints
        changes.wait_for(f"server tcp {PORT}", True)
        where = bridge.endpoint("server", PORT)
        with connect(where) as client:
            assert client.recv(1) == b""
        assert result() >= 1
        changes.wait_for(f"server tcp {PORT}", False)
        with pytest.raises(ConnectionRefusedError):
            connect(where)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is one loopback address for all")
def test_a_port_that_can_be_had_is_the_same_outside(pair: Bridge) -> None:
    assert pair.endpoint("server", 7007) == ("127.64.0.2", 7007)
    assert pair.endpoint("server", 7007, "udp") == ("127.64.0.2", 7007)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is one loopback address for all")
def test_a_port_that_is_taken_is_another_one_outside(tmp_path: Path) -> None:
    with socket.create_server(("127.64.0.2", 7007)), open_bridge(tmp_path, HIGH) as bridge:
        assert bridge.endpoint("server", 7007) == ("127.64.0.2", 17007)
    with (
        socket.create_server(("127.64.0.2", 7007)),
        socket.create_server(("127.64.0.2", 17007)),
        open_bridge(tmp_path, HIGH) as bridge,
    ):
        address, port = bridge.endpoint("server", 7007)
        assert address == "127.64.0.2"
        assert port not in (7007, 17007)
        with connect((address, port)) as client:
            client.sendall(b"hello")
            assert receive(client, 5) == b"hello"


@pytest.mark.skipif(sys.platform != "linux", reason="a matter of Linux")
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may have every port")
def test_a_port_that_only_root_may_have_is_another_one_outside(tmp_path: Path) -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if lowest <= 7:
        pytest.skip("everybody may have every port")
    with open_bridge(tmp_path, PAIR) as bridge:
        assert bridge.endpoint("server", 7) == ("127.64.0.2", 10007)


def test_what_listens_to_its_own_host_only_is_not_shown(pair: Bridge) -> None:
    def open_both() -> None:
        for address, port in (("127.0.0.1", PORT), ("10.0.0.2", PORT + 1)):
            inner = host(pair, "server").socket()
            inner.bind((address, port))
            inner.listen()

    pair.call(open_both)
    pair.endpoint("server", PORT + 1)
    assert ("server", "tcp", PORT) not in pair.endpoints


def test_each_udp_client_has_a_port_of_its_own_inside(pair: Bridge) -> None:
    where = pair.endpoint("server", 7007, "udp")
    clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(5)]
    try:
        for number, client in enumerate(clients):
            client.settimeout(PATIENCE)
            client.sendto(b"%d" % number, where)
        for number, client in enumerate(clients):
            assert client.recvfrom(100) == (b"%d" % number, where)
        clients[0].sendto(bytes(9000), where)  # in fragments inside
        assert len(clients[0].recv(10_000)) == 9000
        (door,) = pair.published._datagrams.values()
        assert pair.call(lambda: len(door)) == 5
    finally:
        for client in clients:
            client.close()


def test_udp_clients_that_are_silent_are_forgotten(tmp_path: Path) -> None:
    with (
        open_bridge(tmp_path, HIGH, speed=1000.0) as bridge,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second,
    ):
        where = bridge.endpoint("server", 7007, "udp")
        (door,) = bridge.published._datagrams.values()
        for client in (first, second):
            client.settimeout(PATIENCE)
        first.sendto(b"x", where)
        first.recv(1)
        began = bridge.network.now
        while bridge.call(lambda: bridge.network.now) < began + datagrams.IDLE:
            second.sendto(b"x", where)
            second.recv(1)
        second.sendto(b"x", where)
        second.recv(1)
        assert bridge.call(lambda: len(door)) == 1


def test_a_udp_client_that_is_gone_disturbs_nobody(pair: Bridge) -> None:
    """The answer to it comes back as an ICMP error of the real system."""
    where = pair.endpoint("server", 7007, "udp")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"I am off", where)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        for _ in range(3):
            client.sendto(b"still there?", where)
            assert client.recv(100) == b"still there?"


def test_there_is_a_most_of_udp_clients(pair: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datagrams, "MOST_CLIENTS", 10)
    where = pair.endpoint("server", 7007, "udp")
    for _ in range(30):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE)
            client.sendto(b"x", where)
            client.recv(1)
    (door,) = pair.published._datagrams.values()
    assert pair.call(lambda: len(door)) == 10


def test_a_port_for_both_protocols(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one is taken when the first is free for one of them only."""
    stream, taken, port = loopback.both("127.0.0.1", 0)
    stream.close()
    with taken:
        with pytest.raises(BridgeError, match=f"cannot listen on 127.0.0.1, port {port}: Address already in use"):
            loopback.both("127.0.0.1", port)
        real, asked = loopback.exactly, iter([port, port])
        monkeypatch.setattr(
            loopback, "exactly", lambda address, wanted, kind: real(address, wanted or next(asked, 0), kind)
        )
        stream, datagram, found = loopback.both("127.0.0.1", 0)
        with stream, datagram:
            assert found != port
            assert stream.getsockname() == datagram.getsockname() == ("127.0.0.1", found)
