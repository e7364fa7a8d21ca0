from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

import sim
from sim.services import echo
from tests.services.loopback import served

LARGE = bytes(range(256)) * 4000


def by_tcp(host: str, port: int) -> bytes:
    with socket.create_connection((host, port), timeout=60) as connection:
        left, found = memoryview(LARGE), b""
        while left:
            left = left[connection.send(left[:50_000]) :]
            found += connection.recv(50_000)
        connection.shutdown(socket.SHUT_WR)
        while data := connection.recv(50_000):
            found += data
        return found


def by_udp(host: str, port: int) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.settimeout(60)
        own.connect((host, port))
        own.send(b"hello")
        return own.recv(100)


@pytest.mark.parametrize("client", [by_tcp, by_udp])
def test_sends_back_what_comes(client: Callable[[str, int], bytes]) -> None:
    net = sim.Network()
    a, b = net.host("a", "10.0.0.1/24"), net.host("b", "10.0.0.2/24")
    net.link(a, b, delay="1ms", bandwidth="100Mbps")
    service = b.serve(echo.serve)
    assert a.run(client, "10.0.0.2", 7) == (LARGE if client is by_tcp else b"hello")
    net.close()
    assert (service.exit_code, service.stderr) == (0, "")


@pytest.mark.slow
def test_runs_on_a_real_machine() -> None:
    with served("echo") as port:
        assert by_tcp("127.0.0.1", port) == LARGE
        assert by_udp("127.0.0.1", port) == b"hello"
