"""HyStart, with the numbers of Linux 6: 16 segments, 8 samples, an eighth of the RTT (4 to 16 ms), 2 ms in a train."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.stack.tcp.congestion.base import INFINITE, Flow
from sim.stack.tcp.congestion.cubic import Cubic
from sim.stack.tcp.congestion.hystart import HyStart
from sim.stack.tcp.congestion.reno import Reno
from sim.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from tests.stack.tcp.congestion.conftest import FakePath

MSS = 1448


class Search:
    """A HyStart whose ACKs are said one by one. The window of `cwnd` segments stays as it is."""

    def __init__(self, rtt: float, cwnd: int = 100) -> None:
        self.flow = Flow()
        self.flow.mss = MSS
        self.flow.cwnd = cwnd
        self.flow.srtt = round(rtt * MILLISECOND)
        self.hystart = HyStart(self.flow)
        self.begin_round()
        self.ack(rtt)  # shows the least RTT

    def begin_round(self) -> None:
        """All that was out is acknowledged; much more is out."""
        self.flow.snd_una = self.flow.snd_nxt + MSS
        self.flow.snd_nxt = self.flow.snd_una + 10_000 * MSS

    def ack(self, rtt: float, after: float = 5) -> bool:
        """An ACK, so many ms after the last one; whether slow start has ended."""
        self.flow.now += round(after * MILLISECOND)
        self.hystart.on_rtt(round(rtt * MILLISECOND))
        self.flow.snd_una += 1
        return self.flow.ssthresh < INFINITE


@pytest.mark.parametrize(("rtt", "threshold"), [(10, 4), (32, 4), (64, 8), (100, 12.5), (128, 16), (300, 16)])
def test_a_queue_shows_by_its_delay(rtt: float, threshold: float) -> None:
    for more, found in ((-0.1, False), (0.1, True)):
        search = Search(rtt)
        search.begin_round()
        assert not any(search.ack(rtt + threshold + more) for _ in range(8))
        assert search.ack(rtt + threshold + more) is found
        assert search.flow.ssthresh == (100 if found else INFINITE)


def test_one_quick_sample_clears_the_round() -> None:
    search = Search(64)
    search.begin_round()
    search.ack(65)
    assert not any(search.ack(90) for _ in range(50))
    search.begin_round()
    assert any(search.ack(90) for _ in range(9))


def train(search: Search, spacing: float, rtt: float, rounds: float = 2.0) -> float:
    """ACKs so many ms apart from the beginning of a round; when slow start ended, in ms (0: it did not)."""
    search.begin_round()
    search.ack(rtt, 100)
    start = int(search.flow.now)
    while int(search.flow.now) < start + rounds * rtt * MILLISECOND:
        if search.ack(rtt, spacing):
            return (int(search.flow.now) - start) / MILLISECOND
    return 0.0


def test_a_train_of_half_the_rtt_fills_the_path() -> None:
    assert train(Search(100), 1, 100) == 51  # the first beyond (100 ms + 1 ms) / 2
    assert train(Search(40), 0.5, 40) == 21


def test_a_paced_train_needs_the_whole_rtt() -> None:
    search = Search(100)
    search.flow.pacing_rate = 1_000_000
    assert train(search, 1, 100) == 102


def test_acks_further_apart_are_no_train() -> None:
    assert train(Search(100), 2, 100) == 52
    assert train(Search(100), 2.1, 100) == 0


def test_the_room_for_bursts_shrinks_with_the_rate() -> None:
    fast = Search(1, cwnd=1000)  # 131072 bytes take 91 us at a window in 1 ms
    assert train(fast, 0.01, 1) == pytest.approx(0.55, abs=0.011)
    assert train(Search(1, cwnd=16), 0.01, 1) == pytest.approx(1.01, abs=0.011)


@pytest.mark.parametrize(("cwnd", "found"), [(15, False), (16, True)])
def test_a_window_below_16_segments_is_never_judged(cwnd: int, found: bool) -> None:
    search = Search(100, cwnd)
    search.begin_round()
    assert any(search.ack(300) for _ in range(30)) is found
    assert (train(Search(100, cwnd), 1, 100) > 0) is found


def test_nothing_is_looked_for_outside_slow_start() -> None:
    search = Search(100)
    search.flow.ssthresh = 50
    search.begin_round()
    for _ in range(30):
        search.ack(300)
    assert search.flow.ssthresh == 50


def test_it_is_found_once_until_a_timeout() -> None:
    search = Search(100)
    assert train(search, 1, 100)
    search.flow.ssthresh = INFINITE
    assert not train(search, 1, 100)
    search.hystart.reset()
    assert train(search, 1, 100)


def test_a_timeout_of_cubic_begins_the_search_anew() -> None:
    flow = Flow()
    flow.mss, flow.cwnd, flow.srtt = MSS, 100, 100 * MILLISECOND
    control = Cubic(flow)

    def acks() -> int:
        flow.ssthresh = INFINITE
        for _ in range(120):
            flow.now += MILLISECOND
            flow.snd_una += MSS
            flow.snd_nxt = max(flow.snd_nxt, flow.snd_una)
            control.on_rtt(100 * MILLISECOND)
            flow.snd_nxt = max(flow.snd_nxt, flow.snd_una + 200 * MSS)
        return flow.ssthresh

    assert acks() == 100
    assert acks() == INFINITE
    control.on_timeout()
    assert acks() == 100


@pytest.mark.parametrize("rtt", [20, 50, 100])
def test_slow_start_ends_before_the_buffer_overflows(fake_path: type[FakePath], rtt: int) -> None:
    rate = 2500
    bdp = rate * rtt // 1000
    lost = {}
    for control in (Reno, Cubic):
        path = fake_path(control, rate=rate, rtt=rtt * MILLISECOND, buffer=bdp)
        while path.flow.in_slow_start() and path.flow.now < 2 * SECOND:
            path.run(0.001)
        lost[control.name] = path.flow.lost
        path.run(2 * rtt / 1000)
        lost[control.name] = path.flow.lost
        if control is Cubic:
            assert path.flow.cwnd >= bdp // 2
    assert lost["cubic"] == 0
    assert lost["reno"] > bdp // 2
