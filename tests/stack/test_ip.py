from __future__ import annotations

import errno
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from sim.stack.equal_paths import flow_of
from sim.stack.service import Protocol
from sim.tracing import kinds
from sim.wire import arp, icmpv4, ipv4, udp
from sim.wire.addresses import MAC_BROADCAST, format_ip, parse_ip, parse_prefix

if TYPE_CHECKING:
    from tests.stack.conftest import Bench

OWN, PEER = "10.0.0.1", "10.0.0.2"


def to(destination: str, payload: bytes = b"x", source: str = OWN) -> ipv4.Packet:
    return ipv4.Packet(parse_ip(source), parse_ip(destination), 99, payload)


def asked_for(bench: Bench, destination: str) -> str:
    """Whose MAC address is asked for when a packet is sent there."""
    bench.outside.take()
    bench.enter()
    bench.stack.send(to(destination))
    ((_, question),) = bench.asked(bench.outside.take())
    return format_ip(question.target_ip)


# -- which way


def test_the_mask_decides_what_is_on_the_link(bench: Bench) -> None:
    bench.stack.add_route(bytes(4), 0, parse_ip("10.0.0.254"))
    bench.stack.add_address(bench.eth0, parse_ip("172.16.0.1"), 12)
    assert asked_for(bench, "10.0.0.77") == "10.0.0.77"
    assert asked_for(bench, "10.0.1.77") == "10.0.0.254"
    assert asked_for(bench, "172.31.255.1") == "172.31.255.1"
    bench.answer("10.0.0.254")
    bench.stack.send(to("172.32.0.1"))
    assert bench.outside.take()[0][:6] == bench.mac("10.0.0.254")


def test_without_a_route_the_network_is_unreachable(bench: Bench) -> None:
    for action in (lambda: bench.stack.send(to("8.8.8.8")), lambda: bench.stack.source_for(parse_ip("8.8.8.8"))):
        with bench.refuses(errno.ENETUNREACH):
            action()


def test_a_route_by_hand_needs_a_next_hop_on_a_subnet_of_ours(bench: Bench) -> None:
    with pytest.raises(ValueError, match="on none of the subnets"):
        bench.stack.add_route(bytes(4), 0, parse_ip("192.168.9.9"))
    with pytest.raises(ValueError, match="on none of the subnets"):
        bench.stack.add_route(bytes(4), 0, None)
    bench.stack.add_route(*parse_prefix("192.168.9.0/24"), None, bench.eth0)
    assert asked_for(bench, "192.168.9.9") == "192.168.9.9"


def test_the_smallest_subnet_that_holds_the_next_hop_is_its_interface(bench: Bench) -> None:
    bench.interface("eth1", "10.0.0.129/25")
    eth2 = bench.interface("eth2", "10.0.0.193/26")
    assert bench.stack.add_route(bytes(4), 0, parse_ip("10.0.0.200")).interface is eth2
    assert bench.stack.add_route(bytes(4), 0, parse_ip("10.0.0.2")).interface is bench.eth0


def test_the_source_is_the_address_of_the_interface_that_leads_there(bench: Bench) -> None:
    bench.interface("eth1", "10.1.0.1/24", "10.2.0.1/24")
    bench.stack.add_route(bytes(4), 0, parse_ip("10.2.0.254"))
    sources = {
        text: format_ip(bench.stack.source_for(parse_ip(text)))
        for text in ("10.0.0.9", "10.1.0.9", "8.8.8.8", "10.1.0.1", "127.1.2.3", "10.1.0.255", "255.255.255.255")
    }
    assert sources == {
        "10.0.0.9": "10.0.0.1",
        "10.1.0.9": "10.1.0.1",
        "8.8.8.8": "10.2.0.1",
        "10.1.0.1": "10.1.0.1",
        "127.1.2.3": "127.0.0.1",
        "10.1.0.255": "10.1.0.1",
        "255.255.255.255": "10.1.0.1",  # by the default route, as Linux does
    }


def test_an_interface_without_an_address_has_no_source(bench: Bench) -> None:
    eth1 = bench.interface("eth1")
    bench.stack.add_route(*parse_prefix("10.9.0.0/16"), None, eth1)
    with bench.refuses(errno.EADDRNOTAVAIL):
        bench.stack.source_for(parse_ip("10.9.0.1"))


# -- equal paths


def two_ways(bench: Bench) -> None:
    for last in (2, 3):
        bench.stack.add_route(bytes(4), 0, parse_ip(f"10.0.0.{last}"))
    bench.know("10.0.0.2", "10.0.0.3")


def via(bench: Bench, packet: ipv4.Packet) -> int:
    bench.outside.take()
    bench.enter()
    bench.stack.send(packet)
    return bench.outside.take()[0][5]


def test_flows_are_spread_over_equal_routes(bench: Bench) -> None:
    two_ways(bench)
    used = Counter(via(bench, bench.udp(OWN, "8.8.8.8", sport=port)) for port in range(1000, 1400))
    assert used.keys() == {2, 3}
    assert min(used.values()) > 120


def test_one_flow_keeps_to_one_path(bench: Bench) -> None:
    two_ways(bench)
    for port in range(1000, 1010):
        flow = [bench.udp(OWN, "8.8.8.8", data=bytes(size), sport=port) for size in range(10)]
        assert len({via(bench, packet) for packet in flow}) == 1


def test_pings_to_one_destination_keep_to_one_path(bench: Bench) -> None:
    two_ways(bench)
    used = set()
    for sequence in range(30):
        message = icmpv4.emit(icmpv4.echo_request(1, sequence, b""))
        used.add(via(bench, ipv4.Packet(parse_ip(OWN), parse_ip("8.8.8.8"), ipv4.PROTOCOL_ICMP, message)))
    assert len(used) == 1
    assert {via(bench, to(f"8.8.8.{last}")) for last in range(20)} == {2, 3}


def test_a_flow_is_protocol_addresses_and_the_ports_where_there_are_ports() -> None:
    source, destination = parse_ip(OWN), parse_ip("8.8.8.8")
    ends = source + destination
    datagram = udp.emit(udp.Datagram(1, 2, b"data"), source, destination)
    assert flow_of(ipv4.Packet(source, destination, 17, datagram)) == b"\x11" + ends + b"\0\x01\0\x02"
    assert flow_of(ipv4.Packet(source, destination, 1, datagram)) == b"\x01" + ends


# -- what is kept of a lookup


def test_a_new_route_is_used_at_once_and_a_removed_one_no_more(bench: Bench) -> None:
    bench.stack.add_route(bytes(4), 0, parse_ip("10.0.0.2"))
    assert asked_for(bench, "8.8.8.8") == "10.0.0.2"
    bench.stack.add_route(*parse_prefix("8.8.8.0/24"), parse_ip("10.0.0.3"))
    assert asked_for(bench, "8.8.8.8") == "10.0.0.3"
    bench.stack.routes.remove(*parse_prefix("8.8.8.0/24"))
    bench.stack.routes.remove(*parse_prefix("0.0.0.0/0"))
    with bench.refuses(errno.ENETUNREACH):
        bench.stack.send(to("8.8.8.8"))
    bench.stack.add_route(bytes(4), 0, parse_ip("10.0.0.4"))
    assert asked_for(bench, "8.8.8.8") == "10.0.0.4"


def test_an_interface_that_goes_down_takes_its_paths_along_and_brings_them_back(bench: Bench) -> None:
    eth1 = bench.interface("eth1", "10.1.0.1/24")
    bench.stack.add_route(bytes(4), 0, parse_ip("10.0.0.2"), metric=1)
    bench.stack.add_route(bytes(4), 0, parse_ip("10.1.0.2"), metric=2)
    chosen = []
    for interface, up in ((eth1, True), (bench.eth0, False), (eth1, False), (eth1, True), (bench.eth0, True)):
        bench.stack.set_up(interface, up, 0)
        paths = bench.stack.paths_to(parse_ip("8.8.8.8"))
        chosen.append([format_ip(path.neighbour.address) for path in paths])
    assert chosen == [["10.0.0.2"], ["10.1.0.2"], [], ["10.1.0.2"], ["10.0.0.2"]]


def test_a_lookup_is_kept_while_nothing_changes(bench: Bench) -> None:
    first = bench.stack.paths_to(parse_ip(PEER))
    assert bench.stack.paths_to(parse_ip(PEER)) is first


def test_a_neighbour_that_is_forgotten_is_forgotten_by_the_paths(bench: Bench) -> None:
    bench.hear_arp(arp.REQUEST, PEER, OWN)
    (path,) = bench.stack.paths_to(parse_ip(PEER))
    bench.table.clear()
    (again,) = bench.stack.paths_to(parse_ip(PEER))
    assert again.neighbour is not path.neighbour


# -- what fits


def test_a_packet_longer_than_the_mtu_goes_in_fragments(bench: Bench) -> None:
    bench.know(PEER)
    bench.enter()
    bench.stack.send(to(PEER, bytes(3000)))
    frames = bench.outside.take()
    assert [len(frame) - 14 for frame in frames] == [1500, 1500, 60]
    assert bench.notes(kinds.FRAGMENT) == [(3, 1500)]


@pytest.mark.parametrize(("size", "dont_fragment"), [(1481, True), (65516, False), (70000, False)])
def test_what_may_not_or_cannot_be_cut_is_too_long(bench: Bench, size: int, dont_fragment: bool) -> None:
    packet = to(PEER, bytes(size))
    packet.dont_fragment = dont_fragment
    with bench.refuses(errno.EMSGSIZE):
        bench.stack.send(packet)


def test_options_count_with_their_padding(bench: Bench) -> None:
    bench.know(PEER)
    packet = to(PEER, bytes(1480 - 3))
    packet.options = b"\x01"
    packet.dont_fragment = True
    with bench.refuses(errno.EMSGSIZE):
        bench.stack.send(packet)
    packet.payload = bytes(1480 - 4)
    bench.stack.send(packet)
    assert [len(frame) for frame in bench.outside.take()] == [1514]


def test_a_broadcast_longer_than_the_mtu_goes_in_fragments_too(bench: Bench) -> None:
    bench.stack.send(to("10.0.0.255", bytes(2000)))
    frames = bench.outside.take()
    assert [frame[:6] for frame in frames] == [MAC_BROADCAST] * 2


# -- to many


def test_a_directed_broadcast_leaves_by_its_subnet(bench: Bench) -> None:
    eth1 = bench.interface("eth1", "10.1.0.1/24")
    for destination, interface in (("10.1.0.255", eth1), ("10.0.0.255", bench.eth0)):
        bench.stack.send(to(destination))
        assert [sent[0] for sent in bench.outside.sent] == [interface]
        bench.outside.take()


def test_with_no_interface_up_nothing_leaves(bench: Bench) -> None:
    bench.stack.set_up(bench.eth0, False, 0)
    for destination in ("255.255.255.255", "224.0.0.1", PEER):
        with bench.refuses(errno.ENETUNREACH):
            bench.stack.send(to(destination))


# -- what arrives


def received(bench: Bench) -> list[bytes]:
    """Payloads of protocol 99 that arrive from now on."""
    heard: list[bytes] = []

    class Ninetynine(Protocol):
        def receive(self, packet: ipv4.Packet) -> None:
            heard.append(packet.payload)

    bench.stack.protocols[99] = Ninetynine()
    return heard


def test_a_packet_for_us_is_handed_to_its_protocol_without_the_padding(bench: Bench) -> None:
    heard = received(bench)
    bench.hear_ip(to(OWN, b"abc", source=PEER), padding=bytes(23))
    assert heard == [b"abc"]


def test_every_address_of_every_interface_is_ours_on_each_of_them(bench: Bench) -> None:
    bench.interface("eth1", "10.1.0.1/24")
    heard = received(bench)
    for text in (OWN, "10.1.0.1", "10.0.0.255", "10.1.0.255", "255.255.255.255", "224.0.0.1"):
        bench.hear_ip(to(text, text.encode(), source=PEER))
    assert len(heard) == 6


def test_a_frame_for_another_mac_address_is_ignored(bench: Bench) -> None:
    heard = received(bench)
    assert bench.hear_ip(to(OWN, source=PEER), to=b"\x02\0\0\0\0\x77") == []
    assert heard == []
    assert bench.notes(kinds.IGNORE) == ["not its MAC address"]
    assert bench.journal.drops == {}


def test_a_host_forwards_nothing(bench: Bench) -> None:
    bench.stack.add_route(bytes(4), 0, parse_ip("10.0.0.254"))
    assert bench.hear_ip(to("8.8.8.8", source=PEER)) == []
    assert bench.journal.drops == {"not its IP address": 1}


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        (OWN, OWN),
        ("10.0.0.255", OWN),
        ("255.255.255.255", OWN),
        ("224.0.0.1", OWN),
        ("127.0.0.1", OWN),
        (PEER, "127.0.0.1"),
        ("0.0.0.0", OWN),
        ("0.1.2.3", "10.0.0.255"),
    ],
)
def test_martians_are_dropped(bench: Bench, source: str, destination: str) -> None:
    heard = received(bench)
    assert bench.hear_ip(to(destination, source=source)) == []
    assert heard == []
    assert bench.journal.drops == {"martian address": 1}


@pytest.mark.parametrize("destination", ["10.0.0.255", "255.255.255.255", "224.0.0.1"])
def test_who_has_no_address_may_speak_to_all(bench: Bench, destination: str) -> None:
    heard = received(bench)
    bench.hear_ip(to(destination, source="0.0.0.0"))
    assert heard == [b"x"]


@pytest.mark.parametrize("size", [1, 6, 13])
def test_a_runt_frame_is_dropped(bench: Bench, size: int) -> None:
    assert bench.hear(bench.frame(b"")[:size]) == []
    assert bench.journal.drops == {"runt frame": 1}


def test_an_unknown_ethertype_is_dropped(bench: Bench) -> None:
    for kind in (b"\x86\xdd", b"\x81\x00", b"\x00\x26"):
        assert bench.hear(bench.eth0.mac + bytes(6) + kind + bytes(50)) == []
    assert bench.journal.drops == {"unknown EtherType": 3}


def test_a_malformed_packet_is_dropped_without_a_word(bench: Bench) -> None:
    bench.know(PEER)
    good = ipv4.emit(bench.udp(PEER, OWN))
    for bad in (
        b"",
        good[:19],
        b"\x65" + good[1:],
        b"\x44" + good[1:],
        good[:-1],
        good[:10] + b"\0\0" + good[12:],
        good[:2] + b"\0\x13" + good[4:],
    ):
        assert bench.hear(bench.frame(bad)) == []
    assert bench.journal.drops == {"malformed IPv4": 7}


def test_a_ttl_of_one_is_enough_to_arrive(bench: Bench) -> None:
    heard = received(bench)
    packet = to(OWN, source=PEER)
    packet.ttl = 1
    bench.hear_ip(packet)
    assert heard == [b"x"]


# -- to ourselves


def test_lo_is_there_once_it_is_used(bench: Bench) -> None:
    assert bench.stack.loopback is None
    bench.stack.send(to("127.0.0.1", source="127.0.0.1"))
    bench.stack.send(to(OWN))
    assert [sent[0] for sent in bench.outside.sent] == [bench.stack.loopback] * 2


def test_a_ping_to_ourselves_is_answered_by_ourselves(bench: Bench) -> None:
    bench.stack.send(bench.echo(OWN, OWN))
    ((lo, frame, _),) = bench.outside.sent
    (answer,) = bench.parsed(bench.hear(frame, lo))
    assert (answer.source, answer.destination) == (parse_ip(OWN), parse_ip(OWN))


def test_the_identification_counts_up_and_around(bench: Bench) -> None:
    seen = [bench.stack.next_identification() for _ in range(65537)]
    assert seen[:2] == [1, 2]
    assert seen[-3:] == [65535, 0, 1]


def test_reset_forgets_neighbours_fragments_and_sockets(bench: Bench) -> None:
    bench.hear_arp(arp.REQUEST, PEER, OWN)
    fragment = to(OWN, bytes(8), source=PEER)
    fragment.more_fragments = True
    bench.hear_ip(fragment)
    socket = bench.stack.udp.open(port=7)
    bench.stack.reset(0)
    assert bench.table.entries == {}
    assert bench.stack.reassembly is not None
    assert bench.stack.reassembly.partials == {}
    assert socket.closed
    bench.at(100)
    assert bench.outside.take() == []


def test_two_nodes_choose_among_equal_paths_independently(bench: Bench) -> None:
    """Of the flows that one node sends one way, another sends half each way: a CRC with a salt alone would not."""
    from sim.stack.equal_paths import choose
    from sim.stack.neighbours import Path
    from sim.stack.routes import Route

    route = Route(bytes(4), 0, parse_ip(PEER), bench.stack.interfaces[0])
    paths = [Path(route, bench.table, bench.table.lookup(parse_ip(PEER)), 0) for _ in range(2)]
    flows = [b"\x11" + bytes(8) + port.to_bytes(2, "big") + b"\0\x09" for port in range(40000, 40400)]
    for other in range(2, 8):
        both = [(choose(paths, flow, 1) is paths[0], choose(paths, flow, other) is paths[0]) for flow in flows]
        counts = [both.count((one, two)) for one in (True, False) for two in (True, False)]
        assert min(counts) > 50, (other, counts)
