from __future__ import annotations

from sim.engine.streams import Streams


def test_the_same_seed_and_name_draw_the_same() -> None:
    assert Streams(7).stream("a").random() == Streams(7).stream("a").random()


def test_names_and_seeds_tell_streams_apart() -> None:
    streams = Streams(7)
    draws = {streams.stream("a").random(), streams.stream("b").random(), Streams(8).stream("a").random()}
    assert len(draws) == 3


def test_a_new_consumer_does_not_shift_another_stream() -> None:
    alone, beside = Streams(7), Streams(7)
    first = [alone.stream("a").random() for _ in range(3)]
    second = []
    for _ in range(3):
        second.append(beside.stream("a").random())
        beside.stream("new").random()
    assert first == second


def test_draws_do_not_depend_on_the_process() -> None:
    # sha256("7/a") seeds Mersenne Twister: the number is the same on every machine and Python.
    assert round(Streams(7).stream("a").random(), 9) == 0.824992349
