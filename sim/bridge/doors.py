"""Many sockets of the real system, watched as one door of the pacer (realtime.py).

On Linux and macOS the selector has a descriptor of its own, which is readable when one of its sockets is ready: so the
pacer sleeps with `select`, to the microsecond, however many sockets there are. Elsewhere (`fileno` is -1) the sockets
are asked whenever somebody `poll`s.
"""

from __future__ import annotations

import itertools
import selectors
import socket
from collections.abc import Callable
from typing import Any, Final

READ: Final = selectors.EVENT_READ
WRITE: Final = selectors.EVENT_WRITE
MOST_AT_ONCE: Final = 256
"""Sockets that are served before time goes on."""

Callback = Callable[[int], None]


class Doors:
    """The sockets, each with the events that are awaited and what is called then: `callback(READ | WRITE)`.

    The system tells nothing of a socket of which nothing is awaited, not even that its peer has reset it: so `look`
    calls `callback(0)` of some of these.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._kept: dict[socket.socket, Callback] = {}  # those of which nothing is awaited now
        self._pending: dict[Callable[[], None], None] = {}
        self._first = 0  # where in a long list of them the next ones begin

    def fileno(self) -> int:
        """The selector's own descriptor, -1 if it has none."""
        own: Callable[[], int] | None = getattr(self._selector, "fileno", None)
        return -1 if own is None else own()

    def watch(self, sock: socket.socket, events: int, callback: Callback) -> None:
        """Await events of a socket, none or more, in place of those that were awaited before."""
        known = sock not in self._kept and sock in self._selector.get_map()
        if not events:
            if known:
                self._selector.unregister(sock)
            self._kept[sock] = callback
            return
        self._kept.pop(sock, None)
        if known:
            self._selector.modify(sock, events, callback)
        else:
            self._selector.register(sock, events, callback)

    def forget(self, sock: socket.socket) -> None:
        """Await nothing of it any more; before it is closed."""
        if self._kept.pop(sock, None) is None and sock in self._selector.get_map():
            self._selector.unregister(sock)

    def soon(self, action: Callable[[], None]) -> None:
        """Call `action()` when the events of the network that are due have happened: once for many of them."""
        self._pending[action] = None

    def settle(self) -> None:
        """Do what is to be done soon. Who turns the clock calls this between events."""
        while self._pending:
            pending, self._pending = self._pending, {}
            for action in pending:
                action()

    def look(self) -> None:
        """Ask some of those of which nothing is awaited how they are: `callback(0)`. To be called now and then."""
        for sock in list(itertools.islice(self._kept, MOST_AT_ONCE)):
            callback = self._kept.pop(sock, None)
            if callback is not None:  # not forgotten by one that came before
                self._kept[sock] = callback  # as the last
                callback(0)

    def readable(self) -> None:
        """Serve those that are ready, the others the next time."""
        ready = self._selector.select(0)
        if len(ready) > MOST_AT_ONCE:
            self._first = (self._first + MOST_AT_ONCE) % len(ready)
            ready = (ready[self._first :] + ready[: self._first])[:MOST_AT_ONCE]
        for key, events in ready:
            current = self._selector.get_map().get(key.fd)
            if current is not None and current.fileobj is key.fileobj:  # not closed by one that came before
                callback: Any = current.data
                callback(events & current.events)

    def __len__(self) -> int:
        return len(self._kept) + len(self._selector.get_map())

    def close(self) -> None:
        """Watch none. Who has opened them closes them."""
        self._kept.clear()
        self._selector.close()
