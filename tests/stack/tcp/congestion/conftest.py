"""Two drivers for a congestion control without a connection: whole round trips, and a bottleneck with a queue."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable

import pytest

from sim.stack.tcp.congestion.base import CongestionControl, Flow, RateSample
from sim.units import MILLISECOND, SECOND

MSS = 1448


class Rounds:
    """A path without a bottleneck: each round trip acknowledges the window, its ACKs evenly spread over the RTT.

    An ACK is for `stretch` segments.
    """

    def __init__(
        self, control: Callable[[Flow], CongestionControl], rtt: int = 100 * MILLISECOND, stretch: int = 1
    ) -> None:
        self.rtt = rtt
        self.stretch = stretch
        self.flow = Flow()
        self.flow.mss = MSS
        self.flow.srtt = self.flow.min_rtt = rtt
        self.control = control(self.flow)

    @property
    def window(self) -> int:
        return self.flow.cwnd

    @property
    def seconds(self) -> float:
        return int(self.flow.now) / SECOND

    def run(self, rounds: int, *, grows: bool = True) -> int:
        """So many round trips; without `grows` the window is not in full use. The window at the end."""
        flow = self.flow
        for _ in range(rounds):
            start, window = flow.now, flow.cwnd
            flow.snd_nxt = flow.snd_una + window * MSS
            for done in range(0, window, self.stretch):
                acked = min(self.stretch, window - done)
                flow.now = start + self.rtt * (done + acked) // window
                flow.snd_una += acked * MSS
                flow.delivered += acked
                flow.snd_nxt += acked * MSS
                self.control.on_rtt(self.rtt)
                if grows:
                    self.control.on_ack(acked)
        return flow.cwnd

    def until(self, window: int) -> None:
        """Whole round trips until the window is that large."""
        while self.flow.cwnd < window:
            self.run(1)

    def run_for(self, seconds: float) -> None:
        """Whole round trips for so long."""
        self.run(round(seconds * SECOND) // self.rtt)

    def lose(self) -> int:
        """A loss, with a recovery that takes no time. The window after it."""
        flow = self.flow
        flow.prior_cwnd = flow.cwnd
        flow.ssthresh = self.control.on_loss()
        flow.cwnd = flow.ssthresh
        self.control.on_recovered()
        return flow.cwnd

    def time_out(self) -> None:
        """The retransmission timer."""
        self.lose()
        self.flow.cwnd = 1
        self.control.on_timeout()

    def undo(self) -> int:
        """The last loss was none."""
        self.flow.cwnd = self.control.undo()
        return self.flow.cwnd


class Sent:
    """A segment under way, with the stamps of draft-cheng-iccrg-delivery-rate-estimation 3.2."""

    def __init__(self, number: int, path: FakePath) -> None:
        self.number = number
        self.at = path.flow.now
        self.first_at = path.first_sent_at
        self.delivered = path.flow.delivered
        self.delivered_at = path.delivered_at
        self.app_limited = path.limited_until > 0


class FakePath:
    """A sender, a bottleneck of `rate` segments/s with a drop-tail `buffer` (segments), and ACKs one `rtt` (ns) later.

    Nothing is reordered, so an ACK shows that all before it which have none are lost. `drops(n)` loses the n-th
    segment sent; `program_rate` (segments/s) bounds what there is to send. `after_ack` is called after every ACK.
    """

    def __init__(
        self, control: Callable[[Flow], CongestionControl], *, rate: int, rtt: int, buffer: int, start: int = 0
    ) -> None:
        self.rate, self.rtt, self.buffer = rate, rtt, buffer
        self.program_rate = 0
        self.program_from = (start, 0)
        self.drops: Callable[[int], bool] = lambda number: False
        self.after_ack: Callable[[], None] = lambda: None
        self.flow = Flow()
        self.flow.now = start
        self.flow.mss = MSS
        self.control = control(self.flow)
        self.delivered_at = self.first_sent_at = start
        self.limited_until = 0
        self.queue_time = 0  # of the segment that was acknowledged last
        self.queue_free = start
        self.next_send = self.wake_at = start
        self.sent = 0
        self.under_way: deque[Sent] = deque()
        self.events: list[tuple[int, int, Sent | None]] = []
        self.recover = -1
        self.heard_at = start
        self.sample = RateSample()

    @property
    def now(self) -> int:
        return self.flow.now

    @property
    def delivered(self) -> int:
        return self.flow.delivered

    def run(self, seconds: float) -> None:
        """So much virtual time."""
        end = self.now + round(seconds * SECOND)
        self._pump()
        while self.events and self.events[0][0] <= end:
            self.flow.now, _, segment = heapq.heappop(self.events)
            if segment is not None:
                self._acknowledge(segment)
            elif self.under_way and self.flow.now - self.heard_at >= SECOND:
                self._time_out()
            self._pump()
            if self.under_way:
                self._wake(self.heard_at + SECOND)
        self.flow.now = end

    def feed(self, rate: int) -> None:
        """From now on the program writes `rate` segments/s; 0 is as much as goes."""
        self.program_rate = rate
        self.program_from = (self.flow.now, self.sent)

    def _wake(self, at: int) -> None:
        if not self.flow.now < self.wake_at <= at:
            self.wake_at = at
            heapq.heappush(self.events, (at, -1, None))

    def _pump(self) -> None:
        flow = self.flow
        while len(self.under_way) < flow.cwnd:
            if self.program_rate:
                since, before = self.program_from
                due = since + (self.sent - before + 1) * SECOND // self.program_rate
                if due > flow.now:
                    flow.app_limited = True
                    self.limited_until = max(flow.delivered + len(self.under_way), 1)
                    self._wake(due)
                    return
            if flow.pacing_rate and self.next_send > flow.now:
                self._wake(self.next_send)
                return
            self._send()
        flow.app_limited = False

    def _send(self) -> None:
        flow = self.flow
        now = flow.now
        if not self.under_way:
            self.first_sent_at = self.delivered_at = self.heard_at = now
            if self.sent:
                self.control.on_restart(now - self.heard_at)
        segment = Sent(self.sent, self)
        self.sent += 1
        self.under_way.append(segment)
        flow.in_flight = len(self.under_way)
        flow.snd_nxt = self.sent * MSS
        if flow.pacing_rate:
            self.next_send = max(self.next_send, now) + (MSS + 52) * SECOND // flow.pacing_rate
        waiting = max(self.queue_free - now, 0)
        if waiting * self.rate > self.buffer * SECOND or self.drops(segment.number):
            return
        self.queue_free = now + waiting + SECOND // self.rate
        heapq.heappush(self.events, (self.queue_free + self.rtt, segment.number, segment))

    def _acknowledge(self, segment: Sent) -> None:
        flow, sample = self.flow, self.sample
        now = self.heard_at = flow.now
        sample.prior_in_flight = len(self.under_way)
        sample.newly_lost = 0
        while self.under_way[0].number < segment.number:
            self.under_way.popleft()
            sample.newly_lost += 1
        self.under_way.popleft()
        flow.lost += sample.newly_lost
        flow.delivered += 1
        if flow.delivered > self.limited_until:
            self.limited_until = 0
        self.delivered_at = now
        self.first_sent_at = segment.at
        sample.delivered = flow.delivered - segment.delivered
        sample.interval = max(now - segment.delivered_at, segment.at - segment.first_at)
        sample.rtt = now - segment.at
        sample.newly_acked = 1
        sample.prior_delivered = segment.delivered
        sample.app_limited = segment.app_limited
        self.queue_time = sample.rtt - self.rtt - SECOND // self.rate
        self._refresh(segment)
        self._tell(segment)
        self.after_ack()

    def _refresh(self, segment: Sent) -> None:
        flow, rtt = self.flow, self.sample.rtt
        flow.in_flight = len(self.under_way)
        flow.snd_una = (segment.number + 1) * MSS
        flow.srtt = rtt if flow.srtt == 0 else flow.srtt + (rtt - flow.srtt) // 8
        flow.min_rtt = rtt if flow.min_rtt == 0 else min(rtt, flow.min_rtt)

    def _tell(self, segment: Sent) -> None:
        flow, control = self.flow, self.control
        control.on_rtt(self.sample.rtt)
        if self.recover >= 0 and segment.number >= self.recover:
            self.recover = -1
            control.on_recovered()
        elif self.sample.newly_lost and self.recover < 0:
            self.recover = self.sent
            flow.prior_cwnd = flow.cwnd
            flow.ssthresh = control.on_loss()
            if not control.rate_based:
                flow.cwnd = flow.ssthresh
        elif self.recover < 0 and not control.rate_based and not flow.app_limited:
            control.on_ack(1)
        if control.rate_based:
            control.on_rate(self.sample)

    def _time_out(self) -> None:
        flow, control = self.flow, self.control
        self.heard_at = flow.now
        flow.lost += len(self.under_way)
        lost = {id(segment) for segment in self.under_way}
        self.events = [event for event in self.events if id(event[2]) not in lost]
        heapq.heapify(self.events)
        self.under_way.clear()
        self.recover = self.sent
        flow.in_flight = 0
        flow.prior_cwnd = flow.cwnd
        flow.ssthresh = control.on_loss()
        flow.cwnd = 1
        control.on_timeout()


@pytest.fixture
def rounds() -> type[Rounds]:
    return Rounds


@pytest.fixture
def fake_path() -> type[FakePath]:
    return FakePath
