"""What is written is compared byte by byte with what a Linux kernel sends, and with Scapy's reading."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.stack.tcp import options
from sim.stack.tcp.options import Options

WORDS = st.integers(0, 0xFFFFFFFF)
BLOCKS = st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=8)


def read(data: bytes) -> Options:
    found = Options()
    found.read(data)
    return found


def scapy_options(text: bytes) -> list[tuple[str, Any]]:
    from scapy.layers.inet import TCP

    header = struct.pack("!HHIIHHHH", 1, 2, 3, 4, (5 + len(text) // 4) << 12 | 0x10, 5, 0, 0)
    return list(TCP(header + text).options)


# -- written


def test_a_syn_has_the_options_in_linux_order() -> None:
    """MSS, SACK permitted, timestamps, NOP, window scale: 20 bytes."""
    text = options.for_syn(1460, True, True, 0x11223344, 0, 8)
    assert text.hex(" ", 4) == "020405b4 0402080a 11223344 00000000 01030308"
    assert scapy_options(text) == [
        ("MSS", 1460),
        ("SAckOK", b""),
        ("Timestamp", (0x11223344, 0)),
        ("NOP", None),
        ("WScale", 8),
    ]


@pytest.mark.parametrize(
    ("sack", "timed", "scale", "expected"),
    [
        (False, False, -1, "020405b4"),
        (True, False, -1, "020405b4 01010402"),
        (False, True, -1, "020405b4 0101080a 00000009 00000007"),
        (False, False, 7, "020405b4 01030307"),
        (True, False, 7, "020405b4 01010402 01030307"),
        (True, True, -1, "020405b4 0402080a 00000009 00000007"),
        (False, True, 7, "020405b4 0101080a 00000009 00000007 01030307"),
        (True, True, 0, "020405b4 0402080a 00000009 00000007 01030300"),
    ],
)
def test_a_missing_option_is_padded_with_no_operations(sack: bool, timed: bool, scale: int, expected: str) -> None:
    text = options.for_syn(1460, sack, timed, 9, 7, scale)
    assert text.hex(" ", 4) == expected


@given(st.integers(0, 0xFFFF), st.booleans(), st.booleans(), WORDS, WORDS, st.integers(-1, 14))
def test_what_a_syn_offers_is_read_back(mss: int, sack: bool, timed: bool, value: int, echo: int, scale: int) -> None:
    text = options.for_syn(mss, sack, timed, value, echo, scale)
    assert len(text) % 4 == 0
    found = read(text)
    assert (found.mss, found.sack_permitted, found.timestamps, found.scale) == (mss, sack, timed, scale)
    if timed:
        assert (found.value, found.echo) == (value, echo)


@given(WORDS, WORDS)
def test_timestamps_of_a_segment(value: int, echo: int) -> None:
    text = options.timestamps(value, echo)
    assert text == b"\x01\x01\x08\x0a" + struct.pack("!II", value, echo)
    assert scapy_options(text)[-1] == ("Timestamp", (value, echo))


def test_numbers_beyond_32_bits_are_wrapped() -> None:
    assert options.timestamps((1 << 32) + 1, -1) == options.timestamps(1, 0xFFFFFFFF)
    assert options.sack([((7 << 32) + 5, (7 << 32) + 6)], 0)[4:] == struct.pack("!II", 5, 6)


@given(BLOCKS, st.booleans())
def test_sack_blocks_as_many_as_fit(blocks: list[tuple[int, int]], timed: bool) -> None:
    """RFC 2018 3: four blocks fill the 40 bytes, three beside the timestamps."""
    before = options.timestamps(1, 2) if timed else b""
    text = before + options.sack(blocks, len(before))
    assert len(text) <= 40
    assert len(text) % 4 == 0
    sent = blocks[: 3 if timed else 4]
    assert text[len(before) :][:4] == bytes((1, 1, 5, 2 + 8 * len(sent)))
    assert read(text).sacks == sent
    kind, edges = scapy_options(text)[-1]
    assert kind == "SAck"
    assert list(zip(edges[::2], edges[1::2], strict=True)) == sent


# -- read


def test_the_fast_way_reads_as_the_slow_one() -> None:
    """Only the usual twelve bytes take the short cut; the same option elsewhere is read too."""
    quick, slow = read(bytes.fromhex("0101080a0000000100000002")), read(bytes.fromhex("080a00000001000000020000"))
    assert quick.timestamps
    assert slow.timestamps
    assert (quick.value, quick.echo) == (slow.value, slow.echo) == (1, 2)


def test_the_next_segment_begins_anew() -> None:
    found = read(options.for_syn(1460, True, True, 1, 2, 7) + options.sack([(1, 2)], 20))
    assert found.sacks
    found.read(b"")
    assert (found.mss, found.scale, found.sack_permitted, found.timestamps) == (0, -1, False, False)
    assert found.sacks == []
    found.read(options.sack([(5, 9)], 0))
    found.read(options.timestamps(3, 4))
    assert found.sacks == []
    assert found.timestamps


@pytest.mark.parametrize(
    "text",
    [
        "02",  # a kind without its length
        "0204",  # cut short
        "0204 05",
        "0200 05b4",  # a length that does not count itself: it would loop for ever
        "0201 05b4",
        "0205 05b4 00",  # the MSS has 4 bytes
        "0203 05",
        "0304 0700",
        "0302",
        "0403 00",
        "080b 0000000100000002 00",
        "0809 00000001000000",
        "0502",  # SACK without a block
        "0506 00000001",  # half a block
        "0511 0000000100000002 0000000300000004",  # one byte too many
        "fe",
        "00 020405b4",  # behind the end of the list
    ],
)
def test_malformed_options_say_nothing(text: str) -> None:
    found = read(bytes.fromhex(text))
    assert (found.mss, found.scale, found.sack_permitted, found.timestamps) == (0, -1, False, False)
    assert found.sacks == []


def test_what_comes_before_a_malformed_option_counts() -> None:
    """As in Linux: it stops reading there, and keeps what it has."""
    found = read(bytes.fromhex("020405b4 0402 030007"))
    assert (found.mss, found.sack_permitted, found.scale) == (1460, True, -1)


def test_unknown_options_are_skipped() -> None:
    """RFC 9293 3.2 (MUST-6): fast open (34), experiments (254), MD5 (19) of any length, and then ours."""
    found = read(bytes.fromhex("2202 fe06aabbccdd 1303ff 020405b4"))
    assert found.mss == 1460


@pytest.mark.parametrize(("offered", "used"), [(0, 0), (14, 14), (15, 14), (255, 14)])
def test_a_window_scale_beyond_14_counts_as_14(offered: int, used: int) -> None:
    """RFC 7323 2.3."""
    assert read(bytes((3, 3, offered, 0))).scale == used


@given(st.binary(max_size=44))
def test_garbage_is_read_without_harm(data: bytes) -> None:
    found = read(data)
    assert 0 <= found.mss <= 0xFFFF
    assert -1 <= found.scale <= 14
    assert len(found.sacks) <= 5
