"""CoDel against RFC 8289, driven by hand: a queue in which every frame has waited as long as the test says."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import TYPE_CHECKING

import pytest

from sim.links.queues.codel import DROPPED, CoDel, CoDelQueue
from sim.links.queues.discipline import MARKED, Waiting

if TYPE_CHECKING:
    from tests.links.conftest import Bench

MS = 1_000_000
TARGET = 5 * MS
INTERVAL = 100 * MS
STEP = MS // 10


class Patient:
    """Asks a CoDel queue for a frame every 0.1 ms; keeps when it dropped one, in units of that step."""

    def __init__(self, ecn: bool = False, frame: bytes = bytes(1000)) -> None:
        self.queue = CoDelQueue(TARGET, INTERVAL, ecn)
        self.frame = frame
        self.now = 0
        self.drops: list[int] = []
        self.given: list[Waiting] = []

    def ask(self, steps: int, sojourn: int, behind: int = 5) -> None:
        for _ in range(steps):
            self.now += STEP
            while self.queue.frames <= behind:
                self.queue.push(Waiting(self.frame, self.now))
            for waiting in self.queue._line:
                waiting.time = self.now - sojourn
            given = self.queue.dequeue(self.now)
            self.drops += [self.now // STEP] * len(self.queue.dropped)
            self.queue.dropped.clear()
            if given is not None:
                self.given.append(given)


def test_a_delay_below_the_target_is_no_reason() -> None:
    patient = Patient()
    patient.ask(5000, TARGET - 1)
    assert patient.drops == []


def test_the_first_drop_comes_after_an_interval_above_the_target() -> None:
    patient = Patient()
    patient.ask(1000, TARGET)
    assert patient.drops == []
    patient.ask(1, TARGET)
    assert patient.drops == [1001]  # first seen above at 1, so 1000 steps of 0.1 ms later


def test_one_frame_below_the_target_starts_the_interval_anew() -> None:
    patient = Patient()
    patient.ask(999, TARGET)
    patient.ask(1, TARGET - 1)
    patient.ask(1000, TARGET)
    assert patient.drops == []
    patient.ask(1, TARGET)
    assert patient.drops == [2001]


def test_with_less_than_a_full_frame_behind_it_nothing_is_dropped() -> None:
    patient = Patient()
    patient.ask(5000, 10 * TARGET, behind=1)
    assert patient.drops == []
    patient.ask(2000, 10 * TARGET, behind=2)
    assert patient.drops


def test_drops_follow_the_control_law() -> None:
    patient = Patient()
    patient.ask(20_000, 10 * TARGET)
    due, expected = 1001 * STEP, [1001]
    for count in range(1, 1000):
        due += int(INTERVAL / sqrt(count))
        if -(-due // STEP) > 20_000:
            break
        expected.append(-(-due // STEP))
    assert len(expected) > 80
    assert patient.drops == expected


def test_it_catches_up_when_it_was_not_asked_for_long() -> None:
    patient = Patient()
    patient.ask(1001, TARGET, behind=50)
    patient.now += 4 * INTERVAL
    patient.ask(1, TARGET, behind=50)
    due, expected = 1001 * STEP, 0
    while due + int(INTERVAL / sqrt(expected + 1)) <= patient.now:
        expected += 1
        due += int(INTERVAL / sqrt(expected))
    assert expected > 5
    assert len(patient.drops) == 1 + expected


def test_it_stops_as_soon_as_a_frame_is_below_the_target() -> None:
    patient = Patient()
    patient.ask(5000, TARGET)
    assert patient.queue.dropping
    dropped = len(patient.drops)
    patient.ask(1, TARGET - 1)
    assert not patient.queue.dropping
    patient.ask(1000, TARGET)
    assert len(patient.drops) == dropped


def test_catching_up_it_stops_as_well_at_a_frame_below_the_target() -> None:
    patient = Patient()
    patient.ask(1001, TARGET)
    queue, now = patient.queue, patient.now + 4 * INTERVAL
    queue.drain(now)
    for sojourn in (TARGET, TARGET - 1, TARGET, TARGET, TARGET, TARGET):
        queue.push(Waiting(bytes(1000), now - sojourn))
    given = queue.dequeue(now)
    assert given is not None
    assert now - given.time == TARGET - 1
    assert (len(queue.dropped), queue.dropping) == (1, False)


@pytest.mark.parametrize(("pause", "reused"), [(1000, True), (15_000, True), (20_000, False)])
def test_the_rate_that_was_right_is_used_again_for_sixteen_intervals(pause: int, reused: bool) -> None:
    patient = Patient()
    patient.ask(10_000, TARGET)
    before = patient.queue.count
    assert before == len(patient.drops) > 10
    patient.ask(pause - 1001, TARGET - 1) if pause > 1001 else patient.ask(1, 0)
    patient.ask(1001, TARGET)
    assert patient.queue.dropping
    assert patient.queue.count == (before - 1 if reused else 1)  # one was counted when it began the last time
    assert patient.queue.drop_next == patient.now + int(INTERVAL / sqrt(patient.queue.count))


def test_the_queue_runs_empty() -> None:
    queue = CoDelQueue(TARGET, INTERVAL, False)
    assert queue.dequeue(0) is None
    for _ in range(4):
        queue.push(Waiting(bytes(1000), 0))
    assert queue.dequeue(50 * MS) is not None
    assert queue.dequeue(150 * MS) is not None  # dropped one, gave the next
    assert [waiting.reason for waiting in queue.dropped] == [DROPPED]
    assert queue.dequeue(10**12) is not None
    assert queue.dequeue(10**12) is None
    assert (queue.frames, queue.size, queue.dropping) == (0, 0, False)


def test_with_ecn_frames_are_marked_at_the_same_times(udp: Callable[..., bytes]) -> None:
    marking = Patient(ecn=True, frame=udp(ecn=2))
    dropping = Patient(ecn=True, frame=udp(ecn=0))
    marking.ask(10_000, TARGET)
    dropping.ask(10_000, TARGET)
    marked = [index + 1 for index, waiting in enumerate(marking.given) if waiting.note == MARKED]
    assert marking.drops == []
    assert marked == dropping.drops
    assert len(marking.given) == 10_000
    assert marking.queue.marked == len(marked)
    assert {waiting.frame[15] for waiting in marking.given if waiting.note} == {3}


@pytest.mark.parametrize(("discipline", "highest"), [(None, None), (CoDel(), 15 * MS)])
def test_standing_delay_of_a_load_that_does_not_listen(
    bench: Callable[..., Bench], discipline: CoDel | None, highest: int | None
) -> None:
    """Five per cent too much for the link: drop-tail fills the buffer, CoDel stays near its target of 5 ms.

    Such a load needs 26 drops a second. A much greater excess grows faster than CoDel's rate of drops at first, which
    the square root in its law is for senders that slow down when they lose something.
    """
    network = bench(discipline, bandwidth=4_000_000, queue_frames=200)  # a frame takes 2 ms
    network.flow(1, 1000, 1_900_000, until=10_000 * MS)
    network.engine.run(10_000 * MS)
    late = network.delays(1, since=9_000 * MS)
    assert len(late) > 450  # the link is never idle
    average = sum(late) / len(late)
    if highest is None:
        assert 395 * MS < average <= 402 * MS
        assert set(network.channel.drops or {}) == {"queue full"}
    else:
        assert average < highest
        assert set(network.channel.drops or {}) == {DROPPED}


def test_numbers_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="above zero"):
        CoDel(target=0)
