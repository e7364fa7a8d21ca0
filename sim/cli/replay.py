"""`sim replay FILE`: the page of a run that was stored, without running it again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.errors import usage
from sim.cli.filming import write_page
from sim.cli.options import Json, print_json
from sim.cli.terminal import write
from sim.tracing.eventlog import read_events
from sim.views.page.film import film


def command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A trace, events.jsonl, as --out writes it.", show_default=False)
    ],
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the page here.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Make the page of a stored run: it shows what happened frame by frame, and why.

    The trace is enough; no simulation runs. With --json all that the page shows is printed as data: frames, notes with
    their sentences, tables, series (see sim/views/page/film.py). Exit status: 0 fine, 2 a file that is no trace, or
    wrong usage.
    """
    if html is None and not as_json:
        raise usage("say what to make: --html FILE, --json or both", "--html")
    try:
        recorder, about = read_events(file)
    except OSError as error:
        raise usage(f"cannot read {file}: {error.strerror or error}", "FILE") from None
    if html is not None:
        write_page(html, recorder, about)
    if as_json:
        print_json(film(recorder, about))
    elif html is not None:
        write(
            [[(str(html), "name"), (f"  {len(recorder.ids):,} frames of {about.get('name') or 'a network'}", "note")]]
        )
