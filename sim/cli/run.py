"""`sim run FILE`: build the network, run its scenario, print each step with the path its packets took."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.options import File, Json, Out, Quiet, Seed, Until, print_json, write_out
from sim.cli.progress import Progress
from sim.cli.terminal import write
from sim.lab.runner import Report, Run, StepReport
from sim.scenario.load import load
from sim.views.journey import journey_lines
from sim.views.report import junit, step_lines, total_line


def command(
    file: File,
    seed: Seed = None,
    until: Until = None,
    out: Out = None,
    junit_file: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write the result as JUnit XML.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print every packet's journey, hop by hop.")] = False,
) -> None:
    """Run a topology's scenario in virtual time.

    Exit status: 0 all steps passed, 1 an expectation failed or the run was cut short, 2 an invalid file or wrong usage.
    """

    def show(step: StepReport) -> None:
        if as_json or (quiet and step.passed):
            return
        progress.hide()
        write(step_lines(step.as_dict()))
        if verbose:
            for root in step.roots:
                write([*journey_lines(run.network.trace.journey(root)), []])

    run = Run(load(file), seed, show, lambda: progress.update(run.network.now, len(run.network.recorder.ids)))
    progress = Progress(until)
    if not as_json and not quiet:
        title = [(run.topology.name, "title"), (f"  seed {run.network.seed}", "kind")]
        write([title])
    with progress:
        report = run.run(until)
    data = report.as_dict()
    if out is not None:
        write_out(out, report.topology, report.network.trace, data)
    if junit_file is not None:
        junit_file.write_text(junit(data), encoding="utf-8")
    if as_json:
        print_json(data)
    else:
        _show_end(report, quiet)
    raise typer.Exit(0 if report.passed else 1)


def _show_end(report: Report, quiet: bool) -> None:
    for step in report.steps:
        if step.ended is None:
            write(step_lines(step.as_dict()))
    if report.error is not None:
        write([[(report.error, "error")]])
    if not quiet or not report.passed:
        write([total_line(report.as_dict(), len(report.network.recorder.ids))])
