"""A gateway between a host inside and two outside, each a probe: what it sends, drops and answers."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from sim.lab.gateways import LabGateway
from sim.lab.network import Network
from sim.tracing import kinds
from sim.units import SECOND
from sim.wire import icmpv4, ipv4, tcp, udp
from sim.wire.addresses import format_ip, parse_ip

if TYPE_CHECKING:
    from tests.devices.conftest import Bench

PC, GW, WEB, FAR = "192.168.1.10", "203.0.113.2", "203.0.113.80", "198.51.100.9"


class Setting:
    """pc - inside [gw] outside - web, which is also the way to everywhere else."""

    def __init__(self, bench: Bench, mtu: int = 0, **nat: Any) -> None:
        self.bench = bench
        self.net = bench.net
        interfaces = {"inside": "192.168.1.1/24", "outside": "203.0.113.2/24"}
        self.gateway: LabGateway = self.net.gateway("gw", interfaces, routes={"0.0.0.0/0": WEB}, **nat)
        self.pc = bench.probe("gw:inside")
        self.web = bench.probe("gw:outside", mtu=mtu)
        bench.introduce(self.pc, PC, "192.168.1.1")
        bench.introduce(self.pc, "192.168.1.11", "192.168.1.1")
        bench.introduce(self.web, WEB, GW)

    def out(self, *packets: ipv4.Packet) -> list[ipv4.Packet]:
        """Send from inside; what comes out at the other side."""
        return self._send(0, packets)[1]

    def back(self, *packets: ipv4.Packet) -> list[ipv4.Packet]:
        return self._send(1, packets)[0]

    def answers(self, side: int, *packets: ipv4.Packet) -> list[ipv4.Packet]:
        """What the gateway says to who sends."""
        return self._send(side, packets)[side]

    def _send(self, side: int, packets: tuple[ipv4.Packet, ...]) -> list[list[ipv4.Packet]]:
        probe = (self.pc, self.web)[side]
        heard: list[list[ipv4.Packet]] = [[], []]
        for packet in packets:
            found = self.bench.send(probe, self.bench.ip_frame(probe, self.gateway.ports[side].mac, packet))
            for index in (0, 1):
                heard[index] += self.bench.packets(found[index])
        return heard


def tcp_packet(source: str, target: str, sport: int, port: int, flags: int = tcp.SYN) -> ipv4.Packet:
    ends = parse_ip(source), parse_ip(target)
    segment = tcp.Segment(sport, port, 7, 8 if flags & tcp.ACK else 0, flags, 1000)
    return ipv4.Packet(*ends, 6, tcp.emit(segment, *ends), identification=3)


def ends(packet: ipv4.Packet) -> str:
    """`a:1 > b:2`."""
    ports = [int.from_bytes(packet.payload[at : at + 2], "big") for at in (0, 2)]
    return f"{format_ip(packet.source)}:{ports[0]} > {format_ip(packet.destination)}:{ports[1]}"


@pytest.fixture
def setting(bench: Bench) -> Setting:
    return Setting(bench)


# -- translation and routing together


def test_out_and_back(setting: Setting) -> None:
    (left,) = setting.out(setting.bench.udp(PC, FAR, sport=5000, port=53))
    assert ends(left) == "203.0.113.2:5000 > 198.51.100.9:53"
    assert left.ttl == 63
    udp.parse(left.payload, left.source, left.destination)
    (came,) = setting.back(setting.bench.udp(FAR, GW, sport=53, port=5000))
    assert ends(came) == "198.51.100.9:53 > 192.168.1.10:5000"
    assert setting.gateway.nat_table() == [("udp", "192.168.1.10:5000", "203.0.113.2:5000")]
    assert setting.gateway.counters()["translated"] == 2


def test_the_note_says_old_new_and_why(setting: Setting) -> None:
    setting.out(setting.bench.udp(PC, FAR, sport=5000, port=53), setting.bench.udp("192.168.1.11", FAR, sport=5000))
    setting.back(setting.bench.udp(FAR, GW, sport=53, port=5000))
    assert setting.bench.notes(kinds.TRANSLATE) == [
        ("source", "192.168.1.10:5000", "203.0.113.2:5000", "new mapping, port kept"),
        ("source", "192.168.1.11:5000", "203.0.113.2:1024", "new mapping, port 5000 not free"),
        ("destination", "203.0.113.2:5000", "192.168.1.10:5000", "answer of a known connection"),
    ]


def test_the_gateway_itself_answers_pings_from_both_sides(setting: Setting) -> None:
    for side, source, target in ((0, PC, "192.168.1.1"), (0, PC, GW), (1, WEB, GW)):
        (answer,) = setting.answers(side, setting.bench.echo(source, target))
        assert icmpv4.parse(answer.payload).kind == icmpv4.ECHO_REPLY


def test_where_the_ttl_ends_the_sender_hears_of_its_own_packet(setting: Setting) -> None:
    packet = setting.bench.udp(PC, FAR, sport=5000)
    packet.ttl = 1
    (error,) = setting.answers(0, packet)
    assert icmpv4.parse(error.payload).payload == ipv4.emit(packet)
    assert setting.gateway.counters()["mappings"] == 0


def test_without_a_route_the_sender_hears_of_its_own_packet(bench: Bench) -> None:
    setting = Setting(bench, forward=[{"protocol": "udp", "port": 53, "to": "10.9.9.9"}])
    setting.gateway.stack.routes.remove(bytes(4), 0)
    packet = bench.udp(WEB, GW, port=53)
    (error,) = setting.answers(1, packet)
    assert icmpv4.parse(error.payload).payload == ipv4.emit(packet)


def test_where_nobody_answers_arp_the_sender_hears_of_its_own_packet(bench: Bench) -> None:
    """By then the packet is translated, both ways."""
    setting = Setting(bench, forward=[{"protocol": "udp", "port": 53, "to": "192.168.1.99"}])
    inbound, outbound = bench.udp(WEB, GW, port=53), bench.udp(PC, "203.0.113.99", sport=5000)
    for probe, side, packet in ((setting.web, 1, inbound), (setting.pc, 0, outbound)):
        bench.send(probe, bench.ip_frame(probe, setting.gateway.ports[side].mac, packet))
        setting.net.run(until=setting.net.now + 5 * SECOND)
        (error,) = bench.errors([frame for _, frame in probe.frames])
        assert error.code == icmpv4.HOST_UNREACHABLE
        quoted = ipv4.parse_truncated(error.payload)
        assert ends(quoted) == ends(packet)


def test_frag_needed_tells_of_the_packet_as_it_was_sent(bench: Bench) -> None:
    setting = Setting(bench, mtu=600)
    packet = bench.udp(PC, FAR, size=800)
    packet.dont_fragment = True
    (error,) = setting.answers(0, packet)
    message = icmpv4.parse(error.payload)
    assert (message.code, message.mtu()) == (icmpv4.FRAGMENTATION_NEEDED, 600)
    assert message.payload == ipv4.emit(packet)[: len(message.payload)]


def test_malformed_packets_are_dropped_as_by_a_router(setting: Setting) -> None:
    frame = setting.bench.ip_frame(setting.pc, setting.gateway.ports[0].mac, setting.bench.udp(PC, FAR))
    for at in (14, 17, 24):
        broken = bytearray(frame)
        broken[at] ^= 0x55
        setting.bench.send(setting.pc, bytes(broken))
    assert set(setting.gateway.drops()) <= {"malformed IPv4", "bad IPv4 checksum"}
    assert sum(setting.gateway.drops().values()) == 3


# -- fragments


def fragments(packet: ipv4.Packet, size: int) -> list[ipv4.Packet]:
    from sim.stack.fragments import fragment

    return fragment(packet, size)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 0, 2]])
def test_fragments_are_translated_in_any_order_and_stay_as_small(setting: Setting, order: list[int]) -> None:
    whole = setting.bench.udp(PC, FAR, size=1400, sport=5000)
    pieces = fragments(whole, 576)
    left = setting.out(*[pieces[index] for index in order])
    assert [len(ipv4.emit(piece)) for piece in left] == [len(ipv4.emit(piece)) for piece in pieces]
    data = b"".join(piece.payload for piece in left)
    udp.parse(data, parse_ip(GW), parse_ip(FAR))
    assert {format_ip(piece.source) for piece in left} == {GW}


def test_fragments_that_never_become_whole_are_forgotten(setting: Setting) -> None:
    pieces = fragments(setting.bench.udp(PC, FAR, size=1400, sport=5000), 576)
    assert setting.out(*pieces[:2]) == []
    setting.net.run(until=setting.net.now + 31 * SECOND)
    assert setting.gateway.drops() == {"reassembly timeout": 1}
    assert setting.out(pieces[2]) == []


# -- what nobody has asked for


def test_filtered_datagrams_vanish_without_a_word(setting: Setting) -> None:
    setting.out(setting.bench.udp(PC, FAR, sport=5000, port=53))
    assert setting.answers(1, setting.bench.udp(WEB, GW, sport=9, port=5000)) == []
    assert setting.gateway.drops() == {"NAT filtering": 1}


@pytest.mark.parametrize("mapped", [True, False])
def test_an_unsolicited_syn_is_refused_after_six_seconds(setting: Setting, mapped: bool) -> None:
    """RFC 5382 REQ-4."""
    if mapped:
        setting.out(tcp_packet(PC, FAR, 5000, 80))
    syn = tcp_packet(WEB, GW, 4000, 5000)
    assert setting.answers(1, syn, syn) == []
    setting.net.run(until=setting.net.now + 5_990_000_000)
    assert setting.bench.packets([frame for _, frame in setting.web.frames]) == []
    setting.net.run(until=setting.net.now + SECOND)
    (error,) = setting.bench.errors([frame for _, frame in setting.web.frames])
    assert (error.kind, error.code) == (3, icmpv4.PORT_UNREACHABLE)
    assert error.payload == ipv4.emit(syn)
    assert setting.gateway.drops() == {"unsolicited SYN": 2}


def test_a_syn_that_goes_the_other_way_ends_the_wait(setting: Setting) -> None:
    setting.out(tcp_packet(PC, FAR, 5000, 80))
    assert setting.answers(1, tcp_packet(WEB, GW, 4000, 5000)) == []
    assert len(setting.out(tcp_packet(PC, WEB, 5000, 4000))) == 1
    setting.net.run(until=setting.net.now + 10 * SECOND)
    assert setting.bench.packets([frame for _, frame in setting.web.frames])[1:] == []
    assert [ends(packet) for packet in setting.back(tcp_packet(WEB, GW, 4000, 5000))] == [
        "203.0.113.80:4000 > 192.168.1.10:5000"
    ]


def test_a_server_on_the_gateway_is_reached_and_its_port_is_not_handed_out(setting: Setting) -> None:
    socket = setting.gateway.stack.tcp.socket()
    socket.bind(bytes(4), 5000)
    socket.listen(5)
    (answer,) = setting.answers(1, tcp_packet(WEB, GW, 4000, 5000))
    assert tcp.parse(answer.payload, answer.source, answer.destination).flags == tcp.SYN | tcp.ACK
    (left,) = setting.out(tcp_packet(PC, FAR, 5000, 80))
    assert ends(left) == "203.0.113.2:1024 > 198.51.100.9:80"


def test_power_off_forgets_everything(setting: Setting) -> None:
    setting.out(setting.bench.udp(PC, FAR, sport=5000, port=53))
    setting.net.set_power("gw", False)
    setting.net.set_power("gw", True)
    assert setting.gateway.nat_table() == []
    assert setting.gateway.counters()["connections"] == 0


# -- firewall

POLICY = {
    "policy": "deny",
    "rules": [
        {"allow": {"state": ["established", "related"]}},
        {"allow": {"in": "inside", "protocol": "udp"}},
        {"reject": {"in": "inside", "protocol": "tcp", "port": 25}},
        {"reject": {"in": "inside", "protocol": "icmp"}},
        {"reject": {"in": "outside", "protocol": "udp", "port": 53, "answer": "port-unreachable"}},
        {"allow": {"to": "self", "protocol": "icmp"}},
    ],
}


def counts(gateway: LabGateway) -> dict[str, int]:
    assert gateway.firewall is not None
    return {name: rule.packets for name, rule in gateway.firewall.names.items() if rule.packets}


def test_answers_pass_and_questions_do_not(bench: Bench) -> None:
    setting = Setting(bench, firewall=POLICY, behaviour="full-cone")
    assert len(setting.out(bench.udp(PC, FAR, sport=5000, port=53))) == 1
    assert len(setting.back(bench.udp(FAR, GW, sport=53, port=5000))) == 1
    assert setting.back(bench.udp(WEB, GW, sport=9, port=5000)) == []  # the mapping would let it in
    assert counts(setting.gateway) == {"rule 1": 1, "rule 2": 1, "policy": 1}
    assert setting.gateway.drops() == {"firewall policy (deny)": 1}


def test_what_is_dropped_leaves_no_connection(bench: Bench) -> None:
    setting = Setting(bench, firewall=POLICY)
    assert setting.out(tcp_packet(PC, FAR, 5000, 80)) == []
    assert setting.gateway.counters()["connections"] == setting.gateway.counters()["mappings"] == 0


def test_reject_answers_a_syn_with_a_reset_in_the_name_of_its_destination(bench: Bench) -> None:
    setting = Setting(bench, firewall=POLICY)
    (reset,) = setting.answers(0, tcp_packet(PC, FAR, 5000, 25))
    assert ends(reset) == "198.51.100.9:25 > 192.168.1.10:5000"
    segment = tcp.parse(reset.payload, reset.source, reset.destination)
    assert (segment.flags, segment.acknowledgment) == (tcp.RST | tcp.ACK, 8)
    assert setting.gateway.drops() == {"firewall rule 3 (reject tcp to port 25 in inside)": 1}


def test_reject_answers_the_rest_with_an_icmp_error(bench: Bench) -> None:
    setting = Setting(bench, firewall=POLICY, forward=[{"protocol": "udp", "port": 53, "to": PC}])
    ping, question = bench.echo(PC, FAR), bench.udp(WEB, GW, port=53)
    for side, packet, code in ((0, ping, icmpv4.COMMUNICATION_PROHIBITED), (1, question, icmpv4.PORT_UNREACHABLE)):
        (error,) = setting.answers(side, packet)
        message = icmpv4.parse(error.payload)
        assert (message.kind, message.code, message.payload) == (3, code, ipv4.emit(packet))


def test_errors_about_known_connections_are_related(bench: Bench) -> None:
    setting = Setting(bench, firewall=POLICY)
    (left,) = setting.out(bench.udp(PC, FAR, sport=5000, port=53))
    error = icmpv4.emit(icmpv4.Message(11, 0, 0, ipv4.emit(left)))
    (came,) = setting.back(ipv4.Packet(parse_ip(WEB), parse_ip(GW), 1, error))
    assert format_ip(came.destination) == PC
    stray = icmpv4.emit(icmpv4.Message(11, 0, 0, ipv4.emit(bench.udp(GW, FAR, sport=9))))
    assert setting.back(ipv4.Packet(parse_ip(WEB), parse_ip("192.168.1.10"), 1, stray)) == []


def test_an_inside_hosts_error_goes_out_in_the_gateways_name(setting: Setting) -> None:
    """RFC 5508 4.2: about a packet of a known connection. What comes in with the gateway's own source stays martian."""
    setting.out(setting.bench.udp(PC, FAR, sport=5000, port=53))
    (came,) = setting.back(setting.bench.udp(FAR, GW, sport=53, port=5000))
    error = icmpv4.emit(icmpv4.Message(3, icmpv4.PORT_UNREACHABLE, 0, ipv4.emit(came)))
    (left,) = setting.out(ipv4.Packet(parse_ip(PC), parse_ip(FAR), 1, error))
    assert (format_ip(left.source), format_ip(left.destination)) == (GW, FAR)
    quoted = icmpv4.parse_quoted(icmpv4.parse(left.payload).payload)
    assert format_ip(quoted.destination) == GW
    assert setting.out(ipv4.Packet(parse_ip(GW), parse_ip(FAR), 1, error)) == []
    assert setting.gateway.drops() == {"martian address": 1}


def test_the_gateways_own_connections_are_known(bench: Bench) -> None:
    """A ping of its own is answered, though the policy denies what comes in."""
    setting = Setting(bench, firewall={"policy": "deny", "rules": [{"allow": {"state": "established"}}]})
    replies: list[int] = []
    stack = setting.gateway.stack
    socket = stack.icmp.open_echo(lambda packet, message: replies.append(message.sequence()), lambda error: None)
    setting.gateway.originate("ping")
    request = icmpv4.emit(icmpv4.echo_request(socket.identifier, 1, b""))
    stack.send(ipv4.Packet(parse_ip(GW), parse_ip(WEB), 1, request))
    reply = icmpv4.emit(icmpv4.echo_reply(socket.identifier, 1, b""))
    setting.answers(1, ipv4.Packet(parse_ip(WEB), parse_ip(GW), 1, reply))
    assert replies == [1]
    assert setting.answers(1, bench.echo(WEB, GW)) == []


def test_a_router_with_a_firewall_translates_nothing(bench: Bench) -> None:
    net = bench.net
    rules = {"policy": "allow", "rules": [{"deny": {"protocol": "udp", "port": 7}}]}
    router = net.router("r1", {"a": "10.0.0.1/24", "b": "10.1.0.1/24"}, firewall=rules)
    probes = [bench.probe("r1:a"), bench.probe("r1:b")]
    bench.introduce(probes[1], "10.1.0.2", "10.1.0.1")
    assert router.kind == "router"
    for port, passes in ((7, 0), (8, 1)):
        frame = bench.ip_frame(probes[0], router.ports[0].mac, bench.udp("10.0.0.2", "10.1.0.2", port=port))
        assert len(bench.packets(bench.send(probes[0], frame)[1])) == passes
    assert router.drops() == {"firewall rule 1 (deny udp to port 7)": 1}


# -- garbage


@pytest.mark.slow
def test_no_frame_upsets_a_gateway_and_its_tables_are_bounded() -> None:
    net = Network(record=False)
    gateway = net.gateway(
        "gw",
        {"inside": "192.168.1.1/24", "outside": "203.0.113.2/24"},
        routes={"0.0.0.0/0": WEB},
        behaviour="symmetric",
        table_size=200,
        forward=[{"protocol": "tcp", "port": "1-100", "to": PC}],
        static={"203.0.113.9": "192.168.1.9"},
        firewall={"rules": [{"reject": {"port": 23}}, {"allow": {"state": "established"}}]},
    )
    probes = [net.probe("p1"), net.probe("p2")]
    net.link(probes[0], "gw:inside")
    net.link(probes[1], "gw:outside")
    chance = random.Random(5)
    addresses = [PC, "192.168.1.11", "192.168.1.9", GW, "203.0.113.9", WEB, FAR, "192.168.1.1"]
    for number in range(6000):
        side = number % 2
        packet = bytearray(ipv4.emit(any_packet(chance, addresses)))
        for _ in range(chance.choice([0, 0, 1, 3])):
            packet[chance.randrange(len(packet))] = chance.randrange(256)
        if chance.random() < 0.7:  # most of it with a right header
            packet[10:12] = b"\0\0"
            from sim.wire.checksum import internet_checksum

            packet[10:12] = internet_checksum(bytes(packet[:20])).to_bytes(2, "big")
        data = bytes(packet[: chance.randrange(20, len(packet) + 1)] if chance.random() < 0.1 else packet)
        probes[side].inject(gateway.ports[side].mac + probes[side].ports[0].mac + b"\x08\x00" + data)
        if number % 50 == 0:
            net.run(until=net.now + SECOND)
            assert len(gateway.stack.reassembly.partials if gateway.stack.reassembly else ()) <= 64
            assert gateway.counters()["connections"] <= 200
            assert gateway.counters()["mappings"] <= 200
    net.run(until=net.now + 8000 * SECOND)
    assert gateway.counters()["connections"] == gateway.counters()["mappings"] == 0
    assert {"NAT filtering", "connection table full"} <= set(gateway.drops())


def any_packet(chance: random.Random, addresses: list[str]) -> ipv4.Packet:
    source, target = (parse_ip(chance.choice(addresses)) for _ in range(2))
    protocol = chance.choice([1, 6, 6, 17, 17, 47])
    ports = chance.randrange(1, 300), chance.randrange(1, 300)
    if protocol == 6:
        payload = tcp.emit(tcp.Segment(*ports, 1, 2, chance.randrange(64), 3), source, target)
    elif protocol == 17:
        payload = udp.emit(udp.Datagram(*ports, b"data"), source, target)
    else:
        quote = ipv4.emit(ipv4.Packet(target, source, 17, udp.emit(udp.Datagram(*ports, b""), target, source)))
        payload = icmpv4.emit(icmpv4.Message(chance.choice([0, 3, 5, 8, 11, 13, 42]), 0, 7, quote))
    more = chance.random() < 0.1
    payload = payload[: len(payload) // 8 * 8] if more else payload
    offset = chance.choice([0, 8, 16]) if chance.random() < 0.1 else 0
    return ipv4.Packet(
        source, target, protocol, payload, ttl=chance.randrange(256), more_fragments=more, fragment_offset=offset
    )
