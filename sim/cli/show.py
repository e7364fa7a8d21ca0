"""`sim show`: draw a topology."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.errors import usage
from sim.cli.terminal import width, write, write_text


def command(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A topology file (YAML).", show_default=False)],
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="OUT", help="Write an SVG drawing to OUT; - is standard output.")
    ] = None,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Print a Mermaid flowchart.")] = False,
) -> None:
    """Draw a topology: in the terminal, as SVG or as Mermaid.

    The drawing in the terminal is as wide as the terminal; a network too wide for it becomes an indented tree.
    """
    from sim.scenario.graph import graph
    from sim.scenario.load import load
    from sim.views.diagram.plan import plan

    topology = load(file)
    planned = plan(graph(topology), topology.name)
    if svg is not None:
        from sim.views.diagram.svg_map import draw_svg

        _save(svg, draw_svg(planned))
    if mermaid:
        from sim.views.diagram.mermaid import draw_mermaid

        write_text(draw_mermaid(planned))
    if svg is None and not mermaid:
        from sim.views.diagram.terminal_map import draw

        write(draw(planned, width()))


def _save(path: Path, text: str) -> None:
    if str(path) == "-":
        write_text(text)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise usage(f"cannot write {path}: {error.strerror or error}", "--svg") from None
