"""One direction of a link: a FIFO queue, a transmitter, and a wire that takes its time.

A frame costs one event. When it is handed over, the time at which the transmitter will be free is known, so its
departure and its arrival are known too, and only the arrival is queued:

    start     = when the transmitter is free
    departure = start + length / bandwidth       (serialisation)
    arrival   = departure + delay                (propagation)

The queue is finite: what is waiting for the transmitter counts, the frame on the wire does not. (In bytes, the rest of
the frame on the wire counts as well.)

Another queue discipline than this one, drop-tail, may choose among the frames that wait, so nothing can be known
beforehand: with a `Queue` a frame gets its number when it leaves, and while frames wait there is a second event, for
when the transmitter is free.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heappush
from typing import Final

from mypy_extensions import i64

from sim.engine.engine import Engine, Target, Timer
from sim.links.queues.discipline import QUEUE_FULL, Discipline, Queue, Waiting
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
    (0: unbounded), `discipline` of the queue (None: drop-tail), of which whoever knows the random streams makes the
    queues (see `Channel.set_queue`).
    """

    def __init__(
        self,
        bandwidth: int = 0,
        delay: int = 0,
        queue_frames: int = 0,
        queue_bytes: int = 0,
        mtu: int = 0,
        discipline: Discipline | None = None,
    ) -> None:
        self.bandwidth = bandwidth
        self.delay = delay
        self.queue_frames = queue_frames
        self.queue_bytes = queue_bytes
        self.mtu = mtu
        self.discipline = discipline


class Channel:
    """One direction of a link: from the port with index `sender`, of the device `node`, to the port `receiver`.

    `queue` is None for drop-tail. `on_queue(time, frames)`, if there is one, is told whenever the number of waiting
    frames changes: in the order of time (ns), but with drop-tail of a frame's leaving only when the next one has to
    wait, or somebody asks `queued()`.
    """

    def __init__(self, engine: Engine, sender: int, node: int, receiver: Target, recorder: Recorder | None) -> None:
        self.engine = engine
        self.receiver = receiver
        self.recorder = recorder
        self.rules: tuple[Rule, ...] = ()
        self.frames: i64 = 0
        self.drops: dict[str, int] | None = None  # by reason, once there is something to count
        self.up: bool = True
        self.queue: Queue | None = None
        self.on_queue: Callable[[int, int], None] | None = None
        self._sender: int = sender
        self._node: int = node
        self._busy_until: i64 = 0
        self._starts: deque[int] | None = None  # made when the first frame has to wait: most links never see one
        self._bandwidth: i64 = 0
        self._delay: i64 = 0
        self._longest: i64 = 0  # bytes of a frame that goes on at once, without a look at what is special
        self._longest_passing: i64 = UNBOUNDED
        self._properties = Properties()
        self._told: int = 0  # the number of waiting frames that `on_queue` knows of
        self._transmitter_free: Timer | None = None

    def configure(self, properties: Properties) -> None:
        """Take on new properties, for the frames that come from now on."""
        self._properties = properties
        self._bandwidth = properties.bandwidth
        self._delay = properties.delay
        self._longest_passing = properties.mtu + FRAME_OVERHEAD if properties.mtu else UNBOUNDED
        if self.queue is not None:
            self._set_limits(self.queue)
        self._look_out()

    def set_queue(self, queue: Queue | None) -> None:
        """Let `queue` hold the frames that wait, None for drop-tail; it takes over those that do already."""
        now = self.engine.now
        before = [] if self.queue is None else self.queue.drain(now)
        self.queue = queue
        self._look_out()
        if queue is not None:
            self._set_limits(queue)
            for waiting in before:
                queue.enqueue(waiting, now)
            self._serve(queue)
            return
        self._rest()
        if self._starts is None:
            self._starts = deque()
        for waiting in before:
            start = max(now, int(self._busy_until))
            if start > now:
                self._starts.append(start)
            self._transmit(waiting, start)
        self._tell(now, self.queued())

    def set_up(self, up: bool) -> None:
        """The carrier came or went. When it goes, what waits and what is on its way is lost."""
        self.up = up
        self._look_out()
        if up:
            return
        self.queued()  # for those that are told what has left until now
        self._busy_until = 0
        self._starts = None
        self._rest()
        for number in self.engine.withdraw(self.receiver):
            self._count_drop("link down")
            if self.recorder is not None:
                self.recorder.sever(self.engine.now, number, self._node)
        if self.queue is not None:
            for waiting in self.queue.drain(self.engine.now):
                self._refuse(waiting.frame, "link down", waiting.cause)
        self._tell(self.engine.now, 0)

    def send(self, frame: bytes) -> None:
        """Put a frame on the wire, behind those that wait already."""
        engine = self.engine
        size: i64 = len(frame)
        if size > self._longest:
            self._take_detour(frame, size)
            return
        start: i64 = engine.now
        if self._busy_until > start:
            if not self._admit(size):
                self._refuse(frame, QUEUE_FULL, engine.cause)
                return
            start = self._busy_until
        departure: i64 = start
        if self._bandwidth:
            departure += size * NS_PER_BYTE_AT_1_BPS // self._bandwidth
            self._busy_until = departure
        self.frames += 1
        if self.rules:
            self._judge(frame, start, departure, engine.cause)
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
        behind: int = 0 if self.queue is None else self.queue.frames
        if starts is None:
            return behind
        now = self.engine.now
        while starts and starts[0] <= now:
            left = starts.popleft()
            if self.on_queue is not None:
                self._tell(left, len(starts) + behind)
        return len(starts) + behind

    def backlog(self) -> int:
        """How many bytes are still to leave, the rest of the frame on the wire included."""
        left = self._busy_until - self.engine.now
        behind: int = 0 if self.queue is None else self.queue.size
        return (left * self._bandwidth // NS_PER_BYTE_AT_1_BPS if left > 0 else 0) + behind

    def _count_drop(self, reason: str) -> None:
        if self.drops is None:
            self.drops = {}
        self.drops[reason] = self.drops.get(reason, 0) + 1

    def _tell(self, time: int, frames: int) -> None:
        """So many frames wait since `time`."""
        if self.on_queue is not None and frames != self._told:
            self._told = frames
            self.on_queue(time, frames)

    def _set_limits(self, queue: Queue) -> None:
        queue.limit_frames = self._properties.queue_frames
        queue.limit_bytes = self._properties.queue_bytes
        queue.bandwidth = self._properties.bandwidth

    def _look_out(self) -> None:
        """Keep the one comparison that every frame pays for in step with all that may be special."""
        self._longest = self._longest_passing if self.up and self.queue is None else -1

    def _admit(self, size: int) -> bool:
        """Whether drop-tail has room for `size` bytes more; counts the frame in when it has."""
        starts = self._starts
        if starts is None:
            starts = self._starts = deque()
        if self.on_queue is not None:
            self.queued()
        now = self.engine.now
        while starts and starts[0] <= now:
            starts.popleft()
        properties = self._properties
        if properties.queue_frames and len(starts) >= properties.queue_frames:
            return False
        if properties.queue_bytes and self.backlog() + size > properties.queue_bytes:
            return False
        starts.append(self._busy_until)
        if self.on_queue is not None:
            self._tell(now, len(starts))
        return True

    def _take_detour(self, frame: bytes, size: int) -> None:
        """A frame that does not go on at once: it cannot pass, or there is a queue that chooses."""
        engine = self.engine
        queue = self.queue
        if not self.up:
            self._refuse(frame, "link down", engine.cause)
        elif queue is None or size > self._longest_passing:
            self._refuse(frame, "exceeds link MTU", engine.cause)
        else:
            now = engine.now
            if queue.frames and self._busy_until <= now:
                self._serve(queue)  # its event is due at this very instant: what waits goes first
            queue.enqueue(Waiting(frame, now, engine.cause), now)
            self._serve(queue)

    def _serve(self, queue: Queue) -> None:
        """Send what can be sent now, and come back for the rest."""
        now = self.engine.now
        self._bury(queue)
        while queue.frames:
            if self._busy_until > now:
                self._serve_at(self._busy_until)
                break
            waiting = queue.dequeue(now)
            self._bury(queue)
            if waiting is not None:
                self._transmit(waiting, now)
            elif queue.frames:
                again = queue.ready(now)
                if again <= now:
                    raise ValueError("a queue gives none of its frames and does not say when it will")
                self._serve_at(again)
                break
        if self.on_queue is not None:
            self._tell(now, self.queued())

    def _serve_at(self, time: int) -> None:
        if self._transmitter_free is None:
            self._transmitter_free = self.engine.timer(self._go_on)
        self._transmitter_free.set(time)

    def _rest(self) -> None:
        if self._transmitter_free is not None:
            self._transmitter_free.cancel()

    def _go_on(self) -> None:
        if self.queue is not None:
            self._serve(self.queue)

    def _bury(self, queue: Queue) -> None:
        """Take note of what the queue has dropped."""
        if queue.dropped:
            for waiting in queue.dropped:
                self._refuse(waiting.frame, waiting.reason, waiting.cause)
            queue.dropped.clear()

    def _transmit(self, waiting: Waiting, start: int) -> None:
        """A frame from the queue leaves at `start`, because of what caused it when it was handed over."""
        departure = start
        if self._bandwidth:
            departure += int(waiting.size) * NS_PER_BYTE_AT_1_BPS // self._bandwidth
            self._busy_until = departure
        self.frames += 1
        self._judge(waiting.frame, start, departure, waiting.cause, waiting.note)

    def _refuse(self, frame: bytes, reason: str, cause: int) -> None:
        """The frame does not get as far as the wire."""
        number = self.engine.number()
        if self.recorder is not None:
            now = self.engine.now
            self.recorder.transmission(number, now, NOT_SENT, self._sender, cause, frame)
            self.recorder.lose(now, number, self._node, reason)
        self._count_drop(reason)

    def _judge(self, frame: bytes, start: int, departure: int, cause: int, note: str = "") -> None:
        """Ask the rules what becomes of a frame, and do it; `note` tells what the queue has done to it."""
        after = 0
        copies = 1
        delivered = frame
        changes: list[str] = [note] if note else []
        for rule in self.rules:
            verdict = rule(delivered, departure)
            if isinstance(verdict, Drop):
                self._lose(frame, start, departure + self._delay + after, cause, verdict.reason)
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
                self.recorder.transmission(number, start, arrival, self._sender, cause, frame)
                if copy:
                    self.recorder.copies.add(number)
                if delivered != frame:
                    self.recorder.altered[number] = delivered
                for change in changes:
                    self.recorder.note(self.engine.now, number, self._node, kinds.ALTERED, change)

    def _lose(self, frame: bytes, start: int, arrival: int, cause: int, reason: str) -> None:
        """The frame leaves and does not arrive."""
        number = self.engine.number()
        if self.recorder is not None:
            self.recorder.transmission(number, start, arrival, self._sender, cause, frame)
            self.recorder.lose(self.engine.now, number, self._node, reason)
        self._count_drop(reason)
