"""Quantities as people write them, to the integers the simulator counts in.

Time is nanoseconds, rates are bit/s, sizes are bytes; all `int`. `"10ms"`, `"1Gbps"`, `"64KiB"`, `"1%"`. Decimal
arithmetic keeps `0.1us` exactly 100 ns. Every parser raises ValueError with a sentence fit for a user.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

NANOSECOND: Final = 1
MICROSECOND: Final = 1_000
MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000

_TIME: Final = {
    "ns": NANOSECOND,
    "us": MICROSECOND,
    "µs": MICROSECOND,
    "ms": MILLISECOND,
    "s": SECOND,
    "min": 60 * SECOND,
    "h": 3600 * SECOND,
}
_RATE: Final = {"bps": 1, "kbps": 10**3, "mbps": 10**6, "gbps": 10**9, "tbps": 10**12}
_SIZE: Final = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_QUANTITY: Final = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([A-Za-zµ%]+)\s*")


def _quantity(text: str, units: dict[str, int], what: str, example: str, *, fold: bool) -> int:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a {what}: write a number and a unit, like {example}")
    unit = match[2].lower() if fold else match[2]
    if unit not in units:
        raise ValueError(f"{text!r} is not a {what}: unknown unit {match[2]!r}, known are {', '.join(units)}")
    return round(Decimal(match[1]) * units[unit])


def duration(value: int | str) -> int:
    """Nanoseconds from `"10ms"`, `"20us"`, `"1.5s"`, `"2min"`; an int is nanoseconds already."""
    if isinstance(value, int):
        return value
    if value.strip() == "0":
        return 0
    return _quantity(value, _TIME, "duration", "10ms", fold=False)


def bitrate(value: int | str) -> int:
    """Bits per second from `"64kbps"`, `"10Mbps"`, `"1Gbps"`; an int is bit/s already. Zero is refused."""
    rate = value if isinstance(value, int) else _quantity(value, _RATE, "bit rate", "10Mbps", fold=True)
    if rate <= 0:
        raise ValueError(f"{value!r} is not a bit rate: it must be above zero")
    return rate


def size(value: int | str) -> int:
    """Bytes from `"1500B"`, `"64kB"` (1000), `"64KiB"` (1024); an int is bytes already."""
    return value if isinstance(value, int) else _quantity(value, _SIZE, "size", "64KiB", fold=True)


def probability(value: float | str) -> float:
    """A share from 0 to 1, written `0.01` or `"1%"`."""
    if isinstance(value, str):
        text = value.strip()
        try:
            share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
        except ValueError:
            raise ValueError(f"{value!r} is not a probability: write 1% or 0.01") from None
    else:
        share = float(value)
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"{value!r} is not a probability: it must lie between 0 and 1 (0% and 100%)")
    return share


def format_duration(nanoseconds: int) -> str:
    """The shortest exact form: `1500000` is `1.5ms`, `0` is `0s`."""
    for unit, scale in (("s", SECOND), ("ms", MILLISECOND), ("us", MICROSECOND)):
        if abs(nanoseconds) >= scale or nanoseconds == 0:
            return f"{(Decimal(nanoseconds) / scale).normalize():f}{unit}"
    return f"{nanoseconds}ns"


def format_about(nanoseconds: int) -> str:
    """A duration in four digits, for people to read: `43547832` is `43.55ms`."""
    return format_duration(_four_digits(nanoseconds))


def format_bitrate(rate: int) -> str:
    """`10_000_000` is `10Mbps`."""
    for unit, scale in (("Tbps", 10**12), ("Gbps", 10**9), ("Mbps", 10**6), ("kbps", 10**3)):
        if rate >= scale:
            return f"{(Decimal(rate) / scale).normalize():f}{unit}"
    return f"{rate}bps"


def format_bitrate_about(rate: int) -> str:
    """A bit rate in four digits, for people to read: `9_483_920` is `9.484Mbps`."""
    return format_bitrate(_four_digits(rate))


def format_size(count: int) -> str:
    """Bytes in four digits, for people to read: `1.448 kB`, `5 bytes`."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= scale:
            return f"{count / scale:.4g} {unit}"
    return "1 byte" if count == 1 else f"{count} bytes"


def _four_digits(number: int) -> int:
    scale: int = 10 ** max(0, len(str(abs(number))) - 4)
    return (number + scale // 2) // scale * scale
