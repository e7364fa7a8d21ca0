"""The errors of packetsim.

Three kinds, by whose fault it is: `TopologyError` for a file or an argument a user can mend, `WireError` for bytes
that are not what a protocol says they are, and plain Python exceptions for our own bugs. What a program on a
simulated host meets is an `OSError` with the errno Linux would give; it needs no class here.
"""

from __future__ import annotations


class SimError(Exception):
    """Base of the errors that packetsim raises on purpose."""


class WireError(SimError, ValueError):
    """Bytes that cannot be parsed as the protocol they claim to be; the text says what is wrong with them."""


class BudgetError(SimError, RuntimeError):
    """A run met its bound on events: a loop of switches, or programs that never rest."""


class TraceError(SimError):
    """A stored trace that cannot be read: `line` of `file` says what is wrong, `hint` what would mend it."""

    column: int | None = None
    source: str | None = None

    def __init__(
        self, message: str, *, file: str | None = None, line: int | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.hint = hint

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        text = f"{place}: error: {self.message}" if place else f"error: {self.message}"
        return f"{text}\nhint: {self.hint}" if self.hint else text


class TopologyError(SimError):
    """Something wrong in a topology, with the place where it stands when it came from a file.

    `line` and `column` count from 1; they and `file` are None for a network built in Python. `source` is the text of
    that line, for the caret. `hint` says what would mend it.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        source: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.source = source
        self.hint = hint

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        lines = [f"{place}: error: {self.message}" if place else f"error: {self.message}"]
        if self.source is not None and self.column is not None:
            lines += [f"    {self.source}", "    " + " " * (self.column - 1) + "^"]
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)
