"""The receive window: Linux's numbers for the first, and a window that opens, closes and never shrinks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.stack.tcp import window
from sim.stack.tcp.block import RECEIVE_BUFFER, RECEIVE_LIMIT
from sim.stack.tcp.sockets import TcpSocket
from sim.wire import ipv4, tcp
from tests.stack.tcp.pair import PORT, Pair, drain

if TYPE_CHECKING:
    from sim.links.port import Port


@pytest.mark.parametrize(
    ("limit", "scale"),
    [
        (0, 0),
        (65_535, 0),
        (65_536, 1),
        (131_070, 1),
        (131_072, 2),
        (6 << 20, 7),  # Linux's tcp_rmem[2] of old
        (15 << 20, 8),
        (1 << 30, 14),
        (1 << 40, 14),  # RFC 7323 2.3: no more than 14
    ],
)
def test_the_scale_lets_the_whole_buffer_be_said(limit: int, scale: int) -> None:
    assert window.scale_for(limit) == scale


def segments(pair: Pair) -> list[tcp.Segment]:
    """Collects what passes the client, parsed."""
    found: list[tcp.Segment] = []

    def look(time: int, port: Port, frame: bytes) -> None:
        if frame[12:14] == b"\x08\x00":
            packet = ipv4.parse(frame[14:])
            found.append(tcp.parse(packet.payload, packet.source, packet.destination))

    pair.a.attach(look)
    return found


def test_the_windows_of_the_handshake_are_linuxs() -> None:
    """64240 in a SYN (44 segments of 1460), 65160 in a SYN,ACK (45 of 1448: the peer's timestamps are known)."""
    pair = Pair()
    seen = segments(pair)
    pair.joined()
    assert [segment.window for segment in seen[:2]] == [64240, 65160]
    assert seen[2].window << 8 in range(64240, 64240 + 256)


def test_a_small_buffer_is_offered_from_the_start() -> None:
    """SO_RCVBUF of 4000 is 8000 bytes, half of them window: two whole segments of 1460."""
    pair = Pair()
    seen = segments(pair)
    pair.joined(lambda one: one.set_receive_buffer(4000))
    assert seen[0].window == 4000 // 1460 * 1460


def fill(pair: Pair, client: TcpSocket, total: int = 1 << 30) -> int:
    """Write until the peer takes no more; how many bytes that were."""
    written = blocked = 0
    while written < total and blocked < 2:
        pair.act(pair.a)
        try:
            written += client.send(bytes(min(65_536, total - written)))
            blocked = 0
        except BlockingIOError:
            blocked += 1
            pair.run(2)
    return written


def test_a_reader_that_sleeps_closes_the_window() -> None:
    """What is held never exceeds the buffer, and the checker has seen that the right edge never moves back."""
    pair = Pair(delay="1ms")
    client, server = pair.joined(lambda one: one.set_receive_buffer(30_000))
    fill(pair, client, 200_000)
    held = server.connection
    assert held is not None
    assert held.receive_window() < held.received_mss
    assert held.inbox.ready.size <= held.receive_buffer
    assert pair.checkers[1].checks > 10


def test_reading_opens_the_window_again() -> None:
    pair = Pair(delay="1ms")
    client, server = pair.joined(lambda one: one.set_receive_buffer(30_000))
    written = fill(pair, client, 200_000)
    got = 0
    for _ in range(200):
        pair.act(pair.b)
        got += len(drain(server))
        pair.run(0.1)
    assert got == written


@pytest.mark.parametrize(("buffer", "total", "size"), [(10_000, 60_000, 50), (70_000, 200_000, 300)])
def test_no_silly_window_is_offered(buffer: int, total: int, size: int) -> None:
    """RFC 9293 3.8.6.2.2: whoever reads little by little does not get small segments; without a scale and with one."""
    pair = Pair(delay="1ms")
    client, server = pair.joined(lambda one: one.set_receive_buffer(buffer))
    seen = segments(pair)
    written = fill(pair, client, total)
    seen.clear()
    got = 0
    while got < written:
        pair.act(pair.b)
        try:
            got += len(server.receive(size))
        except BlockingIOError:
            pair.run(0.5)
        pair.run(0.002)
    assert server.connection is not None
    scale, edge = int(server.connection.rcv_scale), 0
    for segment in seen:
        if segment.source_port == PORT:
            offered = segment.window << scale
            if segment.acknowledgment + offered > edge:
                edge = segment.acknowledgment + offered
                assert edge < 1 << 32, "the seed has to be another: the numbers wrap here"
                assert offered >= 1448
    sizes = [len(segment.payload) for segment in seen if segment.payload]
    assert sum(sizes) >= written - 2 * buffer
    assert sum(sizes) / len(sizes) > 500


@pytest.mark.slow
def test_the_buffer_grows_with_a_fast_reader_up_to_its_limit() -> None:
    """Dynamic right-sizing: a long path needs more than 128 KiB; 15 MiB is all there is."""
    pair = Pair(delay="100ms", checked=False)
    client, server = pair.joined()
    for _ in range(60):
        pair.act(pair.a)
        try:
            while True:
                client.send(bytes(1 << 20))
        except BlockingIOError:
            pass
        pair.run(0.1)
        pair.act(pair.b)
        drain(server)
    assert server.connection is not None
    assert RECEIVE_BUFFER < server.receive_buffer <= RECEIVE_LIMIT
    assert server.connection.rcv_wnd > 500_000


def test_a_locked_buffer_does_not_grow() -> None:
    pair = Pair(delay="50ms", checked=False)
    client, server = pair.joined(lambda one: one.set_receive_buffer(50_000))
    for _ in range(40):
        fill(pair, client, 100_000)
        pair.act(pair.b)
        drain(server)
    assert server.receive_buffer == 100_000
    assert server.connection is not None
    assert server.connection.rcv_wnd <= 100_000


def test_without_scaling_a_window_is_16_bits() -> None:
    """The SYN of a peer that offers no scale; the buffer may grow, what is said may not."""
    pair = Pair()
    client, server = pair.joined()
    assert server.connection is not None
    window.use_scales(server.connection, -1, 8)
    assert (server.connection.snd_scale, server.connection.rcv_scale) == (0, 0)
    assert server.connection.window_clamp <= 65_535
    assert not server.connection.scale_ok
    assert client.connection is not None
    assert window.select(server.connection) <= 65_535
