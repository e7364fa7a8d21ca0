"""Two stacks that do not agree, frames that come again, strangers in numbers: every exchange comes to an end."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from contextlib import suppress
from random import Random

import pytest

from sim.links.port import Port
from sim.stack.tcp.connection import Connection
from sim.stack.tcp.sockets import TcpSocket
from sim.units import SECOND
from sim.wire import ipv4, tcp
from tests.stack.tcp.faults import Faults, OldBox
from tests.stack.tcp.pair import CLIENT, PORT, SERVER, Pair, drain
from tests.stack.tcp.programs import Plan, stream
from tests.stack.tcp.test_two_stacks import Conversation


def block(one: TcpSocket) -> Connection:
    assert one.connection is not None
    return one.connection


def hear(pair: Pair, frame: bytes) -> None:
    """Host `b` hears a frame at once."""
    pair.b.stack.receive(pair.b.stack.interfaces[0], frame, pair.net.now, 1)
    pair.check()


def framed(pair: Pair, segment: tcp.Segment, source: bytes = CLIENT) -> bytes:
    packet = ipv4.Packet(source, SERVER, ipv4.PROTOCOL_TCP, tcp.emit(segment, source, SERVER))
    return pair.b.stack.interfaces[0].mac + bytes(6) + b"\x08\x00" + ipv4.emit(packet)


# -- ends that do not agree


@pytest.mark.slow
@pytest.mark.parametrize("ours", [0, 1, -1, 20_000, -20_000, 1 << 20, 1 << 31])
@pytest.mark.parametrize("theirs", [0, -1, 1 << 31])
def test_ends_with_mismatched_numbers_do_not_argue_for_ever(ours: int, theirs: int) -> None:
    """One end has lost count, both send: challenge ACKs are limited (RFC 5961 7), and who hears nothing gives up."""
    pair = Pair(delay="1ms", checked=False)
    client, server = pair.joined()
    tcb = block(client)
    for name, shift in (("rcv", theirs), ("snd", ours)):
        fields = ("rcv_nxt", "rcv_wup", "read_up_to") if name == "rcv" else ("snd_una", "snd_nxt")
        for field in fields:
            setattr(tcb, field, getattr(tcb, field) + shift)
    before = pair.frames
    for host, one in ((pair.a, client), (pair.b, server)):
        pair.act(host)
        one.send(bytes(3000))
    pair.net.run(until=pair.net.now + 1000 * SECOND, budget=50_000)
    assert pair.frames - before < 10_000
    before = pair.frames
    pair.net.run(until=pair.net.now + 3600 * SECOND, budget=50_000)
    assert pair.frames == before
    for host, one in ((pair.a, client), (pair.b, server)):
        pair.act(host)
        one.abort()
    pair.net.run(until=pair.net.now + 3600 * SECOND, budget=50_000)
    assert pair.is_empty()


def test_ends_that_reset_each_other_do_so_once() -> None:
    """A RST is never answered with a RST (RFC 9293 3.5.2)."""
    pair = Pair()
    client, server = pair.joined()
    before = pair.frames
    for host, one in ((pair.a, client), (pair.b, server)):
        pair.act(host)
        one.abort()
    pair.run(600)
    assert pair.frames - before == 2
    assert pair.is_empty()


def test_two_hosts_without_sockets_fall_silent() -> None:
    """Whatever flags a stray segment has, it is answered with one RST at most, and that with nothing."""
    pair = Pair()
    pair.listen(port=1)
    for flags in range(64):
        before = pair.frames
        pair.act(pair.b)
        hear(pair, framed(pair, tcp.Segment(5000, 6000, 77, 88, flags, 1000)))
        pair.run(5)
        assert pair.frames - before == (0 if flags & tcp.RST else 1)


def test_a_peer_that_was_switched_off_is_told_by_a_rst() -> None:
    """RFC 9293 3.5.1: a half-open connection ends with the first segment that the restarted host sees."""
    pair = Pair()
    client, server = pair.joined()
    pair.net.set_power(pair.b, False)
    pair.run(1)
    pair.net.set_power(pair.b, True)
    pair.run(1)
    pair.act(pair.a)
    client.send(b"hello?")
    pair.run(5)
    assert client.state_name() == "CLOSED"
    with pytest.raises(ConnectionResetError):
        client.receive(1)
    assert server.state_name() == "CLOSED"


# -- old duplicates


def test_every_frame_of_a_conversation_may_come_again() -> None:
    """In any order, during TIME-WAIT of the other side and into a new connection between the same ends."""
    pair = Pair(delay="1ms")
    recorded: list[bytes] = []

    def keep(time: int, port: Port, frame: bytes) -> None:
        if frame[12:14] == b"\x08\x00" and frame[26:30] == CLIENT:
            recorded.append(frame)

    pair.a.attach(keep)
    listener = pair.listen()
    for attempt in range(2):
        one = pair.socket(pair.a)
        one.reuse_address = True
        one.bind(CLIENT, 5555)
        with suppress(BlockingIOError):
            one.connect(SERVER, PORT)
        pair.run(0.1)
        server = listener.accept()
        pair.act(pair.a)
        one.send(stream(10_000, attempt))
        pair.run(0.05)
        before, old = pair.frames, list(recorded)
        Random(attempt).shuffle(old)
        for frame in old:
            hear(pair, frame)
        pair.run(0.5)
        assert pair.frames - before <= 2 * len(old)
        pair.act(pair.a)
        one.send(stream(10_000, 9))
        pair.run(1)
        assert drain(server) == stream(10_000, attempt) + stream(10_000, 9)
        pair.act(pair.b)
        server.close()
        pair.run(0.1)
        pair.act(pair.a)
        one.close()
        pair.run(0.1)
    for frame in list(recorded):
        hear(pair, frame)
    pair.run(200)
    pair.act(pair.b)
    listener.close()
    pair.run(200)
    assert pair.is_empty()


# -- numbers


@pytest.mark.parametrize("backlog", [0, 1, 5, 30])
def test_a_syn_flood_is_bounded_by_the_backlog(backlog: int) -> None:
    """Half-open connections are at most backlog + 1; they are forgotten after five retries."""
    pair = Pair(delay="1ms")
    pair.listen(backlog=backlog)
    for n in range(1000):
        hear(pair, framed(pair, tcp.Segment(1024 + n, PORT, n * 1000, 0, tcp.SYN, 1000), bytes((10, 0, 0, 77))))
    assert 1 <= len(pair.b.stack.tcp.connections) <= backlog + 1
    pair.run(200)
    assert not pair.b.stack.tcp.connections
    client = pair.connect()
    pair.run(2)
    assert client.state_name() == "ESTABLISHED"


def test_who_never_accepts_holds_a_backlog_of_connections() -> None:
    """The accept queue is full at backlog + 1; who is not in it keeps trying, and gets in once there is room."""
    pair = Pair(delay="1ms", checked=False)
    listener = pair.listen(backlog=3)
    clients = [pair.connect() for _ in range(16)]
    pair.run(3)
    assert len(listener.accepted) == 4
    assert len(pair.b.stack.tcp.connections) <= 4 + 4
    for _ in range(40):
        with suppress(BlockingIOError):
            while True:
                listener.accept()
        pair.run(4)
    assert sum(one.state_name() == "ESTABLISHED" for one in clients) == 16


def test_an_ack_storm_dies_down() -> None:
    """Joncheray, 1995: after data forged towards both ends each finds the other's ACK wrong; neither insists."""
    pair = Pair(delay="1ms", checked=False)
    client, server = pair.joined()
    for end in (block(client), block(server)):
        end.rcv_nxt += 100
        end.rcv_wup += 100
        end.read_up_to += 100
    before = pair.frames
    for host, one in ((pair.a, client), (pair.b, server)):
        pair.act(host)
        one.send(b"x")
    pair.net.run(until=pair.net.now + 60 * SECOND, budget=20_000)
    assert pair.frames - before < 200


# -- the same seed


def lossy_digest(seed: int) -> str:
    """What a conversation over a bad network looked like, frame by frame."""
    digest = hashlib.sha256()

    def look(time: int, port: Port, frame: bytes) -> None:
        digest.update(f"{time} {port.name} ".encode() + frame)

    faults = Faults([], (0.05, 0.05, 0.1, 0.02, 0), 400, seed)
    conversation = Conversation(
        Plan(60_000, 5000, salt=1), Plan(60_000, 5000, salt=2), faults, OldBox(), "cubic", False
    )
    conversation.pair.a.attach(look)
    conversation.run()
    assert conversation.is_over()
    return digest.hexdigest()


def test_the_same_seed_gives_the_same_frames() -> None:
    assert lossy_digest(3) == lossy_digest(3)
    assert lossy_digest(3) != lossy_digest(4)


RUN = """
import sim
net = sim.Network(seed=9)
net.host("a", ip="10.0.0.1/24"); net.host("b", ip="10.0.0.2/24")
net.link("a", "b", bandwidth="10Mbps", delay="5ms", jitter="1ms", loss=0.05, duplicate=0.02, reorder=0.1, corrupt=0.01)
server = net["b"].stack.tcp.socket()
server.bind(bytes(4), 80)
server.listen(1)
net["a"].originate("connect")
client = net["a"].stack.tcp.socket()
def write():
    try:
        while client.send(bytes(5000)): pass
    except OSError: pass
client.on_event = write
try: client.connect(bytes((10, 0, 0, 2)), 80)
except BlockingIOError: pass
net.run(until="5s")
print(net.trace.digest(), client.info().hex())
"""


@pytest.mark.slow
def test_another_process_with_another_hash_seed_gives_the_same_digest() -> None:
    outputs = set()
    for hash_seed in ("0", "12345"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", RUN]
        outputs.add(subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stdout)
    assert len(outputs) == 1
    assert len(outputs.pop()) > 64 + 2 * 200
