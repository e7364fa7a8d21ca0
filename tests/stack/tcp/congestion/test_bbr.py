"""BBR on a bottleneck. BDP: 33 segments at 833 segments/s (10 Mb/s) and 40 ms."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from math import log2
from typing import TYPE_CHECKING

import pytest

from sim.stack.tcp.congestion.base import INITIAL_WINDOW, Flow, RateSample
from sim.stack.tcp.congestion.bbr import DRAIN, HEADERS, HIGH_GAIN, PROBE_BW, PROBE_RTT, STARTUP, Bbr
from sim.stack.tcp.congestion.path_model import UNIT
from sim.stack.tcp.congestion.reno import Reno
from sim.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from tests.stack.tcp.congestion.conftest import FakePath

RATE, RTT, BDP = 833, 40 * MILLISECOND, 33
MSS = 1448
ROOM = 6  # segments that the window grants to delayed ACKs


class Watched:
    """A flow under BBR, with what it was like after every ACK."""

    def __init__(self, fake_path: type[FakePath], *, rate: int = RATE, rtt: int = RTT, start: int = 0) -> None:
        self.path = fake_path(Bbr, rate=rate, rtt=rtt, buffer=1000, start=start)
        assert isinstance(self.path.control, Bbr)
        self.bbr = self.path.control
        self.flow = self.path.flow
        self.states: list[tuple[int, int, int]] = []  # (ns, state, pacing gain), whenever they change
        self.windows: list[int] = []
        self.in_flight: list[int] = []
        self.queue: list[int] = []
        self.path.after_ack = self._look

    def _look(self) -> None:
        state = (self.flow.now, self.bbr.state, self.bbr.pacing_gain)
        if not self.states or self.states[-1][1:] != state[1:]:
            self.states.append(state)
        self.windows.append(self.flow.cwnd)
        self.in_flight.append(self.flow.in_flight)
        self.queue.append(self.path.queue_time)

    def until(self, condition: Callable[[], bool], limit: float = 30) -> None:
        """Run until it is so."""
        end = self.path.now + limit * SECOND
        while not condition():
            assert self.path.now < end
            self.path.run(0.001)

    def forget(self) -> None:
        self.windows.clear()
        self.in_flight.clear()
        self.queue.clear()

    def bandwidth(self) -> float:
        return self.bbr.model.btlbw() / UNIT


@pytest.fixture
def watched(fake_path: type[FakePath]) -> Watched:
    return Watched(fake_path)


# -- STARTUP and DRAIN


@pytest.mark.parametrize(("rate", "rtt"), [(833, 40), (8333, 20), (2000, 200), (100, 50)])
def test_startup_finds_the_bandwidth_in_log2_of_the_bdp(fake_path: type[FakePath], rate: int, rtt: int) -> None:
    flow = Watched(fake_path, rate=rate, rtt=rtt * MILLISECOND)
    flow.until(lambda: flow.bandwidth() > 0.95 * rate)
    assert int(flow.bbr.model.round) <= log2(max(rate * rtt / 1000, 2)) + 1
    assert flow.bandwidth() < 1.02 * rate


def test_startup_lasts_three_rounds_of_no_growth(watched: Watched) -> None:
    watched.until(lambda: watched.bandwidth() > 0.95 * RATE)
    found = watched.bbr.model.round
    assert watched.bbr.state == STARTUP
    watched.until(lambda: watched.bbr.state != STARTUP)
    assert found + 2 <= watched.bbr.model.round <= found + 4


def test_drain_removes_the_queue_that_startup_made(watched: Watched) -> None:
    watched.until(lambda: watched.bbr.state == DRAIN)
    assert watched.queue[-1] > 0.5 * RTT
    assert watched.bbr.pacing_gain * HIGH_GAIN == pytest.approx(10**6, rel=0.01)
    began = watched.flow.now
    watched.until(lambda: watched.bbr.state == PROBE_BW)
    assert watched.in_flight[-1] <= BDP + 1 + ROOM + 1
    assert watched.flow.now - began < 3 * RTT


def test_the_first_pacing_rate_spreads_the_initial_window() -> None:
    flow = Flow()
    flow.mss = MSS
    control = Bbr(flow)
    segment = MSS + HEADERS
    assert flow.pacing_rate == pytest.approx(10 * segment * 1000 * 2.885)  # over 1 ms, as long as nothing is known
    flow.srtt = 50 * MILLISECOND
    control.on_rtt(flow.srtt)
    assert flow.pacing_rate == pytest.approx(10 * segment * 20 * 2.885)
    flow.srtt = 100 * MILLISECOND
    control.on_rtt(flow.srtt)
    assert flow.pacing_rate == pytest.approx(10 * segment * 20 * 2.885)


# -- PROBE_BW


def test_it_cruises_between_one_and_two_bdp(watched: Watched) -> None:
    watched.path.run(2)
    watched.forget()
    watched.path.run(6)
    assert max(watched.windows) <= 2 * (BDP + 1) + ROOM + 1
    assert max(watched.in_flight) <= 2 * (BDP + 1)
    assert sum(watched.in_flight) / len(watched.in_flight) > 0.95 * BDP
    assert sum(watched.queue) / len(watched.queue) < 0.5 * RTT
    assert watched.bandwidth() == pytest.approx(RATE, rel=0.01)


def test_the_path_is_used(watched: Watched) -> None:
    watched.path.run(1)
    before = watched.path.delivered
    watched.path.run(8)
    assert watched.path.delivered - before > 0.98 * 8 * RATE


def test_the_gain_cycle(watched: Watched) -> None:
    watched.path.run(9)
    phases = [(at, gain) for at, state, gain in watched.states if state == PROBE_BW]
    first = [gain for _, gain in phases].index(1250)
    gains = [gain for _, gain in phases[first:]]
    assert len(gains) > 60
    assert gains[:-2] == ([1250, 750, 1000] * len(gains))[: len(gains) - 2]  # six of gain 1 are one stretch here
    rtprop = watched.bbr.model.rtprop
    for (at, gain), (end, _) in pairwise(phases[first:]):
        rtts = (end - at) / rtprop
        if gain == 1000:
            assert 6 < rtts < 6.6
        elif gain == 1250:
            assert 1 < rtts < 2
        else:
            assert 0 < rtts < 1.2


def test_the_draining_phase_ends_when_there_is_nothing_to_drain(watched: Watched) -> None:
    sample = RateSample()
    for in_flight, gain in ((BDP + ROOM + 3, 750), (BDP + ROOM, 1000)):
        watched.until(lambda: watched.bbr.pacing_gain == 1250)
        watched.until(lambda: watched.bbr.pacing_gain == 750)
        sample.prior_in_flight = in_flight
        watched.bbr.on_rate(sample)
        assert watched.bbr.pacing_gain == gain


def test_the_first_phase_varies_but_never_drains(fake_path: type[FakePath]) -> None:
    lengths = set()
    for n in range(30):
        flow = Watched(fake_path, start=n * 1_234_567)
        flow.until(lambda flow=flow: flow.bbr.state == PROBE_BW)  # type: ignore[misc]
        assert flow.bbr.pacing_gain != 750
        began, first = flow.flow.now, flow.bbr.pacing_gain
        flow.until(lambda flow=flow: flow.bbr.pacing_gain == 750)  # type: ignore[misc]
        lengths.add(round((flow.flow.now - began) / RTT) if first == 1000 else 0)
    assert len(lengths) >= 5


def test_more_bandwidth_is_found(watched: Watched) -> None:
    watched.path.run(3)
    watched.path.rate = 2 * RATE
    watched.path.run(4.5 * 8 * RTT / SECOND)  # three to four probes of a quarter more
    assert watched.bandwidth() > 1.9 * RATE


def test_less_bandwidth_is_believed_after_ten_rounds(watched: Watched) -> None:
    watched.path.run(3)
    watched.path.rate = RATE // 2
    since = watched.bbr.model.round
    watched.until(lambda: watched.bbr.model.round >= since + 8)
    assert watched.bandwidth() > 0.95 * RATE
    watched.until(lambda: watched.bbr.model.round >= since + 14)
    assert watched.bandwidth() < 0.55 * RATE
    watched.path.run(2)
    watched.forget()
    watched.path.run(1)
    assert max(watched.in_flight) <= 2 * (BDP // 2 + 1) + ROOM + 1
    watched.until(lambda: watched.bbr.state == PROBE_RTT)
    watched.path.run(1)
    watched.forget()
    watched.path.run(1)
    assert max(watched.in_flight) <= 1.25 * (BDP // 2 + 1) + ROOM + 1  # the old queue is gone


# -- PROBE_RTT


def test_the_rtt_is_probed_every_ten_seconds_with_four_segments(watched: Watched) -> None:
    watched.path.run(21)
    probes = [(at, end) for (at, state, _), (end, _, _) in pairwise(watched.states) if state == PROBE_RTT]
    assert len(probes) == 2
    assert 10 * SECOND < probes[0][0] < 10.2 * SECOND
    assert 10 * SECOND < probes[1][0] - probes[0][1] < 10.1 * SECOND
    for at, end in probes:
        assert 200 * MILLISECOND < end - at < 200 * MILLISECOND + 4 * RTT
    assert watched.bbr.model.rtprop - RTT < 3 * MILLISECOND
    assert watched.bandwidth() == pytest.approx(RATE, rel=0.01)


def test_the_window_is_four_during_the_probe_and_then_as_before(watched: Watched) -> None:
    watched.until(lambda: watched.bbr.state == PROBE_RTT)
    before = watched.windows[-2]
    watched.path.run(0.1)
    watched.forget()
    watched.path.run(0.08)
    assert set(watched.windows) == {4}
    assert max(watched.in_flight) == 4 - 1  # after an ACK, before the next is sent
    watched.until(lambda: watched.bbr.state == PROBE_BW)
    assert watched.flow.cwnd >= before - 1


def test_the_probe_of_the_rtt_does_not_lower_the_bandwidth(fake_path: type[FakePath]) -> None:
    flow = Watched(fake_path, rate=1500, rtt=10 * MILLISECOND)  # 20 rounds of 4 segments would show 400 segments/s
    flow.until(lambda: flow.bbr.state == PROBE_RTT)
    flow.until(lambda: flow.bbr.state == PROBE_BW)
    assert flow.bandwidth() > 0.95 * 1500
    flow.path.run(1)
    assert flow.bandwidth() > 0.95 * 1500


def test_a_longer_path_is_noticed(watched: Watched) -> None:
    watched.path.run(3)
    watched.path.rtt = 2 * RTT
    watched.until(lambda: watched.bbr.state == PROBE_RTT)
    watched.path.run(1)
    assert watched.bbr.model.rtprop == pytest.approx(2 * RTT, rel=0.05)


# -- programs that give too little


def test_a_slow_program_does_not_lower_the_estimate(watched: Watched) -> None:
    watched.path.run(2)
    watched.path.feed(RATE // 5)
    rounds = watched.bbr.model.round
    watched.path.run(6)
    assert watched.bbr.model.round > rounds + 50
    assert watched.bandwidth() == pytest.approx(RATE, rel=0.02)
    watched.path.feed(0)
    before = watched.path.delivered
    watched.path.run(1)
    assert watched.path.delivered - before > 0.95 * RATE


def test_startup_is_not_over_because_the_program_is_slow(watched: Watched) -> None:
    watched.path.feed(RATE // 5)
    watched.path.run(3)
    assert watched.bbr.state == STARTUP
    watched.path.feed(0)
    watched.path.run(1)
    assert watched.bandwidth() == pytest.approx(RATE, rel=0.02)


def test_after_idle_time_it_goes_on_at_the_known_rate(watched: Watched) -> None:
    watched.path.run(2)
    watched.path.feed(1)  # as good as nothing for 15 s
    watched.until(lambda: watched.flow.in_flight == 0)
    while watched.bbr.pacing_gain == 1000:
        watched.path.run(1)
    watched.flow.now += 15 * SECOND
    watched.flow.app_limited = True
    watched.bbr.on_restart(15 * SECOND)
    assert watched.flow.pacing_rate == pytest.approx(RATE * (MSS + HEADERS), rel=0.02)
    sample = RateSample()
    sample.newly_acked, sample.rtt, sample.app_limited = 1, RTT, True
    sample.prior_delivered = watched.flow.delivered
    watched.bbr.on_rate(sample)
    assert watched.bbr.state == PROBE_BW  # what was idle needs no probe of the RTT


# -- losses


@pytest.mark.parametrize("share", [0.001, 0.02])
def test_random_losses_do_not_slow_it_down(fake_path: type[FakePath], share: float) -> None:
    delivered = {}
    for control in (Reno, Bbr):
        path = fake_path(control, rate=2000, rtt=RTT, buffer=1000)
        draw = random.Random(3)
        path.drops = lambda number, draw=draw: draw.random() < share  # type: ignore[misc]
        path.run(4)
        delivered[control.name] = path.delivered
    assert delivered["bbr"] > 0.9 * 4 * 2000 * (1 - share)
    if share == 0.02:
        assert delivered["bbr"] > 4 * delivered["reno"]


def ack(control: Bbr, acked: int = 1, lost: int = 0) -> None:
    """An ACK for what was sent last."""
    flow, sample = control.flow, RateSample()
    flow.now += MILLISECOND
    flow.in_flight -= acked + lost
    sample.newly_acked, sample.newly_lost, sample.rtt = acked, lost, RTT
    sample.prior_delivered = flow.delivered - 30
    flow.delivered += acked
    control.on_rate(sample)


def test_recovery_conserves_packets_for_a_round_then_restores_the_window(watched: Watched) -> None:
    watched.path.run(2)
    flow, bbr = watched.flow, watched.bbr
    before, flow.in_flight = flow.cwnd, 50
    bbr.on_loss()
    assert flow.cwnd == 51
    for lost in (1, 0) * 15:
        flow.in_flight = flow.cwnd
        ack(bbr, acked=1, lost=lost)
        assert flow.cwnd == flow.in_flight + 1
    assert flow.cwnd == 51 - 15
    for _ in range(5):
        flow.in_flight = flow.cwnd
        ack(bbr)
    assert flow.cwnd == 51 - 15 + 5  # the round is over: it grows by what is delivered
    bbr.on_recovered()
    assert flow.cwnd >= before


def test_after_a_timeout_the_window_is_one_and_then_restored(watched: Watched) -> None:
    watched.path.run(2)
    flow, bbr = watched.flow, watched.bbr
    before = flow.cwnd
    flow.in_flight = 0
    bbr.on_loss()
    bbr.on_timeout()
    assert flow.cwnd == 1
    flow.in_flight = 1
    ack(bbr)
    assert flow.cwnd == 4
    bbr.on_recovered()
    assert flow.cwnd == before


def test_a_timeout_within_a_recovery_does_not_forget_the_window_before_both(watched: Watched) -> None:
    watched.path.run(2)
    before = watched.flow.cwnd
    watched.flow.in_flight = 10
    watched.bbr.on_loss()
    ack(watched.bbr, lost=3)
    watched.bbr.on_timeout()
    watched.bbr.on_recovered()
    assert watched.flow.cwnd == before


def test_a_recovery_that_was_for_nothing_is_undone(watched: Watched) -> None:
    watched.path.run(2)
    before = watched.flow.cwnd
    watched.flow.in_flight = 10
    watched.bbr.on_loss()
    assert watched.flow.cwnd == 11
    assert watched.bbr.undo() == before


def test_an_outage_is_survived(watched: Watched) -> None:
    watched.path.run(2)
    watched.path.drops = lambda number: True
    watched.path.run(1)
    watched.path.drops = lambda number: False
    watched.path.run(3)
    before = watched.path.delivered
    watched.path.run(2)
    assert watched.path.delivered - before > 0.95 * 2 * RATE


# -- bounds


@pytest.mark.parametrize(("rate", "rtt"), [(50, 1), (100, 5), (1000, 1)])
def test_the_window_is_never_below_four(fake_path: type[FakePath], rate: int, rtt: int) -> None:
    flow = Watched(fake_path, rate=rate, rtt=rtt * MILLISECOND)
    flow.path.run(12)
    assert flow.bbr.state != STARTUP
    assert min(flow.windows) == 4
    assert flow.path.delivered > 0.9 * 12 * rate


def test_before_the_first_sample_the_window_is_the_initial_one() -> None:
    flow = Flow()
    assert Bbr(flow).inflight(HIGH_GAIN) == flow.cwnd == INITIAL_WINDOW


def test_every_run_is_the_same(fake_path: type[FakePath]) -> None:
    runs = []
    for _ in range(2):
        flow = Watched(fake_path)
        flow.path.run(3)
        runs.append((flow.states, flow.windows, flow.queue))
    assert runs[0] == runs[1]
