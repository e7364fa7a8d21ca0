"""A journey as a tree: brief, or in whole sentences that are cut to the width of a terminal."""

from __future__ import annotations

from sim.tracing import kinds
from sim.tracing.journeys import Lineage
from sim.tracing.recorder import Recorder
from sim.views.journey import Telling, journey_lines
from sim.views.text import columns, plain

FRAME = b"\2\0\0\0\0\5" + b"\2\0\0\0\0\1" + b"\x88\xb5" + bytes(46)


def recording() -> Recorder:
    """A frame that a switch floods, and one of its copies that is lost."""
    recorder = Recorder()
    nodes = [recorder.add_node(name, kind) for name, kind in (("h1", "host"), ("sw1", "switch"), ("h2", "host"))]
    ports = [recorder.add_port(node, name) for node, name in zip([0, 1, 1, 2], ["e0", "e1", "e2", "e0"], strict=True)]
    recorder.connect(ports[0], ports[1])
    recorder.connect(ports[2], ports[3])
    recorder.transmission(1, 0, 100, ports[0], 0, FRAME)
    recorder.note(100, 1, nodes[1], kinds.FLOOD, ("unknown", 1))
    recorder.transmission(2, 100, 200, ports[2], 1, FRAME)
    recorder.lose(100, 2, nodes[1], "queue full")
    return recorder


def told(telling: Telling) -> str:
    return plain(journey_lines(Lineage(recording()).journey(1), telling))


def test_brief() -> None:
    assert told(Telling()).splitlines()[1:] == [
        "          sw1 floods it to 1 port: it has not learned where the destination lives",
        "100ns     sw1:e2 > h2:e0  the same frame",
        "          lost: queue full",
    ]


def test_in_whole_sentences_a_loss_is_told_once() -> None:
    assert told(Telling("en")).splitlines()[1:] == [
        "          sw1 has not learned 02:00:00:00:00:05, so it floods it to 1 port",
        "100ns     #2     sw1:e2 > h2:e0  the same frame",
        "          sw1 drops it: the queue of the port it should leave by is full",
    ]


def test_sentences_are_cut_to_the_width_and_hang_below_the_name() -> None:
    lines = told(Telling("en", 50)).splitlines()
    assert lines[1:3] == [
        "          sw1 has not learned 02:00:00:00:00:05,",
        "              so it floods it to 1 port",
    ]
    chinese = told(Telling("zh", 50)).splitlines()[1:3]
    assert all(40 < columns(line) <= 50 for line in chinese)


def test_what_is_decided_later_says_when() -> None:
    recorder = recording()
    recorder.note(3_000_000_100, 1, 1, kinds.ARP_FAIL, (b"\x0a\0\0\1", "e2"))
    lines = plain(journey_lines(Lineage(recorder).journey(1), Telling("en"))).splitlines()
    assert "          sw1 3s later: gives up: nobody on e2 has answered the ARP requests for 10.0.0.1" in lines
