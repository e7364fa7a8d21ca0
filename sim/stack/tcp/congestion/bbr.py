"""BBR: send at the bottleneck's rate and keep about one path's worth of data under way, whatever is lost on the way
(version 1: draft-cardwell-iccrg-bbr-congestion-control-00; Cardwell et al., ACM Queue 14(5), 2016).

1. Every ACK tells the model of the path (`path_model.py`) more about BtlBw, the bottleneck's bandwidth, and RTprop, the
   round-trip time without queues. Their product is the BDP: what fills the path without a queue.
2. The pacing rate is pacing_gain * BtlBw (4.2.1), less 1 % as in Linux 6: an estimate that is a little too high would
   let a queue grow for ever.
3. The window is cwnd_gain * BDP and a little for ACKs that come in clumps (4.2.3), approached by no more than what is
   delivered.

The state sets both gains (4.3):

4. STARTUP: 2/ln 2 for both, which doubles the rate each round trip, until three rounds bring no quarter more.
5. DRAIN: pace at the inverse, until no more than a BDP is in flight: the queue that STARTUP made is gone.
6. PROBE_BW: 8 phases of one RTprop each, pacing at 5/4 to look for more bandwidth, at 3/4 to remove the queue which
   that may have made, then six times at 1. The first is any but the second, so that flows do not move in step.
7. PROBE_RTT, when RTprop is older than 10 s: a window of 4 segments for 200 ms and one round trip, so that the path's
   own delay shows.

Losses do not change the model (4.2.3.4): for the first round trip of a recovery one segment leaves for each that is
delivered (packet conservation), after it the window grows as usual; at its end it is what it was before.

Left out: the detection of policers, which the draft does not have either.

Gains are in thousandths.
"""

from __future__ import annotations

from typing import ClassVar, Final

from mypy_extensions import i64

from sim.stack.tcp.congestion.base import INITIAL_WINDOW, CongestionControl, Flow, RateSample
from sim.stack.tcp.congestion.path_model import UNIT, PathModel
from sim.units import MILLISECOND, SECOND

STARTUP: Final = 0
DRAIN: Final = 1
PROBE_BW: Final = 2
PROBE_RTT: Final = 3

ONE: Final = 1000  # a gain of 1
HIGH_GAIN: Final = 2885  # 2 / ln 2
DRAIN_GAIN: Final = 347  # its inverse
CYCLE: Final = (1250, 750, 1000, 1000, 1000, 1000, 1000, 1000)
PROBE_RTT_TIME: Final = 200 * MILLISECOND
MIN_WINDOW: Final = 4  # segments: enough that a receiver which delays its ACKs sends one
HEADERS: Final = 52  # bytes that a segment has beside its payload: IPv4, TCP and its timestamps
SLOW: Final = 150_000  # bytes/s (1.2 Mb/s) below which a sender sends one segment at a time


class Bbr(CongestionControl):
    """A model of the path, and the rate and the window that follow from it."""

    name: ClassVar[str] = "bbr"
    rate_based: ClassVar[bool] = True

    def __init__(self, flow: Flow) -> None:
        super().__init__(flow)
        self.state: i64 = STARTUP
        self.pacing_gain: i64 = HIGH_GAIN
        self.cwnd_gain: i64 = HIGH_GAIN
        self.filled_pipe: bool = False
        self.model = PathModel(flow.now)
        self._full_bandwidth: i64 = 0
        self._full_rounds: i64 = 0
        self._phase: i64 = 0
        self._phase_start: i64 = 0
        self._probe_rtt_end: i64 = 0  # 0: the window has not come down yet
        self._probe_rtt_round: bool = False
        self._prior_cwnd: i64 = 0
        self._recovering: bool = False
        self._conserving: bool = False
        self._restarted: bool = False
        self._knows_rtt: bool = False
        self._pace_first()

    # -- what the connection tells

    def on_ack(self, acked: int) -> None:
        """Nothing: `on_rate` has done it."""

    def on_rtt(self, rtt: int) -> None:
        if not self._knows_rtt:
            self._pace_first()

    def on_rate(self, sample: RateSample) -> None:
        self.model.update(sample, self.flow.delivered, self.flow.now)
        if self.model.round_start:
            self._conserving = False
        self._advance_cycle(sample)
        self._check_full_pipe(sample)
        self._check_drain()
        self._check_probe_rtt()
        if sample.newly_acked > 0:
            self._restarted = False
        self._set_pacing_rate(self.pacing_gain)
        self._set_cwnd(sample)

    def on_loss(self) -> int:
        flow = self.flow
        self._save_cwnd()
        self._recovering = True
        self._conserving = True
        self.model.begin_round(flow.delivered)  # conserve for one round trip from here
        flow.cwnd = flow.in_flight + 1
        threshold: int = flow.ssthresh
        return threshold

    def on_timeout(self) -> None:
        self._save_cwnd()
        self._recovering = True
        self._conserving = False  # with everything lost, nothing keeps the ACKs coming
        self.flow.cwnd = 1

    def on_recovered(self) -> None:
        self._recovering = False
        self._conserving = False
        self._restore_cwnd()

    def undo(self) -> int:
        self._recovering = False
        self._conserving = False
        self._full_bandwidth = 0  # the pause may have looked like a full pipe
        self._full_rounds = 0
        window: int = max(self.flow.cwnd, self._prior_cwnd)
        return window

    def on_restart(self, idle: int) -> None:
        if self.flow.app_limited:  # 4.3.5: pace what was idle into a path that may be empty
            self._restarted = True
            if self.state == PROBE_BW:
                self._set_pacing_rate(ONE)

    # -- the states

    def _check_full_pipe(self, sample: RateSample) -> None:
        if self.filled_pipe or not self.model.round_start or self.model.is_limited(sample):
            return
        btlbw = self.model.btlbw()
        if btlbw * 4 >= self._full_bandwidth * 5:
            self._full_bandwidth = btlbw
            self._full_rounds = 0
            return
        self._full_rounds += 1
        self.filled_pipe = self._full_rounds >= 3

    def _check_drain(self) -> None:
        if self.state == STARTUP and self.filled_pipe:
            self._enter(DRAIN, DRAIN_GAIN, HIGH_GAIN)
        if self.state == DRAIN and self.flow.in_flight <= self.inflight(ONE):
            self._enter_probe_bw()

    def _enter(self, state: i64, pacing_gain: i64, cwnd_gain: i64) -> None:
        self.state = state
        self.pacing_gain = pacing_gain
        self.cwnd_gain = cwnd_gain

    def _enter_probe_bw(self) -> None:
        # The draft draws lots. Sequence numbers begin at random, which makes this as good, and the run repeatable.
        self._begin_phase((2 + (self.flow.now + self.flow.snd_nxt) % 7) % len(CYCLE))

    def _begin_phase(self, phase: i64) -> None:
        self._phase = phase
        self._phase_start = self.flow.now
        self._enter(PROBE_BW, CYCLE[phase], 2 * ONE)

    def _advance_cycle(self, sample: RateSample) -> None:
        if self.state == PROBE_BW and self._is_phase_over(sample):
            self._begin_phase((self._phase + 1) % len(CYCLE))

    def _is_phase_over(self, sample: RateSample) -> bool:
        full_length = self.flow.now - self._phase_start > self.model.rtprop
        if self.pacing_gain > ONE:  # until the path has been filled that far, or will not have it
            filled = sample.newly_lost > 0 or sample.prior_in_flight >= self.inflight(self.pacing_gain)
            return full_length and filled
        if self.pacing_gain < ONE:
            return full_length or sample.prior_in_flight <= self.inflight(ONE)
        return full_length

    def _check_probe_rtt(self) -> None:
        if self.state != PROBE_RTT and self.model.expired and not self._restarted:
            self._save_cwnd()
            self._enter(PROBE_RTT, ONE, ONE)
            self._probe_rtt_end = 0
        if self.state == PROBE_RTT:
            self._handle_probe_rtt()

    def _handle_probe_rtt(self) -> None:
        flow = self.flow
        self.model.limit_until(flow.delivered + flow.in_flight)
        if self._probe_rtt_end == 0:
            if flow.in_flight <= MIN_WINDOW:
                self._probe_rtt_end = flow.now + PROBE_RTT_TIME
                self._probe_rtt_round = False
                self.model.begin_round(flow.delivered)
            return
        self._probe_rtt_round = self._probe_rtt_round or self.model.round_start
        if self._probe_rtt_round and flow.now > self._probe_rtt_end:
            self.model.rtprop_at = flow.now
            self._restore_cwnd()
            if self.filled_pipe:
                self._enter_probe_bw()
            else:
                self._enter(STARTUP, HIGH_GAIN, HIGH_GAIN)

    # -- the rate and the window

    def inflight(self, gain: int) -> int:
        """The segments that a BDP makes with this gain (thousandths), and three times what is sent at once."""
        if self.model.rtprop == 0:
            return INITIAL_WINDOW
        quantum: i64 = 1 if self.flow.pacing_rate < SLOW else 2  # without offload, what one delayed ACK sets free
        segments: int = (self.model.bdp() * gain // ONE + 999_999) // 1_000_000 + 3 * quantum
        return segments

    def _pace_first(self) -> None:
        """The initial window, over the round-trip time if that is known and else over 1 ms."""
        flow = self.flow
        self._knows_rtt = flow.srtt > 0
        rtt: i64 = flow.srtt if self._knows_rtt else MILLISECOND
        flow.pacing_rate = flow.cwnd * (flow.mss + HEADERS) * SECOND // rtt * HIGH_GAIN // ONE

    def _set_pacing_rate(self, gain: i64) -> None:
        flow = self.flow
        rate: i64 = self.model.btlbw() * (flow.mss + HEADERS) // UNIT * gain // ONE * 99 // 100
        if rate > 0 and (self.filled_pipe or rate > flow.pacing_rate):
            flow.pacing_rate = rate

    def _set_cwnd(self, sample: RateSample) -> None:
        flow = self.flow
        acked = sample.newly_acked
        cwnd = flow.cwnd
        if sample.newly_lost > 0:
            cwnd = max(cwnd - sample.newly_lost, 1)
        if self._conserving:
            cwnd = max(cwnd, flow.in_flight + acked)
        else:
            target: i64 = self.inflight(self.cwnd_gain)
            if self.filled_pipe:
                cwnd = min(cwnd + acked, target)
            elif cwnd < target or flow.delivered < INITIAL_WINDOW:
                cwnd += acked
            cwnd = max(cwnd, MIN_WINDOW)
        flow.cwnd = min(cwnd, MIN_WINDOW) if self.state == PROBE_RTT else cwnd

    def _save_cwnd(self) -> None:
        if self._recovering or self.state == PROBE_RTT:
            self._prior_cwnd = max(self._prior_cwnd, self.flow.cwnd)
        else:
            self._prior_cwnd = self.flow.cwnd

    def _restore_cwnd(self) -> None:
        self.flow.cwnd = max(self.flow.cwnd, self._prior_cwnd)
