"""The options that write pictures for documents: ladders of connections, and charts of time series."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from sim.cli.errors import usage
from sim.tracing.recorder import Recorder
from sim.tracing.series import Series
from sim.views.exchange import Flow, flows
from sim.views.text import Line

MOST_LADDERS: Final = 20
"""Connections of a run of which a picture is written."""
MERMAID: Final = (".mmd", ".mermaid", ".md")

Ladder = Annotated[
    Path | None,
    typer.Option(
        "--ladder",
        metavar="FILE",
        help="Draw each TCP connection as a ladder: FILE.svg or FILE.mmd (Mermaid); further ones into FILE-2.svg, ...",
    ),
]
Charts = Annotated[
    Path | None,
    typer.Option(
        "--charts",
        metavar="DIR",
        help="Draw cwnd, RTT and queues over time into DIR, as SVG and PNG (needs matplotlib).",
    ),
]


def check_pictures(ladder: Path | None, charts: Path | None) -> None:
    """Refuse before the run what could not be written after it."""
    if ladder is not None and ladder.suffix.lower() not in (".svg", *MERMAID):
        raise usage(f"{ladder} ends neither in .svg nor in .mmd", "--ladder")
    if charts is not None:
        from sim.views.charts import ChartsError, check_charts

        try:
            check_charts()
        except ChartsError as error:
            raise usage(str(error), "--charts") from None


def write_ladders(path: Path, recorder: Recorder) -> list[Line]:
    """Write a picture of each TCP connection; what was written, as lines."""
    found = flows(recorder)
    lines: list[Line] = []
    for number, flow in enumerate(found[:MOST_LADDERS], start=1):
        place = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
        _write(place, _draw(recorder, flow, path.suffix.lower()))
        lines.append([(str(place), "name"), (f"  {' > '.join(flow.ends())}", "note")])
    if not found:
        lines.append([(f"{path} is not written: there was no TCP connection", "warning")])
    if len(found) > MOST_LADDERS:
        lines.append([(f"... and {len(found) - MOST_LADDERS} connections more, which are not drawn", "note")])
    return lines


def _draw(recorder: Recorder, flow: Flow, suffix: str) -> str:
    if suffix == ".svg":
        from sim.views.ladder_svg import ladder_svg

        return ladder_svg(recorder, flow)
    from sim.views.ladder_mermaid import ladder_mermaid

    text = ladder_mermaid(recorder, flow)
    return f"```mermaid\n{text}```\n" if suffix == ".md" else text


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise usage(f"cannot write {path}: {error.strerror or error}", "--ladder") from None


def write_charts(folder: Path, series: Series) -> list[Line]:
    """Draw the series; what was written, as lines."""
    from sim.views.charts import draw_charts

    try:
        paths = draw_charts(series, folder)
    except OSError as error:
        raise usage(f"cannot write into {folder}: {error.strerror or error}", "--charts") from None
    if not paths:
        return [[(f"no charts in {folder}: no TCP connection was long enough, and no queue", "warning")]]
    return [[(str(path), "name")] for path in paths]


def wants_series(series_file: Path | None, charts: Path | None) -> bool:
    """Whether time series have to be recorded."""
    return series_file is not None or charts is not None
