from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest

from sim.bridge.realtime import LATE, SLICE, SLICE_TIME, STUCK, Bell, Door, Pacer, WallClock
from sim.engine.engine import Engine
from sim.errors import BudgetError
from sim.lab.network import Network
from sim.services.ping import Ping
from sim.units import MILLISECOND, SECOND

BOOT = 777 * SECOND  # what the monotonic clock says when the test begins


class FakeDoor:
    """Has something to read at certain times of the wall clock (ns since the test began)."""

    def __init__(self, engine: Engine, times: Sequence[int], action: Callable[[], None] | None = None) -> None:
        self.engine = engine
        self.pending = sorted(BOOT + time for time in times)
        self.read_at: list[int] = []
        self._action = action

    def fileno(self) -> int:
        return -1

    def readable(self) -> None:
        self.pending.pop(0)
        self.read_at.append(self.engine.now)
        if self._action is not None:
            self._action()

    def close(self) -> None:
        self.pending.clear()


class FakeClock(WallClock):
    """Time passes only by waiting, to the nanosecond, and `oversleep` ns longer."""

    def __init__(self, oversleep: int = 0) -> None:
        self.time = BOOT
        self.oversleep = oversleep
        self.waits: list[int | None] = []

    @property
    def elapsed(self) -> int:
        return self.time - BOOT

    def now(self) -> int:
        return self.time

    def wait(self, doors: Sequence[Door], timeout: int | None) -> list[Door]:
        self.waits.append(timeout)
        fakes = [door for door in doors if isinstance(door, FakeDoor)]
        wake = [door.pending[0] for door in fakes if door.pending]
        if timeout is not None:
            wake.append(self.time + timeout + (self.oversleep if timeout else 0))
        assert wake, "it would sleep for ever"
        self.time = max(self.time, min(wake))
        return [door for door in fakes if door.pending and door.pending[0] <= self.time]


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_events_happen_when_the_wall_clock_says_so(engine: Engine, clock: FakeClock) -> None:
    seen: list[tuple[int, int]] = []
    for due in (0, 3, 2 * SECOND, 2 * SECOND, 5 * SECOND):
        engine.at(due, lambda: seen.append((engine.now, clock.elapsed)))
    Pacer(engine, clock=clock).run()
    assert seen == [(due, due) for due in (0, 3, 2 * SECOND, 2 * SECOND, 5 * SECOND)]


@pytest.mark.parametrize(("speed", "expected"), [(10.0, SECOND), (0.5, 20 * SECOND), (3.0, 3_333_333_334)])
def test_speed_scales_the_wall_clock(engine: Engine, clock: FakeClock, speed: float, expected: int) -> None:
    seen: list[int] = []
    engine.at(10 * SECOND, lambda: seen.append(clock.elapsed))
    Pacer(engine, speed, clock).run()
    assert seen == [expected]


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf")])
def test_a_speed_that_is_none_is_refused(engine: Engine, speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        Pacer(engine, speed)


def test_what_comes_in_comes_in_at_the_virtual_time_of_the_wall_clock(engine: Engine, clock: FakeClock) -> None:
    handled: list[int] = []
    for due in (1 * SECOND, 4 * SECOND):
        engine.at(due, lambda: handled.append(engine.now))
    door = FakeDoor(engine, [1_500_000_007, 3 * SECOND], lambda: handled.append(-engine.now))
    Pacer(engine, clock=clock).run(5 * SECOND, [door])
    assert door.read_at == [1_500_000_007, 3 * SECOND]
    assert handled == [SECOND, -1_500_000_007, -3 * SECOND, 4 * SECOND]


def test_what_is_due_happens_before_what_comes_in_late(engine: Engine) -> None:
    clock = FakeClock(oversleep=10)
    handled: list[str] = []
    engine.at(1000, lambda: handled.append("event"))
    Pacer(engine, clock=clock).run(2000, [FakeDoor(engine, [1005], lambda: handled.append("door"))])
    assert handled == ["event", "door"]


def test_a_door_may_cause_events_at_once(engine: Engine, clock: FakeClock) -> None:
    seen: list[tuple[int, int]] = []
    timer = engine.timer(lambda: seen.append((engine.now, clock.elapsed)))
    Pacer(engine, clock=clock).run(1000, [FakeDoor(engine, [500], lambda: timer.set(engine.now))])
    assert seen == [(500, 500)]


def test_a_door_read_early_hurries_nothing(engine: Engine, clock: FakeClock) -> None:
    handled: list[int] = []
    engine.at(1000, lambda: handled.append(clock.elapsed))
    Pacer(engine, clock=clock).run(1000, [FakeDoor(engine, [10, 20, 999])])
    assert handled == [1000]


def test_until_is_where_the_clock_ends(engine: Engine, clock: FakeClock) -> None:
    handled: list[int] = []
    for due in (1000, 1001):
        engine.at(due, lambda: handled.append(engine.now))
    door = FakeDoor(engine, [1000, 5000])
    pacer = Pacer(engine, clock=clock)
    pacer.run(1000, [door])
    assert (handled, engine.now, clock.elapsed) == ([1000], 1000, 1000)
    assert door.read_at == []


def test_until_without_events_passes_the_time(engine: Engine, clock: FakeClock) -> None:
    Pacer(engine, 2.0, clock).run(SECOND)
    assert (engine.now, clock.elapsed) == (SECOND, SECOND // 2)


def test_nothing_to_come_and_no_door_is_the_end(engine: Engine, clock: FakeClock) -> None:
    Pacer(engine, clock=clock).run()
    assert clock.waits == []


def test_with_a_door_and_nothing_to_come_it_waits_for_ever(engine: Engine, clock: FakeClock) -> None:
    pacer = Pacer(engine, clock=clock)
    pacer.run(doors=[FakeDoor(engine, [9 * SECOND], pacer.stop)])
    assert clock.waits == [None]
    assert engine.now == 9 * SECOND


def test_virtual_time_stands_still_between_runs(engine: Engine, clock: FakeClock) -> None:
    pacer = Pacer(engine, clock=clock)
    pacer.run(1000)
    clock.time += 5 * SECOND
    pacer.run(3000)
    assert (engine.now, clock.elapsed) == (3000, 5 * SECOND + 3000)


def test_a_wall_clock_that_goes_back_does_not_take_virtual_time_along(engine: Engine, clock: FakeClock) -> None:
    def turn_back() -> None:
        clock.time -= 400

    door = FakeDoor(engine, [500, 501], turn_back)
    Pacer(engine, clock=clock).run(1000, [door])
    assert door.read_at == [500, 501]
    assert (engine.now, clock.elapsed) == (1000, 1000)


def test_an_event_can_stop_it(engine: Engine, clock: FakeClock) -> None:
    handled: list[int] = []
    pacer = Pacer(engine, clock=clock)
    engine.at(10, pacer.stop)
    engine.at(10, lambda: handled.append(engine.now))
    pacer.run(1000)
    assert (handled, engine.now) == ([], 10)
    pacer.run(20)
    assert (handled, engine.now) == ([10], 20)


def test_a_door_can_stop_it_before_the_next_door(engine: Engine, clock: FakeClock) -> None:
    pacer = Pacer(engine, clock=clock)
    one, other = FakeDoor(engine, [7], pacer.stop), FakeDoor(engine, [7])
    pacer.run(doors=[one, other])
    assert (engine.now, one.read_at, other.read_at) == (7, [7], [])


def test_a_stop_before_the_run_is_not_lost(engine: Engine, clock: FakeClock) -> None:
    pacer = Pacer(engine, clock=clock)
    pacer.stop()
    pacer.run(1000)
    assert engine.now == 0
    pacer.run(1000)
    assert engine.now == 1000


def test_a_tool_that_stops_the_engine_does_not_stop_the_pacer(clock: FakeClock) -> None:
    net = Network()
    a, b = net.host("a", "10.0.0.1/24"), net.host("b", "10.0.0.2/24")
    net.link(a, b, delay="1ms")
    ping = Ping(a, net.resolve("b"), net.engine.stop, count=2, interval=10 * MILLISECOND)
    ping.start()
    Pacer(net.engine, clock=clock).run(SECOND)
    assert [reply.rtt for reply in ping.replies] == [4 * MILLISECOND, 2 * MILLISECOND]
    assert net.now == clock.elapsed == SECOND


def test_a_tool_that_stops_the_engine_in_the_middle_of_a_turn(engine: Engine) -> None:
    handled: list[int] = []
    engine.at(10, engine.stop)
    engine.at(20, lambda: handled.append(engine.now))
    door = FakeDoor(engine, [500], lambda: handled.append(engine.now))
    Pacer(engine, clock=FakeClock(oversleep=1000)).run(2000, [door])
    assert handled == [20, 500]


def test_ctrl_c_ends_it_and_it_can_go_on(engine: Engine, clock: FakeClock) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    handled: list[int] = []
    engine.at(2000, lambda: handled.append(engine.now))
    pacer = Pacer(engine, clock=clock)
    pacer.run(5000, [FakeDoor(engine, [1000], interrupt)])
    assert pacer.interrupted
    assert engine.now == 1000
    pacer.run(5000)
    assert not pacer.interrupted
    assert handled == [2000]


def test_what_a_door_raises_comes_out(engine: Engine, clock: FakeClock) -> None:
    def fail() -> None:
        raise RuntimeError("gone")

    with pytest.raises(RuntimeError, match="gone"):
        Pacer(engine, clock=clock).run(5000, [FakeDoor(engine, [1000], fail)])


def test_the_lag_of_one_who_keeps_up_is_none(engine: Engine, clock: FakeClock) -> None:
    for due in (1000, 2000):
        engine.at(due, lambda: None)
    pacer = Pacer(engine, clock=clock)
    pacer.run()
    assert (pacer.lag.turns, pacer.lag.late, pacer.lag.longest) == (2, 0, 0)


def test_waking_late_is_lag(engine: Engine) -> None:
    for due in (SECOND, 2 * SECOND):
        engine.at(due, lambda: None)
    pacer = Pacer(engine, clock=FakeClock(oversleep=LATE + 1))
    pacer.run()
    assert (pacer.lag.turns, pacer.lag.late, pacer.lag.longest) == (2, 2, LATE + 1)
    assert str(pacer.lag) == "at most 5.000001ms behind the clock, 2 of 2 turns by more than 5ms"


def test_lag_is_time_of_the_wall_clock(engine: Engine) -> None:
    engine.at(SECOND, lambda: None)
    pacer = Pacer(engine, 100.0, FakeClock(oversleep=1000))
    pacer.run()
    assert pacer.lag.longest == 1000


def test_work_that_takes_long_is_lag(engine: Engine, clock: FakeClock) -> None:
    def work() -> None:
        clock.time += 8 * MILLISECOND

    engine.at(SECOND, work)
    pacer = Pacer(engine, clock=clock)
    pacer.run(2 * SECOND)
    assert (pacer.lag.late, pacer.lag.longest) == (1, 8 * MILLISECOND)


def test_reaching_until_late_is_no_lag_of_an_event(engine: Engine) -> None:
    engine.at(SECOND, lambda: None)
    pacer = Pacer(engine, clock=FakeClock(oversleep=700))
    pacer.run(SECOND + 5)
    assert pacer.lag.longest == 700


def test_too_much_work_still_lets_the_doors_in(engine: Engine, clock: FakeClock) -> None:
    timer = engine.timer(lambda: None)

    def work() -> None:  # each 100 ns, and takes 300
        clock.time += 300
        timer.set(engine.now + 100)

    timer = engine.timer(work)
    timer.set(0)
    pacer = Pacer(engine, clock=clock)
    door = FakeDoor(engine, [SLICE * 300], pacer.stop)
    pacer.run(SECOND, [door])
    assert len(door.read_at) == 1
    assert engine.now <= clock.elapsed
    assert pacer.lag.longest >= SLICE * 200


def test_events_that_take_long_are_handled_in_smaller_slices(engine: Engine, clock: FakeClock) -> None:
    """So that the doors are not left alone for as long as thousands of them take; and in larger ones afterwards."""
    took = [10 * MILLISECOND]
    looked: list[int] = []
    handled: list[int] = []

    def work() -> None:  # each 100 ns
        clock.time += took[0]
        handled.append(clock.time)
        timer.set(engine.now + 100)
        if len(handled) == SLICE + 100:
            took[0] = 10
        if len(handled) == 4 * SLICE:
            pacer.stop()

    timer = engine.timer(work)
    timer.set(0)
    pacer = Pacer(engine, clock=clock)
    pacer.run(every_turn=lambda: looked.append(len(handled)))
    first, *slices = [later - earlier for earlier, later in pairwise([0, *looked])]
    assert first == 1, "what was due when it began"
    assert max(slices[:3]) == SLICE, "nobody knew"
    assert max(slices[3:10]) <= SLICE_TIME // (10 * MILLISECOND)
    assert max(slices[20:]) == SLICE


@pytest.mark.slow
def test_a_loop_that_takes_no_time_is_an_error(engine: Engine, clock: FakeClock) -> None:
    timer = engine.timer(lambda: timer.set(engine.now))
    timer.set(5000)
    with pytest.raises(BudgetError, match=f"{STUCK} events at 5us and time does not move on"):
        Pacer(engine, clock=clock).run(SECOND)


def test_a_timer_at_the_end_of_time_is_no_trouble(engine: Engine, clock: FakeClock) -> None:
    engine.at(1 << 61, lambda: None)
    Pacer(engine, clock=clock).run(4000 * SECOND)
    assert max(wait for wait in clock.waits if wait is not None) == 3600 * SECOND


def test_a_bell_that_nobody_answers_does_not_mind(engine: Engine) -> None:
    bell = Bell()
    for _ in range(100_000):
        bell.ring()
    assert WallClock().wait([bell], 0) == [bell]
    bell.close()
    bell.ring()


@pytest.mark.slow
def test_real_time(engine: Engine) -> None:
    """Half a tenth of a second by the real clock: nothing too early, a datagram let in, a stop from another thread."""
    early: list[int] = []
    start = time.monotonic_ns()
    for due in range(0, 50 * MILLISECOND, 5 * MILLISECOND):
        engine.at(due, lambda: early.append(engine.now - (time.monotonic_ns() - start)))
    inside, outside = socket.socketpair()
    pacer = Pacer(engine)
    received: list[tuple[bytes, int]] = []

    class SocketDoor(FakeDoor):
        def fileno(self) -> int:
            return inside.fileno()

        def readable(self) -> None:
            received.append((inside.recv(100), engine.now))

    engine.at(20 * MILLISECOND, lambda: outside.sendall(b"hello"))
    engine.at(50 * MILLISECOND, threading.Timer(0.02, pacer.stop).start)  # while the pacer sleeps
    pacer.run(30 * SECOND, [SocketDoor(engine, [])])
    inside.close()
    outside.close()
    assert len(early) == 10
    assert max(early) <= 0
    assert [data for data, _ in received] == [b"hello"]
    assert 20 * MILLISECOND <= received[0][1] <= engine.now
    assert 50 * MILLISECOND <= time.monotonic_ns() - start < 10 * SECOND
