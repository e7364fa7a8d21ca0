"""What one device notes and counts. The counts are always kept; the notes only while a recorder runs."""

from __future__ import annotations

from sim.tracing import kinds
from sim.tracing.recorder import Detail, Recorder


class Journal:
    """The notes and the drops of one device, whose index in the trace is `node`.

    `drops` counts by reason. Hot code asks `recording` before it makes up a detail.
    """

    def __init__(self, recorder: Recorder | None, node: int) -> None:
        self.recorder = recorder
        self.node = node
        self.recording: bool = recorder is not None
        self.drops: dict[str, int] = {}

    def note(self, time: int, subject: int, kind: int, detail: Detail) -> None:
        """Note a decision about the transmission `subject`, taken at `time` (ns)."""
        if self.recorder is not None:
            self.recorder.note(time, subject, self.node, kind, detail)

    def touch(self) -> None:
        """Something about the device has changed that is not worth a note: whoever watches its tables looks again."""
        if self.recorder is not None:
            self.recorder.touched.add(self.node)

    def drop(self, time: int, subject: int, reason: str) -> None:
        """Count a frame that goes no further, and note why."""
        self.drops[reason] = self.drops.get(reason, 0) + 1
        if self.recorder is not None:
            self.recorder.note(time, subject, self.node, kinds.DROP, reason)
