"""Time as a program sees it: virtual, from a fixed date on. `time.sleep` lets it pass, nothing else does."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from typing import Any, Final

from sim.userland.tasks import Task, current

START: Final = 1_767_225_600
"""2026-01-01 00:00:00 UTC, in seconds since 1970: when every network begins."""
NS: Final = 1_000_000_000


def now_ns(task: Task) -> int:
    """Nanoseconds since the network began."""
    task.look()
    return task.scheduler.engine.now


def clock(real: Callable[[], Any], offset: int, seconds: bool) -> Callable[[], Any]:
    """A clock for programs in place of `real`, in seconds or in ns."""

    def read() -> Any:
        task = current()
        if task is None:
            return real()
        now = now_ns(task) + offset * NS
        return now / NS if seconds else now

    read.__name__ = read.__qualname__ = real.__name__
    return read


def sleeper(real: Callable[[float], None]) -> Callable[[float], None]:
    """`time.sleep`."""

    def sleep(seconds: float, /) -> None:
        task = current()
        if task is None:
            real(seconds)
            return
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        task.park(task.scheduler.engine.now + round(seconds * NS), f"{seconds:g} s to pass")

    return sleep


def of_now(real: Callable[..., Any]) -> Callable[..., Any]:
    """`time.gmtime` and its like, whose argument is now when it is missing."""

    def convert(seconds: float | None = None, /) -> Any:
        task = current()
        if task is not None and seconds is None:
            seconds = START + now_ns(task) / NS
        return real(seconds)

    convert.__name__ = convert.__qualname__ = real.__name__
    return convert


def formatter(real: Callable[..., Any], localtime: Callable[..., Any]) -> Callable[..., Any]:
    """`time.strftime` and `time.asctime`, whose last argument is now when it is missing."""

    def show(*arguments: Any) -> Any:
        wanted = 2 if real.__name__ == "strftime" else 1
        if current() is not None and len(arguments) < wanted:
            arguments = (*arguments, localtime())
        return real(*arguments)

    show.__name__ = show.__qualname__ = real.__name__
    return show


REAL_DATETIME: Final = datetime.datetime
REAL_DATE: Final = datetime.date


class _Kind(type):
    """Real dates count as instances."""

    def __instancecheck__(cls, thing: object) -> bool:
        return isinstance(thing, cls.__mro__[1])

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, cls.__mro__[1])


def _date_classes() -> tuple[type, type]:
    class GuestDatetime(REAL_DATETIME, metaclass=_Kind):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
            task = current()
            if task is None:
                return REAL_DATETIME.now(tz)
            moment = REAL_DATETIME.fromtimestamp(START, datetime.UTC)
            moment += datetime.timedelta(microseconds=now_ns(task) // 1000)
            return moment.astimezone(tz) if tz is not None else moment.astimezone().replace(tzinfo=None)

        @classmethod
        def utcnow(cls) -> datetime.datetime:
            task = current()
            if task is None:
                return REAL_DATETIME.now(datetime.UTC).replace(tzinfo=None)
            return cls.now(datetime.UTC).replace(tzinfo=None)

        @classmethod
        def today(cls) -> datetime.datetime:
            return cls.now()

    class GuestDate(REAL_DATE, metaclass=_Kind):
        @classmethod
        def today(cls) -> datetime.date:
            return REAL_DATE.today() if current() is None else GuestDatetime.now().date()

    for kind, real in ((GuestDatetime, REAL_DATETIME), (GuestDate, REAL_DATE)):
        kind.__name__, kind.__qualname__, kind.__module__ = real.__name__, real.__qualname__, "datetime"
    return GuestDatetime, GuestDate


def replacements() -> list[tuple[Any, str, Any]]:
    """(module, name, what stands there from now on)."""
    guest_datetime, guest_date = _date_classes()
    localtime = of_now(time.localtime)
    return [
        (time, "time", clock(time.time, START, True)),
        (time, "time_ns", clock(time.time_ns, START, False)),
        (time, "monotonic", clock(time.monotonic, 0, True)),
        (time, "monotonic_ns", clock(time.monotonic_ns, 0, False)),
        (time, "perf_counter", clock(time.perf_counter, 0, True)),
        (time, "perf_counter_ns", clock(time.perf_counter_ns, 0, False)),
        (time, "process_time", clock(time.process_time, 0, True)),
        (time, "process_time_ns", clock(time.process_time_ns, 0, False)),
        (time, "thread_time", clock(time.thread_time, 0, True)),
        (time, "sleep", sleeper(time.sleep)),
        (time, "gmtime", of_now(time.gmtime)),
        (time, "ctime", of_now(time.ctime)),
        (time, "strftime", formatter(time.strftime, localtime)),
        (time, "asctime", formatter(time.asctime, localtime)),
        (time, "localtime", localtime),
        (datetime, "datetime", guest_datetime),
        (datetime, "date", guest_date),
    ]
