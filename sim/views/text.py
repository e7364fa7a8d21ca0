"""Styled text: lines of `(text, style)` spans that know nothing of terminals.

A view returns `Line`s; the command line writes them in colour on a terminal and plain in a pipe. A style is a word for
what the text *is* (`"name"`, `"address"`, `"error"`), not for how it looks; an empty style is ordinary text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

Span = tuple[str, str]
Line = list[Span]


def plain(lines: Iterable[Line]) -> str:
    """The lines without their styles, trailing blanks removed, each ended by a newline."""
    return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in lines)


def columns(text: str) -> int:
    """How many terminal columns `text` takes: two for a wide East Asian character, none for a combining mark."""
    if text.isascii():
        return len(text)
    return sum(_columns_of(character) for character in text)


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def printable(text: str) -> str:
    """`text` on one line, with what could steer a terminal or cannot be encoded replaced by U+FFFD.

    Names and source lines come from files that anybody may have written; an escape sequence in one must not reach
    the terminal. A tab becomes one space, so that a caret below the line still points at its character.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(" " if c == "\t" else c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def clip(text: str, limit: int) -> str:
    """`text` cut to at most `limit` columns, the cut shown by an ellipsis."""
    if columns(text) <= limit:
        return text
    kept, used = [], 1
    for character in text:
        used += _columns_of(character)
        if used > limit:
            break
        kept.append(character)
    return "".join(kept) + "…"


def wrap(text: str, limit: int) -> list[str]:
    """`text` in lines of at most `limit` columns, cut at blanks and beside wide characters; no word is cut."""
    lines, line, used = [], "", 0
    for piece in _PIECES.findall(text):
        size = columns(piece)
        if line and used + columns(piece.rstrip()) > limit and not piece.startswith(_NOT_FIRST):
            lines.append(line.rstrip())
            line, used = "", 0
        line, used = line + piece, used + size
    return [*lines, line.rstrip()] if line or not lines else lines


_PIECES = re.compile(r"[\u2e80-\uffef]\s*|[^\s\u2e80-\uffef]+\s*|\s+")
_NOT_FIRST = ("\uff0c", "\u3002", "\uff1a", "\uff1b", "\uff09", "\u3001", "\u201d", "\uff1f")
"""Chinese punctuation does not begin a line."""
