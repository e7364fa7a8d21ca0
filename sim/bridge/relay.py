"""One real connection and one simulated one, joined: what comes by either goes out by the other.

1. Bytes are read from a side only while little is waiting for the other: a slow reader fills its own buffers, then
   ours, then the window of the sender, wherever each of them is.
2. The end of a stream passes on once all before it has: half-closed on one side is half-closed on the other.
3. A reset, and a connection that cannot be made, becomes a reset on the other side.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from sim.bridge.doors import READ, WRITE, Doors
from sim.userland.sockets import Socket

POLLOUT: Final = 4  # Linux's bit, in which the poll() of simulated sockets speaks
CHUNK: Final = 65_536
MOST_WAITING: Final = 262_144
"""Bytes that may wait for one side."""
ABORT: Final = struct.pack("ii", 1, 0)  # struct linger: close by a reset
NOT_YET: Final = (errno.EINPROGRESS, errno.EALREADY, errno.EAGAIN, errno.EWOULDBLOCK)


class Relay:
    """A real socket and a simulated one, neither of which blocks; each may be on its way to be connected.

    `on_end` is called once, when it is over; `error` says why if it did not end well.
    """

    def __init__(self, doors: Doors, real: socket.socket, inner: Socket, on_end: Callable[[Relay], None]) -> None:
        self.error: str | None = None
        self.carried = [0, 0]  # bytes into the network, and out of it
        self._doors = doors
        self._real = real
        self._inner = inner
        self._on_end = on_end
        self._inwards = bytearray()
        self._outwards = bytearray()
        self._real_connected = False
        self._inner_connected = False
        self._real_ended = self._inner_ended = False  # nothing more comes from there
        self._real_shut = self._inner_shut = False  # and is told to the other side
        self._over = False
        self._awaited = -1
        self._busy = False

    def start(self, *, real_connected: bool, inner_connected: bool) -> None:
        """Begin; a side that is not connected yet tells when it is."""
        self._real_connected, self._inner_connected = real_connected, inner_connected
        self._inner.on_event = self._hear
        self._move()

    def abort(self, why: str) -> None:
        """End it by resets on both sides."""
        if self._over:
            return
        self._over = True
        with suppress(OSError):  # it may be gone by itself
            self._inner.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        self._inner.close()
        self._fail(why)

    def cut(self, why: str) -> None:
        """End it by a reset on the real side only: the machine that the simulated socket was on is off."""
        if not self._over:
            self._over = True
            self._fail(why)

    def _fail(self, why: str) -> None:
        self.error = why
        self._doors.forget(self._real)
        refuse(self._real)
        self._on_end(self)

    # -- what happens

    def _ready(self, events: int) -> None:
        if not self._real_connected or not events:
            number = self._real.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if number:
                self.abort(errno.errorcode.get(number, str(number)))
                return
            self._real_connected = self._real_connected or bool(events)
        if events:
            self._move()

    def _hear(self) -> None:
        """Something has happened inside: many segments may come before it is looked at."""
        self._doors.soon(self._move)

    def _move(self) -> None:
        """Carry all that can be carried now."""
        if self._over or self._busy:
            return  # what a call of ours has caused is seen to by the call's own loop
        self._busy = True
        try:
            self._carry()
        except OSError as error:
            self._busy = False
            self.abort(errno.errorcode.get(error.errno or 0, str(error)))
            return
        self._busy = False
        if self._real_shut and self._inner_shut:
            self._finish()
        else:
            self._await()

    def _carry(self) -> None:
        if not self._inner_connected:
            self._check_connect()
        elif self._inner_ended or len(self._outwards) >= MOST_WAITING:
            self._check_inner()  # reading would tell, but is not the thing to do
        moved = True
        while moved:
            moved = self._read_real() | self._write_inner() | self._read_inner() | self._write_real()

    def _check_inner(self) -> None:
        """Raises OSError if the simulated connection was reset, or could not be made."""
        number = int(self._inner.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        if number:
            raise OSError(number, "the simulated connection failed")

    def _check_connect(self) -> None:
        """Whether the simulated connection has been made. Raises OSError if it cannot be."""
        self._check_inner()
        self._inner_connected = bool(self._inner.poll() & POLLOUT)

    def _read_real(self) -> bool:
        if self._real_ended or not self._real_connected or len(self._inwards) >= MOST_WAITING:
            return False
        try:
            data = self._real.recv(CHUNK)
        except BlockingIOError:
            return False
        self._inwards += data
        self._real_ended = not data
        return True

    def _write_inner(self) -> bool:
        if not self._inner_connected or self._inner_shut:
            return False
        if self._inwards:
            try:
                with memoryview(self._inwards) as waiting:
                    taken = self._inner.send(waiting[:CHUNK].tobytes())
            except BlockingIOError:
                return False
            del self._inwards[:taken]
            self.carried[0] += taken
            return True
        if self._real_ended:
            self._inner.shutdown(socket.SHUT_WR)
            self._inner_shut = True
        return False

    def _read_inner(self) -> bool:
        if self._inner_ended or not self._inner_connected or len(self._outwards) >= MOST_WAITING:
            return False
        try:
            data = self._inner.recv(CHUNK)
        except BlockingIOError:
            return False
        self._outwards += data
        self._inner_ended = not data
        return True

    def _write_real(self) -> bool:
        if not self._real_connected or self._real_shut:
            return False
        if self._outwards:
            try:
                taken = self._real.send(self._outwards)
            except BlockingIOError:
                return False
            del self._outwards[:taken]
            self.carried[1] += taken
            return True
        if self._inner_ended:
            self._real.shutdown(socket.SHUT_WR)
            self._real_shut = True
        return False

    def _await(self) -> None:
        events = 0
        if not self._real_connected or self._outwards:
            events |= WRITE
        if self._real_connected and not self._real_ended and len(self._inwards) < MOST_WAITING:
            events |= READ
        if events != self._awaited:
            self._awaited = events
            self._doors.watch(self._real, events, self._ready)

    def _finish(self) -> None:
        self._over = True
        self._doors.forget(self._real)
        self._real.close()
        self._inner.close()
        self._on_end(self)


def refuse(real: socket.socket) -> None:
    """Close a real connection by a reset."""
    with suppress(OSError):
        real.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
    real.close()
