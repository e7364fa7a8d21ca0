"""Byte ranges (RFC 9110 14)."""

from __future__ import annotations

import re
from typing import Final

MOST_RANGES: Final = 8
"""More of them in one request are not worth the trouble (RFC 9110 14.2 lets a server ignore them)."""
_ONE: Final = re.compile(r"([0-9]{0,18})-([0-9]{0,18})")


def parse_ranges(value: str, size: int) -> list[tuple[int, int]] | None:
    """The (start, stop) in a content of `size` bytes that a Range field asks for, in its order.

    None when the field is to be ignored: another unit, bad syntax, too many ranges, or more bytes than the whole. An
    empty list when none of them is within the content (416).
    """
    unit, equals, text = value.partition("=")
    matches = [_ONE.fullmatch(part.strip()) for part in text.split(",") if part.strip()]
    if unit.strip().lower() != "bytes" or not equals or not matches or len(matches) > MOST_RANGES:
        return None
    found = []
    for match in matches:
        if match is None or match[0] == "-":
            return None
        if match[1] and match[2] and int(match[1]) > int(match[2]):
            return None
        if match[1]:
            start, stop = int(match[1]), min(size, int(match[2] or size) + 1)
        else:
            start, stop = max(0, size - int(match[2])), size  # the last so many bytes
        if start < stop:
            found.append((start, stop))
    return None if sum(stop - start for start, stop in found) > size else found


def content_range(start: int, stop: int, size: int) -> str:
    """The Content-Range of a part (RFC 9110 14.4)."""
    return f"bytes {start}-{stop - 1}/{size}"
