from __future__ import annotations

import random

import pytest

from sim.stack.tcp.congestion.base import RateSample
from sim.stack.tcp.congestion.path_model import UNIT, PathModel, WindowedMax
from sim.units import MILLISECOND, SECOND


def sample(rate: int = 0, *, rtt: int = 0, sent_at: int = 0, acked: int = 1, limited: bool = False) -> RateSample:
    """A sample of `rate` segments/s, for a segment sent when `sent_at` segments were delivered."""
    made = RateSample()
    if rate:
        made.delivered, made.interval = rate, SECOND
    made.rtt, made.newly_acked, made.prior_delivered, made.app_limited = rtt, acked, sent_at, limited
    return made


def test_the_greatest_of_the_window_is_kept_exactly() -> None:
    draw = random.Random(10)
    window, seen, now = WindowedMax(10), [(0, 0)], 0
    for _ in range(3000):
        now += draw.choice((0, 0, 0, 1, 1, 2, 5, 30))
        value = draw.randint(1, 1000)
        seen = [(at, was) for at, was in seen if at > now - 10] + [(now, value)]
        window.update(value, now)
        assert window.value == max(was for _, was in seen)


def test_the_greatest_rate_of_ten_rounds_is_the_bandwidth() -> None:
    model = PathModel(0)
    model.update(sample(500, sent_at=0), 1, 0)
    for n in range(1, 10):
        model.update(sample(100, sent_at=n), n + 1, n)
        assert model.btlbw() == 500 * UNIT
    model.update(sample(100, sent_at=10), 11, 10)
    assert model.btlbw() == 100 * UNIT


def test_a_round_lasts_until_what_was_sent_in_it_is_acknowledged() -> None:
    model = PathModel(0)
    starts = []
    for delivered, sent_at in [(1, 0), (2, 0), (3, 0), (4, 1), (5, 2), (6, 3), (7, 4), (8, 5)]:
        model.update(sample(sent_at=sent_at), delivered, 0)
        starts.append(model.round_start)
    assert starts == [True, False, False, True, False, False, True, False]
    assert model.round == 3


def test_an_ack_of_nothing_begins_no_round() -> None:
    model = PathModel(0)
    model.update(sample(sent_at=0, acked=0), 0, 0)
    assert not model.round_start


@pytest.mark.parametrize(("rate", "counts"), [(100, False), (500, True), (900, True)])
def test_a_rate_that_the_program_set_counts_only_upwards(rate: int, counts: bool) -> None:
    model = PathModel(0)
    model.update(sample(500, sent_at=0), 1, 0)
    for n in range(1, 30):
        model.update(sample(rate, sent_at=n, limited=True), n + 1, n)
    assert model.btlbw() == (rate if counts else 500) * UNIT


def test_until_a_limit_all_samples_count_as_limited() -> None:
    model = PathModel(0)
    model.limit_until(20)
    assert model.is_limited(sample(100, sent_at=19))
    assert not model.is_limited(sample(100, sent_at=20))


def test_an_invalid_sample_says_nothing() -> None:
    model = PathModel(0)
    model.update(sample(), 1, 0)
    assert (model.btlbw(), model.rtprop, model.bdp()) == (0, 0, 0)


def test_rtprop_is_the_least_rtt_until_it_is_ten_seconds_old() -> None:
    model = PathModel(0)
    ages = []
    for second, rtt in [(1, 30), (2, 20), (3, 25), (11, 20), (12, 21), (13, 40), (14, 22), (22, 23)]:
        model.update(sample(rtt=rtt * MILLISECOND), 1, second * SECOND)
        ages.append((model.rtprop // MILLISECOND, model.expired))
    # The same 20 ms at 11 s renews nothing. At 13 s it is 11 s old.
    assert ages == [
        (30, False),
        (20, False),
        (20, False),
        (20, False),
        (20, False),
        (40, True),
        (22, False),
        (22, False),
    ]


def test_the_bdp() -> None:
    model = PathModel(0)
    model.update(sample(8333, rtt=20 * MILLISECOND), 1, 0)
    assert model.bdp() == pytest.approx(166.66 * 1e6)


def test_the_bdp_of_a_very_fast_and_long_path_does_not_overflow() -> None:
    model = PathModel(0)
    model.update(sample(8_000_000, rtt=10 * SECOND), 1, 0)
    assert model.bdp() == 80_000_000 * 10**6
