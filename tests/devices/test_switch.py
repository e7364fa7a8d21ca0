from __future__ import annotations

from time import process_time
from typing import TYPE_CHECKING

import pytest

from sim.devices.switch import Switch
from sim.tracing import kinds
from sim.units import SECOND
from sim.wire.addresses import MAC_BROADCAST, format_mac

if TYPE_CHECKING:
    from tests.devices.conftest import Bench

AGEING = 10 * SECOND


@pytest.fixture
def switch(bench: Bench) -> Switch:
    """A switch with four probes on eth1 to eth4, ageing in 10 s, with room for three addresses."""
    switch = bench.net.switch("sw1", ageing=AGEING, table_size=3)
    for _ in range(4):
        bench.probe("sw1")
    return switch


def wait(bench: Bench, duration: int) -> None:
    bench.net.run(until=bench.net.now + duration)


def test_it_learns_from_sources_and_forwards_by_what_it_learned(bench: Bench, switch: Switch) -> None:
    one, two = bench.mac(1), bench.mac(2)
    assert bench.who_heard(bench.probes[0], bench.frame(two, one)) == ["p2", "p3", "p4"]
    assert bench.who_heard(bench.probes[1], bench.frame(one, two)) == ["p1"]
    assert bench.who_heard(bench.probes[0], bench.frame(two, one)) == ["p2"]
    assert bench.notes(kinds.LEARN) == [(one, "eth1"), (two, "eth2")]
    assert bench.notes(kinds.FLOOD) == [("unknown", 3)]
    assert bench.notes(kinds.FORWARD) == ["eth1", "eth2"]
    assert switch.mac_table() == {format_mac(one): "eth1", format_mac(two): "eth2"}


@pytest.mark.parametrize(
    ("destination", "why"), [(MAC_BROADCAST, "broadcast"), (bytes.fromhex("01005e000001"), "multicast")]
)
def test_broadcast_and_multicast_are_flooded_always(bench: Bench, switch: Switch, destination: bytes, why: str) -> None:
    for _ in range(2):
        assert bench.who_heard(bench.probes[0], bench.frame(destination, bench.mac(1))) == ["p2", "p3", "p4"]
    assert bench.notes(kinds.FLOOD) == [(why, 3)] * 2


def test_a_destination_behind_the_port_it_came_from_is_filtered(bench: Bench, switch: Switch) -> None:
    bench.who_heard(bench.probes[0], bench.frame(MAC_BROADCAST, bench.mac(1)))
    assert bench.who_heard(bench.probes[0], bench.frame(bench.mac(1), bench.mac(2))) == []
    assert bench.notes(kinds.FILTER) == ["eth1"]
    assert switch.counters()["filtered"] == 1
    assert switch.drops() == {}


def test_an_address_that_moves_is_followed(bench: Bench, switch: Switch) -> None:
    one, two = bench.mac(1), bench.mac(2)
    bench.who_heard(bench.probes[0], bench.frame(MAC_BROADCAST, one))
    bench.who_heard(bench.probes[2], bench.frame(MAC_BROADCAST, one))
    assert bench.notes(kinds.MOVE) == [(one, "eth1", "eth3")]
    assert bench.who_heard(bench.probes[1], bench.frame(one, two)) == ["p3"]


def test_an_address_is_forgotten_when_it_was_silent_for_the_ageing_time(bench: Bench, switch: Switch) -> None:
    one, two = bench.mac(1), bench.mac(2)
    bench.who_heard(bench.probes[0], bench.frame(MAC_BROADCAST, one))
    learned = bench.net.now - 1_000_000
    wait(bench, learned + AGEING - bench.net.now)
    assert bench.who_heard(bench.probes[1], bench.frame(one, two)) == ["p1"]
    assert format_mac(one) not in switch.mac_table()
    assert bench.who_heard(bench.probes[1], bench.frame(one, two)) == ["p1", "p3", "p4"]
    assert bench.notes(kinds.EXPIRE) == [(one, "eth1")]


def test_whoever_speaks_stays_known(bench: Bench, switch: Switch) -> None:
    one, two = bench.mac(1), bench.mac(2)
    for _ in range(4):
        bench.who_heard(bench.probes[0], bench.frame(MAC_BROADCAST, one))
        wait(bench, AGEING * 3 // 4)
    assert bench.who_heard(bench.probes[1], bench.frame(one, two)) == ["p1"]


def test_being_spoken_to_keeps_nobody_known(bench: Bench, switch: Switch) -> None:
    one, two = bench.mac(1), bench.mac(2)
    bench.who_heard(bench.probes[0], bench.frame(MAC_BROADCAST, one))
    wait(bench, AGEING * 3 // 4)
    assert bench.who_heard(bench.probes[1], bench.frame(one, two)) == ["p1"]
    wait(bench, AGEING * 3 // 4)
    assert len(bench.who_heard(bench.probes[1], bench.frame(one, two))) == 3


def test_a_full_table_learns_nothing_new_and_floods_what_it_does_not_know(bench: Bench, switch: Switch) -> None:
    for number in range(1, 6):
        bench.who_heard(bench.probes[0], bench.frame(MAC_BROADCAST, bench.mac(number)))
    assert len(switch.mac_table()) == 3
    assert bench.notes(kinds.TABLE_FULL) == [(bench.mac(4), 3), (bench.mac(5), 3)]
    assert switch.counters()["table_full"] == 2
    assert bench.who_heard(bench.probes[1], bench.frame(bench.mac(4), bench.mac(3))) == ["p1", "p3", "p4"]
    assert bench.who_heard(bench.probes[1], bench.frame(bench.mac(1), bench.mac(3))) == ["p1"]


def test_a_full_table_recovers_when_its_entries_age(bench: Bench, switch: Switch) -> None:
    for number in (1, 2, 3, 4):
        bench.who_heard(bench.probes[0], bench.frame(MAC_BROADCAST, bench.mac(number)))
    wait(bench, AGEING)
    bench.who_heard(bench.probes[0], bench.frame(MAC_BROADCAST, bench.mac(4)))
    assert switch.mac_table() == {format_mac(bench.mac(4)): "eth1"}
    assert bench.who_heard(bench.probes[1], bench.frame(bench.mac(4), bench.mac(1))) == ["p1"]


def test_an_address_may_move_even_when_the_table_is_full(bench: Bench, switch: Switch) -> None:
    for number in (1, 2, 3):
        bench.who_heard(bench.probes[0], bench.frame(MAC_BROADCAST, bench.mac(number)))
    bench.who_heard(bench.probes[1], bench.frame(MAC_BROADCAST, bench.mac(1)))
    assert switch.mac_table()[format_mac(bench.mac(1))] == "eth2"


def test_a_port_that_goes_down_is_forgotten_and_the_others_are_not(bench: Bench, switch: Switch) -> None:
    for number in (1, 2, 3):
        bench.who_heard(bench.probes[number - 1], bench.frame(MAC_BROADCAST, bench.mac(number)))
    bench.net.set_link(bench.net.links[1], False)
    assert bench.notes(kinds.FORGET) == [("eth2", 1)]
    assert sorted(switch.mac_table().values()) == ["eth1", "eth3"]
    assert bench.who_heard(bench.probes[0], bench.frame(bench.mac(2), bench.mac(1))) == ["p3", "p4"]
    bench.net.set_link(bench.net.links[1], True)
    assert bench.who_heard(bench.probes[0], bench.frame(bench.mac(2), bench.mac(1))) == ["p2", "p3", "p4"]


def test_power_off_forgets_everything(bench: Bench, switch: Switch) -> None:
    bench.who_heard(bench.probes[0], bench.frame(MAC_BROADCAST, bench.mac(1)))
    bench.net.set_power(switch, False)
    assert bench.who_heard(bench.probes[0], bench.frame(MAC_BROADCAST, bench.mac(1))) == []
    bench.net.set_power(switch, True)
    assert switch.mac_table() == {}
    assert bench.who_heard(bench.probes[1], bench.frame(bench.mac(1), bench.mac(2))) == ["p1", "p3", "p4"]


@pytest.mark.parametrize("last", [0x00, 0x02, 0x0E, 0x0F])
def test_addresses_reserved_for_the_link_stop_at_the_switch(bench: Bench, switch: Switch, last: int) -> None:
    frame = bench.frame(bytes.fromhex("0180c20000") + bytes([last]), bench.mac(1))
    assert bench.who_heard(bench.probes[0], frame) == []
    assert switch.drops() == {"reserved for the link itself": 1}
    assert switch.mac_table() == {format_mac(bench.mac(1)): "eth1"}  # 802.1D 7.8: it is learned from all the same


def test_the_address_after_the_reserved_ones_is_a_multicast_like_any_other(bench: Bench, switch: Switch) -> None:
    frame = bench.frame(bytes.fromhex("0180c2000010"), bench.mac(1))
    assert bench.who_heard(bench.probes[0], frame) == ["p2", "p3", "p4"]


def test_a_group_as_source_is_never_learned(bench: Bench, switch: Switch) -> None:
    bench.send(bench.probes[0], bench.frame(bench.mac(2), bytes.fromhex("01005e000001")))
    assert switch.mac_table() == {}
    assert switch.drops() == {"multicast source address": 1}


def test_a_frame_with_a_group_as_source_goes_no_further(bench: Bench, switch: Switch) -> None:
    frame = bench.frame(bench.mac(2), bytes.fromhex("01005e000001"))
    assert bench.who_heard(bench.probes[0], frame) == []


@pytest.mark.parametrize("size", [1, 13])
def test_a_runt_is_dropped(bench: Bench, switch: Switch, size: int) -> None:
    assert bench.who_heard(bench.probes[0], bytes(size)) == []
    assert switch.drops() == {"runt frame": 1}


def test_bytes_are_never_changed_tags_and_length_frames_included(bench: Bench, switch: Switch) -> None:
    for rest in ("8100a00a080600010800", "88a8000a8100000b0800", "0026424203000000", "ffff"):
        frame = MAC_BROADCAST + bench.mac(1) + bytes.fromhex(rest)
        assert len(bench.who_heard(bench.probes[0], frame)) == 3


def test_two_switches_in_a_row_learn_each_on_its_own(bench: Bench) -> None:
    bench.net.switch("sw1")
    bench.net.switch("sw2")
    bench.net.link("sw1:up", "sw2:up")
    for end in ("sw1", "sw1", "sw2"):
        bench.probe(end)
    one, three = bench.mac(1), bench.mac(3)
    assert bench.who_heard(bench.probes[0], bench.frame(three, one)) == ["p2", "p3"]
    assert bench.who_heard(bench.probes[2], bench.frame(one, three)) == ["p1"]
    assert bench.who_heard(bench.probes[1], bench.frame(three, bench.mac(2))) == ["p3"]


def cost_of_strangers(bench: Bench, name: str, table_size: int) -> float:
    """CPU seconds for 1000 frames from forged sources (macof) at a switch whose table is full of the living."""
    bench.net.switch(name, table_size=table_size)
    probe = bench.probe(name)
    for number in range(table_size + 1000):
        if number == table_size:
            bench.net.run()
        probe.inject(MAC_BROADCAST + b"\x02\x01" + number.to_bytes(4, "big") + b"\x88\xb5")
    before = process_time()
    bench.net.run()
    return process_time() - before


@pytest.mark.slow
def test_a_full_table_does_not_make_every_stranger_expensive(bench: Bench) -> None:
    assert cost_of_strangers(bench, "large", 8192) < 10 * cost_of_strangers(bench, "small", 16)
