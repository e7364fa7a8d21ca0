"""A capture that is sent again: the same frames, at the same distances in time, each time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

import sim
from sim.errors import TopologyError
from sim.lab.network import Network
from sim.lab.nodes import Probe
from sim.lab.replay import ReplayNode
from sim.lab.runner import Run
from sim.scenario.load import loads

FRAMES = [(0, b"one" + bytes(60)), (10, b"two" + bytes(60)), (25, b"three" + bytes(60))]


def replay(**settings: int | Fraction) -> tuple[Network, ReplayNode, Probe]:
    net = Network()
    node = net.add(ReplayNode(net, "rp", FRAMES, **settings))  # type: ignore[arg-type]
    probe = net.probe("p")
    net.link(node, probe)
    return net, node, probe


def test_the_frames_come_at_their_times() -> None:
    net, node, probe = replay(start=1000)
    net.run()
    assert probe.frames == [(1000 + time, frame) for time, frame in FRAMES]
    assert node.counters() == {"sent": 3, "received": 0}


def test_twice_as_fast_and_half_as_fast() -> None:
    net, _, probe = replay(speed=Fraction(2))
    net.run()
    assert [time for time, _ in probe.frames] == [0, 5, 12]
    net, _, probe = replay(speed=Fraction("0.1"))
    net.run()
    assert [time for time, _ in probe.frames] == [0, 100, 250]


def test_rounds_with_a_pause_between_them() -> None:
    net, node, probe = replay(loop=3, pause=7)
    net.run()
    assert [time for time, _ in probe.frames] == [0, 10, 25, 32, 42, 57, 64, 74, 89]
    assert [frame for _, frame in probe.frames] == [frame for _, frame in FRAMES] * 3
    assert node.counters()["sent"] == 9


def test_rounds_of_a_single_frame_end() -> None:
    net = Network()
    node = net.add(ReplayNode(net, "rp", FRAMES[:1], loop=1000))
    probe = net.probe("p")
    net.link(node, probe)
    net.run()
    assert [time for time, _ in probe.frames] == [0] * 1000


def test_what_it_receives_it_counts() -> None:
    net, node, probe = replay()
    probe.inject(b"x" * 60)
    net.run()
    assert node.counters() == {"sent": 3, "received": 1}
    assert node.frames == []


def test_while_it_is_off_its_frames_are_not_sent() -> None:
    net, node, probe = replay()
    net.run(until=5)
    net.set_power(node, False)
    net.run(until=15)
    net.set_power(node, True)
    net.run()
    assert [frame for _, frame in probe.frames] == [FRAMES[0][1], FRAMES[2][1]]
    assert node.counters()["sent"] == 2


def test_each_frame_is_the_root_of_a_journey_that_says_where_it_is_from() -> None:
    net, node, _ = replay()
    net.run()
    assert [net.trace.journey(root).path() for root in node.roots] == [["rp", "p"]] * 3
    assert "replayed from capture" in str(net.trace.journey(node.roots[0]).__dict__)


# From a file ----------------------------------------------------------------------------------------------------

RECORDED = """
seed: 3
defaults: {link: {bandwidth: 10Mbps, delay: 1ms, jitter: 300us, loss: 10%}}
nodes:
  a: {kind: host, ip: 10.0.0.1/24}
  b: {kind: host, ip: 10.0.0.2/24}
  sw: {kind: switch}
links: [[a, sw], [b, sw]]
scenario:
  - tcp: {from: a, to: b, port: 80, bytes: 20kB}
"""


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """A capture of another run: TCP over a line that loses."""
    trace = Run(loads(RECORDED)).run().network.trace
    trace.write_pcapng(tmp_path / "a.pcapng")
    return tmp_path


def test_a_run_replayed_is_the_same_frames_at_the_same_relative_times(capture: Path) -> None:
    """What went out of a's port in one run comes out of the replay's port in another; the last word has tshark."""
    first = Run(loads(RECORDED)).run().network
    port = first.port("a").index
    rows = zip(first.recorder.starts, first.recorder.senders, first.recorder.frames, strict=True)
    sent = [(time, frame) for time, sender, frame in rows if sender == port]
    assert len(sent) > 15

    (capture / "again.yaml").write_text(
        "nodes:\n"
        '  rp: {kind: replay, file: a.pcapng, interface: "a:eth0", direction: out, start: 5s}\n'
        "  sw: {kind: switch}\n"
        "links: [[rp, sw]]\n"
    )
    net = sim.load(capture / "again.yaml")
    seen: list[tuple[int, bytes]] = []
    node = net["rp"]
    assert isinstance(node, Probe)
    node.attach(lambda time, port, frame: seen.append((time, frame)))
    net.run()
    start = 5_000_000_000 - sent[0][0]
    assert seen == [(time + start, frame) for time, frame in sent]


def test_the_digest_is_the_same_each_time(capture: Path) -> None:
    path = capture / "again.yaml"
    path.write_text(
        "nodes:\n"
        "  rp: {kind: replay, file: a.pcapng, speed: 3, loop: 2, pause: 1ms}\n"
        "  b: {kind: host, ip: 10.0.0.2/24}\n"
        "links: [[rp, b]]\n"
        "scenario: [{wait: 100s, expect: {seen: [b]}}]\n"
    )
    reports = [sim.run(path) for _ in range(2)]
    assert reports[0].passed
    assert reports[0].digest == reports[1].digest


@pytest.mark.parametrize(("expect", "passed"), [("{seen: [b]}", True), ("{unseen: [b]}", False)])
def test_seen_of_a_wait_is_where_replayed_frames_went(capture: Path, expect: str, passed: bool) -> None:
    path = capture / "again.yaml"
    path.write_text(
        "nodes:\n"
        "  rp: {kind: replay, file: a.pcapng, start: 1s}\n"
        "  b: {kind: host, ip: 10.0.0.2/24}\n"
        "links: [[rp, b]]\n"
        f"scenario: [{{wait: 1ms, expect: {{unseen: [b]}}}}, {{wait: 2s, expect: {expect}}}]\n"
    )
    report = sim.run(path)
    assert [step.passed for step in report.steps] == [True, passed]


def test_a_capture_that_broke_off_after_it_was_checked(capture: Path) -> None:
    """Between the check and the building of a network the file may change."""
    path = capture / "again.yaml"
    path.write_text("nodes:\n  rp: {kind: replay, file: a.pcapng}\n  b: {kind: hub}\nlinks: [[rp, b]]\n")
    from sim.lab.build import build
    from sim.scenario.load import load

    topology = load(path)
    whole = (capture / "a.pcapng").read_bytes()
    (capture / "a.pcapng").write_bytes(whole[:-1])
    with pytest.raises(TopologyError, match=r"again.yaml:2:\d+: error: a.pcapng cannot be replayed: it is cut short"):
        build(topology)
