from __future__ import annotations

import gc

import pytest

import sim


def test_a_run_leaves_the_garbage_collector_as_it_was() -> None:
    before = gc.get_threshold(), gc.isenabled(), gc.get_freeze_count()
    during: list[tuple[int, int, int]] = []
    net = sim.Network()
    net.engine.after(5, lambda: during.append(gc.get_threshold()))
    net.run()
    assert during[0][0] > before[0][0]
    assert (gc.get_threshold(), gc.isenabled(), gc.get_freeze_count()) == before


def test_so_does_one_that_fails() -> None:
    before = gc.get_threshold()
    net = sim.Network()

    def fail() -> None:
        raise RuntimeError("a program's own bug")

    net.engine.after(5, fail)
    with pytest.raises(RuntimeError, match="own bug"):
        net.run()
    assert gc.get_threshold() == before
