"""How problems look, and the one place where an exception becomes text and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import typer

from sim.cli.terminal import write
from sim.errors import SimError, TopologyError, TraceError
from sim.views.text import Line, columns, printable

FAILED: Final = 1
INVALID: Final = 2
INTERRUPTED: Final = 130  # 128 + SIGINT, as a shell reports it
PIPE_CLOSED: Final = 141  # 128 + SIGPIPE

BEFORE_CARET: Final = 60  # columns of a long source line that are kept before the caret, and after it
AFTER_CARET: Final = 40


class Finding(Protocol):
    """What a `TopologyError` and a problem of `sim check` have in common."""

    @property
    def message(self) -> str: ...
    @property
    def file(self) -> str | None: ...
    @property
    def line(self) -> int | None: ...
    @property
    def column(self) -> int | None: ...
    @property
    def source(self) -> str | None: ...
    @property
    def hint(self) -> str | None: ...


def finding_lines(finding: Finding, severity: str = "error", code: str = "") -> list[Line]:
    """`FILE:LINE:COL: error: message [code]`, the source line, a caret, and the hint."""
    place = ":".join(str(part) for part in (finding.file, finding.line, finding.column) if part is not None)
    first: Line = [(f"{printable(place)}: ", "place")] if place else []
    first += [(f"{severity}: ", severity), (_sentence(finding.message), "")]
    first += [(f" [{code}]", "kind")] if code else []
    lines = [first]
    if finding.source is not None and finding.column is not None:
        lines += _pointed(finding.source, finding.column)
    if finding.hint:
        lines.append([("hint: ", "hint"), (_sentence(finding.hint), "")])
    return lines


def _sentence(text: str) -> str:
    return "\n".join(printable(line) for line in text.splitlines())


def _pointed(source: str, column: int) -> list[Line]:
    """The source line and a caret under its `column`; of a very long line only the part around the caret."""
    text, at = printable(source), max(0, column - 1)
    start = max(0, at - BEFORE_CARET) if len(text) > BEFORE_CARET + AFTER_CARET else 0
    shown = text[start : start + BEFORE_CARET + AFTER_CARET]
    before, after = "…" if start else "", "…" if start + len(shown) < len(text) else ""
    indent = columns(before + shown[: at - start])
    return [[("    ", ""), (before + shown + after, "source")], [("    " + " " * indent, ""), ("^", "caret")]]


@contextmanager
def reporting() -> Iterator[None]:
    """Turns what a command raises into text on stderr and an exit status; anything else is our bug and fails loudly."""
    try:
        yield
        sys.stdout.flush()
    except (TopologyError, TraceError) as error:
        write(finding_lines(error), sys.stderr)
        raise typer.Exit(INVALID) from None
    except SimError as error:
        if not _is_of_the_system(error):
            raise
        write([[("error: ", "error"), (_sentence(str(error)), "")]], sys.stderr)
        raise typer.Exit(INVALID) from None
    except BrokenPipeError:
        # whoever read our output has left; nothing may be written at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(PIPE_CLOSED) from None
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        raise typer.Exit(INTERRUPTED) from None


def _is_of_the_system(error: SimError) -> bool:
    """Whether it says what the real system refuses: that is nobody's bug."""
    from sim.bridge.loopback import BridgeError
    from sim.bridge.tap import TapError

    return isinstance(error, BridgeError | TapError)


def usage(message: str, option: str | None = None) -> typer.BadParameter:
    """A wrong argument or option, to be raised: one sentence on stderr and exit status 2."""
    return typer.BadParameter(printable(message), param_hint=option)
