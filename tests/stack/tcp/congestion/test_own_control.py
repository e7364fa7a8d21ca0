"""A congestion control as a student writes it: plain Python, a subclass, two methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sim.stack.tcp.congestion.base import CongestionControl, Flow, slow_start
from sim.units import MILLISECOND

if TYPE_CHECKING:
    from tests.stack.tcp.congestion.conftest import FakePath, Rounds


class Aimd(CongestionControl):
    """`gain` segments more per round trip, a `cut` of the window after a loss."""

    name: ClassVar[str] = "aimd"
    gain = 2.0
    cut = 0.25

    def __init__(self, flow: Flow) -> None:
        super().__init__(flow)
        self.window = float(flow.cwnd)

    def on_ack(self, acked: int) -> None:
        if self.flow.in_slow_start():
            acked = slow_start(self.flow, acked)
            self.window = float(self.flow.cwnd)
        self.window += acked * self.gain / self.window
        self.flow.cwnd = int(self.window)

    def on_loss(self) -> int:
        self.window *= 1 - self.cut
        return max(int(self.window), 2)


def test_it_does_what_it_says(rounds: type[Rounds]) -> None:
    path = rounds(Aimd)
    path.flow.ssthresh = 40
    assert [path.run(1) for _ in range(2)] == [20, 40]
    path.run(10)
    assert 58 <= path.window <= 60
    assert path.lose() in (44, 45)


def test_it_keeps_a_bottleneck_busy(fake_path: type[FakePath]) -> None:
    path = fake_path(Aimd, rate=833, rtt=20 * MILLISECOND, buffer=17)
    path.run(10)
    assert path.delivered > 0.97 * 833 * 10
    assert 0 < path.flow.lost < 300
