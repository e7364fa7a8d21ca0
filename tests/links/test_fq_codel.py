"""FQ-CoDel against RFC 8290."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from sim.links.queues.codel import DROPPED, CoDel
from sim.links.queues.discipline import QUEUE_FULL, Waiting
from sim.links.queues.fq_codel import FqCoDel, FqCoDelQueue

if TYPE_CHECKING:
    from tests.links.conftest import Bench

MS = 1_000_000
SECOND = 1000 * MS


def port_of(waiting: Waiting | None) -> int:
    return 0 if waiting is None else int.from_bytes(waiting.frame[34:36], "big")


def fill(queue: FqCoDelQueue, udp: Callable[..., bytes], port: int, size: int, count: int) -> None:
    for _ in range(count):
        queue.enqueue(Waiting(udp(size, port), 0), 0)


def order(queue: FqCoDelQueue, count: int) -> list[int]:
    return [port_of(queue.dequeue(0)) for _ in range(count)]


def test_flows_take_turns(udp: Callable[..., bytes]) -> None:
    queue = FqCoDelQueue(FqCoDel(), 1)
    for port in (1, 2, 3):
        fill(queue, udp, port, 1514, 3)
    assert order(queue, 10) == [1, 2, 3, 1, 2, 3, 1, 2, 3, 0]
    assert (queue.frames, queue.size) == (0, 0)


def test_a_turn_is_a_quantum_of_bytes(udp: Callable[..., bytes]) -> None:
    queue = FqCoDelQueue(FqCoDel(quantum=1000), 1)
    fill(queue, udp, 1, 500, 6)
    fill(queue, udp, 2, 1000, 3)
    assert order(queue, 9) == [1, 1, 2, 1, 1, 2, 1, 1, 2]


def test_credit_that_was_overdrawn_is_paid_back(udp: Callable[..., bytes]) -> None:
    queue = FqCoDelQueue(FqCoDel(quantum=500), 1)
    fill(queue, udp, 1, 1500, 2)
    fill(queue, udp, 2, 500, 6)
    assert order(queue, 8) == [1, 2, 2, 2, 1, 2, 2, 2]


def test_a_new_flow_goes_before_the_old_ones(udp: Callable[..., bytes]) -> None:
    queue = FqCoDelQueue(FqCoDel(), 1)
    fill(queue, udp, 1, 1514, 5)
    fill(queue, udp, 2, 1514, 5)
    assert order(queue, 3) == [1, 2, 1]
    fill(queue, udp, 3, 100, 1)
    assert order(queue, 3) == [3, 2, 1]


def test_a_flow_is_not_new_again_before_its_round_is_over(udp: Callable[..., bytes]) -> None:
    """RFC 8290 4.2: a new flow that runs empty waits its turn among the old ones, or it could starve them."""
    queue = FqCoDelQueue(FqCoDel(), 1)
    for port in (1, 2, 4, 5):
        fill(queue, udp, port, 1514, 3)
    assert order(queue, 4) == [1, 2, 4, 5]
    fill(queue, udp, 3, 100, 1)
    assert order(queue, 2) == [3, 1]
    fill(queue, udp, 3, 100, 1)
    assert order(queue, 4) == [2, 4, 5, 3]


def test_over_the_limit_the_fattest_flow_loses_its_head(udp: Callable[..., bytes]) -> None:
    queue = FqCoDelQueue(FqCoDel(), 1)
    queue.limit_frames = 10
    fill(queue, udp, 1, 1000, 6)
    fill(queue, udp, 2, 100, 4)
    first = queue._flows[queue.bucket(udp(1000, 1))].peek()
    fill(queue, udp, 2, 100, 2)
    assert [(port_of(waiting), waiting.reason) for waiting in queue.dropped] == [(1, QUEUE_FULL)] * 2
    assert queue.dropped[0] is first
    assert (queue.frames, queue.size) == (10, 4 * 1000 + 6 * 100)


def test_a_limit_in_bytes(udp: Callable[..., bytes]) -> None:
    queue = FqCoDelQueue(FqCoDel(), 1)
    queue.limit_bytes = 3000
    fill(queue, udp, 1, 1000, 5)
    assert (queue.frames, queue.size, len(queue.dropped)) == (3, 3000, 2)


def test_flows_are_hashed_evenly_and_salted(udp: Callable[..., bytes]) -> None:
    frames = [udp(100, port) for port in range(1, 3000)]
    one, other = FqCoDelQueue(FqCoDel(), 1), FqCoDelQueue(FqCoDel(), 2)
    counts = Counter(one.bucket(frame) for frame in frames)
    assert set(counts) <= set(range(1024))
    assert len(counts) > 900  # 1024 * (1 - e**-2.93) = 969 are expected
    assert max(counts.values()) < 15
    shared = [(a, b) for a, b in pairwise(frames) if one.bucket(a) == one.bucket(b)]
    assert [pair for pair in shared if other.bucket(pair[0]) == other.bucket(pair[1])] == []
    assert {FqCoDelQueue(FqCoDel(flows=1), 7).bucket(frame) for frame in frames} == {0}


@pytest.mark.parametrize("discipline", [FqCoDel(), CoDel(), None])
def test_a_sparse_flow_beside_two_that_want_everything(
    bench: Callable[..., Bench], discipline: FqCoDel | CoDel | None
) -> None:
    network = bench(discipline, bandwidth=10_000_000, queue_frames=200)
    for port in (1, 2):
        network.flow(port, 1514, MS, until=SECOND)
    network.flow(3, 100, 20 * MS, until=SECOND, start=7 * MS)
    network.engine.run(SECOND)
    delays = network.delays(3, since=SECOND // 2)
    frame_time = 1514 * 800
    if isinstance(discipline, FqCoDel):
        assert len(delays) == 25
        assert max(delays) <= frame_time + 80_000 + 1000  # the frame on the wire, and its own time
    else:
        assert min(delays, default=SECOND) > 20 * MS


def test_flows_share_bytes_not_frames(bench: Callable[..., Bench]) -> None:
    network = bench(FqCoDel(), bandwidth=10_000_000, queue_frames=1000)
    for port, size in ((1, 1514), (2, 700), (3, 200)):
        network.flow(port, size, size * 800, until=SECOND)  # each as fast as the link
    network.engine.run(SECOND)
    carried: Counter[int] = Counter()
    for _, frame in network.b.frames:
        carried[int.from_bytes(frame[34:36], "big")] += len(frame)
    assert sum(carried.values()) == pytest.approx(1_250_000, rel=0.01)
    for port in (1, 2, 3):
        assert carried[port] == pytest.approx(1_250_000 / 3, rel=0.02)
    assert set(network.channel.drops or {}) == {DROPPED, QUEUE_FULL}


def test_codel_watches_each_flow_and_marks(bench: Callable[..., Bench]) -> None:
    network = bench(FqCoDel(), bandwidth=10_000_000, queue_frames=10_000)
    network.flow(1, 1514, MS, until=SECOND, ecn=2)
    network.flow(2, 1514, MS, until=SECOND)
    network.engine.run(SECOND)
    assert network.channel.queue is not None
    assert network.channel.queue.marked > 3
    marked = {int.from_bytes(frame[34:36], "big") for _, frame in network.b.frames if frame[15] == 3}
    dropped = {int.from_bytes(frame[34:36], "big") for frame in network.recorder.frames if frame[15] == 0}
    lost = {network.recorder.frames[network.recorder.row(number)][34:36] for number in network.recorder.lost}
    assert (marked, lost) == ({1}, {b"\0\2"})
    assert dropped == {2}


def test_numbers_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="above zero"):
        FqCoDel(quantum=0)
