from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.links.queues.headers import find_payload, flow_key, mark_congestion
from sim.wire.checksum import verify

TAG = b"\x81\x00\x00\x07"


def tagged(frame: bytes, tags: int) -> bytes:
    return frame[:12] + TAG * tags + frame[12:]


def ipv6(traffic_class: int = 0, port: int = 1) -> bytes:
    first = (6 << 28) | (traffic_class << 20) | 0xABCDE
    head = first.to_bytes(4, "big") + b"\x00\x08\x11\x40" + bytes(15) + b"\x01" + bytes(15) + b"\x02"
    return bytes(12) + b"\x86\xdd" + head + port.to_bytes(2, "big") + bytes(6)


@pytest.mark.parametrize("tags", [0, 1, 2])
@pytest.mark.parametrize("ecn", [1, 2])
@pytest.mark.parametrize("dscp", [0, 46 << 2, 0xFC])
def test_ipv4_is_marked_and_its_checksum_mended(udp: Callable[..., bytes], tags: int, ecn: int, dscp: int) -> None:
    frame = tagged(udp(200, ecn=dscp | ecn), tags)
    start = find_payload(frame)
    assert start == 14 + 4 * tags
    marked = mark_congestion(frame)
    assert marked is not None
    assert marked[start + 1] == dscp | 3
    assert verify(marked[start : start + 20])
    changed = [index for index in range(len(frame)) if frame[index] != marked[index]]
    assert set(changed) <= {start + 1, start + 10, start + 11}


@given(head=st.binary(min_size=20, max_size=20))
def test_a_right_checksum_stays_right_and_a_wrong_one_wrong(head: bytes) -> None:
    head = b"\x45" + bytes([head[1] & 0xFC | 2]) + head[2:]
    marked = mark_congestion(bytes(12) + b"\x08\x00" + head)
    assert marked is not None
    assert verify(marked[14:]) == verify(head)


def test_who_does_not_speak_ecn_is_left_alone(udp: Callable[..., bytes]) -> None:
    arp = b"\xff" * 6 + bytes(6) + b"\x08\x06" + bytes(28)
    for frame in (udp(ecn=0), arp, udp(ecn=2)[:30], ipv6(0), ipv6(2)[:40], b"", b"x", bytes(12), bytes(14)):
        assert mark_congestion(frame) is None


def test_a_mark_is_not_made_twice(udp: Callable[..., bytes]) -> None:
    assert mark_congestion(udp(ecn=3)) == udp(ecn=3)
    assert mark_congestion(ipv6(3)) == ipv6(3)


@pytest.mark.parametrize("traffic_class", [0xB9, 0xBA, 1, 2])
def test_ipv6_is_marked(traffic_class: int) -> None:
    assert mark_congestion(ipv6(traffic_class)) == ipv6(traffic_class | 3)


def test_a_flow_is_protocol_addresses_and_ports(udp: Callable[..., bytes]) -> None:
    frame = udp(100, port=7)
    assert flow_key(frame) == b"\x11\x0a\0\0\x01\x0a\0\0\x02\0\x07\0\x09"
    assert flow_key(frame) == flow_key(tagged(frame, 2)) == flow_key(udp(900, port=7, ecn=1, number=5))
    assert flow_key(frame) != flow_key(udp(100, port=8))
    assert flow_key(ipv6(port=1)) != flow_key(ipv6(port=2))
    assert flow_key(ipv6(port=1)) == flow_key(ipv6(traffic_class=8, port=1))


def test_all_fragments_of_a_datagram_are_of_one_flow(udp: Callable[..., bytes]) -> None:
    first, last = bytearray(udp(100, port=7)), bytearray(udp(100, port=99))
    first[20] |= 0x20  # more fragments
    last[21] = 10  # an offset
    assert flow_key(bytes(first)) == flow_key(bytes(last)) == b"\x11\x0a\0\0\x01\x0a\0\0\x02"
    whole = bytearray(udp(100, port=7))
    whole[20] |= 0x40  # don't fragment
    assert flow_key(bytes(whole)) == flow_key(udp(100, port=7))


def test_icmp_has_no_ports(udp: Callable[..., bytes]) -> None:
    one, other = bytearray(udp(100, port=1)), bytearray(udp(100, port=2))
    one[23] = other[23] = 1
    assert flow_key(bytes(one)) == flow_key(bytes(other))


def test_what_is_not_ip_goes_by_addresses_and_type() -> None:
    arp = b"\xff" * 6 + b"\x02" + bytes(5) + b"\x08\x06"
    assert flow_key(arp + b"one") == flow_key(arp + b"two") == arp
    assert flow_key(arp[:13] + b"\x07") != flow_key(arp)


@given(st.binary(max_size=64))
def test_no_bytes_are_too_strange(data: bytes) -> None:
    flow_key(data)
    mark_congestion(data)
    for kind in (b"\x08\x00", b"\x86\xdd", b"\x81\x00"):
        frame = bytes(12) + kind + data
        marked = mark_congestion(frame)
        assert marked is None or len(marked) == len(frame)
        flow_key(frame)
