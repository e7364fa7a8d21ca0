"""RED: drop early and at random, by the average length of the queue (read Floyd and Jacobson 1993 first).

When a frame comes:

1. The average follows the length: avg += weight * (length - avg). While nothing was sent, it falls as if as many
   small frames had passed an empty queue.
2. avg < min: all is well. min <= avg < max: drop with pb = probability * (avg - min) / (max - min), spread evenly by
   pa = pb / (1 - count * pb), where count is how many came since the last drop.
3. avg >= max: drop. With `gentle` the probability rises from `probability` at max to 1 at 2 * max first (Floyd 2000).

With `ecn` a frame that chance has chosen is marked if its sender understands ECN; one that is dropped because of 3 is
dropped (RFC 3168 7).
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from mypy_extensions import i64

from sim.engine.streams import Streams
from sim.links.queues.discipline import QUEUE_FULL, Discipline, Queue, Waiting

EARLY: Final = "RED early drop"
FORCED: Final = "RED forced drop"
AVERAGE_FRAME: Final = 1000
"""Bytes; how many frames might have passed an idle link is counted in these."""
NS_PER_BYTE_AT_1_BPS: Final = 8_000_000_000


@dataclass(frozen=True)
class Red(Discipline):
    """`min` and `max` frames on average, `probability` of a drop at `max`, `weight` of each frame in the average.

    The defaults are what Floyd recommends (1997): max three times min, and a weight of 0.002.
    """

    min: float = 5
    max: float = 15
    probability: float = 0.1
    weight: float = 0.002
    gentle: bool = True
    ecn: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.min < self.max:
            raise ValueError("RED's min must be above zero, and max above min")
        if not (0 < self.probability <= 1 and 0 < self.weight <= 1):
            raise ValueError("RED's probability and weight must be above 0 and at most 1")

    def queue(self, streams: Streams, name: str) -> Queue:
        return RedQueue(self, streams.stream(f"{name}/red"))


class RedQueue(Queue):
    """`average` is the average length in frames."""

    def __init__(self, parameters: Red, random: Random) -> None:
        super().__init__()
        self.parameters = parameters
        self.average: float = 0.0
        self._random = random
        self._count: i64 = -1  # frames since the last drop; -1: the average was below the minimum
        self._idle_from: i64 = 0

    def enqueue(self, waiting: Waiting, now: int) -> None:
        self._follow(now)
        if self._is_forced():
            self._count = 0
            self.drop(waiting, FORCED)
        elif self._is_chosen() and not (self.parameters.ecn and self.mark(waiting)):
            self.drop(waiting, EARLY)
        elif self.has_room(waiting.size):
            self.push(waiting)
        else:
            self._count = 0
            self.drop(waiting, QUEUE_FULL)

    def dequeue(self, now: int) -> Waiting | None:
        waiting = self.pop()
        if waiting is not None and self.frames == 0:
            self._idle_from = now + self._time_of(waiting.size)
        return waiting

    def drain(self, now: int) -> list[Waiting]:
        self._idle_from = now
        return super().drain(now)

    def chance(self) -> float:
        """The probability pb that the average makes: 0 below min, 1 where a drop is forced."""
        parameters = self.parameters
        average = self.average
        if average < parameters.min:
            return 0.0
        if average < parameters.max:
            return parameters.probability * (average - parameters.min) / (parameters.max - parameters.min)
        if parameters.gentle and average < 2 * parameters.max:
            return parameters.probability + (1 - parameters.probability) * (average - parameters.max) / parameters.max
        return 1.0

    def _follow(self, now: i64) -> None:
        weight = self.parameters.weight
        idle: i64 = now - self._idle_from
        step: i64 = self._time_of(AVERAGE_FRAME)
        if self.frames > 0 or idle <= 0 or step == 0:
            self.average += weight * (float(self.frames) - self.average)
        else:
            self.average *= (1 - weight) ** (float(idle) / float(step))

    def _time_of(self, size: i64) -> i64:
        """How long (ns) the transmitter takes for so many bytes."""
        return size * NS_PER_BYTE_AT_1_BPS // self.bandwidth if self.bandwidth > 0 else 0

    def _is_forced(self) -> bool:
        highest = self.parameters.max * (2 if self.parameters.gentle else 1)
        return self.average >= highest

    def _is_chosen(self) -> bool:
        """Whether chance picks the frame that comes."""
        base = self.chance()
        if base == 0.0:
            self._count = -1
            return False
        self._count += 1
        spread = 1 - float(self._count) * base
        if spread > 0 and self._random.random() >= base / spread:
            return False
        self._count = 0
        return True
