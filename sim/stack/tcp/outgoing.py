"""What leaves: segments are built here, and what may be sent now is decided (RFC 9293 3.8.6.2, 3.7.4; RFC 5681)."""

from __future__ import annotations

import errno
from typing import Final

from mypy_extensions import i64

from sim.stack.tcp import options, states, window
from sim.stack.tcp.block import (
    DEFAULT_MSS,
    ECN_ASK,
    LOSS_PROBE,
    MINIMUM_ATO,
    OPEN,
    RECOVERY,
    REDUCING,
    SMALLEST_MSS,
    ControlBlock,
)
from sim.stack.tcp.sent import Sent
from sim.stack.tcp.timing import rearm, schedule_loss_probe, schedule_window_probe
from sim.tracing import kinds
from sim.wire import ipv4, tcp

MASK: Final = 0xFFFFFFFF
LARGEST_WINDOW: Final = 65535
HEADERS: Final = 40
"""Bytes of an IPv4 and a TCP header without options."""
ECT_0: Final = 2  # RFC 3168 5: an ECN-capable transport
CAN_SEND: Final = (states.ESTABLISHED, states.CLOSE_WAIT, states.FIN_WAIT_1, states.CLOSING, states.LAST_ACK)


# -- segments


def transmit(tcb: ControlBlock, seq: i64, flags: int, payload: bytes, text: bytes, ecn: int = 0) -> None:
    """Build a segment with the options `text` and send it. What it acknowledges need not be acknowledged again."""
    if flags & tcp.SYN:
        field: int = min(tcb.rcv_wnd, LARGEST_WINDOW)
    else:
        field = window.select(tcb)
    acknowledgment: int = 0
    if flags & tcp.ACK:
        acknowledgment = tcb.rcv_nxt & MASK
        _ack_leaves(tcb)
        if tcb.echo_congestion and not flags & tcp.SYN:
            flags |= tcp.ECE
    tcb.segments_out += 1
    sequence: int = seq & MASK
    urgent = 0
    if tcb.snd_up > seq and not flags & tcp.SYN:
        distance: int = tcb.snd_up - seq
        if distance <= LARGEST_WINDOW:
            flags |= tcp.URG
            urgent = distance
    segment = tcp.Segment(
        tcb.local_port, tcb.remote_port, sequence, acknowledgment, flags, field, urgent, text, payload
    )
    source, destination = tcb.local_address, tcb.remote_address
    packet = ipv4.Packet(
        source,
        destination,
        ipv4.PROTOCOL_TCP,
        tcp.emit(segment, source, destination),
        ttl=tcb.ttl,
        identification=tcb.ip.next_identification(),
        dont_fragment=not tcb.may_fragment,
        tos=tcb.tos | ecn,
    )
    try:
        tcb.ip.send(packet)
    except OSError as error:  # as if it were lost: the timers will see to it
        tcb.soft_error = error.errno or errno.ENETUNREACH


def _ack_leaves(tcb: ControlBlock) -> None:
    """An acknowledgment goes out with what is sent now."""
    if tcb.quick_acks > 0:
        tcb.quick_acks -= 1
        if tcb.quick_acks == 0:
            tcb.ato = MINIMUM_ATO
    if tcb.ack_wanted:
        tcb.ack_wanted = False
        tcb.core.cancel_alarm(tcb.delayed_ack)
    if tcb.compressed:
        tcb.compressed = 0
        tcb.core.cancel_alarm(tcb.compressed_ack)
    tcb.ack_now = False
    tcb.pushed = 0
    tcb.last_ack_sent = tcb.rcv_nxt


def option_text(tcb: ControlBlock) -> bytes:
    """The options of a segment that is no SYN: timestamps, and SACK blocks while there is a gap."""
    text = b""
    if tcb.timestamps_ok:
        text = options.timestamps(tcb.timestamp(), tcb.ts_recent)
    inbox = tcb.inbox
    if tcb.sack_ok and (inbox.sacks or inbox.duplicate is not None):
        blocks = inbox.sacks
        if inbox.duplicate is not None:  # RFC 2883 4: the duplicate comes first, once
            blocks = [inbox.duplicate, *blocks]
            inbox.duplicate = None
        text += options.sack(blocks, len(text))
    return text


def send_ack(tcb: ControlBlock) -> None:
    """Send an acknowledgment and nothing else."""
    if tcb.state != states.CLOSED:
        transmit(tcb, next_sequence(tcb), tcp.ACK, b"", option_text(tcb))


def next_sequence(tcb: ControlBlock) -> i64:
    """The sequence number of a segment without data: one the peer takes even if it shrank its window."""
    end = tcb.window_end()
    slight = tcb.scale_ok and tcb.snd_nxt - end < i64(1) << tcb.rcv_scale  # it may have been rounded down
    return tcb.snd_nxt if tcb.snd_nxt <= end or slight else end


def send_probe(tcb: ControlBlock) -> None:
    """An old sequence number provokes an ACK (RFC 9293 3.8.4): keep-alive and zero-window probe."""
    transmit(tcb, tcb.snd_una - 1, tcp.ACK, b"", option_text(tcb))


def send_reset(tcb: ControlBlock) -> None:
    """Abort: tell the peer that all is over (RFC 9293 3.10.5)."""
    transmit(tcb, next_sequence(tcb), tcp.RST | tcp.ACK, b"", option_text(tcb))


def syn_options(tcb: ControlBlock, mss: int, scale: int) -> bytes:
    """The options of our SYN or SYN,ACK."""
    echo = tcb.ts_recent  # in SYN-SENT 0, or that of a connection before this one (RFC 6191)
    if not tcb.passive:  # also when both open at once: what was offered stays offered
        return options.for_syn(mss, True, True, tcb.timestamp(), echo, tcb.offered_scale)
    return options.for_syn(mss, tcb.sack_ok, tcb.timestamps_ok, tcb.timestamp(), echo, scale)


def syn_flags(tcb: ControlBlock) -> int:
    """The flags of our SYN, with the offer of ECN (RFC 3168 6.1.1) unless it was in vain before."""
    if tcb.state == states.SYN_RECEIVED:
        return tcp.SYN | tcp.ACK | (tcp.ECE if tcb.ecn_ok else 0)
    tcb.ecn_asked = tcb.settings.ecn == ECN_ASK and tcb.retransmits == 0
    return tcp.SYN | (tcp.ECE | tcp.CWR if tcb.ecn_asked else 0)


def send_syn(tcb: ControlBlock) -> None:
    """Send our SYN or SYN,ACK, for the first time or again."""
    entry = tcb.sent.first()
    if entry is None:
        entry = Sent(tcb.iss, tcb.iss + 1, tcp.SYN, b"", tcb.core.now)
        _stamp(tcb, entry)
        tcb.sent.append(entry)
        tcb.snd_nxt = tcb.iss + 1
    else:
        entry.sent_at = tcb.core.now
        entry.repeated = True
    scale: int = tcb.rcv_scale if tcb.scale_ok else -1
    transmit(tcb, tcb.iss, syn_flags(tcb), b"", syn_options(tcb, tcb.offered_mss, scale))


# -- segment size


def sync_mss(tcb: ControlBlock) -> None:
    """Bytes of payload that fit a segment: by the path's MTU, what the peer takes, and half its largest window."""
    mss = min(tcb.path_mtu - HEADERS, tcb.peer_mss)
    if tcb.user_mss:
        mss = min(mss, tcb.user_mss)
    if tcb.timestamps_ok:
        mss -= options.TIMESTAMPS_LENGTH
    largest: int = tcb.max_window
    if largest:
        # A segment larger than half the window would stop and go (Linux's tcp_bound_to_half_wnd).
        mss = min(mss, max(largest >> 1 if largest > DEFAULT_MSS else largest, SMALLEST_MSS))
    tcb.mss = max(mss, SMALLEST_MSS)
    tcb.flow.mss = tcb.mss


def _segment_size(tcb: ControlBlock) -> int:
    """`mss`, less what the SACK blocks take that go with it."""
    if not tcb.inbox.sacks and tcb.inbox.duplicate is None:
        return tcb.mss
    fixed = options.TIMESTAMPS_LENGTH if tcb.timestamps_ok else 0
    return max(tcb.mss - (len(option_length(tcb)) - fixed), SMALLEST_MSS)


def option_length(tcb: ControlBlock) -> bytes:
    """The options as they would be, without using up the D-SACK."""
    duplicate = tcb.inbox.duplicate
    text = option_text(tcb)
    tcb.inbox.duplicate = duplicate
    return text


# -- what may be sent


def push(tcb: ControlBlock) -> None:
    """Send as much as the windows, Nagle's algorithm and the pacing allow; watch over what has to wait."""
    if not tcb.unsent.size and not (tcb.fin_wanted and not tcb.fin_sent):
        return
    if tcb.state in CAN_SEND:
        _send_new(tcb, False)
        schedule_window_probe(tcb)


def probe_with_new_data(tcb: ControlBlock) -> bool:
    """One segment of new data, whatever the congestion window says (RFC 8985 7.3); False if there is none to send."""
    return _send_new(tcb, True)


def _send_new(tcb: ControlBlock, probing: bool) -> bool:
    if tcb.sent.size() == 0:
        _restart_after_idle(tcb)
    size = _segment_size(tcb)
    count = 0
    limited = False
    while tcb.unsent.size or (tcb.fin_wanted and not tcb.fin_sent):
        length = min(tcb.unsent.size, size)
        if tcb.records:
            length = min(length, _until_record_ends(tcb))
        last = length == tcb.unsent.size
        fin = last and tcb.fin_wanted
        if not probing and tcb.in_flight() >= tcb.flow.cwnd:
            limited = True
            break
        if tcb.snd_nxt + length + (1 if fin else 0) > tcb.window_end():
            break
        if not probing and length < size and last and not fin and _holds_back(tcb):
            break
        if tcb.flow.pacing_rate and not _may_depart(tcb):
            limited = True
            break
        _send_one(tcb, length, last, fin, size)
        count += 1
        if probing:
            break
    if count:
        _after_sending(tcb, count, limited, probing)
    elif limited:
        tcb.limited = True
    return count > 0


def _until_record_ends(tcb: ControlBlock) -> int:
    """Bytes to the next end of a record (MSG_EOR): no segment goes beyond it."""
    for end in tcb.records:
        if end > tcb.snd_nxt:
            return end - int(tcb.snd_nxt)
    return tcb.unsent.size


def force_small(tcb: ControlBlock) -> bool:
    """Nothing else helps: fill what the peer's window has left, though it be silly (RFC 9293 3.8.6.2.1)."""
    if tcb.sent.size() == 0:
        _restart_after_idle(tcb)
    room: int = tcb.window_end() - tcb.snd_nxt
    length = min(tcb.unsent.size, _segment_size(tcb), room)
    last = length == tcb.unsent.size
    fin = last and tcb.fin_wanted and length < room
    _send_one(tcb, length, True, fin, tcb.mss)
    _after_sending(tcb, 1, False, True)
    return True


def _holds_back(tcb: ControlBlock) -> bool:
    """Nagle's algorithm in Minshall's variant: one small segment at a time (RFC 9293 3.7.4, RFC 1122 4.2.3.4)."""
    if tcb.cork:
        return True
    if tcb.nodelay or tcb.sent.size() == 0:
        return False
    return tcb.snd_una < tcb.snd_small <= tcb.snd_nxt


def _may_depart(tcb: ControlBlock) -> bool:
    """Whether pacing allows a segment now; if not, the alarm is set for when it will."""
    core = tcb.core
    if tcb.next_departure <= core.now:
        return True
    core.set_alarm(tcb.pacing, tcb.next_departure)
    return False


def _send_one(tcb: ControlBlock, length: int, last: bool, fin: bool, size: int) -> None:
    """Send the next `length` bytes, with the FIN if it is its turn."""
    core = tcb.core
    first = tcb.sent.size() == 0
    seq = tcb.snd_nxt
    payload = tcb.unsent.take(length)
    flags = tcp.ACK
    ended = last and not tcb.amid_write
    if length and (ended or seq + length in tcb.records or seq + length - tcb.pushed_up_to > tcb.max_window >> 1):
        flags |= tcp.PSH  # the end of a write, or so much that the peer's program should have it
        tcb.pushed_up_to = seq + length
    if fin:
        flags |= tcp.FIN
        tcb.fin_sent = True
    entry = Sent(seq, seq + length + (1 if fin else 0), flags, payload, core.now)
    _stamp(tcb, entry)
    if first:
        tcb.refresh_flow()
        tcb.control.on_restart(core.now - tcb.last_sent_at)
    tcb.sent.append(entry)
    tcb.snd_nxt = entry.end
    if length < size:
        tcb.snd_small = tcb.snd_nxt
    if length:
        tcb.data_segments_out += 1
        tcb.bytes_sent += length
    _note_activity(tcb)
    ecn = 0
    if tcb.ecn_ok and length:
        ecn = ECT_0
        if tcb.send_cwr:
            tcb.send_cwr = False
            flags |= tcp.CWR
    transmit(tcb, seq, flags, payload, option_text(tcb), ecn)
    if tcb.flow.pacing_rate:
        octets: i64 = length + HEADERS + options.TIMESTAMPS_LENGTH
        tcb.next_departure = max(tcb.next_departure, core.now) + octets * 1_000_000_000 // tcb.flow.pacing_rate
    if first or tcb.pending == LOSS_PROBE:
        rearm(tcb)


def _note_activity(tcb: ControlBlock) -> None:
    """Data leaves: a conversation that answers at once need not be acknowledged at once."""
    now = tcb.core.now
    tcb.last_sent_at = now
    if now - tcb.last_data_at < tcb.ato:
        tcb.interactive = True


def _stamp(tcb: ControlBlock, entry: Sent) -> None:
    """What the delivery rate will need to know of this transmission."""
    now = tcb.core.now
    if tcb.sent.size() == 0:
        tcb.first_sent_at = now
        tcb.delivered_at = now
    entry.first_sent_at = tcb.first_sent_at
    entry.delivered_at = tcb.delivered_at
    entry.delivered = tcb.flow.delivered
    entry.app_limited = tcb.app_limited_until > 0


def _after_sending(tcb: ControlBlock, count: int, limited: bool, probing: bool) -> None:
    if tcb.phase in (REDUCING, RECOVERY):
        tcb.prr_out += count
    if not probing:
        schedule_loss_probe(tcb, False)
    _validate_window(tcb, limited or tcb.in_flight() >= tcb.flow.cwnd)


def _validate_window(tcb: ControlBlock, limited: bool) -> None:
    """A window that is not used is not proved: it may not grow, and shrinks in time (RFC 7661, RFC 2861)."""
    out: i64 = tcb.sent.size()
    if tcb.snd_una > tcb.most_out_seq or limited or (not tcb.limited and out > tcb.most_out):
        tcb.limited = limited
        tcb.most_out = out
        tcb.most_out_seq = tcb.snd_nxt
    now = tcb.core.now
    if is_window_limited(tcb):
        tcb.used = 0
        tcb.window_checked_at = now
        return
    tcb.used = max(tcb.used, out)
    if now - tcb.window_checked_at >= tcb.rtt.timeout and not tcb.control.rate_based:
        if tcb.phase == OPEN:
            used = max(tcb.used, 10)
            if used < tcb.flow.cwnd:
                tcb.flow.ssthresh = current_threshold(tcb)
                tcb.flow.cwnd = (tcb.flow.cwnd + used) >> 1
            tcb.used = 0
        tcb.window_checked_at = now


def is_window_limited(tcb: ControlBlock) -> bool:
    """Whether the congestion window was what held the sender back, in this round trip."""
    if tcb.limited:
        return True
    return tcb.flow.cwnd < tcb.flow.ssthresh and tcb.flow.cwnd < 2 * tcb.most_out


def current_threshold(tcb: ControlBlock) -> i64:
    """The slow-start threshold to remember: three quarters of a window that was in use count as proved."""
    if tcb.phase in (REDUCING, RECOVERY):
        return tcb.flow.ssthresh
    return max(tcb.flow.ssthresh, (tcb.flow.cwnd >> 1) + (tcb.flow.cwnd >> 2))


def _restart_after_idle(tcb: ControlBlock) -> None:
    """After a pause longer than the RTO the path may have changed: half the window for each RTO of it (RFC 2861)."""
    idle = tcb.core.now - tcb.last_sent_at
    if tcb.last_sent_at == 0 or tcb.control.rate_based or idle <= tcb.rtt.timeout:
        return
    flow = tcb.flow
    restart = min(flow.cwnd, 10)
    flow.ssthresh = current_threshold(tcb)
    left = idle - tcb.rtt.timeout
    while left > 0 and flow.cwnd > restart:
        flow.cwnd >>= 1
        left -= tcb.rtt.timeout
    flow.cwnd = max(flow.cwnd, restart)
    tcb.used = 0
    tcb.window_checked_at = tcb.core.now


# -- again


def retransmit(tcb: ControlBlock, entry: Sent, index: int, why: str, probe: bool = False) -> bool:
    """Send a segment once more; False where the peer's window, which has shrunk, forbids it. A `probe` repairs nothing,
    as far as one knows: it counts neither as being in flight nor for the undoing of a reduction (as in Linux).
    """
    if entry.seq >= tcb.window_end() and entry.seq > tcb.snd_una:
        return False
    if entry.seq < tcb.snd_una:  # the peer has its beginning
        entry.payload = entry.payload[tcb.snd_una - entry.seq :]
        entry.seq = tcb.snd_una
    room = tcb.window_end() - entry.seq
    # A window that was closed altogether is probed with a whole segment.
    size = _segment_size(tcb)
    limit: int = min(size, room) if room > 0 else size
    if len(entry.payload) > limit:
        rest = tcb.sent.split(index, limit)
        if rest.lost:
            tcb.lost_out += 1
    elif len(entry.payload) < limit:
        _join_following(tcb, entry, index, limit)
    core = tcb.core
    if core.journal.recording:
        core.note(kinds.RETRANSMIT, why)
    _stamp(tcb, entry)
    entry.sent_at = core.now
    tcb.sent.link(entry)
    entry.repeated = True
    tcb.total_retransmits += 1
    tcb.bytes_retransmitted += len(entry.payload)
    if not probe:
        _count_retransmission(tcb, entry)
    transmit(tcb, entry.seq, entry.flags, entry.payload, option_text(tcb))
    return True


def _count_retransmission(tcb: ControlBlock, entry: Sent) -> None:
    if not entry.retransmitted:
        entry.retransmitted = True
        tcb.retransmitted_out += 1
    if tcb.first_retransmit_at == 0:
        tcb.first_retransmit_at = tcb.timestamp()
    tcb.undo_retransmits = max(tcb.undo_retransmits, 0) + 1


def _join_following(tcb: ControlBlock, entry: Sent, index: int, limit: int) -> None:
    """A segment that is sent again takes small ones along that follow (RFC 9293 3.8.6.2.1, RFC 1122 4.2.2.15)."""
    following = tcb.sent.at(index + 1)
    while following is not None and not following.sacked and entry.end not in tcb.records:
        if len(entry.payload) + len(following.payload) > limit or following.end > tcb.window_end():
            return
        tcb.sent.join(index)
        entry.payload += following.payload
        entry.end = following.end
        entry.flags |= following.flags
        tcb.lost_out -= 1 if following.lost else 0
        tcb.retransmitted_out -= 1 if following.retransmitted else 0
        if not tcb.sack_ok and tcb.sacked_out:
            tcb.sacked_out -= 1
        following = tcb.sent.at(index + 1)
