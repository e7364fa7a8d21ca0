"""Clocks and dates: how they agree with each other, and what they cannot do. Real processes run in UTC."""

from __future__ import annotations

import datetime
import time
from typing import Any

from tests.userland.parity.outcome import tried

MOMENT = 1_767_225_600  # 2026-01-01


def clocks_alone(host: str, port: int) -> None:
    """Each goes on with a sleep, in seconds and in nanoseconds, and never back."""
    pairs = (
        (time.time, time.time_ns),
        (time.monotonic, time.monotonic_ns),
        (time.perf_counter, time.perf_counter_ns),
    )
    for seconds, nanoseconds in pairs:
        before, before_ns = seconds(), nanoseconds()
        time.sleep(0.05)
        after, after_ns = seconds(), nanoseconds()
        print(
            seconds.__name__,
            type(before).__name__,
            type(before_ns).__name__,
            0.0499 < after - before < 0.15,
            after_ns > before_ns,
        )
        print(49_900_000 <= after_ns - before_ns < 150_000_000, abs(after - after_ns / 1e9) < 0.01)
    for seconds, nanoseconds in ((time.process_time, time.process_time_ns), (time.thread_time, time.thread_time_ns)):
        before, before_ns = seconds(), nanoseconds()
        time.sleep(0.05)
        print(seconds.__name__, type(before).__name__, 0 < seconds() - before < 0.04, nanoseconds() > before_ns)
    print(abs(time.time_ns() / 1e9 - time.time()) < 0.01, time.perf_counter_ns() > 0)


def sleeps_alone(host: str, port: int) -> None:
    begin = time.monotonic()
    for value in (0, 0.01, True, -1, -0.1, "x", None, float("nan"), float("inf"), 1e20):
        print(value, tried(time.sleep, value))
    print(time.monotonic() - begin < 0.9)


def numbered_alone(host: str, port: int) -> None:
    for name in ("CLOCK_REALTIME", "CLOCK_MONOTONIC", "CLOCK_MONOTONIC_RAW", "CLOCK_BOOTTIME", "CLOCK_TAI"):
        number = getattr(time, name)
        before, before_ns = time.clock_gettime(number), time.clock_gettime_ns(number)
        time.sleep(0.02)
        passed = time.clock_gettime(number) - before
        print(name, type(before_ns).__name__, 0.0199 < passed < 0.1, time.clock_getres(number) > 0)
    print(abs(time.clock_gettime(time.CLOCK_REALTIME) - time.time()) < 0.01)
    print(abs(time.clock_gettime(time.CLOCK_MONOTONIC) - time.monotonic()) < 0.01)
    print(tried(time.clock_gettime, "x"), tried(time.clock_gettime, 999), tried(time.clock_gettime_ns, 999))
    for clock in ("time", "monotonic", "perf_counter", "process_time", "thread_time"):
        info = time.get_clock_info(clock)
        print(clock, info.adjustable, info.monotonic, info.resolution > 0)


def calendar_alone(host: str, port: int) -> None:
    for call in (time.localtime, time.gmtime):
        parts = call(MOMENT)
        print(tuple(parts), parts.tm_zone in ("UTC", "GMT"), parts.tm_gmtoff)
        print(abs(time.mktime(call()) - time.time()) < 2, tried(call, "x"), tuple(call(0))[:3], call(None)[0] > 2000)
    print(
        time.ctime(MOMENT), time.asctime(time.gmtime(MOMENT)), time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(MOMENT))
    )
    print(len(time.ctime()), len(time.asctime()), len(time.strftime("%Y-%m-%d")), time.ctime(None) == time.ctime())
    print(time.mktime(time.struct_time((2026, 1, 1, 0, 0, 0, 3, 1, 0))), time.strptime("2026-01-01", "%Y-%m-%d")[:3])
    print(tried(time.mktime, "x"), tried(time.asctime, "x"), time.timezone, time.altzone, time.daylight, time.tzset())


def dates_alone(host: str, port: int) -> None:
    kind = datetime.datetime
    before = kind.now()
    time.sleep(0.05)
    passed = kind.now() - before
    print(0.05 <= passed.total_seconds() < 0.15, type(before) is kind, before.tzinfo, kind.now(datetime.UTC).tzinfo)
    aware = kind.now(datetime.timezone(datetime.timedelta(hours=2)))
    print(
        aware.utcoffset(), abs(aware.timestamp() - time.time()) < 0.01, abs(kind.now().timestamp() - time.time()) < 0.01
    )
    print(abs((kind.utcnow() - kind.now()).total_seconds()) < 0.01, kind.today().date() == datetime.date.today())
    print(kind.fromtimestamp(MOMENT), kind.utcfromtimestamp(MOMENT), datetime.date.fromtimestamp(MOMENT))
    print(
        kind.fromtimestamp(MOMENT, datetime.UTC).isoformat(),
        kind(2026, 1, 1).timestamp(),
        kind(2026, 1, 1).astimezone(),
    )
    print(tried(kind.now, "x"), tried(kind.fromtimestamp, "x"), tried(datetime.date.fromtimestamp, None))
    print(abs(time.mktime(kind.now().timetuple()) - time.time()) < 2, kind.now().date() == datetime.date.today())
    own: Any = type("Own", (kind,), {})
    print(type(own.now()).__name__, type(own.fromtimestamp(MOMENT)).__name__, isinstance(kind.now(), datetime.date))
