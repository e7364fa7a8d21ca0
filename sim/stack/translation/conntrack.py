"""Connection tracking: every conversation that goes through, by the flow of either side.

As in Linux a connection has two flows, as they arrive here: the `original` one, of whoever spoke first, and the
`reply`. Untranslated, one is the inverse of the other. Translation is nothing but the difference: a packet of one flow
leaves as the inverse of the other.

No timer runs. A connection has a deadline, and is gone for whoever looks later (RFC 4787 4.3, RFC 5382 5, RFC 5508
3.2). Connections of one kind have one timeout, so the next to end is always the one that was silent longest, and a
full table is cleaned in the time that what has ended takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from sim.stack.translation import tcp_states
from sim.stack.translation.flows import ICMP, TCP, UDP
from sim.stack.translation.mappings import Mapping

SECOND: Final = 1_000_000_000  # ns
DEFAULT_LIMIT: Final = 65536  # net.netfilter.nf_conntrack_max of a machine with enough memory

UDP_KIND: Final = 0
TCP_ESTABLISHED_KIND: Final = 1
TCP_TRANSITORY_KIND: Final = 2
ICMP_KIND: Final = 3
OTHER_KIND: Final = 4


class Timeouts:
    """How long (ns) a connection may be silent. The defaults are the RFCs', and Linux's for other protocols."""

    def __init__(
        self,
        udp: int = 300 * SECOND,  # RFC 4787 REQ-5
        tcp: int = 7440 * SECOND,  # RFC 5382 REQ-5: 2 h 4 min
        tcp_transitory: int = 240 * SECOND,  # RFC 5382 REQ-5: while it opens and closes
        icmp: int = 60 * SECOND,  # RFC 5508 REQ-2
        other: int = 600 * SECOND,  # net.netfilter.nf_conntrack_generic_timeout
    ) -> None:
        self.by_kind: tuple[int, int, int, int, int] = (udp, tcp, tcp_transitory, icmp, other)


class Connection:
    """One conversation. `state` is one of `tcp_states`, `mapping` what chose its outside address, if anything did.

    `answered` says that the other side has been heard. `half` marks one that only says whom an inside host has written
    to: its packets have not got through.
    """

    def __init__(self, original: bytes, reply: bytes, state: int = tcp_states.NONE) -> None:
        self.original = original
        self.reply = reply
        self.state = state
        self.mapping: Mapping | None = None
        self.answered: bool = False
        self.half: bool = False
        self.deadline: i64 = 0
        self.kind: int = -1

    def expected(self, from_original: bool) -> bytes:
        """The flow that a packet of one side has when it leaves: that to which the other side answers."""
        flow = self.reply if from_original else self.original
        return flow[:1] + flow[5:9] + flow[1:5] + flow[11:13] + flow[9:11]


class ConnectionTable:
    """The connections, at most `limit`. `on_end` is told of each one that ends."""

    def __init__(
        self, timeouts: Timeouts, limit: int = DEFAULT_LIMIT, on_end: Callable[[Connection], None] | None = None
    ) -> None:
        self.timeouts = timeouts
        self.limit = limit
        self.on_end = on_end
        self._by_flow: dict[bytes, Connection] = {}
        self._queues: list[dict[Connection, None]] = [{}, {}, {}, {}, {}]  # by kind; the longest silent come first

    def find(self, flow: bytes, now: int) -> Connection | None:
        """The connection that a flow is one side of."""
        connection = self._by_flow.get(flow)
        if connection is not None and connection.deadline <= now:
            self.remove(connection)
            return None
        return connection

    def add(self, connection: Connection, now: int) -> bool:
        """Begin a connection. False when the table is full, or its flows are another's; half ones give way."""
        self.expire(now)
        for flow in (connection.original, connection.reply):
            other = self._by_flow.get(flow)
            if other is not None:
                if not other.half:
                    return False
                self.remove(other)
        if self.is_full():
            return False
        self._by_flow[connection.original] = connection
        self._by_flow[connection.reply] = connection
        self._queue(connection, now)
        return True

    def touch(self, connection: Connection, now: int, from_original: bool, flags: int) -> None:
        """A packet of one side has come by; `flags` are those of a TCP segment."""
        if not from_original:
            connection.answered = True
        if connection.state != tcp_states.NONE:
            state = tcp_states.after(connection.state, flags, from_original, connection.answered)
            if state == tcp_states.SYN_SENT and connection.state != state:
                connection.answered = False
            connection.state = state
        del self._queues[connection.kind][connection]
        self._queue(connection, now)

    def remove(self, connection: Connection) -> None:
        """It has ended."""
        del self._queues[connection.kind][connection]
        self._by_flow.pop(connection.original, None)
        self._by_flow.pop(connection.reply, None)
        if self.on_end is not None:
            self.on_end(connection)

    def expire(self, now: int) -> None:
        """Remove all that have been silent for too long."""
        for queue in self._queues:
            while queue:
                oldest = next(iter(queue))
                if oldest.deadline > now:
                    break
                self.remove(oldest)

    def clear(self) -> None:
        """Forget all, as a power cut does."""
        for queue in self._queues:
            while queue:
                self.remove(next(iter(queue)))

    def is_full(self) -> bool:
        """Whether there is no room for one more."""
        return len(self) >= self.limit

    def connections(self, now: int) -> list[Connection]:
        """All that live at `now`, those of one kind in the order in which they were last heard."""
        self.expire(now)
        return [connection for queue in self._queues for connection in queue]

    def living(self, now: int) -> list[Connection]:
        """The same, for who only looks: what has ended is left where it is."""
        return [connection for queue in self._queues for connection in queue if connection.deadline > now]

    def __len__(self) -> int:
        return sum([len(queue) for queue in self._queues])

    def _queue(self, connection: Connection, now: int) -> None:
        connection.kind = _kind_of(connection)
        connection.deadline = now + self.timeouts.by_kind[connection.kind]
        self._queues[connection.kind][connection] = None


def _kind_of(connection: Connection) -> int:
    protocol = connection.original[0]
    if protocol == TCP:
        return TCP_ESTABLISHED_KIND if connection.state == tcp_states.ESTABLISHED else TCP_TRANSITORY_KIND
    return UDP_KIND if protocol == UDP else ICMP_KIND if protocol == ICMP else OTHER_KIND
