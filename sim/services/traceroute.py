"""traceroute: UDP datagrams with a TTL of 1, 2, 3, ... and the routers that report each one's end (V. Jacobson)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sim.userland.machine import IcmpError, Machine, Timer
from sim.wire import icmpv4
from sim.wire.addresses import format_ip

SECOND: Final = 1_000_000_000
FIRST_PORT: Final = 33434  # where nobody listens, one port further for each probe


@dataclass(frozen=True)
class TraceHop:
    """Who answered the probe with this TTL (None: nobody in time), after how long (ns), and with what."""

    ttl: int
    address: str | None
    rtt: int | None
    text: str


class Traceroute:
    """Probes the way to `destination`, one hop after the other, and calls `on_done` at its end.

    It ends where a port-unreachable (or any other unreachable) comes back, or after `max_hops`. `on_news` is called
    after each hop but the last. `roots` holds the journey id of each probe.
    """

    def __init__(
        self,
        machine: Machine,
        destination: bytes,
        on_done: Callable[[], None],
        *,
        max_hops: int = 30,
        timeout: int = SECOND,
        on_news: Callable[[], None] = lambda: None,
    ) -> None:
        self.destination = destination
        self.hops: list[TraceHop] = []
        self.reached = False
        self.roots: list[int] = []
        self.done = False
        self._machine = machine
        self._on_done = on_done
        self._on_news = on_news
        self._max_hops = max_hops
        self._timeout = timeout
        self._sent_at = 0
        self._socket = machine.stack.udp.open()
        self._socket.receive_errors = True
        self._socket.on_event = self._handle_event
        self._timer: Timer = machine.engine.timer(lambda: self._next(TraceHop(self._ttl, None, None, "no answer")))

    @property
    def _ttl(self) -> int:
        return len(self.hops) + 1

    def start(self) -> None:
        """Send the first probe now."""
        self._send()

    def stop(self) -> None:
        """It has been enough: be done now."""
        if not self.done:
            self._close()

    def _send(self) -> None:
        machine = self._machine
        text = f"traceroute probe with TTL {self._ttl} to {format_ip(self.destination)}"
        self.roots.append(machine.originate(text))
        self._sent_at = machine.engine.now
        self._timer.set(machine.engine.now + self._timeout)
        self._socket.ttl = self._ttl
        try:
            self._socket.send_to(bytes(32), self.destination, FIRST_PORT + len(self.hops))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            machine.stack.core.drop(reason)
            self._finish(TraceHop(self._ttl, None, None, reason))

    def _handle_event(self) -> None:
        while self._socket.errors:
            error = self._socket.errors.pop(0)
            if self._answers_this_probe(error):
                self._handle_error(error)
        while self._socket.receive() is not None:
            pass  # somebody listens on that port and answers in his own words: to a traceroute that is silence

    def _answers_this_probe(self, error: IcmpError) -> bool:
        port = int.from_bytes(error.quoted.payload[2:4], "big")
        return not self.done and port == FIRST_PORT + len(self.hops)

    def _handle_error(self, error: IcmpError) -> None:
        rtt = self._machine.engine.now - self._sent_at
        hop = TraceHop(self._ttl, format_ip(error.reporter), rtt, icmpv4.describe(error.kind, error.code))
        if error.kind == icmpv4.TIME_EXCEEDED:
            self._next(hop)
        else:
            self.reached = error.reporter == self.destination or error.code == icmpv4.PORT_UNREACHABLE
            self._finish(hop)

    def _next(self, hop: TraceHop) -> None:
        if hop.ttl >= self._max_hops:
            self._finish(hop)
        else:
            self.hops.append(hop)
            self._on_news()
            self._send()

    def _finish(self, hop: TraceHop) -> None:
        self.hops.append(hop)
        self._close()

    def _close(self) -> None:
        self.done = True
        self._timer.cancel()
        self._socket.close()
        self._on_done()
