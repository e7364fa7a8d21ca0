"""A listening socket of the real system, whose connections are taken as they come."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Final

from sim.bridge.doors import READ, Doors

MOST_AT_ONCE: Final = 64
"""Connections that are taken before others have their turn."""
FULL: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Entrance:
    """Gives each connection at `listener` to `take(connection)`; neither of them blocks.

    When the process has no descriptor left, who comes waits in the system's queue, and is asked for at the next look.
    """

    def __init__(self, doors: Doors, listener: socket.socket, take: Callable[[socket.socket], None]) -> None:
        self._doors = doors
        self._listener = listener
        self._take = take
        doors.watch(listener, READ, self._ready)

    def close(self) -> None:
        """Listen no longer."""
        self._doors.forget(self._listener)
        self._listener.close()

    def _ready(self, _: int) -> None:
        for _turn in range(MOST_AT_ONCE):
            try:
                connection, _address = self._listener.accept()
            except OSError as error:
                # Otherwise nobody waits any more, or who did has gone again.
                self._doors.watch(self._listener, 0 if error.errno in FULL else READ, self._ready)
                return
            connection.setblocking(False)
            self._take(connection)
