"""`sim run FILE`: build the network, run its scenario, print each step with the path its packets took."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from sim.cli.explaining import Explain, Lang, telling
from sim.cli.filming import Filming, about_run, write_page
from sim.cli.options import (
    File,
    Html,
    Json,
    Out,
    Quiet,
    Seed,
    SeriesFile,
    Until,
    check_series,
    print_json,
    write_out,
    write_series,
)
from sim.cli.pictures import Charts, Ladder, check_pictures, wants_series, write_charts, write_ladders
from sim.cli.progress import Progress
from sim.cli.terminal import write
from sim.lab.bare_ports import refuse_virtual_time
from sim.lab.measuring import record_series, settle_series
from sim.lab.runner import Report, Run, StepReport
from sim.scenario.load import load
from sim.scenario.model import Topology
from sim.tracing.recorder import Recorder
from sim.views.difference import difference_lines
from sim.views.exchange import Flow
from sim.views.journey import journey_lines
from sim.views.ladder import MOST_LINES, ladder
from sim.views.output import MOST_LINES as MOST_OUTPUT
from sim.views.output import output_lines
from sim.views.report import flow_lines, indented, junit, step_lines, total_line
from sim.views.text import Line

MOST_LINES_VERBOSE: Final = 2_000
MOST_FLOWS: Final = 10
"""Connections of one step of which a ladder is printed."""


def command(
    file: File,
    seed: Seed = None,
    until: Until = None,
    out: Out = None,
    html: Html = None,
    junit_file: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write the result as JUnit XML.")
    ] = None,
    as_json: Json = False,
    series_file: SeriesFile = None,
    charts: Charts = None,
    ladder_file: Ladder = None,
    twice: Annotated[
        bool, typer.Option("--twice", help="Run again in a fresh process and compare; exit status 1 if they differ.")
    ] = False,
    shuffle: Annotated[
        bool, typer.Option("--shuffle", help="Let the seed order what happens at the same instant: to hunt races.")
    ] = False,
    quiet: Quiet = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print every packet's journey, every TCP segment, all output.")
    ] = False,
    explain: Explain = False,
    lang: Lang = None,
) -> None:
    """Run a topology's scenario in virtual time.

    Exit status: 0 all steps passed, 1 an expectation failed or the run was cut short, 2 an invalid file or wrong usage.
    """

    def show(step: StepReport) -> None:
        if as_json or (quiet and step.passed):
            return
        progress.hide()
        write(step_lines(step.as_dict()))
        if step.kind == "program":
            write(output_lines(step.outcome, None if verbose else MOST_OUTPUT))
        if step.kind == "tcp":
            write(_connections(step, run.network.recorder, verbose))
        if told.language or (verbose and step.kind != "tcp"):
            for root in step.roots:
                write([*journey_lines(run.network.trace.journey(root), told), []])

    told = telling(explain, lang)
    check_series(series_file)
    check_pictures(ladder_file, charts)
    topology = load(file)
    refuse_virtual_time(topology)
    run = Run(topology, seed, show, lambda: progress.update(run.network.now, len(run.network.recorder.ids)))
    if shuffle:
        run.network.shuffle()
    if wants_series(series_file, charts):
        record_series(run.network)
    filming = None if html is None and out is None else Filming(run.network)
    progress = Progress(until)
    if not as_json and not quiet:
        title = [(run.topology.name, "title"), (f"  seed {run.network.seed}", "kind")]
        write([title])
    with progress:
        report = run.run(until)
    data = report.as_dict()
    settle_series(run.network)
    if filming is not None:
        filming.finish()
    if twice:
        data["twice"] = _compare(report, file, until, shuffle)
    files = Files(out, html, junit_file, series_file, charts, ladder_file)
    pictures = _write_files(files, report, data, topology)
    if as_json:
        print_json(data)
    else:
        _show_end(report, quiet, None if verbose else MOST_OUTPUT)
        if twice and not (quiet and data["twice"]["same"]):
            write(difference_lines(data["twice"]))
        write([] if quiet else pictures)
    raise typer.Exit(0 if report.passed and (not twice or data["twice"]["same"]) else 1)


@dataclass(frozen=True)
class Files:
    """What a run is to leave behind, by option; None: not asked for."""

    out: Path | None
    html: Path | None
    junit: Path | None
    series: Path | None
    charts: Path | None
    ladder: Path | None


def _write_files(files: Files, report: Report, data: dict[str, Any], topology: Topology) -> list[Line]:
    """Write what was asked for; which pictures were drawn, as lines."""
    trace = report.network.trace
    recorder = trace.recorder
    about = {} if files.out is None and files.html is None else about_run(topology, data)
    if files.out is not None:
        write_out(files.out, report.topology, trace, data, about)
        if report.network.has_authority:
            (files.out / "ca.pem").write_text(report.network.authority.pem(), encoding="ascii")
    if files.html is not None:
        write_page(files.html, recorder, about)
    if files.series is not None and recorder.series is not None:
        write_series(files.series, recorder.series)
    if files.junit is not None:
        files.junit.write_text(junit(data), encoding="utf-8")
    pictures = [] if files.ladder is None else write_ladders(files.ladder, recorder)
    if files.charts is not None and recorder.series is not None:
        pictures += write_charts(files.charts, recorder.series)
    return pictures


def _compare(report: Report, file: Path, until: int | None, shuffle: bool) -> dict[str, Any]:
    from sim.cli.twice import compare

    return compare(report, file, until, shuffle)


def _connections(step: StepReport, recorder: Recorder, verbose: bool) -> list[Line]:
    """The ladder of a single connection, a table of several; all ladders whole when more is asked for."""
    flows = step.outcome["flows"]
    lines = flow_lines(flows) if len(flows) > 1 else []
    if len(flows) > 1 and not verbose:
        return lines
    recorder.end = step.ended or recorder.end
    for flow in flows[:MOST_FLOWS]:
        ends = Flow.of(flow["client"], flow["server"])
        most = MOST_LINES_VERBOSE if verbose else MOST_LINES
        rungs = ladder(recorder, ends, since=step.started or 0, until=step.ended, most=most)
        lines += indented([*rungs, []]) if rungs else []
    return lines


def _show_end(report: Report, quiet: bool, most: int | None) -> None:
    for step in report.steps:
        if step.ended is None:
            write(step_lines(step.as_dict()))
            write(output_lines(step.outcome))
    for service in report.services():
        title = f"service {service['name']} on {service['host']}"
        if service["exit"]:
            write([[(f"{title}: exit code {service['exit']}", "error")]])
            write(output_lines(service, most))
        elif service["stdout"] and not quiet:
            write([[(title, "note")]])
            write(output_lines(service, most))
    if report.error is not None:
        write([[(report.error, "error")]])
    if not quiet or not report.passed:
        write([total_line(report.as_dict(), len(report.network.recorder.ids))])
