"""Reducing the window in step with what arrives, and undoing a reduction that was for nothing.

Proportional rate reduction (RFC 6937) lets the sender go on, at the pace at which segments leave the network, from the
old window to the new one. If the segments thought lost turn out to have been late only (Eifel, RFC 4015, by
timestamps; RFC 3708 by D-SACKs), the old window is restored.
"""

from __future__ import annotations

from mypy_extensions import i64

from sim.stack.tcp.block import DISORDER, OPEN, RECOVERY, REDUCING, ControlBlock
from sim.stack.tcp.congestion.base import INFINITE
from sim.stack.tcp.losses import clear_losses
from sim.stack.tcp.outgoing import current_threshold
from sim.stack.tcp.sequence import precedes


def begin(tcb: ControlBlock) -> None:
    """A new reduction: to what the congestion control says, for all that is out now."""
    tcb.high_seq = tcb.snd_nxt
    tcb.probe_high = -1
    tcb.prr_delivered = 0
    tcb.prr_out = 0
    tcb.refresh_flow()
    tcb.flow.prior_cwnd = tcb.flow.cwnd
    tcb.flow.ssthresh = tcb.control.on_loss()
    if tcb.ecn_ok:
        tcb.send_cwr = True


def reduce(tcb: ControlBlock, delivered: i64, lost: i64) -> None:
    """RFC 6937 3: `delivered` segments were newly reported, `lost` newly marked; how many may be sent for them?"""
    flow = tcb.flow
    if delivered <= 0 or flow.prior_cwnd == 0:
        return
    out = tcb.in_flight()
    room = flow.ssthresh - out
    tcb.prr_delivered += delivered
    if room < 0:
        count = -(-flow.ssthresh * tcb.prr_delivered // flow.prior_cwnd) - tcb.prr_out
    else:
        count = max(tcb.prr_delivered - tcb.prr_out, delivered)
        if tcb.news.advanced and lost == 0:  # slow start, as long as nothing else is lost
            count += 1
        count = min(room, count)
    flow.cwnd = max(out + max(count, 0 if tcb.prr_out else 1), 1)


def end(tcb: ControlBlock) -> None:
    """The reduction is done: from here the window grows again."""
    flow = tcb.flow
    if not tcb.control.rate_based and flow.ssthresh < INFINITE and (tcb.phase == REDUCING or tcb.undo_marker >= 0):
        flow.cwnd = flow.ssthresh
    tcb.refresh_flow()
    tcb.control.on_recovered()


def enter_reducing(tcb: ControlBlock) -> None:
    """Reduce the window though nothing is lost: ECN says so, or a tail loss probe (Linux's state CWR)."""
    tcb.prior_ssthresh = 0
    if tcb.control.rate_based:  # it models the path itself
        return
    if tcb.phase < REDUCING:
        tcb.undo_marker = -1
        begin(tcb)
        tcb.phase = REDUCING


def keep_open(tcb: ControlBlock) -> None:
    """Neither recovering nor reducing: is there disorder?"""
    disorder = tcb.sacked_out or tcb.lost_out or tcb.retransmitted_out
    phase = DISORDER if disorder else OPEN
    if tcb.phase != phase:
        tcb.phase = phase
        tcb.high_seq = tcb.snd_nxt


# -- undo


def remember(tcb: ControlBlock) -> None:
    """Before a reduction: what would have to be restored."""
    tcb.undo_marker = tcb.snd_una
    tcb.undo_retransmits = tcb.retransmitted_out if tcb.retransmitted_out else -1


def remember_threshold(tcb: ControlBlock) -> None:
    """The slow-start threshold before a reduction."""
    tcb.prior_ssthresh = current_threshold(tcb)


def _was_late(tcb: ControlBlock) -> bool:
    """Whether the ACK answers something sent before the first retransmission (Eifel detection, RFC 3522)."""
    return bool(
        tcb.first_retransmit_at and tcb.timestamps_ok and tcb.ts_echo and precedes(tcb.ts_echo, tcb.first_retransmit_at)
    )


def may_undo(tcb: ControlBlock) -> bool:
    """Whether every retransmission was needless."""
    return tcb.undo_marker >= 0 and (tcb.undo_retransmits == 0 or _was_late(tcb))


def restore(tcb: ControlBlock, unmark: bool) -> None:
    """Undo the reduction."""
    if unmark:
        clear_losses(tcb)
    flow = tcb.flow
    if tcb.prior_ssthresh:
        tcb.refresh_flow()
        flow.cwnd = tcb.control.undo()
        if tcb.prior_ssthresh > flow.ssthresh:
            flow.ssthresh = tcb.prior_ssthresh
            tcb.send_cwr = False
    tcb.window_checked_at = tcb.core.now
    tcb.undo_marker = -1
    tcb.rack_advanced = True


def try_undo_by_dsack(tcb: ControlBlock) -> bool:
    """All that was sent again was reported as received twice."""
    if tcb.undo_marker >= 0 and tcb.undo_retransmits == 0:
        tcb.rack_persist = max(tcb.rack_persist - 1, 0)
        restore(tcb, False)
        return True
    return False


def try_undo_recovery(tcb: ControlBlock) -> bool:
    """Everything of before is acknowledged: was it for nothing? True if the phase has to be held a little longer."""
    if may_undo(tcb):
        restore(tcb, False)
    elif tcb.rack_persist > 0:
        tcb.rack_persist -= 1
    if tcb.snd_una == tcb.high_seq and not tcb.sack_ok:
        # Duplicate ACKs for retransmissions still on their way must not begin another recovery (RFC 6582 3.2 step 3).
        if tcb.retransmitted_out == 0:
            tcb.first_retransmit_at = 0
        return True
    tcb.phase = OPEN
    return False


def try_undo_partial(tcb: ControlBlock) -> bool:
    """The hole was filled by a late original, not by the retransmission."""
    if tcb.undo_marker < 0 or not _was_late(tcb):
        return False
    if tcb.retransmitted_out:
        return True  # wait until what we sent again is out of the way
    tcb.first_retransmit_at = 0
    restore(tcb, True)
    keep_open(tcb)
    return True


def try_undo_loss(tcb: ControlBlock, spurious: bool) -> bool:
    """The timeout was spurious: F-RTO says so (RFC 5682), or timestamps or D-SACKs do."""
    if not spurious and not may_undo(tcb):
        return False
    restore(tcb, True)
    tcb.retransmits = 0
    if spurious or tcb.sack_ok:
        tcb.phase = OPEN  # the timeout stays what it is until a round trip is measured (Karn's algorithm, RFC 6298 5.5)
    return True


def in_reduction(tcb: ControlBlock) -> bool:
    """Whether proportional rate reduction rules the window."""
    return tcb.phase in (REDUCING, RECOVERY)
