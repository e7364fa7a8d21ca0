"""BBR's model of the path: its bandwidth and its round-trip time
(draft-cardwell-iccrg-bbr-congestion-control-00 4.1).

1. BtlBw is the greatest delivery rate of the last 10 round trips. A sample taken while the program, not the path, set
   the rate counts only if it is greater.
2. RTprop is the least RTT. When none less was seen for 10 s, the next sample replaces it.
3. A round trip is over when something is acknowledged that was sent after its beginning (4.1.1.3).

As in Linux 6, only an RTT less than RTprop renews it, where the draft takes an equal one too: a network without noise
shows the same RTT over and over, and its RTprop would never be doubted.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from sim.stack.tcp.congestion.base import RateSample
from sim.units import MICROSECOND, SECOND

UNIT: Final = 1024  # of a segment per second
BANDWIDTH_ROUNDS: Final = 10
RTPROP_LIFE: Final = 10 * SECOND


class WindowedMax:
    """The greatest value of the last `length` rounds: one maximum is kept for each."""

    def __init__(self, length: int) -> None:
        self._greatest: list[int] = [0] * length  # that of round n is at n modulo length
        self._round: i64 = 0
        self.value: i64 = 0

    def update(self, value: int, round_number: int) -> None:
        """Take in a value of this round; rounds never go back. What is too old is forgotten only now."""
        length: i64 = len(self._greatest)
        place: i64 = round_number % length
        if round_number != self._round:
            for passed in range(min(round_number - self._round, length)):
                self._greatest[(round_number - passed) % length] = 0
            self._round = round_number
            self._greatest[place] = value
            self.value = max(self._greatest)
        elif value > self._greatest[place]:
            self._greatest[place] = value
            self.value = max(self.value, value)


class PathModel:
    """What the ACKs have told about a path."""

    def __init__(self, now: int) -> None:
        self.rtprop: i64 = 0  # ns; 0: no sample yet
        self.rtprop_at: i64 = now
        self.expired: bool = False  # RTprop was too old when the last ACK came
        self.round: i64 = 0  # round trips since the beginning
        self.round_start: bool = False  # the last ACK began one
        self._round_end: i64 = 0  # segments delivered when the round began
        self._limited_until: i64 = 0
        self._btlbw = WindowedMax(BANDWIDTH_ROUNDS)

    def update(self, sample: RateSample, delivered: int, now: int) -> None:
        """Take in an ACK, after which `delivered` segments have arrived since the beginning."""
        self.round_start = sample.newly_acked > 0 and sample.prior_delivered >= self._round_end
        if self.round_start:
            self.begin_round(delivered)
            self.round += 1
        if sample.interval > 0 and sample.delivered > 0:
            rate: i64 = sample.delivered * UNIT * SECOND // sample.interval
            if rate >= self._btlbw.value or not self.is_limited(sample):
                self._btlbw.update(rate, self.round)
        self.expired = self.rtprop > 0 and now > self.rtprop_at + RTPROP_LIFE
        if sample.rtt > 0 and (self.rtprop == 0 or sample.rtt < self.rtprop or self.expired):
            self.rtprop = sample.rtt
            self.rtprop_at = now

    def btlbw(self) -> i64:
        """The bottleneck's bandwidth in 1/1024 segments per second; 0 before the first sample."""
        return self._btlbw.value

    def bdp(self) -> i64:
        """What fills the path without a queue, in millionths of a segment."""
        return self._btlbw.value * ((self.rtprop + 999) // MICROSECOND) // UNIT

    def begin_round(self, delivered: int) -> None:
        """Count the present round trip from here."""
        self._round_end = delivered

    def limit_until(self, delivered: int) -> None:
        """Until so many segments are delivered, the sender itself holds the rate down."""
        self._limited_until = delivered

    def is_limited(self, sample: RateSample) -> bool:
        """Whether a rate says more about the sender than about the path."""
        return sample.app_limited or sample.prior_delivered < self._limited_until
