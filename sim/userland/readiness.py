"""Waiting for several sockets: `select`, `poll`, `epoll` and the selectors on them, in virtual time."""

from __future__ import annotations

import errno
import select
import selectors
from collections.abc import Callable, Mapping
from typing import Any, Final

from sim.errors import SimError
from sim.stack.service import os_error
from sim.userland.guest_socket import here
from sim.userland.table import FIRST_DESCRIPTOR
from sim.userland.tasks import current

POLLIN: Final = 1
POLLPRI: Final = 2
POLLOUT: Final = 4
POLLERR: Final = 8
POLLHUP: Final = 0x10
POLLNVAL: Final = 0x20
POLLRDHUP: Final = 0x2000
NS: Final = 1_000_000_000


def number_of(thing: Any) -> int:
    """The descriptor of a socket or of a number that is one. Raises SimError for a file of the real system."""
    descriptor = thing if isinstance(thing, int) else thing.fileno()
    if descriptor < 0:
        raise ValueError(f"Invalid file descriptor: {descriptor}")
    if descriptor < FIRST_DESCRIPTOR:
        raise SimError(f"{thing!r} is a file of the real system: a program can only wait for its own sockets")
    return int(descriptor)


class Poller:
    """Descriptors with the events that are awaited. Only those are looked at of which something was heard."""

    def __init__(self) -> None:
        self.wanted: dict[int, int] = {}
        self._table = here()[1].sockets
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._perhaps: dict[int, None] = {}
        self._waker: Callable[[], None] | None = None

    def register(self, descriptor: int, events: int) -> None:
        """Await `events` of a descriptor. Raises FileExistsError for one that is awaited already."""
        if descriptor in self.wanted:
            raise os_error(errno.EEXIST)
        watch = self._table.watch(descriptor)
        self.wanted[descriptor] = events
        self._perhaps[descriptor] = None
        callback = self._callbacks[descriptor] = lambda: self._hear(descriptor)
        watch.add(callback)

    def modify(self, descriptor: int, events: int) -> None:
        """Await other events. Raises FileNotFoundError."""
        if descriptor not in self.wanted:
            raise os_error(errno.ENOENT)
        self.wanted[descriptor] = events
        self._perhaps[descriptor] = None

    def unregister(self, descriptor: int) -> None:
        """Await nothing of it any more. Raises FileNotFoundError."""
        if self.wanted.pop(descriptor, None) is None:
            raise os_error(errno.ENOENT)
        self._perhaps.pop(descriptor, None)
        callback = self._callbacks.pop(descriptor)
        watch = self._table.watch_if_open(descriptor)
        if watch is not None:
            watch.remove(callback)

    def close(self) -> None:
        """Await nothing."""
        for descriptor in list(self.wanted):
            self.unregister(descriptor)

    def wait(self, timeout: float | None) -> list[tuple[int, int]]:
        """(descriptor, events) of those that are ready; waits for the first, at most `timeout` seconds."""
        task, _ = here()
        deadline = task.after(timeout)
        ready = self._ready()
        if not ready and timeout is not None and timeout <= 0:
            task.look()
            if self._may_yield():
                task.park(task.scheduler.engine.now, "its turn")
            return self._ready()
        self._waker = task.wake
        while not ready:
            if not task.park(deadline, f"one of {len(self.wanted)} sockets"):
                break
            ready = self._ready()
        self._waker = None
        return ready

    def _may_yield(self) -> bool:
        """Whether looking without waiting lets others run: not, or a loop that is busy would be slowed down."""
        return False

    def _hear(self, descriptor: int) -> None:
        self._perhaps[descriptor] = None
        if self._waker is not None:
            self._waker()

    def _ready(self) -> list[tuple[int, int]]:
        found = []
        for descriptor in list(self._perhaps):
            end = self._table.end_if_open(descriptor)
            events = POLLNVAL if end is None else end.kernel.poll()
            events &= self.wanted[descriptor] | POLLERR | POLLHUP | POLLNVAL
            if end is None:
                del self._perhaps[descriptor]  # closed: epoll forgets it
            elif events:
                found.append((descriptor, events))
            else:
                del self._perhaps[descriptor]
        return found


class GuestSelector(selectors._BaseSelectorImpl):  # type: ignore[misc,name-defined]
    """`selectors.DefaultSelector` and its like in a program."""

    def __init__(self) -> None:
        super().__init__()
        self._poller = Poller()

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key: selectors.SelectorKey = super().register(fileobj, events, data)
        number_of(key.fd)
        self._poller.register(key.fd, _bits(events))
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key: selectors.SelectorKey = super().unregister(fileobj)
        self._poller.unregister(key.fd)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = self.get_key(fileobj)
        if events != key.events:
            self._poller.modify(key.fd, _bits(events))
        if events != key.events or data != key.data:
            key = key._replace(events=events, data=data)
            self._fd_to_key[key.fd] = key
        return key

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = []
        for descriptor, events in self._poller.wait(timeout):
            key = self._fd_to_key.get(descriptor)
            if key is None:
                continue
            mask = 0
            if events & ~POLLOUT:
                mask |= selectors.EVENT_READ
            if events & ~(POLLIN | POLLPRI | POLLRDHUP):
                mask |= selectors.EVENT_WRITE
            if mask & key.events:
                found.append((key, mask & key.events))
        return found

    def close(self) -> None:
        self._poller.close()
        super().close()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return super().get_map()  # type: ignore[no-any-return]


def _bits(events: int) -> int:
    return (POLLIN if events & selectors.EVENT_READ else 0) | (POLLOUT if events & selectors.EVENT_WRITE else 0)


class GuestPoll:
    """`select.poll()`: milliseconds."""

    def __init__(self) -> None:
        self._poller = Poller()

    def register(self, fd: Any, eventmask: int = POLLIN | POLLPRI | POLLOUT) -> None:
        descriptor = number_of(fd)
        if descriptor in self._poller.wanted:
            self._poller.modify(descriptor, eventmask)
        else:
            self._poller.register(descriptor, eventmask)

    def modify(self, fd: Any, eventmask: int) -> None:
        self._poller.modify(number_of(fd), eventmask)

    def unregister(self, fd: Any) -> None:
        descriptor = number_of(fd)
        if descriptor not in self._poller.wanted:
            raise KeyError(descriptor)
        self._poller.unregister(descriptor)

    def poll(self, timeout: float | None = None) -> list[tuple[int, int]]:
        return self._poller.wait(None if timeout is None or timeout < 0 else timeout / 1000)


class GuestEpoll:
    """`select.epoll()`: seconds; level-triggered."""

    def __init__(self, sizehint: int = -1, flags: int = 0) -> None:
        self._poller = Poller()
        self.closed = False

    def fileno(self) -> int:
        return -1

    def register(self, fd: Any, eventmask: int = POLLIN | POLLPRI | POLLOUT) -> None:
        self._poller.register(number_of(fd), eventmask)

    def modify(self, fd: Any, eventmask: int) -> None:
        self._poller.modify(number_of(fd), eventmask)

    def unregister(self, fd: Any) -> None:
        self._poller.unregister(number_of(fd))

    def poll(self, timeout: float | None = None, maxevents: int = -1) -> list[tuple[int, int]]:
        ready = self._poller.wait(None if timeout is None or timeout < 0 else timeout)
        return ready if maxevents < 0 else ready[:maxevents]

    def close(self) -> None:
        self.closed = True
        self._poller.close()

    def __enter__(self) -> GuestEpoll:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def guest_select(
    rlist: Any, wlist: Any, xlist: Any, timeout: float | None = None, /
) -> tuple[list[Any], list[Any], list[Any]]:
    """`select.select`."""
    sets = [list(rlist), list(wlist), list(xlist)]
    if timeout is not None and timeout < 0:
        raise ValueError("timeout must be non-negative")
    poller = Poller()
    try:
        for things, bits in zip(sets, (POLLIN, POLLOUT, POLLPRI), strict=True):
            for thing in things:
                descriptor = number_of(thing)
                if descriptor in poller.wanted:
                    poller.modify(descriptor, poller.wanted[descriptor] | bits)
                else:
                    poller.register(descriptor, bits)
        ready = dict(poller.wait(timeout))
    finally:
        poller.close()
    masks = (POLLIN | POLLHUP | POLLERR | POLLRDHUP, POLLOUT | POLLERR, POLLPRI)
    read, write, urgent = (
        [thing for thing in things if ready.get(number_of(thing), 0) & mask]
        for things, mask in zip(sets, masks, strict=True)
    )
    return read, write, urgent


def _either(real: Callable[..., Any], guest: Callable[..., Any]) -> Callable[..., Any]:
    def choose(*arguments: Any, **named: Any) -> Any:
        return (real if current() is None else guest)(*arguments, **named)

    choose.__name__ = choose.__qualname__ = getattr(real, "__name__", "choose")
    return choose


def _selector_new(cls: Any, *_: Any, **__: Any) -> Any:
    return GuestSelector() if current() is not None else object.__new__(cls)


def replacements() -> list[tuple[Any, str, Any]]:
    """(module or class, name, what stands there from now on)."""
    found: list[tuple[Any, str, Any]] = [(select, "select", _either(select.select, guest_select))]
    for name, guest in (("poll", GuestPoll), ("epoll", GuestEpoll)):
        if hasattr(select, name):
            found.append((select, name, _either(getattr(select, name), guest)))
    for name in ("SelectSelector", "PollSelector", "EpollSelector", "DevpollSelector", "KqueueSelector"):
        if hasattr(selectors, name):
            found.append((getattr(selectors, name), "__new__", staticmethod(_selector_new)))
    return found
