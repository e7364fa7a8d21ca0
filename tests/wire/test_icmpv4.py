from __future__ import annotations

from collections.abc import Callable

import pytest

from sim.errors import WireError
from sim.wire import icmpv4, ipv4
from sim.wire.addresses import parse_ip

Golden = Callable[[str], bytes]
IP1 = parse_ip("10.0.0.1")
IP2 = parse_ip("10.0.0.2")


def test_parse(golden: Golden) -> None:
    data = golden("icmp_echo_request")[34:]
    message = icmpv4.parse(data)
    assert (message.kind, message.code, message.sequence()) == (icmpv4.ECHO_REQUEST, 0, 1)
    assert message.identifier() == int.from_bytes(data[4:6], "big")
    assert message.payload == data[8:]
    assert message.is_echo()
    assert not message.is_error()


def test_emit(golden: Golden) -> None:
    data = golden("icmp_echo_request")[34:]
    message = icmpv4.echo_request(int.from_bytes(data[4:6], "big"), 1, data[8:])
    assert icmpv4.emit(message) == data


@pytest.mark.parametrize("name", ["icmp_echo_request", "icmp_port_unreachable"])
def test_round_trip(golden: Golden, name: str) -> None:
    data = golden(name)[34:]
    assert icmpv4.emit(icmpv4.parse(data)) == data


@pytest.mark.parametrize("name", ["icmp_echo_request", "icmp_port_unreachable"])
def test_truncated(golden: Golden, name: str) -> None:
    data = golden(name)[34:]
    for length in range(len(data)):
        with pytest.raises(WireError, match=r"^(cut short: .* of a header of 8|bad checksum)$"):
            icmpv4.parse(data[:length])


def test_any_changed_byte_is_noticed(golden: Golden) -> None:
    data = golden("icmp_echo_request")[34:]
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 0x10
        with pytest.raises(WireError, match=r"^bad checksum$"):
            icmpv4.parse(bytes(changed))


def test_an_error_quotes_the_packet(golden: Golden) -> None:
    message = icmpv4.parse(golden("icmp_port_unreachable")[34:])
    assert (message.kind, message.code) == (icmpv4.DESTINATION_UNREACHABLE, icmpv4.PORT_UNREACHABLE)
    assert message.is_error()
    packet = icmpv4.quoted(message)
    assert (packet.source, packet.destination, packet.protocol) == (IP2, IP1, ipv4.PROTOCOL_UDP)
    assert packet.payload[:4] == bytes.fromhex("13881389")
    assert icmpv4.parse_quoted(message.payload) == packet


def test_what_quotes_nothing() -> None:
    with pytest.raises(WireError, match=r"^ICMP echo request quotes no packet$"):
        icmpv4.quoted(icmpv4.echo_request(1, 1, b""))
    with pytest.raises(WireError, match=r"^cut short: 3 bytes of a header of 20$"):
        icmpv4.quoted(icmpv4.Message(icmpv4.TIME_EXCEEDED, 0, 0, b"abc"))


def test_echo_and_its_answer() -> None:
    reply = icmpv4.echo_reply(0xABCD, 0xFFFF, b"data")
    assert (reply.kind, reply.code, reply.rest) == (icmpv4.ECHO_REPLY, 0, 0xABCDFFFF)
    assert (reply.identifier(), reply.sequence()) == (0xABCD, 0xFFFF)


def test_mtu_of_the_next_hop() -> None:
    message = icmpv4.Message(icmpv4.DESTINATION_UNREACHABLE, icmpv4.FRAGMENTATION_NEEDED, 1400)
    assert message.mtu() == 1400
    assert message.summary() == "ICMP fragmentation needed mtu=1400"


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        (0, 0, "echo reply"),
        (3, 0, "network unreachable"),
        (3, 1, "host unreachable"),
        (3, 3, "port unreachable"),
        (3, 13, "communication prohibited"),
        (3, 99, "destination unreachable code 99"),
        (11, 0, "time to live exceeded"),
        (11, 1, "reassembly time exceeded"),
        (11, 2, "time exceeded code 2"),
        (12, 0, "parameter problem"),
        (42, 1, "type 42 code 1"),
    ],
)
def test_describe(kind: int, code: int, words: str) -> None:
    assert icmpv4.describe(kind, code) == words


def test_summary(golden: Golden) -> None:
    assert icmpv4.echo_request(7, 3, b"").summary() == "ICMP echo request id=7 seq=3"
    assert icmpv4.parse(golden("icmp_port_unreachable")[34:]).summary() == (
        "ICMP port unreachable (about 10.0.0.2 > 10.0.0.1 UDP)"
    )
    assert icmpv4.Message(42, 1).summary() == "ICMP type 42 code 1"


def test_fields_of_an_echo_and_of_others() -> None:
    assert icmpv4.echo_request(7, 3, b"x").fields() == (
        ("type", "echo request (8)"),
        ("code", 0),
        ("identifier", 7),
        ("sequence", 3),
        ("payload", b"x"),
    )
    assert ("rest of header", 5) in icmpv4.Message(12, 0, 5).fields()


def test_absurd_values_are_not_emitted() -> None:
    for message in (icmpv4.Message(256, 0), icmpv4.Message(8, -1), icmpv4.Message(8, 0, 1 << 32)):
        with pytest.raises(ValueError, match="an ICMP header field is out of range"):
            icmpv4.emit(message)
    with pytest.raises(ValueError, match="identifier and sequence of an echo are 16 bits, not 65536 and 0"):
        icmpv4.echo_request(65536, 0, b"")
