from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.links.queues.discipline import Waiting
from sim.links.queues.token_bucket import TOO_LONG, TokenBucket, TokenBucketQueue

if TYPE_CHECKING:
    from tests.links.conftest import Bench

MS = 1_000_000


def test_a_burst_goes_at_once_and_the_rest_at_the_rate(bench: Callable[..., Bench]) -> None:
    network = bench(TokenBucket(rate=1_000_000, burst=3000), delay=7)
    for _ in range(6):
        network.a.port.send(bytes(1000))
    network.engine.run()
    assert [time - 7 for time, _ in network.b.frames] == [0, 0, 0, 8 * MS, 16 * MS, 24 * MS]
    assert list(network.recorder.starts) == [0, 0, 0, 8 * MS, 16 * MS, 24 * MS]


def test_to_the_nanosecond(bench: Callable[..., Bench]) -> None:
    """At 3 bit/s a byte takes 8/3 s: each frame leaves in the first whole nanosecond in which its tokens are there."""
    network = bench(TokenBucket(rate=3, burst=2))
    for _ in range(5):
        network.a.port.send(b"x")
    network.engine.run()
    assert [time for time, _ in network.b.frames] == [0, 0, 2_666_666_667, 5_333_333_334, 8_000_000_000]


def test_tokens_gather_up_to_the_burst_and_no_further(bench: Callable[..., Bench]) -> None:
    network = bench(TokenBucket(rate=1_000_000, burst=2000))
    for start in (0, 9 * MS, 500 * MS):
        for _ in range(3):
            network.engine.at(start, lambda: network.a.port.send(bytes(1000)))
    network.engine.run()
    # 0: two at once, a third when its tokens are there. 9 ms: 1 ms of tokens. 500 ms: no more than two at once again.
    assert [time // MS for time, _ in network.b.frames] == [0, 0, 8, 16, 24, 32, 500, 500, 508]


def test_the_link_behind_it_has_its_own_speed(bench: Callable[..., Bench]) -> None:
    network = bench(TokenBucket(rate=1_000_000, burst=2000), bandwidth=4_000_000)
    for _ in range(3):
        network.a.port.send(bytes(1000))
    network.engine.run()
    assert [time // MS for time, _ in network.b.frames] == [2, 4, 10]


def test_its_queue_has_the_links_bound(bench: Callable[..., Bench]) -> None:
    network = bench(TokenBucket(rate=1_000_000, burst=1000), queue_frames=2)
    for _ in range(5):
        network.a.port.send(bytes(1000))
    assert network.channel.queued() == 2
    assert network.channel.backlog() == 2000
    network.engine.run()
    assert len(network.b.frames) == 3
    assert network.channel.drops == {"queue full": 2}


def test_a_frame_that_can_never_pass_is_dropped(bench: Callable[..., Bench]) -> None:
    network = bench(TokenBucket(rate=1_000_000, burst=999))
    network.a.port.send(bytes(1000))
    network.a.port.send(bytes(999))
    network.engine.run()
    assert len(network.b.frames) == 1
    assert network.channel.drops == {TOO_LONG: 1}


@given(
    rate=st.integers(1, 10**12),
    burst=st.integers(100, 10_000),
    sends=st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 100)), min_size=1, max_size=30),
)
def test_never_more_than_rate_and_burst_allow(rate: int, burst: int, sends: list[tuple[int, int]]) -> None:
    """In any span of time no more bytes leave than burst + rate * span, and each leaves as soon as it can."""
    queue = TokenBucketQueue(rate, burst)
    now, left = 0, []
    for gap, size in sends:
        now += gap
        queue.enqueue(Waiting(bytes(size), now), now)
        while (waiting := queue.dequeue(now)) is None:
            assert queue.ready(now) > now
            assert queue.dequeue(queue.ready(now) - 1) is None
            now = queue.ready(now)
        left.append((now, waiting.size))
    for first, (start, _) in enumerate(left):
        total = 0
        for time, size in left[first:]:
            total += size
            assert total * 8 * 10**9 <= burst * 8 * 10**9 + rate * (time - start)


def test_numbers_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="above zero"):
        TokenBucket(rate=0, burst=1)
