"""What must hold of a control block whenever nobody is working on it: after every segment, every call, every alarm."""

from __future__ import annotations

from itertools import pairwise

from sim.stack.alarms import NEVER
from sim.stack.tcp import states
from sim.stack.tcp.block import NOTHING, ControlBlock
from sim.stack.tcp.layer import Tcp
from sim.stack.tcp.receive_buffer import memory_of
from sim.stack.tcp.sent import Sent

MAY_SEND = (states.ESTABLISHED, states.CLOSE_WAIT, states.FIN_WAIT_1, states.CLOSING, states.LAST_ACK)


class Checker:
    """Checks the connections of a stack again and again; the right edge of a window must never move to the left."""

    def __init__(self, layer: Tcp) -> None:
        self._layer = layer
        self._edges: dict[bytes, tuple[int, int]] = {}
        self.checks = 0

    def check(self) -> None:
        """Raises AssertionError for the first thing that is wrong."""
        for key, tcb in self._layer.connections.items():
            self.checks += 1
            check_block(tcb)
            if states.is_synchronised(tcb.state):
                edge = int(tcb.rcv_wup + tcb.rcv_wnd)
                irs, before = self._edges.get(key, (tcb.irs, edge))
                assert irs != tcb.irs or edge >= before, f"the receive window shrank from {before} to {edge}"
                self._edges[key] = (int(tcb.irs), edge)


def check_block(tcb: ControlBlock) -> None:
    """All invariants of one control block."""
    assert tcb.state != states.CLOSED, "a closed connection is still registered"
    _check_numbers(tcb)
    _check_queue(tcb)
    _check_inbox(tcb)
    _check_timers(tcb)


def entries(tcb: ControlBlock) -> list[Sent]:
    """The segments of the retransmission queue."""
    found = [tcb.sent.at(index) for index in range(tcb.sent.size())]
    return [entry for entry in found if entry is not None]


def _check_numbers(tcb: ControlBlock) -> None:
    assert tcb.iss <= tcb.snd_una <= tcb.snd_nxt
    assert tcb.flow.cwnd >= 1
    assert tcb.flow.ssthresh >= 2
    assert tcb.mss >= 1
    assert tcb.send_buffer > 0
    assert tcb.snd_wnd >= 0
    assert tcb.rtt.timeout > 0
    if states.is_synchronised(tcb.state):
        assert tcb.rcv_wup <= tcb.rcv_nxt
        assert tcb.read_up_to <= tcb.rcv_nxt
        assert tcb.read_up_to + tcb.inbox.ready.size + (1 if tcb.fin_received else 0) == tcb.rcv_nxt
        assert 0 <= tcb.rcv_wnd <= 65535 << tcb.rcv_scale
        assert tcb.receive_window() <= tcb.receive_buffer + (1 << tcb.rcv_scale)


def _check_queue(tcb: ControlBlock) -> None:
    queue = entries(tcb)
    at = int(queue[0].seq) if queue else int(tcb.snd_nxt)
    assert at <= tcb.snd_una or tcb.snd_una == at, "the queue begins behind snd_una"
    if queue:
        assert queue[0].end > tcb.snd_una, "the first segment is acknowledged already"
    for entry in queue:
        assert entry.seq == at, "the queue has a gap"
        assert entry.end > entry.seq
        extra = 1 if entry.flags & 0x03 else 0  # SYN or FIN
        assert entry.end - entry.seq == len(entry.payload) + extra
        at = int(entry.end)
        assert not (entry.sacked and entry.lost), "a segment is both reported and lost"
        if tcb.sack_ok and not entry.sacked and (not entry.lost or entry.retransmitted):
            assert entry.linked, "RACK does not know of a segment on its way"
        if entry.retransmitted:
            assert entry.repeated
    assert at == tcb.snd_nxt, "the queue does not reach snd_nxt"
    _check_counts(tcb, queue)
    _check_time_order(tcb)


def _check_counts(tcb: ControlBlock, queue: list[Sent]) -> None:
    assert 0 <= tcb.sacked_out <= len(queue)
    assert tcb.lost_out == sum(entry.lost for entry in queue)
    assert tcb.retransmitted_out == sum(entry.retransmitted for entry in queue)
    if tcb.sack_ok:
        assert tcb.sacked_out == sum(entry.sacked for entry in queue)
    assert tcb.sacked_out + tcb.lost_out <= len(queue)
    assert tcb.in_flight() >= 0


def _check_time_order(tcb: ControlBlock) -> None:
    """The list by time is in order, and holds nothing that has left the queue."""
    present = {id(entry) for entry in entries(tcb)}
    entry = tcb.sent.oldest
    before: int = 0
    while entry is not None:
        assert id(entry) in present
        assert entry.linked
        assert entry.sent_at >= before
        before = int(entry.sent_at)
        entry = entry.newer


def _check_inbox(tcb: ControlBlock) -> None:
    inbox = tcb.inbox
    at = int(tcb.rcv_nxt)
    for piece in inbox.pieces:
        assert piece.seq > at or (piece.seq == at != tcb.rcv_nxt), "pieces out of order, or one that is no gap"
        assert piece.end - piece.seq == len(piece.data) > 0
        at = int(piece.end)
    assert inbox.waiting == sum(memory_of(len(piece.data)) for piece in inbox.pieces)
    for left, right in inbox.sacks:
        assert tcb.rcv_nxt < left < right
    ordered = sorted(inbox.sacks)
    assert all(one[1] < other[0] for one, other in pairwise(ordered)), "SACK blocks touch"
    space = tcb.receive_buffer + tcb.receive_window() + 65535
    assert inbox.ready.size + inbox.waiting <= space, "more is held than the buffer has room for"


def _check_timers(tcb: ControlBlock) -> None:
    """Whoever waits for something has a clock that will wake it."""
    due = tcb.retransmission.deadline
    assert (tcb.pending == NOTHING) == (due == NEVER), "the timer and what it is for disagree"
    if tcb.sent.size():
        assert due != NEVER, "something is on its way and no timer runs"
    waits = tcb.unsent.size or (tcb.fin_wanted and not tcb.fin_sent)
    if waits and not tcb.cork and tcb.state in MAY_SEND:
        assert due != NEVER or tcb.pacing.deadline != NEVER, "data waits and no timer runs"
    if tcb.ack_wanted and states.is_synchronised(tcb.state):
        due = min(tcb.delayed_ack.deadline, tcb.compressed_ack.deadline)
        assert due != NEVER, "an ACK is owed and no timer runs"
    if tcb.state == states.FIN_WAIT_2 and tcb.orphan:
        assert tcb.keeping.deadline != NEVER, "an orphan waits for ever"
