"""Setting the timers of a connection; what happens when they expire stands in `timeouts`.

One alarm serves retransmission, tail loss probe, RACK's reordering timer and the window probe: only one of them can
be due next (`tcb.pending` says which).
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from sim.stack.alarms import NEVER
from sim.stack.tcp.block import (
    LOSS_PROBE,
    NOTHING,
    OPEN,
    REDUCING,
    REORDERING,
    RETRANSMIT,
    WINDOW_PROBE,
    ControlBlock,
)
from sim.stack.tcp.rtt import INITIAL_TIMEOUT, MAXIMUM_TIMEOUT, MINIMUM_VARIANCE

TIMER_SLACK: Final = 2_000_000  # ns; Linux's TCP_TIMEOUT_MIN: two ticks of its clock


def set_timer(tcb: ControlBlock, kind: int, delay: i64) -> None:
    """Let the retransmission alarm go off in `delay` ns, for `kind`."""
    tcb.pending = kind
    tcb.core.set_alarm(tcb.retransmission, tcb.core.now + max(delay, 1))


def clear_timer(tcb: ControlBlock) -> None:
    """Nothing is to be waited for."""
    if tcb.pending != NOTHING:
        tcb.pending = NOTHING
        tcb.core.cancel_alarm(tcb.retransmission)


def until_timeout(tcb: ControlBlock) -> i64:
    """Time (ns) until the first segment on its way has been out for a whole RTO."""
    first = tcb.sent.first()
    return tcb.rtt.timeout if first is None else first.sent_at + tcb.rtt.timeout - tcb.core.now


def rearm(tcb: ControlBlock) -> None:
    """Start the retransmission timer again (RFC 6298 5.3), or stop it when nothing is on its way (5.2)."""
    if tcb.sent.size() == 0:
        clear_timer(tcb)
        return
    delay = tcb.rtt.timeout
    if tcb.pending in (REORDERING, LOSS_PROBE):
        delay = until_timeout(tcb)  # the timer that ran instead must not make it longer
    set_timer(tcb, RETRANSMIT, clamp_to_user_timeout(tcb, delay))


def clamp_to_user_timeout(tcb: ControlBlock, delay: i64) -> i64:
    """A timer is not to expire long after the program's own patience (TCP_USER_TIMEOUT) is at its end."""
    if tcb.user_timeout == 0 or tcb.stalled_at == 0:
        return delay
    return min(delay, max(tcb.stalled_at + tcb.user_timeout - tcb.core.now, 1))


def schedule_loss_probe(tcb: ControlBlock, advancing: bool) -> bool:
    """Set the timer of the tail loss probe (RFC 8985 7.2); False when a probe is of no use now.

    `advancing`: the RTO counts from now, because an ACK has come, and not from when the first segment was sent.
    """
    out = tcb.sent.size()
    if out == 0 or not tcb.sack_ok or tcb.phase not in (OPEN, REDUCING):
        return False
    if tcb.rtt.srtt:
        delay = 2 * tcb.rtt.srtt
        # The peer may delay the ACK of a lone segment: wait for that too.
        delay += MINIMUM_VARIANCE if out == 1 else TIMER_SLACK
    else:
        delay = INITIAL_TIMEOUT
    limit = tcb.rtt.timeout if advancing else until_timeout(tcb)
    if limit > 0:
        delay = min(delay, limit)
    set_timer(tcb, LOSS_PROBE, delay)
    return True


def schedule_window_probe(tcb: ControlBlock) -> None:
    """Something waits, and nothing that is on its way will bring news: probe the peer's window (RFC 9293 3.8.6.1)."""
    if tcb.sent.size() == 0 and tcb.pending == NOTHING and tcb.pacing.deadline == NEVER:
        set_timer(tcb, WINDOW_PROBE, probe_interval(tcb))


def probe_interval(tcb: ControlBlock) -> i64:
    """Time (ns) to the next window probe: it backs off as the retransmission timer does."""
    delay = max(tcb.rtt.timeout, MINIMUM_VARIANCE)
    for _ in range(tcb.probe_backoff):
        delay = min(delay * 2, MAXIMUM_TIMEOUT)
    if tcb.user_timeout and tcb.probing_since:
        delay = min(delay, max(tcb.probing_since + tcb.user_timeout - tcb.core.now, TIMER_SLACK))
    return delay
