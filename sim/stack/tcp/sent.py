"""What was sent and is not yet acknowledged: the retransmission queue, in the order of sequence numbers and of time."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from sim.wire.tcp import FIN, PSH

COMPACT_AT: Final = 256


class Sent:
    """One segment on its way: `payload` and `flags` from sequence number `seq` to `end`, last sent at `sent_at` (ns).

    `sacked`: the peer has it. `lost`: it is thought lost. `retransmitted`: a copy is on its way; `repeated`: there was
    one, now or earlier. The rest is what the delivery rate is computed from.
    """

    __slots__ = (
        "app_limited",
        "delivered",
        "delivered_at",
        "end",
        "first_sent_at",
        "flags",
        "in_flight",
        "linked",
        "lost",
        "newer",
        "older",
        "payload",
        "repeated",
        "retransmitted",
        "sacked",
        "sent_at",
        "seq",
    )

    def __init__(self, seq: i64, end: i64, flags: int, payload: bytes, sent_at: i64) -> None:
        self.seq: i64 = seq
        self.end: i64 = end
        self.flags: int = flags
        self.payload = payload
        self.sent_at: i64 = sent_at
        self.sacked: bool = False
        self.lost: bool = False
        self.retransmitted: bool = False
        self.repeated: bool = False
        self.delivered: i64 = 0
        self.delivered_at: i64 = 0
        self.first_sent_at: i64 = 0
        self.in_flight: i64 = 0
        self.app_limited: bool = False
        self.linked: bool = False
        self.older: Sent | None = None
        self.newer: Sent | None = None


class SentQueue:
    """The segments on their way. `oldest` begins the list by time of sending: `entry.newer` leads on through it.

    What the peer has, or what is thought lost and waits to be sent again, is not in the list by time.
    """

    def __init__(self) -> None:
        self.oldest: Sent | None = None
        self.newest: Sent | None = None
        self._entries: list[Sent] = []
        self._head: int = 0

    def __len__(self) -> int:
        return len(self._entries) - self._head

    def size(self) -> int:
        """How many segments there are."""
        return len(self._entries) - self._head

    def first(self) -> Sent | None:
        """The segment with the lowest sequence number."""
        return self._entries[self._head] if self._head < len(self._entries) else None

    def last(self) -> Sent | None:
        """The segment with the highest sequence number."""
        return self._entries[-1] if self._head < len(self._entries) else None

    def append(self, entry: Sent) -> None:
        """A new segment was sent."""
        self._entries.append(entry)
        self.link(entry)

    def pop_first(self) -> None:
        """The first segment is acknowledged."""
        self.unlink(self._entries[self._head])
        self._head += 1
        if self._head == len(self._entries):
            self._entries.clear()
            self._head = 0
        elif self._head >= COMPACT_AT and self._head * 2 > len(self._entries):
            del self._entries[: self._head]
            self._head = 0

    def at(self, index: int) -> Sent | None:
        """The segment number `index`, from 0; None behind the last."""
        index += self._head
        return self._entries[index] if index < len(self._entries) else None

    def index_of(self, seq: i64) -> int:
        """The number of the first segment that ends behind `seq`."""
        entries = self._entries
        low, high = self._head, len(entries)
        while low < high:
            middle = (low + high) >> 1
            if entries[middle].end <= seq:
                low = middle + 1
            else:
                high = middle
        return low - self._head

    def split(self, index: int, length: int) -> Sent:
        """Cut segment number `index` behind `length` bytes, because the MSS became smaller; return the second part."""
        entry = self._entries[self._head + index]
        rest = Sent(entry.seq + length, entry.end, entry.flags, entry.payload[length:], entry.sent_at)
        rest.lost, rest.sacked, rest.repeated = entry.lost, entry.sacked, entry.repeated
        rest.delivered, rest.delivered_at, rest.first_sent_at = entry.delivered, entry.delivered_at, entry.first_sent_at
        entry.end = rest.seq
        entry.payload = entry.payload[:length]
        entry.flags &= ~(FIN | PSH)
        self._entries.insert(self._head + index + 1, rest)
        if entry.linked:
            self._link_behind(entry, rest)
        return rest

    def _link_behind(self, entry: Sent, rest: Sent) -> None:
        """Two parts of one segment were sent at one time."""
        rest.older, rest.newer = entry, entry.newer
        if entry.newer is None:
            self.newest = rest
        else:
            entry.newer.older = rest
        entry.newer = rest
        rest.linked = True

    def join(self, index: int) -> Sent:
        """Take out the segment behind number `index`, whose data that one has taken over; return it."""
        entry = self._entries.pop(self._head + index + 1)
        self.unlink(entry)
        return entry

    def clear(self) -> None:
        """Forget all."""
        while self.first() is not None:
            self.pop_first()

    def link(self, entry: Sent) -> None:
        """It was sent just now: it is the newest."""
        if entry.linked:
            self.unlink(entry)
        entry.older = self.newest
        entry.newer = None
        if self.newest is None:
            self.oldest = entry
        else:
            self.newest.newer = entry
        self.newest = entry
        entry.linked = True

    def unlink(self, entry: Sent) -> None:
        """It is no longer to be waited for."""
        if not entry.linked:
            return
        older, newer = entry.older, entry.newer
        if older is None:
            self.oldest = newer
        else:
            older.newer = newer
        if newer is None:
            self.newest = older
        else:
            newer.older = older
        entry.older = entry.newer = None
        entry.linked = False
