"""The delivery rate of a flow, measured with each ACK (draft-cheng-iccrg-delivery-rate-estimation)."""

from __future__ import annotations

from mypy_extensions import i64

from sim.stack.tcp.block import ControlBlock
from sim.stack.tcp.sent import Sent


def begin(tcb: ControlBlock) -> None:
    """Before an ACK is looked at."""
    sample = tcb.sample
    sample.prior_delivered = -1
    sample.prior_in_flight = tcb.in_flight()
    sample.rtt = 0
    sample.app_limited = False
    sample.interval = 0


def count(tcb: ControlBlock, entry: Sent) -> None:
    """A segment is reported delivered: of all of them, the one sent last makes the sample (section 3.3)."""
    sample = tcb.sample
    if entry.delivered < sample.prior_delivered:
        return
    if entry.delivered == sample.prior_delivered and entry.sent_at < tcb.first_sent_at:
        return
    sample.prior_delivered = entry.delivered
    sample.app_limited = entry.app_limited
    # The longer of the two phases, so that neither a burst of ACKs nor a burst of data makes the rate look too high.
    sending = entry.sent_at - entry.first_sent_at
    arriving = tcb.core.now - entry.delivered_at
    sample.interval = max(sending, arriving)
    tcb.first_sent_at = entry.sent_at


def finish(tcb: ControlBlock, delivered: i64, lost: i64) -> None:
    """After the ACK: the sample is complete."""
    sample = tcb.sample
    flow = tcb.flow
    if tcb.app_limited_until and flow.delivered > tcb.app_limited_until:
        tcb.app_limited_until = 0
    sample.newly_acked = delivered
    sample.newly_lost = lost
    if delivered:
        tcb.delivered_at = tcb.core.now
    if sample.prior_delivered < 0:
        sample.delivered = 0
        sample.interval = 0
        return
    sample.delivered = flow.delivered - sample.prior_delivered
    if sample.interval < tcb.rtt.min_rtt:  # an interval that short is an artefact
        sample.interval = 0


def check_app_limited(tcb: ControlBlock) -> None:
    """The program gives less than the window would take: samples of what is out now show its rate, not the path's."""
    if tcb.unsent.size < tcb.mss and tcb.in_flight() < tcb.flow.cwnd and tcb.lost_out <= tcb.retransmitted_out:
        tcb.app_limited_until = max(tcb.flow.delivered + tcb.in_flight(), 1)
