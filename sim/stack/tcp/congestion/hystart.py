"""HyStart: leave slow start before it overruns the path (Ha and Rhee 2008, with the numbers of Linux 6).

1. A round begins when everything that was sent when the last one began is acknowledged.
2. Below 16 segments nothing is looked for: there is too little to see. Rounds are counted (Linux since 6.14).
3. ACK train: ACKs that follow each other within 2 ms show how long the bottleneck needs for the window. When they
   have kept coming for half the least RTT, the window fills the path. (A paced flow is spread over up to half an RTT
   by its own pacing, so there it is the whole RTT.)
4. Delay: when, after 8 samples in a round, its least RTT exceeds the least ever by an eighth (4 ms to 16 ms), a
   queue is building up.
5. Either one ends slow start: ssthresh becomes the window of this moment. Only a timeout starts the search anew.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from sim.stack.tcp.congestion.base import Flow

LOW_WINDOW: Final = 16  # segments
ACK_SPACING: Final = 2_000_000  # ns: the most between two ACKs of one train
MIN_SAMPLES: Final = 8
MIN_THRESHOLD: Final = 4_000_000  # ns
MAX_THRESHOLD: Final = 16_000_000  # ns
BURST: Final = 131_072  # bytes: four full offload bursts of 64 KiB, at the twofold rate that slow start sends with
MAX_BURST_TIME: Final = 1_000_000  # ns


class HyStart:
    """The search for the end of one flow's slow start."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._found: bool = False
        self._least: i64 = 0  # ns: the least RTT seen; 0: none
        self._round_end: i64 = -1  # a sequence number
        self._round_start: i64 = 0
        self._round_least: i64 = 0
        self._samples: i64 = 0
        self._last_ack: i64 = 0

    def reset(self) -> None:
        """Forget everything, after a timeout: the path may be another one."""
        self._found = False
        self._least = 0
        self._round_end = -1

    def on_rtt(self, rtt: int) -> None:
        """Take in the RTT (ns) that an ACK measured, and end slow start if it is time."""
        flow = self._flow
        if self._least == 0 or rtt < self._least:
            self._least = rtt
        if self._found or not flow.in_slow_start():
            return
        if flow.snd_una > self._round_end:
            self._begin_round()
        if flow.cwnd < LOW_WINDOW:
            return
        if self._is_train_long() or self._is_delayed(rtt):
            self._found = True
            flow.ssthresh = flow.cwnd

    def _begin_round(self) -> None:
        flow = self._flow
        self._round_end = flow.snd_nxt
        self._round_start = flow.now
        self._last_ack = flow.now
        self._round_least = 0
        self._samples = 0

    def _is_train_long(self) -> bool:
        flow = self._flow
        if flow.now - self._last_ack > ACK_SPACING:
            return False
        self._last_ack = flow.now
        # Linux leaves room for the bursts that offloading makes of a window; at high rates they are short.
        burst: i64 = BURST * flow.srtt // (flow.cwnd * flow.mss)
        threshold: i64 = self._least + min(burst, MAX_BURST_TIME)
        if flow.pacing_rate == 0:
            threshold //= 2
        return flow.now - self._round_start > threshold

    def _is_delayed(self, rtt: int) -> bool:
        if self._round_least == 0 or rtt < self._round_least:
            self._round_least = rtt
        if self._samples < MIN_SAMPLES:
            self._samples += 1
            return False
        threshold: i64 = min(max(self._least // 8, MIN_THRESHOLD), MAX_THRESHOLD)
        return self._round_least > self._least + threshold
