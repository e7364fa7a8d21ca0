"""What a queue discipline is, and the simplest: first in, first out, and a full queue drops the newcomer.

A `Queue` is one queue at work, before one transmitter; a `Discipline` is the numbers it is made from. To write your
own, inherit from `Queue` and change what it does when a frame comes or is asked for:

    class DropHead(Queue):
        def enqueue(self, waiting, now):
            while self.frames and not self.has_room(waiting.size):
                self.drop(self.pop(), "pushed out by a newer frame")
            self.push(waiting)

and give it to a direction of a link: `link.channels[0].set_queue(DropHead())`.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from mypy_extensions import i64, mypyc_attr

from sim.engine.streams import Streams
from sim.links.queues.headers import mark_congestion

QUEUE_FULL: Final = "queue full"
MARKED: Final = "ECN: congestion experienced"


class Waiting:
    """A frame in a queue: its `size` in bytes, the `time` (ns) when it was handed over, and what caused it.

    `reason` says why it was dropped, once it was; `note` what was done to it.
    """

    def __init__(self, frame: bytes, time: int, cause: int = 0) -> None:
        self.frame = frame
        self.size: i64 = len(frame)
        self.time: i64 = time
        self.cause = cause
        self.reason = ""
        self.note = ""


@mypyc_attr(allow_interpreted_subclasses=True)
class Queue:
    """Drop-tail, and the base of the other queues. `frames` and `size` (bytes) tell what waits in it.

    `limit_frames`, `limit_bytes` (0: none) and the link's `bandwidth` (bit/s, 0: infinite) are set by the channel.
    `dropped` holds what was dropped until the channel has taken note of it; `marked` counts the frames marked.
    """

    def __init__(self) -> None:
        self.frames: i64 = 0
        self.size: i64 = 0
        self.limit_frames: i64 = 0
        self.limit_bytes: i64 = 0
        self.bandwidth: i64 = 0
        self.marked: i64 = 0
        self.dropped: list[Waiting] = []
        self._line: deque[Waiting] = deque()

    # -- what disciplines differ in

    def enqueue(self, waiting: Waiting, now: int) -> None:
        """A frame comes: `push` or `drop` it, or another one for its sake."""
        if self.has_room(waiting.size):
            self.push(waiting)
        else:
            self.drop(waiting, QUEUE_FULL)

    def dequeue(self, now: int) -> Waiting | None:
        """The transmitter is free: the frame that is to leave now, None if there is none or it has to wait."""
        return self.pop()

    def ready(self, now: int) -> int:
        """When (ns) to ask again, after `dequeue` has answered None although frames are waiting."""
        return now

    def drain(self, now: int) -> list[Waiting]:
        """Give up all that waits, oldest first: the link has gone down, or another queue takes over."""
        left = list(self._line)
        self._line.clear()
        self.frames = 0
        self.size = 0
        return left

    # -- what they share

    def has_room(self, size: i64) -> bool:
        """Whether `size` bytes more stay within the limits."""
        if self.limit_frames > 0 and self.frames >= self.limit_frames:
            return False
        return self.limit_bytes == 0 or self.size + size <= self.limit_bytes

    def push(self, waiting: Waiting) -> None:
        """Put a frame at the end of the line."""
        self._line.append(waiting)
        self.frames += 1
        self.size += waiting.size

    def pop(self) -> Waiting | None:
        """Take the frame at the head of the line."""
        if not self._line:
            return None
        waiting = self._line.popleft()
        self.frames -= 1
        self.size -= waiting.size
        return waiting

    def peek(self) -> Waiting | None:
        """The frame at the head of the line, left there."""
        return self._line[0] if self._line else None

    def drop(self, waiting: Waiting | None, reason: str) -> None:
        """Lose a frame that is not in the line, or no longer; the reason is what traces and counters show."""
        if waiting is not None:
            waiting.reason = reason
            self.dropped.append(waiting)

    def mark(self, waiting: Waiting) -> bool:
        """Tell a frame's receiver of congestion, in place of dropping it; False if its sender does not speak ECN."""
        marked = mark_congestion(waiting.frame)
        if marked is None:
            return False
        if marked != waiting.frame:
            waiting.frame = marked
            waiting.note = MARKED
        self.marked += 1
        return True


@mypyc_attr(allow_interpreted_subclasses=True)
class Discipline:
    """The numbers of a discipline; two that are equal are the same. One is enough for many queues."""

    def queue(self, streams: Streams, name: str) -> Queue:
        """A queue of this kind; what it draws at random comes from streams below `name`."""
        raise NotImplementedError
