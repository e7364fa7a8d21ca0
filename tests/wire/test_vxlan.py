from __future__ import annotations

import random

import pytest
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN

from sim.errors import WireError
from sim.wire import vxlan

FRAME = bytes.fromhex("ffffffffffff0200000000010806") + bytes(28)
# RFC 7348 5: flags RRRRIRRR, 24 reserved bits, the VNI, 8 reserved bits.
HEADER_OF_42 = bytes.fromhex("0800000000002a00")


def test_parse_and_emit() -> None:
    packet = vxlan.Packet(42, FRAME)
    assert vxlan.emit(packet) == HEADER_OF_42 + FRAME
    assert vxlan.parse(HEADER_OF_42 + FRAME) == packet
    assert vxlan.parse(HEADER_OF_42) == vxlan.Packet(42, b"")
    assert vxlan.parse(HEADER_OF_42 + FRAME) != vxlan.Packet(43, FRAME)


@pytest.mark.parametrize("vni", [0, 1, 0xFFFFFF])
def test_the_ends_of_the_range(vni: int) -> None:
    assert vxlan.parse(vxlan.emit(vxlan.Packet(vni, FRAME))).vni == vni


@pytest.mark.parametrize("length", range(8))
def test_truncated(length: int) -> None:
    with pytest.raises(WireError, match=rf"^cut short: {length} bytes? of a header of 8$"):
        vxlan.parse(HEADER_OF_42[:length])


def test_without_the_i_flag_there_is_no_vni() -> None:
    with pytest.raises(WireError, match=r"^the I flag is not set: it has no valid VNI$"):
        vxlan.parse(bytes.fromhex("f7ffffff00002a00") + FRAME)


def test_reserved_bits_are_ignored_and_sent_as_zero() -> None:
    packet = vxlan.parse(bytes.fromhex("ffffffff00002aff") + FRAME)
    assert packet == vxlan.Packet(42, FRAME)
    assert vxlan.emit(packet)[:8] == HEADER_OF_42


@pytest.mark.parametrize("vni", [-1, 1 << 24])
def test_absurd_values_are_not_emitted(vni: int) -> None:
    with pytest.raises(ValueError, match=rf"^a VNI is 0 to 16777215, not {vni}$"):
        vxlan.emit(vxlan.Packet(vni, FRAME))


def test_it_sums_itself_up() -> None:
    packet = vxlan.Packet(42, FRAME)
    assert packet.summary() == "VXLAN VNI=42 42 bytes"
    assert packet.title() == "VXLAN"
    assert packet.fields() == (("VXLAN network identifier", 42), ("payload", FRAME))


def test_our_bytes_are_those_of_scapy() -> None:
    stream = random.Random(7)
    for _ in range(300):
        vni = stream.randrange(1 << 24)
        frame = stream.randbytes(6) + stream.randbytes(6) + b"\x88\xb5" + stream.randbytes(stream.randrange(200))
        ours = vxlan.emit(vxlan.Packet(vni, frame))
        theirs = VXLAN(flags="Instance", vni=vni) / Ether(frame)
        assert ours == bytes(theirs)
        read = VXLAN(ours)
        assert (read.vni, bytes(read.payload)) == (vni, frame)
        assert vxlan.parse(bytes(theirs)) == vxlan.Packet(vni, frame)


def test_whatever_the_bytes_it_parses_or_says_why() -> None:
    stream = random.Random(1)
    parsed = 0
    for _ in range(2000):
        data = stream.randbytes(stream.randrange(20))
        try:
            packet = vxlan.parse(data)
        except WireError:
            continue
        parsed += 1
        assert (packet.vni, packet.payload) == (int.from_bytes(data[4:7], "big"), data[8:])
    assert parsed > 100
