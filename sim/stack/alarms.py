"""The deadlines of one stack, in one heap. The earliest is all that the world outside needs to know."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final

NEVER: Final = (1 << 62) - 1


class Alarm:
    """One deadline (ns), the cause to restore then, and what to do: `action`, or what a subclass does in `go_off`."""

    def __init__(self, action: Callable[[], None] | None = None) -> None:
        self.deadline: int = NEVER
        self.cause: int = 0
        self.action = action
        self.queued: int = NEVER

    def go_off(self) -> None:
        """Its time has come."""
        if self.action is not None:
            self.action()


class Alarms:
    """A heap of `(time, sequence, alarm)`; an alarm that was moved or cancelled leaves a stale entry behind."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Alarm]] = []
        self._sequence: int = 0

    def set(self, alarm: Alarm, time: int, cause: int) -> None:
        """Let `alarm` go off at `time`, instead of whenever it would have."""
        alarm.deadline = time
        alarm.cause = cause
        if time < alarm.queued:
            self._push(alarm, time)

    def cancel(self, alarm: Alarm) -> None:
        """Let it not go off."""
        alarm.deadline = NEVER

    def next_deadline(self) -> int:
        """The earliest deadline (ns), NEVER when there is none. Drops the stale entries it meets."""
        heap = self._heap
        while heap:
            time, _, alarm = heap[0]
            if alarm.deadline == time:
                return time
            heappop(heap)
            self._requeue(alarm, time)
        return NEVER

    def pop_due(self, now: int) -> Alarm | None:
        """Take out the next alarm whose time has come; None when none has."""
        if self.next_deadline() > now:
            return None
        alarm = heappop(self._heap)[2]
        alarm.queued = NEVER
        alarm.deadline = NEVER
        return alarm

    def _push(self, alarm: Alarm, time: int) -> None:
        alarm.queued = time
        self._sequence += 1
        heappush(self._heap, (time, self._sequence, alarm))

    def _requeue(self, alarm: Alarm, time: int) -> None:
        """A stale entry for `time` is gone; keep the alarm queued if it was moved to later."""
        if time == alarm.queued:
            alarm.queued = NEVER
            if alarm.deadline != NEVER:
                self._push(alarm, alarm.deadline)
