"""UDP datagrams from one program to another: a sender that counts what came back, a listener that may answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sim.userland.machine import Machine, Timer, UdpSocket
from sim.wire import icmpv4
from sim.wire.addresses import IPV4_ANY, format_ip

SECOND: Final = 1_000_000_000


class Listener:
    """A program that awaits datagrams on a port and keeps them. It answers each with `reply`, if that is not False;
    True sends back what came."""

    def __init__(self, machine: Machine, port: int, reply: bytes | bool = False) -> None:
        self.received: list[tuple[bytes, str, int]] = []
        self._machine = machine
        self._reply = reply
        self._socket: UdpSocket = machine.stack.udp.open(IPV4_ANY, port)
        self._socket.on_event = self._handle_event

    def close(self) -> None:
        """Free the port."""
        self._socket.close()

    def _handle_event(self) -> None:
        while (datagram := self._socket.receive()) is not None:
            data, source, port = datagram
            self.received.append((data, format_ip(source), port))
            if self._reply is not False:
                try:
                    self._socket.send_to(data if self._reply is True else self._reply, source, port)
                except OSError as error:
                    self._machine.stack.core.drop((error.strerror or str(error)).lower())


class Sender:
    """Sends `count` datagrams, one each `interval` ns, then waits `timeout` ns for replies and errors.

    It is done, and calls `on_done`, when each datagram was answered or failed (if replies are awaited at all), or
    when the time is up. `roots` holds the journey id of each datagram.
    """

    def __init__(
        self,
        machine: Machine,
        destination: bytes,
        port: int,
        data: bytes,
        on_done: Callable[[], None],
        *,
        source_port: int = 0,
        count: int = 1,
        interval: int = SECOND,
        ttl: int | None = None,
        dont_fragment: bool = False,
        timeout: int = SECOND,
    ) -> None:
        self.sent = 0
        self.replies: list[bytes] = []
        self.errors: list[str] = []
        self.roots: list[int] = []
        self.done = False
        self._machine = machine
        self._destination = destination
        self._port = port
        self._data = data
        self._on_done = on_done
        self._count = count
        self._interval = interval
        self._timeout = timeout
        self._socket = machine.stack.udp.open(IPV4_ANY, source_port)
        self._socket.receive_errors = True
        if ttl is not None:
            self._socket.ttl = self._socket.multicast_ttl = ttl
        self._socket.dont_fragment = dont_fragment
        self._socket.broadcast = True
        self._socket.on_event = self._handle_event
        self._timer: Timer = machine.engine.timer(self._handle_timer)

    def start(self) -> None:
        """Send the first datagram now."""
        self._send()

    def _send(self) -> None:
        machine = self._machine
        self.sent += 1
        text = f"UDP datagram of {len(self._data)} bytes to {format_ip(self._destination)} port {self._port}"
        self.roots.append(machine.originate(text))
        try:
            self._socket.send_to(self._data, self._destination, self._port)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            machine.stack.core.drop(reason)
            self.errors.append(reason)
        last = self.sent == self._count
        self._timer.set(machine.engine.now + (self._timeout if last else self._interval))
        self._finish_if_complete()

    def _handle_timer(self) -> None:
        if self.sent < self._count:
            self._send()
        else:
            self._finish()

    def _handle_event(self) -> None:
        while self._socket.errors:
            error = self._socket.errors.pop(0)
            self.errors.append(icmpv4.describe(error.kind, error.code))
        while (datagram := self._socket.receive()) is not None:
            self.replies.append(datagram[0])
        self._finish_if_complete()

    def _finish_if_complete(self) -> None:
        if self.sent == self._count and len(self.replies) + len(self.errors) >= self._count:
            self._finish()

    def _finish(self) -> None:
        if not self.done:
            self.done = True
            self._timer.cancel()
            self._socket.close()
            self._on_done()
