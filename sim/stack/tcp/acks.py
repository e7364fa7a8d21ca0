"""What the acknowledgment field, the window and the SACK blocks of a segment do (RFC 9293 3.10.7.4, RFC 2018, 6675)."""

from __future__ import annotations

from mypy_extensions import i64

from sim.stack.tcp import losses, rate, recovery, reduction
from sim.stack.tcp.block import LOSS, OPEN, WINDOW_PROBE, ControlBlock
from sim.stack.tcp.options import Options
from sim.stack.tcp.outgoing import is_window_limited, sync_mss
from sim.stack.tcp.sent import Sent
from sim.stack.tcp.sequence import unwrap
from sim.stack.tcp.timing import clear_timer, probe_interval, set_timer
from sim.wire import tcp

Block = tuple[int, int]


def receive_ack(tcb: ControlBlock, segment: tcp.Segment, seq: i64, ack: i64, options: Options) -> bool:
    """Handle the acknowledgment of an acceptable segment; whether it acknowledges something or repeats snd_una."""
    news = tcb.news
    news.clear()
    flow = tcb.flow
    prior = tcb.snd_una
    before = flow.delivered
    lost_before = flow.lost
    prior_highest = tcb.highest_sacked if tcb.sacked_out else prior
    rate.begin(tcb)
    tcb.reported = tcb.reported if options.sacks else []
    if ack < prior:
        _read_sacks(tcb, options.sacks, prior, ack)
        if tcb.sent.size() and (news.sacked or news.dsack):
            recovery.retransmit_lost(tcb, recovery.alert(tcb))
        return False
    out_before = tcb.sent.size()
    news.advanced = ack > prior
    window_news = _update_window(tcb, segment, seq, ack)
    tcb.snd_una = ack
    tcb.soft_error = 0
    tcb.probes_out = 0
    tcb.last_heard_at = tcb.core.now
    if news.advanced:
        tcb.retransmits = 0
        tcb.stalled_at = 0
        tcb.bytes_acked += ack - prior
    if options.sacks and tcb.sack_ok:
        _read_sacks(tcb, options.sacks, prior, ack)
    if tcb.ecn_ok and segment.flags & tcp.ECE and not segment.flags & tcp.SYN:
        news.congestion = True
        tcb.delivered_ce += 1
    if out_before == 0:
        _answer_probe(tcb)
        return True
    _clean(tcb, ack, prior_highest)
    losses.adapt_reordering_window(tcb, news.dsack)
    if tcb.probe_high >= 0:
        news.plain = not segment.payload and not window_news
        recovery.handle_probe_answer(tcb, ack)
    unusual = news.sacked or news.congestion or tcb.phase != OPEN
    action = recovery.NOTHING_MORE
    news.duplicate = not (news.advanced or window_news or segment.payload or news.dsack)
    if unusual or news.duplicate or news.dsack:
        action = recovery.alert(tcb)
    if news.set_timer:
        recovery.set_loss_timer(tcb)
    _adjust_window(tcb, flow.delivered - before, flow.lost - lost_before)
    recovery.retransmit_lost(tcb, action)
    return True


def _update_window(tcb: ControlBlock, segment: tcp.Segment, seq: i64, ack: i64) -> bool:
    """Take over the peer's window if the segment is newer than what told us last (RFC 9293 3.10.7.4)."""
    offered: i64 = segment.window
    if not segment.flags & tcp.SYN:
        offered <<= tcb.snd_scale
    newer = ack > tcb.snd_una or seq > tcb.snd_wl1 or (seq == tcb.snd_wl1 and (offered > tcb.snd_wnd or offered == 0))
    if not newer:
        return False
    tcb.snd_wl1 = seq
    tcb.snd_wnd = offered
    if offered > tcb.max_window:
        tcb.max_window = offered
        sync_mss(tcb)
    return True


def _answer_probe(tcb: ControlBlock) -> None:
    """Nothing was on its way: this answers a probe, or opens the window."""
    fin = tcb.fin_wanted and not tcb.fin_sent
    if not tcb.unsent.size and not fin:
        return
    size = min(tcb.unsent.size, tcb.mss)
    if fin and size == tcb.unsent.size:
        size += 1
    if tcb.snd_nxt + size <= tcb.window_end():
        tcb.probe_backoff = 0
        tcb.probing_since = 0
        if tcb.pending == WINDOW_PROBE:
            clear_timer(tcb)
    else:
        set_timer(tcb, WINDOW_PROBE, probe_interval(tcb))


# -- SACK


def _read_sacks(tcb: ControlBlock, sacks: list[Block], prior: i64, ack: i64) -> None:
    """Mark what the peer reports beyond its acknowledgment (RFC 2018 5)."""
    if not sacks:
        return
    news = tcb.news
    news.reordered_at = tcb.snd_nxt
    blocks = [(int(unwrap(left, prior)), int(unwrap(right, prior))) for left, right in sacks]
    if _is_duplicate(blocks, ack):
        news.dsack = True
        _count_dsack(tcb, blocks[0])
    found: list[Block] = []
    for block in blocks:
        left, right = block
        if left >= right or right > tcb.snd_nxt or left <= tcb.snd_una or right <= ack:
            continue  # a lie, or about what is forgotten
        found.append(block)
        start: i64 = left
        for known in tcb.reported:
            if known[0] <= start < known[1]:
                start = min(known[1], right)
        index = tcb.sent.index_of(start)
        entry = tcb.sent.at(index)
        while entry is not None and entry.end <= right:
            if entry.seq >= left and not entry.sacked:
                if not entry.repeated:
                    if news.first_sacked_at < 0:
                        news.first_sacked_at = entry.sent_at
                    news.last_sacked_at = entry.sent_at
                _mark_sacked(tcb, entry)
            index += 1
            entry = tcb.sent.at(index)
    tcb.reported = found
    if tcb.phase != LOSS or tcb.undo_marker >= 0:
        losses.note_reordering(tcb, news.reordered_at)


def _is_duplicate(blocks: list[Block], ack: i64) -> bool:
    """RFC 2883 4: the first block is below the acknowledgment, or within the second."""
    left, right = blocks[0]
    if left < ack:
        return True
    return len(blocks) > 1 and blocks[1][0] <= left and right <= blocks[1][1]


def _count_dsack(tcb: ControlBlock, block: Block) -> None:
    """Something arrived twice: if it was sent again, that was needless."""
    left, right = block
    if right <= left or right > tcb.snd_nxt or left < tcb.snd_una - tcb.max_window - 0x10000:
        return
    tcb.dsack_duplicates += 1
    if tcb.undo_marker >= 0 and tcb.undo_retransmits > 0 and right > tcb.undo_marker:
        segments = max(1, (right - left + tcb.mss - 1) // tcb.mss)
        tcb.undo_retransmits = max(tcb.undo_retransmits - segments, 0)


def _mark_sacked(tcb: ControlBlock, entry: Sent) -> None:
    """The peer has this segment."""
    news = tcb.news
    if entry.retransmitted:
        # One that is not marked lost is believed to be on its way still.
        if entry.lost:
            entry.lost = entry.retransmitted = False
            tcb.lost_out -= 1
            tcb.retransmitted_out -= 1
    else:
        if not entry.repeated:
            if entry.seq < tcb.highest_sacked:
                news.reordered_at = min(news.reordered_at, entry.seq)
            if entry.end <= tcb.high_seq:
                news.original_arrived = True
        if entry.lost:
            entry.lost = False
            tcb.lost_out -= 1
    entry.sacked = True
    news.sacked = True
    tcb.sacked_out += 1
    tcb.flow.delivered += 1
    tcb.highest_sacked = max(tcb.highest_sacked, entry.seq)
    losses.advance(tcb, entry)
    rate.count(tcb, entry)
    tcb.sent.unlink(entry)


# -- the retransmission queue


def _clean(tcb: ControlBlock, ack: i64, prior_highest: i64) -> None:
    """Take what is acknowledged out of the retransmission queue, and measure the round-trip time. What is acknowledged
    though something higher, up to `prior_highest`, had been reported before, was reordered.
    """
    sent = tcb.sent
    news = tcb.news
    acked: i64 = 0
    first_at: i64 = -1
    last_at: i64 = -1
    ambiguous = False
    low = tcb.snd_nxt
    entry = sent.first()
    while entry is not None and entry.end <= ack:
        acked += 1
        if entry.repeated:
            ambiguous = True
        elif not entry.sacked:
            first_at = entry.sent_at if first_at < 0 else first_at
            last_at = entry.sent_at
            low = min(low, entry.seq)
            if entry.end <= tcb.high_seq:
                news.original_arrived = True
        _count_off(tcb, entry)
        if not entry.flags & tcp.SYN:
            news.acked = True
        sent.pop_first()
        entry = sent.first()
    if acked or news.sacked:
        _measure(tcb, first_at, last_at, ambiguous)
    if acked == 0:
        # What was sent before the first segment's latest transmission has come: the timer may count from here (RFC
        # 6298 5.3). SACKs of later data must not put it off again and again.
        news.set_timer = entry is not None and -1 < news.first_sacked_at < entry.sent_at
        return
    news.set_timer = True
    news.reneged = entry is not None and entry.sacked
    if tcb.sack_ok and low < prior_highest:
        losses.note_reordering(tcb, low)
    if not tcb.sack_ok:
        losses.remove_duplicates(tcb, acked)
        # Nothing tells which of them were there before the retransmission (RFC 5682 2.1).
        news.original_arrived = news.original_arrived and not ambiguous
    if tcb.probe_high >= 0 and tcb.snd_una > tcb.probe_high and not tcb.probe_retransmitted:
        tcb.probe_high = -1


def _count_off(tcb: ControlBlock, entry: Sent) -> None:
    """A segment leaves the queue: adjust the counts it stands in."""
    if entry.retransmitted:
        tcb.retransmitted_out -= 1
    if entry.lost:
        tcb.lost_out -= 1
    if entry.sacked:
        tcb.sacked_out -= 1
        return
    if tcb.sack_ok:
        tcb.flow.delivered += 1
    losses.advance(tcb, entry)
    rate.count(tcb, entry)


def _measure(tcb: ControlBlock, first_at: i64, last_at: i64, ambiguous: bool) -> None:
    """The round-trip time of this ACK (RFC 6298 3: Karn's algorithm; RFC 7323 4: timestamps where it forbids)."""
    now = tcb.core.now
    sample: i64 = -1
    if first_at >= 0 and not ambiguous:
        sample = now - first_at
        tcb.sample.rtt = now - last_at
    elif tcb.news.first_sacked_at >= 0:
        sample = now - tcb.news.first_sacked_at
        tcb.sample.rtt = now - tcb.news.last_sacked_at
    elif tcb.news.advanced and tcb.timestamps_ok and tcb.ts_echo:
        sample = ((tcb.timestamp() - tcb.ts_echo) & 0x7FFFFFFF) * 1_000_000
        tcb.sample.rtt = sample
    if sample >= 0:
        tcb.rtt.sample(sample, tcb.snd_una, tcb.snd_nxt)
        tcb.rtt.note_minimum(tcb.sample.rtt, now)


def _adjust_window(tcb: ControlBlock, delivered: i64, lost: i64) -> None:
    """Let the congestion window follow what this ACK has told."""
    rate.finish(tcb, delivered, lost)
    tcb.refresh_flow()
    control = tcb.control
    if tcb.sample.rtt:
        control.on_rtt(tcb.sample.rtt)
    if control.rate_based:
        control.on_rate(tcb.sample)
    elif reduction.in_reduction(tcb):
        reduction.reduce(tcb, delivered, lost)
    elif delivered > 0 and _may_grow(tcb) and is_window_limited(tcb):
        control.on_ack(delivered)


def _may_grow(tcb: ControlBlock) -> bool:
    """Only progress opens the window; on a path that reorders, SACKs count as progress too."""
    return tcb.news.acked or (tcb.reordering > losses.REORDERING_LIMIT and tcb.news.sacked)


def is_acceptable(tcb: ControlBlock, ack: i64) -> bool:
    """RFC 5961 5.2: neither older than the largest window or than any that there was, nor of what was never sent."""
    return tcb.snd_una - min(tcb.max_window, tcb.bytes_acked) <= ack <= tcb.snd_nxt
