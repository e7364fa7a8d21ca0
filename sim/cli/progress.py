"""A progress bar for runs that take more than two seconds, on a terminal only: simulated time, frames, rate, time left.

It goes to stderr, so that stdout stays what a pipe would get.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Final

from sim.cli.terminal import on_terminal
from sim.units import format_about

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

PATIENCE: Final = 2.0
"""Seconds of wall clock before the bar appears."""


class Progress:
    """Call `update` now and then; `until` is where the simulated time will end (ns), if that is known."""

    def __init__(self, until: int | None = None) -> None:
        self._until = until
        self._shown = on_terminal(sys.stderr)
        self._started = time.monotonic()
        self._bar: Bar | None = None

    @property
    def text(self) -> str | None:
        """What the bar says; None while there is none."""
        return None if self._bar is None else self._bar.tasks[0].description

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.hide()

    def update(self, now: int, frames: int) -> None:
        """Show that `now` ns are simulated and `frames` have been sent."""
        elapsed = time.monotonic() - self._started
        if not self._shown or elapsed < PATIENCE:
            return
        if self._bar is None:
            self._bar = self._make()
        rate = f"{frames / elapsed / 1000:.0f} k frames/s"
        text = f"{format_about(now)} simulated, {frames} frames, {rate}"
        self._bar.update(self._bar.task_ids[0], completed=now, description=text)

    def hide(self) -> None:
        """Take the bar off the screen, to make room for lines; the next `update` brings it back."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _make(self) -> Bar:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = [TextColumn("{task.description}")]
        known = [BarColumn(), TimeRemainingColumn()] if self._until is not None else []
        bar = Progress(*columns, *known, console=Console(stderr=True), transient=True)
        bar.add_task("", total=self._until)
        bar.start()
        return bar
