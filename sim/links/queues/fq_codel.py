"""FQ-CoDel: every flow has a queue of its own with CoDel on it, and they take turns by bytes (read RFC 8290 first).

A frame comes (RFC 8290 4.1):

1. Its flow is a hash of protocol, addresses and ports, with salt, modulo the number of queues.
2. A flow that had nothing to send goes to the end of the new flows, with `quantum` bytes of credit.
3. Over the limit: drop from the head of the flow with the most bytes.

A frame is asked for (RFC 8290 4.2):

1. Look at the first of the new flows, or, when there is none, of the old flows.
2. Out of credit: it gets `quantum` more and goes to the end of the old flows; look again.
3. Let CoDel choose its frame. None left: a new flow goes to the end of the old ones (or it could be new again at once,
   and starve them), an old one is forgotten; look again.
4. Take the frame's bytes off its credit.

So a flow that sends less than its share is never behind the others for more than one round.
"""

from __future__ import annotations

import zlib
from collections import deque
from dataclasses import dataclass
from typing import Final

from mypy_extensions import i64

from sim.engine.streams import Streams
from sim.links.queues.codel import INTERVAL, TARGET, CoDelQueue
from sim.links.queues.discipline import QUEUE_FULL, Discipline, Queue, Waiting
from sim.links.queues.headers import flow_key

QUANTUM: Final = 1514  # RFC 8290 5.2.2: a full frame
FLOWS: Final = 1024  # RFC 8290 5.2.4
_KNUTH: Final = 0x9E3779B1
"""2**32 / the golden ratio: multiplying by it spreads neighbours far apart (Knuth, volume 3, 6.4)."""


@dataclass(frozen=True)
class FqCoDel(Discipline):
    """`target` and `interval` of CoDel in ns, `quantum` in bytes, `flows`: how many queues. ECN is on, as in Linux."""

    target: int = TARGET
    interval: int = INTERVAL
    quantum: int = QUANTUM
    flows: int = FLOWS
    ecn: bool = True

    def __post_init__(self) -> None:
        if min(self.target, self.interval, self.quantum, self.flows) < 1:
            raise ValueError("FQ-CoDel's target, interval, quantum and flows must be above zero")

    def queue(self, streams: Streams, name: str) -> Queue:
        return FqCoDelQueue(self, streams.stream(f"{name}/fq-codel").getrandbits(32))


class Flow(CoDelQueue):
    """The queue of one flow, or of several with the same hash. `credit` in bytes; `listed` while it has its turns."""

    def __init__(self, target: int, interval: int, ecn: bool) -> None:
        super().__init__(target, interval, ecn)
        self.credit: i64 = 0
        self.listed: bool = False


class FqCoDelQueue(Queue):
    """`salt` (32 bits) decides which flows share a queue, should they."""

    def __init__(self, parameters: FqCoDel, salt: int) -> None:
        super().__init__()
        self.parameters = parameters
        self._salt = salt
        self._quantum: i64 = parameters.quantum
        self._flows: dict[int, Flow] = {}  # made when the first frame of each comes
        self._new: deque[Flow] = deque()
        self._old: deque[Flow] = deque()

    def enqueue(self, waiting: Waiting, now: int) -> None:
        flow = self._flow_of(waiting.frame)
        flow.push(waiting)
        self.frames += 1
        self.size += waiting.size
        if not flow.listed:
            flow.listed = True
            flow.credit = self._quantum
            self._new.append(flow)
        while (self.limit_frames > 0 and self.frames > self.limit_frames) or (0 < self.limit_bytes < self.size):
            self._shed()

    def dequeue(self, now: int) -> Waiting | None:
        while self._new or self._old:
            is_new = len(self._new) > 0
            line = self._new if is_new else self._old
            flow = line[0]
            if flow.credit <= 0:
                flow.credit += self._quantum
                self._old.append(line.popleft())
                continue
            waiting = flow.dequeue(now)
            self._take_over(flow)
            if waiting is not None:
                self._count_out(waiting)
                flow.credit -= waiting.size
                return waiting
            line.popleft()
            flow.listed = is_new
            if is_new:
                self._old.append(flow)
        return None

    def drain(self, now: int) -> list[Waiting]:
        left = [waiting for flow in self._flows.values() for waiting in flow.drain(now)]
        for flow in self._flows.values():
            flow.listed = False
        self._new.clear()
        self._old.clear()
        self.frames = 0
        self.size = 0
        return sorted(left, key=lambda waiting: int(waiting.time))

    def bucket(self, frame: bytes) -> int:
        """Which of the queues a frame goes to."""
        # The salt goes in between: two keys with different checksums share a queue under one salt and not another.
        mixed = ((zlib.crc32(flow_key(frame)) ^ self._salt) * _KNUTH) & 0xFFFFFFFF
        return mixed * self.parameters.flows >> 32

    def _flow_of(self, frame: bytes) -> Flow:
        number = self.bucket(frame)
        flow = self._flows.get(number)
        if flow is None:
            parameters = self.parameters
            flow = self._flows[number] = Flow(parameters.target, parameters.interval, parameters.ecn)
        return flow

    def _shed(self) -> None:
        """Drop from the head of the flow with the most bytes, and let its CoDel know (RFC 8290 4.1)."""
        fattest: Flow | None = None
        for line in (self._new, self._old):
            for flow in line:
                if fattest is None or flow.size > fattest.size:
                    fattest = flow
        assert fattest is not None
        waiting = fattest.pop()
        assert waiting is not None
        fattest.count += 1
        self._count_out(waiting)
        self.drop(waiting, QUEUE_FULL)

    def _take_over(self, flow: Flow) -> None:
        """What a flow's CoDel has dropped and marked."""
        for waiting in flow.dropped:
            self._count_out(waiting)
        self.dropped += flow.dropped
        flow.dropped.clear()
        self.marked += flow.marked
        flow.marked = 0

    def _count_out(self, waiting: Waiting) -> None:
        self.frames -= 1
        self.size -= waiting.size
