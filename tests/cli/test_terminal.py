"""Colour for a person at a terminal, plain text for everything else."""

from __future__ import annotations

import io

import pytest

from sim.cli.terminal import on_terminal, write
from sim.views.text import Line

LINES: list[Line] = [[("sw1", "name"), ("  [bold]1[/bold] 10.0.0.1 ", ""), ("━", "net0")], []]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def written(stream: io.StringIO) -> str:
    write(LINES, stream)
    return stream.getvalue()


def test_a_pipe_gets_plain_text() -> None:
    assert written(io.StringIO()) == "sw1  [bold]1[/bold] 10.0.0.1 ━\n\n"


def test_a_terminal_gets_colours_and_the_same_text() -> None:
    text = written(Terminal())
    assert "\x1b[1msw1\x1b[0m" in text
    assert "[bold]1[/bold] 10.0.0.1" in text


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_can_be_switched_off(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert not on_terminal(Terminal())
    assert "\x1b" not in written(Terminal())


def test_long_lines_are_not_wrapped() -> None:
    stream = Terminal()
    write([[("x" * 500, "name")]], stream)
    assert "x" * 500 in stream.getvalue()
