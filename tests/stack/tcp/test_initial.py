"""RFC 6528: the clock of RFC 9293 3.4.1, plus a secret function of the ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sim.stack.tcp.initial import initial_sequence, timestamp_offset

SECRET = b"s" * 32
ENDS = bytes((10, 0, 0, 1, 10, 0, 0, 2, 0x04, 0xD2, 0, 80))
WORD = 1 << 32


@given(st.integers(0, 10**15), st.integers(0, 10**13))
def test_the_clock_counts_every_4_microseconds(now: int, later: int) -> None:
    first = initial_sequence(now, SECRET, ENDS)
    ticks = (now + later) // 4000 - now // 4000
    assert (initial_sequence(now + later, SECRET, ENDS) - first) % WORD == ticks % WORD


def test_it_goes_round_after_4_hours_and_three_quarters() -> None:
    assert initial_sequence(WORD * 4000, SECRET, ENDS) == initial_sequence(0, SECRET, ENDS)


@given(st.integers(0, len(ENDS) - 1), st.integers(1, 255))
def test_each_byte_of_the_ends_counts(at: int, change: int) -> None:
    other = ENDS[:at] + bytes((ENDS[at] ^ change,)) + ENDS[at + 1 :]
    assert initial_sequence(0, SECRET, other) != initial_sequence(0, SECRET, ENDS)


def test_a_peer_without_the_secret_learns_nothing() -> None:
    """From one connection's number no other's follows: over 256 ports the numbers are spread over the whole space."""
    numbers = {initial_sequence(0, SECRET, ENDS[:-1] + bytes((port,))) for port in range(256)}
    assert len(numbers) == 256
    assert len({number >> 28 for number in numbers}) == 16
    assert initial_sequence(0, b"t" * 32, ENDS) != initial_sequence(0, SECRET, ENDS)


def test_timestamps_of_two_hosts_have_one_offset() -> None:
    """RFC 7323 5.4, so that PAWS and TIME-WAIT reuse see them rise from one connection to the next."""
    addresses = ENDS[:8]
    assert timestamp_offset(SECRET, addresses) == timestamp_offset(SECRET, addresses)
    assert timestamp_offset(SECRET, addresses) != timestamp_offset(SECRET, addresses[:-1] + b"\x09")
    assert timestamp_offset(b"t" * 32, addresses) != timestamp_offset(SECRET, addresses)
    assert 0 <= timestamp_offset(SECRET, addresses) < WORD


def test_a_long_secret_and_an_empty_one() -> None:
    """Keys of the hash function have at most 32 bytes; a host may have more or none."""
    assert 0 <= initial_sequence(0, SECRET + b"more", ENDS) < WORD
    assert 0 <= initial_sequence(0, b"", ENDS) < WORD
