from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from sim.stack.icmp import QUOTE_LIMIT
from sim.stack.service import IcmpError
from sim.tracing import kinds
from sim.wire import icmpv4, ipv4
from sim.wire.addresses import MAC_BROADCAST, parse_ip

if TYPE_CHECKING:
    from tests.stack.conftest import Bench

OWN, PEER = "10.0.0.1", "10.0.0.2"


@pytest.fixture(autouse=True)
def known(bench: Bench) -> None:
    bench.know(PEER)


def icmp(message: icmpv4.Message, source: str = PEER, target: str = OWN) -> ipv4.Packet:
    return ipv4.Packet(parse_ip(source), parse_ip(target), ipv4.PROTOCOL_ICMP, icmpv4.emit(message))


def error_about(packet: ipv4.Packet, kind: int = 3, code: int = 3) -> ipv4.Packet:
    return icmp(icmpv4.Message(kind, code, 0, ipv4.emit(packet)[:28]))


# -- echo


def test_an_echo_request_is_answered_with_the_same_data(bench: Bench) -> None:
    request = bench.echo(PEER, OWN, b"hello")
    request.tos = 0x48
    (answer,) = bench.parsed(bench.hear_ip(request))
    assert (answer.source, answer.destination, answer.tos) == (parse_ip(OWN), parse_ip(PEER), 0x48)
    assert answer.ttl == 64
    assert icmpv4.parse(answer.payload) == icmpv4.echo_reply(7, 1, b"hello")


def test_an_answer_comes_from_the_address_that_was_asked(bench: Bench) -> None:
    bench.stack.add_address(bench.eth0, parse_ip("10.7.0.1"), 16)
    (answer,) = bench.parsed(bench.hear_ip(bench.echo(PEER, "10.7.0.1")))
    assert answer.source == parse_ip("10.7.0.1")


@pytest.mark.parametrize("target", ["10.0.0.255", "255.255.255.255", "224.0.0.1"])
def test_an_echo_request_to_many_is_not_answered(bench: Bench, target: str) -> None:
    assert bench.hear_ip(bench.echo(PEER, target), to=MAC_BROADCAST) == []
    assert bench.notes(kinds.IGNORE) == ["an echo request to many is not answered"]


def test_an_echo_reply_goes_to_who_waits_for_its_identifier(bench: Bench) -> None:
    heard: list[tuple[str, int]] = []
    sockets = [
        bench.stack.icmp.open_echo(
            lambda _, message, name=name: heard.append((name, message.sequence())),  # type: ignore[misc]
            lambda error: None,
        )
        for name in ("first", "second")
    ]
    bench.hear_ip(icmp(icmpv4.echo_reply(sockets[1].identifier, 5, b"")))
    bench.stack.icmp.close_echo(sockets[1])
    bench.hear_ip(icmp(icmpv4.echo_reply(sockets[1].identifier, 6, b"")))
    assert heard == [("second", 5)]
    assert bench.notes(kinds.IGNORE) == ["nobody awaits this echo reply"]


def test_an_identifier_is_not_used_again_at_once(bench: Bench) -> None:
    identifiers = []
    for _ in range(3):
        socket = bench.stack.icmp.open_echo(lambda packet, message: None, lambda error: None)
        identifiers.append(socket.identifier)
        bench.stack.icmp.close_echo(socket)
    assert len(set(identifiers)) == 3


def test_identifiers_come_round_and_skip_those_in_use(bench: Bench) -> None:
    kept = bench.stack.icmp.open_echo(lambda packet, message: None, lambda error: None)
    seen = set()
    for _ in range(0xFFFF):
        socket = bench.stack.icmp.open_echo(lambda packet, message: None, lambda error: None)
        seen.add(socket.identifier)
        bench.stack.icmp.close_echo(socket)
    assert seen == set(range(1, 0x10000)) - {kept.identifier}


def test_when_all_identifiers_are_in_use_there_is_none(bench: Bench) -> None:
    for _ in range(0xFFFF):
        bench.stack.icmp.open_echo(lambda packet, message: None, lambda error: None)
    with bench.refuses(errno.EAGAIN):
        bench.stack.icmp.open_echo(lambda packet, message: None, lambda error: None)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "malformed ICMP"),
        (b"\x08\0\0\0\0\0\0\0", "malformed ICMP"),  # bad checksum
        (icmpv4.emit(icmpv4.Message(42, 0)), "unknown ICMP type"),
        (icmpv4.emit(icmpv4.Message(3, 3, 0, b"short")), "malformed ICMP"),
    ],
)
def test_what_cannot_be_read_is_dropped(bench: Bench, payload: bytes, reason: str) -> None:
    assert bench.hear_ip(ipv4.Packet(parse_ip(PEER), parse_ip(OWN), 1, payload)) == []
    assert bench.journal.drops == {reason: 1}


# -- errors sent


def test_a_closed_port_is_reported_with_the_datagram_quoted(bench: Bench) -> None:
    datagram = bench.udp(PEER, OWN, 7)
    frames = bench.hear_ip(datagram)
    (packet,) = bench.parsed(frames)
    (error,) = bench.errors(frames)
    assert (packet.source, packet.destination) == (parse_ip(OWN), parse_ip(PEER))
    assert (error.kind, error.code, error.payload) == (3, 3, ipv4.emit(datagram))


def test_an_unknown_protocol_is_reported(bench: Bench) -> None:
    (error,) = bench.errors(bench.hear_ip(ipv4.Packet(parse_ip(PEER), parse_ip(OWN), 99, b"?")))
    assert (error.kind, error.code) == (3, 2)
    assert bench.journal.drops == {"unknown protocol": 1}


def test_an_error_comes_from_the_address_that_the_packet_was_for(bench: Bench) -> None:
    bench.stack.add_address(bench.eth0, parse_ip("10.7.0.1"), 16)
    (packet,) = bench.parsed(bench.hear_ip(bench.udp(PEER, "10.7.0.1")))
    assert packet.source == parse_ip("10.7.0.1")


def test_an_error_quotes_as_much_as_fits_into_576_bytes(bench: Bench) -> None:
    datagram = bench.udp(PEER, OWN, data=bytes(1000))
    frames = bench.hear_ip(datagram)
    (error,) = bench.errors(frames)
    assert len(frames[0]) - 14 == 576
    assert error.payload == ipv4.emit(datagram)[:QUOTE_LIMIT]


@pytest.mark.parametrize("protocol", [17, 99])
def test_the_padding_of_a_frame_is_not_quoted(bench: Bench, protocol: int) -> None:
    packet = bench.udp(PEER, OWN)
    packet.protocol = protocol
    (error,) = bench.errors(bench.hear_ip(packet, padding=bytes(20)))
    assert error.payload == ipv4.emit(packet)


def test_padding_is_not_quoted_by_a_router_either(bench: Bench) -> None:
    packet = ipv4.emit(bench.udp(PEER, "10.9.9.9"))
    bench.enter()
    bench.stack.icmp.send_error(packet + bytes(20), 11, 0)
    (error,) = bench.errors(bench.outside.take())
    assert error.payload == packet


def test_an_error_has_the_precedence_of_internetwork_control(bench: Bench) -> None:
    datagram = bench.udp(PEER, OWN)
    datagram.tos = 0x10
    (packet,) = bench.parsed(bench.hear_ip(datagram))
    assert packet.tos == 0xD0  # RFC 1812 4.3.2.5, as Linux does


def test_two_errors_have_two_identifications(bench: Bench) -> None:
    sent = [bench.parsed(bench.hear_ip(bench.udp(PEER, OWN)))[0].identification for _ in range(2)]
    assert sent[0] != sent[1]


@pytest.mark.parametrize("kind", [3, 4, 5, 11, 12])
def test_no_error_about_an_error(bench: Bench, kind: int) -> None:
    offender = icmp(icmpv4.Message(kind, 0, 0, bytes(28)), target="10.9.9.9")
    bench.enter()
    bench.stack.icmp.send_error(ipv4.emit(offender), 11, 0)
    assert bench.outside.take() == []


def test_an_error_about_an_echo_request_is_allowed(bench: Bench) -> None:
    bench.enter()
    bench.stack.icmp.send_error(ipv4.emit(bench.echo(PEER, "10.9.9.9")), 11, 0)
    assert len(bench.errors(bench.outside.take())) == 1


def test_no_error_about_icmp_whose_type_is_not_there(bench: Bench) -> None:
    bench.enter()
    bench.stack.icmp.send_error(ipv4.emit(ipv4.Packet(parse_ip(PEER), parse_ip("10.9.9.9"), 1, b"")), 11, 0)
    assert bench.outside.take() == []


def test_no_error_about_a_later_fragment_but_one_about_the_first(bench: Bench) -> None:
    offender = bench.udp(PEER, "10.9.9.9")
    offender.more_fragments = True
    for offset, errors in ((0, 1), (8, 0)):
        offender.fragment_offset = offset
        bench.enter()
        bench.stack.icmp.send_error(ipv4.emit(offender), 11, 0)
        assert len(bench.outside.take()) == errors


@pytest.mark.parametrize("target", ["10.0.0.255", "255.255.255.255", "224.0.0.1"])
def test_no_error_about_a_packet_to_many(bench: Bench, target: str) -> None:
    assert bench.hear_ip(bench.udp(PEER, target), to=MAC_BROADCAST) == []
    assert bench.journal.drops == {"port unreachable": 1}


def test_no_error_about_a_packet_that_came_in_a_broadcast_frame(bench: Bench) -> None:
    assert bench.hear_ip(bench.udp(PEER, OWN), to=MAC_BROADCAST) == []
    assert bench.journal.drops == {"port unreachable": 1}
    assert len(bench.hear_ip(bench.udp(PEER, OWN))) == 1  # the next frame is a matter of its own


@pytest.mark.parametrize("source", ["0.0.0.0", "0.0.0.9", "224.0.0.1", "255.255.255.255", "10.0.0.255", "240.0.0.1"])
def test_no_error_to_who_is_no_single_host(bench: Bench, source: str) -> None:
    bench.stack.add_route(bytes(4), 0, parse_ip(PEER))
    bench.enter()
    bench.stack.icmp.send_error(ipv4.emit(bench.udp(source, "10.9.9.9")), 11, 0)
    assert bench.outside.take() == []


def test_an_error_to_somewhere_without_a_route_is_dropped(bench: Bench) -> None:
    bench.enter()
    bench.stack.icmp.send_error(ipv4.emit(bench.udp("172.16.0.1", "10.9.9.9")), 11, 0)
    assert bench.outside.take() == []
    assert bench.journal.drops == {"no route for the ICMP error": 1}


def test_no_error_about_what_is_no_packet(bench: Bench) -> None:
    bench.stack.icmp.send_error(b"E", 11, 0)
    assert bench.outside.take() == []


def test_an_error_about_a_packet_of_our_own_goes_to_who_sent_it(bench: Bench) -> None:
    socket = bench.stack.udp.open(port=5000)
    socket.receive_errors = True
    bench.enter()
    bench.stack.icmp.send_error(ipv4.emit(bench.udp(OWN, "10.9.9.9", sport=5000)), 3, 1)
    assert bench.outside.take() == []
    assert [(error.kind, error.code) for error in socket.errors] == [(3, 1)]


# -- errors received


def test_an_error_reaches_the_udp_socket_whose_datagram_it_quotes(bench: Bench) -> None:
    socket, other = bench.stack.udp.open(port=5000), bench.stack.udp.open(port=5001)
    socket.receive_errors = True
    bench.hear_ip(error_about(bench.udp(OWN, PEER, 7, sport=5000)))
    (error,) = socket.errors
    assert (error.kind, error.code, error.reporter) == (3, 3, parse_ip(PEER))
    assert error.quoted.destination == parse_ip(PEER)
    assert not other.errors


def test_an_error_reaches_the_echo_socket_whose_request_it_quotes(bench: Bench) -> None:
    heard: list[IcmpError] = []
    socket = bench.stack.icmp.open_echo(lambda packet, message: None, heard.append)
    request = icmp(icmpv4.echo_request(socket.identifier, 3, b""), OWN, "10.9.9.9")
    bench.hear_ip(error_about(request, 11, 0))
    assert [(error.kind, error.quoted.destination) for error in heard] == [(11, parse_ip("10.9.9.9"))]


def test_an_error_about_an_echo_reply_reaches_nobody(bench: Bench) -> None:
    heard: list[IcmpError] = []
    socket = bench.stack.icmp.open_echo(lambda packet, message: None, heard.append)
    bench.hear_ip(error_about(icmp(icmpv4.echo_reply(socket.identifier, 3, b""), OWN, "10.9.9.9")))
    assert heard == []


def test_an_error_about_somebody_elses_packet_is_ignored(bench: Bench) -> None:
    socket = bench.stack.udp.open(port=5000)
    bench.hear_ip(error_about(bench.udp("10.0.0.9", PEER, 7, sport=5000)))
    assert not socket.errors
    assert bench.notes(kinds.IGNORE) == ["an error about a packet that was not ours"]


def test_a_redirect_is_not_an_error(bench: Bench) -> None:
    socket = bench.stack.udp.open(port=5000)
    bench.hear_ip(error_about(bench.udp(OWN, PEER, 7, sport=5000), 5, 1))
    assert not socket.errors


def test_an_error_that_quotes_too_little_to_know_the_port_reaches_nobody(bench: Bench) -> None:
    socket = bench.stack.udp.open(port=5000)
    quoted = ipv4.emit(bench.udp(OWN, PEER, 7, sport=5000))[:22]
    bench.hear_ip(icmp(icmpv4.Message(3, 3, 0, quoted)))
    assert not socket.errors
