"""`sim replay FILE`: the page of a run that was stored, without running it again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.errors import usage
from sim.cli.filming import write_page
from sim.cli.terminal import write
from sim.tracing.eventlog import read_events


def command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A trace, events.jsonl, as --out writes it.", show_default=False)
    ],
    html: Annotated[Path, typer.Option("--html", metavar="FILE", help="Write the page here.", show_default=False)],
) -> None:
    """Make the page of a stored run: it shows what happened frame by frame, and why.

    The trace is enough; no simulation runs. Exit status: 0 fine, 2 a file that is no trace, or wrong usage.
    """
    try:
        recorder, about = read_events(file)
    except OSError as error:
        raise usage(f"cannot read {file}: {error.strerror or error}", "FILE") from None
    write_page(html, recorder, about)
    write([[(str(html), "name"), (f"  {len(recorder.ids):,} frames of {about.get('name') or 'a network'}", "note")]])
