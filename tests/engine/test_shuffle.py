"""Ties that chance settles: what may change, and what may not."""

from __future__ import annotations

from random import Random

import pytest

from sim.engine.engine import Engine, Target
from sim.errors import BudgetError


class Log(Target):
    """Notes its name and the frame, in a list that all share."""

    def __init__(self, name: str, shared: list[str]) -> None:
        self.name = name
        self.shared = shared

    def fire(self, frame: bytes) -> None:
        self.shared.append(self.name + frame.decode())


def engine_of(seed: int) -> Engine:
    engine = Engine()
    engine.shuffle(Random(seed).randrange)
    return engine


def order(seed: int) -> list[str]:
    """Two frames for x, one for y and a timer, all at one instant; and one of each before and after."""
    engine, seen = engine_of(seed), list[str]()
    x, y = Log("x", seen), Log("y", seen)
    engine.schedule(5, x, b"0")
    engine.schedule(10, x, b"1")
    engine.schedule(10, x, b"2")
    engine.schedule(10, y, b"1")
    engine.at(10, lambda: seen.append("timer"))
    engine.schedule(20, y, b"9")
    engine.run()
    return seen


def test_every_order_comes_but_one_targets_frames_keep_theirs() -> None:
    orders = {tuple(order(seed)) for seed in range(200)}
    assert {one[0] for one in orders} == {"x0"}
    assert {one[-1] for one in orders} == {"y9"}
    assert len(orders) == 12  # 4! orders of four things, of which two have theirs
    assert all(one.index("x1") < one.index("x2") for one in orders)


def test_the_seed_decides() -> None:
    assert order(3) == order(3)


@pytest.mark.parametrize("seed", range(10))
def test_what_is_asked_for_at_an_instant_comes_behind_what_was_due_in_it(seed: int) -> None:
    engine, seen = engine_of(seed), list[str]()

    def first(name: str) -> None:
        seen.append(name)
        engine.at(engine.now, lambda: seen.append(f"{name} then 1"))
        engine.at(engine.now, lambda: seen.append(f"{name} then 2"))

    for name in ("a", "b"):
        engine.at(10, lambda name=name: first(name))  # type: ignore[misc]
    engine.run()
    assert sorted(seen[:2]) == ["a", "b"]
    assert seen[2:] == [f"{name} then {number}" for name in seen[:2] for number in (1, 2)]


def test_what_is_to_happen_soon_comes_anywhere_among_what_is_due() -> None:
    places = set()
    for seed in range(50):
        engine, seen = engine_of(seed), list[str]()
        engine.at(10, lambda: engine.soon(lambda: seen.append("soon")))  # noqa: B023
        for name in "ab":
            engine.schedule(10, Log(name, seen), b"!")
        engine.run()
        assert sorted(seen) == ["a!", "b!", "soon"]
        places.add(seen.index("soon"))
    assert places == {0, 1, 2}


def test_frames_are_taken_back_from_the_instant_that_has_begun() -> None:
    for seed in range(20):
        engine, seen = engine_of(seed), list[str]()
        log = Log("x", seen)
        taken: list[list[int]] = []
        numbers = [engine.schedule(10, log, b"1"), engine.schedule(10, log, b"2")]
        engine.at(10, lambda: taken.append(engine.withdraw(log)))  # noqa: B023
        engine.run()
        assert len(seen) + len(taken[0]) == 2
        assert taken[0] == numbers[len(seen) :]


def test_nothing_is_lost_when_a_run_ends_within_an_instant() -> None:
    engine, seen = engine_of(1), list[str]()
    for name in "abc":
        engine.schedule(10, Log(name, seen), b"!")
    engine.at(10, engine.stop)
    engine.at(20, lambda: seen.append("last"))
    with pytest.raises(BudgetError):
        engine.run(budget=0)
    while engine.next_time() is not None:
        engine.run()
    assert sorted(seen[:3]) == ["a!", "b!", "c!"]
    assert seen[3:] == ["last"]


def test_nothing_is_lost_when_a_target_raises() -> None:
    engine, seen = engine_of(1), list[str]()

    def fail() -> None:
        raise ValueError("a bug")

    for name in "abc":
        engine.schedule(10, Log(name, seen), b"!")
    engine.at(10, fail)
    with pytest.raises(ValueError, match="a bug"):
        engine.run()
    assert engine.next_time() in (10, None)
    engine.run()
    assert sorted(seen) == ["a!", "b!", "c!"]
