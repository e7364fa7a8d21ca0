from __future__ import annotations

from collections.abc import Callable

import pytest

from sim.errors import WireError
from sim.wire import ipv4
from sim.wire.addresses import parse_ip
from sim.wire.checksum import internet_checksum

Golden = Callable[[str], bytes]
IP1 = parse_ip("10.0.0.1")
IP2 = parse_ip("10.0.0.2")


def mended(data: bytes, at: int, value: int) -> bytes:
    """The packet with one byte changed and its header checksum made right again."""
    changed = bytearray(data)
    changed[at] = value
    changed[10:12] = b"\0\0"
    header_length = max((changed[0] & 15) * 4, 20)
    changed[10:12] = internet_checksum(bytes(changed[:header_length])).to_bytes(2, "big")
    return bytes(changed)


def test_parse(golden: Golden) -> None:
    data = golden("icmp_echo_request")[14:]
    identification = int.from_bytes(data[4:6], "big")
    expected = ipv4.Packet(
        IP1, IP2, ipv4.PROTOCOL_ICMP, data[20:], ttl=64, identification=identification, dont_fragment=True
    )
    assert ipv4.parse(data) == expected
    assert ipv4.emit(expected) == data


def test_parse_fragments(golden: Golden) -> None:
    first = ipv4.parse(golden("ipv4_first_fragment")[14:])
    last = ipv4.parse(golden("ipv4_last_fragment")[14:])
    assert (first.more_fragments, first.fragment_offset, len(first.payload)) == (True, 0, 1480)
    assert (last.more_fragments, last.fragment_offset, len(last.payload)) == (False, 1480, 28)
    assert first.identification == last.identification
    assert first.is_fragment()
    assert last.is_fragment()


def test_parse_options_of_a_packet(golden: Golden) -> None:
    packet = ipv4.parse(golden("ipv4_record_route")[14:])
    (nop, (kind, data)) = ipv4.parse_options(packet.options)
    assert nop == (1, b"")
    assert kind == ipv4.OPTION_RECORD_ROUTE
    assert (data[0], data[1:5]) == (8, IP1)  # the pointer is past the first address, which is the sender's
    assert len(data) == 37


@pytest.mark.parametrize(
    "name", ["udp", "tcp_syn", "icmp_echo_request", "ipv4_record_route", "ipv4_first_fragment", "ipv4_last_fragment"]
)
def test_round_trip(golden: Golden, name: str) -> None:
    data = golden(name)[14:]
    assert ipv4.emit(ipv4.parse(data)) == data


@pytest.mark.parametrize("name", ["udp", "ipv4_record_route"])
def test_truncated(golden: Golden, name: str) -> None:
    data = golden(name)[14:]
    for length in range(len(data)):
        with pytest.raises(WireError, match=rf"^cut short: {length} bytes? of a (header|packet) of"):
            ipv4.parse(data[:length])


def test_ethernet_padding_is_cut_off(golden: Golden) -> None:
    data = golden("udp")[14:]
    assert ipv4.parse(data + bytes(10)) == ipv4.parse(data)


@pytest.mark.parametrize(
    ("at", "value", "error"),
    [
        (0, 0x65, "version is 6, not 4"),
        (0, 0x44, "header length is 16, less than 20"),
        (0, 0x4F, "cut short: 44 bytes of a header of 60"),
        (3, 19, "total length 19 is less than the header's 20"),
        (3, 45, "cut short: 44 bytes of a packet of 45"),
    ],
)
def test_absurd_headers(golden: Golden, at: int, value: int, error: str) -> None:
    with pytest.raises(WireError) as caught:
        ipv4.parse(mended(golden("udp")[14:], at, value))
    assert str(caught.value) == error


def test_any_changed_byte_of_the_header_is_noticed(golden: Golden) -> None:
    data = golden("udp")[14:]
    for at in range(20):
        changed = bytearray(data)
        changed[at] ^= 0x01
        with pytest.raises(WireError):
            ipv4.parse(bytes(changed))
    changed = bytearray(data)
    changed[8] -= 1
    with pytest.raises(WireError, match=r"^bad header checksum$"):
        ipv4.parse(bytes(changed))


def test_options_whose_lengths_do_not_add_up_are_refused() -> None:
    good = ipv4.emit(ipv4.Packet(IP1, IP2, 17, b"", options=b"\x94\x04\x00\x00"))
    assert ipv4.parse(good).options == b"\x94\x04\x00\x00"
    with pytest.raises(WireError, match="option 148 has the length 5, 4 bytes are there"):
        ipv4.parse(mended(good, 21, 5))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", []),
        ("00", []),
        ("01010000", [(1, b""), (1, b"")]),
        ("0094040000", []),  # nothing counts after the end of the list
        ("94040000", [(148, b"\0\0")]),
        ("010707040a000001", [(1, b""), (7, b"\x04\x0a\0\0\x01")]),
        ("830304", [(131, b"\x04")]),
        ("4402", [(68, b"")]),
    ],
)
def test_parse_options(options: str, expected: list[tuple[int, bytes]]) -> None:
    assert ipv4.parse_options(bytes.fromhex(options)) == expected


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ("07", "option 7 is cut short: its length is missing"),
        ("0700", "option 7 has the length 0, 2 bytes are there"),
        ("0701", "option 7 has the length 1, 2 bytes are there"),
        ("01070404", "option 7 has the length 4, 3 bytes are there"),
    ],
)
def test_bad_options(options: str, error: str) -> None:
    with pytest.raises(WireError) as caught:
        ipv4.parse_options(bytes.fromhex(options))
    assert str(caught.value) == error


def test_options_are_padded() -> None:
    data = ipv4.emit(ipv4.Packet(IP1, IP2, 17, b"xy", options=b"\x01"))
    assert data[0] == 0x46
    assert data[20:] == b"\x01\0\0\0xy"
    assert ipv4.parse(data).payload == b"xy"


def test_what_an_error_quotes_may_be_cut_short(golden: Golden) -> None:
    data = golden("udp")[14:]
    quoted = ipv4.parse_truncated(data[:28])
    assert (quoted.source, quoted.destination, quoted.protocol) == (IP1, IP2, 17)
    assert quoted.payload == data[20:28]
    assert ipv4.parse_truncated(data + b"padding").payload == data[20:]
    for length in range(20):
        with pytest.raises(WireError, match=r"^cut short"):
            ipv4.parse_truncated(data[:length])


@pytest.mark.parametrize(
    ("packet", "error"),
    [
        (ipv4.Packet(IP1, bytes(16), 17, b""), "an IPv4 address must have 4 bytes"),
        (ipv4.Packet(IP1, IP2, 17, bytes(65516)), "an IPv4 packet may have 65535 bytes, not 65536"),
        (ipv4.Packet(IP1, IP2, 17, b"", options=bytes(41)), "IPv4 options may have 40 bytes, not 44"),
        (ipv4.Packet(IP1, IP2, 17, b"", fragment_offset=4), "a multiple of 8 from 0 to 65528, not 4"),
        (ipv4.Packet(IP1, IP2, 17, b"", fragment_offset=65536), "a multiple of 8 from 0 to 65528, not 65536"),
        (ipv4.Packet(IP1, IP2, 17, b"", fragment_offset=-8), "a multiple of 8 from 0 to 65528, not -8"),
        (ipv4.Packet(IP1, IP2, 17, b"", ttl=256), "an IPv4 header field is out of range"),
        (ipv4.Packet(IP1, IP2, 17, b"", ttl=-1), "an IPv4 header field is out of range"),
        (ipv4.Packet(IP1, IP2, 17, b"", identification=65536), "an IPv4 header field is out of range"),
        (ipv4.Packet(IP1, IP2, 256, b""), "an IPv4 header field is out of range"),
    ],
)
def test_absurd_values_are_not_emitted(packet: ipv4.Packet, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        ipv4.emit(packet)


def test_the_longest_packet() -> None:
    data = ipv4.emit(ipv4.Packet(IP1, IP2, 17, bytes(65515)))
    assert len(data) == 65535
    assert len(ipv4.parse(data).payload) == 65515


def test_summary() -> None:
    assert ipv4.Packet(IP1, IP2, 99, b"xyz").summary() == "IPv4 10.0.0.1 > 10.0.0.2 protocol 99 3 bytes ttl=64"
    piece = ipv4.Packet(IP1, IP2, 17, bytes(8), identification=0x12, more_fragments=True, fragment_offset=16)
    assert piece.summary() == (
        "IPv4 10.0.0.1 > 10.0.0.2 UDP 8 bytes fragment id=0x0012 offset=16 more fragments ttl=64"
    )
