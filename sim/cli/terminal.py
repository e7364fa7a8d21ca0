"""Writing styled lines: in colour on a terminal, plain in a pipe.

Colours are off as well when NO_COLOR is set (no-color.org) or TERM is "dumb". A stream whose encoding has no box
characters gets ASCII ones instead of an error.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from typing import Final, TextIO

from sim.views.text import Line, plain

STYLES: Final = {
    "title": "bold",
    "name": "bold",
    "kind": "dim",
    "address": "cyan",
    "gateway": "dim cyan",
    "port": "dim",
    "line": "dim",
    "link": "yellow",
    "kind-router": "bold",
    "kind-gateway": "bold",
    "kind-host": "dim",
    "kind-dns": "dim",
    "error": "bold red",
    "warning": "bold yellow",
    "hint": "cyan",
    "place": "bold",
    "source": "",
    "caret": "bold red",
    "network-bits": "bold cyan",
    "host-bits": "bold yellow",
    "good": "bold green",
    "frame": "dim",
    "time": "cyan",
    "note": "green",
    "change": "bold yellow",
}
SEGMENT_STYLES: Final = ("blue", "green", "magenta", "cyan", "red", "yellow", "bright_blue", "bright_green")

_ASCII: Final = str.maketrans(
    {
        **dict.fromkeys("─━…", "-"),
        **dict.fromkeys("│┃", "|"),
        **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯┏┓┗┛┠┨┯┷", "+"),
        **dict.fromkeys("↑▲", "^"),
        "±": "~",
    }
)


def on_terminal(stream: TextIO) -> bool:
    """Whether a person reads `stream` on a terminal that shows colours."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width() -> int:
    """The columns of the terminal; 80 in a pipe, or what COLUMNS says."""
    return max(20, shutil.get_terminal_size((80, 24)).columns)


def write(lines: Sequence[Line], stream: TextIO | None = None) -> None:
    """Write `lines` to `stream`, stdout without one."""
    out = stream if stream is not None else sys.stdout
    if on_terminal(out):
        _write_styled(lines, out)
    else:
        write_text(plain(lines), out)


def write_text(text: str, stream: TextIO | None = None) -> None:
    """Write `text` as it is, in characters that the stream's encoding has."""
    out = stream if stream is not None else sys.stdout
    encoding = getattr(out, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
    out.write(text)
    out.flush()  # stdout and stderr may be the same pipe: keep their order


def _write_styled(lines: Sequence[Line], stream: TextIO) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, highlight=False)
    for line in lines:
        console.print(Text.assemble(*((text, _style(style)) for text, style in line)), soft_wrap=True)


def _style(style: str) -> str:
    if style.startswith("net") and style[3:].isdigit():
        return SEGMENT_STYLES[int(style[3:]) % len(SEGMENT_STYLES)]
    return STYLES.get(style, "")
