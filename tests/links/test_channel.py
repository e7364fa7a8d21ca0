from __future__ import annotations

import pytest

from sim.engine.engine import Engine
from sim.links.channel import Properties
from sim.links.rules import PASS, Deliver, Drop, Verdict
from sim.testing import linked
from sim.tracing.recorder import NOT_SENT, Recorder


def frame(size: int, mark: int = 0) -> bytes:
    return bytes([mark]) * size


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def test_arrival_is_serialisation_plus_propagation(engine: Engine, recorder: Recorder) -> None:
    a, b, _ = linked(engine, recorder, Properties(bandwidth=10**9, delay=10_000))
    a.port.send(frame(1000))
    engine.run()
    assert b.frames == [(8_000 + 10_000, frame(1000))]


def test_the_transmitter_sends_one_frame_after_the_other(engine: Engine, recorder: Recorder) -> None:
    a, b, _ = linked(engine, recorder, Properties(bandwidth=10**6, delay=5))
    for _ in range(3):
        a.port.send(frame(125))  # one millisecond each
    engine.run()
    assert [time for time, _ in b.frames] == [1_000_005, 2_000_005, 3_000_005]
    assert list(recorder.starts) == [0, 1_000_000, 2_000_000]


def test_both_directions_at_once(engine: Engine, recorder: Recorder) -> None:
    a, b, _ = linked(engine, recorder, Properties(bandwidth=10**6))
    a.port.send(frame(125))
    b.port.send(frame(125))
    engine.run()
    assert a.frames[0][0] == b.frames[0][0] == 1_000_000


def test_without_a_bandwidth_there_is_only_delay(engine: Engine, recorder: Recorder) -> None:
    a, b, _ = linked(engine, recorder, Properties(delay=7))
    a.port.send(frame(1500))
    a.port.send(frame(1500))
    engine.run()
    assert [time for time, _ in b.frames] == [7, 7]


def test_a_full_queue_drops_the_tail(engine: Engine, recorder: Recorder) -> None:
    a, b, link = linked(engine, recorder, Properties(bandwidth=10**6, queue_frames=2))
    for mark in range(5):
        a.port.send(frame(125, mark))  # one on the wire, two waiting, two too many
    assert link.channels[0].queued() == 2
    engine.run()
    assert [data[0] for _, data in b.frames] == [0, 1, 2]
    assert link.channels[0].drops == {"queue full": 2}
    assert list(recorder.arrivals)[3:] == [NOT_SENT, NOT_SENT]


def test_a_queue_has_room_again_once_a_frame_has_left(engine: Engine, recorder: Recorder) -> None:
    a, b, _ = linked(engine, recorder, Properties(bandwidth=10**6, queue_frames=1))
    a.port.send(frame(125))
    a.port.send(frame(125))
    engine.at(1_000_000, lambda: a.port.send(frame(125)))
    engine.run()
    assert len(b.frames) == 3


def test_a_queue_of_bytes_counts_what_is_still_to_leave(engine: Engine, recorder: Recorder) -> None:
    a, b, link = linked(engine, recorder, Properties(bandwidth=10**6, queue_bytes=300))
    for _ in range(4):
        a.port.send(frame(125))
    engine.run()
    assert len(b.frames) == 2
    assert link.channels[0].drops == {"queue full": 2}


def test_mtu_bounds_the_payload(engine: Engine, recorder: Recorder) -> None:
    a, b, link = linked(engine, recorder, Properties(mtu=1000))
    a.port.send(frame(1000 + 14 + 8))  # with two 802.1Q tags
    a.port.send(frame(1000 + 14 + 9))
    engine.run()
    assert len(b.frames) == 1
    assert link.channels[0].drops == {"exceeds link MTU": 1}


def test_a_cut_link_loses_what_waits_and_what_is_on_its_way(engine: Engine, recorder: Recorder) -> None:
    a, b, link = linked(engine, recorder, Properties(bandwidth=10**6, delay=10_000_000))
    for _ in range(3):
        a.port.send(frame(125))
    engine.at(10_500_000, lambda: link.set_up(False))
    engine.at(11_500_000, lambda: a.port.send(frame(125)))
    engine.at(12_000_000, lambda: link.set_up(True))
    engine.at(12_000_000, lambda: a.port.send(frame(125, 9)))
    engine.run()
    assert [data[0] for _, data in b.frames] == [9]
    assert link.channels[0].drops == {"link down": 4}
    assert a.carrier == b.carrier == [False, True]
    assert set(recorder.lost.values()) == {"link down"}


def test_new_properties_hold_for_the_frames_that_come(engine: Engine, recorder: Recorder) -> None:
    a, b, link = linked(engine, recorder, Properties(bandwidth=10**6))
    a.port.send(frame(125))
    link.configure(Properties(bandwidth=10**7))
    a.port.send(frame(125))
    engine.run()
    assert [time for time, _ in b.frames] == [1_000_000, 1_100_000]


def test_a_plain_function_is_a_rule(engine: Engine, recorder: Recorder) -> None:
    a, b, link = linked(engine, recorder, Properties(delay=5))

    def lose_ones(data: bytes, time: int) -> Verdict:
        return Drop("a one") if data[0] == 1 else PASS

    link.add_rule(lose_ones)
    a.port.send(frame(60, 1))
    a.port.send(frame(60, 2))
    b.port.send(frame(60, 1))
    engine.run()
    assert [data[0] for _, data in b.frames] == [2]
    assert a.frames == []
    assert link.channels[0].drops == link.channels[1].drops == {"a one": 1}
    assert list(recorder.lost.values()) == ["a one", "a one"]
    link.remove_rule(lose_ones)
    a.port.send(frame(60, 1))
    engine.run()
    assert len(b.frames) == 2


def test_rules_add_up_and_a_drop_ends_the_chain(engine: Engine, recorder: Recorder) -> None:
    a, b, link = linked(engine, recorder, Properties(delay=100))
    asked: list[bytes] = []

    def never_reached(data: bytes, time: int) -> Verdict:
        asked.append(data)
        return PASS

    link.add_rule(lambda data, time: Deliver(after=10, frame=b"x" + data))
    link.add_rule(lambda data, time: Deliver(after=5, copies=2))
    link.add_rule(lambda data, time: Drop("too long") if len(data) > 61 else PASS)
    link.add_rule(never_reached)
    a.port.send(frame(60))
    a.port.send(frame(61))
    engine.run()
    assert b.frames == [(115, b"x" + frame(60))] * 2
    assert len(asked) == 1
    assert recorder.altered == {recorder.ids[0]: b"x" + frame(60), recorder.ids[1]: b"x" + frame(60)}


def test_a_rule_sees_when_the_frame_leaves(engine: Engine, recorder: Recorder) -> None:
    a, _, link = linked(engine, recorder, Properties(bandwidth=10**6, delay=100))
    times: list[int] = []

    def watch(data: bytes, time: int) -> Verdict:
        times.append(time)
        return PASS

    link.add_rule(watch)
    a.port.send(frame(125))
    a.port.send(frame(125))
    engine.run()
    assert times == [1_000_000, 2_000_000]


def test_a_port_without_a_link_and_a_port_with_one_already() -> None:
    from sim.links.link import Link
    from sim.testing import Sink

    engine, recorder = Engine(), Recorder()
    a, b, _ = linked(engine, recorder, Properties())
    lonely = Sink(engine, recorder, "lonely")
    lonely.port.send(frame(60))
    engine.run()
    with pytest.raises(ValueError, match="a:eth0 has a link already"):
        Link(engine, (a.port, lonely.port), (0, 2), Properties(), recorder)
    assert b.frames == []


def test_what_is_recorded_of_a_hop(engine: Engine, recorder: Recorder) -> None:
    a, _, _ = linked(engine, recorder, Properties(bandwidth=10**9, delay=10))
    engine.cause = 77
    a.port.send(frame(100))
    row = recorder.row(recorder.ids[0])
    assert (recorder.starts[row], recorder.arrivals[row]) == (0, 810)
    assert (recorder.senders[row], recorder.causes[row]) == (a.port.index, 77)
    assert recorder.frames[row] == frame(100)


def test_an_empty_frame_is_a_bug_that_is_heard(engine: Engine, recorder: Recorder) -> None:
    a, _, _ = linked(engine, recorder, Properties())
    a.port.send(b"")
    with pytest.raises(ValueError, match="empty frame"):
        engine.run()


def test_taps_see_both_directions(engine: Engine, recorder: Recorder) -> None:
    a, _, _ = linked(engine, recorder, Properties(delay=3))
    seen: list[tuple[int, str, bytes]] = []
    a.port.taps = (lambda time, port, data: seen.append((time, port.name, data)),)
    a.port.send(b"out")
    engine.run()
    a.port.fire(b"in")
    assert seen == [(0, "eth0", b"out"), (3, "eth0", b"in")]
