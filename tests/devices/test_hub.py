from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.devices.hub import Hub
from sim.tracing import kinds
from sim.wire.addresses import MAC_BROADCAST

if TYPE_CHECKING:
    from tests.devices.conftest import Bench


@pytest.fixture
def hub(bench: Bench) -> Hub:
    hub = bench.net.hub("hub1")
    for _ in range(4):
        bench.probe("hub1")
    return hub


@pytest.mark.parametrize("frame", [MAC_BROADCAST + bytes(60), bytes(60), b"\x01", bytes(1600)])
def test_whatever_comes_in_goes_out_on_every_other_port(bench: Bench, hub: Hub, frame: bytes) -> None:
    assert bench.who_heard(bench.probes[1], frame) == ["p1", "p3", "p4"]


def test_it_learns_nothing(bench: Bench, hub: Hub) -> None:
    one, other = bench.mac(1), bench.mac(2)
    for _ in range(3):
        assert len(bench.who_heard(bench.probes[0], bench.frame(other, one))) == 3
        assert len(bench.who_heard(bench.probes[1], bench.frame(one, other))) == 3


def test_a_port_without_carrier_is_left_out(bench: Bench, hub: Hub) -> None:
    bench.net.set_link(bench.net.links[2], False)
    assert bench.who_heard(bench.probes[0], bytes(60)) == ["p2", "p4"]
    assert bench.notes(kinds.REPEAT) == [2]
    assert hub.drops() == {}


def test_a_hub_without_power_repeats_nothing(bench: Bench, hub: Hub) -> None:
    bench.net.set_power(hub, False)
    assert bench.who_heard(bench.probes[0], bytes(60)) == []
    bench.net.set_power(hub, True)
    assert len(bench.who_heard(bench.probes[0], bytes(60))) == 3


def test_counters(bench: Bench, hub: Hub) -> None:
    bench.who_heard(bench.probes[0], bytes(60))
    assert hub.counters() == {"sent": 3, "received": 1, "dropped": 0, "repeated": 1}
