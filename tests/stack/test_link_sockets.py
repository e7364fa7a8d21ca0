"""Packet sockets, addresses that come and go, and what happens on an interface without an address."""

from __future__ import annotations

import errno
import os

import pytest

from sim.stack.interfaces import Interface
from sim.wire import ethernet, ipv4, udp
from sim.wire.addresses import IPV4_ANY, IPV4_BROADCAST, MAC_BROADCAST, parse_ip
from tests.stack.conftest import Bench

PEER = "10.0.0.2"


def hear(bench: Bench, source: str, destination: str, mac: bytes, port: int = 68, data: bytes = b"x") -> None:
    """Let a datagram come in on eth0."""
    ends = parse_ip(source), parse_ip(destination)
    packet = ipv4.emit(ipv4.Packet(*ends, 17, udp.emit(udp.Datagram(67, port, data), *ends)))
    frame = ethernet.emit(ethernet.Frame(mac, bench.mac(PEER), ethernet.ETHERTYPE_IPV4, packet))
    bench.stack.receive(bench.eth0, frame, bench.now, bench.cause)


@pytest.fixture
def heard(bench: Bench) -> list[tuple[str, bytes, bytes]]:
    """What a packet socket for port 68 on eth0 hears."""
    found: list[tuple[str, bytes, bytes]] = []

    def take(interface: Interface, packet: ipv4.Packet, datagram: udp.Datagram) -> None:
        found.append((interface.name, packet.destination, datagram.payload))

    bench.stack.links.open(bench.eth0, 68, take)
    return found


def test_hears_what_is_sent_to_an_address_that_is_not_ours_yet(bench: Bench, heard: list[object]) -> None:
    hear(bench, PEER, "10.0.0.77", bench.eth0.mac)
    hear(bench, PEER, "255.255.255.255", MAC_BROADCAST)
    assert heard == [("eth0", parse_ip("10.0.0.77"), b"x"), ("eth0", IPV4_BROADCAST, b"x")]
    assert bench.journal.drops == {}


def test_hears_no_other_port_and_no_other_station(bench: Bench, heard: list[object]) -> None:
    hear(bench, PEER, "10.0.0.77", bench.eth0.mac, port=69)
    hear(bench, PEER, "10.0.0.77", bench.mac("10.0.0.9"))
    assert heard == []
    assert bench.journal.drops == {"not its IP address": 1}


def test_a_bad_checksum_is_heard_by_nobody(bench: Bench, heard: list[object]) -> None:
    packet = ipv4.emit(ipv4.Packet(parse_ip(PEER), IPV4_BROADCAST, 17, bytes.fromhex("0043004400090001ff")))
    frame = ethernet.emit(ethernet.Frame(MAC_BROADCAST, bench.mac(PEER), ethernet.ETHERTYPE_IPV4, packet))
    bench.stack.receive(bench.eth0, frame, 0, 1)
    assert heard == []
    assert bench.journal.drops == {"malformed UDP": 1}


def test_a_closed_one_hears_nothing(bench: Bench) -> None:
    found: list[bytes] = []
    sockets = [
        bench.stack.links.open(bench.eth0, 68, lambda interface, packet, datagram: found.append(datagram.payload))
        for _ in range(2)
    ]
    bench.stack.links.close(sockets[0])
    bench.stack.links.close(sockets[0])
    hear(bench, PEER, "10.0.0.77", bench.eth0.mac)
    bench.stack.links.close(sockets[1])
    hear(bench, PEER, "10.0.0.77", bench.eth0.mac)
    assert found == [b"x"]


def test_a_power_cut_closes_them(bench: Bench, heard: list[object]) -> None:
    bench.stack.reset(0)
    hear(bench, PEER, "10.0.0.77", bench.eth0.mac)
    assert heard == []


def test_sends_without_an_address_and_without_arp(bench: Bench) -> None:
    eth1 = bench.interface("eth1")
    packet = ipv4.Packet(IPV4_ANY, IPV4_BROADCAST, 17, udp.emit(udp.Datagram(68, 67, b"x"), IPV4_ANY, IPV4_BROADCAST))
    bench.stack.send_on_link(eth1, packet, MAC_BROADCAST)
    ((interface, frame),) = [(entry[0], entry[1]) for entry in bench.outside.sent]
    assert interface is eth1
    assert (frame[:6], frame[6:12], frame[26:34]) == (MAC_BROADCAST, eth1.mac, IPV4_ANY + IPV4_BROADCAST)
    eth1.up = False
    with pytest.raises(OSError, match=os.strerror(errno.ENETDOWN)):
        bench.stack.send_on_link(eth1, packet, MAC_BROADCAST)


# -- addresses that go


def test_an_address_goes_with_its_subnet_and_the_routes_into_it(bench: Bench) -> None:
    stack = bench.stack
    stack.add_route(IPV4_ANY, 0, parse_ip("10.0.0.254"))
    stack.add_address(bench.eth0, parse_ip("10.1.0.1"), 16)
    stack.add_route(parse_ip("10.9.0.0"), 16, parse_ip("10.1.0.254"))
    stack.remove_address(bench.eth0, parse_ip("10.0.0.1"))
    assert [route.text for route in stack.routes.routes()] == [
        "10.1.0.0/16 direct dev eth0",
        "10.9.0.0/16 via 10.1.0.254 dev eth0",
    ]
    assert not stack.is_local(parse_ip("10.0.0.1"))
    assert not stack.is_broadcast(parse_ip("10.0.0.255"))
    assert stack.is_local(parse_ip("10.1.0.1"))
    assert stack.is_broadcast(parse_ip("10.1.255.255"))
    assert stack.is_broadcast(IPV4_BROADCAST)
    with pytest.raises(KeyError):
        stack.remove_address(bench.eth0, parse_ip("10.0.0.1"))


def test_a_second_address_of_the_subnet_keeps_its_route(bench: Bench) -> None:
    bench.stack.add_address(bench.eth0, parse_ip("10.0.0.7"), 24)
    bench.stack.remove_address(bench.eth0, parse_ip("10.0.0.1"))
    assert bench.stack.source_for(parse_ip(PEER)) == parse_ip("10.0.0.7")
    assert bench.stack.is_broadcast(parse_ip("10.0.0.255"))


def test_the_carrier_is_told(bench: Bench) -> None:
    told: list[bool] = []
    bench.eth0.on_carrier = lambda: told.append(bench.eth0.up)
    bench.stack.set_up(bench.eth0, False, 0)
    bench.stack.set_up(bench.eth0, True, 0)
    assert told == [False, True]
