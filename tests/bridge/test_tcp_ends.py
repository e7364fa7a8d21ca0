"""How connections end, and what else each side sees of the other: the kernel and ours exchange their roles in each
test, and see the same."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from select import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP
from typing import TYPE_CHECKING

import pytest

from sim.units import MILLISECOND
from tests.bridge.ends import SIDES, End, Ends, either, other, payload, transfer
from tests.bridge.info import read_all

if TYPE_CHECKING:
    from tests.bridge.conftest import Lab

pytestmark = pytest.mark.root

DATA = payload(3_000_000)


@pytest.fixture
def ends(lab: Lab) -> Iterator[Ends]:
    with Ends(lab) as made:
        yield made


openers = pytest.mark.parametrize("opener", SIDES)


def sees_reset(end: End, number: int = errno.ECONNRESET) -> None:
    """What a program sees of a RST: an error, once; then the end of the stream, and nobody to write to."""
    assert end.poll() == POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP
    assert end.state() == "CLOSED"
    with pytest.raises(OSError, match=os.strerror(number)):
        end.receive()
    assert end.receive() == b""
    with pytest.raises(BrokenPipeError):
        end.send(b"x")
    assert end.poll() == POLLIN | POLLOUT | POLLRDHUP | POLLHUP


# -- RST


@either
def test_a_closed_port_refuses(ends: Ends, side: str) -> None:
    client = ends.new(side)
    with pytest.raises(BlockingIOError):
        client.connect(9)
    ends.reach(client, "CLOSED")
    assert client.poll() == POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP
    assert client.take_error() == errno.ECONNREFUSED
    assert client.take_error() == 0
    assert client.poll() == POLLIN | POLLOUT | POLLRDHUP | POLLHUP


@either
def test_connect_tells_that_it_was_refused(ends: Ends, side: str) -> None:
    client = ends.new(side)
    with pytest.raises(BlockingIOError):
        client.connect(9)
    assert ends.failure(lambda: client.connect(9)) == errno.ECONNREFUSED


@either
def test_a_handshake_is_broken_off(lab: Lab, ends: Ends, side: str) -> None:
    """The SYN+ACK finds nobody: a RST in SYN-RECEIVED. The listener goes on as if nothing had been."""
    listener = ends.listener(other(side))
    client = ends.new(side)
    with suppress(BlockingIOError):
        client.connect(80)
    client.close()
    lab.pass_time(20 * MILLISECOND)
    assert listener.poll() == 0
    ends.connection(side, listener=listener)


@either
@openers
def test_reset_in_established(ends: Ends, opener: str, side: str) -> None:
    victim, peer = ends.pair(opener, side)
    peer.abort()
    ends.reach(victim, "CLOSED")
    sees_reset(victim)


@either
def test_reset_while_data_are_unread(ends: Ends, side: str) -> None:
    """What has come can still be read, and then there is the error."""
    victim, peer = ends.pair("kernel", side)
    peer.send(b"last words")
    ends.lab.until(lambda: victim.poll() & POLLIN)
    peer.abort()
    ends.reach(victim, "CLOSED")
    assert victim.receive() == b"last words"
    sees_reset(victim)


@either
def test_reset_while_data_are_unsent(ends: Ends, side: str) -> None:
    victim, peer = ends.pair("kernel", side)
    with suppress(BlockingIOError):
        while True:
            victim.send(DATA)
            ends.lab.pass_time(MILLISECOND)
    peer.abort()
    ends.reach(victim, "CLOSED")
    sees_reset(victim)


@either
def test_reset_in_fin_wait_1(ends: Ends, side: str) -> None:
    """FIN and RST cross."""
    victim, peer = ends.pair("kernel", side)
    victim.shutdown()
    peer.abort()
    assert victim.state() == "FIN-WAIT-1"
    ends.reach(victim, "CLOSED")
    sees_reset(victim)


@either
def test_reset_in_fin_wait_2(ends: Ends, side: str) -> None:
    victim, peer = ends.pair("kernel", side)
    victim.shutdown()
    ends.reach(victim, "FIN-WAIT-2")
    peer.abort()
    ends.reach(victim, "CLOSED")
    sees_reset(victim)


@either
def test_reset_in_close_wait(ends: Ends, side: str) -> None:
    """Whoever has heard the end of the stream hears no ECONNRESET, but can no longer write."""
    victim, peer = ends.pair("kernel", side)
    peer.shutdown()
    ends.reach(victim, "CLOSE-WAIT")
    peer.abort()
    ends.reach(victim, "CLOSED")
    assert victim.poll() == POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP
    assert victim.receive() == b""
    assert victim.take_error() == errno.EPIPE
    with pytest.raises(BrokenPipeError):
        victim.send(b"x")


@either
def test_reset_in_last_ack(ends: Ends, side: str) -> None:
    """The RST crosses the second FIN."""
    victim, peer = ends.pair("kernel", side)
    peer.shutdown()
    ends.reach(victim, "CLOSE-WAIT")
    ends.reach(peer, "FIN-WAIT-2")
    victim.shutdown()
    assert victim.state() == "LAST-ACK"
    peer.abort()
    ends.reach(victim, "CLOSED")
    assert victim.poll() == POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP
    assert victim.take_error() == errno.ECONNRESET
    assert victim.receive() == b""


@either
def test_close_with_unread_data_resets(ends: Ends, side: str) -> None:
    """RFC 2525 2.17."""
    victim, peer = ends.pair("kernel", side)
    victim.send(b"nobody reads this")
    ends.lab.until(lambda: peer.poll() & POLLIN)
    peer.close()
    ends.reach(victim, "CLOSED")
    sees_reset(victim)


@either
def test_writing_to_one_who_has_closed(ends: Ends, side: str) -> None:
    """The first write goes out and is answered by a RST, the second one fails."""
    victim, peer = ends.pair("kernel", side)
    peer.close()
    ends.reach(victim, "CLOSE-WAIT")
    assert victim.receive() == b""
    assert victim.poll() == POLLIN | POLLOUT | POLLRDHUP
    assert victim.send(b"hello?") == 6
    ends.reach(victim, "CLOSED")
    assert victim.poll() == POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP
    with pytest.raises(BrokenPipeError):
        victim.send(b"hello?")
    assert victim.receive() == b""


@either
def test_a_listener_closes_with_connections_that_nobody_accepted(ends: Ends, side: str) -> None:
    listener = ends.listener(other(side))
    client = ends.new(side)
    with suppress(BlockingIOError):
        client.connect(80)
    ends.lab.until(listener.poll)
    listener.close()
    ends.reach(client, "CLOSED")
    sees_reset(client)


# -- FIN


@either
@openers
def test_half_close(ends: Ends, opener: str, side: str) -> None:
    """One side has said all; megabytes go on the other way."""
    talker, listener = ends.pair(opener, side)
    listener.send(b"the question")
    listener.shutdown()
    ends.reach(listener, "FIN-WAIT-2")
    assert talker.receive(12) == b"the question"
    assert talker.receive() == b""
    assert transfer(ends, talker, listener, DATA) == DATA
    talker.shutdown()
    assert ends.soon(listener.receive) == b""
    ends.reach(talker, "CLOSED")
    with pytest.raises(BrokenPipeError):
        listener.send(b"x")


def test_simultaneous_close(ends: Ends) -> None:
    """The FINs cross: FIN-WAIT-1, CLOSING, TIME-WAIT on both sides."""
    kernel, ours = ends.connection("kernel")
    kernel.shutdown()
    ours.shutdown()
    assert kernel.state() == ours.state() == "FIN-WAIT-1"
    ends.lab.until(lambda: ours.state() == "TIME-WAIT")
    ends.lab.until(lambda: kernel.state() in ("CLOSED", "TIME-WAIT"))
    for end in (kernel, ours):
        assert end.receive() == b""
        assert end.take_error() == 0


def test_simultaneous_open(ends: Ends) -> None:
    """The SYNs cross (RFC 9293 3.5)."""
    kernel, ours = ends.new("kernel"), ends.new("ours")
    kernel.bind(4001)
    ours.bind(4002)
    for end, port in ((kernel, 4002), (ours, 4001)):
        with pytest.raises(BlockingIOError):
            end.connect(port)
    ends.lab.until(lambda: kernel.state() == ours.state() == "ESTABLISHED")
    for talker, listener in ((kernel, ours), (ours, kernel)):
        assert transfer(ends, talker, listener, DATA[:100_000]) == DATA[:100_000]


def test_both_talk_at_the_same_time(ends: Ends) -> None:
    kernel, ours = ends.connection("ours")
    received: dict[End, bytearray] = {kernel: bytearray(), ours: bytearray()}
    sent = dict.fromkeys(received, 0)

    def work() -> bool:
        for end in (kernel, ours):
            with suppress(BlockingIOError):
                while sent[end] < len(DATA):
                    sent[end] += end.send(DATA[sent[end] : sent[end] + 65_536])
            with suppress(BlockingIOError):
                while len(received[end]) < len(DATA):
                    received[end] += end.receive()
        return all(len(got) == len(DATA) for got in received.values())

    ends.lab.until(work)
    assert all(got == DATA for got in received.values())


# -- a reader who does not read


@pytest.mark.slow
@either
def test_zero_window(ends: Ends, side: str) -> None:
    """The reader stops: the writer fills both buffers and probes; the reader goes on, and everything comes."""
    reader = ends.new(side)
    reader.set_receive_buffer(50_000)
    writer = ends.new(other(side))
    listener = ends.listener(other(side))
    reader, writer = ends.connection(side, reader, listener)
    sent = fill(ends, writer)
    assert 50_000 <= sent < len(DATA)
    before = segments_out(writer)
    ends.lab.until(lambda: segments_out(writer) >= before + 2)  # after 200 ms, and after 400 ms more
    assert writer.state() == reader.state() == "ESTABLISHED"
    assert not writer.poll() & POLLOUT
    received = bytearray()
    while len(received) < sent:
        received += ends.soon(reader.receive)
    assert received == DATA[:sent]
    ends.lab.until(lambda: writer.poll() & POLLOUT)
    assert transfer(ends, writer, reader, DATA[:100_000]) == DATA[:100_000]


@pytest.mark.slow
@either
def test_a_reader_of_few_bytes_sees_no_silly_windows(ends: Ends, side: str) -> None:
    """RFC 9293 3.8.6.2: a reader takes 100 bytes at a time, and yet the segments that come are large."""
    reader = ends.new(side)
    reader.set_receive_buffer(20_000)
    reader, writer = ends.connection(side, reader)
    sent = fill(ends, writer)
    before = segments_out(writer)
    received = bytearray()

    def read() -> bool:
        with suppress(BlockingIOError):
            for _ in range(10):
                received.extend(reader.receive(100))
        return len(received) == sent

    ends.lab.until(read)
    assert received == DATA[:sent]
    assert segments_out(writer) - before < sent / 500


def fill(ends: Ends, writer: End) -> int:
    """Write until nothing more is taken; how many bytes were."""
    sent = 0
    idle = 0
    while idle < 100:
        try:
            sent += writer.send(DATA[sent : sent + 65_536])
            idle = 0
        except BlockingIOError:
            idle += 1
        ends.lab.pass_time(MILLISECOND)
    return sent


def segments_out(end: End) -> int:
    """How many it has sent, those without data included."""
    return read_all(end.info())["segs_out"]
