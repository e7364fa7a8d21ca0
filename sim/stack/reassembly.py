"""Putting IPv4 fragments together again (RFC 791 3.2, RFC 815), bounded in time and in memory.

A fragment that overlaps another and is not its exact copy spoils the whole datagram: an overlap has no honest use
(RFC 5722 forbids it for IPv6; Linux treats IPv4 alike).
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable
from typing import Final

from sim.stack.alarms import Alarm
from sim.stack.core import Core
from sim.stack.fragments import header_length
from sim.tracing import kinds
from sim.wire import ipv4

TIMEOUT: Final = 30_000_000_000  # ns; net.ipv4.ipfrag_time
MAX_DATAGRAMS: Final = 64
MAX_BYTES: Final = 4 << 20  # net.ipv4.ipfrag_high_thresh
PIECE_OVERHEAD: Final = 256  # bytes booked for a fragment besides its payload, so that tiny ones count too
MAX_PAYLOAD: Final = ipv4.MAXIMUM_LENGTH - ipv4.HEADER_LENGTH

Key = tuple[bytes, bytes, int, int]


class Partial:
    """A datagram of which some fragments are there, by offset; `cause` is the transmission that brought the first."""

    def __init__(self, deadline: int, cause: int) -> None:
        self.pieces: dict[int, bytes] = {}
        self.offsets: list[int] = []
        self.first: ipv4.Packet | None = None
        self.length: int = -1
        self.octets: int = 0
        self.deadline = deadline
        self.cause = cause

    def memory(self) -> int:
        """Bytes that it holds."""
        return self.octets + len(self.pieces) * PIECE_OVERHEAD


class Reassembly:
    """The partial datagrams of one stack, oldest first. `memory` is the bytes that they hold, `largest` the bytes of
    payload of the largest fragment of the datagram that was put together last.

    `on_timeout` gets the first fragment of one that was never completed.
    """

    def __init__(self, core: Core, on_timeout: Callable[[ipv4.Packet], None]) -> None:
        self.core = core
        self.partials: dict[Key, Partial] = {}
        self.memory: int = 0
        self.largest: int = 0
        self._on_timeout = on_timeout
        self._alarm = Alarm(self._time_out)  # one for all: the oldest is the first to be given up

    def receive(self, packet: ipv4.Packet) -> ipv4.Packet | None:
        """Take in a fragment; return the whole datagram when it was the last one missing."""
        key = (packet.source, packet.destination, packet.protocol, packet.identification)
        end = packet.fragment_offset + len(packet.payload)
        if end > MAX_PAYLOAD or (packet.more_fragments and len(packet.payload) % 8) or not packet.payload:
            self.core.drop("malformed fragment")
            return None
        partial = self.partials.get(key)
        if partial is None:
            partial = self._open(key)
        if partial.pieces.get(packet.fragment_offset) == packet.payload:
            self.core.drop("duplicate fragment")
            return None
        if self._overlaps(partial, packet.fragment_offset, end) or not self._fits(partial, packet, end):
            self._close(key, partial)
            self.core.drop("overlapping fragments")
            return None
        self._add(partial, packet, end)
        if partial.octets != partial.length or partial.first is None:
            self.core.note(kinds.WAIT, "the other fragments")
            self._make_room(partial)
            return None
        self._close(key, partial)
        if header_length(partial.first) + partial.length > ipv4.MAXIMUM_LENGTH:
            self.core.drop("malformed fragment")
            return None
        self.core.note(kinds.REASSEMBLE, (len(partial.pieces), partial.length))
        self.largest = max([len(piece) for piece in partial.pieces.values()])
        return self._join(partial, partial.first)

    def clear(self) -> None:
        """Forget everything."""
        for key in list(self.partials):
            self._close(key, self.partials[key])

    def _open(self, key: Key) -> Partial:
        core = self.core
        partial = self.partials[key] = Partial(core.now + TIMEOUT, core.cause)
        if len(self.partials) == 1:
            core.set_alarm(self._alarm, partial.deadline)
        return partial

    def _add(self, partial: Partial, packet: ipv4.Packet, end: int) -> None:
        insort(partial.offsets, packet.fragment_offset)
        partial.pieces[packet.fragment_offset] = packet.payload
        partial.octets += len(packet.payload)
        self.memory += len(packet.payload) + PIECE_OVERHEAD
        if packet.fragment_offset == 0:
            partial.first = packet
        if not packet.more_fragments:
            partial.length = end

    def _make_room(self, current: Partial) -> None:
        """Give up the oldest datagrams, but not the current one, until what is left is within the bounds."""
        while len(self.partials) > MAX_DATAGRAMS or self.memory > MAX_BYTES:
            oldest = next(iter(self.partials))
            partial = self.partials[oldest]
            if partial is current:
                return
            self._close(oldest, partial)
            self.core.journal.drop(self.core.now, partial.cause, "reassembly memory full")

    def _close(self, key: Key, partial: Partial) -> None:
        self.memory -= partial.memory()
        del self.partials[key]
        if not self.partials:
            self.core.cancel_alarm(self._alarm)

    def _time_out(self) -> None:
        core = self.core
        while self.partials:
            key = next(iter(self.partials))
            partial = self.partials[key]
            if partial.deadline > core.now:
                core.set_alarm(self._alarm, partial.deadline)
                return
            self._close(key, partial)
            core.cause = partial.cause
            core.drop("reassembly timeout")
            if partial.first is not None:  # RFC 792: without the first fragment no error is sent
                self._on_timeout(partial.first)

    def _overlaps(self, partial: Partial, start: int, end: int) -> bool:
        """Whether bytes from `start` to `end` reach into the piece before or the piece behind."""
        offsets = partial.offsets
        index = bisect_right(offsets, start)
        if index > 0 and offsets[index - 1] + len(partial.pieces[offsets[index - 1]]) > start:
            return True
        return index < len(offsets) and offsets[index] < end

    def _fits(self, partial: Partial, packet: ipv4.Packet, end: int) -> bool:
        """Whether the fragment agrees with what is known of the datagram's length."""
        if packet.more_fragments:
            return partial.length < 0 or end < partial.length
        last = partial.offsets[-1] if partial.offsets else 0
        return partial.length in (-1, end) and last < end

    def _join(self, partial: Partial, first: ipv4.Packet) -> ipv4.Packet:
        return ipv4.Packet(
            first.source,
            first.destination,
            first.protocol,
            b"".join([partial.pieces[offset] for offset in partial.offsets]),
            ttl=first.ttl,
            identification=first.identification,
            tos=first.tos,
            options=first.options,
        )
