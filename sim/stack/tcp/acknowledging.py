"""When to acknowledge: at once, with the next data, or after a while (RFC 9293 3.8.6.3, RFC 5681 4.2; Linux's choices).

A connection begins in quick-ACK mode, for the peer's slow start. Then every second full segment is acknowledged, a
lone one after the delayed-ACK time, at once what is out of order or fills a gap. Once the program has answered what
it got, the conversation counts as interactive, and ACKs wait for the next answer to take them along.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from sim.stack.alarms import NEVER
from sim.stack.tcp import window
from sim.stack.tcp.block import MINIMUM_ATO, ControlBlock
from sim.stack.tcp.losses import REORDERING_LIMIT
from sim.stack.tcp.outgoing import send_ack

MOST_QUICK_ACKS: Final = 16
LONGEST_ATO: Final = 500_000_000  # ns; RFC 9293 3.8.6.3: less than 0.5 s
INTERACTIVE_ATO: Final = 200_000_000  # ns; Linux's TCP_DELACK_MAX
MOST_COMPRESSED: Final = 44
LONGEST_COMPRESSION: Final = 1_000_000  # ns
SMALLEST_FULL: Final = 536 + 20  # bytes; what counts as a full segment of a small MSS


def be_quick(tcb: ControlBlock) -> None:
    """Acknowledge the next segments at once, also in an interactive conversation."""
    _allow_quick(tcb)
    tcb.interactive = False
    tcb.ato = MINIMUM_ATO


def _allow_quick(tcb: ControlBlock) -> None:
    """As many ACKs as the window has room for pairs of segments, but not too many."""
    more: int = tcb.rcv_wnd // (2 * max(tcb.received_mss, 1))
    tcb.quick_acks = max(tcb.quick_acks, min(more or 2, MOST_QUICK_ACKS))


def note_data(tcb: ControlBlock, length: int) -> None:
    """In-order data came: learn the peer's segment size and its pace."""
    now = tcb.core.now
    tcb.ack_wanted = True
    measure_segment(tcb, length)
    if tcb.ato == 0:
        _allow_quick(tcb)
        tcb.ato = MINIMUM_ATO
    else:
        pause = now - tcb.last_data_at
        if pause <= MINIMUM_ATO // 2:
            tcb.ato = (tcb.ato >> 1) + MINIMUM_ATO // 2
        elif pause < tcb.ato:
            tcb.ato = min((tcb.ato >> 1) + pause, tcb.rtt.timeout)
        elif pause > tcb.rtt.timeout:
            _allow_quick(tcb)  # the peer begins a slow start again
    tcb.last_data_at = now


def measure_segment(tcb: ControlBlock, length: int) -> None:
    """What arrives shows what the peer's full segments are."""
    if length >= tcb.received_mss:
        if length != tcb.received_mss:
            window.learn_share(tcb, length)
        tcb.received_mss = min(length, tcb.advertised_mss)
    elif tcb.pushed < 2:
        tcb.pushed += 1  # shorter than the peer can: the end of what it had to say


def is_quick(tcb: ControlBlock) -> bool:
    """Whether ACKs are not to be delayed."""
    return tcb.quick_acks > 0 and not tcb.interactive


def check(tcb: ControlBlock) -> None:
    """After a segment and what it made the program send: is an ACK still to be sent, and when?"""
    if not tcb.ack_wanted and not tcb.ack_now:
        return
    unacknowledged = tcb.rcv_nxt - tcb.rcv_wup
    full = unacknowledged > tcb.received_mss and (
        tcb.rcv_nxt == tcb.read_up_to or window.would_open_to(tcb) >= tcb.rcv_wnd
    )
    if full or tcb.ack_now or is_quick(tcb):
        send_ack(tcb)
    elif tcb.inbox.sacks:
        _report_gap(tcb)
    else:
        delay(tcb)


def _report_gap(tcb: ControlBlock) -> None:
    """Something is missing: three duplicate ACKs at once, for fast retransmit (RFC 5681 3.2), and from then on one for
    all that comes within a twentieth of a round trip, a millisecond at most (Linux's tcp_comp_sack).
    """
    if not tcb.sack_ok or tcb.compressed >= MOST_COMPRESSED:
        send_ack(tcb)
        return
    if tcb.gap_at != tcb.rcv_nxt:
        tcb.gap_at = tcb.rcv_nxt
        tcb.gap_acks = 0
    if tcb.gap_acks < REORDERING_LIMIT:
        tcb.gap_acks += 1
        send_ack(tcb)
        return
    tcb.compressed += 1
    round_trip = tcb.rcv_rtt
    if tcb.rtt.srtt:
        round_trip = min(round_trip, tcb.rtt.srtt)
    if round_trip == 0:
        send_ack(tcb)
    elif tcb.compressed_ack.deadline == NEVER:
        core = tcb.core
        core.set_alarm(tcb.compressed_ack, core.now + min(round_trip // 20, LONGEST_COMPRESSION))


def end_compression(tcb: ControlBlock) -> None:
    """The time for which SACKs were put together is over."""
    if tcb.compressed:
        send_ack(tcb)


def delay(tcb: ControlBlock) -> None:
    """Set the delayed-ACK timer, unless it will go off before anyway."""
    ato = tcb.ato
    if ato == 0:  # nothing is known of the peer's pace: no data has come yet
        send_ack(tcb)
        return
    if ato > MINIMUM_ATO:
        longest: i64 = LONGEST_ATO
        if tcb.interactive or tcb.pushed:
            longest = INTERACTIVE_ATO
        if tcb.rtt.srtt:
            longest = min(longest, max(tcb.rtt.srtt, MINIMUM_ATO))
        ato = min(ato, longest)
    core = tcb.core
    time = core.now + max(ato, MINIMUM_ATO)
    if tcb.delayed_ack.deadline > time:
        core.set_alarm(tcb.delayed_ack, time)


def timeout(tcb: ControlBlock) -> None:
    """The delayed-ACK timer went off."""
    if not tcb.ack_wanted:
        return
    if tcb.interactive:
        tcb.interactive = False
        tcb.ato = MINIMUM_ATO
    else:
        tcb.ato = min(tcb.ato * 2, tcb.rtt.timeout)
    send_ack(tcb)


def after_reading(tcb: ControlBlock, copied: int) -> None:
    """The program has read: it may be time for an ACK, or for news of a window that opened (RFC 9293 3.8.6.2.2)."""
    due = False
    if tcb.ack_wanted:
        emptied = not tcb.inbox.ready.size and (tcb.pushed == 2 or (tcb.pushed == 1 and not tcb.interactive))
        due = tcb.rcv_nxt - tcb.rcv_wup > tcb.received_mss or (copied > 0 and emptied)
    if copied > 0 and not due and not tcb.fin_received:
        now = tcb.receive_window()
        if 2 * now <= tcb.window_clamp:
            opened = window.would_open_to(tcb)
            due = opened > 0 and opened >= 2 * now
    if due:
        send_ack(tcb)
