"""The receive window: how much is advertised (RFC 9293 3.8.6), and a buffer that grows with the flow.

Not all of a buffer is window, because what arrives takes more memory than its payload: half of it is offered at first,
and once data has come, the share that data has in the memory of the peer's full segments: two thirds, on an Ethernet.
The window opens step by step as full segments come in, and never shrinks (RFC 9293
3.8.6.2.1). Once a round trip the buffer is compared with what the program has read in that time: a fast reader gets a
larger one (dynamic right-sizing).
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from sim.stack.tcp.block import ControlBlock
from sim.stack.tcp.options import LARGEST_SCALE
from sim.stack.tcp.receive_buffer import memory_of

LARGEST_UNSCALED: Final = 65535


def scale_for(limit: int) -> int:
    """The window scale that lets a buffer of `limit` bytes be advertised."""
    scale = 0
    while scale < LARGEST_SCALE and limit >> scale > LARGEST_UNSCALED:
        scale += 1
    return scale


def space_of(tcb: ControlBlock, buffer: i64) -> i64:
    """Bytes of payload that fit `buffer` bytes of memory."""
    return buffer * tcb.data_share >> 8


def learn_share(tcb: ControlBlock, length: int) -> None:
    """The peer's full segments have `length` bytes: the share of data in the memory that they take."""
    share = (length << 8) // memory_of(length)
    if share == tcb.data_share:
        return
    tcb.data_share = share
    clamp = space_of(tcb, tcb.receive_buffer)
    if clamp < tcb.window_clamp:
        tcb.window_threshold = min(tcb.window_threshold, clamp)
    else:
        tcb.window_threshold = max(tcb.window_threshold, min(tcb.rcv_wnd, clamp))
    tcb.window_clamp = clamp


def open_initial(tcb: ControlBlock, segment_size: int) -> None:
    """The window of a SYN: as many whole segments as the buffer holds, no more than 16 bits can say."""
    tcb.window_clamp = space_of(tcb, tcb.receive_buffer)
    space = min(tcb.receive_buffer // 2, 65536)
    if space > segment_size:
        space -= space % segment_size
    tcb.rcv_wnd = min(space, LARGEST_UNSCALED)
    tcb.window_threshold = tcb.rcv_wnd
    tcb.rcv_wup = tcb.rcv_nxt


def reserve_segment(tcb: ControlBlock) -> None:
    """The connection is there: the window leaves room for one segment more."""
    space = space_of(tcb, tcb.receive_buffer)
    clamp = min(tcb.window_clamp, space)
    if clamp > 2 * tcb.advertised_mss and clamp + tcb.advertised_mss > space:
        clamp = max(i64(2 * tcb.advertised_mss), space - tcb.advertised_mss)
    tcb.window_clamp = clamp
    tcb.window_threshold = min(tcb.window_threshold, clamp)


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
    free: i64 = tcb.receive_buffer - tcb.inbox.held()
    return space_of(tcb, max(free, i64(0)))


def _offer(tcb: ControlBlock) -> i64:
    """The window that the buffer allows, without silly little steps (RFC 9293 3.8.6.2.2)."""
    full: i64 = min(tcb.window_clamp, space_of(tcb, tcb.receive_buffer))
    free = free_space(tcb)
    segment: i64 = min(tcb.received_mss, full)
    if free < full >> 1:
        tcb.quick_acks = 0
        free = free >> tcb.rcv_scale << tcb.rcv_scale
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
    room = min(tcb.window_clamp, free_space(tcb)) - tcb.window_threshold
    if room <= 0 or length < SMALL_SEGMENT:
        return
    step = _step(tcb, length)
    if step:
        tcb.window_threshold += min(room, i64(max(step, 2 * length)))
        tcb.quick_acks |= 1


def _step(tcb: ControlBlock, length: int) -> int:
    """How far the window may open for a segment: less if it is mostly overhead, and the more window there is already
    the more it has to be worth its memory.
    """
    memory = space_of(tcb, memory_of(length))
    if memory <= length:
        return 2 * tcb.advertised_mss
    memory >>= 1
    window = space_of(tcb, tcb.settings.receive_limit) >> 1
    while tcb.window_threshold <= window:
        if memory <= length:
            return 2 * tcb.received_mss
        memory >>= 1
        window >>= 1
    return 0


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
    buffer: int = min((window << 8) // tcb.data_share, tcb.settings.receive_limit)
    if buffer > tcb.receive_buffer:
        tcb.receive_buffer = buffer
        space = space_of(tcb, buffer)
        tcb.window_clamp = space if tcb.rcv_scale else min(space, i64(LARGEST_UNSCALED))
