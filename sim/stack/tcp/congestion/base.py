"""What a congestion control sees of its connection, and what it is asked (RFC 5681 names, Linux's division of labour).

The connection finds losses, recovers from them and counts what is in flight; a congestion control decides how much
that may be. It reads and writes `flow.cwnd` and `flow.ssthresh`, in segments of `flow.mss` bytes. To write one,
subclass `CongestionControl` and say what `on_ack` and `on_loss` do; the rest has a default.
"""

from __future__ import annotations

from typing import ClassVar, Final

from mypy_extensions import i64, mypyc_attr

INITIAL_WINDOW: Final = 10  # segments (RFC 6928)
INFINITE: Final = 0x7FFFFFFF
"""The slow-start threshold (segments) before the first loss."""


class Flow:
    """The part of a connection's state that its congestion control works on. Times are ns."""

    def __init__(self) -> None:
        self.now: i64 = 0
        self.mss: i64 = 536  # bytes of payload in a full segment
        self.cwnd: i64 = INITIAL_WINDOW  # segments
        self.ssthresh: i64 = INFINITE  # segments
        self.prior_cwnd: i64 = 0  # segments: what it was before the last reduction
        self.in_flight: i64 = 0  # segments sent and neither acknowledged nor thought lost (RFC 6675 "pipe")
        self.delivered: i64 = 0  # segments the peer has reported, by ACK or SACK, since the beginning
        self.lost: i64 = 0  # segments marked lost since the beginning
        self.snd_una: i64 = 0  # sequence numbers, counted on beyond 32 bits
        self.snd_nxt: i64 = 0
        self.srtt: i64 = 0  # 0: no sample yet
        self.min_rtt: i64 = 0  # the least of the last 5 minutes; 0: no sample yet
        self.pacing_rate: i64 = 0  # bytes/s of payload and headers; 0: not paced
        self.app_limited: bool = False  # the program gives less than the window allows

    def in_slow_start(self) -> bool:
        """Whether the window still doubles each round trip (RFC 5681 3.1)."""
        return self.cwnd < self.ssthresh


class RateSample:
    """What one ACK tells about the delivery rate (draft-cheng-iccrg-delivery-rate-estimation)."""

    def __init__(self) -> None:
        self.delivered: i64 = 0  # segments delivered over `interval`
        self.interval: i64 = 0  # ns; 0: no valid sample
        self.rtt: i64 = 0  # ns; 0: none
        self.newly_acked: i64 = 0  # segments that this ACK reported, by ACK or SACK
        self.newly_lost: i64 = 0  # segments that were marked lost because of it
        self.prior_delivered: i64 = 0  # `flow.delivered` when the segment just reported was sent
        self.prior_in_flight: i64 = 0  # segments in flight before this ACK
        self.app_limited: bool = False  # the sample was taken while the program gave too little


@mypyc_attr(allow_interpreted_subclasses=True)
class CongestionControl:
    """One flow's congestion control."""

    name: ClassVar[str] = ""
    rate_based: ClassVar[bool] = False
    """Whether `on_rate` sets the window and the pacing rate in every state, instead of `on_ack` and PRR."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow

    def on_ack(self, acked: int) -> None:
        """`acked` segments were newly acknowledged outside of recovery, and the window was in full use: let it grow."""
        raise NotImplementedError

    def on_loss(self) -> int:
        """Segments were lost, or marked by ECN: the new slow-start threshold (segments, at least 2).

        Called once per window of data, before `flow.cwnd` is reduced.
        """
        raise NotImplementedError

    def on_timeout(self) -> None:
        """The retransmission timer expired (after `on_loss`); the window is 1 segment now."""

    def on_rtt(self, rtt: int) -> None:
        """A round-trip time (ns) was measured; called before `on_ack` for the same ACK."""

    def on_restart(self, idle: int) -> None:
        """Something is sent after nothing was in flight; the connection had been idle for `idle` ns."""

    def on_recovered(self) -> None:
        """A recovery, by fast retransmit or by timeout, is over."""

    def undo(self) -> int:
        """The last reduction was for nothing, all arrived: the window (segments) to go back to."""
        return max(self.flow.cwnd, self.flow.prior_cwnd)

    def on_rate(self, sample: RateSample) -> None:
        """Every ACK's rate sample, for those that are `rate_based`."""


def slow_start(flow: Flow, acked: int) -> int:
    """Grow by what was acknowledged, up to ssthresh (RFC 5681 3.1, with appropriate byte counting); what is left."""
    cwnd = min(flow.cwnd + acked, flow.ssthresh)
    left = acked - (cwnd - flow.cwnd)
    flow.cwnd = cwnd
    return left
