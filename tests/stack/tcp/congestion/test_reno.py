from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.stack.tcp.congestion.base import Flow, slow_start
from sim.stack.tcp.congestion.reno import Reno

if TYPE_CHECKING:
    from tests.stack.tcp.congestion.conftest import Rounds


def test_slow_start_doubles_the_window_each_round_trip(rounds: type[Rounds]) -> None:
    path = rounds(Reno)
    assert [path.run(1) for _ in range(4)] == [20, 40, 80, 160]


def test_congestion_avoidance_adds_a_segment_each_round_trip(rounds: type[Rounds]) -> None:
    path = rounds(Reno)
    path.flow.ssthresh = 10
    assert [path.run(1) for _ in range(30)] == list(range(11, 41))


def test_slow_start_ends_exactly_at_the_threshold(rounds: type[Rounds]) -> None:
    path = rounds(Reno)
    path.flow.ssthresh = 35
    assert [path.run(1) for _ in range(4)] == [20, 35, 36, 37]  # 5 ACKs of the second round already count for the 36th


@pytest.mark.parametrize(("cwnd", "acked", "left"), [(10, 5, 0), (10, 10, 0), (18, 5, 3), (20, 5, 5)])
def test_what_slow_start_leaves(cwnd: int, acked: int, left: int) -> None:
    flow = Flow()
    flow.cwnd, flow.ssthresh = cwnd, 20
    assert slow_start(flow, acked) == left
    assert flow.cwnd == min(cwnd + acked, 20)


@pytest.mark.parametrize(("window", "half"), [(40, 20), (41, 20), (4, 2), (3, 2), (1, 2)])
def test_a_loss_halves_the_window_down_to_two_segments(rounds: type[Rounds], window: int, half: int) -> None:
    path = rounds(Reno)
    path.flow.cwnd = window
    assert path.lose() == half


def test_acks_from_before_a_loss_do_not_count_after_it(rounds: type[Rounds]) -> None:
    path = rounds(Reno)
    path.flow.ssthresh = 10
    path.control.on_ack(9)
    assert path.lose() == 5
    path.control.on_ack(4)
    assert path.flow.cwnd == 5
    path.control.on_ack(1)
    assert path.flow.cwnd == 6


def test_undo_restores_the_window_before_the_loss(rounds: type[Rounds]) -> None:
    path = rounds(Reno)
    path.flow.cwnd = 30
    path.lose()
    assert path.undo() == 30
