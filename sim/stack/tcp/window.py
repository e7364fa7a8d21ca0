"""The receive window: how much is advertised (RFC 9293 3.8.6), and a buffer that grows with the flow.

Not all of a buffer is window, because what arrives takes more memory than its payload: half of it is offered at first,
three quarters once data has come. The window opens step by step as full segments come in, and never shrinks (RFC 9293
3.8.6.2.1). Once a round trip the buffer is compared with what the program has read in that time: a fast reader gets a
larger one (dynamic right-sizing).
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from sim.stack.tcp.block import ControlBlock
from sim.stack.tcp.options import LARGEST_SCALE

LARGEST_UNSCALED: Final = 65535


def scale_for(limit: int) -> int:
    """The window scale that lets a buffer of `limit` bytes be advertised."""
    scale = 0
    while scale < LARGEST_SCALE and limit >> scale > LARGEST_UNSCALED:
        scale += 1
    return scale


def space_of(buffer: int) -> int:
    """Bytes of payload that fit a buffer of `buffer` bytes."""
    return buffer * 3 // 4


def open_initial(tcb: ControlBlock, segment_size: int) -> None:
    """The window of a SYN: as many whole segments as the buffer holds, no more than 16 bits can say."""
    tcb.window_clamp = space_of(tcb.receive_buffer)
    space = min(tcb.receive_buffer // 2, 65536)
    if space > segment_size:
        space -= space % segment_size
    tcb.rcv_wnd = min(space, LARGEST_UNSCALED)
    tcb.window_threshold = tcb.rcv_wnd
    tcb.rcv_wup = tcb.rcv_nxt


def use_scales(tcb: ControlBlock, peer_scale: int, own_scale: int) -> None:
    """Both SYNs have been seen: the window scales are settled (RFC 7323 2.2)."""
    tcb.scale_ok = peer_scale >= 0
    if tcb.scale_ok:
        tcb.snd_scale = peer_scale
        tcb.rcv_scale = own_scale
    else:
        tcb.snd_scale = tcb.rcv_scale = 0
        tcb.window_clamp = min(tcb.window_clamp, LARGEST_UNSCALED)


def select(tcb: ControlBlock) -> int:
    """The window field of a segment that leaves now; what it says is then promised."""
    current = tcb.receive_window()
    offered = _offer(tcb)
    unit: i64 = i64(1) << tcb.rcv_scale
    if offered < current:  # RFC 9293 3.8.6.2.1: do not shrink the window
        offered = (current + unit - 1) // unit * unit
    offered = min(offered, i64(LARGEST_UNSCALED) << tcb.rcv_scale)
    tcb.rcv_wnd = offered
    tcb.rcv_wup = tcb.rcv_nxt
    field: int = offered >> tcb.rcv_scale
    return field


def free_space(tcb: ControlBlock) -> i64:
    """Bytes of payload that the buffer still takes."""
    return space_of(tcb.receive_buffer) - tcb.inbox.held()


def _offer(tcb: ControlBlock) -> i64:
    """The window that the buffer allows, without silly little steps (RFC 9293 3.8.6.2.2)."""
    full: i64 = min(tcb.window_clamp, space_of(tcb.receive_buffer))
    free = free_space(tcb)
    segment: i64 = min(tcb.received_mss, full)
    if free < full >> 1:
        tcb.quick_acks = 0
        if free < full >> 4 or free < segment:
            return 0
    free = min(free, tcb.window_threshold, full)
    if tcb.rcv_scale:
        unit: i64 = i64(1) << tcb.rcv_scale
        return (free + unit - 1) // unit * unit
    window = tcb.rcv_wnd
    if window <= free - segment or window > free:
        return free // segment * segment
    return window


def would_open_to(tcb: ControlBlock) -> i64:
    """The window that would be advertised now."""
    return _offer(tcb)


def grow_threshold(tcb: ControlBlock, length: int) -> None:
    """A segment of `length` bytes came in: the advertised window may open by two segments more."""
    room = min(tcb.window_clamp, free_space(tcb) + tcb.receive_window()) - tcb.window_threshold
    if room <= 0 or length < SMALL_SEGMENT:
        return
    tcb.window_threshold += min(room, 2 * tcb.advertised_mss)
    tcb.quick_acks |= 1


SMALL_SEGMENT: Final = 128
"""Bytes below which a segment is mostly overhead, and no reason to open the window."""


def measure_round_trip(tcb: ControlBlock, sample: i64, whole_window: bool) -> None:
    """A receiver's estimate of the round-trip time (ns): the least of samples that take a whole window."""
    sample = max(sample, 1_000_000)
    if tcb.rcv_rtt == 0:
        tcb.rcv_rtt = sample
    elif whole_window:
        tcb.rcv_rtt = min(tcb.rcv_rtt, sample)
    else:
        tcb.rcv_rtt += (sample - tcb.rcv_rtt) >> 3


def measure_by_window(tcb: ControlBlock) -> None:
    """Without timestamps, the time that a whole window took to come in is about one round trip."""
    now = tcb.core.now
    if tcb.rcv_rtt_at:
        if tcb.rcv_nxt < tcb.rcv_rtt_seq:
            return
        measure_round_trip(tcb, now - tcb.rcv_rtt_at, True)
    tcb.rcv_rtt_seq = tcb.rcv_nxt + tcb.rcv_wnd
    tcb.rcv_rtt_at = now


def adjust_space(tcb: ControlBlock) -> None:
    """The program has read: once a round trip, grow the buffer to hold twice what it reads in one."""
    now = tcb.core.now
    if now - tcb.space_at < tcb.rcv_rtt or tcb.rcv_rtt == 0:
        return
    copied = tcb.read_up_to - tcb.space_seq
    if copied > tcb.space:
        if not tcb.receive_buffer_locked:
            _grow_buffer(tcb, copied)
        tcb.space = copied
    tcb.space_seq = tcb.read_up_to
    tcb.space_at = now


def _grow_buffer(tcb: ControlBlock, copied: i64) -> None:
    window = 2 * copied + 16 * tcb.advertised_mss
    if tcb.space > 0:  # slow start doubles: leave room for as much growth again
        window += 2 * (window * (copied - tcb.space) // tcb.space)
    buffer: int = min(window + window // 3, tcb.settings.receive_limit)
    if buffer > tcb.receive_buffer:
        tcb.receive_buffer = buffer
        tcb.window_clamp = space_of(buffer) if tcb.rcv_scale else min(space_of(buffer), LARGEST_UNSCALED)
