from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sim.wire import checksum

ADDRESSES = st.tuples(st.binary(min_size=4, max_size=4), st.binary(min_size=4, max_size=4)) | st.tuples(
    st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16)
)


def by_the_book(data: bytes) -> int:
    """RFC 1071 4.1 word by word, the slow and plain way."""
    total = 0
    for at in range(0, len(data), 2):
        total += int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def test_example_of_rfc_1071() -> None:
    data = bytes.fromhex("0001f203f4f5f6f7")  # RFC 1071 3: the sum is ddf2
    assert checksum.internet_checksum(data) == 0xDDF2 ^ 0xFFFF


def test_both_zeros() -> None:
    assert checksum.internet_checksum(b"") == 0xFFFF
    assert checksum.internet_checksum(bytes(20)) == 0xFFFF
    assert checksum.internet_checksum(b"\xff\xff") == 0
    assert checksum.internet_checksum(b"\x80\x00\x7f\xff") == 0
    assert checksum.verify(b"\xff\xff")
    assert not checksum.verify(bytes(20))
    assert not checksum.verify(b"")


def test_an_odd_byte_is_a_high_half() -> None:
    assert checksum.internet_checksum(b"\x01") == checksum.internet_checksum(b"\x01\x00") == 0xFEFF
    assert checksum.internet_checksum(b"\xff\xff\x00") == 0


@given(st.binary(max_size=80) | st.lists(st.sampled_from([0, 0, 0xFF]), max_size=9).map(bytes))
@example(b"\xff" * 1500)
def test_agrees_with_the_sum_word_by_word(data: bytes) -> None:
    assert checksum.internet_checksum(data) == by_the_book(data)
    assert checksum.verify(data) == (by_the_book(data) == 0)


@given(ADDRESSES, st.sampled_from([1, 6, 17, 58]), st.binary(max_size=64))
def test_transport_checksum_is_that_of_pseudo_header_and_data(
    ends: tuple[bytes, bytes], protocol: int, data: bytes
) -> None:
    whole = checksum.pseudo_header(*ends, protocol, len(data)) + data
    assert checksum.transport_checksum(*ends, protocol, data) == by_the_book(whole)


def test_transport_checksum_that_comes_out_as_zero() -> None:
    data = bytes(6)
    hole = checksum.transport_checksum(bytes(4), bytes(4), 17, data + b"\0\0")
    assert checksum.transport_checksum(bytes(4), bytes(4), 17, data + hole.to_bytes(2, "big")) == 0


def test_pseudo_headers() -> None:
    assert checksum.pseudo_header(b"\x0a\0\0\x01", b"\x0a\0\0\x02", 17, 8).hex() == "0a0000010a00000200110008"
    six = checksum.pseudo_header(bytes(16), b"\xff" * 16, 6, 70000)
    assert six.hex() == "00" * 16 + "ff" * 16 + "00011170" + "00000006"
    for ends in ((bytes(4), bytes(16)), (bytes(6), bytes(6))):
        with pytest.raises(ValueError, match="must both have 4 bytes or both have 16"):
            checksum.pseudo_header(*ends, 17, 8)


def test_example_of_rfc_1624() -> None:
    """RFC 1624 4: the checksum dd2f, a word that goes from 5555 to 3285; equation 2 would give ffff."""
    assert checksum.update(0xDD2F, 0x5555, 0x3285) == 0x0000


HEADERS = st.lists(
    st.integers(0, 0xFFFF) | st.sampled_from([0, 1, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF]), min_size=9, max_size=9
)
WORDS = st.integers(0, 0xFFFF) | st.sampled_from([0, 1, 0xFFFE, 0xFFFF])


@given(HEADERS, st.integers(0, 8), WORDS)
def test_update_equals_full_recomputation(words: list[int], at: int, new: int) -> None:
    words[(at + 1) % 9] |= 0x4500  # as the first word of an IPv4 header, which is never all zero
    before = checksum.internet_checksum(b"".join(word.to_bytes(2, "big") for word in words))
    old, words[at] = words[at], new
    after = checksum.internet_checksum(b"".join(word.to_bytes(2, "big") for word in words))
    assert checksum.update(before, old, new) == after


@given(HEADERS, st.integers(1, 8))
def test_update_to_the_word_that_makes_the_sum_all_ones(words: list[int], at: int) -> None:
    """The corner: the new checksum is 0x0000, and equation 2 of RFC 1624 would say 0xFFFF."""
    words[0] |= 0x4500
    before = checksum.internet_checksum(b"".join(word.to_bytes(2, "big") for word in words))
    old, words[at] = words[at], 0
    new = checksum.internet_checksum(b"".join(word.to_bytes(2, "big") for word in words))
    assert checksum.update(before, old, new) == 0
