"""TIME-WAIT: a minute of memory (RFC 9293 3.6), and what it answers."""

from __future__ import annotations

from contextlib import suppress

import pytest

from sim.links.rules import PASS, Drop, Verdict
from sim.stack.tcp.options import timestamps
from sim.stack.tcp.sockets import TcpSocket
from sim.stack.tcp.time_wait import LENGTH, TimeWait
from sim.units import SECOND
from sim.wire import ipv4, tcp
from tests.stack.tcp.pair import CLIENT, PORT, SERVER, Pair


class Cut:
    """A link that loses everything once it is cut: what the client answers does not provoke a RST."""

    def __init__(self) -> None:
        self.cut = False

    def __call__(self, frame: bytes, time: int) -> Verdict:
        return Drop("cut") if self.cut else PASS


@pytest.fixture
def pair() -> Pair:
    """A connection has come and gone, the client closed first; then the link was cut."""
    cut = Cut()
    pair = Pair(rules=[cut])
    client, server = pair.joined()
    pair.act(pair.a)
    client.close()
    pair.run(0.1)
    pair.act(pair.b)
    server.close()
    pair.run(0.1)
    cut.cut = True
    return pair


def waiting(pair: Pair) -> TimeWait:
    (wait,) = pair.a.stack.tcp.waiting.values()
    return wait


def tell(pair: Pair, flags: int, seq: int = 0, ack: int = 0, data: bytes = b"", value: int | None = None) -> int:
    """A segment from the server's side, numbered from what the client expects; how many frames that made."""
    wait = waiting(pair)
    clock = int(wait.ts_recent) + 1000 if value is None else value
    segment = tcp.Segment(
        PORT,
        wait.local_port,
        int(wait.rcv_nxt + seq) & 0xFFFFFFFF,
        int(wait.snd_nxt + ack) & 0xFFFFFFFF,
        flags,
        1000,
        options=timestamps(clock, 0),
        payload=data,
    )
    packet = ipv4.Packet(SERVER, CLIENT, ipv4.PROTOCOL_TCP, tcp.emit(segment, SERVER, CLIENT))
    before = pair.frames
    interface = pair.a.stack.interfaces[0]
    frame = interface.mac + bytes(6) + b"\x08\x00" + ipv4.emit(packet)
    pair.a.stack.receive(interface, frame, pair.net.now, 1)
    pair.run(0)
    return pair.frames - before


def test_it_lasts_a_minute_and_holds_the_port(pair: Pair) -> None:
    since = waiting(pair).since
    assert LENGTH == 60 * SECOND
    pair.net.run(until=since + LENGTH - 1)
    assert pair.a.stack.tcp.waiting
    pair.net.run(until=since + LENGTH)
    assert pair.is_empty()


def test_who_closes_second_does_not_wait(pair: Pair) -> None:
    assert not pair.b.stack.tcp.waiting
    assert not pair.b.stack.tcp.connections


def test_both_wait_after_a_simultaneous_close() -> None:
    pair = Pair()
    client, server = pair.joined()
    for host, one in ((pair.a, client), (pair.b, server)):
        pair.act(host)
        one.close()
    pair.run(1)
    assert pair.a.stack.tcp.waiting
    assert pair.b.stack.tcp.waiting
    pair.run(61)
    assert pair.is_empty()


def test_a_repeated_fin_is_acknowledged_and_the_wait_begins_again(pair: Pair) -> None:
    """RFC 9293 3.10.7.4, eighth."""
    pair.run(30)
    assert tell(pair, tcp.FIN | tcp.ACK, seq=-1) == 1
    pair.run(45)
    assert pair.a.stack.tcp.waiting
    pair.run(16)
    assert pair.is_empty()


def test_old_acks_are_answered_but_not_too_often(pair: Pair) -> None:
    assert sum(tell(pair, tcp.ACK, seq=-10) for _ in range(20)) == 1
    pair.run(1)
    assert tell(pair, tcp.ACK, seq=-10) == 1


def test_old_data_is_always_answered(pair: Pair) -> None:
    """It is no part of an endless exchange of ACKs: Linux limits it nowhere."""
    assert sum(tell(pair, tcp.ACK, seq=-10, data=b"0123456789") for _ in range(20)) == 20


def test_a_new_syn_may_take_over() -> None:
    """RFC 6191: with a later timestamp, or beyond the old sequence numbers; the listener gets it."""
    pair = Pair()
    listener = pair.listen()
    client = pair.socket(pair.a)
    client.bind(CLIENT, 5555)
    with suppress(BlockingIOError):
        client.connect(SERVER, PORT)
    pair.run(0.1)
    server = listener.accept()
    pair.act(pair.b)
    server.close()
    pair.run(0.1)
    pair.act(pair.a)
    client.close()
    pair.run(0.1)
    assert pair.b.stack.tcp.waiting
    again = pair.socket(pair.a)
    again.bind(CLIENT, 5555)
    with suppress(BlockingIOError):
        again.connect(SERVER, PORT)
    pair.run(0.1)
    assert again.state_name() == "ESTABLISHED"
    assert not pair.b.stack.tcp.waiting
    assert len(pair.b.stack.tcp.connections) == 1


def test_an_old_syn_may_not(pair: Pair) -> None:
    """Neither later numbers nor a later timestamp: an old duplicate, answered with what is expected."""
    old = int(waiting(pair).ts_recent) - 1
    assert tell(pair, tcp.SYN, seq=-100, value=old) == 1
    assert pair.a.stack.tcp.waiting


def test_a_rst_that_fits_ends_the_wait(pair: Pair) -> None:
    """Linux follows RFC 1337's advice only when asked (tcp_rfc1337 = 0)."""
    assert tell(pair, tcp.RST) == 0
    assert not pair.a.stack.tcp.waiting


def test_a_blind_rst_does_not(pair: Pair) -> None:
    for seq in (-5000, -1, 1, 5000):
        assert tell(pair, tcp.RST, seq=seq) == 0
    assert pair.a.stack.tcp.waiting


def test_two_that_wait_do_not_talk_for_ever() -> None:
    """An ACK of the one provokes none of the other."""
    pair = Pair()
    client, server = pair.joined()
    for host, one in ((pair.a, client), (pair.b, server)):
        pair.act(host)
        one.close()
    pair.run(1)
    before = pair.frames
    tell(pair, tcp.ACK | tcp.FIN, seq=-1)
    tell(pair, tcp.ACK, seq=-10, data=b"x")
    pair.run(200)
    assert pair.frames - before <= 4
    assert pair.is_empty()


def test_the_socket_of_a_waiting_connection_is_over() -> None:
    pair = Pair()
    client, server = pair.joined()
    pair.act(pair.a)
    client.shutdown(1)
    pair.run(0.1)
    pair.act(pair.b)
    server.close()
    pair.run(0.1)
    assert client.state_name() == "TIME-WAIT"
    assert client.receive(10) == b""
    with pytest.raises(BrokenPipeError):
        client.send(b"x")
    with pytest.raises(OSError, match="not connected"):
        client.remote()
    fresh: TcpSocket = pair.socket(pair.a)
    with pytest.raises(OSError, match="in use"):
        fresh.bind(CLIENT, client.local()[1])
