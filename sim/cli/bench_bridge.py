"""The workload `bridge` of `sim bench`: what the way from a real socket to a simulated one costs, in wall-clock time.

A real client talks over host - switch - host, links without delay or bandwidth. Round trips are of one connection at a
time; so many megabytes go to a simulated program that throws them away, and come from one that never stops; at last
many connections are open at once.
"""

from __future__ import annotations

import socket
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sim.bridge.session import Bridge
from sim.views.text import Line

NAME: Final = "bridge"
TOPOLOGY: Final = """
seed: 1
nodes:
  client: {kind: host, ip: 10.0.0.1/24}
  sw: {kind: switch}
  server: {kind: host, ip: 10.0.0.2/24, services: [echo, discard, chargen]}
links: [[client, sw], [sw, server]]
"""
TRIPS: Final = 1_000
MEGABYTES: Final = 20
CONNECTIONS: Final = 1_000
PATIENCE: Final = 60.0
ECHO: Final = 7
DISCARD: Final = 9
CHARGEN: Final = 19

Address = tuple[str, int]


def measure(scale: float, runs: int) -> dict[str, float]:
    """Medians: milliseconds for a round trip, megabits a second each way, seconds for many connections."""
    trips, size = max(1, round(TRIPS * scale)), max(1, round(MEGABYTES * scale)) * 1_000_000
    many = max(1, round(CONNECTIONS * scale))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.yaml"
        path.write_text(TOPOLOGY, encoding="utf-8")
        with Bridge(path) as bridge:
            echo, discard, chargen = (bridge.endpoint("server", port) for port in (ECHO, DISCARD, CHARGEN))
            udp = bridge.endpoint("server", ECHO, "udp")
            return {
                "tcp_round_trip_ms": _median(runs, lambda: round_trip(socket.SOCK_STREAM, echo, trips)) * 1e3,
                "udp_round_trip_ms": _median(runs, lambda: round_trip(socket.SOCK_DGRAM, udp, trips)) * 1e3,
                "in_mbps": size * 8e-6 / _median(runs, lambda: pour(discard, size)),
                "out_mbps": size * 8e-6 / _median(runs, lambda: draw(chargen, size)),
                "connections": float(many),
                "connections_s": _median(runs, lambda: hold(echo, many)),
            }


def lines(figures: dict[str, float]) -> list[Line]:
    """The figures for people."""
    texts = [
        f"added round trip {figures['tcp_round_trip_ms']:.2f} ms by TCP, {figures['udp_round_trip_ms']:.2f} ms by UDP",
        f"{figures['in_mbps']:.0f} Mbit/s into the network, {figures['out_mbps']:.0f} Mbit/s out of it",
        f"{figures['connections']:.0f} connections at once, each answered, in {figures['connections_s']:.2f} s",
    ]
    return [[(f"{NAME if number == 0 else '':<8} ", "name"), (text, "")] for number, text in enumerate(texts)]


def round_trip(kind: socket.SocketKind, address: Address, trips: int) -> float:
    """The median of so many, in seconds."""
    taken = []
    with socket.socket(socket.AF_INET, kind) as client:
        client.settimeout(PATIENCE)
        client.connect(address)
        for _ in range(trips):
            began = time.perf_counter()
            client.send(b"twenty bytes of data")
            client.recv(20)
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def pour(address: Address, size: int) -> float:
    """Seconds until so many bytes have gone in, and the end of the stream has come back."""
    began = time.perf_counter()
    with socket.create_connection(address, PATIENCE) as client:
        client.sendall(bytes(size))
        client.shutdown(socket.SHUT_WR)
        client.recv(1)
    return time.perf_counter() - began


def draw(address: Address, size: int) -> float:
    """Seconds until so many bytes have come out."""
    began = time.perf_counter()
    with socket.create_connection(address, PATIENCE) as client:
        while size > 0:
            data = client.recv(65_536)
            if not data:
                raise RuntimeError(f"{NAME}: the stream has ended early")
            size -= len(data)
    return time.perf_counter() - began


def hold(address: Address, count: int) -> float:
    """Seconds until so many connections are open, and each has been answered."""
    began = time.perf_counter()
    clients: list[socket.socket] = []
    try:
        for _ in range(count):
            clients.append(socket.create_connection(address, PATIENCE))
            clients[-1].sendall(b"hello")
        if not all(client.recv(5) == b"hello" for client in clients):
            raise RuntimeError(f"{NAME}: not all have got their answer")
        return time.perf_counter() - began
    finally:
        for client in clients:
            client.close()


def _median(runs: int, once: Callable[[], float]) -> float:
    return statistics.median(once() for _ in range(runs))
