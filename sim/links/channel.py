"""One direction of a link: a FIFO queue, a transmitter, and a wire that takes its time.

A frame costs one event. When it is handed over, the time at which the transmitter will be free is known, so its
departure and its arrival are known too, and only the arrival is queued:

    start     = when the transmitter is free
    departure = start + length / bandwidth       (serialisation)
    arrival   = departure + delay                (propagation)

The queue is finite: what is waiting for the transmitter counts, the frame on the wire does not.
"""

from __future__ import annotations

from collections import deque
from heapq import heappush
from typing import Final

from mypy_extensions import i64

from sim.engine.engine import Engine, Target
from sim.links.rules import Deliver, Drop, Rule
from sim.tracing import kinds
from sim.tracing.recorder import NOT_SENT, Recorder

NS_PER_BYTE_AT_1_BPS: Final = 8_000_000_000
UNBOUNDED: Final = 1 << 30
FRAME_OVERHEAD: Final = 14 + 8
"""Bytes of an Ethernet frame beyond its payload, two 802.1Q tags included; a link's MTU bounds the payload."""


class Properties:
    """What a link is like, the same in both directions.

    `bandwidth` bit/s (0: infinite), `delay` ns, `queue_frames` and `queue_bytes` (0: unbounded), `mtu` bytes of payload
    (0: unbounded).
    """

    def __init__(
        self, bandwidth: int = 0, delay: int = 0, queue_frames: int = 0, queue_bytes: int = 0, mtu: int = 0
    ) -> None:
        self.bandwidth = bandwidth
        self.delay = delay
        self.queue_frames = queue_frames
        self.queue_bytes = queue_bytes
        self.mtu = mtu


class Channel:
    """One direction of a link: from the port with index `sender`, of the device `node`, to the port `receiver`."""

    def __init__(self, engine: Engine, sender: int, node: int, receiver: Target, recorder: Recorder | None) -> None:
        self.engine = engine
        self.receiver = receiver
        self.recorder = recorder
        self.rules: tuple[Rule, ...] = ()
        self.frames: i64 = 0
        self.drops: dict[str, int] | None = None  # by reason, once there is something to count
        self.up: bool = True
        self._sender: int = sender
        self._node: int = node
        self._busy_until: i64 = 0
        self._starts: deque[int] | None = None  # made when the first frame has to wait: most links never see one
        self._bandwidth: i64 = 0
        self._delay: i64 = 0
        self._bounded: bool = False
        self._longest: i64 = 0
        self._properties = Properties()

    def configure(self, properties: Properties) -> None:
        """Take on new properties, for the frames that come from now on."""
        self._properties = properties
        self._bandwidth = properties.bandwidth
        self._delay = properties.delay
        self._bounded = properties.queue_frames > 0 or properties.queue_bytes > 0
        self.set_up(self.up)

    def set_up(self, up: bool) -> None:
        """The carrier came or went. When it goes, what waits and what is on its way is lost."""
        self.up = up
        mtu = self._properties.mtu
        self._longest = -1 if not up else mtu + FRAME_OVERHEAD if mtu else UNBOUNDED
        if not up:
            self._busy_until = 0
            self._starts = None
            for number in self.engine.withdraw(self.receiver):
                self._count_drop("link down")
                if self.recorder is not None:
                    self.recorder.sever(self.engine.now, number, self._node)

    def send(self, frame: bytes) -> None:
        """Put a frame on the wire, behind those that wait already."""
        engine = self.engine
        size: i64 = len(frame)
        if size > self._longest:
            self._refuse(frame, "exceeds link MTU" if self.up else "link down")
            return
        start: i64 = engine.now
        if self._busy_until > start:
            if self._bounded and self._is_full(size):
                self._refuse(frame, "queue full")
                return
            start = self._busy_until
        departure: i64 = start
        if self._bandwidth:
            departure += size * NS_PER_BYTE_AT_1_BPS // self._bandwidth
            self._busy_until = departure
        self.frames += 1
        if self.rules:
            self._judge(frame, start, departure)
            return
        arrival: i64 = departure + self._delay
        number: i64 = engine.sequence + 1  # what engine.schedule does, without the call
        engine.sequence = number
        heappush(engine.queue, (arrival, number, self.receiver, frame))
        if self.recorder is not None:
            self.recorder.transmission(number, start, arrival, self._sender, engine.cause, frame)

    def queued(self) -> int:
        """How many frames wait for the transmitter."""
        starts = self._starts
        if starts is None:
            return 0
        while starts and starts[0] <= self.engine.now:
            starts.popleft()
        return len(starts)

    def backlog(self) -> int:
        """How many bytes are still to leave, the rest of the frame on the wire included."""
        left = self._busy_until - self.engine.now
        return left * self._bandwidth // NS_PER_BYTE_AT_1_BPS if left > 0 else 0

    def _count_drop(self, reason: str) -> None:
        if self.drops is None:
            self.drops = {}
        self.drops[reason] = self.drops.get(reason, 0) + 1

    def _is_full(self, size: int) -> bool:
        """Whether the queue has no room for `size` bytes more; counts the frame in when it has."""
        properties = self._properties
        if properties.queue_bytes and self.backlog() + size > properties.queue_bytes:
            return True
        if properties.queue_frames:
            if self.queued() >= properties.queue_frames:
                return True
            if self._starts is None:
                self._starts = deque()
            self._starts.append(self._busy_until)
        return False

    def _refuse(self, frame: bytes, reason: str) -> None:
        """The frame does not get as far as the wire."""
        number = self.engine.number()
        if self.recorder is not None:
            now = self.engine.now
            self.recorder.transmission(number, now, NOT_SENT, self._sender, self.engine.cause, frame)
            self.recorder.lose(now, number, self._node, reason)
        self._count_drop(reason)

    def _judge(self, frame: bytes, start: int, departure: int) -> None:
        """Ask the rules what becomes of a frame, and do it."""
        after = 0
        copies = 1
        delivered = frame
        changes: list[str] = []
        for rule in self.rules:
            verdict = rule(delivered, departure)
            if isinstance(verdict, Drop):
                self._lose(frame, start, departure + self._delay + after, verdict.reason)
                return
            if isinstance(verdict, Deliver):
                after += verdict.after
                copies *= verdict.copies
                if verdict.frame is not None:
                    delivered = verdict.frame
                if verdict.why:
                    changes.append(verdict.why)
        arrival = departure + self._delay + after
        for copy in range(copies):
            number = self.engine.schedule(arrival, self.receiver, delivered)
            if self.recorder is not None:
                cause = self.engine.cause
                self.recorder.transmission(number, start, arrival, self._sender, cause, frame)
                if copy:
                    self.recorder.copies.add(number)
                if delivered != frame:
                    self.recorder.altered[number] = delivered
                for change in changes:
                    self.recorder.note(self.engine.now, number, self._node, kinds.ALTERED, change)

    def _lose(self, frame: bytes, start: int, arrival: int, reason: str) -> None:
        """The frame leaves and does not arrive."""
        number = self.engine.number()
        if self.recorder is not None:
            self.recorder.transmission(number, start, arrival, self._sender, self.engine.cause, frame)
            self.recorder.lose(self.engine.now, number, self._node, reason)
        self._count_drop(reason)
