"""Sequence numbers (RFC 9293 3.4): 32 bits on the wire, counted on without wrapping inside.

A connection keeps its numbers as they would be if 32 bits had no end, so `a < b` means what it says. What comes off
the wire is the one of those numbers that lies nearest to where the connection is.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

MASK: Final = 0xFFFFFFFF
HALF: Final = 0x80000000


def unwrap(number: i64, near: i64) -> i64:
    """The number next to `near` whose low 32 bits are `number`."""
    return near + ((number - near + HALF) & MASK) - HALF


def precedes(a: i64, b: i64) -> bool:
    """Whether the 32-bit number `a` comes before `b`, as timestamps are compared (RFC 7323 5.2)."""
    return 0 < (b - a) & MASK < HALF
