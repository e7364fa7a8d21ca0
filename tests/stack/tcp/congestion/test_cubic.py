"""CUBIC against the equations of RFC 9438, computed here in floating point."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from sim.stack.tcp.congestion.cubic import Cubic, cube_root
from sim.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from tests.stack.tcp.congestion.conftest import FakePath, Rounds

C = 0.4


def time_to_return(w_max: float, window: float) -> float:
    """K in seconds, equation 2."""
    return float(((w_max - window) / C) ** (1 / 3))


def as_reno(start: int, prior: int, rounds: float) -> float:
    """W_est in segments so many round trips after the loss, equation 4: alpha is 9/17 up to cwnd_prior, then 1."""
    back = (prior - start) * 17 / 9
    return start + rounds * 9 / 17 if rounds <= back else prior + rounds - back


def after_a_loss(rounds: type[Rounds], window: int, rtt: int, stretch: int = 1) -> Rounds:
    """A path whose window was lost at `window`, with the first loss of its life."""
    path = rounds(Cubic, rtt, stretch)
    path.flow.cwnd = path.flow.ssthresh = window
    path.lose()
    return path


# -- the window


@pytest.mark.parametrize(
    ("rtt", "w_max", "stretch"),
    [(50, 120, 1), (100, 60, 1), (100, 100, 2), (200, 300, 5), (40, 1000, 100), (100, 10_000, 500), (300, 50, 1)],
)
def test_the_window_follows_equations_1_and_4(rounds: type[Rounds], rtt: int, w_max: int, stretch: int) -> None:
    path = after_a_loss(rounds, w_max, rtt * MILLISECOND, stretch)
    start, first = path.seconds, path.window
    k = time_to_return(w_max, first)
    rounds_run = 0
    while path.seconds < start + 1.8 * k:
        path.run(1)
        rounds_run += 1
        t = path.seconds - start
        reno = as_reno(first, w_max, rounds_run)
        expected = max(C * (t - k) ** 3 + w_max, reno)
        grain = rtt / 1000 * 3 * C * (t - k) ** 2  # what a round trip brings
        assert path.window <= max(C * (t + rtt / 1000 - k) ** 3 + w_max, reno, first) + 0.05, t
        if rounds_run > 3:  # the epoch begins with the first ACK, and the window approaches its target by and by
            assert abs(path.window - expected) <= 1.5 + 0.5 * grain, t
    assert rounds_run > 10
    assert path.window > w_max * 1.05


@pytest.mark.parametrize("w_max", [200, 1000, 5000])
def test_the_window_is_back_after_k(rounds: type[Rounds], w_max: int) -> None:
    path = after_a_loss(rounds, w_max, 100 * MILLISECOND, stretch=max(w_max // 20, 1))
    path.run_for(0.9 * time_to_return(w_max, path.window))
    assert w_max * 0.99 < path.window <= w_max
    path.run_for(0.2 * time_to_return(w_max, path.window) + 2)
    assert w_max <= path.window <= w_max * 1.03


def test_growth_does_not_depend_on_how_acks_are_bundled(rounds: type[Rounds]) -> None:
    one, ten = (after_a_loss(rounds, 400, 100 * MILLISECOND, stretch) for stretch in (1, 10))
    for _ in range(60):
        assert abs(one.run(1) - ten.run(1)) <= 2


def test_the_window_grows_by_half_at_most_in_a_round_trip(rounds: type[Rounds]) -> None:
    path = after_a_loss(rounds, 100, SECOND)
    path.run(8)
    for _ in range(6):  # far beyond K the cube would more than double it
        before = path.window
        assert path.run(1) <= before * 1.66  # compounded within the round: each ACK sees a larger window


@pytest.mark.parametrize(("window", "left"), [(100, 70), (10, 7), (1000, 700), (2, 2), (1, 2)])
def test_a_loss_leaves_seven_tenths(rounds: type[Rounds], window: int, left: int) -> None:
    path = rounds(Cubic)
    path.flow.cwnd = window
    assert path.lose() == left


def test_fast_convergence_leaves_room_for_others(rounds: type[Rounds]) -> None:
    path = after_a_loss(rounds, 200, 200 * MILLISECOND)
    path.until(160)
    window = path.window
    path.lose()  # below the last W_max
    w_max = 0.85 * window
    path.run_for(time_to_return(w_max, path.window))
    assert abs(path.window - w_max) <= 1.5


def test_a_loss_above_the_last_w_max_is_the_new_one(rounds: type[Rounds]) -> None:
    path = after_a_loss(rounds, 200, 200 * MILLISECOND)
    path.until(220)
    window = path.window
    path.lose()
    path.run_for(time_to_return(window, path.window))
    assert abs(path.window - window) <= 1.5


def test_a_short_path_grows_as_reno_would(rounds: type[Rounds]) -> None:
    path = after_a_loss(rounds, 34, 10 * MILLISECOND)
    start = path.window
    assert start == 23
    trail = [path.run(1) for _ in range(40)]
    for n, window in enumerate(trail, 1):
        assert abs(window - as_reno(start, 34, n)) <= 1.5, n
    assert trail[-1] - trail[-11] == 10


# -- what is no loss, and what is no time


def test_idle_time_is_no_part_of_the_epoch(rounds: type[Rounds]) -> None:
    idle, busy = (after_a_loss(rounds, 100, 100 * MILLISECOND) for _ in range(2))
    idle.run(20)
    busy.run(20)
    idle.flow.now += 60 * SECOND
    idle.control.on_restart(60 * SECOND)
    assert [idle.run(1) for _ in range(30)] == [busy.run(1) for _ in range(30)]


def test_time_limited_by_the_program_is_no_part_of_the_epoch(rounds: type[Rounds]) -> None:
    lazy, busy = (after_a_loss(rounds, 100, 100 * MILLISECOND) for _ in range(2))
    lazy.run(20)
    busy.run(20)
    lazy.run(300, grows=False)
    for _ in range(30):
        assert abs(lazy.run(1) - busy.run(1)) <= 1


def test_an_undone_loss_leaves_no_trace(rounds: type[Rounds]) -> None:
    wrong, never = (after_a_loss(rounds, 100, 100 * MILLISECOND) for _ in range(2))
    wrong.run(30)
    never.run(30)
    window = wrong.window
    assert wrong.lose() < window
    assert wrong.undo() == window
    wrong.flow.ssthresh = never.flow.ssthresh  # the connection does this
    for _ in range(30):
        assert abs(wrong.run(1) - never.run(1)) <= 1


def test_an_undone_timeout_leaves_no_trace(rounds: type[Rounds]) -> None:
    wrong, never = (after_a_loss(rounds, 100, 100 * MILLISECOND) for _ in range(2))
    wrong.run(30)
    never.run(30)
    wrong.time_out()
    wrong.undo()
    wrong.flow.ssthresh = never.flow.ssthresh
    for _ in range(30):
        assert abs(wrong.run(1) - never.run(1)) <= 1


def test_after_a_timeout_w_max_is_forgotten(rounds: type[Rounds]) -> None:
    path = after_a_loss(rounds, 1000, 100 * MILLISECOND, stretch=10)
    path.time_out()
    assert (path.flow.cwnd, path.flow.ssthresh) == (1, 490)
    path.until(490)
    path.run(10)  # a second
    assert 490 * 1.05**9 < path.window < 490 * 1.055**10  # towards 1000 the cube would have brought 150


# -- without a loss


def test_before_the_first_loss_the_window_grows_by_a_twentieth(rounds: type[Rounds]) -> None:
    path = rounds(Cubic, 20 * MILLISECOND)
    path.flow.cwnd = path.flow.ssthresh = 100
    path.run(14)
    assert 185 <= path.window <= 205  # 1.05**14 is 1.98


def test_slow_start_doubles_until_hystart_ends_it(rounds: type[Rounds]) -> None:
    path = rounds(Cubic, 400 * MILLISECOND)  # its ACKs lie further apart than a train's until the window is 200
    assert [path.run(1) for _ in range(4)] == [20, 40, 80, 160]


def test_a_bottleneck_is_well_used(fake_path: type[FakePath]) -> None:
    path = fake_path(Cubic, rate=833, rtt=20 * MILLISECOND, buffer=17)
    path.run(2)
    before = path.delivered
    path.run(8)
    assert path.delivered - before > 0.97 * 833 * 8


def test_the_same_losses_make_the_same_windows(fake_path: type[FakePath]) -> None:
    def windows() -> list[int]:
        path = fake_path(Cubic, rate=1000, rtt=50 * MILLISECOND, buffer=30)
        draw = random.Random(1)
        path.drops = lambda number: draw.random() < 0.002
        seen: list[int] = []
        path.after_ack = lambda: seen.append(path.flow.cwnd)
        path.run(5)
        return seen

    first = windows()
    assert first == windows()
    assert len(set(first)) > 20


# -- arithmetic


@pytest.mark.parametrize("value", [0, 1, 7, 8, 9, 26, 27, 28, 2**60 - 1, 2**60, 2**63 - 1, 2_097_151**3 - 1])
def test_the_cube_root_is_exact(value: int) -> None:
    root = cube_root(value)
    assert root**3 <= value < (root + 1) ** 3


def test_the_cube_root_is_exact_everywhere() -> None:
    draw = random.Random(9438)
    for _ in range(2000):
        value = draw.getrandbits(draw.randint(1, 63))
        root = cube_root(value)
        assert root**3 <= value < (root + 1) ** 3


@pytest.mark.parametrize("window", [2, 100, 1 << 20, 1 << 30])
def test_nothing_overflows_after_years(rounds: type[Rounds], window: int) -> None:
    path = after_a_loss(rounds, window, 100 * MILLISECOND, stretch=window)
    path.run(1)
    for years in (1, 50):
        path.flow.srtt = years * 365 * 86400 * SECOND  # so far ahead does it look then
        before = path.window
        path.control.on_ack(1)
        assert before <= path.window <= before + 1
