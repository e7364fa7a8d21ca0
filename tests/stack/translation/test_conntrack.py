from __future__ import annotations

import random

import pytest

from sim.stack.translation import tcp_states
from sim.stack.translation.conntrack import SECOND, Connection, ConnectionTable, Timeouts
from sim.stack.translation.flows import inverse, make

UDP, TCP, ICMP = 17, 6, 1


def connection(number: int, protocol: int = UDP, state: int = tcp_states.NONE) -> Connection:
    flow = make(protocol, number.to_bytes(4, "big"), b"\0\1", bytes(4), b"\0\2")
    return Connection(flow, inverse(flow), state)


def table(limit: int = 100) -> ConnectionTable:
    return ConnectionTable(Timeouts(), limit)


@pytest.mark.parametrize(
    ("protocol", "state", "timeout"),
    [
        (UDP, tcp_states.NONE, 300),
        (ICMP, tcp_states.NONE, 60),
        (47, tcp_states.NONE, 600),
        (TCP, tcp_states.SYN_SENT, 240),
        (TCP, tcp_states.SYN_RECEIVED, 240),
        (TCP, tcp_states.ESTABLISHED, 7440),
        (TCP, tcp_states.CLOSING, 240),
    ],
)
def test_it_is_gone_when_it_was_silent_for_its_timeout(protocol: int, state: int, timeout: int) -> None:
    """RFC 4787 REQ-5, RFC 5382 REQ-5, RFC 5508 REQ-2."""
    connections, one = table(), connection(1, protocol, state)
    assert connections.add(one, 0)
    assert connections.find(one.reply, timeout * SECOND - 1) is one
    assert connections.find(one.original, timeout * SECOND) is None
    assert len(connections) == 0


def test_a_packet_of_either_side_keeps_it() -> None:
    connections, one = table(), connection(1)
    connections.add(one, 0)
    connections.touch(one, 200 * SECOND, True, 0)
    connections.touch(one, 400 * SECOND, False, 0)
    assert connections.find(one.original, 700 * SECOND - 1) is one


def test_an_established_connection_has_the_long_timeout_and_a_closed_one_the_short() -> None:
    connections, one = table(), connection(1, TCP, tcp_states.SYN_SENT)
    connections.add(one, 0)
    for flags, side in ((0x12, False), (0x10, True)):
        connections.touch(one, 0, side, flags)
    assert one.deadline == 7440 * SECOND
    for flags, side in ((0x11, True), (0x11, False)):
        connections.touch(one, 0, side, flags)
    assert one.deadline == 240 * SECOND


def test_a_full_table_takes_no_more_until_something_ends() -> None:
    connections = table(limit=3)
    for number in range(3):
        assert connections.add(connection(number), number * SECOND)
    assert not connections.add(connection(9), 299 * SECOND)
    assert connections.is_full()
    assert connections.add(connection(9), 300 * SECOND)
    assert len(connections) == 3


def test_flows_of_another_are_not_taken_but_those_of_a_half_one() -> None:
    connections, one = table(), connection(1)
    connections.add(one, 0)
    assert not connections.add(connection(1), 0)
    one.half = True
    newer = connection(1)
    assert connections.add(newer, 0)
    assert connections.find(newer.original, 0) is newer


def test_the_end_of_each_is_told_once() -> None:
    ended: list[Connection] = []
    connections = ConnectionTable(Timeouts(), 1000, ended.append)
    chance = random.Random(3)
    alive: list[Connection] = []
    for step in range(3000):
        now = step * SECOND
        one = connection(step, chance.choice([UDP, ICMP, 47]))
        if connections.add(one, now):
            alive.append(one)
        old = chance.choice(alive)
        if connections.find(old.original, now) is old:
            connections.touch(old, now, chance.random() < 0.5, 0)
    connections.clear()
    assert len(connections) == 0
    assert len(ended) == len(set(map(id, ended))) == len(alive)
    assert connections._by_flow == {}


def test_ten_thousand_connections_cost_no_more_each_than_a_hundred() -> None:
    """Counted in steps, not in time: `expire` looks at one connection of each kind when nothing ends."""
    connections = ConnectionTable(Timeouts(), 20_000)
    for number in range(10_000):
        connections.add(connection(number), 0)
    assert len(connections) == 10_000
    assert len(connections.connections(299 * SECOND)) == 10_000
    connections.expire(300 * SECOND)
    assert len(connections) == 0
