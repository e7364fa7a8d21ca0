"""What happens when a timer expires: retransmission, window probe, keep-alive (RFC 6298 5, RFC 9293 3.8.3, 3.8.4)."""

from __future__ import annotations

import errno
from typing import Final

from mypy_extensions import i64

from sim.stack.tcp import outgoing, recovery, states
from sim.stack.tcp.block import LOSS_PROBE, NOTHING, REORDERING, RETRANSMIT, WINDOW_PROBE, ControlBlock
from sim.stack.tcp.incoming import abort
from sim.stack.tcp.rtt import MAXIMUM_TIMEOUT, MINIMUM_VARIANCE
from sim.stack.tcp.timing import clamp_to_user_timeout, probe_interval, rearm, set_timer
from sim.tracing import kinds
from sim.wire import tcp

RETRIES: Final = 15  # Linux's tcp_retries2
ORPHAN_RETRIES: Final = 8  # Linux's tcp_orphan_retries
SYN_ACK_RETRIES: Final = 5  # Linux's tcp_synack_retries
DOUBLINGS: Final = 9  # of 200 ms, before the timeout reaches its maximum


def patience(retries: int) -> i64:
    """How long (ns) `retries` retransmissions take that begin with an RTO of 200 ms: 924.6 s for 15."""
    unit: i64 = MINIMUM_VARIANCE
    if retries <= DOUBLINGS:
        return ((i64(2) << retries) - 1) * unit
    return ((i64(2) << DOUBLINGS) - 1) * unit + (retries - DOUBLINGS) * MAXIMUM_TIMEOUT


def handle_retransmission_alarm(tcb: ControlBlock) -> None:
    """The alarm went off; `tcb.pending` says for what."""
    kind = tcb.pending
    if kind not in (LOSS_PROBE, REORDERING):  # these two leave their mark for `rearm`
        tcb.pending = NOTHING
    if kind == RETRANSMIT:
        _retransmission_timeout(tcb)
    elif kind == LOSS_PROBE:
        recovery.send_loss_probe(tcb)
    elif kind == REORDERING:
        recovery.reordering_timeout(tcb)
    elif kind == WINDOW_PROBE:
        _probe_window(tcb)


def give_up(tcb: ControlBlock, error: int = errno.ETIMEDOUT) -> None:
    """Nothing helps: an error that ICMP has reported meanwhile says more than that time is up."""
    abort(tcb, tcb.soft_error or error)


def _retransmission_timeout(tcb: ControlBlock) -> None:
    first = tcb.sent.first()
    if first is None:
        return
    if first.flags & tcp.SYN:
        _repeat_syn(tcb)
        return
    if tcb.stalled_at == 0:
        tcb.stalled_at = tcb.core.now
    elif _has_lasted_too_long(tcb):
        give_up(tcb)
        return
    tcb.timeouts += 1
    recovery.enter_loss(tcb)
    tcb.retransmits += 1
    outgoing.retransmit(tcb, first, 0, "timeout")
    tcb.rtt.back_off()
    set_timer(tcb, RETRANSMIT, clamp_to_user_timeout(tcb, tcb.rtt.timeout))


def revert_backoff(tcb: ControlBlock) -> None:
    """A router says that there is no way at present: that is no congestion, so do not wait longer for it (RFC 6069)."""
    first = tcb.sent.first()
    if first is None or tcb.retransmits == 0 or tcb.pending != RETRANSMIT:
        return
    tcb.rtt.timeout = max(tcb.rtt.timeout >> 1, tcb.rtt.srtt + tcb.rtt.variance)
    set_timer(tcb, RETRANSMIT, first.sent_at + tcb.rtt.timeout - tcb.core.now)


def _has_lasted_too_long(tcb: ControlBlock) -> bool:
    """RFC 9293 3.8.3: the limit R2, or the program's own patience (RFC 5482)."""
    elapsed = tcb.core.now - tcb.stalled_at
    if tcb.user_timeout and not tcb.orphan:
        return elapsed >= tcb.user_timeout
    retries = RETRIES
    if tcb.orphan:
        retries = ORPHAN_RETRIES if tcb.rtt.timeout < MAXIMUM_TIMEOUT else 0
    return elapsed >= patience(retries)


def _repeat_syn(tcb: ControlBlock) -> None:
    passive = tcb.state == states.SYN_RECEIVED
    if tcb.retransmits >= (SYN_ACK_RETRIES if passive else tcb.syn_count):
        give_up(tcb)
        return
    if tcb.user_timeout and tcb.core.now - tcb.syn_sent_at >= tcb.user_timeout:
        give_up(tcb)
        return
    tcb.retransmits += 1
    tcb.total_retransmits += 1
    if tcb.core.journal.recording:
        tcb.core.note(kinds.RETRANSMIT, "timeout")
    outgoing.send_syn(tcb)
    tcb.rtt.back_off()
    set_timer(tcb, RETRANSMIT, tcb.rtt.timeout)


def _probe_window(tcb: ControlBlock) -> None:
    """The peer's window is closed: ask whether it still is, for as long as the peer answers (RFC 9293 3.8.6.1)."""
    if tcb.sent.size() or not (tcb.unsent.size or (tcb.fin_wanted and not tcb.fin_sent)):
        tcb.probes_out = 0
        return
    if tcb.probing_since == 0:
        tcb.probing_since = tcb.core.now
    elif tcb.user_timeout and tcb.core.now - tcb.probing_since >= tcb.user_timeout:
        give_up(tcb)
        return
    if tcb.probes_out >= (ORPHAN_RETRIES if tcb.orphan else RETRIES):
        give_up(tcb)
        return
    if _wake_up(tcb):
        tcb.probe_backoff = 0
        return
    tcb.probes_out += 1
    tcb.probe_backoff = min(tcb.probe_backoff + 1, RETRIES)
    set_timer(tcb, WINDOW_PROBE, probe_interval(tcb))


def _wake_up(tcb: ControlBlock) -> bool:
    """Send as much as the window has room for, however little, or a probe; whether it was data."""
    if tcb.snd_nxt < tcb.window_end() and tcb.unsent.size:
        return outgoing.force_small(tcb)
    outgoing.send_probe(tcb)
    return False


def handle_keep_alarm(tcb: ControlBlock) -> None:
    """The keep-alive timer, or the end of the patience with a peer that does not close (FIN-WAIT-2)."""
    if tcb.state == states.FIN_WAIT_2 and tcb.orphan:
        abort(tcb, 0)
        return
    if not tcb.keepalive or not states.is_synchronised(tcb.state):
        return
    core = tcb.core
    if tcb.sent.size() or tcb.unsent.size:
        core.set_alarm(tcb.keeping, core.now + tcb.keepalive_idle)
        return
    quiet = core.now - tcb.last_heard_at
    if quiet < tcb.keepalive_idle:
        core.set_alarm(tcb.keeping, tcb.last_heard_at + tcb.keepalive_idle)
        return
    if tcb.user_timeout:
        hopeless = quiet >= tcb.user_timeout and tcb.probes_out > 0
    else:
        hopeless = tcb.probes_out >= tcb.keepalive_count
    if hopeless:
        outgoing.send_reset(tcb)
        give_up(tcb)
        return
    outgoing.send_probe(tcb)
    tcb.probes_out += 1
    core.set_alarm(tcb.keeping, core.now + tcb.keepalive_interval)


def handle_pacing_alarm(tcb: ControlBlock) -> None:
    """A paced flow may send its next segment."""
    recovery.resend_lost(tcb)
    outgoing.push(tcb)
    if tcb.pending == NOTHING:
        rearm(tcb)
