"""Translation without a network around it: what leaves, what comes back, and what does not."""

from __future__ import annotations

import pytest

from sim.stack.translation.conntrack import SECOND, Timeouts
from sim.stack.translation.flows import flow_of, format_end, source_of
from sim.stack.translation.tracker import TABLE_FULL
from sim.stack.translation.translator import (
    EXHAUSTED,
    FILTERED,
    HAIRPIN_INTERNAL_SOURCE,
    HAIRPIN_OFF,
    NO_HAIRPIN,
    NOT_TRACKED,
)
from sim.wire import icmpv4, ipv4, tcp
from sim.wire.addresses import format_ip, parse_ip
from tests.stack.translation.conftest import Box, echo_packet, error_packet, tcp_packet, udp_packet

PC, GW, WEB = "192.168.1.10:5000", "203.0.113.2:5000", "198.51.100.80:53"


def test_there_and_back(box: Box) -> None:
    assert box.out(udp_packet(PC, WEB)) == udp_packet(GW, WEB)
    assert box.back(udp_packet(WEB, GW)) == udp_packet(WEB, PC)
    assert box.out(udp_packet(PC, WEB, b"again")) == udp_packet(GW, WEB, b"again")
    assert len(box.mappings) == 1
    assert box.translator.translated == 3


def test_a_query_has_its_identifier_translated(box: Box) -> None:
    assert box.out(echo_packet("192.168.1.10", "198.51.100.80")) == echo_packet("203.0.113.2", "198.51.100.80")
    other = box.out(echo_packet("192.168.1.11", "198.51.100.80"))
    assert isinstance(other, bytes)
    assert icmpv4.parse(ipv4.parse(other).payload).identifier() != 7
    back = bytearray(echo_packet("198.51.100.80", "203.0.113.2", reply=True))
    assert box.back(bytes(back)) == echo_packet("198.51.100.80", "192.168.1.10", reply=True)


STRANGERS = ["198.51.100.80:53", "198.51.100.80:54", "198.51.100.99:53"]


@pytest.mark.parametrize(
    ("behaviour", "may"),
    [
        ("full-cone", [True, True, True]),
        ("address-restricted", [True, True, False]),
        ("port-restricted", [True, False, False]),
        ("symmetric", [True, False, False]),
    ],
)
def test_who_may_write_to_a_mapping(behaviour: str, may: list[bool]) -> None:
    box = Box(behaviour)
    box.out(udp_packet(PC, WEB))
    found = [box.back(udp_packet(stranger, GW)) for stranger in STRANGERS]
    expected = [udp_packet(who, PC) if let else FILTERED for who, let in zip(STRANGERS, may, strict=True)]
    assert found == expected


def test_the_answer_to_a_stranger_leaves_by_the_same_mapping() -> None:
    box = Box("full-cone")
    box.out(udp_packet(PC, WEB))
    box.back(udp_packet("198.51.100.99:53", GW))
    assert box.out(udp_packet(PC, "198.51.100.99:53")) == udp_packet(GW, "198.51.100.99:53")


def test_a_mapping_ends_with_its_last_connection(box: Box) -> None:
    box.out(udp_packet(PC, WEB))
    box.now = 300 * SECOND - 1
    assert box.back(udp_packet(WEB, GW)) == udp_packet(WEB, PC)
    box.now = 599 * SECOND
    assert box.back(udp_packet(WEB, GW)) == udp_packet(WEB, PC)  # it was refreshed from outside
    box.now = 900 * SECOND
    assert box.back(udp_packet(WEB, GW)) == udp_packet(WEB, GW)  # nobody's: for the gateway itself
    assert len(box.mappings) == 0


def test_a_forwarded_port(box: Box) -> None:
    box.translator.forward(6, 8080, parse_ip("192.168.1.80"), 80)
    assert box.back(tcp_packet("198.51.100.9:4000", "203.0.113.2:8080")) == tcp_packet(
        "198.51.100.9:4000", "192.168.1.80:80"
    )
    answer = tcp_packet("192.168.1.80:80", "198.51.100.9:4000", tcp.SYN | tcp.ACK)
    assert box.out(answer) == tcp_packet("203.0.113.2:8080", "198.51.100.9:4000", tcp.SYN | tcp.ACK)
    assert len(box.mappings) == 0
    taken = box.out(tcp_packet("192.168.1.10:8080", "198.51.100.9:80"))
    assert isinstance(taken, bytes)
    assert format_end(source_of(flow_of(taken))) != "203.0.113.2:8080"


def test_one_to_one(box: Box) -> None:
    box.translator.pair(parse_ip("203.0.113.9"), parse_ip("192.168.1.9"))
    assert box.out(udp_packet("192.168.1.9:500", WEB)) == udp_packet("203.0.113.9:500", WEB)
    assert box.back(udp_packet("198.51.100.1:9", "203.0.113.9:700")) == udp_packet("198.51.100.1:9", "192.168.1.9:700")
    assert box.back(echo_packet("198.51.100.1", "203.0.113.9")) == echo_packet("198.51.100.1", "192.168.1.9")
    reply = echo_packet("192.168.1.9", "198.51.100.1", reply=True)
    assert box.out(reply) == echo_packet("203.0.113.9", "198.51.100.1", reply=True)


# -- hairpin (RFC 4787 REQ-9)

OTHER, OTHER_GW = "192.168.1.11:6000", "203.0.113.2:6000"


def test_a_neighbour_is_written_to_at_its_outside_address() -> None:
    box = Box("full-cone")
    box.out(udp_packet(OTHER, WEB))
    assert box.out(udp_packet(PC, OTHER_GW), to="inside") == udp_packet(GW, OTHER)
    assert box.out(udp_packet(OTHER, GW), to="inside") == udp_packet(OTHER_GW, PC)


def test_hairpin_with_the_inside_source() -> None:
    box = Box("full-cone", hairpin=HAIRPIN_INTERNAL_SOURCE)
    box.out(udp_packet(OTHER, WEB))
    assert box.out(udp_packet(PC, OTHER_GW), to="inside") == udp_packet(PC, OTHER)


def test_no_hairpin() -> None:
    box = Box("full-cone", hairpin=HAIRPIN_OFF)
    box.out(udp_packet(OTHER, WEB))
    assert box.out(udp_packet(PC, OTHER_GW), to="inside") == NO_HAIRPIN


def test_two_neighbours_punch_holes_into_one_gateway(box: Box) -> None:
    box.out(udp_packet(OTHER, WEB))
    box.out(udp_packet(PC, WEB))
    assert box.out(udp_packet(PC, OTHER_GW), to="inside") == FILTERED  # but the way back is open now
    assert box.out(udp_packet(OTHER, GW), to="inside") == udp_packet(OTHER_GW, PC)
    assert box.out(udp_packet(PC, OTHER_GW), to="inside") == udp_packet(GW, OTHER)


# -- ICMP errors (RFC 5508)


def test_an_error_from_the_way_comes_to_who_has_sent(box: Box) -> None:
    sent = udp_packet(PC, WEB)
    left = box.out(sent)
    assert isinstance(left, bytes)
    back = box.back(error_packet("198.51.100.1", "203.0.113.2", left))
    assert back == error_packet("198.51.100.1", "192.168.1.10", sent)  # the router's own address stays


def test_an_error_about_an_error_or_a_stranger_is_not_translated(box: Box) -> None:
    error = error_packet("198.51.100.1", "203.0.113.2", udp_packet("203.0.113.2:9", WEB))
    assert box.back(error) == error
    assert box.passage is not None
    assert box.passage.connection is None


def test_an_error_from_inside_speaks_for_the_outside_address(box: Box) -> None:
    box.translator.forward(17, 53, parse_ip("192.168.1.80"), 53)
    asked = udp_packet("198.51.100.9:4000", "203.0.113.2:53")
    inside = box.back(asked)
    assert isinstance(inside, bytes)
    for who in ("192.168.1.80", "192.168.1.254"):  # the server, a router before it
        told = box.out(error_packet(who, "198.51.100.9", inside, 3, 3))
        assert told == error_packet("203.0.113.2", "198.51.100.9", asked, 3, 3)


def test_an_error_about_a_query(box: Box) -> None:
    box.out(echo_packet("192.168.1.11", "198.51.100.80"))
    sent = echo_packet("192.168.1.10", "198.51.100.80")
    left = box.out(sent)
    assert isinstance(left, bytes)
    assert left[24:26] != sent[24:26]
    assert box.back(error_packet("198.51.100.1", "203.0.113.2", left)) == error_packet(
        "198.51.100.1", "192.168.1.10", sent
    )


def test_an_error_keeps_nothing_alive(box: Box) -> None:
    left = box.out(udp_packet(PC, WEB))
    assert isinstance(left, bytes)
    box.now = 299 * SECOND
    box.back(error_packet("198.51.100.1", "203.0.113.2", left))
    box.now = 300 * SECOND
    assert box.back(udp_packet(WEB, GW)) == udp_packet(WEB, GW)


# -- bounds


def test_ports_run_out() -> None:
    box = Box(ports=(6000, 6001))
    found = [box.out(udp_packet(f"192.168.1.{n}:5000", WEB)) for n in range(10, 14)]
    assert [reason for reason in found if isinstance(reason, str)] == [EXHAUSTED, EXHAUSTED]


def test_a_full_table() -> None:
    box = Box(limit=2)
    found = [box.out(udp_packet(f"192.168.1.10:{n}", WEB)) for n in range(5000, 5004)]
    assert [reason for reason in found if isinstance(reason, str)] == [TABLE_FULL, TABLE_FULL]


def test_what_belongs_to_no_connection_does_not_leave(box: Box) -> None:
    assert box.out(tcp_packet("192.168.1.10:5000", WEB, tcp.RST)) == NOT_TRACKED
    assert box.out(echo_packet("192.168.1.10", "198.51.100.80", reply=True)) == NOT_TRACKED
    assert box.out(tcp_packet("192.168.1.10:5000", WEB, tcp.ACK)) == tcp_packet(GW, WEB, tcp.ACK)  # taken up


def test_another_protocol_has_one_inside_host(box: Box) -> None:
    def gre(source: str) -> bytes:
        return ipv4.emit(ipv4.Packet(parse_ip(source), parse_ip("198.51.100.80"), 47, b"tunnel"))

    assert box.out(gre("192.168.1.10")) == gre("203.0.113.2")
    assert box.out(gre("192.168.1.11")) == EXHAUSTED


def test_simultaneous_open_passes(box: Box) -> None:
    """RFC 5382 REQ-2: a SYN each way, and a SYN,ACK each way."""
    peer = "198.51.100.80:53"
    assert box.out(tcp_packet(PC, peer)) == tcp_packet(GW, peer)
    assert box.back(tcp_packet(peer, GW)) == tcp_packet(peer, PC)
    assert box.back(tcp_packet(peer, GW, tcp.SYN | tcp.ACK)) == tcp_packet(peer, PC, tcp.SYN | tcp.ACK)
    assert box.out(tcp_packet(PC, peer, tcp.SYN | tcp.ACK)) == tcp_packet(GW, peer, tcp.SYN | tcp.ACK)


def test_ten_thousand_flows_and_none_left() -> None:
    box = Box(limit=10_000, timeouts=Timeouts(udp=10 * SECOND))
    for number in range(12_000):
        source = f"192.168.{1 + number // 4000}.10:{20_000 + number % 4000}"
        result = box.out(udp_packet(source, WEB))
        assert isinstance(result, bytes) == (number < 10_000)
    assert len(box.tracker.table) == len(box.mappings) == 10_000
    outside = {mapping.outside for mapping in box.mappings.mappings()}
    assert len(outside) == 10_000
    assert {format_ip(end[1:5]) for end in outside} == {"203.0.113.2"}
    box.tracker.table.expire(10 * SECOND)
    assert len(box.tracker.table) == len(box.mappings) == 0
