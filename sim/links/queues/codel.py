"""CoDel: drop by how long frames have waited, not by how many wait (read RFC 8289 first; its section 5 is this file).

A good queue empties now and then; a bad one only adds delay. So, when a frame leaves:

1. Its sojourn time is now - when it came. Below `target`, or with less than a full frame behind it, all is well.
2. Above `target` for a whole `interval`: drop it, and the next one `interval` later, then after interval / sqrt(2),
   interval / sqrt(3), ... - the rate at which TCP's throughput falls linearly - until the first frame is below.
3. Back above soon after leaving that state: go on with about the rate that was right before.

With `ecn` a frame of a sender that understands ECN is marked in place of being dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final

from mypy_extensions import i64

from sim.engine.streams import Streams
from sim.links.queues.discipline import Discipline, Queue, Waiting

DROPPED: Final = "CoDel drop"
TARGET: Final = 5_000_000  # RFC 8289 4.2
INTERVAL: Final = 100_000_000  # RFC 8289 4.3
FULL_FRAME: Final = 1514


@dataclass(frozen=True)
class CoDel(Discipline):
    """`target` and `interval` in ns; `ecn` marks in place of dropping where the sender allows it."""

    target: int = TARGET
    interval: int = INTERVAL
    ecn: bool = False

    def __post_init__(self) -> None:
        if self.target < 1 or self.interval < 1:
            raise ValueError("CoDel's target and interval must be above zero")

    def queue(self, streams: Streams, name: str) -> Queue:
        return CoDelQueue(self.target, self.interval, self.ecn)


class CoDelQueue(Queue):
    """`target` and `interval` in ns. `count` drops were made since it began to drop; `dropping` tells whether it is."""

    def __init__(self, target: int, interval: int, ecn: bool) -> None:
        super().__init__()
        self.target: i64 = target
        self.interval: i64 = interval
        self.ecn: bool = ecn
        self.dropping: bool = False
        self.count: i64 = 0
        self.drop_next: i64 = 0
        self._last_count: i64 = 0
        self._first_above: i64 = 0  # when it will have been above the target for an interval; 0: it is below
        self._may_drop: bool = False
        self._longest: i64 = FULL_FRAME

    def push(self, waiting: Waiting) -> None:
        self._longest = max(self._longest, waiting.size)
        super().push(waiting)

    def dequeue(self, now: int) -> Waiting | None:
        waiting = self._take(now)
        if self.dropping:
            return self._go_on(waiting, now)
        if self._may_drop and waiting is not None:
            if not (self.ecn and self.mark(waiting)):
                self.drop(waiting, DROPPED)
                waiting = self._take(now)
            self._begin(now)
        return waiting

    def _take(self, now: i64) -> Waiting | None:
        """The next frame; `_may_drop` tells whether the delay has been above the target for an interval."""
        waiting = self.pop()
        self._may_drop = False
        if waiting is None or now - waiting.time < self.target or self.size <= self._longest:
            self._first_above = 0
        elif self._first_above == 0:
            self._first_above = now + self.interval
        else:
            self._may_drop = now >= self._first_above
        return waiting

    def _go_on(self, waiting: Waiting | None, now: i64) -> Waiting | None:
        """In the dropping state: drop what is due, and leave it when the delay is below the target."""
        self.dropping = self._may_drop
        while self.dropping and now >= self.drop_next and waiting is not None:
            self.count += 1
            if self.ecn and self.mark(waiting):
                self.drop_next = self._after(self.drop_next)
                break
            self.drop(waiting, DROPPED)
            waiting = self._take(now)
            self.dropping = self._may_drop
            if self.dropping:
                self.drop_next = self._after(self.drop_next)
        return waiting

    def _begin(self, now: i64) -> None:
        """Enter the dropping state, at the rate that held the queue down last time if that is not long ago."""
        self.dropping = True
        rise: i64 = self.count - self._last_count
        recent = now - self.drop_next < 16 * self.interval
        self.count = rise if rise > 1 and recent else 1
        self.drop_next = self._after(now)
        self._last_count = self.count

    def _after(self, time: i64) -> int:
        """The control law: when the next drop is due, after one at `time`."""
        return time + int(float(self.interval) / sqrt(float(self.count)))
