"""Chance is judged by numbers: each share against its own binomial spread, four standard deviations wide."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from random import Random

import pytest

from sim.engine.streams import Streams
from sim.links.impairments import (
    BurstLoss,
    Corrupt,
    Duplicate,
    GilbertElliott,
    Impairments,
    Jitter,
    Loss,
    Reorder,
)
from sim.links.rules import PASS, Deliver, Drop, Rule

FRAME = bytes(range(64))
DRAWS = 20_000


def share(rule: Rule, counts: Callable[[object], bool]) -> float:
    return sum(counts(rule(FRAME, time)) for time in range(DRAWS)) / DRAWS


def close(measured: float, expected: float) -> bool:
    return abs(measured - expected) < 4 * sqrt(expected * (1 - expected) / DRAWS)


@pytest.mark.parametrize("probability", [0.01, 0.3])
def test_loss(probability: float) -> None:
    assert close(share(Loss(probability, Random(1)), lambda verdict: isinstance(verdict, Drop)), probability)


def test_certain_and_impossible_loss() -> None:
    assert share(Loss(1.0, Random(1)), lambda verdict: isinstance(verdict, Drop)) == 1
    assert share(Loss(0.0, Random(1)), lambda verdict: isinstance(verdict, Drop)) == 0


def test_bursts_have_the_share_and_the_length_of_the_model() -> None:
    rule = GilbertElliott(0.02, 0.25, 0.0, 1.0, Random(2))
    lost = [isinstance(rule(FRAME, time), Drop) for time in range(200_000)]
    bursts = sum(now and not before for before, now in zip([False, *lost], lost, strict=False))
    assert abs(sum(lost) / len(lost) - 0.02 / 0.27) < 0.005
    assert abs(sum(lost) / bursts - 1 / 0.25) < 0.2


def test_corruption_flips_exactly_one_bit() -> None:
    rule = Corrupt(1.0, Random(3))
    flipped = set()
    for time in range(5000):
        verdict = rule(FRAME, time)
        assert isinstance(verdict, Deliver)
        assert verdict.frame is not None
        difference = int.from_bytes(verdict.frame, "big") ^ int.from_bytes(FRAME, "big")
        assert difference.bit_count() == 1
        flipped.add(difference)
    assert len(flipped) > 500  # of 512: anywhere in the frame


def test_duplicate_and_reorder_shares() -> None:
    assert close(share(Duplicate(0.1, Random(4)), lambda v: isinstance(v, Deliver) and v.copies == 2), 0.1)
    assert close(share(Reorder(0.1, 500, Random(5)), lambda v: isinstance(v, Deliver) and v.after == 500), 0.1)


def test_jitter_spreads_evenly_and_keeps_the_order() -> None:
    rule = Jitter(1000, Random(6))
    arrivals, delays = [], []
    for time in range(0, 2_000_000, 100):
        verdict = rule(FRAME, time)
        assert isinstance(verdict, Deliver)
        arrivals.append(time + verdict.after)
        delays.append(verdict.after)
    assert arrivals == sorted(arrivals)
    assert max(delays) <= 1000
    alone = Jitter(1000, Random(7))
    apart = [verdict.after for time in range(0, 10**9, 10**5) if isinstance(verdict := alone(FRAME, time), Deliver)]
    assert abs(sum(apart) / len(apart) - 500) < 15


def test_each_impairment_and_direction_has_its_own_stream() -> None:
    lossy = Impairments(loss=0.5)
    both = Impairments(loss=0.5, duplicate=0.5, corrupt=0.5, jitter=5, reorder=0.5, burst_loss=BurstLoss(0.1, 0.1))
    alone = lossy.rules(Streams(1), "link/a:eth0")[0]
    beside = both.rules(Streams(1), "link/a:eth0")
    assert len(beside) == 6
    draws = [alone(FRAME, time) is PASS for time in range(100)]
    assert draws == [beside[0](FRAME, time) is PASS for time in range(100)]
    other = lossy.rules(Streams(1), "link/b:eth0")[0]
    assert draws != [other(FRAME, time) is PASS for time in range(100)]


def test_verdicts_refuse_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="before"):
        Deliver(after=-1)
    with pytest.raises(ValueError, match="at least one copy"):
        Deliver(copies=0)
    with pytest.raises(ValueError, match="at least one byte"):
        Deliver(frame=b"")
