"""The state of a TCP connection as the middle of the way sees it: flags only, in either direction.

The machine of RFC 6146 3.5.2.2, which RFC 7857 2 gives to every NAT, with one state more: a connection counts as
established only once both sides have spoken and one has acknowledged. So a flood of SYNs, answered or not, never gets
the long timeout (RFC 5382 5). A SYN from the other side before any answer is a simultaneous open (RFC 5382 REQ-2).
"""

from __future__ import annotations

from typing import Final

FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
ACK: Final = 0x10

NONE: Final = 0  # not TCP
SYN_SENT: Final = 1
SYN_RECEIVED: Final = 2
ESTABLISHED: Final = 3
HALF_CLOSED_BY_OPENER: Final = 4
HALF_CLOSED_BY_OTHER: Final = 5
CLOSING: Final = 6  # both have sent a FIN
RESET: Final = 7

NAMES: Final = ("", "syn-sent", "syn-received", "established", "half-closed", "half-closed", "closing", "reset")

SYN_SEGMENT: Final = 0
FIN_SEGMENT: Final = 1
RST_SEGMENT: Final = 2
ACK_SEGMENT: Final = 3  # and whatever else

TRANSITIONS: Final = (
    # state, what is seen, from the opener's side or the other's (None: either), next state
    (SYN_SENT, SYN_SEGMENT, False, SYN_RECEIVED),  # SYN,ACK, or a SYN: simultaneous open
    (SYN_SENT, RST_SEGMENT, None, RESET),
    (SYN_RECEIVED, ACK_SEGMENT, None, ESTABLISHED),
    (SYN_RECEIVED, FIN_SEGMENT, True, HALF_CLOSED_BY_OPENER),
    (SYN_RECEIVED, FIN_SEGMENT, False, HALF_CLOSED_BY_OTHER),
    (SYN_RECEIVED, RST_SEGMENT, None, RESET),
    (ESTABLISHED, FIN_SEGMENT, True, HALF_CLOSED_BY_OPENER),
    (ESTABLISHED, FIN_SEGMENT, False, HALF_CLOSED_BY_OTHER),
    (ESTABLISHED, RST_SEGMENT, None, RESET),
    (HALF_CLOSED_BY_OPENER, FIN_SEGMENT, False, CLOSING),
    (HALF_CLOSED_BY_OPENER, RST_SEGMENT, None, RESET),
    (HALF_CLOSED_BY_OTHER, FIN_SEGMENT, True, CLOSING),
    (HALF_CLOSED_BY_OTHER, RST_SEGMENT, None, RESET),
    (CLOSING, SYN_SEGMENT, True, SYN_SENT),  # the same ports once more
    (CLOSING, RST_SEGMENT, None, RESET),
    (RESET, SYN_SEGMENT, True, SYN_SENT),
    (RESET, ACK_SEGMENT, None, ESTABLISHED),  # RFC 6146: the RST was not believed, they go on
)


def _table() -> dict[int, int]:
    table: dict[int, int] = {}
    for state, segment, by_opener, then in TRANSITIONS:
        for side in (False, True):
            if by_opener is None or by_opener == side:
                table[_index(state, segment, side)] = then
    return table


def _index(state: int, segment: int, by_opener: bool) -> int:
    return state << 3 | segment << 1 | (1 if by_opener else 0)


_NEXT: Final = _table()


def kind_of(flags: int) -> int:
    """Which kind of segment flags make."""
    if flags & RST:
        return RST_SEGMENT
    if flags & SYN:
        return SYN_SEGMENT
    return FIN_SEGMENT if flags & FIN else ACK_SEGMENT


def first(flags: int) -> int:
    """The state after the first segment that is seen; NONE if it cannot be the first of anything.

    One without SYN is taken up in mid-stream, as Linux does: a gateway that was switched off has forgotten all.
    """
    kind = kind_of(flags)
    if kind == RST_SEGMENT or (kind == SYN_SEGMENT and flags & ACK) or (kind != SYN_SEGMENT and not flags & ACK):
        return NONE
    return SYN_SENT if kind == SYN_SEGMENT else SYN_RECEIVED


def after(state: int, flags: int, by_opener: bool, answered: bool) -> int:
    """The state after one more segment; `answered`: whether both sides have been heard by now."""
    then = _NEXT.get(_index(state, kind_of(flags), by_opener), state)
    return state if then == ESTABLISHED and not answered else then
