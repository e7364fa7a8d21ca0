"""Timers in the background: they fire in their turn, and keep no run going."""

from __future__ import annotations

from sim.engine.engine import Engine


class Clock:
    """Fires every 10 ns, for ever."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.times: list[int] = []
        self.timer = engine.timer(self.fire, background=True)
        self.timer.set(10)

    def fire(self) -> None:
        self.times.append(self.engine.now)
        self.timer.set(self.engine.now + 10)


def test_a_run_ends_when_nothing_else_is_left() -> None:
    engine = Engine()
    clock = Clock(engine)
    engine.at(35, lambda: None)
    engine.run()
    assert (clock.times, engine.now) == ([10, 20, 30], 35)
    assert engine.at_rest()
    assert engine.next_time() == 40


def test_a_run_to_a_time_takes_them_along() -> None:
    engine = Engine()
    clock = Clock(engine)
    engine.run(until=40)
    assert clock.times == [10, 20, 30, 40]
    engine.run()
    assert engine.now == 40


def test_what_they_cause_is_waited_for() -> None:
    engine = Engine()
    done: list[int] = []

    def begin() -> None:
        engine.after(100, lambda: done.append(engine.now))

    timer = engine.timer(begin, background=True)
    timer.set(5)
    engine.at(7, lambda: None)
    engine.run()
    assert done == [105]


def test_one_that_is_moved_or_cancelled_is_counted_right() -> None:
    engine = Engine()
    timer = engine.timer(lambda: None, background=True)
    for time in (50, 20, 80, 10):
        timer.set(time)
    timer.cancel()
    timer.set(30)
    engine.run(until=100)
    assert (engine.background, engine.at_rest(), engine.next_time()) == (0, True, None)
    engine.at(200, lambda: None)
    assert not engine.at_rest()


def test_a_budget_is_not_spent_on_what_is_not_waited_for() -> None:
    engine = Engine()
    Clock(engine)
    engine.at(5, lambda: None)
    engine.run(budget=1)
    assert engine.now == 5
