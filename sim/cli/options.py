"""What commands that run a network have in common: their options, and the files that `--out` writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from sim.cli.errors import usage
from sim.tracing.eventlog import About
from sim.tracing.recording import Trace
from sim.tracing.series import Series
from sim.units import duration


def _duration(text: str) -> int:
    try:
        return duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


File = Annotated[Path, typer.Argument(metavar="FILE", help="A topology in YAML.", show_default=False)]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Take this seed instead of the file's.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only what failed.")]
Until = Annotated[
    Any, typer.Option("--until", metavar="TIME", parser=_duration, help="Stop at this simulated time, such as 10s.")
]
Html = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Write a page that shows the run again, frame by frame."),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Write captures (pcapng, pcap per port), events.jsonl, report.json."),
]

SeriesFile = Annotated[
    Path | None,
    typer.Option(
        "--series",
        metavar="FILE",
        help="Record cwnd, ssthresh, srtt, rto, in_flight of TCP and queue lengths, as .csv or .json.",
    ),
]


def check_series(path: Path | None) -> None:
    """Refuse a file for series whose name does not say what is to be written."""
    if path is not None and path.suffix.lower() not in (".csv", ".json"):
        raise usage(f"{path} ends neither in .csv nor in .json", "--series")


def write_series(path: Path, series: Series) -> None:
    """Write the series as the file's name says. Raises OSError."""
    if path.suffix.lower() == ".json":
        series.write_json(path)
    else:
        series.write_csv(path)


def print_json(data: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(data, indent=2))


def write_out(folder: Path, name: str, trace: Trace, report: dict[str, Any], about: About | None = None) -> None:
    """Write all that a run leaves behind into `folder`, which is made if it is not there. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    trace.write_pcapng(folder / f"{name}.pcapng")
    trace.write_pcaps(folder)
    trace.write_events(folder / "events.jsonl", about)
    if trace.recorder.series is not None:
        trace.recorder.series.write_csv(folder / "series.csv")
    (folder / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
