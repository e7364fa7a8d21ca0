from __future__ import annotations

from collections.abc import Callable

import pytest

from sim.errors import WireError
from sim.wire import udp
from sim.wire.addresses import parse_ip
from sim.wire.checksum import transport_checksum

Golden = Callable[[str], bytes]
IP1 = parse_ip("10.0.0.1")
IP2 = parse_ip("10.0.0.2")
V6 = parse_ip("2001:db8::1")


def test_parse_and_emit(golden: Golden) -> None:
    data = golden("udp")[34:]
    datagram = udp.Datagram(int.from_bytes(data[:2], "big"), 7, b"hello, packetsim")
    assert udp.parse(data, IP1, IP2) == datagram
    assert udp.emit(datagram, IP1, IP2) == data
    assert udp.emit(udp.parse(data, IP1, IP2), IP1, IP2) == data


def test_truncated(golden: Golden) -> None:
    data = golden("udp")[34:]
    for length in range(len(data)):
        with pytest.raises(WireError, match=rf"^cut short: {length} bytes? of a (header of 8|datagram of 24)$"):
            udp.parse(data[:length], IP1, IP2)


def test_any_changed_byte_is_noticed(golden: Golden) -> None:
    data = golden("udp")[34:]
    for at in [*range(4), *range(6, len(data))]:
        changed = bytearray(data)
        changed[at] ^= 0x10
        with pytest.raises(WireError, match=r"^bad checksum$"):
            udp.parse(bytes(changed), IP1, IP2)


def test_the_addresses_are_summed_too(golden: Golden) -> None:
    with pytest.raises(WireError, match=r"^bad checksum$"):
        udp.parse(golden("udp")[34:], IP1, parse_ip("10.0.0.3"))


def test_bytes_after_the_length_are_not_its_own(golden: Golden) -> None:
    data = golden("udp")[34:]
    assert udp.parse(data + b"more", IP1, IP2) == udp.parse(data, IP1, IP2)


def test_a_length_below_the_header() -> None:
    with pytest.raises(WireError, match=r"^length is 7, less than the header's 8$"):
        udp.parse(bytes.fromhex("0001000200070000"), IP1, IP2)


def test_no_checksum() -> None:
    data = bytes.fromhex("0001000200090000") + b"x"
    assert udp.parse(data, IP1, IP2) == udp.Datagram(1, 2, b"x")
    with pytest.raises(WireError, match=r"^no checksum, which IPv6 does not allow$"):
        udp.parse(data, V6, V6)


def test_a_checksum_of_zero_is_sent_as_all_ones() -> None:
    """RFC 768: zero would mean that there is none."""
    blank = udp.emit(udp.Datagram(1, 2, b"\0\0"), IP1, IP2)
    hole = int.from_bytes(blank[6:8], "big")  # these two bytes as payload make the sum all ones
    datagram = udp.Datagram(1, 2, hole.to_bytes(2, "big"))
    data = udp.emit(datagram, IP1, IP2)
    assert transport_checksum(IP1, IP2, 17, data[:6] + b"\0\0" + data[8:]) == 0
    assert data[6:8] == b"\xff\xff"
    assert udp.parse(data, IP1, IP2) == datagram


def test_over_ipv6() -> None:
    datagram = udp.Datagram(1, 2, b"odd")
    assert udp.parse(udp.emit(datagram, V6, V6), V6, V6) == datagram


@pytest.mark.parametrize(
    ("datagram", "error"),
    [
        (udp.Datagram(65536, 1, b""), "a UDP header field is out of range"),
        (udp.Datagram(1, -1, b""), "a UDP header field is out of range"),
        (udp.Datagram(1, 1, bytes(65528)), "a UDP datagram may have 65535 bytes, not 65536"),
    ],
)
def test_absurd_values_are_not_emitted(datagram: udp.Datagram, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        udp.emit(datagram, IP1, IP2)


def test_summary() -> None:
    assert udp.Datagram(1234, 53, b"abc").summary() == "UDP 1234 > 53 Len=3"
