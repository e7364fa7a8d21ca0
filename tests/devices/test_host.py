from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.lab.network import Network
from sim.lab.nodes import LabHost, Probe
from sim.tracing import kinds
from sim.units import SECOND
from sim.wire import arp
from sim.wire.addresses import MAC_BROADCAST, format_ip, multicast_mac, parse_ip

if TYPE_CHECKING:
    from tests.devices.conftest import Bench


@pytest.fixture
def host(bench: Bench) -> LabHost:
    """A host with two interfaces, a probe on each, and its gateway 10.0.0.254."""
    interfaces = {"eth0": ["10.0.0.1/24", "172.16.0.1/16"], "eth1": "10.1.0.1/30"}
    host = bench.net.host("h1", interfaces=interfaces, gateway="10.0.0.254")
    bench.probe("h1:eth0")
    bench.probe("h1:eth1")
    return host


def asks(bench: Bench, host: LabHost, destination: str) -> list[tuple[str, str, str]]:
    """The ARP questions of a ping: at which probe, who asks, for whom."""
    for probe in bench.probes:
        probe.frames.clear()
    host.ping(destination, timeout="1ms")
    found = []
    for probe in bench.probes:
        for _, frame in probe.frames:
            question = arp.parse(frame[14:])
            found.append((probe.name, format_ip(question.sender_ip), format_ip(question.target_ip)))
    return found


@pytest.mark.parametrize(
    ("destination", "question"),
    [
        ("10.0.0.77", ("p1", "10.0.0.1", "10.0.0.77")),
        ("172.16.99.1", ("p1", "172.16.0.1", "172.16.99.1")),
        ("10.1.0.2", ("p2", "10.1.0.1", "10.1.0.2")),
        ("10.1.0.5", ("p1", "10.0.0.1", "10.0.0.254")),  # the next /30 is not on the link
        ("8.8.8.8", ("p1", "10.0.0.1", "10.0.0.254")),
    ],
)
def test_the_mask_decides_between_the_link_and_the_gateway(
    bench: Bench, host: LabHost, destination: str, question: tuple[str, str, str]
) -> None:
    assert asks(bench, host, destination) == [question]


@pytest.mark.parametrize("address", ["10.0.0.1", "172.16.0.1", "10.1.0.1"])
def test_it_answers_for_each_of_its_addresses(bench: Bench, host: LabHost, address: str) -> None:
    bench.introduce(bench.probes[0], "10.0.0.2", "10.0.0.1")
    frame = bench.ip_frame(bench.probes[0], host.ports[0].mac, bench.echo("10.0.0.2", address))
    (answer,) = bench.packets(bench.send(bench.probes[0], frame)[0])
    assert format_ip(answer.source) == address


def test_it_answers_arp_on_the_interface_that_has_the_address(bench: Bench, host: LabHost) -> None:
    for number, answers in ((0, 1), (1, 0)):
        probe = bench.probes[number]
        question = arp.Packet(arp.REQUEST, probe.ports[0].mac, parse_ip("10.0.0.2"), bytes(6), parse_ip("10.0.0.1"))
        frame = bench.frame(MAC_BROADCAST, probe.ports[0].mac, arp.emit(question), 0x0806)
        assert len(bench.send(probe, frame)[number]) == answers


def test_a_frame_for_another_mac_address_is_ignored(bench: Bench, host: LabHost) -> None:
    frame = bench.ip_frame(bench.probes[0], host.ports[1].mac, bench.echo("10.0.0.2", "10.0.0.1"))
    assert bench.send(bench.probes[0], frame) == [[], []]
    assert bench.notes(kinds.IGNORE) == ["not its MAC address"]
    assert host.drops() == {}


def test_it_is_no_router(bench: Bench, host: LabHost) -> None:
    frame = bench.ip_frame(bench.probes[0], host.ports[0].mac, bench.echo("10.0.0.2", "10.1.0.2"))
    assert bench.send(bench.probes[0], frame) == [[], []]
    assert host.drops() == {"not its IP address": 1}


@pytest.mark.parametrize("source", ["10.0.0.1", "10.1.0.1", "127.0.0.1", "255.255.255.255", "0.0.0.0"])
def test_martians_are_dropped(bench: Bench, host: LabHost, source: str) -> None:
    frame = bench.ip_frame(bench.probes[0], host.ports[0].mac, bench.echo(source, "10.0.0.1"))
    assert bench.send(bench.probes[0], frame) == [[], []]
    assert host.drops() == {"martian address": 1}


@pytest.mark.parametrize("destination", ["10.0.0.255", "255.255.255.255", "172.16.255.255", "239.1.2.3"])
def test_a_datagram_to_many_reaches_every_listener(bench: Bench, destination: str) -> None:
    net = Network()
    switch = net.switch("sw1")
    hosts = [net.host(f"h{n}", [f"10.0.0.{n}/24", f"172.16.0.{n}/16"]) for n in range(1, 5)]
    for host in hosts:
        net.link(host, switch)
    hosts[2].interface("eth0").join(parse_ip("239.1.2.3"))
    sockets = [host.stack.udp.open(port=7) for host in hosts[1:3]]
    sender = hosts[0].stack.udp.open()
    sender.broadcast = True
    hosts[0].originate("a datagram to many")
    sender.send_to(b"all", parse_ip(destination), 7)
    net.run()
    heard = [len(socket.received) for socket in sockets]
    assert heard == ([0, 1] if destination == "239.1.2.3" else [1, 1])
    assert not sender.errors  # h4 does not listen, and does not complain
    mac = multicast_mac(parse_ip(destination)) if destination == "239.1.2.3" else MAC_BROADCAST
    assert net.recorder.frames[0][:6] == mac


def test_a_link_that_comes_up_announces_the_addresses(bench: Bench, host: LabHost) -> None:
    link = bench.net.links[0]
    bench.net.set_link(link, False)
    bench.net.set_link(link, True)
    bench.net.run()
    told = [arp.parse(frame[14:]) for _, frame in bench.probes[0].frames]
    assert [(packet.is_gratuitous(), format_ip(packet.sender_ip)) for packet in told] == [
        (True, "10.0.0.1"),
        (True, "172.16.0.1"),
    ]


def test_an_announcement_moves_the_neighbour_of_everybody_who_knew_it(bench: Bench, host: LabHost) -> None:
    bench.introduce(bench.probes[0], "10.0.0.2", "10.0.0.1")
    other = b"\x02\0\0\0\x07\x07"
    announcement = arp.Packet(arp.REQUEST, other, parse_ip("10.0.0.2"), bytes(6), parse_ip("10.0.0.2"))
    bench.send(bench.probes[0], bench.frame(MAC_BROADCAST, other, arp.emit(announcement), 0x0806))
    assert host.arp_table() == {"10.0.0.2": ("02:00:00:00:07:07", "stale")}


def test_two_hosts_with_one_address_are_a_conflict_that_both_note() -> None:
    net = Network()
    hosts = [net.host(f"h{n}", "10.0.0.1/24") for n in (1, 2)]
    link = net.link(*hosts)
    net.set_link(link, False)
    net.set_link(link, True)
    net.run()
    notes = zip(net.recorder.note_kinds, net.recorder.note_nodes, strict=True)
    assert {node for kind, node in notes if kind == kinds.CONFLICT} == {0, 1}


# -- itself


@pytest.mark.parametrize("destination", ["127.0.0.1", "127.255.0.1", "10.0.0.1", "10.1.0.1"])
def test_it_pings_itself_through_lo(bench: Bench, host: LabHost, destination: str) -> None:
    ping = host.ping(destination)
    assert [reply.source for reply in ping.replies] == [destination]
    assert all(not probe.frames for probe in bench.probes)
    assert {bench.net.recorder.port_name(port) for port in bench.net.recorder.senders} == {"h1:lo"}


def test_lo_needs_no_link_at_all() -> None:
    host = Network().host("h1", "10.0.0.1/24")
    assert host.ping("127.0.0.1", count=3).received == 3
    assert host.ping("10.0.0.1").received == 1
    assert [error.text for error in host.ping("10.0.0.2").errors] == ["network is unreachable"]


# -- power


def test_power_off_forgets_and_power_on_starts_afresh(bench: Bench, host: LabHost) -> None:
    bench.introduce(bench.probes[0], "10.0.0.2", "10.0.0.1")
    socket = host.stack.udp.open(port=7)
    piece = bench.udp("10.0.0.2", "10.0.0.1", 8)
    piece.more_fragments = True
    bench.send(bench.probes[0], bench.ip_frame(bench.probes[0], host.ports[0].mac, piece))
    assert host.arp_table()
    assert host.stack.reassembly is not None
    assert host.stack.reassembly.partials
    bench.net.set_power(host, False)
    assert host.arp_table() == {}
    assert not host.stack.reassembly.partials
    assert socket.closed
    assert bench.send(bench.probes[0], bench.ip_frame(bench.probes[0], host.ports[0].mac, piece)) == [[], []]
    bench.net.set_power(host, True)
    bench.introduce(bench.probes[0], "10.0.0.2", "10.0.0.1")
    assert host.arp_table() == {"10.0.0.2": (bench.probes[0].ports[0].mac.hex(":"), "stale")}
    assert host.stack.udp.open(port=7) is not socket


def test_a_host_without_power_reaches_nobody(bench: Bench, host: LabHost) -> None:
    bench.net.set_power(host, False)
    assert [error.text for error in host.ping("10.0.0.2").errors] == ["network is unreachable"]


# -- tables


def test_the_arp_table_shows_states_as_they_are_now(bench: Bench) -> None:
    net = Network()
    a, b = net.host("a", "10.0.0.1/24"), net.host("b", "10.0.0.2/24")
    net.link(a, b)
    a.ping("b")
    mac = b.ports[0].mac.hex(":")
    states = []
    for seconds in (0, 30, 31):
        net.run(until=seconds * SECOND)
        states.append(a.arp_table()["10.0.0.2"])
    # After its answer b still asks who a is, 5 s later, which tells a nothing new.
    assert states == [(mac, "reachable"), (mac, "reachable"), (mac, "stale")]


def test_an_address_that_nobody_has_is_shown_as_incomplete_then_failed(bench: Bench, host: LabHost) -> None:
    host.ping("10.0.0.9", timeout="1ms")
    assert host.arp_table()["10.0.0.9"] == ("00:00:00:00:00:00", "incomplete")
    bench.net.run()
    assert host.arp_table()["10.0.0.9"] == ("00:00:00:00:00:00", "failed")


def test_ports_and_interfaces_are_found_by_name(host: LabHost) -> None:
    assert host.port("eth1") is host.ports[1]
    assert host.interface("eth1").mac == host.ports[1].mac
    for find in (host.port, host.interface):
        with pytest.raises(KeyError, match="eth7"):
            find("eth7")


def test_counters_say_what_was_sent_received_and_dropped(bench: Bench, host: LabHost) -> None:
    bench.introduce(bench.probes[0], "10.0.0.2", "10.0.0.1")
    bench.send(bench.probes[0], b"runt")
    assert host.counters() == {"sent": 1, "received": 2, "dropped": 1, "conflicts": 0}


def test_a_sniffer_sees_both_directions(bench: Bench, host: LabHost) -> None:
    seen: list[tuple[int, str, bytes]] = []
    host.attach(lambda time, port, frame: seen.append((time, port.name, frame)))
    bench.introduce(bench.probes[0], "10.0.0.2", "10.0.0.1")
    assert [name for _, name, _ in seen] == ["eth0", "eth0"]
    assert [arp.parse(frame[14:]).operation for _, _, frame in seen] == [arp.REQUEST, arp.REPLY]


def test_a_probe_keeps_what_it_hears(bench: Bench, host: LabHost) -> None:
    probe: Probe = bench.probes[0]
    asks(bench, host, "10.0.0.9")
    assert [time for time, _ in probe.frames] == [0]
