"""Styled text: columns, what is printable, clipping."""

from __future__ import annotations

import pytest

from sim.views.text import clip, columns, plain, printable, wrap


@pytest.mark.parametrize(
    ("text", "wide"), [("abc", 3), ("日本", 4), ("é", 1), ("e\N{COMBINING ACUTE ACCENT}", 1), ("", 0)]
)
def test_columns_are_those_of_a_terminal(text: str, wide: int) -> None:
    assert columns(text) == wide


@pytest.mark.parametrize("evil", ["\x1b[31m", "\x07", "\u202e", "\ud800", "\x00", "\n", "\r"])
def test_what_could_steer_a_terminal_is_replaced(evil: str) -> None:
    assert printable(f"a{evil}b").isprintable()
    assert len(printable(f"a{evil}b")) == len(f"a{evil}b")


def test_a_tab_keeps_its_one_column() -> None:
    assert printable("a\tb") == "a b"


@pytest.mark.parametrize(
    ("text", "limit", "kept"), [("router", 6, "router"), ("router", 5, "rout…"), ("日本語", 5, "日本…")]
)
def test_clipped_text_fits_its_limit(text: str, limit: int, kept: str) -> None:
    assert clip(text, limit) == kept
    assert columns(kept) <= limit


def test_plain_lines_end_without_blanks() -> None:
    assert plain([[("a", "name"), ("b  ", "")], []]) == "ab\n\n"


def test_lines_are_cut_at_blanks_and_between_wide_characters() -> None:
    assert wrap("one two three", 7) == ["one two", "three"]
    assert wrap("", 7) == [""]
    assert wrap("incomprehensibilities are long", 5) == ["incomprehensibilities", "are", "long"]
    assert wrap("交换机还没有学到", 8) == ["交换机还", "没有学到"]
    assert wrap("交换机还，没有", 8) == ["交换机还，", "没有"]  # noqa: RUF001 - punctuation does not begin a line
