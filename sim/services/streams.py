"""TCP streams: a client that connects, a server that accepts, and what a program does with its end of a connection.

A `Stream` sends what it has, takes in what comes, and shuts its side down when it is through: after so many bytes have
come in, or at the end of what the other sends. It has ended when both sides are closed.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from sim.services.payload import Incoming, Outgoing
from sim.userland.machine import Machine, TcpSocket
from sim.wire.addresses import IPV4_ANY, format_ip

READ_SIZE: Final = 65_536
ECHO_LIMIT: Final = 262_144
"""Bytes that an echo keeps before it stops reading; then its receive window fills, and the sender has to wait."""
SHUT_WRITE: Final = 1
CLOSED_STATES: Final = frozenset({"CLOSED", "TIME-WAIT"})
TOTAL_RETRANS: Final = slice(100, 104)
"""Where `struct tcp_info` of Linux holds tcpi_total_retrans."""

Nothing = Callable[[], None]


def _nothing() -> None:
    """For whoever does not want to hear of it."""


@dataclass
class Manners:
    """What a program does at its end. `close_after`: it closes once it has sent all and so many bytes have come in;
    None: when the other has closed. `reply`: it answers, True with what comes, bytes with these once `request` bytes
    have come. `congestion` None leaves the host's own."""

    outgoing: Outgoing = field(default_factory=Outgoing)
    close_after: int | None = 0
    reply: bytes | bool = False
    request: int = 0
    congestion: str | None = None
    nodelay: bool = False


class Stream:
    """A program at one end of a connection. `on_connected` and `on_done` are called once each.

    Times are ns, None for what has not been. `error` is why it failed, in the words of the system.
    """

    def __init__(
        self,
        machine: Machine,
        socket: TcpSocket,
        manners: Manners,
        on_done: Nothing = _nothing,
        on_connected: Nothing = _nothing,
    ) -> None:
        self.machine = machine
        self.manners = manners
        self.outgoing = manners.outgoing
        self.incoming = Incoming()
        self.on_done = on_done
        self.on_connected = on_connected
        self.root: int | None = None
        self.local: tuple[bytes, int] = (IPV4_ANY, 0)
        self.remote: tuple[bytes, int] = (IPV4_ANY, 0)
        self.started_at = self.moved_at = machine.engine.now
        self.connected_at: int | None = None
        self.ended_at: int | None = None
        self.error: str | None = None
        self.retransmissions = 0
        self._socket = socket
        self._shut = False
        self._working = False
        self._again = False
        if manners.congestion is not None:
            socket.set_congestion(manners.congestion)
        if manners.nodelay:
            socket.set_nodelay(True)
        socket.on_event = self._handle_event

    @property
    def done(self) -> bool:
        """Whether it is all over."""
        return self.ended_at is not None

    @property
    def state(self) -> str:
        """The connection's state, in the words of RFC 9293."""
        return self._socket.state_name()

    def ends(self) -> tuple[str, str]:
        """Our end and the other, written `10.0.0.1:49152`."""
        return format_end(*self.local), format_end(*self.remote)

    def connect(self, address: bytes, port: int, source_port: int = 0) -> None:
        """Open the connection, from `source_port` (0: a free one); the SYN begins a journey, whose id is `root`."""
        machine = self.machine
        self.remote = (address, port)
        self.root = machine.originate(f"TCP connection to {format_ip(address)} port {port}")
        self.started_at = self.moved_at = machine.engine.now
        try:
            if source_port:
                self._socket.bind(IPV4_ANY, source_port)
            self._socket.connect(address, port)
        except OSError as error:
            if error.errno != errno.EINPROGRESS:
                machine.stack.core.drop(_words(error))
                self._fail(error)
                return
        self.local = self._socket.local()
        self._handle_event()

    def accepted(self) -> None:
        """The connection is there: go ahead."""
        self.local, self.remote = self._socket.local(), self._socket.remote()
        self._connected()
        self._handle_event()

    def stop(self) -> None:
        """Send no more than has been sent by now, and close."""
        self.machine.originate("time is up: nothing more is sent")
        self.outgoing.stop()
        self._handle_event()

    def abort(self, reason: str) -> None:
        """Give the connection up, because of `reason`."""
        if not self.done:
            self.machine.originate(f"the connection is given up: {reason}")
            self.error = reason
            self._finish(self._socket.abort)

    def _handle_event(self) -> None:
        """Do all that can be done now. What it does may be told to it as another event: it is not entered twice."""
        self._again = True
        if self._working:
            return
        self._working = True
        while self._again and not self.done:
            self._again = False
            self._work()
        self._working = False

    def _work(self) -> None:
        try:
            if self.connected_at is None and not self._has_connected():
                return
            moved = True
            while moved:
                moved = self._receive()
                moved = self._send() or moved
            self._close_if_through()
        except OSError as error:
            self._fail(error)
            return
        if self._shut and self.incoming.ended and self._socket.state_name() in CLOSED_STATES:
            self._finish()

    def _has_connected(self) -> bool:
        state = self._socket.state_name()
        if state in ("SYN-SENT", "SYN-RECEIVED"):
            return False
        failed = self._socket.take_error()
        if failed or state == "CLOSED":
            number = failed or errno.ECONNABORTED
            raise OSError(number, os.strerror(number))
        self.local = self._socket.local()
        self._connected()
        return True

    def _connected(self) -> None:
        self.connected_at = self.moved_at = self.machine.engine.now
        self._answer()
        self.on_connected()

    def _receive(self) -> bool:
        """Take in what is there; whether there was anything."""
        if self.incoming.ended or self.outgoing.waiting > ECHO_LIMIT:
            return False
        try:
            data = self._socket.receive(READ_SIZE)
        except BlockingIOError:
            return False
        self.moved_at = self.machine.engine.now
        self.incoming.take(data, self.moved_at)
        if self.manners.reply is True:
            if data:
                self.outgoing.feed(data)
            else:
                self.outgoing.stop()
        self._answer()
        return True

    def _answer(self) -> None:
        """Answer with a text once the request is there."""
        reply = self.manners.reply
        if isinstance(reply, bytes) and (self.incoming.received >= self.manners.request or self.incoming.ended):
            self.manners.reply = False
            self.outgoing.feed(reply)
            self.outgoing.stop()

    def _send(self) -> bool:
        """Send what the socket takes; whether it took anything."""
        chunk = self.outgoing.chunk()
        if not chunk:
            return False
        try:
            count = self._socket.send(chunk)
        except BlockingIOError:
            return False
        self.outgoing.taken(chunk, count)
        self.moved_at = self.machine.engine.now
        return count > 0

    def _close_if_through(self) -> None:
        wanted = self.manners.close_after
        enough = self.incoming.ended or (wanted is not None and self.incoming.received >= wanted)
        if enough and self.outgoing.done and not self._shut:
            self._shut = True
            self._socket.shutdown(SHUT_WRITE)

    def _fail(self, error: OSError) -> None:
        self.error = _words(error)
        self._finish()

    def _finish(self, close: Nothing | None = None) -> None:
        if not self.done:
            self.ended_at = self.machine.engine.now
            self.retransmissions = int.from_bytes(self._socket.info()[TOTAL_RETRANS], "little")
            self._socket.on_event = None
            (close or self._socket.close)()
            self.on_done()


class StreamServer:
    """A program that accepts connections on a port, and behaves at each as `welcome(socket)` says: a `Stream`."""

    def __init__(self, machine: Machine, port: int, welcome: Callable[[TcpSocket], Stream], backlog: int = 128) -> None:
        self.streams: list[Stream] = []
        self._machine = machine
        self._welcome = welcome
        self._socket: TcpSocket = machine.stack.tcp.socket()
        self._socket.reuse_address = True
        self._socket.bind(IPV4_ANY, port)
        self._socket.on_event = self._handle_event
        self._socket.listen(backlog)

    def close(self) -> None:
        """Accept no more, and free the port."""
        self._machine.stack.enter(self._machine.engine.now, self._machine.engine.cause)
        self._socket.on_event = None
        self._socket.close()

    def _handle_event(self) -> None:
        while True:
            try:
                socket = self._socket.accept()
            except BlockingIOError:
                return
            stream = self._welcome(socket)
            self.streams.append(stream)
            stream.accepted()


def format_end(address: bytes, port: int) -> str:
    """`10.0.0.1:49152`."""
    return f"{format_ip(address)}:{port}"


def _words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
