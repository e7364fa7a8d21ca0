"""RED against Floyd and Jacobson 1993."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

import pytest

from sim.links.queues.discipline import MARKED, QUEUE_FULL, Waiting
from sim.links.queues.red import EARLY, FORCED, Red, RedQueue

if TYPE_CHECKING:
    from tests.links.conftest import Bench

MS = 1_000_000
FRAME_TIME = 8 * MS
"""1000 bytes at 1 Mbit/s."""


def red(parameters: Red, seed: int = 1) -> RedQueue:
    queue = RedQueue(parameters, Random(seed))
    queue.bandwidth = 1_000_000
    return queue


@pytest.mark.parametrize(
    ("average", "chance"),
    [(0, 0), (4.99, 0), (5, 0), (10, 0.05), (14, 0.09), (15, 0.1), (22.5, 0.55), (29.999, 0.99994), (30, 1), (99, 1)],
)
def test_the_chance_of_a_drop_by_the_average(average: float, chance: float) -> None:
    queue = red(Red(min=5, max=15, probability=0.1))
    queue.average = average
    assert queue.chance() == pytest.approx(chance, abs=1e-9)


@pytest.mark.parametrize(("average", "chance"), [(14, 0.09), (14.999, 0.09999), (15, 1), (22, 1)])
def test_without_gentle_mode_it_jumps(average: float, chance: float) -> None:
    queue = red(Red(min=5, max=15, probability=0.1, gentle=False))
    queue.average = average
    assert queue.chance() == pytest.approx(chance)


def test_the_average_is_exponentially_weighted() -> None:
    queue = red(Red(min=100, max=300, weight=0.1))
    average = 0.0
    for length in range(40):
        queue.enqueue(Waiting(bytes(1000), 0), 0)
        average += 0.1 * (length - average)
        assert queue.average == pytest.approx(average)


def test_while_the_link_is_idle_the_average_falls() -> None:
    """(1 - weight) to the power of the number of small frames that might have left."""
    queue = red(Red(min=100, max=300, weight=0.1))
    queue.enqueue(Waiting(bytes(1000), 0), 0)
    queue.dequeue(0)
    queue.average = 50.0
    queue.enqueue(Waiting(bytes(1000), 0), FRAME_TIME)  # the transmitter has just become free
    assert queue.average == pytest.approx(45)
    queue.dequeue(FRAME_TIME)
    queue.enqueue(Waiting(bytes(1000), 0), 12 * FRAME_TIME)
    assert queue.average == pytest.approx(45 * 0.9**10)


def test_drops_are_spread_evenly() -> None:
    """The number of frames from one drop to the next is uniform (the paper's method 2).

    On 1 .. 1/pb - 1, since its figure 2 counts a frame before it draws: pb / (1 - pb) for the first.
    """
    queue = red(Red(min=5, max=15, probability=0.2, weight=1e-9), seed=3)
    gaps, last = [], 0
    for number in range(1, 10_001):
        queue.average = 10.0  # pb = 0.1
        queue.enqueue(Waiting(bytes(100), 0), 0)
        if queue.dropped:
            assert queue.dropped[0].reason == EARLY
            queue.dropped.clear()
            gaps.append(number - last)
            last = number
    gaps = gaps[1:]
    assert set(gaps) == set(range(1, 10))
    assert sum(gaps) / len(gaps) == pytest.approx(5, rel=0.03)
    assert all(gaps.count(gap) == pytest.approx(len(gaps) / 9, rel=0.2) for gap in range(1, 10))


def test_forced_drops() -> None:
    queue = red(Red(min=5, max=15, weight=1e-9))
    queue.average = 31.0
    queue.enqueue(Waiting(bytes(100), 0), 0)
    assert [waiting.reason for waiting in queue.dropped] == [FORCED]


def test_the_limit_still_holds() -> None:
    queue = red(Red(min=50, max=150))
    queue.limit_frames = 3
    for _ in range(5):
        queue.enqueue(Waiting(bytes(100), 0), 0)
    assert [waiting.reason for waiting in queue.dropped] == [QUEUE_FULL, QUEUE_FULL]


@pytest.mark.parametrize(("average", "marked", "dropped"), [(29.9, 1, 0), (30.1, 0, 1)])
def test_with_ecn_chance_marks_and_force_drops(
    udp: Callable[..., bytes], average: float, marked: int, dropped: int
) -> None:
    queue = red(Red(min=5, max=15, probability=0.9, weight=1e-9, ecn=True))
    queue.average = average
    queue._count = 1  # the next one is chosen for certain
    queue.enqueue(Waiting(udp(ecn=1), 0), 0)
    assert (queue.marked, len(queue.dropped), queue.frames) == (marked, dropped, 1 - dropped)
    if marked:
        assert queue.dequeue(0).note == MARKED  # type: ignore[union-attr]


def test_it_holds_the_average_between_its_thresholds(bench: Callable[..., Bench]) -> None:
    network = bench(Red(min=10, max=30, probability=0.3, weight=0.02), bandwidth=4_000_000, queue_frames=200)
    network.flow(1, 1000, 1_666_000, until=5_000 * MS)
    network.engine.run(5_000 * MS)
    late = network.delays(1, since=1_000 * MS)
    assert 10 * 2 * MS < sum(late) / len(late) < 30 * 2 * MS
    assert network.channel.drops is not None
    assert set(network.channel.drops) == {EARLY}


def test_the_seed_decides(bench: Callable[..., Bench]) -> None:
    def lost(seed: int) -> list[int]:
        network = bench(Red(weight=0.1), seed, bandwidth=4_000_000)
        network.flow(1, 1000, MS, until=1_000 * MS)
        network.engine.run()
        return list(network.recorder.lost)

    assert lost(1) == lost(1)
    assert lost(1) != lost(2)


@pytest.mark.parametrize(("numbers", "match"), [({"min": 15}, "max above min"), ({"probability": 0}, "at most 1")])
def test_numbers_that_make_no_sense(numbers: dict[str, float], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Red(**numbers)  # type: ignore[arg-type]
