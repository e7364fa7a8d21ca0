"""The table of states against RFC 9293 figure 5, written down here a second time from the RFC."""

from __future__ import annotations

from itertools import product

import pytest

from sim.stack.tcp import states
from sim.stack.tcp.states import (
    CLOSE_WAIT,
    CLOSED,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    LAST_ACK,
    LISTEN,
    NAMES,
    SYN_RECEIVED,
    SYN_SENT,
    TIME_WAIT,
    TRANSITIONS,
    check_transition,
    is_synchronised,
)

ALL = range(11)

FIGURE_5 = {
    (CLOSED, LISTEN),  # passive OPEN
    (CLOSED, SYN_SENT),  # active OPEN
    (LISTEN, SYN_RECEIVED),  # rcv SYN
    (LISTEN, CLOSED),  # CLOSE
    (SYN_SENT, CLOSED),  # CLOSE
    (SYN_SENT, SYN_RECEIVED),  # rcv SYN: simultaneous open
    (SYN_SENT, ESTABLISHED),  # rcv SYN,ACK
    (SYN_RECEIVED, ESTABLISHED),  # rcv ACK of SYN
    (SYN_RECEIVED, FIN_WAIT_1),  # CLOSE
    (ESTABLISHED, FIN_WAIT_1),  # CLOSE
    (ESTABLISHED, CLOSE_WAIT),  # rcv FIN
    (FIN_WAIT_1, FIN_WAIT_2),  # rcv ACK of FIN
    (FIN_WAIT_1, CLOSING),  # rcv FIN
    (FIN_WAIT_1, TIME_WAIT),  # note 2: rcv FIN with the ACK of ours
    (FIN_WAIT_2, TIME_WAIT),  # rcv FIN
    (CLOSE_WAIT, LAST_ACK),  # CLOSE
    (CLOSING, TIME_WAIT),  # rcv ACK of FIN
    (LAST_ACK, CLOSED),  # rcv ACK of FIN
    (TIME_WAIT, CLOSED),  # timeout = 2 MSL
}
# Not drawn there but said in 3.10.7.4: a RST ends every synchronised state; 3.8.3: so does the retransmission timeout.
ENDS = {(state, CLOSED) for state in ALL if state not in (CLOSED, LISTEN)}
# 3.10.7.4, eighth: in SYN-RECEIVED a FIN leads to CLOSE-WAIT.
BESIDES = {(SYN_RECEIVED, CLOSE_WAIT)}
# 3.10.2 would let LISTEN send; nobody does. SYN-RECEIVED goes back to LISTEN by forgetting the connection.


def test_the_table_is_that_of_the_rfc() -> None:
    assert {(origin, target) for origin, _, target in TRANSITIONS} == FIGURE_5 | ENDS | BESIDES


def test_each_transition_stands_once_and_is_explained() -> None:
    assert len(TRANSITIONS) == len(set(TRANSITIONS))
    assert all(why for _, why, _ in TRANSITIONS)


@pytest.mark.parametrize("pair", sorted(product(ALL, ALL)), ids=lambda pair: f"{NAMES[pair[0]]}>{NAMES[pair[1]]}")
def test_what_is_not_in_the_table_is_refused(pair: tuple[int, int]) -> None:
    if pair in FIGURE_5 | ENDS | BESIDES:
        check_transition(*pair)
    else:
        with pytest.raises(RuntimeError, match=f"from {NAMES[pair[0]]} to {NAMES[pair[1]]}"):
            check_transition(*pair)


def test_every_state_can_be_reached_and_left() -> None:
    reached, targets = {CLOSED}, {CLOSED}
    while targets:
        targets = {to for origin, _, to in TRANSITIONS if origin in reached} - reached
        reached |= targets
    assert reached == set(ALL)
    assert {origin for origin, _, _ in TRANSITIONS} == set(ALL)


def test_names_are_those_of_the_rfc() -> None:
    assert NAMES == (
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
    assert [getattr(states, name.replace("-", "_")) for name in NAMES] == list(ALL)


def test_synchronised_states() -> None:
    """RFC 9293 3.5.2, group 3."""
    assert [state for state in ALL if is_synchronised(state)] == [
        ESTABLISHED,
        FIN_WAIT_1,
        FIN_WAIT_2,
        CLOSE_WAIT,
        CLOSING,
        LAST_ACK,
        TIME_WAIT,
    ]
