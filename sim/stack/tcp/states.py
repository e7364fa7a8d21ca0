"""The states of a connection and every legal transition between them (RFC 9293 3.3.2, figure 5), in one table."""

from __future__ import annotations

from typing import Final

CLOSED: Final = 0
LISTEN: Final = 1
SYN_SENT: Final = 2
SYN_RECEIVED: Final = 3
ESTABLISHED: Final = 4
FIN_WAIT_1: Final = 5
FIN_WAIT_2: Final = 6
CLOSE_WAIT: Final = 7
CLOSING: Final = 8
LAST_ACK: Final = 9
TIME_WAIT: Final = 10

NAMES: Final = (
    "CLOSED",
    "LISTEN",
    "SYN-SENT",
    "SYN-RECEIVED",
    "ESTABLISHED",
    "FIN-WAIT-1",
    "FIN-WAIT-2",
    "CLOSE-WAIT",
    "CLOSING",
    "LAST-ACK",
    "TIME-WAIT",
)

TRANSITIONS: Final = (
    (CLOSED, "passive open", LISTEN),
    (CLOSED, "active open, send SYN", SYN_SENT),
    (LISTEN, "receive SYN, send SYN,ACK", SYN_RECEIVED),
    (LISTEN, "close", CLOSED),
    (SYN_SENT, "receive SYN,ACK, send ACK", ESTABLISHED),
    (SYN_SENT, "receive SYN, send SYN,ACK", SYN_RECEIVED),
    (SYN_RECEIVED, "receive ACK of SYN", ESTABLISHED),
    (SYN_RECEIVED, "receive ACK of SYN, FIN waits", FIN_WAIT_1),
    (SYN_RECEIVED, "receive ACK of SYN and FIN", CLOSE_WAIT),
    (ESTABLISHED, "close, send FIN", FIN_WAIT_1),
    (ESTABLISHED, "receive FIN, send ACK", CLOSE_WAIT),
    (FIN_WAIT_1, "receive ACK of FIN", FIN_WAIT_2),
    (FIN_WAIT_1, "receive FIN, send ACK", CLOSING),
    (FIN_WAIT_1, "receive FIN and ACK of FIN, send ACK", TIME_WAIT),
    (FIN_WAIT_2, "receive FIN, send ACK", TIME_WAIT),
    (CLOSE_WAIT, "close, send FIN", LAST_ACK),
    (CLOSING, "receive ACK of FIN", TIME_WAIT),
    (LAST_ACK, "receive ACK of FIN", CLOSED),
    (TIME_WAIT, "2 MSL have passed", CLOSED),
    (SYN_SENT, "close, RST or timeout", CLOSED),
    (SYN_RECEIVED, "RST or timeout", CLOSED),
    (ESTABLISHED, "RST, abort or timeout", CLOSED),
    (FIN_WAIT_1, "RST or timeout", CLOSED),
    (FIN_WAIT_2, "RST or timeout", CLOSED),
    (CLOSE_WAIT, "RST, abort or timeout", CLOSED),
    (CLOSING, "RST or timeout", CLOSED),
    (LAST_ACK, "RST or timeout", CLOSED),
)
"""(from, what happens, to)."""

LEGAL: Final = frozenset((origin, target) for origin, _, target in TRANSITIONS)


def check_transition(origin: int, target: int) -> None:
    """Raises RuntimeError for a change of state that the table does not have."""
    if (origin, target) not in LEGAL:
        raise RuntimeError(f"TCP cannot go from {NAMES[origin]} to {NAMES[target]}")


def is_synchronised(state: int) -> bool:
    """Whether both sides know each other's sequence numbers (RFC 9293 3.5.2)."""
    return state >= ESTABLISHED
