"""What was written down of the devices' tables against the devices themselves, at many instants of the same run."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from sim.devices.device import Device
from sim.lab.network import Network
from sim.lab.runner import Run
from sim.lab.table_watch import TableWatch
from sim.lab.tables import tables
from sim.scenario.load import load
from sim.tracing.tables import Known, Tables

TOPOLOGIES = Path(__file__).parents[2] / "topologies"
SHOWN = [
    "broadcast_and_groups",
    "dhcp_office",
    "dns_hierarchy",
    "firewall",
    "hub_versus_switch",
    "nat_behaviours",
    "office",
    "tcp_handshake",
    "udp_programs",
]


def watched(name: str) -> tuple[Network, Tables]:
    """A topology's run, and what was written down of it."""
    run = Run(load(TOPOLOGIES / f"{name}.yaml"))
    watch = TableWatch(run.network)
    run.run()
    watch.finish()
    assert run.network.recorder.tables is not None
    return run.network, run.network.recorder.tables


def known_at(name: str, time: int) -> dict[str, Known]:
    """What the devices know at a time (ns), in a run of its own that nobody watches."""
    run = Run(load(TOPOLOGIES / f"{name}.yaml"))
    run.run(until=time)
    return {node.name: tables(node, time)[0] for node in run.network.nodes.values()}


@pytest.mark.slow
@pytest.mark.parametrize("name", SHOWN)
def test_at_any_time_it_is_what_the_devices_know(name: str) -> None:
    net, written = watched(name)
    draw = random.Random(name)
    changes = [time for time in written.times if time > 0]
    moments = {draw.randrange(1, net.now) for _ in range(4)} | {draw.choice(changes) for _ in range(4)}
    for time in sorted(moments):
        at = written.at(time)
        for node_name, known in known_at(name, time).items():
            node = net[node_name]
            assert isinstance(node, Device)
            assert at.get(node.journal.node, {}) == known, f"{node_name} at {time} ns"


def test_watching_changes_nothing() -> None:
    net, _ = watched("office")
    assert net.trace.digest() == Run(load(TOPOLOGIES / "office.yaml")).run().digest


def test_what_ages_by_itself_is_seen_to() -> None:
    """Nothing happens after the last ping, and yet the neighbour is no longer known for sure thirty seconds later."""
    net = Network(seed=1)
    pc1, pc2 = net.host("pc1", ip="10.0.0.1/24"), net.host("pc2", ip="10.0.0.2/24")
    switch = net.switch("sw", ageing="40s")
    net.link(pc1, switch)
    net.link(pc2, switch)
    watch = TableWatch(net)
    pc1.ping("10.0.0.2")
    net.run(until="100s")
    watch.finish()
    assert net.recorder.tables is not None
    states = [
        (time, row[1])
        for time, name, row in zip(
            net.recorder.tables.times, net.recorder.tables.names, net.recorder.tables.rows, strict=True
        )
        if name == "ARP" and row is not None and row[1] == "stale"
    ]
    assert [round(time / 1e9) for time, _ in states] == [30, 35]  # pc2 made sure of pc1 once more, after five seconds
    assert "MAC" in net.recorder.tables.at(44_000_000_000)[switch.journal.node]
    assert "MAC" not in net.recorder.tables.at(46_000_000_000)[switch.journal.node]
