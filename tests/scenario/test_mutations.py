"""Thousands of random edits: a file loads, or is refused with a TopologyError, and nothing else ever happens."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from sim.errors import TopologyError
from sim.scenario.graph import graph
from sim.scenario.lint import lint
from sim.scenario.load import loads

HERE = Path(__file__).parent
EDITS = 4_000
SAMPLES = [
    *sorted((HERE / "good").glob("*.yaml")),
    *sorted((HERE / "bad").glob("*.yaml")),
    *sorted((HERE.parents[1] / "topologies").glob("*.yaml")),
]
ODD = [
    "null", "true", "-1", "0", "1e999", ".nan", "99999999999999999999", "[]", "{}", "[[", "}}", "&a", "*a", "<<", "!!x",
    "'", '"', ": ", "- ", "\n", "\t", "\0", "\ufeff", "\u2028", "é", "😀", "#", "|", ">", "%", "@", "255.255.255.255",
    "0.0.0.0/0", "::1/64", "10.0.0.1/8", "ff:ff:ff:ff:ff:ff", "host", "router", "switch", "hub", "ping", "expect",
]  # fmt: skip


def _delete(text: str, random: Random) -> str:
    start = random.randrange(len(text))
    return text[:start] + text[start + random.randint(1, 8) :]


def _insert(text: str, random: Random) -> str:
    start = random.randrange(len(text))
    return text[:start] + random.choice(ODD) + text[start:]


def _replace_token(text: str, random: Random) -> str:
    tokens = re.split(r"([\w.:/-]+)", text)
    if len(tokens) == 1:
        return text
    tokens[random.randrange(len(tokens) // 2) * 2 + 1] = random.choice(ODD + tokens[1::2])
    return "".join(tokens)


def _lines(text: str, random: Random) -> str:
    lines = text.splitlines(keepends=True)
    line = lines.pop(random.randrange(len(lines)))
    for _ in range(random.choice((0, 1, 2))):
        lines.insert(random.randrange(len(lines) + 1), random.choice(("", " ", "  ", "\t")) + line)
    return "".join(lines)


def _flip(text: str, random: Random) -> str:
    start = random.randrange(len(text))
    return text[:start] + chr(random.choice((random.randrange(0x80), random.randrange(0x11_0000)))) + text[start + 1 :]


OPERATORS: list[Callable[[str, Random], str]] = [_delete, _insert, _replace_token, _replace_token, _lines, _flip]


def mutate(text: str, random: Random) -> str:
    for _ in range(random.randint(1, 4)):
        if text.strip():
            text = random.choice(OPERATORS)(text, random)
    return text


def check(text: str) -> bool:
    """Whether a text loads; anything but a TopologyError is a failure."""
    try:
        topology = loads(text)
    except TopologyError:
        return False
    graph(topology)
    assert all(problem.severity == "warning" for problem in lint(topology))
    return True


@pytest.mark.slow
def test_random_edits() -> None:
    random = Random(2)
    texts = [sample.read_bytes().decode("utf-8", "replace") for sample in SAMPLES]
    good = [text for text in texts if check(text)]
    loaded = 0
    for number in range(EDITS):
        text = mutate(random.choice(good if number % 2 else texts), random)
        try:
            loaded += check(text)
        except Exception:
            print(f"edit {number}:\n{text}")
            raise
    assert loaded > EDITS // 50
