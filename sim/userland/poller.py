"""Which of many sockets are ready: only those are looked at of which something was heard."""

from __future__ import annotations

import errno
from asyncio import _get_running_loop
from collections.abc import Callable
from typing import Any, Final

from sim.errors import SimError
from sim.stack.polling import POLLERR, POLLHUP
from sim.stack.service import os_error
from sim.units import MICROSECOND
from sim.userland.diagnosis import running_line
from sim.userland.guest_socket import here
from sim.userland.table import FIRST_DESCRIPTOR
from sim.userland.tasks import Task
from sim.userland.watch import Watch

POLLNVAL: Final = 0x20
ONCE: Final = 1 << 30  # EPOLLONESHOT
EDGE: Final = 1 << 31  # EPOLLET


def number_of(thing: Any, negative: str = "Invalid file descriptor: {}") -> int:
    """The descriptor of a socket or of a number that is one.

    Raises ValueError, with the text `negative`, for a socket that is closed, SimError for a file of the real system,
    TypeError for what is neither.
    """
    descriptor = thing
    if not isinstance(thing, int):
        fileno = getattr(thing, "fileno", None)
        if fileno is None:
            raise TypeError("argument must be an int, or have a fileno() method.")
        descriptor = fileno()
        if not isinstance(descriptor, int):
            raise TypeError("fileno() returned a non-integer")
    if descriptor < 0:
        raise ValueError(negative.format(descriptor))
    if descriptor < FIRST_DESCRIPTOR:
        raise SimError(
            f"{here()[0].name} waits at {running_line()} for {thing!r}, a file of the real system: "
            "a program can only wait for its own sockets"
        )
    return int(descriptor)


class Poller:
    """Descriptors with the events that are awaited.

    `always` are events of which it tells unasked. A closed descriptor is forgotten, as by epoll.
    """

    def __init__(self, always: int = POLLERR | POLLHUP) -> None:
        self.wanted: dict[int, int] = {}
        self._always = always
        self._table = here()[1].sockets
        self._ends: dict[int, Any] = {}
        self._watches: dict[int, Watch] = {}
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._perhaps: dict[int, None] = {}
        self._waker: Callable[[], None] | None = None

    def register(self, descriptor: int, events: int) -> None:
        """Await `events` of a descriptor. Raises FileExistsError for one that is awaited already, OSError EBADF."""
        end = self._table.end(descriptor)
        if self._knows(descriptor):
            raise os_error(errno.EEXIST)
        self.wanted[descriptor] = events
        self._ends[descriptor] = end
        callback = self._callbacks[descriptor] = lambda: self._hear(descriptor)
        watch = self._watches[descriptor] = self._table.watch(descriptor)
        watch.add(callback)
        self._hear(descriptor)

    def modify(self, descriptor: int, events: int) -> None:
        """Await other events. Raises FileNotFoundError, OSError EBADF."""
        if not self._knows(descriptor):
            raise os_error(errno.ENOENT)
        self.wanted[descriptor] = events
        self._hear(descriptor)  # others than who waits may do this

    def unregister(self, descriptor: int) -> None:
        """Await nothing of it any more. Raises FileNotFoundError, OSError EBADF."""
        if not self._knows(descriptor):
            raise os_error(errno.ENOENT)
        self.forget(descriptor)

    def _knows(self, descriptor: int) -> bool:
        """Whether the socket that has this number now is awaited: not another one that has had it before."""
        end = self._table.end(descriptor)
        if descriptor in self.wanted and self._ends[descriptor] is not end:
            self.forget(descriptor)
        return descriptor in self.wanted

    def forget(self, descriptor: int) -> None:
        """Await nothing of what was registered with this number, open or closed."""
        del self.wanted[descriptor], self._ends[descriptor]
        self._perhaps.pop(descriptor, None)
        self._watches.pop(descriptor).remove(self._callbacks.pop(descriptor))

    def is_open(self, descriptor: int) -> bool:
        """Whether the socket that was registered still has that number."""
        return self._table.end_if_open(descriptor) is self._ends[descriptor]

    def close(self) -> None:
        """Await nothing."""
        for descriptor in list(self.wanted):
            self.forget(descriptor)

    def wait(self, timeout: float | None, limit: int = -1) -> list[tuple[int, int]]:
        """(descriptor, events) of at most `limit` that are ready; waits for the first, at most `timeout` seconds."""
        task, _ = here()
        self._waker = task.wake
        try:
            task.look()
            ready = self._ready(limit)
            if timeout is not None and timeout <= 0:
                return ready or self._look_again(task, limit)
            deadline = None if ready else task.after(timeout)
            while not ready and task.park(deadline, f"one of {len(self.wanted)} sockets"):
                ready = self._ready(limit)
        finally:
            self._waker = None
        if not ready:
            ready = self._ready(limit)
            task.context.expired = task.scheduler.engine.now
        return ready

    def _look_again(self, task: Task, limit: int) -> list[tuple[int, int]]:
        """Nothing is ready, and the program does not wait. That takes no time.

        But whoever has just waited to the end of a timeout, and looks once more because a real clock would have gone
        on a little (socketserver does), sees it go on a little. asyncio counts with equal times.
        """
        if task.context.expired != task.scheduler.engine.now or _get_running_loop() is not None:
            return []
        task.park(task.scheduler.engine.now + MICROSECOND, "the clock")
        return self._ready(limit)

    def _hear(self, descriptor: int) -> None:
        self._perhaps[descriptor] = None
        if self._waker is not None:
            self._waker()

    def _ready(self, limit: int) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for descriptor in list(self._perhaps):
            if len(found) == limit:
                break
            end = self._table.end_if_open(descriptor)
            if end is None or end is not self._ends[descriptor]:
                self.forget(descriptor)
                continue
            wanted = self.wanted[descriptor]
            events = end.kernel.poll() & (wanted | self._always)
            del self._perhaps[descriptor]
            if not events or wanted == ONCE:
                continue
            found.append((descriptor, events))
            if wanted & ONCE:
                self.wanted[descriptor] = ONCE  # nothing more until it is modified
            elif not wanted & EDGE:
                self._perhaps[descriptor] = None  # behind the others
        return found
