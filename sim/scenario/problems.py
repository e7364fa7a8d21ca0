"""What is wrong with a topology, as data: one `Problem` per finding of `sim check`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from sim.errors import TopologyError

MAX_PROBLEMS: Final = 200
"""Problems of one sort that are told; whoever mends those runs the check again."""

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Problem:
    """An error (the network cannot be built) or a warning (it can, and is most likely not what was meant).

    `code` names the kind of problem, as `duplicate-ip`. Place and source are as in `TopologyError`.
    """

    severity: Severity
    code: str
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    source: str | None = None
    hint: str | None = None

    def error(self) -> TopologyError:
        """The problem as an exception."""
        return TopologyError(
            self.message,
            file=self.file,
            line=self.line,
            column=self.column,
            source=self.source,
            hint=self.hint,
        )

    def as_dict(self) -> dict[str, Any]:
        """The problem as plain values, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        text = str(self.error())
        return text.replace("error: ", f"{self.severity}: ", 1) if self.severity != "error" else text


def from_error(error: TopologyError, code: str) -> Problem:
    """A `TopologyError` as a problem."""
    return Problem("error", code, error.message, error.file, error.line, error.column, error.source, error.hint)


def by_place(problem: Problem) -> tuple[bool, int, int]:
    """A key that sorts problems: errors first, then by their place in the file."""
    return problem.severity != "error", problem.line or 0, problem.column or 0
