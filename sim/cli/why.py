"""`sim why FILE FRAME`: why a frame of a stored trace was there, and what became of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.errors import usage
from sim.cli.explaining import Lang, telling
from sim.cli.options import Json, print_json
from sim.cli.terminal import write
from sim.errors import TraceError
from sim.tracing.eventlog import read_events
from sim.tracing.recorder import Recorder
from sim.views.journey import Telling, journey_lines
from sim.views.journey_data import journey_data
from sim.views.text import printable
from sim.views.why import reason, reason_data, reason_lines, wish_of


def command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A trace, events.jsonl, as --out writes it.", show_default=False)
    ],
    frame: Annotated[
        int,
        typer.Argument(metavar="FRAME", min=1, help="A frame's number, as --explain prints it.", show_default=False),
    ],
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Tell where a frame came from, what each device did with it and why, and what became of it.

    The trace is enough; no simulation runs. Exit status: 0 fine, 2 a file that is no trace, or a frame that is not in
    it.
    """
    told = telling(True, lang)
    try:
        recorder, _ = read_events(file)
    except OSError as error:
        raise usage(f"cannot read {file}: {error.strerror or error}", "FILE") from None
    try:
        found = reason(recorder, frame)
    except KeyError:
        _tell_wish(file, recorder, frame, told, as_json)
        return
    if as_json:
        print_json(reason_data(found, told.language or "en"))
    else:
        write(reason_lines(found, told))


def _tell_wish(file: Path, recorder: Recorder, number: int, told: Telling, as_json: bool) -> None:
    """The number is no frame's; perhaps it is that of something that somebody wanted to send."""
    journey = wish_of(recorder, number)
    if journey is None:
        ids = recorder.ids
        hint = f"its {len(ids):,} frames have numbers from {ids[0]} to {ids[-1]}" if ids else "it has no frames at all"
        raise TraceError(f"there is no frame {number} in this trace", file=str(file), hint=hint)
    if as_json:
        print_json(journey_data(journey, told.language or "en"))
    else:
        write([[(printable(text), style) for text, style in line] for line in journey_lines(journey, told)])
