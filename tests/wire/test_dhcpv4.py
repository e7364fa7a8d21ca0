from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import WireError
from sim.wire import dhcpv4, ethernet, ipv4, udp
from sim.wire.addresses import parse_ip, parse_mac
from sim.wire.dhcpv4 import BOOTREPLY, BOOTREQUEST, Message
from sim.wire.dhcpv4_options import describe, emit_names, emit_number, emit_routes, parse_names, parse_routes

H1 = parse_mac("02:00:00:00:00:01")
A1 = parse_ip("192.168.1.100")
HEADER = dhcpv4.HEADER_LENGTH


def message(kind: int, *options: dhcpv4.Option, operation: int = BOOTREQUEST, **fields: bytes) -> Message:
    return Message(operation, 0x1234, H1, ((53, bytes((kind,))), *options), **fields)  # type: ignore[arg-type]


def of_frame(frame: bytes) -> Message:
    packet = ipv4.parse(ethernet.parse(frame).payload)
    return dhcpv4.parse(udp.parse(packet.payload, packet.source, packet.destination).payload)


def test_what_dhclient_asks(golden: Callable[[str], bytes]) -> None:
    discover = of_frame(golden("dhcp_discover"))
    assert (discover.kind, discover.operation, discover.chaddr.hex()) == (1, BOOTREQUEST, "020000000c01")
    assert not discover.broadcast
    asked = discover.option(dhcpv4.PARAMETER_LIST)
    assert asked is not None
    assert {1, 3, 6, 12, 15, 28} <= set(asked)


def test_what_dnsmasq_answers(golden: Callable[[str], bytes]) -> None:
    ack = of_frame(golden("dhcp_ack"))
    assert (ack.kind, ack.operation, ack.yiaddr) == (5, BOOTREPLY, parse_ip("10.0.1.53"))
    assert ack.address(dhcpv4.SERVER_ID) == parse_ip("10.0.1.1")
    assert [ack.seconds(code) for code in (51, 58, 59)] == [120, 60, 105]
    assert ack.addresses(dhcpv4.DNS_SERVERS) == [parse_ip("10.0.1.53"), parse_ip("10.0.1.54")]
    assert ack.text(dhcpv4.DOMAIN_NAME) == "corp.test"


@pytest.mark.parametrize("name", ["dhcp_discover", "dhcp_ack"])
def test_golden_messages_come_out_as_they_went_in(golden: Callable[[str], bytes], name: str) -> None:
    frame = golden(name)
    packet = ipv4.parse(ethernet.parse(frame).payload)
    data = udp.parse(packet.payload, packet.source, packet.destination).payload
    assert dhcpv4.emit(dhcpv4.parse(data)).rstrip(b"\0") == data.rstrip(b"\0")


CODE = st.integers(1, 254).filter(lambda code: code != dhcpv4.OVERLOAD)
OPTIONS = st.dictionaries(CODE, st.binary(max_size=300), max_size=4).map(lambda found: tuple(found.items()))
IP = st.binary(min_size=4, max_size=4)
MESSAGES = st.builds(
    Message,
    st.sampled_from([BOOTREQUEST, BOOTREPLY]),
    st.integers(0, 0xFFFFFFFF),
    st.binary(max_size=16),
    OPTIONS,
    hops=st.integers(0, 255),
    secs=st.integers(0, 0xFFFF),
    flags=st.integers(0, 0xFFFF),
    ciaddr=IP,
    yiaddr=IP,
    siaddr=IP,
    giaddr=IP,
)


def plain(one: Message) -> list[object]:
    """All that it holds, options as bytes."""
    header = [value for name, value in one.fields() if not name.endswith(")")]
    return [*header, one.hardware, one.chaddr, one.options]


@settings(max_examples=200, deadline=None)
@given(MESSAGES)
def test_every_message_comes_back(one: Message) -> None:
    assert plain(dhcpv4.parse(dhcpv4.emit(one, 2000))) == plain(one)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.booleans())
def test_garbage_is_an_error_and_nothing_else(data: bytes, framed: bool) -> None:
    if framed:  # past the magic cookie
        data = b"\1\1\6\0" + bytes(HEADER - 4) + dhcpv4.MAGIC + data
    try:
        one = dhcpv4.parse(data)
    except WireError:
        return
    assert one.summary().isprintable()
    assert repr(one)
    assert hash(one) == hash(one)


# -- options


def test_long_options_are_cut_and_joined() -> None:
    """RFC 3396: several options of one code are one."""
    data = bytes(range(256)) * 2
    written = dhcpv4.emit(message(1, (43, data)), 1500)
    assert written.count(bytes((43, 255))) == 2
    assert dhcpv4.parse(written).option(43) == data


def test_options_overflow_into_file_and_sname() -> None:
    """RFC 2131 4.1: option 52 says where else options are."""
    options = tuple((code, bytes((code,)) * 80) for code in (224, 225, 226, 227))
    one = message(1, *options)
    written = dhcpv4.emit(one, 548)
    assert len(written) <= 548
    assert written[HEADER + 4 : HEADER + 7] == bytes((52, 1, 1))
    assert dhcpv4.parse(written) == one


def test_options_overflow_into_both_fields() -> None:
    options = tuple((code, bytes((code,)) * size) for code, size in ((224, 200), (225, 90), (226, 120), (227, 50)))
    one = message(1, *options)
    written = dhcpv4.emit(one, 548)
    assert written[HEADER + 4 : HEADER + 7] == bytes((52, 1, 3))
    assert dhcpv4.parse(written) == one


def test_a_field_that_is_used_takes_no_options() -> None:
    options = tuple((code, bytes((code,)) * 80) for code in (224, 225, 226, 227, 228))
    with pytest.raises(ValueError, match="do not fit"):
        dhcpv4.emit(message(1, *options, file=b"boot", sname=b"server"), 548)


def test_pads_and_a_missing_end_are_forgiven() -> None:
    data = dhcpv4.emit(message(1))[: HEADER + 4]
    assert dhcpv4.parse(data + b"\0\0\x35\1\2\0\0").kind == 2


def test_a_short_message_is_padded() -> None:
    assert len(dhcpv4.emit(message(1))) == 300


# RFC 2132's own examples and lengths, option by option
@pytest.mark.parametrize(
    ("code", "data", "shown"),
    [
        (1, "ffffff00", "255.255.255.0"),
        (3, "c0a80101c0a80102", "192.168.1.1, 192.168.1.2"),
        (3, "c0a801", bytes.fromhex("c0a801")),
        (15, "636f72702e74657374", "corp.test"),
        (19, "01", 1),
        (26, "05dc", 1500),
        (51, "00000e10", 3600),
        (51, "0e10", bytes.fromhex("0e10")),
        (43, "0102", b"\1\2"),
        (119, "04636f727004746573740003777777c000", "corp.test, www.corp.test"),
    ],
)
def test_options_are_shown_as_what_they_are(code: int, data: str, shown: object) -> None:
    assert describe(code, bytes.fromhex(data)) == shown


def test_names_as_rfc_3397_compresses_them() -> None:
    """The example of section 3."""
    data = b"\3eng\5apple\3com\0" + b"\x09marketing\xc0\x04"
    assert parse_names(data) == ["eng.apple.com", "marketing.apple.com"]
    assert parse_names(emit_names(["eng.apple.com", "test."])) == ["eng.apple.com", "test"]


@pytest.mark.parametrize("data", ["c000", "03777777", "c0", "4061", "0377", "01" + "61" + "c000"])
def test_names_that_lead_nowhere(data: str) -> None:
    with pytest.raises(WireError):
        parse_names(bytes.fromhex(data))


def test_classless_routes_as_rfc_3442_writes_them() -> None:
    """The table of its section "DHCP Client Behavior": so many octets of the subnet as its mask needs."""
    router = parse_ip("10.0.0.1")
    routes = [
        (parse_ip("0.0.0.0"), 0, router),
        (parse_ip("10.0.0.0"), 8, router),
        (parse_ip("10.17.0.0"), 16, router),
        (parse_ip("10.27.129.0"), 24, router),
        (parse_ip("10.229.0.128"), 25, router),
    ]
    data = emit_routes(routes)
    assert data[:5].hex() == "000a000001"
    assert bytes.fromhex("190ae500800a000001") in data
    assert parse_routes(data) == routes
    for cut in (data[:-1], b"\x21" + data):
        with pytest.raises(WireError):
            parse_routes(cut)


def test_numbers_have_the_width_of_their_option() -> None:
    assert [emit_number(*one) for one in ((26, 1400), (23, 64), (51, 1), (200, 7))] == [
        b"\x05\x78",
        b"\x40",
        b"\0\0\0\1",
        b"\7",
    ]
    for code, number in ((26, 65536), (23, 256), (19, 2), (200, 256), (15, 5)):
        with pytest.raises(ValueError, match=f"option {code} holds"):
            emit_number(code, number)


# -- errors and lines


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (bytes(100), "cut short: 100 bytes of 240"),
        (bytes(240), "operation is 0"),
        (b"\1\1\x11\0" + bytes(236), "hardware address has 17 bytes"),
        (b"\1\1\6\0" + bytes(236), "magic cookie is 00000000"),
        (b"\1\1\6\0" + bytes(232) + dhcpv4.MAGIC + b"\x35", "option 53 is cut short: its length is missing"),
        (b"\1\1\6\0" + bytes(232) + dhcpv4.MAGIC + b"\x35\x05\1", "option 53 has the length 5, 1 byte are there"),
    ],
)
def test_what_is_wrong(data: bytes, error: str) -> None:
    with pytest.raises(WireError, match=error):
        dhcpv4.parse(data)


@pytest.mark.parametrize(
    "one", [Message(1, 1 << 32, H1), Message(1, 1, bytes(17)), message(1, (0, b"")), message(1, (255, b""))]
)
def test_absurd_values_are_not_emitted(one: Message) -> None:
    with pytest.raises(ValueError, match=r"out of range|longer|no option's code"):
        dhcpv4.emit(one)


@pytest.mark.parametrize(
    ("one", "line"),
    [
        (message(1), "DHCP discover from 02:00:00:00:00:01"),
        (message(2, operation=2, yiaddr=A1), "DHCP offer of 192.168.1.100 to 02:00:00:00:00:01"),
        (message(3, (50, A1)), "DHCP request from 02:00:00:00:00:01 for 192.168.1.100"),
        (message(3, ciaddr=A1), "DHCP request from 02:00:00:00:00:01 for 192.168.1.100"),
        (message(5, operation=2, ciaddr=A1), "DHCP ack of 192.168.1.100 to 02:00:00:00:00:01"),
        (message(6, operation=2), "DHCP nak to 02:00:00:00:00:01"),
        (message(7, ciaddr=A1), "DHCP release from 02:00:00:00:00:01 for 192.168.1.100"),
        (Message(1, 1, H1), "BOOTP request of 02:00:00:00:00:01"),
        (message(77), "BOOTP request of 02:00:00:00:00:01"),
    ],
)
def test_summary(one: Message, line: str) -> None:
    assert one.summary() == line
