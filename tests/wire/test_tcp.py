from __future__ import annotations

from collections.abc import Callable

import pytest

from sim.errors import WireError
from sim.wire import tcp
from sim.wire.addresses import parse_ip
from sim.wire.checksum import transport_checksum

Golden = Callable[[str], bytes]
IP1 = parse_ip("10.0.0.1")
IP2 = parse_ip("10.0.0.2")


def test_parse(golden: Golden) -> None:
    data = golden("tcp_syn")[34:]
    segment = tcp.parse(data, IP1, IP2)
    assert (segment.destination_port, segment.flags, segment.window, segment.urgent) == (80, tcp.SYN, 64240, 0)
    assert segment.sequence == int.from_bytes(data[4:8], "big")
    assert segment.acknowledgment == 0
    assert segment.options == data[20:]
    assert segment.payload == b""


def test_emit(golden: Golden) -> None:
    data = golden("tcp_syn")[34:]
    source_port, sequence = int.from_bytes(data[:2], "big"), int.from_bytes(data[4:8], "big")
    segment = tcp.Segment(source_port, 80, sequence, 0, tcp.SYN, 64240, options=data[20:])
    assert tcp.emit(segment, IP1, IP2) == data
    assert tcp.parse(data, IP1, IP2) == segment


def test_truncated(golden: Golden) -> None:
    data = golden("tcp_syn")[34:]
    for length in range(len(data)):
        with pytest.raises(WireError, match=rf"^cut short: {length} bytes? of a header of (20|40)$"):
            tcp.parse(data[:length], IP1, IP2)


def test_truncated_payload() -> None:
    data = tcp.emit(tcp.Segment(1, 2, 3, 4, tcp.ACK, 5, payload=b"payload"), IP1, IP2)
    for length in range(20, len(data)):
        with pytest.raises(WireError, match=r"^bad checksum$"):
            tcp.parse(data[:length], IP1, IP2)


def test_any_changed_byte_is_noticed(golden: Golden) -> None:
    data = golden("tcp_syn")[34:]
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 0x01
        with pytest.raises(WireError, match=r"^bad checksum$"):
            tcp.parse(bytes(changed), IP1, IP2)


def test_a_data_offset_below_the_header(golden: Golden) -> None:
    changed = bytearray(golden("tcp_syn")[34:])
    changed[12] = 0x40
    with pytest.raises(WireError, match=r"^data offset is 16, less than 20$"):
        tcp.parse(bytes(changed), IP1, IP2)


def test_options_of_a_syn(golden: Golden) -> None:
    options = tcp.parse(golden("tcp_syn")[34:], IP1, IP2).options
    assert [kind for kind, _ in tcp.parse_options(options)] == [
        tcp.OPTION_MSS,
        tcp.OPTION_SACK_PERMITTED,
        tcp.OPTION_TIMESTAMPS,
        1,
        tcp.OPTION_WINDOW_SCALE,
    ]
    assert tcp.parse_options(options)[0] == (tcp.OPTION_MSS, b"\x05\xb4")


@pytest.mark.parametrize("options", ["02", "0200", "0201", "020405", "0108"])
def test_bad_options(options: str) -> None:
    with pytest.raises(WireError, match=r"^option [28] "):
        tcp.parse_options(bytes.fromhex(options))
    assert tcp.Segment(1, 2, 0, 0, 0, 0, options=bytes.fromhex(options)).summary().endswith("[bad options]")


def test_options_are_padded() -> None:
    segment = tcp.Segment(1, 2, 3, 4, tcp.ACK, 5, options=b"\x03\x03\x07", payload=b"x")
    data = tcp.emit(segment, IP1, IP2)
    assert data[12] >> 4 == 6
    assert data[20:] == b"\x03\x03\x07\0x"
    assert tcp.parse(data, IP1, IP2).payload == b"x"


def test_reserved_bits_and_urgent_pointer_are_kept() -> None:
    segment = tcp.Segment(1, 2, 3, 4, 0xFFF, 5, urgent=0xABCD)
    assert tcp.parse(tcp.emit(segment, IP1, IP2), IP1, IP2) == segment


def test_over_ipv6() -> None:
    address = parse_ip("2001:db8::1")
    segment = tcp.Segment(1, 2, 3, 4, tcp.ACK, 5, payload=b"odd")
    data = tcp.emit(segment, address, address)
    assert transport_checksum(address, address, 6, data) == 0
    assert tcp.parse(data, address, address) == segment


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        (0, "none"),
        (tcp.SYN, "SYN"),
        (tcp.SYN | tcp.ACK, "SYN, ACK"),
        (tcp.FIN | tcp.PSH | tcp.ACK, "FIN, PSH, ACK"),
        (0xFF, "FIN, SYN, RST, PSH, ACK, URG, ECE, CWR"),
    ],
)
def test_flag_names(flags: int, names: str) -> None:
    assert tcp.flag_names(flags) == names


@pytest.mark.parametrize(
    ("segment", "line"),
    [
        (
            tcp.Segment(
                1234, 80, 9, 0, tcp.SYN, 64240, options=bytes.fromhex("020405b40402080a00000001000000020103030a")
            ),
            "TCP 1234 > 80 [SYN] Seq=9 Win=64240 Len=0 MSS=1460 SACK_PERM TSval=1 TSecr=2 WS=1024",
        ),
        (
            tcp.Segment(80, 1234, 1, 10, tcp.PSH | tcp.ACK, 502, payload=b"abc"),
            "TCP 80 > 1234 [PSH, ACK] Seq=1 Ack=10 Win=502 Len=3",
        ),
        (
            tcp.Segment(1, 2, 1, 1, tcp.ACK, 5, options=bytes.fromhex("0512000000010000000200000003000000041e02")),
            "TCP 1 > 2 [ACK] Seq=1 Ack=1 Win=5 Len=0 SLE=1 SRE=2 SLE=3 SRE=4 option-30",
        ),
        (
            tcp.Segment(1, 2, 1, 0, tcp.SYN, 5, options=bytes.fromhex("0303ff020301050600010002")),
            "TCP 1 > 2 [SYN] Seq=1 Win=5 Len=0 WS=16384 option-2 option-5",
        ),
    ],
)
def test_summary(segment: tcp.Segment, line: str) -> None:
    assert segment.summary() == line


@pytest.mark.parametrize(
    ("segment", "error"),
    [
        (tcp.Segment(65536, 2, 0, 0, 0, 0), "a TCP header field is out of range"),
        (tcp.Segment(1, 2, 1 << 32, 0, 0, 0), "a TCP header field is out of range"),
        (tcp.Segment(1, 2, 0, 0, 0, -1), "a TCP header field is out of range"),
        (tcp.Segment(1, 2, 0, 0, 0x1000, 0), "TCP flags are 12 bits, not 0x1000"),
        (tcp.Segment(1, 2, 0, 0, 0, 0, options=bytes(41)), "TCP options may have 40 bytes, not 44"),
    ],
)
def test_absurd_values_are_not_emitted(segment: tcp.Segment, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        tcp.emit(segment, IP1, IP2)
