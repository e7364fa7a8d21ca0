"""Address conflict detection: RFC 5227, with its numbers."""

from __future__ import annotations

import pytest

from sim.stack.address_check import AddressCheck
from sim.tracing import kinds
from sim.units import SECOND
from sim.wire import arp, ethernet
from sim.wire.addresses import IPV4_ANY, parse_ip
from tests.stack.conftest import Bench

WANTED = "10.0.0.77"
PEER = "10.0.0.2"


class Checked:
    """A check of an address, with draws of one half, and what came of it."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.results: list[bytes] = []
        self.packets: list[tuple[float, arp.Packet]] = []
        self.check = AddressCheck(bench.table, parse_ip(WANTED), lambda: 0.5, self.results.append)
        bench.enter()
        self.check.start()

    def until(self, seconds: float) -> None:
        """Let time pass in half seconds, and keep what is sent, with its time."""
        for half in range(round(self.bench.now / SECOND * 2) + 1, round(seconds * 2) + 1):
            self.bench.at(half / 2)
            frames = [frame for _, frame, _ in self.bench.outside.sent]
            self.bench.outside.sent.clear()
            self.packets += [(half / 2, arp.parse(ethernet.parse(frame).payload)) for frame in frames]


@pytest.fixture
def checked(bench: Bench) -> Checked:
    return Checked(bench)


def test_an_address_that_nobody_uses(bench: Bench, checked: Checked) -> None:
    """Half a second, three probes 1.5 s apart, two seconds of silence; then two announcements, two seconds apart."""
    checked.until(5)
    assert checked.results == []
    checked.until(5.5)
    assert checked.results == [b""]
    bench.enter()
    checked.check.announce()
    checked.until(60)
    times = [time for time, _ in checked.packets]
    assert times == [0.5, 2, 3.5, 6, 7.5]
    assert [(packet.is_probe(), packet.sender_ip) for _, packet in checked.packets[:3]] == [(True, IPV4_ANY)] * 3
    assert {packet.target_ip for _, packet in checked.packets} == {parse_ip(WANTED)}
    assert [packet.is_gratuitous() for _, packet in checked.packets[3:]] == [True, True]


@pytest.mark.parametrize(
    ("operation", "sender", "target"),
    [
        (arp.REPLY, WANTED, "0.0.0.0"),  # the answer
        (arp.REQUEST, WANTED, PEER),  # it asks for something else
        (arp.REQUEST, WANTED, WANTED),  # it announces itself
        (arp.REQUEST, "0.0.0.0", WANTED),  # it wants the same address (RFC 5227 2.1.1)
    ],
)
def test_an_address_that_somebody_uses(
    bench: Bench, checked: Checked, operation: int, sender: str, target: str
) -> None:
    checked.until(2.5)
    bench.hear_arp(operation, sender, target, mac=bench.mac(PEER))
    assert checked.results == [bench.mac(PEER)]
    checked.until(60)
    assert len(checked.packets) == 2
    assert checked.results == [bench.mac(PEER)]


def test_our_own_probe_come_back_is_no_conflict(bench: Bench, checked: Checked) -> None:
    checked.until(2.5)
    bench.hear_arp(arp.REQUEST, "0.0.0.0", WANTED, mac=bench.eth0.mac)
    assert checked.results == []


def test_stopped_it_says_nothing(bench: Bench, checked: Checked) -> None:
    checked.until(2.5)
    checked.check.stop()
    bench.hear_arp(arp.REPLY, WANTED, "0.0.0.0", mac=bench.mac(PEER))
    checked.until(60)
    assert (checked.results, len(checked.packets)) == ([], 2)


# -- defence


def announce(bench: Bench) -> list[arp.Packet]:
    """Somebody announces our address; what we say to that."""
    frames = bench.hear_arp(arp.REQUEST, "10.0.0.1", "10.0.0.1", mac=bench.mac(PEER))
    return [arp.parse(ethernet.parse(frame).payload) for frame in frames]


def test_an_address_is_defended_once_in_ten_seconds(bench: Bench) -> None:
    """RFC 5227 2.4 (c): the address is kept, and two that both keep it do not shout at each other for ever."""
    (said,) = announce(bench)
    assert said.is_gratuitous()
    assert said.sender_ip == parse_ip("10.0.0.1")
    bench.at(9.9)
    assert announce(bench) == []
    bench.at(10)
    assert len(announce(bench)) == 1
    assert bench.table.conflicts == 3
    assert bench.table.rivals == {parse_ip("10.0.0.1"): bench.mac(PEER)}
    assert len(bench.notes(kinds.CONFLICT)) == 3


def test_who_can_do_without_the_address_gives_it_up_at_the_second_conflict(bench: Bench) -> None:
    """RFC 5227 2.4 (b)."""
    lost: list[bytes] = []
    bench.table.surrender[parse_ip("10.0.0.1")] = lost.append
    assert len(announce(bench)) == 1
    assert lost == []
    bench.at(5)
    assert announce(bench) == []
    assert lost == [bench.mac(PEER)]
