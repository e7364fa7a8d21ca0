from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.stack.tcp.sequence import HALF, MASK, precedes, unwrap

WORDS = st.integers(0, MASK)
FAR = st.integers(0, 1 << 40)


@pytest.mark.parametrize(
    ("number", "near", "expected"),
    [
        (100, 90, 100),
        (90, 100, 90),
        (5, MASK, (1 << 32) + 5),  # just wrapped
        (MASK, 1 << 32, MASK),  # from just before the wrap
        (0, 1 << 32, 1 << 32),
        (0, (3 << 32) - 1, 3 << 32),
        (MASK, (3 << 32) + 7, (3 << 32) - 1),
    ],
)
def test_unwrap_takes_the_nearest(number: int, near: int, expected: int) -> None:
    assert unwrap(number, near) == expected


@given(WORDS, FAR)
def test_unwrap_is_the_number_and_at_most_half_the_space_away(number: int, near: int) -> None:
    found = unwrap(number, near)
    assert found & MASK == number
    assert -HALF <= found - near < HALF


@given(FAR, st.integers(-HALF, HALF - 1))
def test_unwrap_undoes_the_wrapping(near: int, distance: int) -> None:
    number = near + distance
    assert unwrap(number & MASK, near) == number


@given(WORDS, st.integers(1, HALF - 1))
def test_precedes_goes_round(a: int, distance: int) -> None:
    b = (a + distance) & MASK
    assert precedes(a, b)
    assert not precedes(b, a)


@given(WORDS)
def test_nothing_precedes_itself_nor_its_antipode(a: int) -> None:
    """RFC 7323 5.2: s < t if 0 < (t - s) < 2^31; half the circle away neither is first."""
    assert not precedes(a, a)
    assert not precedes(a, (a + HALF) & MASK)
