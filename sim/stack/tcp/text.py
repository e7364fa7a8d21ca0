"""What the text of a segment does: data in and out of order, urgent data, FIN (RFC 9293 3.10.7.4, steps 6 to 8)."""

from __future__ import annotations

from mypy_extensions import i64

from sim.stack.tcp import states, window
from sim.stack.tcp.acknowledging import be_quick, measure_segment, note_data
from sim.stack.tcp.block import ControlBlock
from sim.stack.tcp.outgoing import send_ack
from sim.stack.tcp.receive_buffer import memory_of

TAKES_TEXT = (states.ESTABLISHED, states.FIN_WAIT_1, states.FIN_WAIT_2)


def receive_text(tcb: ControlBlock, seq: i64, payload: bytes, fin: bool) -> None:
    """Take in what an acceptable segment carries."""
    end: i64 = seq + len(payload)
    if tcb.state not in TAKES_TEXT:  # after the peer's FIN there is nothing more
        if seq < tcb.rcv_nxt:
            _refuse(tcb, seq, min(end + (1 if fin else 0), tcb.rcv_nxt))
        return
    if seq >= tcb.rcv_nxt + tcb.receive_window() and (payload or seq > tcb.rcv_nxt):  # also a probe of a closed window
        be_quick(tcb)
        tcb.ack_wanted = True
        return
    tcb.data_segments_in += 1
    if seq > tcb.rcv_nxt:
        _keep_for_later(tcb, seq, payload, fin)
        return
    if end + (1 if fin else 0) <= tcb.rcv_nxt and (end > seq or fin):
        _refuse(tcb, seq, end + (1 if fin else 0))
        return
    if seq < tcb.rcv_nxt:
        if tcb.sack_ok:
            tcb.inbox.duplicate = (seq, tcb.rcv_nxt)
        payload = payload[tcb.rcv_nxt - seq :]
    _accept(tcb, payload, fin)
    if tcb.fin_at >= 0 and tcb.fin_at == tcb.rcv_nxt:
        tcb.ack_now = True  # RFC 5681 4.2: a gap was filled
    elif fin:
        tcb.fin_at = end
    if tcb.fin_at == tcb.rcv_nxt:
        _receive_fin(tcb)


def _accept(tcb: ControlBlock, payload: bytes, fin: bool) -> None:
    """The next bytes of the stream, the last ones if `fin`."""
    if not payload:
        return
    length = len(payload)
    inbox = tcb.inbox
    inbox.append(payload)
    tcb.rcv_nxt += length
    tcb.bytes_received += length
    note_data(tcb, length)
    if inbox.pieces and not fin:
        before = tcb.rcv_nxt
        if tcb.sack_ok:
            inbox.note_duplicates(before)
        tcb.rcv_nxt = inbox.advance(tcb.rcv_nxt)
        tcb.bytes_received += tcb.rcv_nxt - before
        tcb.ack_now = True  # RFC 5681 4.2: a gap was filled
    if not tcb.timestamps_ok:
        window.measure_by_window(tcb)
    elif tcb.ts_echo and length >= tcb.received_mss:
        window.measure_round_trip(tcb, ((tcb.timestamp() - tcb.ts_echo) & 0x7FFFFFFF) * 1_000_000, False)
    window.grow_threshold(tcb, length)
    note_urgent_byte(tcb)
    tcb.changed = True


def _keep_for_later(tcb: ControlBlock, seq: i64, payload: bytes, fin: bool) -> None:
    """Something is missing before it: keep it, and say so (RFC 5681 4.2)."""
    tcb.ack_wanted = True
    if tcb.inbox.held() + memory_of(len(payload)) > tcb.receive_buffer:
        return
    if payload:
        measure_segment(tcb, len(payload))
    inbox = tcb.inbox
    end: i64 = seq + len(payload)
    if payload:
        inbox.insert(seq, payload)
    if fin and any(left <= seq and end < right for left, right in inbox.sacks):
        inbox.duplicate = (int(seq), int(end + 1))  # there is something behind this FIN: a lie
        inbox.report(seq, end + 1)
    elif fin:
        tcb.fin_at = end
        inbox.report(seq, end + 1)
    if tcb.sack_ok:
        window.grow_threshold(tcb, len(payload))
    else:  # the window has to stay as it is, else the ACK would be no duplicate (RFC 5681 2)
        inbox.duplicate = None


def _refuse(tcb: ControlBlock, seq: i64, end: i64) -> None:
    """We have it already: the peer should hear that at once (RFC 2883)."""
    if end > seq and tcb.sack_ok:
        tcb.inbox.duplicate = (seq, end)
    be_quick(tcb)
    tcb.ack_wanted = True
    tcb.ack_now = True


def _receive_fin(tcb: ControlBlock) -> None:
    """The peer has no more to say (step 8)."""
    tcb.rcv_nxt += 1
    tcb.fin_received = True
    tcb.ack_wanted = True
    tcb.changed = True
    if tcb.state == states.ESTABLISHED:
        tcb.become(states.CLOSE_WAIT)
        tcb.interactive = True  # the program may well close too: one segment for both
    elif tcb.state == states.FIN_WAIT_1:
        send_ack(tcb)
        tcb.become(states.CLOSING)
    elif tcb.state == states.FIN_WAIT_2:
        send_ack(tcb)
        tcb.become(states.TIME_WAIT)
    tcb.inbox.forget_gaps()


def receive_urgent(tcb: ControlBlock, seq: i64, pointer: int) -> None:
    """The urgent pointer (RFC 9293 3.8.5, RFC 6093): it points behind the urgent byte."""
    if tcb.state not in TAKES_TEXT or pointer == 0:
        return
    at = seq + pointer - 1
    if at >= tcb.rcv_nxt and at > tcb.urgent_at:
        tcb.urgent_at = at
        tcb.urgent_byte = -1
        tcb.changed = True


def note_urgent_byte(tcb: ControlBlock) -> None:
    """Keep the urgent byte where the program can have it out of turn, once it is there."""
    if tcb.urgent_byte == -1 and tcb.read_up_to <= tcb.urgent_at < tcb.rcv_nxt:
        tcb.urgent_byte = tcb.inbox.ready.byte_at(int(tcb.urgent_at - tcb.read_up_to))
