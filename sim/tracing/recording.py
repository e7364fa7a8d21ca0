"""The trace of a run, as its users see it: journeys to follow, a digest to compare, files to open elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sim.tracing import captures, digest, eventlog, pcapng
from sim.tracing.journeys import Journey, Lineage
from sim.tracing.recorder import Recorder
from sim.tracing.series import Series


class Trace:
    """What was recorded up to `now()` (ns). `recorder` holds the columns themselves."""

    def __init__(self, recorder: Recorder, now: Callable[[], int]) -> None:
        self._recorder = recorder
        self._now = now
        self._lineage: tuple[tuple[int, int], Lineage] | None = None

    @property
    def recorder(self) -> Recorder:
        """The columns, which end now."""
        self._recorder.end = self._now()
        return self._recorder

    @property
    def series(self) -> Series | None:
        """The time series that were asked for, None if they were not."""
        return self._recorder.series

    def journeys(self) -> list[Journey]:
        """What became of each packet that somebody wanted to send, in the order in which they began."""
        return self._index().journeys()

    def journey(self, root: int) -> Journey:
        """The journey that began as `root`. Raises KeyError."""
        return self._index().journey(root)

    def captured(self) -> list[captures.Captured]:
        """What a sniffer on every port saw, by time."""
        return captures.captured(self.recorder)

    def digest(self, payload: bool = True) -> str:
        """A hash, in hex, that equals in every run of the same file and seed.

        Without `payload` it leaves out what TCP, UDP and ICMP carry: TLS encrypts with keys that no seed decides.
        """
        return digest.digest(self.recorder, payload)

    def write_pcapng(self, path: str | Path) -> None:
        """Write all frames of all ports as one capture file. Raises OSError."""
        pcapng.write_pcapng(self.recorder, path)

    def write_pcaps(self, folder: str | Path) -> list[Path]:
        """Write one capture file per port into `folder`; return their paths. Raises OSError."""
        return pcapng.write_pcaps(self.recorder, Path(folder))

    def write_events(self, path: str | Path, about: eventlog.About | None = None) -> None:
        """Write the whole recording as lines of JSON (see `eventlog.py`). Raises OSError."""
        eventlog.write_events(self.recorder, path, about)

    def _index(self) -> Lineage:
        """The index of what is recorded by now."""
        size = (len(self.recorder.ids), len(self.recorder.note_times))
        if self._lineage is None or self._lineage[0] != size:
            self._lineage = (size, Lineage(self.recorder))
        return self._lineage[1]
