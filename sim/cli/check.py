"""`sim check`: everything that is wrong with topology files, without running them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.cli.errors import INVALID, finding_lines
from sim.cli.terminal import write

if TYPE_CHECKING:
    from sim.scenario.problems import Problem


def command(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Topology files (YAML).", show_default=False)],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document: a list with one entry a file.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Validate topologies without running them.

    Checks the schema, names and addresses, and looks for what is most likely a mistake: duplicate addresses, a gateway
    off its subnet, a loop of switches, ...

    Exit status: 0 when there are no errors (warnings do not count), 2 when a file has one.
    """
    from sim.scenario.load import problems

    found = [(file, problems(file)) for file in files]
    if as_json:
        print(json.dumps([_as_data(file, listed) for file, listed in found], indent=2))
    else:
        for file, listed in found:
            _print(file, listed, quiet)
    if any(problem.severity == "error" for _, listed in found for problem in listed):
        raise typer.Exit(INVALID)


def _as_data(file: str, listed: list[Problem]) -> dict[str, Any]:
    ok = all(problem.severity != "error" for problem in listed)
    return {"file": file, "ok": ok, "problems": [problem.as_dict() for problem in listed]}


def _print(file: str, listed: list[Problem], quiet: bool) -> None:
    """Problems go to stderr, the verdict to stdout."""
    for problem in listed:
        if problem.severity == "error" or not quiet:
            write(finding_lines(problem, problem.severity, problem.code), sys.stderr)
    if quiet:
        return
    errors = sum(problem.severity == "error" for problem in listed)
    warnings = len(listed) - errors
    if listed:
        counts = [_count(number, word) for number, word in ((errors, "error"), (warnings, "warning")) if number]
        write([[(f"{file}: ", ""), (", ".join(counts), "error" if errors else "warning")]])
    else:
        write([[(f"{file}: ", ""), ("ok", "good")]])


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
