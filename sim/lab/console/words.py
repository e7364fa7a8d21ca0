"""Reads the words of a command line: options with a value or without, and the rest."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Values = dict[str, Any]


class UsageError(ValueError):
    """What is wrong with what was typed, in a sentence."""


def split(line: str) -> list[str]:
    """The words of a line, with the quotes of a shell. Raises UsageError."""
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{error}".lower()) from None


def read(words: Sequence[str], options: Mapping[str, Callable[[str], Any] | None]) -> tuple[Values, list[str]]:
    """The options that were given, by name, and what is none.

    `options` has what reads the value of each, None for one that has no value. Raises UsageError.
    """
    values: Values = {}
    rest: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("-") or word == "-":
            rest.append(word)
            continue
        name, glued = (word, "") if word in options else (word[:2], word[2:])
        if name not in options:
            raise UsageError(f"there is no option {word}")
        reader = options[name]
        if reader is None:
            if glued:
                raise UsageError(f"there is no option {word}")
            values[name] = True
            continue
        if not glued and not waiting:
            raise UsageError(f"{name} takes a value")
        text = glued or waiting.pop(0)
        try:
            values[name] = reader(text)
        except ValueError:
            raise UsageError(f"{text} is no value for {name}") from None
    return values, rest


def whole(least: int, most: int) -> Callable[[str], int]:
    """What reads a whole number within bounds."""

    def reader(text: str) -> int:
        number = int(text) if text.isascii() and text.isdigit() else -1
        if not least <= number <= most:
            raise ValueError
        return number

    return reader


def seconds(least: float, most: float) -> Callable[[str], int]:
    """What reads seconds, as ns."""

    def reader(text: str) -> int:
        number = float(text)
        if not least <= number <= most:
            raise ValueError
        return round(number * 1e9)

    return reader
