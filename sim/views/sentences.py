"""Sentences for what devices noted: each from the note and its frame alone, so that a stored trace can be explained.

A note of kind K with the detail d is told by a template. Its key is, whichever is there first:

1. `K.TEXT`, where TEXT is the first part of d (a detail that is no tuple has one part): `flood.unknown`.
2. `K.PATTERN`, where PATTERN is all parts of d with blanks between them, and `*` stands for any text of at least one
   character: `deliver.UDP port *`, `tcp-state.* * SYN-SENT ESTABLISHED`. Patterns are tried in the table's order.
3. `K`.

In a template `{0}`, `{1}`, ... are the parts of d, with addresses as people write them, and `{*1}`, `{*2}`, ... what
the stars of the key stood for; `{source}` and `{destination}` are the MAC addresses of the frame that the note is
about. `{1:# port|# ports}` is the first of the two words where the part is 1, else the second, with the number in the
place of `#`. A part that is text may itself be in the table, under `word.TEXT` or `word.PATTERN`.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from sim.tracing import kinds
from sim.tracing.journeys import Note
from sim.views.words.brief import BRIEF
from sim.views.words.chinese import CHINESE
from sim.views.words.english import ENGLISH
from sim.wire.addresses import format_ip, format_mac

TEMPLATES: Final[dict[str, dict[str, str]]] = {"en": ENGLISH, "zh": CHINESE}
SHORT: Final = "brief"
"""In the place of a language: English, in a few words."""
LANGUAGES: Final = tuple(TEMPLATES)

_TABLES: Final = {**TEMPLATES, SHORT: BRIEF}
_PLACE: Final = re.compile(r"\{([^{}:]+)(?::([^{}|]*)\|([^{}|]*))?\}")
_MAC_LENGTH: Final = 6

Part = str | int | bytes


def sentence(note: Note, frame: bytes, language: str = "en") -> str:
    """What the device did and why, without its name: "has not learned 02:00:00:00:00:05, so it floods it to 3 ports".

    `frame` is the frame that the note is about, as it reached the device; b"" if there is none. Raises KeyError for a
    language that there is not.
    """
    parts = note.detail if isinstance(note.detail, tuple) else (note.detail,)
    kind = kinds.NAMES.get(note.kind, str(note.kind))
    texts = [_show(part, language) for part in parts]
    template, stars = _template(kind, parts, language) or (" ".join([kind, *texts]), ())
    return _PLACE.sub(lambda place: _fill(place, texts, stars, frame), template)


def word(text: str, language: str) -> str:
    """A text in a language, where the table knows it; else as it is."""
    return _show(text, language)


def _template(kind: str, parts: tuple[Part, ...], language: str) -> tuple[str, tuple[str, ...]] | None:
    """The template for a detail, and what the stars of its key stand for."""
    table = _TABLES[language]
    exact = table.get(f"{kind}.{parts[0]!s}") if parts and isinstance(parts[0], str) else None
    if exact is not None:
        return exact, ()
    patterns = _patterns(language).get(kind)
    if patterns:
        text = " ".join(_plain(part) for part in parts)
        for pattern, template in patterns:
            match = pattern.fullmatch(text)
            if match:
                return template, match.groups()
    return (table[kind], ()) if kind in table else None


@cache
def _patterns(language: str) -> dict[str, list[tuple[re.Pattern[str], str]]]:
    """The keys with stars, by kind, as regular expressions."""
    found: dict[str, list[tuple[re.Pattern[str], str]]] = {}
    for key, template in _TABLES[language].items():
        kind, _, rest = key.partition(".")
        if "*" in rest:
            pattern = re.compile("(.+?)".join(re.escape(text) for text in rest.split("*")), re.DOTALL)
            found.setdefault(kind, []).append((pattern, template))
    return found


def _show(part: Part, language: str) -> str:
    """A part as people write it, in their language where the table knows it."""
    if isinstance(part, str):
        found = _template("word", (part,), language)
        if found is not None:
            template, stars = found
            inner = [_show(star, language) for star in stars]
            return _PLACE.sub(lambda place: _fill(place, [], tuple(inner), b""), template)
    return _plain(part)


def _plain(part: Part) -> str:
    if isinstance(part, bytes):
        return format_mac(part) if len(part) == _MAC_LENGTH else format_ip(part)
    return str(part)


def _fill(place: re.Match[str], texts: list[str], stars: tuple[str, ...], frame: bytes) -> str:
    """What stands in the place of braces; they stay as they are where there is nothing for them."""
    text = _value(place[1], texts, stars, frame)
    if text is None:
        return place[0]
    if place[2] is None:
        return text
    return (place[2] if text == "1" else place[3]).replace("#", text)


def _value(name: str, texts: list[str], stars: tuple[str, ...], frame: bytes) -> str | None:
    if name in ("source", "destination"):
        address = frame[6:12] if name == "source" else frame[:6]
        return format_mac(address) if len(address) == _MAC_LENGTH else "?"
    values, number = (stars, name[1:]) if name.startswith("*") else (texts, name)
    index = int(number) - (values is stars) if number.isdigit() else -1
    return values[index] if 0 <= index < len(values) else None


def explain(note: Note) -> str:
    """The short form, for which no frame is needed."""
    return sentence(note, b"", SHORT)
