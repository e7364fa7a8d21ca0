"""Discard, chargen, daytime, time and NTP: on a simulated host and as real processes."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import pytest

import sim
from sim.services import chargen, daytime, discard, ntp_server, time_protocol
from sim.units import SECOND
from tests.services.loopback import served

Ask = Callable[[str, int], bytes]
SINCE_1900 = 2_208_988_800


def in_simulator(serve: Callable[[], None], client: Callable[..., Any], *args: Any, until: int = 0) -> Any:
    """What a program on one host gets from a service of another, 1 ms away."""
    net = sim.Network()
    a, b = net.host("a", "10.0.0.1/24"), net.host("b", "10.0.0.2/24")
    net.link(a, b, delay="1ms", bandwidth="100Mbps")
    service = b.serve(serve)
    if until:
        net.run(until)
    result = a.run(client, "10.0.0.2", *args)
    net.close()
    assert (service.exit_code, service.stderr) == (0, "")
    return result


def by_tcp(host: str, port: int) -> bytes:
    with socket.create_connection((host, port), timeout=20) as connection:
        found = b""
        while data := connection.recv(10_000):
            found += data
        return found


def by_udp(host: str, port: int, data: bytes = b"") -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.settimeout(20)
        own.connect((host, port))
        own.send(data)
        return own.recv(2_000)


def throw_away(host: str, port: int) -> bytes:
    with socket.create_connection((host, port), timeout=20) as connection:
        connection.sendall(bytes(300_000))
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(10)


def some_lines(host: str, port: int) -> bytes:
    with socket.create_connection((host, port), timeout=20) as connection:
        found = b""
        while len(found) < 500_000:
            found += connection.recv(65_536)
        return found[:500_000]


def test_discard() -> None:
    assert in_simulator(discard.serve, throw_away, 9) == b""


def test_chargen_never_ends_and_repeats_its_pattern() -> None:
    found = in_simulator(chargen.serve, some_lines, 19)
    lines = found.split(b"\r\n")
    assert lines[0] == bytes(range(32, 104))
    assert lines[1] == bytes(range(33, 105))
    assert lines[94] == b"~" + bytes(range(32, 103))
    assert lines[95] == lines[0]
    assert {len(line) for line in lines[:-1]} == {72}


def test_chargen_ends_with_its_reader_and_rests_while_nobody_reads() -> None:
    """Otherwise the network would never come to rest."""
    net = sim.Network()
    a, b = net.host("a", "10.0.0.1/24"), net.host("b", "10.0.0.2/24")
    net.link(a, b, delay="1ms", bandwidth="10Mbps")
    b.serve(chargen.serve)
    a.run(some_lines, "10.0.0.2", 19)
    net.run(until=net.now + SECOND)
    frames = net.frame_hops
    net.run(until=net.now + 10 * SECOND)
    assert net.frame_hops <= frames + 4  # ARP looks whether its neighbours are still there


def test_chargen_answers_a_datagram_with_one() -> None:
    answer = in_simulator(chargen.serve, by_udp, 19)
    assert len(answer) <= 512
    assert answer.startswith(bytes(range(32, 104)) + b"\r\n")


def test_two_of_a_kind_do_not_talk_for_ever() -> None:
    """A forged datagram from one server's port to the other's (CERT CA-1996-01)."""
    net = sim.Network()
    a, b = net.host("a", "10.0.0.1/24"), net.host("b", "10.0.0.2/24")
    net.link(a, b, delay="1ms")

    async def forged() -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("0.0.0.0", 19))
        transport.sendto(b"x", ("10.0.0.2", 19))
        transport.close()

    b.serve(chargen.serve)
    a.run(forged)
    a.serve(chargen.serve)
    net.run(until="10s")
    assert net.frame_hops < 10


@pytest.mark.parametrize("client", [by_tcp, by_udp])
def test_daytime(client: Ask) -> None:
    assert in_simulator(daytime.serve, client, 13) == b"Thursday, January 1, 2026 00:00:00-UTC\r\n"
    assert in_simulator(daytime.serve, client, 13, until=90_061 * SECOND)[:44] == (
        b"Friday, January 2, 2026 01:01:01-UTC\r\n"
    )


@pytest.mark.parametrize("client", [by_tcp, by_udp])
def test_time(client: Ask) -> None:
    answer = in_simulator(time_protocol.serve, client, 37, until=5 * SECOND)
    assert int.from_bytes(answer, "big") == SINCE_1900 + 1_767_225_605


# -- NTP


class Sample:
    """What an NTP client makes of an answer (RFC 5905 8), in seconds."""

    def __init__(self, host: str, port: int, clock: Callable[[], float] = time.time, version: int = 4) -> None:
        sent = clock()
        stamp = int((sent + SINCE_1900) * 2**32)
        request = struct.pack("!BBbb11I", version << 3 | 3, 0, 6, -20, *([0] * 9), stamp >> 32 & 0xFFFFFFFF,
                              stamp & 0xFFFFFFFF)  # fmt: skip
        answer = by_udp(host, port, request)
        arrived = clock()
        words = struct.unpack("!BBbb3I4Q", answer[:48])
        self.leap, self.version, self.mode = words[0] >> 6, words[0] >> 3 & 7, words[0] & 7
        self.stratum, self.poll, self.reference = words[1], words[2], words[6].to_bytes(4, "big")
        assert words[8] == stamp & 2**64 - 1
        received, transmitted = (word / 2**32 - SINCE_1900 for word in words[9:])
        self.offset = ((received - sent) + (transmitted - arrived)) / 2
        self.delay = (arrived - sent) - (transmitted - received)


def test_ntp_in_virtual_time() -> None:
    sample = in_simulator(ntp_server.serve, Sample, 123, until=3_600 * SECOND + 123_456_789)
    assert (sample.leap, sample.version, sample.mode, sample.stratum, sample.reference) == (0, 4, 4, 1, b"LOCL")
    assert sample.poll == 6
    assert abs(sample.offset) < 0.005  # the first packet waited for ARP on its way
    assert sample.delay == pytest.approx(0.004, abs=0.0002)


def test_an_ntp_clock_that_is_ahead() -> None:
    def serve() -> None:
        ntp_server.serve(offset=2 * SECOND, stratum=3)

    sample = in_simulator(serve, Sample, 123)
    assert sample.stratum == 3
    assert sample.offset == pytest.approx(2, abs=0.01)


def test_ntp_timestamps_and_eras() -> None:
    assert ntp_server.timestamp(0) == SINCE_1900 << 32
    assert ntp_server.timestamp(500_000_000) == SINCE_1900 << 32 | 1 << 31
    end_of_era_0 = (2**32 - SINCE_1900) * SECOND  # 2036-02-07 06:28:16
    assert ntp_server.timestamp(end_of_era_0 - 1) >> 32 == 2**32 - 1
    assert ntp_server.timestamp(end_of_era_0) == 0


@pytest.mark.parametrize(
    "request_", [b"", bytes(47), b"\x23" * 47, b"\x24" + bytes(47), b"\x03" + bytes(47), b"\x2b" + bytes(47)]
)
def test_what_is_no_ntp_request_gets_no_answer(request_: bytes) -> None:
    assert ntp_server.reply(request_, 0, 0, 1) is None


def test_an_answer_has_the_version_of_its_question() -> None:
    for version in range(1, 5):
        answer = ntp_server.reply(bytes((version << 3 | 3,)) + bytes(60), 0, 0, 1)
        assert answer is not None
        assert (answer[0] >> 3, answer[0] & 7, len(answer)) == (version, 4, 48)


# -- on a real machine


@pytest.mark.slow
def test_they_run_on_a_real_machine() -> None:
    with served("discard") as port:
        assert throw_away("127.0.0.1", port) == b""
    with served("chargen") as port:
        assert some_lines("127.0.0.1", port)[:74] == chargen.line(0)
        assert by_udp("127.0.0.1", port)[:74] == chargen.line(0)
    with served("daytime") as port:
        for client in (by_tcp, by_udp):
            told = time.strptime(client("127.0.0.1", port).decode().strip(), "%A, %B %d, %Y %H:%M:%S-UTC")
            assert abs(time.mktime(told) - time.mktime(time.gmtime())) < 5
    with served("time_protocol") as port:
        assert abs(int.from_bytes(by_tcp("127.0.0.1", port), "big") - SINCE_1900 - time.time()) < 5
    with served("ntp_server", udp=True) as port:
        sample = Sample("127.0.0.1", port)
        assert abs(sample.offset) < 0.5
        assert 0 <= sample.delay < 1
