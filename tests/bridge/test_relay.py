"""Real connections and simulated ones, joined: ends, resets, and who has to wait for whom."""

from __future__ import annotations

import gc
import hashlib
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sim.bridge.relay import MOST_WAITING
from sim.bridge.session import Bridge
from sim.wire.checksum import COMPILED
from tests.bridge.office import (
    PAIR,
    PATIENCE,
    connect,
    host,
    open_bridge,
    receive,
    run_inside,
    start_inside,
    wait,
    was_reset,
)

PORT = 5000
RESET = struct.pack("ii", 1, 0)
SIZE = 20_000_000
compiled = pytest.mark.skipif(not COMPILED, reason="a fifth of it takes the interpreted core as long")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Bridge]:
    """A server that is 0.1 ms away."""
    with open_bridge(tmp_path, PAIR) as bridge:
        yield bridge


def accepting(talk: Callable[[socket.socket], object]) -> Callable[[], object]:
    """A program that accepts one connection at the port, and does something with it."""

    def program() -> object:
        with socket.create_server(("", PORT)) as listener:
            connection, _ = listener.accept()
        with connection:
            return talk(connection)

    return program


def meet(bridge: Bridge, talk: Callable[[socket.socket], object]) -> tuple[socket.socket, Callable[[], object]]:
    """A real connection to a program on the server; and what waits for that to end."""
    result = start_inside(bridge, "server", accepting(talk))
    return connect(bridge.endpoint("server", PORT)), result


def test_the_end_of_the_real_stream_passes_on(pair: Bridge) -> None:
    def talk(connection: socket.socket) -> bytes:
        data = receive(connection, 100)  # to the end
        connection.sendall(data.upper())
        return data

    client, result = meet(pair, talk)
    with client:
        client.sendall(b"that is all")
        client.shutdown(socket.SHUT_WR)
        assert receive(client, 100) == b"THAT IS ALL"
    assert result() == b"that is all"
    wait(pair, lambda: not pair.published.relays)


def test_the_end_of_the_simulated_stream_passes_on(pair: Bridge) -> None:
    def talk(connection: socket.socket) -> bytes:
        connection.sendall(b"that is all")
        connection.shutdown(socket.SHUT_WR)
        return receive(connection, 100)

    client, result = meet(pair, talk)
    with client:
        assert receive(client, 100) == b"that is all"
        client.sendall(b"I see")
        client.shutdown(socket.SHUT_WR)
        assert result() == b"I see"
    wait(pair, lambda: not pair.published.relays)


def test_a_real_reset_passes_on(pair: Bridge) -> None:
    def talk(connection: socket.socket) -> bool:
        connection.sendall(b"x")
        return was_reset(connection)

    client, result = meet(pair, talk)
    assert client.recv(1) == b"x"
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.close()
    assert result() is True


def test_a_simulated_reset_passes_on(pair: Bridge) -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    client, result = meet(pair, talk)
    with client:
        client.sendall(b"x")
        assert was_reset(client)
    result()


def test_a_real_reset_after_the_end_of_its_stream_passes_on(pair: Bridge) -> None:
    """Nothing is awaited of the real socket then."""

    def talk(connection: socket.socket) -> bool:
        assert connection.recv(1) == b""
        event.set()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        polling = select.poll()
        polling.register(connection, 0)
        return bool(polling.poll()[0][1] & select.POLLERR)

    event = threading.Event()
    client, result = meet(pair, talk)
    client.shutdown(socket.SHUT_WR)
    assert event.wait(PATIENCE)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.close()
    assert result() is True


def test_a_simulated_reset_after_the_end_of_its_stream_passes_on(pair: Bridge) -> None:
    def talk(connection: socket.socket) -> None:
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    client, result = meet(pair, talk)
    with client:
        assert client.recv(1) == b""
        client.sendall(b"x")
        result()
        polling = select.poll()
        polling.register(client, 0)
        assert polling.poll(PATIENCE * 1000)[0][1] & select.POLLERR


@pytest.mark.slow
def test_a_connection_that_is_refused_inside_is_reset(pair: Bridge) -> None:
    def listen() -> socket.socket:
        inner = host(pair, "server").socket()
        inner.bind(("", PORT))
        inner.listen()
        return inner  # type: ignore[return-value]

    listener = pair.call(listen)
    where = pair.endpoint("server", PORT)
    pair.step(link={"endpoints": ["pc", "server"], "delay": "100ms"})
    with connect(where) as client:
        wait(pair, lambda: pair.published.relays)
        pair.call(listener.close)  # before the SYN is there
        assert was_reset(client)


def test_no_way_there_is_a_reset(pair: Bridge) -> None:
    where = pair.endpoint("server", 7)
    pair.step(node={"name": "pc", "state": "down"})
    with connect(where) as client:
        assert was_reset(client)
    pair.step(node={"name": "pc", "state": "up"})
    with connect(where) as client:
        client.sendall(b"again")
        assert receive(client, 5) == b"again"


def test_the_power_of_the_entry_fails(pair: Bridge) -> None:
    where = pair.endpoint("server", 7)
    with connect(where) as client, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(PATIENCE)
        asker.connect(pair.endpoint("server", 7, "udp"))
        for side in (client, asker):
            side.sendall(b"hello")
            assert receive(side, 5) == b"hello"
        pair.step(node={"name": "pc", "state": "down"})
        assert was_reset(client)
        pair.step(node={"name": "pc", "state": "up"})
        asker.send(b"again")
        assert asker.recv(100) == b"again"


def test_the_power_of_the_server_fails(pair: Bridge) -> None:
    with connect(pair.endpoint("server", 7)) as client:
        client.sendall(b"hello")
        assert receive(client, 5) == b"hello"
        pair.step(node={"name": "server", "state": "down"})
        wait(pair, lambda: not pair.endpoints)
        pair.step(node={"name": "server", "state": "up"})
        assert pair.endpoint("server", 7)
        client.sendall(b"do you know me?")  # it does not
        assert was_reset(client)


@pytest.mark.slow
def test_a_real_reader_that_does_not_read_stops_the_simulated_writer(pair: Bridge) -> None:
    sent = [0]

    def talk(connection: socket.socket) -> str:
        while sent[0] < SIZE:
            sent[0] += connection.send(bytes(10_000))
        return "all"

    client, result = meet(pair, talk)
    with client:
        wait(pair, lambda: all(len(relay._outwards) >= MOST_WAITING for relay in pair.published.relays))
        stopped = -1
        while stopped != sent[0]:
            stopped = sent[0]
            now = pair.network.now
            wait(pair, lambda now=now: pair.network.now > now + 300_000_000)  # type: ignore[misc]
        (relay,) = pair.published.relays
        assert MOST_WAITING <= len(relay._outwards) < MOST_WAITING + 65_536
        assert len(receive(client, SIZE)) == SIZE
    assert result() == "all"


@pytest.mark.slow
def test_a_simulated_reader_that_does_not_read_stops_the_real_writer(pair: Bridge) -> None:
    reads = threading.Event()

    def talk(connection: socket.socket) -> int:
        while not reads.is_set():
            time.sleep(0.01)
        return len(receive(connection, SIZE))

    client, result = meet(pair, talk)
    with client:
        client.settimeout(0.5)
        sent = 0
        with suppress(TimeoutError):
            while sent < SIZE:
                sent += client.send(bytes(10_000))
        assert sent < SIZE
        (relay,) = pair.published.relays
        assert len(relay._inwards) < MOST_WAITING + 65_536
        reads.set()
        client.settimeout(PATIENCE)
        client.sendall(bytes(SIZE - sent))
        assert result() == SIZE


@pytest.mark.slow
def test_a_reset_while_somebody_does_not_read(pair: Bridge) -> None:
    """What the other side has to say is stuck before the reset."""
    stuck = threading.Event()

    def talk(connection: socket.socket) -> None:
        connection.setblocking(False)
        while pair.published.relays and not stuck.is_set():
            try:
                connection.send(bytes(65536))
            except BlockingIOError:
                time.sleep(0.01)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    client, result = meet(pair, talk)
    with client:
        wait(pair, lambda: any(len(relay._outwards) >= MOST_WAITING for relay in pair.published.relays))
        stuck.set()
        result()
        assert was_reset(client)


@pytest.mark.slow
@pytest.mark.parametrize("inwards", [True, False], ids=["inwards", "outwards"])
@pytest.mark.parametrize("megabytes", [20, pytest.param(100, marks=compiled)])
def test_megabytes_arrive_as_they_are(pair: Bridge, inwards: bool, megabytes: int) -> None:
    data = os.urandom(1_000_000) * megabytes
    digest = hashlib.sha256(data).hexdigest()

    def take(connection: socket.socket) -> str:
        found = hashlib.sha256()
        while more := connection.recv(65536):
            found.update(more)
        return found.hexdigest()

    def give(connection: socket.socket) -> None:
        connection.sendall(data)

    client, result = meet(pair, take if inwards else give)
    with client:
        if inwards:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            assert result() == digest
        else:
            assert take(client) == digest


@pytest.mark.slow
def test_two_hundred_at_once(pair: Bridge) -> None:
    where = pair.endpoint("server", 7)
    clients = [connect(where) for _ in range(200)]
    for number, client in enumerate(clients):
        client.sendall(b"%05d" % number)
    for number, client in enumerate(clients):
        assert receive(client, 5) == b"%05d" % number
    assert pair.call(lambda: len(pair.published.relays)) == 200
    for client in clients:
        client.close()
    wait(pair, lambda: not pair.published.relays)


@pytest.mark.slow
def test_a_collection_of_garbage_in_another_thread_stops_nothing(pair: Bridge) -> None:
    """What a program closes meanwhile is closed: only what the collector itself finds is left alone."""
    where = pair.endpoint("server", 7)
    for _ in range(10):
        with connect(where) as client:
            client.sendall(b"hello")
            assert receive(client, 5) == b"hello"
        gc.collect()
    wait(pair, lambda: not pair.published.relays)


def test_a_program_inside_sees_an_ordinary_client(pair: Bridge) -> None:
    def talk(connection: socket.socket) -> tuple[str, int]:
        peer: tuple[str, int] = connection.getpeername()
        return peer

    client, result = meet(pair, talk)
    with client:
        peer = result()
    assert isinstance(peer, tuple)
    assert peer[0] == "10.0.0.1"
    assert peer[1] > 1023
    assert run_inside(pair, "server", socket.gethostname) == "server"
