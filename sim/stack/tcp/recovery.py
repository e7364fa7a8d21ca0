"""Recovering from losses: the phases open, disorder, reducing, recovery and loss, and what leads from one to another.

Read RFC 6675 (SACK), RFC 6582 (NewReno), RFC 8985 (RACK-TLP) and RFC 5682 (F-RTO) first. `alert` is called for every
ACK that is out of the ordinary; it decides what to do, `retransmit_lost` does it.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from sim.stack.tcp import losses, reduction
from sim.stack.tcp.block import DISORDER, LOSS, NOTHING, OPEN, RECOVERY, REDUCING, REORDERING, RETRANSMIT, ControlBlock
from sim.stack.tcp.outgoing import probe_with_new_data, push, retransmit
from sim.stack.tcp.timing import rearm, schedule_loss_probe, set_timer

NOTHING_MORE: Final = 0
LOST: Final = 1
NEW: Final = 2

RENEGING_DELAY: Final = 10_000_000  # ns


def alert(tcb: ControlBlock) -> int:
    """An ACK that is not plain progress. What is to be sent next: NOTHING_MORE, LOST segments, or NEW data first."""
    news = tcb.news
    if tcb.sent.size() == 0:
        tcb.sacked_out = 0
    if news.congestion:
        tcb.prior_ssthresh = 0
    if news.reneged:  # a little patience, perhaps the next ACK is better; then all over again
        set_timer(tcb, RETRANSMIT, max(tcb.rtt.srtt >> 1, RENEGING_DELAY))
        news.set_timer = False
        return NOTHING_MORE
    if tcb.phase == OPEN:
        tcb.first_retransmit_at = 0
    elif tcb.snd_una >= tcb.high_seq and _leave(tcb):
        return NOTHING_MORE
    if tcb.phase == RECOVERY:
        if not _go_on(tcb):
            return NOTHING_MORE
    elif tcb.phase == LOSS:
        action = _go_on_after_timeout(tcb)
        losses.detect_losses(tcb)
        if not (tcb.phase == OPEN or news.retransmission_lost):
            return action
        _consider(tcb)
    else:
        _consider(tcb)
    return LOST


def _leave(tcb: ControlBlock) -> bool:
    """All that was out when the phase began is acknowledged. True if nothing else is to be done about this ACK."""
    if tcb.phase == REDUCING:
        # The CWR bit has to reach the peer: wait for something above high_seq.
        if tcb.snd_una > tcb.high_seq:
            reduction.end(tcb)
            tcb.phase = OPEN
    elif tcb.phase == RECOVERY:
        if not tcb.sack_ok:
            tcb.sacked_out = 0
        if reduction.try_undo_recovery(tcb):
            return True
        reduction.end(tcb)
    return False


def _go_on(tcb: ControlBlock) -> bool:
    """In fast recovery; False when it has come to an unexpected end."""
    news = tcb.news
    if not news.advanced:
        if not tcb.sack_ok and news.duplicate:
            losses.add_duplicate(tcb)
    elif reduction.try_undo_partial(tcb):
        return tcb.phase == RECOVERY
    if reduction.try_undo_by_dsack(tcb):
        _try_to_open(tcb)
        return False
    losses.detect_losses(tcb)
    return True


def _consider(tcb: ControlBlock) -> None:
    """Open, disorder or reducing: is something lost?"""
    news = tcb.news
    if not tcb.sack_ok:
        if news.advanced:
            tcb.sacked_out = 0
        if news.duplicate:
            losses.add_duplicate(tcb)
    if tcb.phase <= DISORDER:
        reduction.try_undo_by_dsack(tcb)
    losses.detect_losses(tcb)
    if tcb.lost_out == 0:
        _try_to_open(tcb)
    else:
        enter_recovery(tcb)


def _try_to_open(tcb: ControlBlock) -> None:
    if tcb.retransmitted_out == 0:
        tcb.first_retransmit_at = 0
    if tcb.news.congestion:
        reduction.enter_reducing(tcb)
    if tcb.phase != REDUCING:
        reduction.keep_open(tcb)


def enter_recovery(tcb: ControlBlock) -> None:
    """Fast recovery (RFC 6675 5 step 4)."""
    tcb.prior_ssthresh = 0
    reduction.remember(tcb)
    if tcb.phase < REDUCING:
        if not tcb.news.congestion:
            reduction.remember_threshold(tcb)
        reduction.begin(tcb)
    tcb.high_seq = tcb.snd_nxt
    tcb.phase = RECOVERY


def _go_on_after_timeout(tcb: ControlBlock) -> int:
    """After a timeout: was it spurious (F-RTO, RFC 5682 3.1)? Is the loss repaired?"""
    news = tcb.news
    recovered = tcb.snd_una >= tcb.high_seq
    if news.advanced and reduction.try_undo_loss(tcb, False):
        return LOST
    if news.duplicate and not tcb.sack_ok:
        tcb.frto = False  # RFC 5682 2.1 steps 2a and 3a
    if tcb.frto:
        if news.original_arrived and reduction.try_undo_loss(tcb, True):  # step 3b
            return LOST
        if tcb.snd_nxt > tcb.high_seq:
            if news.sacked or news.duplicate:
                tcb.frto = False  # step 3a: the loss was real
        elif news.advanced and not recovered:
            tcb.high_seq = tcb.snd_nxt
            if tcb.unsent.size and tcb.window_end() > tcb.snd_nxt:
                return NEW  # step 2b: new data shows whether the rest is lost
            tcb.frto = False
    if recovered:
        reduction.try_undo_recovery(tcb)
        tcb.control.on_recovered()
        return LOST
    if not tcb.sack_ok:
        if tcb.snd_nxt > tcb.high_seq and news.duplicate:
            losses.add_duplicate(tcb)
        elif news.advanced:
            tcb.sacked_out = 0
    return LOST


def enter_loss(tcb: ControlBlock) -> None:
    """The retransmission timer expired: all is thought lost that may be (RFC 5681 3.1, RFC 6298 5.4)."""
    new_recovery = tcb.phase < RECOVERY
    flow = tcb.flow
    _mark_all(tcb)
    tcb.refresh_flow()
    if tcb.phase <= DISORDER or tcb.high_seq <= tcb.snd_una or (tcb.phase == LOSS and tcb.retransmits == 0):
        reduction.remember_threshold(tcb)
        flow.prior_cwnd = flow.cwnd
        flow.ssthresh = tcb.control.on_loss()
        reduction.remember(tcb)
    if not tcb.control.rate_based:
        flow.cwnd = tcb.in_flight() + 1
    tcb.control.on_timeout()
    tcb.window_checked_at = tcb.core.now
    if tcb.phase <= DISORDER and tcb.sacked_out >= tcb.reordering:
        tcb.reordering = min(tcb.reordering, losses.REORDERING_LIMIT)
    tcb.phase = LOSS
    tcb.high_seq = tcb.snd_nxt
    tcb.probe_high = -1
    if tcb.ecn_ok:
        tcb.send_cwr = True
    tcb.frto = new_recovery or tcb.retransmits > 0


def _mark_all(tcb: ControlBlock) -> None:
    """Mark as lost what is not reported received; with SACK, spare what was sent only just now (RFC 8985 6.3)."""
    first = tcb.sent.first()
    reneged = first is not None and first.sacked
    if reneged:
        tcb.sacked_out = 0
        tcb.reported = []
    elif not tcb.sack_ok:
        tcb.sacked_out = 0
    index = 0
    entry = first
    while entry is not None:
        if reneged:
            entry.sacked = False
        spared = tcb.sack_ok and entry is not first and entry.sent_at + tcb.rack_rtt > tcb.core.now
        if not entry.sacked and not spared:
            losses.mark_lost(tcb, entry)
        index += 1
        entry = tcb.sent.at(index)


def retransmit_lost(tcb: ControlBlock, action: int) -> None:
    """Send again what is lost, as far as the window allows."""
    if action == NOTHING_MORE:
        return
    if action == NEW:
        push(tcb)
        if tcb.snd_nxt > tcb.high_seq:
            return
        tcb.frto = False
    resend_lost(tcb)


def resend_lost(tcb: ControlBlock) -> None:
    """Send again what is lost, and say how one knows: after a timeout all was taken for lost."""
    resend(tcb, "timeout" if tcb.phase == LOSS else "fast retransmit")


def resend(tcb: ControlBlock, why: str) -> None:
    """Send the segments marked lost again, in order, as long as the congestion window has room."""
    if tcb.lost_out == 0:
        return
    index = 0
    entry = tcb.sent.first()
    while entry is not None:
        if entry.lost and not entry.retransmitted and not entry.sacked:
            if tcb.in_flight() >= tcb.flow.cwnd:
                return
            if not retransmit(tcb, entry, index, why):
                return
            if reduction.in_reduction(tcb):
                tcb.prr_out += 1
            if index == 0 and tcb.pending != REORDERING:
                set_timer(tcb, RETRANSMIT, tcb.rtt.timeout)
        index += 1
        entry = tcb.sent.at(index)


# -- timers that concern recovery


def reordering_timeout(tcb: ControlBlock) -> None:
    """RACK's timer: what was in doubt is lost now."""
    before = tcb.in_flight()
    lost_before = tcb.flow.lost
    losses.detect(tcb)
    if tcb.in_flight() != before:
        if tcb.phase != RECOVERY:
            tcb.news.clear()
            enter_recovery(tcb)
            if not tcb.control.rate_based:
                reduction.reduce(tcb, 1, tcb.flow.lost - lost_before)
        resend_lost(tcb)
    if tcb.pending != RETRANSMIT:
        rearm(tcb)


def send_loss_probe(tcb: ControlBlock) -> None:
    """The tail loss probe (RFC 8985 7.3): new data if there is some, else the last segment again."""
    if tcb.probe_high >= 0:
        rearm(tcb)
        return
    tcb.probe_retransmitted = False
    before = tcb.snd_nxt
    waiting = tcb.unsent.size or (tcb.fin_wanted and not tcb.fin_sent)
    if not (waiting and probe_with_new_data(tcb)):
        last = tcb.sent.last()
        if last is None:
            return
        if not last.sacked and not retransmit(tcb, last, tcb.sent.size() - 1, "tail loss probe", True):
            rearm(tcb)
            return
        tcb.probe_retransmitted = True
    tcb.probe_high = tcb.snd_nxt if tcb.snd_nxt > before or tcb.probe_retransmitted else -1
    tcb.pending = NOTHING
    rearm(tcb)


def handle_probe_answer(tcb: ControlBlock, ack: i64) -> None:
    """RFC 8985 7.4: did the tail loss probe repair a loss, which is a sign of congestion?"""
    news = tcb.news
    if ack < tcb.probe_high:
        return
    if not tcb.probe_retransmitted or news.dsack:
        tcb.probe_high = -1
    elif ack > tcb.probe_high:
        tcb.probe_high = -1
        if not tcb.control.rate_based:
            reduction.begin(tcb)
            tcb.phase = REDUCING
            reduction.end(tcb)
        tcb.phase = DISORDER
        reduction.keep_open(tcb)
    elif news.plain and not news.advanced and not news.sacked:
        tcb.probe_high = -1


def set_loss_timer(tcb: ControlBlock) -> None:
    """After an ACK: the tail loss probe, or else the retransmission timer."""
    if not schedule_loss_probe(tcb, True):
        rearm(tcb)
