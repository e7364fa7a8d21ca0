from __future__ import annotations

import pytest

from sim.stack.translation import tcp_states as states

S, SA, A, F, R = 0x02, 0x12, 0x10, 0x11, 0x04


def walk(segments: list[tuple[int, bool]]) -> str:
    """The state after segments (flags, by the opener)."""
    state, answered = states.first(segments[0][0]), False
    for flags, by_opener in segments[1:]:
        answered = answered or not by_opener
        state = states.after(state, flags, by_opener, answered)
    return states.NAMES[state]


@pytest.mark.parametrize(
    ("segments", "state"),
    [
        ([(S, True)], "syn-sent"),
        ([(S, True), (S, True)], "syn-sent"),
        ([(S, True), (SA, False)], "syn-received"),
        ([(S, True), (SA, False), (SA, False)], "syn-received"),
        ([(S, True), (SA, False), (A, True)], "established"),
        ([(S, True), (S, False), (SA, True), (SA, False), (A, True)], "established"),  # simultaneous open
        ([(S, True), (R | 0x10, False)], "reset"),  # refused
        ([(S, True), (R, False), (S, True)], "syn-sent"),
        ([(S, True), (SA, False), (A, True), (F, True)], "half-closed"),
        ([(S, True), (SA, False), (A, True), (F, True), (A, False)], "half-closed"),
        ([(S, True), (SA, False), (A, True), (F, True), (F, False), (A, True)], "closing"),
        ([(S, True), (SA, False), (A, True), (F, False), (F, True), (A, False)], "closing"),
        ([(S, True), (SA, False), (A, True), (F, True), (F, False), (S, True)], "syn-sent"),  # the ports once more
        ([(S, True), (SA, False), (A, True), (R, False)], "reset"),
        ([(S, True), (SA, False), (A, True), (R, False), (A, True)], "established"),  # RFC 6146: a forged RST
        ([(A, True)], "syn-received"),  # in mid-stream
        ([(A, True), (A, True)], "syn-received"),  # not before the other side is heard
        ([(A, True), (A, False)], "established"),
        ([(SA, True)], ""),
        ([(R, True)], ""),
        ([(0, True)], ""),
    ],
)
def test_the_way_of_a_connection(segments: list[tuple[int, bool]], state: str) -> None:
    assert walk(segments) == state


def test_each_step_stands_once_in_the_table() -> None:
    seen = [
        (state, segment, side)
        for state, segment, by_opener, _ in states.TRANSITIONS
        for side in (True, False)
        if by_opener in (None, side)
    ]
    assert len(seen) == len(set(seen))
