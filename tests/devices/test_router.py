from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from sim.devices.router import decrement_ttl
from sim.lab.nodes import LabRouter, Probe
from sim.tracing import kinds
from sim.units import SECOND
from sim.wire import arp, ethernet, icmpv4, ipv4
from sim.wire.addresses import MAC_BROADCAST, format_ip, parse_ip
from sim.wire.checksum import internet_checksum

if TYPE_CHECKING:
    from tests.devices.conftest import Bench

NEAR, FAR = "10.0.0.2", "10.1.0.2"
ROUTES = {"10.3.0.0/16": "10.1.0.2", "10.3.9.0/24": "10.2.0.2"}


class Setting:
    """A router on three subnets, 10.N.0.0/24, with a probe as the host 10.N.0.2 on each."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.net = bench.net
        self.router: LabRouter = bench.net.router("r1", {f"e{n}": f"10.{n}.0.1/24" for n in range(3)}, routes=ROUTES)
        self.probes: list[Probe] = [bench.probe(f"r1:e{n}", mtu=576 if n == 2 else 0) for n in range(3)]
        for number, probe in enumerate(self.probes):
            bench.introduce(probe, f"10.{number}.0.2", f"10.{number}.0.1")

    def mac(self, number: int) -> bytes:
        """The MAC address of an interface of the router."""
        return self.router.ports[number].mac

    def route(self, packet: ipv4.Packet | bytes, padding: int = 0) -> list[list[bytes]]:
        """Hand a packet to the router from 10.0.0.2; what each probe then heard, ARP left out."""
        frame = self.bench.ip_frame(self.probes[0], self.mac(0), packet, padding)
        heard = self.bench.send(self.probes[0], frame)
        return [[other for other in frames if other[12:14] == b"\x08\x00"] for frames in heard]

    def errors(self, packet: ipv4.Packet | bytes, padding: int = 0) -> list[icmpv4.Message]:
        """The ICMP errors that come back for it; asserts that nothing else leaves."""
        back, *forth = self.route(packet, padding)
        assert forth == [[], []]
        return self.bench.errors(back)


@pytest.fixture
def setting(bench: Bench) -> Setting:
    return Setting(bench)


# -- forwarding


def test_the_macs_change_the_ttl_goes_down_and_nothing_else_changes(setting: Setting) -> None:
    packet = setting.bench.udp(NEAR, FAR)
    _, (frame,), _ = setting.route(packet)
    assert frame[:12] == setting.probes[1].ports[0].mac + setting.mac(1)
    packet.ttl -= 1
    assert frame[14:] == ipv4.emit(packet)
    assert setting.router.counters()["forwarded"] == 1


def test_the_longest_prefix_decides(setting: Setting) -> None:
    for destination, way in (("10.3.1.1", [0, 1, 0]), ("10.3.9.1", [0, 0, 1])):
        heard = setting.route(setting.bench.udp(NEAR, destination))
        assert [len(frames) for frames in heard] == way


def test_options_and_unknown_protocols_pass_unchanged(setting: Setting) -> None:
    packet = setting.bench.udp(NEAR, FAR)
    packet.protocol = 254
    packet.options = bytes.fromhex("940400000707040a00000100")
    _, (frame,), _ = setting.route(packet)
    packet.ttl -= 1
    assert frame[14:] == ipv4.emit(packet)


def test_the_padding_of_a_short_frame_is_left_behind(setting: Setting) -> None:
    packet = setting.bench.udp(NEAR, FAR)
    _, (frame,), _ = setting.route(packet, padding=14)
    assert len(frame) == 14 + len(ipv4.emit(packet))


def test_a_packet_back_to_the_interface_it_came_from_is_forwarded(setting: Setting) -> None:
    setting.bench.introduce(setting.probes[0], "10.0.0.3", "10.0.0.1")
    back, _, _ = setting.route(setting.bench.udp(NEAR, "10.0.0.3"))
    assert [packet.ttl for packet in setting.bench.packets(back)] == [63]


def test_a_ttl_of_two_is_enough_for_one_router(setting: Setting) -> None:
    packet = setting.bench.udp(NEAR, FAR)
    packet.ttl = 2
    _, (frame,), _ = setting.route(packet)
    assert ipv4.parse(frame[14:]).ttl == 1


def test_a_neighbour_that_is_not_known_is_asked_first(setting: Setting) -> None:
    frame = setting.bench.ip_frame(setting.probes[0], setting.mac(0), setting.bench.udp(NEAR, "10.1.0.9"))
    _, (question,), _ = setting.bench.send(setting.probes[0], frame)
    asked = arp.parse(question[14:])
    assert (question[:6], asked.target_ip, asked.sender_ip) == (
        MAC_BROADCAST,
        parse_ip("10.1.0.9"),
        parse_ip("10.1.0.1"),
    )
    answer = arp.Packet(
        arp.REPLY, setting.probes[1].ports[0].mac, parse_ip("10.1.0.9"), setting.mac(1), asked.sender_ip
    )
    reply = ethernet.Frame(setting.mac(1), setting.probes[1].ports[0].mac, ethernet.ETHERTYPE_ARP, arp.emit(answer))
    _, (forwarded,), _ = setting.bench.send(setting.probes[1], ethernet.emit(reply))
    assert ipv4.parse(forwarded[14:]).ttl == 63


def test_every_header_keeps_a_right_checksum(setting: Setting) -> None:
    """RFC 1624 by one addition, against the whole sum, for random headers."""
    stream = random.Random(1)
    for _ in range(20_000):
        options = stream.randbytes(stream.choice((0, 0, 4, 40)))
        header = bytearray(stream.randbytes(20) + options)
        header[0] = 0x45 + len(options) // 4
        header[2:4] = len(header).to_bytes(2, "big")
        header[8] = stream.randrange(2, 256)
        header[10:12] = b"\0\0"
        header[10:12] = internet_checksum(bytes(header)).to_bytes(2, "big")
        packet = decrement_ttl(b"", bytes(14) + header + b"padding", 14 + len(header))
        header[8] -= 1
        header[10:12] = b"\0\0"
        header[10:12] = internet_checksum(bytes(header)).to_bytes(2, "big")
        assert packet == header


@pytest.mark.parametrize("checksum", [0x0000, 0x0001, 0xFEFE, 0xFEFF, 0xFF00, 0xFFFE])
def test_the_checksum_is_right_where_the_carry_goes_round(checksum: int) -> None:
    header = bytearray(bytes.fromhex("450000140000000040110000") + parse_ip("10.0.0.2") + parse_ip("10.1.0.2"))
    header[4:6] = ((internet_checksum(bytes(header)) - checksum) % 0xFFFF).to_bytes(2, "big")
    header[10:12] = checksum.to_bytes(2, "big")
    assert ipv4.parse(bytes(header)).ttl == 64
    packet = decrement_ttl(b"", bytes(14) + header, 34)
    assert ipv4.parse(packet).ttl == 63
    assert packet == ipv4.emit(ipv4.parse(packet))  # of the two zeros of one's complement it is the right one


# -- what ends here


def test_a_ttl_of_one_is_reported(setting: Setting) -> None:
    for ttl in (0, 1):
        packet = setting.bench.udp(NEAR, FAR)
        packet.ttl = ttl
        (error,) = setting.errors(packet)
        assert (error.kind, error.code, error.payload) == (11, 0, ipv4.emit(packet))
    assert setting.router.drops() == {"TTL expired": 2}


def test_no_route_is_reported(setting: Setting) -> None:
    packet = setting.bench.udp(NEAR, "172.16.0.1")
    (error,) = setting.errors(packet, padding=10)
    assert (error.kind, error.code, error.payload) == (3, 0, ipv4.emit(packet))
    assert setting.router.drops() == {"no route": 1}


def test_a_neighbour_that_does_not_answer_is_reported_after_three_seconds(setting: Setting) -> None:
    packet = setting.bench.udp(NEAR, "10.1.0.9")
    setting.route(packet)
    setting.net.run(until=setting.net.now + 4 * SECOND)
    (error,) = setting.bench.errors([frame for _, frame in setting.probes[0].frames])
    packet.ttl -= 1
    assert (error.kind, error.code, error.payload) == (3, 1, ipv4.emit(packet))
    assert setting.router.drops() == {"host unreachable": 1}


def test_an_error_comes_from_the_interface_it_leaves_by(setting: Setting) -> None:
    packet = setting.bench.udp(NEAR, FAR)
    packet.ttl = 1
    back, _, _ = setting.route(packet)
    (error,) = setting.bench.packets(back)
    assert (format_ip(error.source), format_ip(error.destination)) == ("10.0.0.1", NEAR)


def test_what_may_not_be_cut_is_reported_with_the_mtu(setting: Setting) -> None:
    packet = setting.bench.udp(NEAR, "10.2.0.2", 1000)
    packet.dont_fragment = True
    (error,) = setting.errors(packet)
    assert (error.kind, error.code, error.mtu()) == (3, 4, 576)
    assert error.payload == ipv4.emit(packet)[: len(error.payload)]
    assert setting.router.drops() == {"fragmentation needed": 1}


def test_what_fits_exactly_is_not_cut(setting: Setting) -> None:
    packet = setting.bench.udp(NEAR, "10.2.0.2", 576 - 28)
    packet.dont_fragment = True
    assert len(setting.route(packet)[2]) == 1


def test_without_dont_fragment_it_is_cut(setting: Setting) -> None:
    packet = setting.bench.udp(NEAR, "10.2.0.2", 1400)
    _, _, frames = setting.route(packet)
    pieces = setting.bench.packets(frames)
    assert [(piece.fragment_offset, piece.more_fragments) for piece in pieces] == [
        (0, True),
        (552, True),
        (1104, False),
    ]
    assert {piece.ttl for piece in pieces} == {63}
    assert b"".join(piece.payload for piece in pieces) == packet.payload
    assert setting.bench.notes(kinds.FRAGMENT) == [(3, 576)]


@pytest.mark.parametrize(
    ("at", "bad"),
    [
        (0, b"\x65"),  # version 6
        (0, b"\x44"),  # header of 16 bytes
        (0, b"\x4f"),  # header longer than the packet
        (2, b"\x00\x13"),  # packet shorter than its header
        (2, b"\x05\x00"),  # packet longer than the frame
    ],
)
def test_a_malformed_header_is_dropped_without_a_word(setting: Setting, at: int, bad: bytes) -> None:
    data = ipv4.emit(setting.bench.udp(NEAR, FAR))
    assert setting.errors(data[:at] + bad + data[at + len(bad) :]) == []
    assert setting.router.drops() == {"malformed IPv4": 1}


def test_a_bad_checksum_is_dropped_without_a_word(setting: Setting) -> None:
    data = bytearray(ipv4.emit(setting.bench.udp(NEAR, FAR)))
    for bit in range(160):
        data[bit >> 3] ^= 0x80 >> (bit & 7)
        assert setting.errors(bytes(data)) == []
        data[bit >> 3] ^= 0x80 >> (bit & 7)
    assert sum(setting.router.drops().values()) == 160
    assert len(setting.route(bytes(data))[1]) == 1


def test_a_broken_payload_is_not_the_routers_matter(setting: Setting) -> None:
    data = ipv4.emit(setting.bench.udp(NEAR, FAR))
    assert len(setting.route(data[:-1] + b"!")[1]) == 1


@pytest.mark.parametrize("destination", ["10.1.0.255", "255.255.255.255", "10.0.0.255"])
def test_a_broadcast_is_not_forwarded(setting: Setting, destination: str) -> None:
    assert setting.errors(setting.bench.udp(NEAR, destination)) == []


def test_the_broadcast_of_a_subnet_elsewhere_is_a_packet_like_any_other(setting: Setting) -> None:
    assert len(setting.route(setting.bench.udp(NEAR, "10.3.0.255"))[1]) == 1


@pytest.mark.parametrize("destination", ["224.0.0.1", "239.1.1.1", "127.0.0.1", "240.0.0.1"])
def test_what_is_no_single_host_elsewhere_is_not_forwarded(setting: Setting, destination: str) -> None:
    assert setting.errors(setting.bench.udp(NEAR, destination)) == []


@pytest.mark.parametrize("destination", ["224.0.0.1", "127.0.0.1", "240.0.0.1"])
def test_nor_when_the_router_itself_has_written_there(setting: Setting, destination: str) -> None:
    setting.router.stack.paths_to(parse_ip(destination))
    assert setting.errors(setting.bench.udp(NEAR, destination)) == []


@pytest.mark.parametrize("source", ["127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "10.1.0.255"])
def test_a_packet_from_no_single_host_is_not_forwarded(setting: Setting, source: str) -> None:
    assert setting.errors(setting.bench.udp(source, FAR)) == []


def test_a_packet_in_a_broadcast_frame_is_not_forwarded(setting: Setting) -> None:  # RFC 1812 5.3.4
    frame = setting.bench.ip_frame(setting.probes[0], MAC_BROADCAST, setting.bench.udp(NEAR, FAR))
    assert setting.bench.send(setting.probes[0], frame) == [[], [], []]


def test_a_frame_for_another_mac_address_is_ignored(setting: Setting) -> None:
    frame = setting.bench.ip_frame(setting.probes[0], b"\x02\0\0\0\x05\x05", setting.bench.udp(NEAR, FAR))
    assert setting.bench.send(setting.probes[0], frame) == [[], [], []]
    assert setting.router.drops() == {}


@pytest.mark.parametrize(
    "packet",
    [
        ipv4.Packet(parse_ip(NEAR), parse_ip("10.2.0.2"), 99, bytes(1000), fragment_offset=65000),
        ipv4.Packet(parse_ip(NEAR), parse_ip("10.2.0.2"), 99, bytes(1000), options=b"\x07\x01\0\0"),
    ],
    ids=["reaches beyond the longest packet", "malformed options"],
)
def test_what_cannot_be_cut_is_dropped(setting: Setting, packet: ipv4.Packet) -> None:
    assert setting.errors(packet) == []
    assert setting.router.drops() == {"malformed IPv4": 1}


# -- its own addresses


@pytest.mark.parametrize("address", ["10.0.0.1", "10.1.0.1", "10.2.0.1"])
def test_every_address_of_its_own_answers_a_ping_on_every_interface(setting: Setting, address: str) -> None:
    back, _, _ = setting.route(setting.bench.echo(NEAR, address))
    (answer,) = setting.bench.packets(back)
    assert (format_ip(answer.source), answer.ttl) == (address, 64)


def test_a_packet_for_the_router_may_have_a_ttl_of_one(setting: Setting) -> None:
    request = setting.bench.echo(NEAR, "10.0.0.1")
    request.ttl = 1
    assert len(setting.route(request)[0]) == 1


def test_it_answers_arp_for_its_own_address_only(setting: Setting) -> None:
    for target, answers in (("10.0.0.1", 1), ("10.0.0.9", 0), ("10.1.0.2", 0)):
        question = arp.Packet(arp.REQUEST, setting.probes[0].ports[0].mac, parse_ip(NEAR), bytes(6), parse_ip(target))
        frame = setting.bench.frame(MAC_BROADCAST, setting.probes[0].ports[0].mac, arp.emit(question), 0x0806)
        assert len(setting.bench.send(setting.probes[0], frame)[0]) == answers


# -- equal routes


def test_flows_are_spread_and_each_keeps_its_way(setting: Setting) -> None:
    setting.net.add_route(setting.router, "0.0.0.0/0", ["10.1.0.2", "10.2.0.2"])
    ways: Counter[int] = Counter()
    for port in range(100):
        heard = [setting.route(setting.bench.udp(NEAR, "8.8.8.8", size, port)) for size in (4, 5)]
        used = {number for frames in heard for number in (1, 2) if frames[number]}
        assert len(used) == 1
        ways[used.pop()] += 1
    assert min(ways[1], ways[2]) > 25


def test_pings_to_one_destination_keep_to_one_way(setting: Setting) -> None:
    setting.net.add_route(setting.router, "0.0.0.0/0", ["10.1.0.2", "10.2.0.2"])
    heard = [setting.route(setting.bench.echo(NEAR, "8.8.8.8", sequence)) for sequence in range(20)]
    assert {number for frames in heard for number in (1, 2) if frames[number]} in ({1}, {2})


def test_the_fragments_of_one_datagram_keep_to_one_way(setting: Setting) -> None:
    setting.net.add_route(setting.router, "0.0.0.0/0", ["10.1.0.2", "10.2.0.2"])
    for port in range(30):
        packet = setting.bench.udp(NEAR, "8.8.8.8", 2000, port)
        packet.payload = packet.payload[:8] + random.Random(port).randbytes(2000)
        ways = set()
        for offset in (0, 800, 1600):
            piece = setting.bench.udp(NEAR, "8.8.8.8")
            piece.payload = packet.payload[offset : offset + 800]
            piece.fragment_offset, piece.more_fragments = offset, offset < 1600
            heard = setting.route(piece)
            ways |= {number for number in (1, 2) if heard[number]}
        assert len(ways) == 1


def test_a_link_that_goes_down_leaves_its_share_to_the_other(setting: Setting) -> None:
    setting.net.add_route(setting.router, "0.0.0.0/0", ["10.1.0.2", "10.2.0.2"])
    setting.net.set_link(setting.net.links[1], False)
    for port in range(20):
        assert len(setting.route(setting.bench.udp(NEAR, "8.8.8.8", sport=port))[2]) == 1
