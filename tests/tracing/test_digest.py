from __future__ import annotations

from collections.abc import Callable

import pytest

from sim.lab.network import Network
from sim.tracing.digest import digest
from sim.tracing.recorder import Recorder


def made() -> Recorder:
    recorder = Recorder()
    for name in ("a", "b"):
        recorder.add_port(recorder.add_node(name, "host"), "eth0")
    recorder.connect(0, 1)
    recorder.transmission(1, 10, 20, 0, 0, b"frame")
    recorder.transmission(2, 30, 40, 1, 1, b"reply")
    recorder.lose(30, 2, 1, "loss")
    recorder.altered[1] = b"frame!"
    recorder.note(20, 1, 1, 14, "ICMP")
    recorder.end = 50
    return recorder


def test_the_same_recording_has_the_same_digest() -> None:
    assert digest(made()) == digest(made())
    assert len(digest(made())) == 64


def put(name: str, index: int, value: object) -> Callable[[Recorder], None]:
    def change(recorder: Recorder) -> None:
        getattr(recorder, name)[index] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        put("nodes", 0, "c"),
        put("node_kinds", 0, "router"),
        put("ports", 1, "eth1"),
        put("port_peers", 0, -1),
        put("ids", 0, 0),
        put("starts", 0, 11),
        put("arrivals", 0, 21),
        put("senders", 0, 1),
        put("causes", 1, 0),
        put("frames", 0, b"frames"),
        put("lost", 2, "queue full"),
        put("altered", 1, b"frame?"),
        put("note_times", 1, 21),
        put("note_subjects", 1, 2),
        put("note_nodes", 1, 0),
        put("note_kinds", 1, 15),
        put("note_details", 1, "UDP"),
        lambda recorder: recorder.transmission(3, 40, 50, 0, 0, b""),
        lambda recorder: recorder.note(20, 1, 1, 14, ""),
    ],
)
def test_whatever_differs_the_digest_differs(change: Callable[[Recorder], None]) -> None:
    recorder = made()
    change(recorder)
    assert digest(recorder) != digest(made())


def run(seed: int) -> str:
    net = Network(seed=seed)
    a, b = net.host("a", "10.0.0.1/24"), net.host("b", "10.0.0.2/24")
    net.link(a, b, loss=0.3, jitter="1ms", delay="1ms")
    a.ping("b", count=20, interval="10ms")
    return net.trace.digest()


def test_a_run_of_one_seed_is_repeated_exactly_and_another_seed_is_another_run() -> None:
    assert run(1) == run(1)
    assert run(1) != run(2)
