"""Reno: one segment more per round trip, half the window on a loss (RFC 5681)."""

from __future__ import annotations

from typing import ClassVar

from sim.stack.tcp.congestion.base import CongestionControl, Flow, slow_start


class Reno(CongestionControl):
    """Additive increase, multiplicative decrease."""

    name: ClassVar[str] = "reno"

    def __init__(self, flow: Flow) -> None:
        super().__init__(flow)
        self._acked: int = 0  # segments acknowledged since the window last grew

    def on_ack(self, acked: int) -> None:
        flow = self.flow
        if flow.in_slow_start():
            acked = slow_start(flow, acked)
        self._acked += acked
        if self._acked >= flow.cwnd:  # RFC 5681 3.1: no more than one segment per round trip
            self._acked -= flow.cwnd
            flow.cwnd += 1

    def on_loss(self) -> int:
        self._acked = 0
        return max(self.flow.cwnd // 2, 2)  # RFC 5681 3.1, equation 4
