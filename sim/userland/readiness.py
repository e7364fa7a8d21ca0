"""Waiting for several sockets: `select`, `poll`, `epoll` and the selectors on them, in virtual time."""

from __future__ import annotations

import errno
import select
import selectors
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from sim.stack.polling import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP
from sim.stack.service import os_error
from sim.userland.guest_socket import here
from sim.userland.poller import EDGE, ONCE, POLLNVAL, Poller, number_of
from sim.userland.tasks import current

POLLPRI: Final = 2
NEGATIVE: Final = "file descriptor cannot be a negative integer ({})"
FLAGS: Final = EDGE | ONCE


class GuestSelector(selectors._BaseSelectorImpl):
    """`selectors.DefaultSelector` and its like in a program: as CPython's, but it waits to the nanosecond."""

    _fd_to_key: dict[int, selectors.SelectorKey]

    def __init__(self) -> None:
        selectors._BaseSelectorImpl.__init__(self)
        self._poller = Poller()

    def fileno(self) -> int:
        """It needs none."""
        return -1

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = selectors._BaseSelectorImpl.register(self, fileobj, events, data)
        try:
            self._poller.register(number_of(key.fd), _bits(events))
        except BaseException:
            selectors._BaseSelectorImpl.unregister(self, fileobj)
            raise
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key = selectors._BaseSelectorImpl.unregister(self, fileobj)
        if key.fd in self._poller.wanted:
            self._poller.forget(key.fd)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        try:
            key = self._fd_to_key[self._fileobj_lookup(fileobj)]  # type: ignore[attr-defined]
        except KeyError:
            raise KeyError(f"{fileobj!r} is not registered") from None
        if events != key.events:
            if key.fd in self._poller.wanted:
                try:
                    self._poller.modify(key.fd, _bits(events))
                except OSError:  # another socket has that number now
                    selectors._BaseSelectorImpl.unregister(self, fileobj)
                    raise
            key = key._replace(events=events)
        if data != key.data:
            key = key._replace(data=data)
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
        selectors._BaseSelectorImpl.close(self)


def _bits(events: int) -> int:
    return (POLLIN if events & selectors.EVENT_READ else 0) | (POLLOUT if events & selectors.EVENT_WRITE else 0)


class GuestPoll:
    """`select.poll()`: milliseconds."""

    def __init__(self) -> None:
        self._wanted: dict[int, int] = {}
        self._poller = Poller()

    def register(self, fd: Any, eventmask: int = POLLIN | POLLPRI | POLLOUT) -> None:
        """Await events; or other ones."""
        self._wanted[number_of(fd, NEGATIVE)] = eventmask

    def modify(self, fd: Any, eventmask: int) -> None:
        """Await other events. Raises FileNotFoundError."""
        descriptor = number_of(fd, NEGATIVE)
        if descriptor not in self._wanted:
            raise os_error(errno.ENOENT)
        self._wanted[descriptor] = eventmask

    def unregister(self, fd: Any) -> None:
        """Await nothing of it any more. Raises KeyError."""
        del self._wanted[number_of(fd, NEGATIVE)]

    def poll(self, timeout: float | None = None) -> list[tuple[int, int]]:
        """Those that are ready, in the order in which they were registered; POLLNVAL for those that are closed."""
        if timeout is not None and not isinstance(timeout, int | float):
            raise TypeError("timeout must be an integer or None")
        poller = self._poller
        for descriptor in list(poller.wanted):
            if descriptor not in self._wanted:
                poller.forget(descriptor)
        closed = [descriptor for descriptor, events in self._wanted.items() if not self._watch(descriptor, events)]
        wait = 0 if closed else None if timeout is None or timeout < 0 else timeout / 1000
        ready = dict(poller.wait(wait)) | dict.fromkeys(closed, POLLNVAL)
        return [(descriptor, ready[descriptor]) for descriptor in self._wanted if descriptor in ready]

    def _watch(self, descriptor: int, events: int) -> bool:
        """Let the poller know; False if there is no such socket any more."""
        poller = self._poller
        if descriptor in poller.wanted and poller.is_open(descriptor):
            if poller.wanted[descriptor] != events:
                poller.modify(descriptor, events)
            return True
        try:
            poller.register(descriptor, events)
        except OSError:
            return False
        return True


class _ForPrograms(type):
    """The class of `GuestEpoll`, which stands for the real one wherever no program asks."""

    _real: Any

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        return cls._real(*arguments, **named) if current() is None else super().__call__(*arguments, **named)

    def __instancecheck__(cls, thing: object) -> bool:
        return isinstance(thing, cls._real) or super().__instancecheck__(thing)


class GuestEpoll(metaclass=_ForPrograms):
    """`select.epoll()`: seconds; level-triggered, with EPOLLET edge-triggered, with EPOLLONESHOT once."""

    _real = getattr(select, "epoll", None)

    def __init__(self, sizehint: int = -1, flags: int = 0) -> None:
        if sizehint == 0 or sizehint < -1:
            raise ValueError("sizehint must be positive or -1")
        self._poller = Poller()
        self.closed = False

    @staticmethod
    def fromfd(fd: int) -> Any:
        """Only for real ones."""
        return GuestEpoll._real.fromfd(fd)

    def fileno(self) -> int:
        """It has none that others could wait for."""
        self._check()
        return -1

    def register(self, fd: Any, eventmask: int = POLLIN | POLLPRI | POLLOUT) -> None:
        """Await events. Raises FileExistsError, OSError EBADF."""
        self._check()
        self._poller.register(number_of(fd, NEGATIVE), eventmask)

    def modify(self, fd: Any, eventmask: int) -> None:
        """Await other events. Raises FileNotFoundError, OSError EBADF."""
        self._poller.modify(self._open(fd), eventmask)

    def unregister(self, fd: Any) -> None:
        """Await nothing of it any more. Raises FileNotFoundError, OSError EBADF."""
        self._poller.unregister(self._open(fd))

    def poll(self, timeout: float | None = None, maxevents: int = -1) -> list[tuple[int, int]]:
        """At most `maxevents` that are ready."""
        self._check()
        if maxevents < -1 or maxevents == 0:
            raise ValueError(f"maxevents must be greater than 0, got {maxevents}")
        return self._poller.wait(None if timeout is None or timeout < 0 else timeout, maxevents)

    def close(self) -> None:
        """Await nothing."""
        self.closed = True
        self._poller.close()

    def __enter__(self) -> GuestEpoll:
        self._check()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed epoll object")

    def _open(self, fd: Any) -> int:
        self._check()
        descriptor = number_of(fd, NEGATIVE)
        return here()[1].sockets.check(descriptor)


GuestEpoll.__module__, GuestEpoll.__name__, GuestEpoll.__qualname__ = "select", "epoll", "epoll"


def guest_select(
    rlist: Any, wlist: Any, xlist: Any, timeout: float | None = None, /
) -> tuple[list[Any], list[Any], list[Any]]:
    """`select.select`."""
    sets: list[list[Any]] = []
    with suppress(TypeError):
        sets = [list(things) for things in (rlist, wlist, xlist)]
    if not sets:
        raise TypeError("arguments 1-3 must be sequences")
    if timeout is not None and not isinstance(timeout, int | float):
        raise TypeError("timeout must be a float or None")
    if timeout is not None and timeout < 0:
        raise ValueError("timeout must be non-negative")
    masks = (POLLIN | POLLHUP | POLLERR, POLLOUT | POLLERR, POLLPRI)
    numbered = [[(thing, number_of(thing, NEGATIVE)) for thing in things] for things in sets]
    poller = Poller(always=0)
    try:
        for things, mask in zip(numbered, masks, strict=True):
            for _, descriptor in things:
                if descriptor in poller.wanted:
                    poller.modify(descriptor, poller.wanted[descriptor] | mask)
                else:
                    poller.register(descriptor, mask)
        ready = dict(poller.wait(timeout))
    finally:
        poller.close()
    read, write, urgent = (
        [thing for thing, descriptor in things if ready.get(descriptor, 0) & mask]
        for things, mask in zip(numbered, masks, strict=True)
    )
    return read, write, urgent


def _either(real: Callable[..., Any], guest: Callable[..., Any]) -> Callable[..., Any]:
    def choose(*arguments: Any, **named: Any) -> Any:
        return (real if current() is None else guest)(*arguments, **named)

    return choose


def _selector_new(real: type) -> Callable[..., Any]:
    """`__new__` of a selector: a program gets one of ours; a class derived from it works on our poll, epoll, select."""
    ours = type(real.__name__, (GuestSelector, real), {"__module__": "selectors", "__qualname__": real.__qualname__})

    def new(cls: Any, *_: Any, **__: Any) -> Any:
        return object.__new__(ours if cls is real and current() is not None else cls)

    return new


def replacements() -> list[tuple[Any, str, Any]]:
    """(module or class, name, what stands there from now on)."""
    found: list[tuple[Any, str, Any]] = [(select, "select", _either(select.select, guest_select))]
    if hasattr(select, "poll"):
        found.append((select, "poll", _either(select.poll, GuestPoll)))
    if hasattr(select, "epoll"):
        found += [(select, "epoll", GuestEpoll), (selectors.EpollSelector, "_selector_cls", GuestEpoll)]
    for name in ("SelectSelector", "PollSelector", "EpollSelector", "DevpollSelector", "KqueueSelector"):
        real = getattr(selectors, name, None)
        if real is not None:
            found.append((real, "__new__", staticmethod(_selector_new(real))))
    return found
