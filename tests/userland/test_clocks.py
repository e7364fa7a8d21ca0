"""Time of programs is virtual, and everybody else's is as it was."""

from __future__ import annotations

import datetime as dates
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from time import monotonic as taken_before
from time import sleep
from typing import Any

import pytest
from pydantic import BaseModel

import sim

START = 1_767_225_600
DAY = datetime(2026, 1, 1)
Run = Callable[..., Any]


class Moment(datetime):
    """A program's own class."""

    def label(self) -> str:
        return f"<{self:%H:%M}>"


class Timed:
    """Takes clocks where classes and default values have them."""

    clock: Any = time.monotonic

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.other = clock


class Entry(BaseModel):
    at: datetime
    day: date


@pytest.fixture
def run() -> Run:
    return sim.Network(seed=1).host("h1", "10.0.0.1/24").run


def test_all_clocks_show_virtual_time_and_only_waiting_moves_it(run: Run) -> None:
    def program() -> list[float]:
        before = [time.time(), time.monotonic(), time.perf_counter(), taken_before(), time.time_ns()]
        sum(range(100_000))
        assert before == [time.time(), time.monotonic(), time.perf_counter(), taken_before(), time.time_ns()]
        sleep(1.5)
        return [
            time.time(),
            time.time_ns(),
            time.monotonic(),
            time.monotonic_ns(),
            time.perf_counter(),
            time.perf_counter_ns(),
            time.process_time(),
            time.process_time_ns(),
            time.thread_time(),
            taken_before(),
            Timed().clock(),
            Timed().other(),
        ]

    half = 1_500_000_000
    cpu = [1e-6, 2000, 3e-6]  # it costs a microsecond to ask for it, and nothing else does
    expected = [START + 1.5, START * 10**9 + half, 1.5, half, 1.5, half, *cpu, 1.5, 1.5, 1.5]
    assert run(program) == expected


@pytest.mark.skipif(not hasattr(time, "clock_gettime"), reason="not on this system")
def test_numbered_clocks(run: Run) -> None:
    def program() -> list[float]:
        time.sleep(2)
        return [
            time.clock_gettime(time.CLOCK_REALTIME),
            time.clock_gettime_ns(time.CLOCK_REALTIME),
            time.clock_gettime(time.CLOCK_MONOTONIC),
            time.clock_gettime_ns(time.CLOCK_MONOTONIC),
        ]

    assert run(program) == [START + 2, (START + 2) * 10**9, 2, 2 * 10**9]


def test_dates(run: Run) -> None:
    def program() -> list[object]:
        sleep(90_000)
        return [
            datetime.now(),
            dates.datetime.now(dates.UTC).isoformat(),
            datetime.now(dates.timezone(timedelta(hours=2))).hour,
            datetime.today(),
            date.today(),
            dates.date.today() == datetime.now().date(),
            datetime.fromtimestamp(START),
            date.fromtimestamp(START),
            DAY.timestamp(),
            DAY.astimezone().isoformat(),
        ]

    later = DAY + timedelta(days=1, hours=1)
    assert run(program) == [
        later,
        "2026-01-02T01:00:00+00:00",
        3,
        later,
        date(2026, 1, 2),
        True,
        DAY,
        DAY.date(),
        START,
        "2026-01-01T00:00:00+00:00",
    ]


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow")
def test_utcnow_is_now_without_a_zone(run: Run) -> None:
    assert run(datetime.utcnow) == DAY


def test_times_in_words_and_parts_are_of_now_and_in_utc(run: Run) -> None:
    def program() -> list[object]:
        sleep(3661)
        return [
            time.strftime("%Y-%m-%d %H:%M:%S"),
            time.strftime("%H", time.gmtime(0)),
            time.ctime(),
            time.ctime(0),
            time.asctime(),
            time.gmtime()[:6],
            time.localtime()[:6],
            time.localtime(7)[:6],
            time.mktime((2026, 1, 1, 0, 0, 0, 0, 1, 0)),
        ]

    assert run(program) == [
        "2026-01-01 01:01:01",
        "00",
        "Thu Jan  1 01:01:01 2026",
        "Thu Jan  1 00:00:00 1970",
        "Thu Jan  1 01:01:01 2026",
        (2026, 1, 1, 1, 1, 1),
        (2026, 1, 1, 1, 1, 1),
        (1970, 1, 1, 0, 0, 7),
        START,
    ]


def test_an_hour_in_small_steps(run: Run) -> None:
    def program() -> float:
        while time.monotonic() < 3600:
            time.sleep(0.1)
        return time.monotonic()

    began = taken_before()
    assert 3600 <= run(program) < 3600.2
    assert taken_before() - began < 5  # a second on an idle machine


def test_the_rest_of_a_time_can_be_slept_however_short(run: Run) -> None:
    def program() -> bool:
        end = time.monotonic() + 0.1
        while (rest := end - time.monotonic()) > 0:
            time.sleep(rest / 3)
        return True

    assert run(program)


def test_sleep_refuses_what_cpython_refuses(run: Run) -> None:
    def program() -> list[str]:
        found = []
        for value in (-1, "1", float("inf")):
            try:
                time.sleep(value)  # type: ignore[arg-type]
            except (ValueError, TypeError, OverflowError) as error:
                found.append(type(error).__name__)
        return found

    assert run(program) == ["ValueError", "TypeError", "OverflowError"]


def test_a_class_of_the_programs_own(run: Run) -> None:
    def program() -> tuple[object, ...]:
        class Later(datetime):
            pass

        sleep(60)
        moment = Moment.now()
        return (
            moment.label(),
            type(moment) is Moment,
            type(Later.now(dates.UTC)).__name__,
            type(Moment.today()) is Moment,
        )

    assert run(program) == ("<00:01>", True, "Later", True)


def test_outside_of_programs_nothing_has_changed(run: Run) -> None:
    run(print)
    now = datetime.now()
    assert now.year != 2026 or abs(now.timestamp() - time.time()) < 60
    assert abs(now.timestamp() - time.time()) < 60
    assert type(now) is datetime is dates.datetime
    assert type(Moment.now()) is Moment
    assert pickle.loads(pickle.dumps(now)) == now
    assert pickle.loads(pickle.dumps(time.sleep)) is time.sleep
    assert datetime.fromtimestamp(time.mktime((2020, 5, 5, 12, 0, 0, 0, 0, -1))).hour == 12
    assert Entry.model_validate_json('{"at": "2026-01-01T00:00:00", "day": "2026-01-01"}') == Entry(
        at=DAY, day=DAY.date()
    )
    assert time.time.__name__ == "time"
    assert Timed().clock() <= taken_before()
    assert abs(datetime.now(dates.UTC) - now.astimezone()) < timedelta(minutes=1)


def test_models_with_dates_work_in_programs(run: Run) -> None:
    def program() -> str:
        class Local(BaseModel):
            at: datetime

        return Local(at=datetime.now()).model_dump_json() + Entry(at=datetime.now(), day=date.today()).model_dump_json()

    assert run(program) == '{"at":"2026-01-01T00:00:00"}{"at":"2026-01-01T00:00:00","day":"2026-01-01"}'


FRESH = """
import datetime
class Mine(datetime.datetime): pass
def look(): return str(datetime.datetime.now())[:13], str(Mine.today())[:13], str(datetime.date.today())
before = [look() for _ in range(100)]  # so that the interpreter knows by heart what is called
import sim
host = sim.Network().host("h1")
print(host.run(look), look() == before[0])
"""


@pytest.mark.slow
def test_methods_that_were_called_often_before_are_exchanged_too() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", FRESH], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "('2026-01-01 00', '2026-01-01 00', '2026-01-01') True\n"


def test_two_networks_have_times_of_their_own(run: Run) -> None:
    def program(seconds: float) -> float:
        time.sleep(seconds)
        return time.monotonic()

    assert [run(program, 5), sim.Network().host("h1").run(program, 7)] == [5, 7]
