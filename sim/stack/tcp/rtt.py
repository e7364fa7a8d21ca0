"""The round-trip time and the retransmission timeout (RFC 6298), with Linux's minimum and its calmer variance.

Linux departs from the RFC in one thing: the variance term never falls below 200 ms, and it shrinks at most once per
round trip, so that a smooth path does not make the timer trigger-happy.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

INITIAL_TIMEOUT: Final = 1_000_000_000  # ns; RFC 6298 2.1
MINIMUM_VARIANCE: Final = 200_000_000  # ns; Linux's TCP_RTO_MIN
MAXIMUM_TIMEOUT: Final = 120_000_000_000  # ns; Linux's TCP_RTO_MAX
MIN_RTT_WINDOW: Final = 300_000_000_000  # ns; Linux's tcp_min_rtt_wlen


class RttEstimator:
    """`srtt`, `variance` (RFC 6298's 4 * RTTVAR) and `timeout` (RTO) in ns; `min_rtt` of the last 5 minutes."""

    def __init__(self) -> None:
        self.srtt: i64 = 0
        self.variance: i64 = INITIAL_TIMEOUT
        self.timeout: i64 = INITIAL_TIMEOUT
        self.min_rtt: i64 = 0
        self._min_at: i64 = 0
        self._mean: i64 = 0  # four times the smoothed deviation
        self._peak: i64 = MINIMUM_VARIANCE  # of it, in this round trip
        self._round_end: i64 = 0

    def sample(self, rtt: i64, snd_una: i64, snd_nxt: i64) -> None:
        """Take in a measurement (ns). A round trip ends when what is being sent now is acknowledged."""
        rtt = max(rtt, 1)
        if self.srtt == 0:  # RFC 6298 2.2
            self.srtt = rtt
            self._mean = 2 * rtt
            self.variance = self._peak = max(self._mean, MINIMUM_VARIANCE)
            self._round_end = snd_nxt
        else:
            self._smooth(rtt)
            if snd_una > self._round_end:
                if self._peak < self.variance:
                    self.variance -= (self.variance - self._peak) >> 2
                self._round_end = snd_nxt
                self._peak = MINIMUM_VARIANCE
        self.timeout = min(self.srtt + self.variance, MAXIMUM_TIMEOUT)

    def note_minimum(self, rtt: i64, now: i64) -> None:
        """A round trip as short as it came, without the time for which the peer held the ACK back."""
        rtt = max(rtt, 1)
        if self.min_rtt == 0 or rtt <= self.min_rtt or now - self._min_at > MIN_RTT_WINDOW:
            self.min_rtt = rtt
            self._min_at = now

    def _smooth(self, rtt: i64) -> None:
        """RFC 6298 2.3, with alpha = 1/8 and beta = 1/4."""
        error = rtt - self.srtt
        self.srtt += error >> 3
        if error < 0:
            # A round trip that becomes shorter is no reason to wait longer: it counts for an eighth.
            change = -error - (self._mean >> 2)
            if change > 0:
                change >>= 3
        else:
            change = error - (self._mean >> 2)
        self._mean += change
        if self._mean > self._peak:
            self._peak = self._mean
            self.variance = max(self.variance, self._peak)

    def deviation(self) -> i64:
        """The smoothed deviation (RFC 6298's RTTVAR, without the minimum) in ns."""
        return self._mean >> 2

    def back_off(self) -> None:
        """The timer expired: wait twice as long next time (RFC 6298 5.5)."""
        self.timeout = min(self.timeout * 2, MAXIMUM_TIMEOUT)
