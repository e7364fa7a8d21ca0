"""Which connection a packet belongs to: the entry to the table, and the exit from it."""

from __future__ import annotations

from typing import Final

from sim.stack.translation import tcp_states
from sim.stack.translation.conntrack import Connection, ConnectionTable
from sim.stack.translation.firewall import ESTABLISHED, NEW, RELATED
from sim.stack.translation.flows import ICMP, QUERIES, TCP, flow_of, inverse, quoted_flow
from sim.stack.translation.passage import Passage

TABLE_FULL: Final = "connection table full"
CLASH: Final = "another connection has these ports"


class Tracker:
    """Recognises packets by the connections of `table`."""

    def __init__(self, table: ConnectionTable) -> None:
        self.table = table

    def recognise(self, passage: Passage, now: int) -> None:
        """Find out what a packet belongs to; one that begins something gets a connection that is not in the table."""
        flow = passage.flow
        if not flow:
            self._relate(passage, now)
            return
        connection = self.table.find(flow, now)
        if connection is not None and not connection.half:
            passage.connection = connection
            passage.known = True
            passage.from_original = flow == connection.original
            answered = connection.answered or not passage.from_original
            passage.state = ESTABLISHED if answered else NEW
            return
        self.table.expire(now)  # and with it what mappings only they used
        if can_begin(flow, passage.arrived):
            state = tcp_states.first(passage.flags()) if flow[0] == TCP else tcp_states.NONE
            passage.connection = Connection(flow, inverse(flow), state)
            passage.state = NEW

    def confirm(self, passage: Passage, now: int) -> str:
        """A packet goes on its way: its connection is remembered. Why it cannot, if it cannot."""
        connection = passage.connection
        if connection is None or passage.state == RELATED:  # an error keeps nothing alive (RFC 5508 REQ-8)
            return ""
        if passage.known:
            self.table.touch(connection, now, passage.from_original, passage.flags())
            return ""
        if self.table.add(connection, now):
            return ""
        if self.table.on_end is not None:  # it ends before it has begun
            self.table.on_end(connection)
        return TABLE_FULL if self.table.is_full() else CLASH

    def send(self, packet: bytes, now: int) -> None:
        """A packet of the node itself goes out."""
        flow = flow_of(packet)
        if not flow:
            return
        passage_flags = packet[(packet[0] & 0x0F) * 4 + 13] if flow[0] == TCP else 0
        connection = self.table.find(flow, now)
        if connection is not None and not connection.half:
            self.table.touch(connection, now, flow == connection.original, passage_flags)
        elif can_begin(flow, packet) and self.table.find(inverse(flow), now) is None:
            state = tcp_states.first(passage_flags) if flow[0] == TCP else tcp_states.NONE
            self.table.add(Connection(flow, inverse(flow), state), now)

    def as_it_came(self, flow: bytes, now: int) -> bytes:
        """The flow with which a packet came that has left with this one; the same if it was not translated."""
        answer = inverse(flow)
        connection = self.table.find(answer, now)
        if connection is None:
            return flow
        return connection.original if answer == connection.reply else connection.reply

    def _relate(self, passage: Passage, now: int) -> None:
        """An ICMP error is about a packet that has left here, and to which an answer would be known."""
        quoted = quoted_flow(passage.arrived)
        connection = self.table.find(inverse(quoted), now) if quoted else None
        if connection is not None and not connection.half:
            passage.connection = connection
            passage.known = True
            passage.from_original = inverse(quoted) == connection.original
            passage.state = RELATED


def can_begin(flow: bytes, packet: bytes) -> bool:
    """Whether a packet can be the first of a connection: no answer, and nothing that only makes sense in the middle."""
    header = (packet[0] & 0x0F) * 4
    if flow[0] == TCP:
        return tcp_states.first(packet[header + 13]) != tcp_states.NONE
    return flow[0] != ICMP or QUERIES[packet[header]] == packet[header]
