"""How a program's socket waits: until a call no longer raises EAGAIN, until `poll` says so, or it took too long."""

from __future__ import annotations

import math
import operator
import socket
import struct
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol, TypeVar

from sim.stack.polling import POLLERR, POLLHUP, POLLIN, POLLRDHUP
from sim.userland.tasks import Task, current
from sim.userland.watch import Watch

T = TypeVar("T")
SECOND: Final = 1_000_000_000
TIMEVAL: Final = struct.Struct("@ll")
LONGEST: Final = 2**63 / SECOND  # s that a timeout may last
TIME_TYPE: Final = "PyTime_t" if sys.version_info >= (3, 13) else "_PyTime_t"
MSG_PEEK: Final = int(getattr(socket, "MSG_PEEK", 0x02))
MSG_DONTWAIT: Final = int(getattr(socket, "MSG_DONTWAIT", 0x40))
MSG_WAITALL: Final = int(getattr(socket, "MSG_WAITALL", 0x100))


class Waiter(Protocol):
    """A socket of a program."""

    _inner: Any

    def _watch(self) -> Watch: ...


def timeout_of(value: Any) -> float | None:
    """A timeout in seconds, None for none. Raises TypeError, ValueError, OverflowError as CPython does."""
    if value is None:
        return None
    timeout = seconds_of(value)
    if timeout < 0:
        raise ValueError("Timeout value out of range")
    return timeout


def seconds_of(value: Any) -> float:
    """A time in seconds. Raises TypeError, ValueError, OverflowError as CPython does."""
    if not isinstance(value, float):
        seconds = operator.index(value)
        if abs(seconds) >= LONGEST:
            raise OverflowError(f"timestamp too large to convert to C {TIME_TYPE}")
        return float(seconds)
    if math.isnan(value):
        raise ValueError("Invalid value NaN (not a number)")
    if abs(value) >= LONGEST:
        raise OverflowError("timestamp out of range for platform time_t")
    return value


def kernel_timeout(end: object, sending: bool) -> float:
    """The seconds after which a blocking call raises EAGAIN (SO_RCVTIMEO, SO_SNDTIMEO); 0 for never."""
    stored: dict[str, int | bytes] = getattr(end, "stored", {})
    value = stored.get("SO_SNDTIMEO" if sending else "SO_RCVTIMEO")
    if not isinstance(value, bytes) or len(value) < TIMEVAL.size:
        return 0
    seconds, microseconds = TIMEVAL.unpack_from(value)
    return float(seconds + microseconds / 1_000_000)


def _task() -> Task:
    task = current()
    assert task is not None
    return task


def retry(waiter: Waiter, call: Callable[[], T], what: str, deadline: int | None) -> T:
    """Wait for the next event and call again, until it does not raise BlockingIOError. Raises TimeoutError."""
    task = _task()
    while True:
        _wait(waiter, task, what, deadline)
        try:
            return call()
        except BlockingIOError:
            continue


def until(waiter: Waiter, events: int, what: str, deadline: int | None) -> None:
    """Wait until `poll` says one of `events`. Raises TimeoutError."""
    if waiter._inner.poll() & events:
        return
    task = _task()
    while not waiter._inner.poll() & events:
        _wait(waiter, task, what, deadline)


def wait(waiter: Waiter, what: str, deadline: int | None) -> None:
    """Wait for the next event. Raises TimeoutError."""
    _wait(waiter, _task(), what, deadline)


def _wait(waiter: Waiter, task: Task, what: str, deadline: int | None) -> None:
    if deadline is not None and task.scheduler.engine.now >= deadline:
        raise TimeoutError("timed out")
    waiter._watch().wait(task, deadline, _named(waiter, what))


def _named(waiter: Waiter, what: str) -> str:
    try:
        return f"{what} on {waiter._inner.getsockname()}"
    except OSError:
        return what


def peek_all(waiter: Waiter, size: int) -> bytes:
    """Look at `size` bytes of a stream (MSG_PEEK with MSG_WAITALL), or at what there is at its end."""
    task = _task()
    while True:
        over = waiter._inner.poll() & (POLLRDHUP | POLLHUP | POLLERR)
        if over or waiter._inner.poll() & POLLIN:
            data = bytes(waiter._inner.recv(size, MSG_PEEK))
            if over or len(data) >= size:
                return data
        _wait(waiter, task, f"{size} bytes", None)


@contextmanager
def not_yet() -> Iterator[None]:
    """Within it, EAGAIN means only that nothing was done."""
    try:
        yield
    except BlockingIOError:
        _task().look()


def writable_views(buffers: Iterable[Any]) -> list[memoryview]:
    """The memory that `recvmsg_into` may fill. Raises TypeError."""
    if not isinstance(buffers, Iterable):
        raise TypeError("recvmsg_into() argument 1 must be an iterable")
    views = []
    for buffer in buffers:
        try:
            view = memoryview(buffer).cast("B")
        except TypeError:
            view = memoryview(b"")
        if view.readonly:
            wanted = "an iterable of single-segment read-write buffers"
            raise TypeError(f"recvmsg_into() argument 1 must be {wanted}, not {type(buffer).__name__}")
        views.append(view)
    return views
