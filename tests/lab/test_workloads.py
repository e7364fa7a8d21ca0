"""The workloads do the work that they say, the same each time."""

from __future__ import annotations

import pytest

from sim.lab.dumbbell import Dumbbell
from sim.lab.nodes import LabHost
from sim.lab.workloads import WORKLOADS, Workload, address_of, chain, lan, scale

SMALL = {"chain": chain(50), "lan": lan(200), "scale": scale(20), "dumbbell": Dumbbell(2)}


def run(workload: Workload, record: bool = False) -> dict[str, int]:
    net = workload.build(record)
    workload.start(net)
    net.run()
    workload.check(net)
    return workload.done(net)


def test_all_are_tried_here() -> None:
    assert set(SMALL) == set(WORKLOADS)
    assert {name: make(0.001).name for name, make in WORKLOADS.items()} == {name: name for name in WORKLOADS}


@pytest.mark.parametrize("name", SMALL)
def test_the_same_each_time_and_with_the_trace_recorded(name: str) -> None:
    first = run(SMALL[name])
    assert run(SMALL[name]) == first
    assert run(SMALL[name], record=True) == first


@pytest.mark.parametrize("name", SMALL)
def test_check_finds_what_is_missing(name: str) -> None:
    workload = SMALL[name]
    net = workload.build()
    workload.start(net)
    net.run(until="1ms")
    with pytest.raises(RuntimeError, match=name):
        workload.check(net)


def test_chain() -> None:
    counters = run(chain(100))
    assert (counters["sent"], counters["received"]) == (100, 100)
    assert 600 <= counters["frame_hops"] < 650  # what is more are neighbours that make sure of one another


def test_lan() -> None:
    """Once per pair two ARP questions at most, flooded to 209 links; then a request and a reply over two or four."""
    workload = lan(400)
    net = workload.build()
    assert [node.kind for node in net.nodes.values()].count("switch") == 11
    assert len(net.links) == 210
    counters = run(workload)
    assert counters["sent"] == counters["replies"] == 400
    assert counters["frame_hops"] > 400 * 2 * 2


@pytest.mark.parametrize("name", ["lan", "scale"])
def test_partners_are_others(name: str) -> None:
    workload = {"lan": lan(200), "scale": scale(100)}[name]
    net = workload.build(record=True)
    workload.start(net)
    net.run()
    frames = [frame for frame in net.recorder.frames if frame[12:14] == b"\x08\x00" and frame[36:38] == b"\0\7"]
    requests = {(frame[26:30], frame[30:34]) for frame in frames}
    assert len({source for source, _ in requests}) == len(requests) == workload.done(net)["sent"]
    assert all(source != destination for source, destination in requests)
    if name == "lan":  # a permutation: everybody is asked as well
        assert len({destination for _, destination in requests}) == 200


@pytest.mark.parametrize(("hosts", "nodes", "sent"), [(2, 5, 2), (100, 103, 100), (300, 307, 300)])
def test_scale(hosts: int, nodes: int, sent: int) -> None:
    workload = scale(hosts)
    net = workload.build()
    assert len(net.nodes) == nodes
    workload.start(net)
    net.run()
    assert workload.done(net)["replies"] == sent
    assert net.now >= 1_000_000_000
    first = net["h1"]
    assert isinstance(first, LabHost)
    assert address_of(first) == bytes((10, 0, 0, 2))


def test_another_seed_draws_other_partners() -> None:
    assert run(scale(50, seed=1)) != run(scale(50, seed=2))
