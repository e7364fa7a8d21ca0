"""Plain scalars against YAML 1.2.2's core schema (10.3.2), and what YAML 1.1 would have made of them."""

from __future__ import annotations

import math

import pytest

from sim.scenario.document import parse
from sim.scenario.scalars import resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("NULL", None),
        ("nULL", "nULL"),
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("No", "No"),
        ("y", "y"),
        ("0", 0),
        ("-19", -19),
        ("+12", 12),
        ("007", 7),
        ("0o17", 15),
        ("0o18", "0o18"),
        ("0x1f", 31),
        ("0xFG", "0xFG"),
        ("0b101", "0b101"),
        ("-0x1f", "-0x1f"),
        ("1_000", "1_000"),
        ("10:00", "10:00"),
        ("10:00:00:00:00:11", "10:00:00:00:00:11"),
        ("190:20:30", "190:20:30"),
        ("192.168.1.10/24", "192.168.1.10/24"),
        ("192.168.1.10", "192.168.1.10"),
        ("10ms", "10ms"),
        ("1%", "1%"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("-2E+05", -200000.0),
        ("1e3", 1000.0),
        ("1e", "1e"),
        (".", "."),
        ("-", "-"),
        (".inf", math.inf),
        ("+.INF", math.inf),
        ("-.Inf", -math.inf),
        ("inf", "inf"),
        ("nan", "nan"),
        ("2001-01-01", "2001-01-01"),
        ("=", "="),
    ],
)
def test_core_schema(text: str, value: object) -> None:
    found = resolve(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", [".nan", ".NaN", ".NAN"])
def test_not_a_number(text: str) -> None:
    found = resolve(text)
    assert isinstance(found, float)
    assert math.isnan(found)


def test_numbers_have_an_end() -> None:
    assert resolve("1" * 64) == int("1" * 64)
    with pytest.raises(ValueError, match="65 characters"):
        resolve("1" * 65)


def test_quotes_make_text() -> None:
    assert parse("a: '1'\nb: \"true\"\nc: |\n  5\n").value == {"a": "1", "b": "true", "c": "5\n"}


def test_keys_are_text_as_written() -> None:
    assert parse("on: 1\n1: 2\ntrue: 3\n0.0.0.0/0: 4\n~: 5\n").value == {
        "on": 1,
        "1": 2,
        "true": 3,
        "0.0.0.0/0": 4,
        "~": 5,
    }
