"""Measurements of throughput: against what the link can do in the simulator, and as real processes on loopback."""

from __future__ import annotations

import json
import socket
import time
from functools import partial
from typing import Any

import pytest

import sim
from sim.lab.nodes import LabHost
from sim.services.throughput.client import Report, measure
from sim.services.throughput.protocol import Count, Plan, ProtocolError
from sim.services.throughput.server import serve
from sim.units import MILLISECOND, SECOND
from tests.services.loopback import served


class Pair:
    def __init__(self, **link: Any) -> None:
        net = self.net = sim.Network(seed=4)
        self.a: LabHost = net.host("a", "10.0.0.1/24")
        self.b: LabHost = net.host("b", "10.0.0.2/24")
        net.link(self.a, self.b, **{"delay": "2ms", "bandwidth": "10Mbps", **link})
        self.service = self.b.serve(serve, name="throughput")

    def measure(self, **plan: Any) -> Report:
        report: Report = self.a.run(partial(measure, "10.0.0.2", **plan))
        self.net.run(until=self.net.now + 2 * SECOND)
        self.net.close()
        assert (self.service.exit_code, self.service.stderr) == (0, "")
        return report


TCP_SHARE = 1448 / 1538  # of a frame on the wire, with preamble and gap; our links count 1514
"""What is left for the program of a full segment."""


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("parallel", [1, 3])
def test_tcp_fills_the_line(reverse: bool, parallel: int) -> None:
    report = Pair().measure(reverse=reverse, parallel=parallel, duration=SECOND)
    assert report.error is None
    assert report.sent == report.received == sum(stream["size"] for stream in report.streams)
    assert 0.93 * TCP_SHARE * 10e6 < (report.throughput or 0) < 10e6
    assert len(report.streams) == parallel


@pytest.mark.parametrize("reverse", [False, True])
def test_tcp_at_a_rate(reverse: bool) -> None:
    report = Pair().measure(reverse=reverse, rate=2_000_000, length=5_000)
    assert report.throughput == pytest.approx(2_000_000, rel=0.03)


@pytest.mark.parametrize("reverse", [False, True])
def test_udp_at_a_rate_loses_nothing(reverse: bool) -> None:
    report = Pair().measure(protocol="udp", reverse=reverse, rate=2_000_000, parallel=2, length=1_000)
    assert (report.error, report.datagrams, report.lost, report.out_of_order) == (None, 500, 0, 0)
    assert report.throughput == pytest.approx(4_000_000, rel=0.01)
    assert (report.jitter or 0) < 1 * MILLISECOND


@pytest.mark.parametrize("reverse", [False, True])
def test_udp_counts_what_is_lost(reverse: bool) -> None:
    report = Pair(loss=0.2).measure(protocol="udp", reverse=reverse, rate=2_000_000)
    assert report.loss == pytest.approx(0.2, abs=0.08)
    assert report.received == (report.datagrams - report.lost) * 1_400


def test_udp_above_the_line() -> None:
    report = Pair(queue=20).measure(protocol="udp", rate=20_000_000)
    assert report.loss == pytest.approx(0.5, abs=0.06)
    assert (report.throughput or 0) < 10e6


def test_reordering_is_counted() -> None:
    report = Pair(reorder=0.1, reorder_delay="20ms").measure(protocol="udp", rate=2_000_000)
    assert report.out_of_order > 5
    assert report.lost == 0


def test_jitter_of_an_even_stream_and_of_an_uneven_one() -> None:
    """RFC 3550 A.8: transit times that alternate by d have a jitter that goes towards d."""
    even, uneven = Count(), Count()
    for number in range(500):
        even.take_datagram(100, number, number * 1_000, number * 1_000 + 77)
        uneven.take_datagram(100, number, number * 1_000, number * 1_000 + 77 + 50 * (number % 2))
    assert even.message()["jitter"] == 0
    assert uneven.message()["jitter"] == 50


@pytest.mark.parametrize(
    "message",
    [
        {"protocol": "sctp"},
        {"duration": 0},
        {"duration": True},
        {"duration": "1"},
        {"duration": 10**18},
        {"parallel": 129},
        {"rate": -1},
        {"protocol": "udp", "length": 27},
        {"protocol": "udp", "length": 65_508},
        {"colour": "red"},
    ],
)
def test_plans_that_are_none(message: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        Plan.of(message)


NONSENSE = [
    b"[]\n",
    b"{}}\n",
    json.dumps({"parallel": 1000}).encode() + b"\n",
    b"STREAM zz 0\n",
    b"STREAM 0011223344556677 0\n",
    b"STREAM 00\n",
    b"x" * 10_000,
    b"{" * 4_000 + b"\n",
    b"{",
]


def test_the_server_refuses_nonsense_and_goes_on() -> None:
    pair = Pair()

    def program() -> list[Any]:
        found: list[Any] = []
        for line in NONSENSE:
            with socket.create_connection(("10.0.0.2", 5201), timeout=60) as connection:
                connection.sendall(line)
                connection.shutdown(socket.SHUT_WR)
                try:
                    answer = connection.recv(1000)
                except ConnectionError:
                    answer = b""
                found.append(json.loads(answer)["error"] if answer else "")
        with socket.socket(type=socket.SOCK_DGRAM) as own:
            own.sendto(bytes(100), ("10.0.0.2", 5201))
            own.sendto(b"x", ("10.0.0.2", 5201))
        return found

    def hang_up() -> float:
        """Ask for an hour of datagrams, and go."""
        begun = time.monotonic()
        with socket.create_connection(("10.0.0.2", 5201), timeout=60) as connection:
            connection.sendall(json.dumps({"duration": 3_600 * SECOND, "reverse": True}).encode() + b"\n")
            connection.recv(1000)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1000)
        return time.monotonic() - begun

    assert pair.a.run(hang_up) < 1
    said = pair.a.run(program)
    assert said[:3] == ["not a message", "not a message", "that is too much"]
    assert pair.measure(duration=100 * MILLISECOND).error is None


def test_errors_by_name() -> None:
    pair = Pair()
    assert pair.a.run(partial(measure, "10.0.0.2", 99)).error == "connection refused"
    assert pair.a.run(partial(measure, "nobody")).error == "name not known"
    pair.net.partition([["a"], ["b"]])
    assert pair.a.run(partial(measure, "10.0.0.2")).error == "timeout"


@pytest.mark.slow
def test_runs_on_a_real_machine() -> None:
    with served("throughput.server") as port:
        for reverse in (False, True):
            tcp = measure("127.0.0.1", port, duration=SECOND // 5, reverse=reverse, parallel=2)
            assert tcp.error is None
            assert tcp.sent == tcp.received > 1_000_000
            udp = measure(
                "127.0.0.1", port, protocol="udp", duration=SECOND // 2, rate=1_000_000, reverse=reverse, parallel=2
            )
            assert udp.error is None
            assert udp.datagrams > 40
            assert udp.lost < udp.datagrams // 2
