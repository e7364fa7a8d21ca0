from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.stack.alarms import NEVER, Alarm, Alarms


@pytest.fixture
def alarms() -> Alarms:
    return Alarms()


def nothing() -> None:
    """The action of an alarm that is only looked at."""


def test_the_earliest_deadline_is_what_the_world_needs_to_know(alarms: Alarms) -> None:
    assert alarms.next_deadline() == NEVER
    for time in (30, 10, 20):
        alarms.set(Alarm(nothing), time, 0)
    assert alarms.next_deadline() == 10


def test_alarms_of_one_time_go_off_in_the_order_they_were_set(alarms: Alarms) -> None:
    both = [Alarm(nothing), Alarm(nothing)]
    for alarm in both:
        alarms.set(alarm, 5, 0)
    assert [alarms.pop_due(5), alarms.pop_due(5), alarms.pop_due(5)] == [*both, None]


def test_a_cancelled_alarm_is_silent(alarms: Alarms) -> None:
    alarm = Alarm(nothing)
    alarms.set(alarm, 5, 0)
    alarms.cancel(alarm)
    assert alarms.next_deadline() == NEVER
    assert alarms.pop_due(5) is None


def test_a_moved_alarm_goes_off_once_at_its_new_time(alarms: Alarms) -> None:
    for first, second in ((5, 9), (9, 5)):
        alarm = Alarm(nothing)
        alarms.set(alarm, first, 0)
        alarms.set(alarm, second, 0)
        assert alarms.pop_due(second - 1) is None
        assert alarms.pop_due(second) is alarm
        assert alarms.pop_due(100) is None


def test_an_alarm_may_be_set_again_to_a_time_that_it_had_before(alarms: Alarms) -> None:
    alarm = Alarm(nothing)
    alarms.set(alarm, 9, 0)
    alarms.set(alarm, 5, 0)
    assert alarms.pop_due(5) is alarm
    alarms.set(alarm, 9, 0)
    assert alarms.pop_due(9) is alarm
    assert alarms.pop_due(9) is None


def test_the_cause_is_kept_until_the_alarm_goes_off(alarms: Alarms) -> None:
    alarm = Alarm(nothing)
    alarms.set(alarm, 5, 42)
    due = alarms.pop_due(5)
    assert due is alarm
    assert due.cause == 42


COMMANDS = st.lists(st.tuples(st.integers(0, 3), st.one_of(st.none(), st.integers(1, 30))), max_size=30)


@given(COMMANDS)
def test_any_order_of_set_and_cancel_goes_off_as_a_plain_list_would(commands: list[tuple[int, int | None]]) -> None:
    alarms = Alarms()
    owned = [Alarm(nothing) for _ in range(4)]
    expected: dict[int, int] = {}
    for index, time in commands:
        if time is None:
            alarms.cancel(owned[index])
            expected.pop(index, None)
        else:
            alarms.set(owned[index], time, 0)
            expected[index] = time
        assert alarms.next_deadline() == min(expected.values(), default=NEVER)
    went_off = []
    for now in range(31):
        while (alarm := alarms.pop_due(now)) is not None:
            went_off.append((now, owned.index(alarm)))
    assert sorted(went_off) == sorted((time, index) for index, time in expected.items())
