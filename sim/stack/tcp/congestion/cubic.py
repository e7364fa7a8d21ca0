"""CUBIC: the window as a cubic function of the time since the last loss (RFC 9438). The default, as in Linux.

1. Slow start grows the window by what is acknowledged (RFC 5681 3.1) until HyStart or a loss ends it.
2. A loss at window W sets W_max = W and ssthresh = 0.7 W (4.6). If W had not come back to the former W_max, somebody
   else needs room: W_max = 0.85 W (fast convergence, 4.7).
3. With the first ACK in congestion avoidance an epoch begins: K = cbrt((W_max - cwnd) / C), C = 0.4 (equation 2).
4. At every ACK, t into the epoch, the window heads for W_cubic(t + RTT) = C (t + RTT - K)^3 + W_max (equation 1), at
   most half as much again: each acknowledged segment adds (target - cwnd) / cwnd (4.4, 4.5). It rises steeply back
   towards W_max, lingers there, then leaves to search for more.
5. W_est is what Reno would have by now (equation 4), 9/17 of a segment more per round trip, one after it is back where
   the loss was. The window is never smaller: the Reno-friendly region of short paths (4.3).
6. Time in which the program, not the window, limits the flow is no part of t (5.8): idle time, and two round trips
   or more without an ACK that finds the window in full use.
7. After a timeout W_max is forgotten (4.8). If the loss proves to be none, all is put back (4.9).

Where no loss has yet said what W_max is, the window grows by at least a twentieth per round trip, as in Linux.
Times are 1/1024 s and W_max is 1/1024 segments here, so that every product fits 64 bits and no result depends on how
a machine rounds.
"""

from __future__ import annotations

from typing import ClassVar, Final

from mypy_extensions import i64

from sim.stack.tcp.congestion.base import CongestionControl, Flow, slow_start
from sim.stack.tcp.congestion.hystart import HyStart
from sim.units import SECOND

UNIT: Final = 1024  # of a second, and of a segment
NONE: Final = -1  # no epoch has begun
FARTHEST: Final = 1 << 20  # 1/1024 s from K: there the window would be 430 million segments, and the cube 2**60
MAX_ROOT: Final = (1 << 21) - 1  # the cube of the next integer is 2**63


class Cubic(CongestionControl):
    """A cubic window, with HyStart."""

    name: ClassVar[str] = "cubic"

    def __init__(self, flow: Flow) -> None:
        super().__init__(flow)
        self._hystart = HyStart(flow)
        self._w_max: i64 = 0  # 1/1024 segments; 0: no loss yet
        self._origin: i64 = 0  # 1/1024 segments: W_max, or the epoch's first window where that is more
        self._k: i64 = 0  # 1/1024 s
        self._epoch: i64 = NONE  # ns: when it began
        self._prior: i64 = 0  # segments: cwnd_prior, the window at the last loss
        self._w_est: i64 = 0  # segments
        self._w_est_part: i64 = 0  # towards its next one, in 1/17 segments times the window
        self._part: i64 = 0  # towards the window's next segment, in 1/1024 segments times the window
        self._last: i64 = 0  # ns: the last ACK that found the window in full use
        self._saved: tuple[i64, i64, i64, i64, i64, i64] = (0, 0, 0, NONE, 0, 0)  # what a loss may have spoilt

    def on_rtt(self, rtt: int) -> None:
        self._hystart.on_rtt(rtt)

    def on_ack(self, acked: int) -> None:
        flow = self.flow
        segments: i64 = acked
        gap = flow.now - self._last
        self._last = flow.now
        if flow.in_slow_start():
            segments = slow_start(flow, acked)
            if segments == 0:
                return
        if self._epoch == NONE:
            self._begin_epoch()
        elif gap > 2 * flow.srtt:
            self._epoch += gap
        window: i64 = flow.cwnd
        self._part += segments * self._missing()
        self._w_est_part += segments * (9 if self._w_est < self._prior else 17)
        grown: i64 = self._part // (window * UNIT)
        self._part -= grown * window * UNIT
        reno_grown: i64 = self._w_est_part // (window * 17)
        self._w_est_part -= reno_grown * window * 17
        self._w_est += reno_grown
        flow.cwnd = max(window + grown, self._w_est)

    def on_loss(self) -> int:
        window = self.flow.cwnd
        self._saved = (self._w_max, self._origin, self._k, self._epoch, self._prior, self._w_est)
        self._w_max = window * UNIT * 17 // 20 if window * UNIT < self._w_max else window * UNIT
        self._prior = window
        self._epoch = NONE
        return max(window * 7 // 10, 2)

    def on_timeout(self) -> None:
        self._w_max = 0
        self._epoch = NONE
        self._hystart.reset()

    def on_restart(self, idle: int) -> None:
        if self._epoch != NONE:
            self._epoch += idle
        self._last += idle

    def undo(self) -> int:
        self._w_max, self._origin, self._k, self._epoch, self._prior, self._w_est = self._saved
        return max(self.flow.cwnd, self.flow.prior_cwnd)

    def _begin_epoch(self) -> None:
        flow = self.flow
        window = flow.cwnd * UNIT
        self._epoch = flow.now
        self._origin = max(self._w_max, window)
        self._k = cube_root((self._origin - window) * 5 // 2 * UNIT * UNIT)
        self._w_est = flow.cwnd
        self._w_est_part = 0
        self._part = 0

    def _missing(self) -> i64:
        """What the window is short of its target, in 1/1024 segments."""
        flow = self.flow
        window = flow.cwnd * UNIT
        target = min(self._w_cubic(flow.now + flow.srtt), window * 3 // 2)
        if self._w_max == 0:
            target = max(target, window + window // 20)
        return max(target - window - self._part // flow.cwnd, 0)

    def _w_cubic(self, time: i64) -> i64:
        """Equation 1: the window, in 1/1024 segments, for a time in ns."""
        far: i64 = (time - self._epoch) * UNIT // SECOND - self._k
        far = min(max(far, -FARTHEST), FARTHEST)
        return self._origin + far * far * far * 2 // 5 // (UNIT * UNIT)


def cube_root(value: i64) -> i64:
    """The integer below or at the cube root, by Newton's steps from above; `value` from 0 to 2**63 - 1."""
    root: i64 = 1
    while root * root * root < value and root < MAX_ROOT:
        root = min(2 * root, MAX_ROOT)
    while root * root * root > value:
        root = (2 * root + value // (root * root)) // 3
    return root
