"""RFC 6298 with Linux's numbers: its variance counts four deviations, never less than 200 ms."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.stack.tcp.rtt import MAXIMUM_TIMEOUT, MIN_RTT_WINDOW, RttEstimator
from sim.units import MILLISECOND, SECOND


def fed(*samples: int) -> RttEstimator:
    """One sample per round trip of 10 segments."""
    rtt = RttEstimator()
    for n, sample in enumerate(samples):
        rtt.sample(sample * MILLISECOND, n * 10 + 1, n * 10 + 10)
    return rtt


def test_before_the_first_sample_a_second() -> None:
    rtt = RttEstimator()
    assert rtt.timeout == SECOND
    assert rtt.srtt == 0


@pytest.mark.parametrize(("first", "timeout"), [(1, 201), (50, 250), (100, 300), (200, 600), (1000, 3000)])
def test_the_first_sample(first: int, timeout: int) -> None:
    """RFC 6298 2.2: RTO = R + 4 * R/2, but for Linux's floor of 200 ms under the second term."""
    rtt = fed(first)
    assert rtt.srtt == first * MILLISECOND
    assert rtt.timeout == timeout * MILLISECOND


def test_srtt_moves_by_an_eighth() -> None:
    """RFC 6298 2.3, alpha = 1/8."""
    assert fed(100, 180).srtt == 110 * MILLISECOND
    assert fed(100, 20).srtt == 90 * MILLISECOND


def test_the_deviation_moves_by_a_quarter() -> None:
    """RFC 6298 2.3, beta = 1/4: RTTVAR = 3/4 * 500 + 1/4 * |1000 - 3000| = 875 ms, RTO = 1250 + 4 * 875."""
    assert fed(1000, 3000).timeout == 4750 * MILLISECOND


def test_a_steady_path_comes_to_rest_at_srtt_and_200_ms() -> None:
    rtt = fed(*[30] * 200)
    assert rtt.srtt == 30 * MILLISECOND
    assert rtt.timeout == pytest.approx(230 * MILLISECOND, rel=0.01)


def test_a_shorter_round_trip_hardly_lengthens_the_timeout() -> None:
    """Linux counts a deviation downwards for an eighth; by the RFC the RTO would jump to 1.3 s."""
    before = fed(*[800] * 100)
    after = fed(*[800] * 100, 100)
    assert after.timeout <= before.timeout
    assert after.srtt < before.srtt


def test_the_variance_shrinks_once_per_round_trip_only() -> None:
    """By a quarter of the way to the largest deviation of the round; the first round has the largest of all."""
    rtt = RttEstimator()
    rtt.sample(400 * MILLISECOND, 1, 100)
    wide = rtt.variance
    for una in range(2, 102):
        rtt.sample(400 * MILLISECOND, una, 200)
    assert rtt.variance == wide == 800 * MILLISECOND
    for una in range(102, 201):
        rtt.sample(400 * MILLISECOND, una, 300)
    assert rtt.variance == wide
    rtt.sample(400 * MILLISECOND, 201, 300)
    assert rtt.variance == 650 * MILLISECOND


def test_back_off_doubles_up_to_two_minutes() -> None:
    """RFC 6298 5.5; TCP_RTO_MAX."""
    rtt = fed(100)
    seen = []
    for _ in range(12):
        rtt.back_off()
        seen.append(rtt.timeout)
    assert seen[:3] == [600 * MILLISECOND, 1200 * MILLISECOND, 2400 * MILLISECOND]
    assert seen[-1] == MAXIMUM_TIMEOUT == 120 * SECOND


def test_a_sample_ends_the_back_off() -> None:
    """RFC 6298 5 (last paragraph): a measurement brings the RTO back."""
    rtt = fed(100)
    rtt.back_off()
    rtt.back_off()
    rtt.sample(100 * MILLISECOND, 20, 30)
    assert rtt.timeout <= 300 * MILLISECOND


def test_the_minimum_is_the_least_of_five_minutes() -> None:
    rtt = RttEstimator()
    rtt.note_minimum(50 * MILLISECOND, 0)
    rtt.note_minimum(80 * MILLISECOND, SECOND)
    assert rtt.min_rtt == 50 * MILLISECOND
    rtt.note_minimum(40 * MILLISECOND, 2 * SECOND)
    assert rtt.min_rtt == 40 * MILLISECOND
    rtt.note_minimum(90 * MILLISECOND, 2 * SECOND + MIN_RTT_WINDOW)
    assert rtt.min_rtt == 40 * MILLISECOND
    rtt.note_minimum(90 * MILLISECOND, 2 * SECOND + MIN_RTT_WINDOW + 1)
    assert rtt.min_rtt == 90 * MILLISECOND


@given(st.lists(st.integers(0, 200 * SECOND), min_size=1, max_size=60), st.integers(0, 100))
def test_the_timeout_stays_within_its_bounds(samples: list[int], seed: int) -> None:
    rtt, random = RttEstimator(), Random(seed)
    una = 0
    for sample in samples:
        una += random.randrange(0, 20)
        rtt.sample(sample, una, una + random.randrange(0, 20))
        assert max(min(samples), 1) <= rtt.srtt <= max(*samples, 1)
        assert rtt.variance >= 200 * MILLISECOND
        assert rtt.srtt < rtt.timeout <= MAXIMUM_TIMEOUT or rtt.timeout == MAXIMUM_TIMEOUT
