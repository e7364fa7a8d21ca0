"""Marking segments as lost: by RACK's clock (RFC 8985), or by NewReno's count when the peer has no SACK (RFC 6582)."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from sim.stack.tcp.block import RECOVERY, REORDERING, ControlBlock
from sim.stack.tcp.sent import Sent
from sim.stack.tcp.timing import TIMER_SLACK, set_timer

MOST_REORDERING: Final = 300  # segments; Linux's tcp_max_reordering
REORDERING_LIMIT: Final = 3  # segments; the DupThresh of RFC 5681
REORDERING_MEMORY: Final = 16  # recoveries that a wider reordering window lasts (RFC 8985 4, TCP_RACK_RECOVERY_THRESH)


def mark_lost(tcb: ControlBlock, entry: Sent) -> None:
    """A segment is thought lost; if it was a retransmission, it may be sent again."""
    if entry.lost:
        if entry.retransmitted:
            entry.retransmitted = False
            tcb.retransmitted_out -= 1
            tcb.flow.lost += 1
    else:
        entry.lost = True
        tcb.lost_out += 1
        tcb.flow.lost += 1
        if entry.retransmitted:
            entry.retransmitted = False
            tcb.retransmitted_out -= 1
    tcb.sent.unlink(entry)


def clear_losses(tcb: ControlBlock) -> None:
    """Nothing is lost after all: what is not reported is waited for again, in the order in which it was sent."""
    waiting: list[Sent] = []
    index = 0
    entry = tcb.sent.at(0)
    while entry is not None:
        entry.lost = False
        if not entry.sacked:
            waiting.append(entry)
        index += 1
        entry = tcb.sent.at(index)
    waiting.sort(key=lambda sent: (sent.sent_at, sent.end))
    for sent in waiting:
        tcb.sent.link(sent)
    tcb.lost_out = 0


# -- RACK


def advance(tcb: ControlBlock, entry: Sent) -> None:
    """A segment has arrived (RFC 8985 6.2 step 2): remember the one that was sent last of all that have."""
    rtt = tcb.core.now - entry.sent_at
    if entry.repeated and tcb.rtt.min_rtt and rtt < tcb.rtt.min_rtt:
        return  # too soon for the retransmission: it was the original that arrived
    tcb.rack_advanced = True
    tcb.rack_rtt = rtt
    if _sent_after(entry.sent_at, entry.end, tcb.rack_sent_at, tcb.rack_end):
        tcb.rack_sent_at = entry.sent_at
        tcb.rack_end = entry.end


def _sent_after(time: i64, end: i64, other_time: i64, other_end: i64) -> bool:
    return time > other_time or (time == other_time and end > other_end)


def reordering_window(tcb: ControlBlock) -> i64:
    """How long (ns) a segment may be overtaken before it counts as lost (RFC 8985 6.2 step 4)."""
    if not tcb.reordering_seen and (tcb.phase >= RECOVERY or tcb.sacked_out >= tcb.reordering):
        return 0
    return min((tcb.rtt.min_rtt >> 2) * tcb.rack_steps, tcb.rtt.srtt)


def adapt_reordering_window(tcb: ControlBlock, dsack: bool) -> None:
    """A D-SACK says that we were too quick: allow more reordering for the next 16 recoveries (RFC 8985 6.2 step 4)."""
    if dsack and tcb.rack_dsack_round < tcb.snd_una:
        tcb.rack_steps = min(tcb.rack_steps + 1, 255)
        tcb.rack_persist = REORDERING_MEMORY
        tcb.rack_dsack_round = tcb.snd_nxt
    elif tcb.rack_persist == 0:
        tcb.rack_steps = 1


def detect(tcb: ControlBlock) -> i64:
    """RFC 8985 6.2 step 5: mark what was sent long enough before something that has arrived. Time (ns) until the next
    segment may be marked, 0 when none is waiting for that.
    """
    patience = tcb.rack_rtt + reordering_window(tcb)
    now = tcb.core.now
    wait: i64 = 0
    entry = tcb.sent.oldest
    while entry is not None and _sent_after(tcb.rack_sent_at, tcb.rack_end, entry.sent_at, entry.end):
        following = entry.newer
        left = entry.sent_at + patience - now
        if left <= 0:
            mark_lost(tcb, entry)
        else:
            wait = max(wait, left)
        entry = following
    return wait


def detect_by_time(tcb: ControlBlock) -> None:
    """Look for losses after something has arrived, and set the timer for those not yet certain."""
    if not tcb.rack_advanced:
        return
    tcb.rack_advanced = False
    wait = detect(tcb)
    if wait:
        set_timer(tcb, REORDERING, min(wait + TIMER_SLACK, tcb.rtt.timeout))
        tcb.news.set_timer = False


# -- without SACK


def add_duplicate(tcb: ControlBlock) -> None:
    """A duplicate ACK: something, we do not know what, has left the network. At least one segment is missing."""
    if tcb.sacked_out < tcb.sent.size() - max(tcb.lost_out, 1):
        tcb.sacked_out += 1
        tcb.flow.delivered += 1


def remove_duplicates(tcb: ControlBlock, acked: i64) -> None:
    """`acked` segments were acknowledged: one filled the hole, the rest had shown as duplicate ACKs."""
    if acked > 0:
        tcb.flow.delivered += max(acked - tcb.sacked_out, 1)
        tcb.sacked_out = max(tcb.sacked_out - (acked - 1), 0)
    tcb.sacked_out = max(min(tcb.sacked_out, tcb.sent.size() - max(tcb.lost_out, 1)), 0)


def detect_by_count(tcb: ControlBlock, advanced: bool) -> None:
    """Three duplicate ACKs, or in recovery a partial ACK, mean that the first segment is lost (RFC 6582 3.2)."""
    enough = tcb.phase < RECOVERY and tcb.sacked_out >= tcb.reordering
    if enough or (tcb.phase == RECOVERY and advanced):
        first = tcb.sent.first()
        if first is not None and not first.lost:
            mark_lost(tcb, first)


def detect_losses(tcb: ControlBlock) -> None:
    """Mark what the latest news show to be lost."""
    before = tcb.retransmitted_out
    if tcb.sack_ok:
        detect_by_time(tcb)
    else:
        detect_by_count(tcb, tcb.news.advanced)
    if tcb.retransmitted_out < before:
        tcb.news.retransmission_lost = True


def note_reordering(tcb: ControlBlock, low: i64) -> None:
    """What begins at `low` arrived after something higher: so far may order be upset (RFC 4653, RFC 8985 6.2)."""
    distance = (tcb.highest_sacked if tcb.sacked_out else tcb.snd_una) - low
    if distance <= 0:
        return
    if distance > tcb.reordering * tcb.mss:
        tcb.reordering = min((distance + tcb.mss - 1) // tcb.mss, MOST_REORDERING)
    tcb.reordering_seen = True
    tcb.reorderings += 1
