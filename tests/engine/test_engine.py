from __future__ import annotations

import pytest

from sim.engine.engine import Engine, Target
from sim.errors import BudgetError


class Log(Target):
    """Keeps what it is fired with."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.seen: list[tuple[int, int, bytes]] = []

    def fire(self, frame: bytes) -> None:
        self.seen.append((self.engine.now, self.engine.cause, frame))


def test_events_come_in_order_of_time_and_ties_in_order_of_asking() -> None:
    engine = Engine()
    log = Log(engine)
    late = engine.schedule(20, log, b"late")
    first = engine.schedule(10, log, b"first")
    second = engine.schedule(10, log, b"second")
    engine.run()
    assert log.seen == [(10, first, b"first"), (10, second, b"second"), (20, late, b"late")]
    assert engine.now == 20
    assert engine.cause == 0


def test_until_is_included_and_moves_the_clock() -> None:
    engine = Engine()
    log = Log(engine)
    engine.schedule(10, log, b"a")
    engine.schedule(11, log, b"b")
    engine.run(until=10)
    assert [frame for _, _, frame in log.seen] == [b"a"]
    engine.run(until=10)
    assert engine.now == 10
    engine.run(until=50)
    assert engine.now == 50
    assert len(log.seen) == 2


def test_a_timer_fires_once_with_the_cause_it_was_set_under() -> None:
    engine = Engine()
    causes: list[tuple[int, int]] = []
    timer = engine.timer(lambda: causes.append((engine.now, engine.cause)))

    class SetsTimer(Target):
        def fire(self, frame: bytes) -> None:
            timer.set(engine.now + 5)

    number = engine.schedule(10, SetsTimer(), b"x")
    engine.run()
    assert causes == [(15, number)]
    assert not timer.pending


def test_a_timer_can_be_moved_later_earlier_and_cancelled() -> None:
    engine = Engine()
    fired: list[int] = []
    timer = engine.timer(lambda: fired.append(engine.now))
    timer.set(10)
    timer.set(30)
    timer.set(20)
    engine.run()
    assert fired == [20]
    timer.set(40)
    timer.cancel()
    engine.run()
    assert fired == [20]


def test_a_cancelled_timer_does_not_move_the_clock() -> None:
    engine = Engine()
    engine.at(1000, lambda: None).cancel()
    log = Log(engine)
    engine.schedule(3, log, b"x")
    engine.run()
    assert engine.now == 3


def test_a_timer_set_again_while_it_fires_repeats() -> None:
    engine = Engine()
    fired: list[int] = []

    def tick() -> None:
        fired.append(engine.now)
        if len(fired) < 3:
            timer.set(engine.now + 7)

    timer = engine.timer(tick)
    timer.set(7)
    engine.run()
    assert fired == [7, 14, 21]


def test_the_past_is_refused() -> None:
    engine = Engine()
    engine.run(until=10)
    with pytest.raises(ValueError, match="10 ns already"):
        engine.at(9, lambda: None)


def test_stop_leaves_the_rest_for_the_next_run() -> None:
    engine = Engine()
    log = Log(engine)
    engine.at(5, engine.stop)
    engine.schedule(6, log, b"x")
    engine.run(until=100)
    assert (engine.now, log.seen) == (5, [])
    engine.run()
    assert engine.now == 6


def test_a_budget_bounds_a_run_that_never_rests() -> None:
    engine = Engine()

    class Echo(Target):
        def fire(self, frame: bytes) -> None:
            engine.schedule(engine.now + 1, self, frame)

    engine.schedule(1, Echo(), b"x")
    with pytest.raises(BudgetError, match="1000 events"):
        engine.run(budget=1000)
    assert engine.now == 1000


def test_withdraw_takes_back_one_targets_frames_and_keeps_the_order_of_the_rest() -> None:
    engine = Engine()
    kept, gone = Log(engine), Log(engine)
    numbers = []
    for time in (30, 10, 20, 40):
        engine.schedule(time, kept, b"k")
        numbers.append(engine.schedule(time, gone, b"g"))
    assert engine.withdraw(gone) == sorted(numbers)
    engine.run()
    assert [time for time, _, _ in kept.seen] == [10, 20, 30, 40]
    assert gone.seen == []
