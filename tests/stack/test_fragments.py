from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.stack.fragments import copied_options, fragment, header_length
from sim.wire import ipv4
from sim.wire.addresses import parse_ip

SOURCE, DESTINATION = parse_ip("10.0.0.1"), parse_ip("10.0.0.2")
ROUTER_ALERT = bytes.fromhex("94040000")  # copied into every fragment
RECORD_ROUTE = bytes.fromhex("07070400000000")  # stands in the first one only
LOOSE_SOURCE_ROUTE = bytes.fromhex("8307040a000009")


def packet(
    size: int,
    *,
    options: bytes = b"",
    offset: int = 0,
    more: bool = False,
    dont_fragment: bool = False,
    identification: int = 77,
) -> ipv4.Packet:
    payload = bytes(number * 7 & 0xFF for number in range(size))
    return ipv4.Packet(
        SOURCE,
        DESTINATION,
        17,
        payload,
        ttl=9,
        identification=identification,
        tos=0x2E,
        options=options,
        fragment_offset=offset,
        more_fragments=more,
        dont_fragment=dont_fragment,
    )


def test_a_packet_that_fits_comes_back_as_it_is() -> None:
    whole = packet(1480)
    assert fragment(whole, 1500) == [whole]


def test_offsets_count_up_and_all_but_the_last_say_more() -> None:
    pieces = fragment(packet(4000), 1500)
    assert [(piece.fragment_offset, len(piece.payload), piece.more_fragments) for piece in pieces] == [
        (0, 1480, True),
        (1480, 1480, True),
        (2960, 1040, False),
    ]


def test_every_fragment_keeps_what_identifies_the_packet() -> None:
    for piece in fragment(packet(4000), 576):
        assert (piece.source, piece.destination, piece.protocol) == (SOURCE, DESTINATION, 17)
        assert (piece.identification, piece.ttl, piece.tos, piece.dont_fragment) == (77, 9, 0x2E, False)


def test_the_payload_of_all_but_the_last_is_a_multiple_of_eight_for_any_mtu() -> None:
    for mtu in range(28, 60):
        pieces = fragment(packet(100), mtu)
        assert b"".join(piece.payload for piece in pieces) == packet(100).payload
        assert all(len(piece.payload) % 8 == 0 for piece in pieces[:-1])
        assert all(len(ipv4.emit(piece)) <= mtu for piece in pieces)


def test_a_fragment_of_a_fragment_keeps_its_place_and_the_more_flag() -> None:
    middle = fragment(packet(4000), 1500)[1]
    pieces = fragment(middle, 576)
    assert [(piece.fragment_offset, piece.more_fragments) for piece in pieces] == [
        (1480, True),
        (2032, True),
        (2584, True),
    ]
    last = fragment(fragment(packet(4000), 1500)[2], 576)
    assert [piece.more_fragments for piece in last] == [True, False]


def test_only_options_with_the_copied_flag_go_into_later_fragments() -> None:
    options = RECORD_ROUTE + ROUTER_ALERT + b"\x01"
    first, *later = fragment(packet(1000, options=options), 400)
    assert first.options == options
    assert {piece.options for piece in later} == {ROUTER_ALERT}


def test_copied_options_are_padded_to_whole_words() -> None:
    assert copied_options(LOOSE_SOURCE_ROUTE + b"\x01") == LOOSE_SOURCE_ROUTE + b"\x01"
    assert copied_options(LOOSE_SOURCE_ROUTE + ROUTER_ALERT) == LOOSE_SOURCE_ROUTE + ROUTER_ALERT + b"\x01"
    assert copied_options(RECORD_ROUTE + b"\x01") == b""
    assert copied_options(b"") == b""


def test_options_leave_less_room() -> None:
    pieces = fragment(packet(1000, options=RECORD_ROUTE), 400)
    assert header_length(pieces[0]) == 28
    assert len(pieces[0].payload) == 368
    assert all(len(ipv4.emit(piece)) <= 400 for piece in pieces)


def test_options_that_will_be_padded_count_with_their_padding() -> None:
    one_byte = b"\x01"
    assert all(len(ipv4.emit(piece)) <= 36 for piece in fragment(packet(16, options=one_byte), 36))


def test_an_mtu_without_room_for_eight_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="an MTU of 27 bytes leaves no room"):
        fragment(packet(100), 27)


def test_a_fragment_that_reaches_beyond_the_longest_packet_is_refused() -> None:
    with pytest.raises(ValueError, match="ends beyond the longest packet"):
        fragment(packet(1000, offset=65000, more=True), 576)


@given(st.integers(29, 4000), st.integers(28, 1600))
def test_any_packet_cut_twice_is_the_same_bytes(size: int, mtu: int) -> None:
    whole = packet(size)
    pieces = [again for piece in fragment(whole, 1500) for again in fragment(piece, mtu)]
    assert b"".join(piece.payload for piece in pieces) == whole.payload
    offset = 0
    for piece in pieces:
        assert piece.fragment_offset == offset
        assert piece.more_fragments == (piece is not pieces[-1])
        offset += len(piece.payload)


@pytest.mark.slow  # importing Scapy takes longer than the test
def test_scapy_cuts_at_the_same_places() -> None:
    from scapy.layers.inet import IP, UDP
    from scapy.layers.inet import fragment as scapy_fragment
    from scapy.packet import Raw

    for size, room in ((4000, 1480), (1473, 1480), (100, 8), (5000, 552)):
        theirs = scapy_fragment(
            IP(src="10.0.0.1", dst="10.0.0.2", id=77, ttl=9, tos=0x2E) / UDP() / Raw(bytes(size)), room
        )
        whole = ipv4.parse(bytes(IP(src="10.0.0.1", dst="10.0.0.2", id=77, ttl=9, tos=0x2E) / UDP() / Raw(bytes(size))))
        ours = fragment(whole, room + 20)
        assert [ipv4.emit(piece) for piece in ours] == [bytes(piece) for piece in theirs]
