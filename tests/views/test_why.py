"""The answer to "why was this frame there?", from recordings made by hand."""

from __future__ import annotations

import pytest

from sim.tracing import kinds
from sim.tracing.recorder import Recorder
from sim.views.journey import Telling
from sim.views.text import plain
from sim.views.why import reason, reason_data, reason_lines, wish_of

FRAME = b"\2\0\0\0\0\5" + b"\2\0\0\0\0\1" + b"\x88\xb5" + bytes(46)
ENGLISH = Telling("en")


@pytest.fixture
def recorder() -> Recorder:
    """h1 wishes (1) and sends 2, which sw1 passes on as 3; nobody wished 9, which is caused by 7, of which nothing is
    known."""
    recorder = Recorder()
    nodes = [recorder.add_node(name, kind) for name, kind in (("h1", "host"), ("sw1", "switch"), ("h2", "host"))]
    ports = [recorder.add_port(node, name) for node, name in zip([0, 1, 1, 2], ["e0", "e1", "e2", "e0"], strict=True)]
    recorder.connect(ports[0], ports[1])
    recorder.connect(ports[2], ports[3])
    recorder.note(50, 1, nodes[0], kinds.ORIGIN, "a frame")
    recorder.transmission(2, 50, 100, ports[0], 1, FRAME)
    recorder.note(100, 2, nodes[1], kinds.FORWARD, "e2")
    recorder.transmission(3, 100, 200, ports[2], 2, FRAME)
    recorder.note(200, 3, nodes[2], kinds.DELIVER, "UDP port 53")
    recorder.transmission(9, 300, 400, ports[0], 7, FRAME)
    recorder.end = 350
    return recorder


def told(recorder: Recorder, number: int) -> str:
    return plain(reason_lines(reason(recorder, number), ENGLISH))


def test_a_frame_in_the_middle(recorder: Recorder) -> None:
    assert told(recorder, 3).splitlines()[3:] == [
        "where it comes from",
        "  h1 wants to send: a frame",
        "  0s        #2     h1:e0 > sw1:e1  Ethernet 02:00:00:00:00:01 > 02:00:00:00:00:05 type 0x88b5 46 bytes",
        "            sw1 has learned that 02:00:00:00:00:05 lives behind e2, so it sends it there and nowhere else",
        "",
        "this frame",
        "  50ns      #3     sw1:e2 > h2:e0  the same frame",
        "            h2 takes it in: a program has UDP port 53 open",
        "",
        "what became of it",
        "  nothing was sent because of it",
    ]


def test_the_first_frame_of_a_journey_knows_what_follows(recorder: Recorder) -> None:
    assert "#3     sw1:e2 > h2:e0  the same frame" in told(recorder, 2).partition("what became of it")[2]


def test_a_cause_that_is_not_recorded_is_said(recorder: Recorder) -> None:
    assert "it was sent because of #7, which is not in the trace" in told(recorder, 9)


def test_data(recorder: Recorder) -> None:
    data = reason_data(reason(recorder, 3), "en")
    assert data["way"] == ["h1", "sw1", "h2"]
    assert data["delivered"] == "UDP port 53"
    assert data["dropped"] is None
    assert [hop["id"] for hop in data["chain"]] == [2]
    assert data["origin"]["text"] == "a frame"


def test_a_number_that_is_no_frame(recorder: Recorder) -> None:
    with pytest.raises(KeyError):
        reason(recorder, 1)
    journey = wish_of(recorder, 1)
    assert journey is not None
    assert journey.node == "h1"
    assert wish_of(recorder, 8) is None
