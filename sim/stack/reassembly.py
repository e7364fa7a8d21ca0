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
from sim.tracing import kinds
from sim.wire import ipv4

TIMEOUT: Final = 30_000_000_000  # ns; net.ipv4.ipfrag_time
MAX_DATAGRAMS: Final = 64
MAX_BYTES: Final = 4 << 20  # net.ipv4.ipfrag_high_thresh
MAX_DATAGRAM: Final = 65535 - 20

Key = tuple[bytes, bytes, int, int]


class Partial:
    """A datagram of which some fragments are there, by offset."""

    def __init__(self, alarm: Alarm) -> None:
        self.pieces: dict[int, bytes] = {}
        self.offsets: list[int] = []
        self.first: ipv4.Packet | None = None
        self.length: int = -1
        self.octets: int = 0
        self.alarm = alarm


class Reassembly:
    """The partial datagrams of one stack. `on_timeout` gets the first fragment of one that was never completed."""

    def __init__(self, core: Core, on_timeout: Callable[[ipv4.Packet], None]) -> None:
        self.core = core
        self.partials: dict[Key, Partial] = {}
        self.octets: int = 0
        self._on_timeout = on_timeout

    def receive(self, packet: ipv4.Packet) -> ipv4.Packet | None:
        """Take in a fragment; return the whole datagram when it was the last one missing."""
        key = (packet.source, packet.destination, packet.protocol, packet.identification)
        end = packet.fragment_offset + len(packet.payload)
        if end > MAX_DATAGRAM or (packet.more_fragments and len(packet.payload) % 8) or not packet.payload:
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
        insort(partial.offsets, packet.fragment_offset)
        partial.pieces[packet.fragment_offset] = packet.payload
        partial.octets += len(packet.payload)
        self.octets += len(packet.payload)
        if packet.fragment_offset == 0:
            partial.first = packet
        if not packet.more_fragments:
            partial.length = end
        if partial.octets != partial.length or partial.first is None:
            return None
        self._close(key, partial)
        self.core.note(kinds.REASSEMBLE, (len(partial.pieces), partial.length))
        return self._join(partial, partial.first)

    def clear(self) -> None:
        """Forget everything."""
        for key in list(self.partials):
            self._close(key, self.partials[key])

    def _open(self, key: Key) -> Partial:
        while self.partials and (len(self.partials) >= MAX_DATAGRAMS or self.octets >= MAX_BYTES):
            oldest = next(iter(self.partials))
            self._close(oldest, self.partials[oldest])
            self.core.drop("reassembly memory full")
        partial = self.partials[key] = Partial(Alarm(lambda: self._time_out(key)))
        self.core.set_alarm(partial.alarm, self.core.now + TIMEOUT)
        return partial

    def _close(self, key: Key, partial: Partial) -> None:
        self.core.alarms.cancel(partial.alarm)
        self.octets -= partial.octets
        del self.partials[key]

    def _time_out(self, key: Key) -> None:
        partial = self.partials[key]
        self._close(key, partial)
        self.core.drop("reassembly timeout")
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
