from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.engine.engine import Engine
from sim.links.channel import Properties
from sim.links.rules import Deliver
from sim.testing import linked
from sim.tracing.captures import Captured, captured
from sim.tracing.recorder import Recorder
from sim.units import MILLISECOND

if TYPE_CHECKING:
    from tests.tracing.conftest import Office

A, B = 0, 1  # the ports of two linked sinks


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def seen(recorder: Recorder, engine: Engine) -> list[tuple[int, int, bool]]:
    """(time, port, outbound) of all that was captured by now."""
    recorder.end = engine.now
    return [(event.time, event.port, event.outbound) for event in captured(recorder)]


def test_a_frame_is_seen_leaving_and_arriving(engine: Engine, recorder: Recorder) -> None:
    a, _, _ = linked(engine, recorder, Properties(bandwidth=10**6, delay=5))
    a.port.send(bytes(125))
    engine.run()
    recorder.end = engine.now
    assert captured(recorder) == [
        Captured(0, 1, A, True, bytes(125), ""),
        Captured(1_000_005, 1, B, False, bytes(125), ""),
    ]


def test_events_come_in_the_order_of_time_whatever_the_order_of_sending(engine: Engine, recorder: Recorder) -> None:
    a, b, _ = linked(engine, recorder, Properties(delay=100))
    a.port.send(b"first")
    engine.at(50, lambda: b.port.send(b"second"))
    engine.run()
    assert seen(recorder, engine) == [(0, A, True), (50, B, True), (100, B, False), (150, A, False)]


def test_at_the_same_time_the_smaller_id_comes_first_and_leaving_before_arriving(
    engine: Engine, recorder: Recorder
) -> None:
    a, b, _ = linked(engine, recorder, Properties())
    b.port.send(b"one")
    a.port.send(b"two")
    engine.run()
    assert seen(recorder, engine) == [(0, B, True), (0, A, False), (0, A, True), (0, B, False)]


def test_what_has_not_arrived_yet_is_seen_leaving_only(engine: Engine, recorder: Recorder) -> None:
    a, _, _ = linked(engine, recorder, Properties(delay=100))
    a.port.send(b"frame")
    engine.run(until=50)
    assert seen(recorder, engine) == [(0, A, True)]


def test_what_still_waits_in_the_queue_is_not_seen(engine: Engine, recorder: Recorder) -> None:
    a, _, _ = linked(engine, recorder, Properties(bandwidth=10**6))
    for _ in range(3):
        a.port.send(bytes(125))  # one millisecond each
    engine.run(until=MILLISECOND + 1)
    assert seen(recorder, engine) == [(0, A, True), (MILLISECOND, B, False), (MILLISECOND, A, True)]


def test_what_a_cut_link_lost_in_its_queue_never_left(engine: Engine, recorder: Recorder) -> None:
    a, _, link = linked(engine, recorder, Properties(bandwidth=10**6))
    for _ in range(3):
        a.port.send(bytes(125))
    engine.at(MILLISECOND // 2, lambda: link.set_up(False))
    engine.at(10 * MILLISECOND, lambda: None)
    engine.run()
    assert seen(recorder, engine) == [(0, A, True)]


def test_a_lost_frame_is_seen_once_and_says_why(engine: Engine, recorder: Recorder) -> None:
    a, _, link = linked(engine, recorder, Properties(delay=100))
    a.port.send(b"frame")
    engine.at(50, lambda: link.set_up(False))
    engine.run()
    recorder.end = engine.now
    (event,) = captured(recorder)
    assert (event.port, event.outbound, event.comment) == (A, True, "a: dropped, link down")


def test_a_frame_that_never_got_onto_its_link_is_not_seen(engine: Engine, recorder: Recorder) -> None:
    a, _, link = linked(engine, recorder, Properties())
    link.set_up(False)
    a.port.send(b"frame")
    engine.run()
    assert seen(recorder, engine) == []


def test_an_altered_frame_arrives_with_its_new_bytes(engine: Engine, recorder: Recorder) -> None:
    a, _, link = linked(engine, recorder, Properties())
    link.add_rule(lambda frame, time: Deliver(frame=b"other", why="corrupted"))
    a.port.send(b"frame")
    engine.run()
    recorder.end = engine.now
    assert [event.frame for event in captured(recorder)] == [b"frame", b"other"]
    assert "altered" in captured(recorder)[1].comment or "corrupted" in captured(recorder)[1].comment


def test_a_frame_that_the_link_doubles_leaves_once_and_arrives_twice(engine: Engine, recorder: Recorder) -> None:
    a, _, link = linked(engine, recorder, Properties(delay=5))
    link.add_rule(lambda frame, time: Deliver(copies=2, why="duplicated"))
    a.port.send(b"frame")
    engine.run()
    assert seen(recorder, engine) == [(0, A, True), (5, B, False), (5, B, False)]


def test_what_a_device_said_about_a_frame_stands_at_its_arrival(office: Office) -> None:
    office.pc1.ping("pc2")
    office.pc1.ping("8.8.8.8")
    comments = [(event.outbound, event.comment) for event in office.net.trace.captured() if event.comment]
    assert (False, "sw1: flood (broadcast) to 2 ports") in comments
    assert (False, "r1: dropped, no route") in comments


def test_loopback_is_seen_once_for_each_frame(office: Office) -> None:
    office.pc1.ping("127.0.0.1")
    assert [office.net.recorder.port_name(event.port) for event in office.net.trace.captured()] == ["pc1:lo"] * 2
