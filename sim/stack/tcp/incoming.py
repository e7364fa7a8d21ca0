"""A segment arrives (read RFC 9293 3.10.7 first): is it acceptable, and what does it do in the state we are in?"""

from __future__ import annotations

import errno
from typing import Final

from mypy_extensions import i64

from sim.stack.tcp import acknowledging, acks, outgoing, states, text, window
from sim.stack.tcp.block import DEFAULT_MSS, ECN_OFF, RETRANSMIT, SMALLEST_MSS, ControlBlock
from sim.stack.tcp.options import TIMESTAMPS_LENGTH, Options
from sim.stack.tcp.rtt import INITIAL_TIMEOUT
from sim.stack.tcp.sequence import precedes, unwrap
from sim.stack.tcp.timing import TIMER_SLACK, clear_timer, set_timer
from sim.wire import tcp

RATE_LIMIT: Final = 500_000_000  # ns between ACKs that somebody else's garbage provokes; Linux's tcp_invalid_ratelimit
PAWS_MEMORY: Final = 24 * 86_400_000_000_000  # ns; RFC 7323 5.5: after 24 days ts_recent says nothing any more
CONGESTION_EXPERIENCED: Final = 3  # RFC 3168 5

RESET: Final = 1
"""What `receive` answers when a RST has to be sent for the segment."""
DONE: Final = 0


def receive(tcb: ControlBlock, segment: tcp.Segment, tos: int, options: Options) -> int:
    """Handle a segment for this connection; RESET if it is to be answered with a RST."""
    tcb.segments_in += 1
    tcb.ts_echo = options.echo if options.timestamps else 0
    if tcb.state == states.SYN_SENT:
        return _in_syn_sent(tcb, segment, options)
    seq = unwrap(segment.sequence, tcb.rcv_nxt)
    length = len(segment.payload) + (1 if segment.flags & tcp.FIN else 0) + (1 if segment.flags & tcp.SYN else 0)
    if tcb.state == states.FIN_WAIT_2 and tcb.orphan and segment.flags & (tcp.RST | tcp.SYN):
        return _end_orphan(tcb, segment, options, seq, length)
    if _is_other_syn(tcb, segment, seq):
        abort(tcb, 0)
        return RESET
    if not _is_acceptable(tcb, segment, options, seq, length) or not segment.flags & tcp.ACK:
        return DONE
    ack = unwrap(segment.acknowledgment, tcb.snd_una)
    if tcb.state == states.SYN_RECEIVED:
        if not tcb.snd_una < ack <= tcb.snd_nxt:
            return RESET  # RFC 9293 3.10.7.4, fifth
        if not tcb.user.may_establish(len(segment.payload) > 0):
            return DONE  # as if the ACK were lost: our SYN,ACK will ask for it again
        _complete_handshake(tcb, segment)
    if not acks.is_acceptable(tcb, ack):
        if tcb.state != states.FIN_WAIT_2 or not tcb.orphan:
            challenge(tcb)
        return DONE
    return _take_in(tcb, segment, tos, options, seq, ack)


def _take_in(tcb: ControlBlock, segment: tcp.Segment, tos: int, options: Options, seq: i64, ack: i64) -> int:
    """An acceptable segment of a connection that is there: what it acknowledges and what it carries."""
    if ack >= tcb.snd_una or _is_predicted(tcb, segment, seq):
        _remember_timestamp(tcb, options, seq)
    if tcb.ecn_ok:
        _read_ecn(tcb, segment, tos)
    acks.receive_ack(tcb, segment, seq, ack, options)
    _follow_ack(tcb)
    if tcb.state == states.CLOSED:
        return DONE
    if _is_unwanted(tcb, segment, seq):
        abort(tcb, errno.ECONNRESET)  # nobody will read it (RFC 9293 3.6.1, RFC 2525 2.17)
        return RESET
    _read_text(tcb, segment, seq)
    outgoing.push(tcb)
    if tcb.state != states.TIME_WAIT:
        acknowledging.check(tcb)
    if tcb.send_blocked:
        tcb.changed = True
    return DONE


def _is_unwanted(tcb: ControlBlock, segment: tcp.Segment, seq: i64) -> bool:
    """New data, though the program has closed, or has shut both directions. Behind the peer's FIN it is ignored."""
    if not (tcb.orphan or (tcb.receive_shut and tcb.fin_wanted)):
        return False
    if tcb.fin_received and seq >= tcb.rcv_nxt:
        return False
    return bool(segment.payload or segment.flags & tcp.FIN) and seq + len(segment.payload) > tcb.rcv_nxt


def _read_text(tcb: ControlBlock, segment: tcp.Segment, seq: i64) -> None:
    """Steps six to eight."""
    if segment.flags & tcp.URG:
        text.receive_urgent(tcb, seq, segment.urgent)
    if segment.payload or segment.flags & tcp.FIN:
        text.receive_text(tcb, seq, segment.payload, segment.flags & tcp.FIN != 0)


# -- acceptable or not


def _is_acceptable(tcb: ControlBlock, segment: tcp.Segment, options: Options, seq: i64, length: int) -> bool:
    """RFC 9293 3.10.7.4, first to fourth, with RFC 7323 5 and RFC 5961; answers what is not acceptable."""
    flags = segment.flags
    reset = flags & tcp.RST != 0
    if tcb.timestamps_ok and options.timestamps and not reset and _is_old_duplicate(tcb, segment, options, seq, length):
        if length or seq >= tcb.rcv_nxt:  # a pure ACK that is old is no news to anybody
            _answer_unacceptable(tcb, seq, length, flags)
        return False
    end = seq + length
    edge = tcb.rcv_nxt + tcb.receive_window()
    # What goes beyond the window is not cut off, as the RFC has it: all or nothing. All where nothing waits to be read,
    # so that a peer that misjudges the window is not stopped for ever (Linux since 6.16).
    if end < tcb.rcv_wup or seq > edge or (end > edge and tcb.inbox.ready.size):
        if not reset:
            if flags & tcp.SYN:
                _answer_syn(tcb, seq)
            else:
                _answer_unacceptable(tcb, seq, length, flags)
        elif seq == tcb.rcv_nxt - 1 and tcb.fin_received:  # some count no FIN in their RST: Linux takes it
            abort(tcb, errno.EPIPE if tcb.state == states.CLOSE_WAIT else errno.ECONNRESET)
        return False
    if reset:
        _receive_reset(tcb, seq)
        return False
    if flags & tcp.SYN and _is_their_syn_ack(tcb, segment, seq):
        tcb.ack_wanted = tcb.ack_now = True
    elif flags & tcp.SYN:
        _answer_syn(tcb, seq)
        return False
    return True


def _is_their_syn_ack(tcb: ControlBlock, segment: tcp.Segment, seq: i64) -> bool:
    """Both have opened at once: the peer's SYN comes again with the ACK of ours (RFC 9293 3.5, figure 7)."""
    bare = segment.flags & tcp.ACK != 0 and not segment.payload
    return bare and tcb.state == states.SYN_RECEIVED and not tcb.passive and seq == tcb.irs


def _end_orphan(tcb: ControlBlock, segment: tcp.Segment, options: Options, seq: i64, length: int) -> int:
    """In FIN-WAIT-2 without a program, where Linux keeps but a time-wait's memory: any RST in the window ends it, and a
    SYN has come too early.
    """
    edge = tcb.rcv_nxt + tcb.receive_window()
    old = tcb.timestamps_ok and options.timestamps and precedes(options.value, tcb.ts_recent)
    inside = seq == tcb.rcv_nxt or (seq + length > tcb.rcv_nxt and seq < edge) or (seq == edge and length == 0)
    if old or not inside:
        if _may_answer_garbage(tcb):
            outgoing.send_ack(tcb)
        return DONE
    abort(tcb, 0)
    return DONE if segment.flags & tcp.RST else RESET


def _is_other_syn(tcb: ControlBlock, segment: tcp.Segment, seq: i64) -> bool:
    """Another SYN in the window of a handshake: the peer has begun anew (RFC 9293 3.10.7.4, fourth)."""
    if not tcb.passive or tcb.state != states.SYN_RECEIVED:
        return False
    inside = tcb.rcv_nxt <= seq <= tcb.rcv_nxt + tcb.receive_window()
    return inside and segment.flags & (tcp.SYN | tcp.RST) == tcp.SYN


def _answer_syn(tcb: ControlBlock, seq: i64) -> None:
    """A SYN on a connection that exists: our SYN,ACK was lost, or somebody guesses (RFC 5961 4)."""
    if tcb.state == states.SYN_RECEIVED and seq == tcb.irs:
        if _may_answer_garbage(tcb):
            outgoing.send_syn(tcb)
    else:
        challenge(tcb)


def _is_old_duplicate(tcb: ControlBlock, segment: tcp.Segment, options: Options, seq: i64, length: int) -> bool:
    """Protection against wrapped sequence numbers (RFC 7323 5.3, R1)."""
    if tcb.ts_recent == 0 or not precedes(options.value, tcb.ts_recent):
        return False
    if tcb.core.now - tcb.ts_recent_at > PAWS_MEMORY:
        return False
    if length == 0 and seq < tcb.rcv_nxt:
        return True
    behind = (tcb.ts_recent - options.value) & 0xFFFFFFFF
    if behind <= 1:
        return False
    # A pure ACK that was merely overtaken is harmless.
    late = length == 0 and seq == tcb.rcv_nxt and unwrap(segment.acknowledgment, tcb.snd_una) == tcb.snd_una
    offered: i64 = segment.window
    late = late and seq <= tcb.snd_wl1  # nor does it tell of a window
    return not (late and offered << tcb.snd_scale == tcb.snd_wnd and behind * 1_000_000 <= tcb.rtt.timeout)


def _answer_unacceptable(tcb: ControlBlock, seq: i64, length: int, flags: int) -> None:
    """RFC 9293 3.10.7.4, first: an ACK says what we expect. Not too often: two hosts could go on for ever."""
    if length == 0 and not _may_answer_garbage(tcb):
        return
    end = seq + length
    if length and seq < tcb.rcv_nxt:
        acknowledging.be_quick(tcb)
        if tcb.sack_ok and not flags & tcp.SYN:
            tcb.inbox.duplicate = (seq, min(end, tcb.rcv_nxt))
    outgoing.send_ack(tcb)


def _may_answer_garbage(tcb: ControlBlock) -> bool:
    now = tcb.core.now
    if tcb.last_out_of_window_at >= 0 and now - tcb.last_out_of_window_at < RATE_LIMIT:
        return False
    tcb.last_out_of_window_at = now
    return True


def challenge(tcb: ControlBlock) -> None:
    """A challenge ACK (RFC 5961 7): who is not blind will answer it with a RST that fits."""
    if _may_answer_garbage(tcb):
        outgoing.send_ack(tcb)


def _receive_reset(tcb: ControlBlock, seq: i64) -> None:
    """RFC 5961 3: only a RST with exactly the expected sequence number counts; others are challenged."""
    if seq == tcb.rcv_nxt or _closes_gap(tcb, seq):
        error = {states.CLOSE_WAIT: errno.EPIPE}
        abort(tcb, error.get(tcb.state, errno.ECONNRESET))
    else:
        challenge(tcb)


def _closes_gap(tcb: ControlBlock, seq: i64) -> bool:
    """The RST follows data that we have, but for a gap: it is as good."""
    return tcb.sack_ok and bool(tcb.inbox.sacks) and seq == max([right for _, right in tcb.inbox.sacks])


def _is_predicted(tcb: ControlBlock, segment: tcp.Segment, seq: i64) -> bool:
    """Linux's header prediction: the next segment, about which nothing is unusual but perhaps that its ACK is old."""
    usual = segment.flags & ~tcp.PSH == tcp.ACK and seq == tcb.rcv_nxt and not tcb.inbox.pieces
    offered: i64 = segment.window
    return usual and offered << tcb.snd_scale == tcb.snd_wnd


def _remember_timestamp(tcb: ControlBlock, options: Options, seq: i64) -> None:
    """RFC 7323 4.3: echo the timestamp of the segment that the next ACK will be about."""
    if (
        options.timestamps
        and tcb.timestamps_ok
        and seq <= tcb.last_ack_sent
        and not precedes(options.value, tcb.ts_recent)
    ):
        tcb.ts_recent = options.value
        tcb.ts_recent_at = tcb.core.now


def _read_ecn(tcb: ControlBlock, segment: tcp.Segment, tos: int) -> None:
    """RFC 3168 6.1.3: echo congestion from the first mark until the peer says that it has reacted."""
    if segment.flags & tcp.CWR:
        tcb.echo_congestion = False
    if tos & 3 == CONGESTION_EXPERIENCED and segment.payload:
        if not tcb.echo_congestion:
            acknowledging.be_quick(tcb)
        tcb.echo_congestion = True


# -- the handshake


def _in_syn_sent(tcb: ControlBlock, segment: tcp.Segment, options: Options) -> int:
    """RFC 9293 3.10.7.3."""
    flags = segment.flags
    ack = unwrap(segment.acknowledgment, tcb.snd_una)
    if flags & tcp.ACK and not tcb.snd_una < ack <= tcb.snd_nxt:
        if tcb.retransmits == 0:  # the peer is free for us once it has our RST (RFC 9293 3.5.1)
            set_timer(tcb, RETRANSMIT, TIMER_SLACK)
        return DONE if flags & tcp.RST else RESET
    if flags & tcp.ACK and _echoes_nonsense(tcb, options):
        return DONE if flags & tcp.RST else RESET
    if flags & tcp.RST:
        if flags & tcp.ACK:
            abort(tcb, errno.ECONNREFUSED)
        return DONE
    if not flags & tcp.SYN:
        return DONE
    negotiate(tcb, segment, options)
    if not flags & tcp.ACK:  # simultaneous open
        tcb.become(states.SYN_RECEIVED)
        tcb.retransmits = 0
        outgoing.send_syn(tcb)
        return DONE
    tcb.ecn_ok = tcb.ecn_asked and flags & (tcp.ECE | tcp.CWR) == tcp.ECE
    tcb.snd_wl1 = tcb.irs
    acks.receive_ack(tcb, segment, tcb.irs, ack, options)
    tcb.become(states.ESTABLISHED)
    _establish(tcb)
    tcb.ack_wanted = True
    if tcb.unsent.size or tcb.fin_wanted:
        outgoing.push(tcb)  # what waits takes the ACK along
    if tcb.ack_wanted:
        outgoing.send_ack(tcb)
    return DONE


def _echoes_nonsense(tcb: ControlBlock, options: Options) -> bool:
    """An echoed timestamp that we did not send since the first SYN: an old duplicate (RFC 7323 5.3)."""
    if not options.timestamps or not tcb.timestamps_ok or options.echo == 0:
        return False
    first = (tcb.syn_sent_at // 1_000_000 + tcb.timestamp_offset) & 0xFFFFFFFF
    return precedes(options.echo, first) or precedes(tcb.timestamp(), options.echo)


def negotiate(tcb: ControlBlock, segment: tcp.Segment, options: Options) -> None:
    """The peer's SYN: its sequence number, and which options we will use (RFC 9293 3.7.1, RFC 7323, RFC 2018)."""
    tcb.irs = segment.sequence
    tcb.rcv_nxt = tcb.irs + 1
    tcb.rcv_wup = tcb.rcv_nxt
    tcb.last_ack_sent = tcb.rcv_nxt
    tcb.read_up_to = tcb.rcv_nxt
    tcb.space_seq = tcb.rcv_nxt
    tcb.peer_mss = options.mss or DEFAULT_MSS
    tcb.sack_ok = tcb.sack_ok and options.sack_permitted
    tcb.timestamps_ok = tcb.timestamps_ok and options.timestamps
    if tcb.timestamps_ok:
        tcb.ts_recent = options.value
        tcb.ts_recent_at = tcb.core.now
        tcb.advertised_mss -= TIMESTAMPS_LENGTH
    window.use_scales(tcb, options.scale if tcb.scale_ok else -1, tcb.rcv_scale)
    tcb.snd_wnd = segment.window
    tcb.max_window = segment.window
    tcb.snd_wl1 = tcb.irs
    tcb.received_mss = max(min(tcb.advertised_mss, options.mss or DEFAULT_MSS, DEFAULT_MSS), SMALLEST_MSS)
    outgoing.sync_mss(tcb)
    asks = segment.flags & (tcp.ECE | tcp.CWR) == tcp.ECE | tcp.CWR
    tcb.ecn_ok = asks and not segment.flags & tcp.ACK and tcb.settings.ecn != ECN_OFF


def _complete_handshake(tcb: ControlBlock, segment: tcp.Segment) -> None:
    """The ACK of our SYN,ACK."""
    offered: i64 = segment.window
    tcb.snd_wnd = offered << tcb.snd_scale
    tcb.max_window = tcb.snd_wnd
    outgoing.sync_mss(tcb)
    tcb.become(states.ESTABLISHED)
    if tcb.passive:
        tcb.bytes_acked -= 1  # of a SYN,ACK nobody counts
    _establish(tcb)


def _establish(tcb: ControlBlock) -> None:
    """Both know each other."""
    if tcb.rtt.srtt == 0:
        tcb.rtt.timeout = INITIAL_TIMEOUT
    tcb.retransmits = 0
    if tcb.total_retransmits > 1:
        tcb.flow.cwnd = 1  # RFC 6298 5.7, RFC 5681 3.1: the SYN was lost more than once
    window.reserve_segment(tcb)
    tcb.space = min(tcb.rcv_wnd, 10 * tcb.advertised_mss)
    tcb.space_at = tcb.core.now
    tcb.changed = True
    tcb.user.established()


# -- closing


def _follow_ack(tcb: ControlBlock) -> None:
    """What an ACK of our FIN leads to (RFC 9293 3.10.7.4, fifth)."""
    if not tcb.fin_sent or tcb.snd_una < tcb.snd_nxt:
        return
    if tcb.state == states.FIN_WAIT_1:
        tcb.become(states.FIN_WAIT_2)
    elif tcb.state == states.CLOSING:
        tcb.become(states.TIME_WAIT)
    elif tcb.state == states.LAST_ACK:
        abort(tcb, 0)


def abort(tcb: ControlBlock, error: int) -> None:
    """The connection is over, at once; `error` is what the program will hear, 0 for nothing."""
    if tcb.state == states.CLOSED:
        return
    tcb.become(states.CLOSED)
    if error:
        tcb.error = error
    clear_timer(tcb)
    tcb.core.cancel_alarm(tcb.delayed_ack)
    tcb.core.cancel_alarm(tcb.compressed_ack)
    tcb.core.cancel_alarm(tcb.keeping)
    tcb.core.cancel_alarm(tcb.pacing)
    tcb.ack_wanted = tcb.ack_now = False
    tcb.sent.clear()
    tcb.sacked_out = tcb.lost_out = tcb.retransmitted_out = 0
    tcb.unsent.clear()
    tcb.inbox.forget_gaps()
