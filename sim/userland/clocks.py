"""Time as a program sees it: virtual, from a fixed date on. `time.sleep` lets it pass, nothing else does.

Programs live in UTC, so that what they print does not depend on where the simulator runs.
"""

from __future__ import annotations

import calendar
import datetime
import errno
import gc
import operator
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from sim.stack.service import os_error
from sim.units import MICROSECOND
from sim.userland.patience import seconds_of
from sim.userland.tasks import NS, Task, current

START: Final = 1_767_225_600
"""2026-01-01 00:00:00 UTC, in seconds since 1970: when every network begins."""


def now_ns(task: Task) -> int:
    """Nanoseconds since the network began."""
    task.look()
    return task.scheduler.engine.now


def named_as(real: Callable[..., Any], stand_in: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function the name of the one it stands for."""
    stand_in.__name__ = stand_in.__qualname__ = real.__name__
    return stand_in


def clock(real: Callable[[], Any], offset: int, seconds: bool) -> Callable[[], Any]:
    """A clock for programs in place of `real`, in seconds or in ns."""
    offset_ns = offset * NS

    def read() -> Any:
        task = current()
        if task is None:
            return real()
        now = now_ns(task) + offset_ns
        return now / NS if seconds else now

    return named_as(real, read)


def numbered_clock(real: Callable[[int], Any], seconds: bool) -> Callable[[int], Any]:
    """`time.clock_gettime` and its like: CLOCK_REALTIME and CLOCK_TAI count from 1970, the others from the start."""
    since_1970 = (time.CLOCK_REALTIME, getattr(time, "CLOCK_TAI", None))
    of_cpu = [getattr(time, f"CLOCK_{name}_CPUTIME_ID", None) for name in ("PROCESS", "THREAD")]
    known = [getattr(time, name) for name in dir(time) if name.startswith("CLOCK_")]

    def read(number: int, /) -> Any:
        task = current()
        if task is None:
            return real(number)
        if operator.index(number) not in known:
            raise os_error(errno.EINVAL)
        if number in of_cpu:
            return cpu_time(task, seconds)
        now = now_ns(task) + (START * NS if number in since_1970 else 0)
        return now / NS if seconds else now

    return named_as(real, read)


def cpu_time(task: Task, seconds: bool) -> Any:
    """The CPU time of a program. It takes none, but for this: to ask for it costs a microsecond.

    So a program that computes until so much CPU time is used comes to an end, and no difference is zero.
    """
    task.context.streams.cpu_time += MICROSECOND
    used = task.context.streams.cpu_time
    return used / NS if seconds else used


def cpu_clock(real: Callable[[], Any], seconds: bool) -> Callable[[], Any]:
    """`time.process_time` and `time.thread_time`."""

    def read() -> Any:
        task = current()
        return real() if task is None else cpu_time(task, seconds)

    return named_as(real, read)


def sleeper(real: Callable[[float], None]) -> Callable[[float], None]:
    """`time.sleep`."""

    def sleep(seconds: float, /) -> None:
        task = current()
        if task is None:
            real(seconds)
            return
        seconds = seconds_of(seconds)
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        deadline = task.after(seconds)
        while task.park(deadline, f"{seconds:g} s to pass"):
            pass  # a signal was handled meanwhile (PEP 475)

    return sleep


def of_now(real: Callable[..., Any], in_utc: Callable[..., Any]) -> Callable[..., Any]:
    """`time.localtime` and its like, whose argument is now when it is missing; for programs in UTC."""

    def convert(seconds: float | None = None, /) -> Any:
        task = current()
        if task is None:
            return real(seconds)
        return in_utc(START + now_ns(task) / NS if seconds is None else seconds)

    return named_as(real, convert)


def of_tuple(real: Callable[..., Any], arguments_before: int) -> Callable[..., Any]:
    """`time.strftime` and `time.asctime`, whose last argument is now when it is missing."""
    in_utc = time.gmtime

    def show(*arguments: Any) -> Any:
        task = current()
        if task is not None and len(arguments) == arguments_before:
            arguments = (*arguments, in_utc(START + now_ns(task) / NS))
        return real(*arguments)

    return named_as(real, show)


def maker(real: Callable[[Any], float]) -> Callable[[Any], float]:
    """`time.mktime`: for programs, local time is UTC."""

    def make(parts: Any, /) -> float:
        if current() is None:
            return real(parts)
        if not isinstance(parts, tuple):
            raise TypeError("Tuple or struct_time argument required")
        return float(calendar.timegm(parts))

    return named_as(real, make)


# -- dates: methods of CPython's own classes, exchanged in place. A subclass under the same name would not do: objects
# that were made by C code or imported earlier would be of another class than `datetime.datetime`, with other clocks.

_Now = Callable[..., Any]


def _moment(task: Task) -> datetime.datetime:
    return datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(microseconds=now_ns(task) // 1000)


def _now(real: _Now) -> _Now:
    def now(cls: Any, tz: datetime.tzinfo | None = None) -> Any:
        task = current()
        if task is None:
            return real(cls, tz)
        moment = _moment(task)
        return _as(cls, moment.replace(tzinfo=None) if tz is None else moment.astimezone(tz))

    return now


def _utcnow(real: _Now) -> _Now:
    def utcnow(cls: Any) -> Any:
        task = current()
        return real(cls) if task is None else _as(cls, _moment(task).replace(tzinfo=None))

    return utcnow


def _fromtimestamp(real: _Now) -> _Now:
    def fromtimestamp(cls: Any, timestamp: float, tz: datetime.tzinfo | None = None) -> Any:
        if current() is None or tz is not None:
            return real(cls, timestamp, tz)
        return real(cls, timestamp, datetime.UTC).replace(tzinfo=None)

    return fromtimestamp


def _day_of(real: _Now) -> _Now:
    def fromtimestamp(cls: Any, timestamp: float) -> Any:
        if current() is None:
            return real(cls, timestamp)
        moment = time.gmtime(timestamp if isinstance(timestamp, float) else operator.index(timestamp))
        return cls(moment.tm_year, moment.tm_mon, moment.tm_mday)

    return fromtimestamp


def _timestamp(real: _Now) -> _Now:
    def timestamp(self: datetime.datetime) -> Any:
        naive = self.tzinfo is None and current() is not None
        return real(self.replace(tzinfo=datetime.UTC) if naive else self)

    return timestamp


def _astimezone(real: _Now) -> _Now:
    def astimezone(self: datetime.datetime, tz: datetime.tzinfo | None = None) -> Any:
        if current() is None:
            return real(self, tz)
        return real(
            self.replace(tzinfo=datetime.UTC) if self.tzinfo is None else self, datetime.UTC if tz is None else tz
        )

    return astimezone


def _today(real: _Now) -> _Now:
    def today(cls: Any) -> Any:
        task = current()
        if task is None:
            return real(cls)
        if issubclass(cls, datetime.datetime):
            return _as(cls, _moment(task).replace(tzinfo=None))
        moment = _moment(task)
        return cls(moment.year, moment.month, moment.day)

    return today


def _as(cls: Any, moment: datetime.datetime) -> Any:
    """The same moment as an object of a class that was derived from `datetime`."""
    if cls is datetime.datetime:
        return moment
    day, clock_time = moment.date(), moment.timetz()
    return cls.combine(day, clock_time)


def replace_methods(kind: type, methods: Sequence[tuple[str, Callable[[_Now], _Now], bool]]) -> None:
    """Exchange methods of a class that C code has made: (name, what makes the new one from the old, classmethod?).

    Python refuses to set attributes of such a class, but its dictionary is within reach of the garbage collector.
    Setting and deleting `__abstractmethods__` makes the interpreter forget what it had looked up there.
    """
    members = next(thing for thing in gc.get_referents(kind.__dict__) if isinstance(thing, dict))
    for name, make, of_class in methods:
        old = members[name]
        new = named_as(old, make(_called_for(old) if of_class else old))
        members[name] = classmethod(new) if of_class else new
    marker = type.__dict__["__abstractmethods__"]
    marker.__set__(kind, frozenset())
    marker.__delete__(kind)


def _called_for(method: Any) -> Callable[..., Any]:
    """A classmethod of C code as a function whose first argument is the class."""

    def call(cls: type, *arguments: Any) -> Any:
        return method.__get__(None, cls)(*arguments)

    return call


def replace_dates() -> None:
    """Let `datetime` and `date` know the time of programs."""
    replace_methods(datetime.date, [("today", _today, True), ("fromtimestamp", _day_of, True)])
    replace_methods(
        datetime.datetime,
        [
            ("now", _now, True),
            ("utcnow", _utcnow, True),
            ("fromtimestamp", _fromtimestamp, True),
            ("timestamp", _timestamp, False),
            ("astimezone", _astimezone, False),
        ],
    )


def replacements() -> list[tuple[Any, str, Any]]:
    """(module, name, what stands there from now on)."""
    gmtime = time.gmtime
    asctime = time.asctime
    found: list[tuple[Any, str, Any]] = [
        (time, name, clock(getattr(time, name), START if name.startswith("time") else 0, not name.endswith("_ns")))
        for name in (
            "time",
            "time_ns",
            "monotonic",
            "monotonic_ns",
            "perf_counter",
            "perf_counter_ns",
        )
    ]
    found += [
        (time, name, cpu_clock(getattr(time, name), not name.endswith("_ns")))
        for name in ("process_time", "process_time_ns", "thread_time", "thread_time_ns")
        if hasattr(time, name)
    ]
    if hasattr(time, "clock_gettime"):
        found.append((time, "clock_gettime", numbered_clock(time.clock_gettime, True)))
        found.append((time, "clock_gettime_ns", numbered_clock(time.clock_gettime_ns, False)))
    return [
        *found,
        (time, "sleep", sleeper(time.sleep)),
        (time, "gmtime", of_now(gmtime, gmtime)),
        (time, "localtime", of_now(time.localtime, gmtime)),
        (time, "ctime", of_now(time.ctime, lambda seconds: asctime(gmtime(seconds)))),
        (time, "strftime", of_tuple(time.strftime, 1)),
        (time, "asctime", of_tuple(asctime, 0)),
        (time, "mktime", maker(time.mktime)),
    ]
