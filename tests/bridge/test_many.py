"""Very many connections, one after the other: what is left of them, and where their ports come from."""

from __future__ import annotations

import gc
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.bridge.session import Bridge
from sim.stack.tcp.ports import EPHEMERAL_FIRST, EPHEMERAL_LAST
from sim.userland.sockets import Socket
from sim.wire.checksum import COMPILED
from tests.bridge.office import PAIR, connect, host, open_bridge, receive, wait

MEBIBYTE = 1 << 20

pytestmark = pytest.mark.slow
compiled = pytest.mark.skipif(not COMPILED, reason="a tenth of it takes the interpreted core long enough")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Bridge]:
    with open_bridge(tmp_path, PAIR) as bridge:
        yield bridge


def talk(where: tuple[str, int]) -> None:
    with connect(where) as client:
        client.sendall(b"hello")
        assert receive(client, 5) == b"hello"


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def memory() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what is open")
@pytest.mark.parametrize("count", [2_000, pytest.param(20_000, marks=compiled)])
def test_connections_in_a_row_leave_nothing(pair: Bridge, count: int) -> None:
    """But TIME-WAIT, for a minute: the entry's 16,384 ports at most, each with a kilobyte of memory."""
    where = pair.endpoint("server", 7)
    open_before = memory_before = 0
    for number in range(count):
        talk(where)
        if number == 100:
            gc.collect()
            open_before, memory_before = descriptors(), memory()
    wait(pair, lambda: not pair.published.relays)
    assert descriptors() <= open_before
    assert pair.call(lambda: len(pair.doors)) < 10
    gc.collect()
    waiting = pair.call(lambda: len(host(pair, "pc").stack.tcp.waiting))
    assert memory() - memory_before < 8 * MEBIBYTE + waiting * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells how much memory there is")
def test_memory_does_not_grow(tmp_path: Path) -> None:
    """Once as many connections are forgotten as are made: so fast, TIME-WAIT takes only so long."""
    with open_bridge(tmp_path, PAIR, speed=200.0) as bridge:
        where = bridge.endpoint("server", 7)
        before = 0
        for number in range(2_000):
            talk(where)
            if number == 1_000:
                gc.collect()
                before = len(gc.get_objects())
        wait(bridge, lambda: not bridge.published.relays)
        gc.collect()
        assert len(gc.get_objects()) < before + 1_000


def test_old_ports_are_taken_again(pair: Bridge) -> None:
    """Ten are left to the world, and a connection that is over keeps its own for a minute."""
    left = 10
    where = pair.endpoint("server", 7)

    def take() -> list[Socket]:
        sockets = []
        for _ in range(EPHEMERAL_FIRST, EPHEMERAL_LAST + 1 - left):
            sockets.append(host(pair, "pc").socket(socket.AF_INET, socket.SOCK_STREAM))
            sockets[-1].bind(("", 0))
        return sockets

    taken = pair.call(take)
    for _ in range(3 * left):
        talk(where)
    assert pair.call(lambda: len(host(pair, "pc").stack.tcp.waiting)) <= left
    assert pair.call(lambda: len(taken)) > 16_000


def test_no_port_is_left(pair: Bridge) -> None:
    """All of them are of connections that live: who comes then is told at once."""
    where = pair.endpoint("server", 7)

    def take() -> None:
        for _ in range(EPHEMERAL_FIRST, EPHEMERAL_LAST + 1):
            host(pair, "pc").socket(socket.AF_INET, socket.SOCK_STREAM).bind(("", 0))

    pair.call(take)
    with pytest.raises(ConnectionResetError), connect(where) as client:  # connecting may see it already
        client.recv(1)
