"""Whole networks in virtual time against what the theory of congestion control says.

What a bottleneck carries is counted in frames: a segment of 1448 bytes of payload is 1514 bytes on the link (Ethernet
14, IPv4 20, TCP 20 and timestamps 12), so `payload * 1514 / 1448` of the bandwidth is used by what the receiving
program has read. Retransmissions, ACKs and the handshake count as nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from math import sqrt
from random import Random
from statistics import mean

import pytest

import sim
from sim.lab.nodes import LabHost
from sim.links.rules import PASS, Drop, Verdict
from sim.stack.tcp.sockets import TcpSocket
from sim.units import MILLISECOND, SECOND
from sim.wire.addresses import IPV4_ANY

MSS = 1448
FRAME = 1514
DATA = 1000  # bytes: a longer frame carries data, a shorter one is an ACK
STEP = 5 * MILLISECOND
CHUNK = bytes(256 * 1024)


class Flow:
    """A program on `client` that sends without end, and one on `server` that reads it all, each as soon as it can."""

    def __init__(self, client: LabHost, server: LabHost, control: str, port: int) -> None:
        self.received = 0
        server.originate("listen")
        listener = server.stack.tcp.socket()
        listener.bind(IPV4_ANY, port)
        listener.on_event = lambda: self._accept(listener)
        listener.listen(1)
        client.originate("connect")
        self.sender = client.stack.tcp.socket()
        self.sender.set_congestion(control)
        self.sender.on_event = self._write
        with suppress(BlockingIOError):
            self.sender.connect(server.network.resolve(server.name), port)

    def _write(self) -> None:
        with suppress(BlockingIOError):
            while True:
                self.sender.send(CHUNK)

    def _accept(self, listener: TcpSocket) -> None:
        with suppress(BlockingIOError):
            receiver = listener.accept()
            receiver.on_event = lambda: self._read(receiver)

    def _read(self, receiver: TcpSocket) -> None:
        with suppress(BlockingIOError):
            while data := receiver.receive(len(CHUNK)):
                self.received += len(data)

    def info(self) -> tuple[int, ...]:
        """The 24 fields of struct tcp_info of 32 bits, from tcpi_rto on."""
        return struct.unpack_from("=24I", self.sender.info(), 8)

    @property
    def cwnd(self) -> int:
        return self.info()[18]

    @property
    def rtt(self) -> float:
        """The smoothed round-trip time in seconds."""
        return self.info()[15] / 1e6

    @property
    def recovering(self) -> bool:
        """Whether tcpi_ca_state is another than open."""
        return self.sender.info()[1] != 0


def run(net: sim.Network, until: float, look: Callable[[], None] | None = None) -> None:
    """Let virtual time pass until so many seconds after the start; `look` is called every `STEP`."""
    while look is not None and net.now < until * SECOND:
        net.run(until=net.now + STEP)
        look()
    net.run(until=round(until * SECOND))


def dumbbell(
    count: int, *, bandwidth: str, delay: str, queue: int, discipline: str = "drop_tail", jitter: str = "0"
) -> sim.Network:
    """Hosts a0, a1 ... and the host b on two switches, with the bottleneck between these. `delay` is one way."""
    net = sim.Network(seed=1, record=False)
    left, right = net.switch("left"), net.switch("right")
    net.link(left, right, bandwidth=bandwidth, delay=delay, queue=queue, discipline=discipline)
    for n in range(count):
        net.link(net.host(f"a{n}", ip=f"10.0.0.{n + 1}/24"), left, bandwidth="1Gbps", jitter=jitter)
    net.link(net.host("b", ip="10.0.0.200/24"), right, bandwidth="1Gbps")
    return net


def lossy(rule: Callable[[bytes, int], Verdict], delay: str) -> sim.Network:
    """Hosts a0 and b on a link without bound but for `rule`."""
    net = sim.Network(seed=1, record=False)
    a, b = net.host("a0", ip="10.0.0.1/24"), net.host("b", ip="10.0.0.200/24")
    net.link(a, b, delay=delay, rules=[rule])
    return net


def host(net: sim.Network, name: str) -> LabHost:
    node = net[name]
    assert isinstance(node, LabHost)
    return node


def flow(net: sim.Network, name: str, control: str, port: int = 5001) -> Flow:
    return Flow(host(net, name), host(net, "b"), control, port)


def utilisation(flows: list[Flow], before: list[int], seconds: float, bandwidth: float) -> float:
    """The share of the bottleneck that was used since the flows had received so much."""
    payload = sum(flow.received - then for flow, then in zip(flows, before, strict=True))
    return payload * FRAME / MSS * 8 / (seconds * bandwidth)


# -- one flow


@pytest.mark.slow
@pytest.mark.parametrize(
    ("control", "megabits", "buffer"), [("reno", 10, 17), ("cubic", 10, 17), ("bbr", 10, 17), ("cubic", 100, 165)]
)
def test_one_flow_fills_the_bottleneck(control: str, megabits: int, buffer: int) -> None:
    """With a buffer of one BDP (20 ms) the window after halving still fills the path (Villamizar and Song, 1994)."""
    net = dumbbell(1, bandwidth=f"{megabits}Mbps", delay="10ms", queue=buffer)
    one = flow(net, "a0", control)
    run(net, 1)
    before = one.received
    run(net, 3)
    assert utilisation([one], [before], 2, megabits * 1e6) > 0.95


@pytest.mark.slow
def test_bbr_keeps_the_queue_short_where_reno_fills_it() -> None:
    """BBR holds about one BDP in flight, a quarter more while it probes (draft-cardwell-iccrg-bbr 4.3.4)."""
    delays = {}
    for control in ("reno", "bbr"):
        net = dumbbell(1, bandwidth="10Mbps", delay="10ms", queue=100)
        one = flow(net, "a0", control)
        seen: list[float] = []
        run(net, 2)
        run(net, 8, lambda one=one, seen=seen: seen.append(one.rtt))  # type: ignore[misc]
        delays[control] = mean(seen) - 0.0212
    assert delays["bbr"] < 0.5 * 0.0212
    assert delays["reno"] > 0.040


class RandomLoss:
    """Loses one segment in each run of 1/p, at a random place, and no ACK: random, but even enough for a short run."""

    def __init__(self, p: float, seed: int) -> None:
        self.run = round(1 / p)
        self.random = Random(seed)
        self.count = 0
        self.victim = 0

    def __call__(self, frame: bytes, time: int) -> Verdict:
        if len(frame) < DATA:
            return PASS
        place = self.count % self.run
        if place == 0:
            self.victim = self.random.randrange(self.run)
        self.count += 1
        return Drop("loss") if place == self.victim else PASS


@pytest.mark.slow
@pytest.mark.parametrize(("p", "segments"), [(0.001, 10_000), (0.003, 6_000), (0.01, 4_000)])
def test_reno_under_random_loss_follows_mathis(p: float, segments: int) -> None:
    """rate = MSS/RTT * sqrt(3/2) / sqrt(p) within 15 % (Mathis, Semke, Mahdavi and Ott, CCR 27(3), 1997, equation 3).

    b is 1: the window grows by what is acknowledged (RFC 3465), not by how many ACKs say so. The RTT is the mean of
    what the sender measures, delayed ACKs included.
    """
    ratios = []
    for seed in range(2):
        net = lossy(RandomLoss(p, seed), "10ms")
        one = flow(net, "a0", "reno")
        run(net, 0.5)
        before = one.received
        rtts: list[float] = []
        seconds = segments * 0.020 / sqrt(1.5 / p)
        run(net, 0.5 + seconds, lambda one=one, rtts=rtts: rtts.append(one.rtt))  # type: ignore[misc]
        rate = (one.received - before) / seconds
        ratios.append(rate / (MSS / mean(rtts) * sqrt(1.5 / p)))
    assert mean(ratios) == pytest.approx(1, abs=0.15)


@pytest.mark.slow
def test_cubic_follows_its_equation_in_a_real_connection() -> None:
    """W(t) = C (t - K)^3 + W_max within 2 % (RFC 9438, equation 1), after a single loss; RTT 100 ms."""
    count = 0

    def lose_one(frame: bytes, time: int) -> Verdict:
        nonlocal count
        count += len(frame) > DATA
        return Drop("loss") if count == 300 and len(frame) > DATA else PASS

    net = lossy(lose_one, "50ms")
    one = flow(net, "a0", "cubic")
    trail: list[tuple[float, int, bool]] = []
    run(net, 10, lambda: trail.append((net.now / SECOND, one.cwnd, one.recovering)))
    end = next(n for n, (old, new) in enumerate(pairwise(trail), 1) if old[2] and not new[2])
    start, first, _ = trail[end]
    w_max = max(window for _, window, _ in trail[:end])
    assert abs(first - 0.7 * w_max) <= 2
    k = ((w_max - first) / 0.4) ** (1 / 3)
    assert start + 1.3 * k < 10
    for time, window, _ in trail[end:]:
        assert window == pytest.approx(0.4 * (time - start - k) ** 3 + w_max, rel=0.02)


# -- two flows


@pytest.mark.slow
@pytest.mark.parametrize("control", ["reno", "cubic"])
def test_two_equal_flows_share_equally(control: str) -> None:
    """Each has half within 10 % over a minute (Chiu and Jain, 1989: additive increase, multiplicative decrease).

    The hosts' links jitter by a millisecond, as hosts do: without noise a drop-tail queue may always be full for
    the same flow (phase effects; Floyd and Jacobson, 1992).
    """
    net = dumbbell(2, bandwidth="5Mbps", delay="20ms", queue=17, jitter="1ms")
    flows = [flow(net, "a0", control, 5001)]
    run(net, 0.3)
    flows.append(flow(net, "a1", control, 5002))
    run(net, 2)
    before = [one.received for one in flows]
    run(net, 62)
    share = (flows[0].received - before[0]) / sum(one.received - then for one, then in zip(flows, before, strict=True))
    assert share == pytest.approx(0.5, rel=0.1)
    assert utilisation(flows, before, 60, 5e6) > 0.95


# -- queues


@pytest.mark.slow
def test_codel_keeps_the_standing_delay_near_its_target() -> None:
    """Where drop-tail lets cubic fill 200 packets, CoDel holds the standing queue at 5 ms (RFC 8289 4.3), and the
    link busy. The standing delay is the least of each of CoDel's intervals of 100 ms, here as the RTT's excess.
    """
    standing = {}
    for discipline in ("drop_tail", "codel"):
        net = dumbbell(1, bandwidth="10Mbps", delay="10ms", queue=200, discipline=discipline)
        one = flow(net, "a0", "cubic")
        run(net, 5)
        before = one.received
        rtts: list[float] = []
        run(net, 15, lambda one=one, rtts=rtts: rtts.append(one.rtt))  # type: ignore[misc]
        assert utilisation([one], [before], 10, 10e6) > 0.95
        standing[discipline] = mean(min(rtts[n : n + 20]) for n in range(0, len(rtts), 20)) - 0.0212
    assert 0 < standing["codel"] < 0.010
    assert standing["drop_tail"] > 0.150
