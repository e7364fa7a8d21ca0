from __future__ import annotations

import pytest

from sim import units


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("10ms", 10_000_000),
        ("0.1us", 100),
        ("1.5 s", 1_500_000_000),
        ("2min", 120 * 10**9),
        ("7ns", 7),
        ("0", 0),
        (5, 5),
    ],
)
def test_duration(text: str | int, nanoseconds: int) -> None:
    assert units.duration(text) == nanoseconds


@pytest.mark.parametrize("text", ["10", "ms", "10 parsecs", "-1ms", "1e3s", "", "10MS"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        units.duration(text)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("64kbps", 64_000), ("10Mbps", 10**7), ("1Gbps", 10**9), ("2.5gbps", 2_500_000_000), (9600, 9600)],
)
def test_bitrate(text: str | int, rate: int) -> None:
    assert units.bitrate(text) == rate


@pytest.mark.parametrize("text", ["0bps", "10", "fast", 0, -5])
def test_what_is_no_bitrate(text: str | int) -> None:
    with pytest.raises(ValueError, match="is not a bit rate"):
        units.bitrate(text)


def test_size() -> None:
    assert [units.size(text) for text in ("1500B", "64kB", "64KiB", 9)] == [1500, 64_000, 65_536, 9]


@pytest.mark.parametrize(("text", "share"), [("1%", 0.01), ("0.5", 0.5), (0, 0.0), ("100%", 1.0)])
def test_probability(text: str | float, share: float) -> None:
    assert units.probability(text) == share


@pytest.mark.parametrize("text", ["101%", "-0.1", 2, "often", "%", "nan"])
def test_what_is_no_probability(text: str | float) -> None:
    with pytest.raises(ValueError, match="is not a probability"):
        units.probability(text)


@pytest.mark.parametrize("nanoseconds", [0, 1, 999, 1000, 1500, 10**6, 1_234_567, 10**9, 61 * 10**9])
def test_a_duration_that_was_formatted_reads_back(nanoseconds: int) -> None:
    assert units.duration(units.format_duration(nanoseconds)) == nanoseconds


def test_format() -> None:
    assert units.format_duration(1_500_000) == "1.5ms"
    assert units.format_bitrate(10_000_000) == "10Mbps"
