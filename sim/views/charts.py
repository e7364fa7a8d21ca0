"""Time series as charts in files, drawn by matplotlib, which is imported here and nowhere else.

A connection gets one picture: windows and what is in flight above, round-trip time and timeout below. All queues that
were ever longer than one frame are in one more.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sim.errors import SimError
from sim.tracing.series import Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HINT: Final = "pip install 'packetsim[charts]'"
SUFFIXES: Final = (".svg", ".png")
WINDOWS: Final = {"cwnd": "congestion window", "ssthresh": "slow-start threshold", "in_flight": "in flight"}
TIMES: Final = {"srtt": "smoothed round-trip time", "rto": "retransmission timeout"}
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#5a4fcf", "#4d5b66")
"""Told apart with the common kinds of colour blindness as well (Okabe and Ito, 2008)."""
INFINITE: Final = 1 << 30
"""A threshold from here on has not been set yet."""
FEWEST_POINTS: Final = 3
"""Of a congestion window: one that hardly moves, as a receiver's does, is no picture."""
SECOND: Final = 1_000_000_000
MOST_QUEUES: Final = 8


class ChartsError(SimError):
    """Charts cannot be drawn."""


def check_charts() -> None:
    """Raises ChartsError when matplotlib is not there, with what to do about it."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise ChartsError(f"charts need matplotlib, which is not installed: {HINT}") from None


def draw_charts(series: Series, folder: Path) -> list[Path]:
    """Draw all series into `folder`, each picture as SVG and as PNG; return the paths. Raises ChartsError, OSError."""
    check_charts()
    folder.mkdir(parents=True, exist_ok=True)
    subjects: dict[str, list[str]] = {}
    for subject, name in series.names():
        subjects.setdefault(subject, []).append(name)
    written: list[Path] = []
    for subject, names in subjects.items():
        if "cwnd" in names and len(series.points(subject, "cwnd")) >= FEWEST_POINTS:
            written += _save(_connection(series, subject, names), folder, subject, written)
    queues = [subject for subject, names in subjects.items() if "queue" in names]
    longest = {subject: max(value for _, value in series.points(subject, "queue")) for subject in queues}
    busy = sorted((subject for subject in queues if longest[subject] > 1), key=lambda subject: -longest[subject])
    if busy:
        written += _save(_queues(series, busy[:MOST_QUEUES]), folder, "queues", written)
    return written


def _connection(series: Series, subject: str, names: list[str]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    windows, times = figure.subplots(2, 1, sharex=True)
    figure.suptitle(_plain(subject), fontsize=11)
    end = max(time for name in names for time, _ in series.points(subject, name))
    for index, (name, label) in enumerate(WINDOWS.items()):
        if name in names:
            points = [point for point in series.points(subject, name) if point[1] < INFINITE]
            _steps(windows, points, end, label, index, 1, filled=name == "in_flight")
    for index, (name, label) in enumerate(TIMES.items()):
        if name in names:
            _steps(times, [point for point in series.points(subject, name) if point[1]], end, label, index + 3, 1e-6)
    _dress(windows, "segments")
    _dress(times, "ms")
    times.set_xlabel("simulated time in s")
    return figure


def _queues(series: Series, subjects: list[str]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    axes = figure.subplots()
    figure.suptitle("queues", fontsize=11)
    end = max(series.points(subject, "queue")[-1][0] for subject in subjects)
    for index, subject in enumerate(subjects):
        _steps(axes, series.points(subject, "queue"), end, subject, index, 1)
    _dress(axes, "frames")
    axes.set_xlabel("simulated time in s")
    return figure


def _steps(
    axes: Axes, points: list[tuple[int, int]], end: int, label: str, colour: int, unit: float, *, filled: bool = False
) -> None:
    """A value holds until the next one: a line of steps, up to `end`, or the area below it."""
    if not points:
        return
    times = [time / SECOND for time, _ in points] + [end / SECOND]
    values = [value * unit for _, value in points] + [points[-1][1] * unit]
    look: dict[str, Any] = {"label": _plain(label), "color": COLOURS[colour % len(COLOURS)]}
    if filled:
        axes.fill_between(times, values, step="post", alpha=0.3, linewidth=0, **look)
    else:
        axes.step(times, values, where="post", linewidth=1.5, **look)


def _dress(axes: Axes, unit: str) -> None:
    axes.set_ylabel(unit)
    axes.set_ylim(bottom=0)
    axes.grid(True, color="#d7dde3", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.lines:  # above the axes: nothing is hidden behind it
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, fontsize=9, frameon=False)


def _plain(text: str) -> str:
    """Text without what matplotlib would take for mathematics."""
    return text.replace("$", r"\$")


def _save(figure: Any, folder: Path, name: str, taken: list[Path]) -> list[Path]:
    import matplotlib

    stem = re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-") or "chart"
    first, number = stem, 1
    while folder / f"{stem}{SUFFIXES[0]}" in taken:
        number += 1
        stem = f"{first}-{number}"
    paths = []
    with matplotlib.rc_context({"svg.hashsalt": "packetsim"}):  # the same bytes for the same series
        for suffix in SUFFIXES:
            path = folder / f"{stem}{suffix}"
            metadata = {"Date": None} if suffix == ".svg" else None
            figure.savefig(path, metadata=metadata, dpi=144)
            paths.append(path)
    return paths
