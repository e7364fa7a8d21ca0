"""What TCP_INFO tells, in the layout of Linux's `struct tcp_info` (include/uapi/linux/tcp.h)."""

from __future__ import annotations

import struct
from typing import Final

from sim.stack.tcp import states
from sim.stack.tcp.block import ControlBlock
from sim.stack.tcp.congestion.base import INFINITE

LINUX_STATES: Final = {
    states.ESTABLISHED: 1,
    states.SYN_SENT: 2,
    states.SYN_RECEIVED: 3,
    states.FIN_WAIT_1: 4,
    states.FIN_WAIT_2: 5,
    states.TIME_WAIT: 7,  # the socket itself is closed then
    states.CLOSED: 7,
    states.CLOSE_WAIT: 8,
    states.LAST_ACK: 9,
    states.LISTEN: 10,
    states.CLOSING: 11,
}
TIMESTAMPS: Final = 1
SACK: Final = 2
WINDOW_SCALE: Final = 4
ECN: Final = 8
APP_LIMITED_BIT: Final = 1

_INFO: Final = struct.Struct("=8B24I4Q6IQ3Q2I2Q4I")


def pack(tcb: ControlBlock, listening: bool = False) -> bytes:
    """The structure's fields up to `tcpi_snd_wnd`; times in microseconds or milliseconds, as Linux has them."""
    now = tcb.core.now
    flow = tcb.flow
    flags = (
        (TIMESTAMPS if tcb.timestamps_ok else 0)
        | (SACK if tcb.sack_ok else 0)
        | (WINDOW_SCALE if tcb.scale_ok else 0)
        | (ECN if tcb.ecn_ok else 0)
    )
    rate = flow.pacing_rate or _usual_rate(tcb)
    delivery = 0
    if tcb.sample.interval > 0:
        delivery = tcb.sample.delivered * tcb.mss * 1_000_000_000 // tcb.sample.interval
    return _INFO.pack(
        LINUX_STATES[states.LISTEN if listening else tcb.state],
        tcb.phase,
        min(tcb.retransmits, 255),
        min(tcb.probes_out, 255),
        min(tcb.retransmits, 255),
        flags,
        tcb.snd_scale | tcb.rcv_scale << 4,
        APP_LIMITED_BIT if tcb.app_limited_until else 0,
        tcb.rtt.timeout // 1000,
        tcb.ato // 1000,
        tcb.mss,
        tcb.received_mss,
        tcb.sent.size(),
        tcb.sacked_out,
        tcb.lost_out,
        tcb.retransmitted_out,
        0,  # fackets, unused
        _since(now, tcb.last_sent_at),
        0,  # last ACK sent, never filled
        _since(now, tcb.last_data_at),
        _since(now, tcb.last_heard_at),
        tcb.path_mtu,
        min(tcb.window_threshold, 0xFFFFFFFF),
        tcb.rtt.srtt // 1000,
        tcb.rtt.deviation() // 1000 if tcb.rtt.srtt else 250_000,
        min(flow.ssthresh, INFINITE),
        flow.cwnd,
        tcb.advertised_mss,
        tcb.reordering,
        tcb.rcv_rtt // 1000,
        min(tcb.space, 0xFFFFFFFF),
        tcb.total_retransmits,
        rate,
        0xFFFFFFFFFFFFFFFF,
        tcb.bytes_acked,
        tcb.bytes_received,
        tcb.segments_out,
        tcb.segments_in,
        tcb.unsent.size,
        (tcb.rtt.min_rtt // 1000) if tcb.rtt.min_rtt else 0xFFFFFFFF,
        tcb.data_segments_in,
        tcb.data_segments_out,
        delivery,
        0,
        0,
        0,
        flow.delivered & 0xFFFFFFFF,
        tcb.delivered_ce,
        tcb.bytes_sent,
        tcb.bytes_retransmitted,
        tcb.dsack_duplicates,
        tcb.reorderings,
        0,
        min(tcb.snd_wnd, 0xFFFFFFFF),
    )


def _usual_rate(tcb: ControlBlock) -> int:
    """The rate (bytes/s) at which Linux would pace: twice the window per round trip in slow start, else 1.2."""
    if tcb.rtt.srtt == 0:
        return 0xFFFFFFFFFFFFFFFF
    share = 200 if tcb.flow.cwnd < tcb.flow.ssthresh // 2 else 120
    return tcb.mss * tcb.flow.cwnd * share * 10_000_000 // tcb.rtt.srtt


def _since(now: int, then: int) -> int:
    """Milliseconds."""
    return (now - then) // 1_000_000
