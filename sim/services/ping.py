"""ping: echo requests at an interval, and what came back for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sim.userland.machine import IcmpError, Machine, Timer
from sim.wire import icmpv4, ipv4
from sim.wire.addresses import format_ip

SECOND: Final = 1_000_000_000
LATEST: Final = 100
"""Requests that are looked back at."""


@dataclass(frozen=True)
class EchoReply:
    """One reply: the sequence number, the round-trip time (ns), the TTL it came with, and who sent it."""

    sequence: int
    rtt: int
    ttl: int
    source: str


@dataclass(frozen=True)
class PingError:
    """One request that failed: with an ICMP error from `reporter`, or already on sending (reporter is our own name)."""

    sequence: int
    text: str
    reporter: str


class Ping:
    """Sends `count` echo requests of `size` bytes, one each `interval` ns, and waits `timeout` ns after the last.

    It is done when each request has been answered or has failed, or when the time is up; then it calls `on_done`.
    Without a `count` it goes on until `stop`. `on_news` is called after each reply and failure, and before each request
    but the first. `roots` holds the journey id of each request, `payload` is what they carry.
    """

    def __init__(
        self,
        machine: Machine,
        destination: bytes,
        on_done: Callable[[], None],
        *,
        count: int | None = 1,
        interval: int = SECOND,
        size: int = 56,
        ttl: int = 64,
        dont_fragment: bool = False,
        timeout: int = SECOND,
        on_news: Callable[[], None] = lambda: None,
    ) -> None:
        self.destination = destination
        self.count = count
        self.sent = 0
        self.replies: list[EchoReply] = []
        self.errors: list[PingError] = []
        self.roots: list[int] = []
        self.done = False
        self._machine = machine
        self._on_done = on_done
        self._on_news = on_news
        self._interval = interval
        self._ttl = ttl
        self._dont_fragment = dont_fragment
        self._timeout = timeout
        self.payload = bytes(number & 0xFF for number in range(size))
        self._sent_at: dict[int, int] = {}
        self._socket = machine.stack.icmp.open_echo(self._handle_reply, self._handle_error)
        self._timer: Timer = machine.engine.timer(self._handle_timer)

    @property
    def received(self) -> int:
        """How many requests were answered; a duplicate of a reply does not count again."""
        return len({reply.sequence for reply in self.replies})

    @property
    def lost(self) -> int:
        """How many requests were not answered."""
        return self.sent - self.received

    def start(self) -> None:
        """Send the first request now."""
        self._send()

    def stop(self) -> None:
        """It has been enough: be done now."""
        self._finish()

    def overdue(self) -> list[int]:
        """The latest requests, by number, for which nothing has come in time."""
        now = self._machine.engine.now
        settled = {reply.sequence for reply in self.replies[-LATEST:]} | {one.sequence for one in self.errors[-LATEST:]}
        return [
            sequence
            for sequence, sent_at in list(self._sent_at.items())[-LATEST:]
            if sequence not in settled and sent_at + self._timeout <= now
        ]

    def _send(self) -> None:
        machine = self._machine
        self.sent += 1
        sequence = self.sent & 0xFFFF
        name = format_ip(self.destination)
        self.roots.append(machine.originate(f"ICMP echo request {sequence} to {name}"))
        self._sent_at.pop(sequence, None)  # numbers come again after 65,536 requests
        self._sent_at[sequence] = machine.engine.now
        request = icmpv4.echo_request(self._socket.identifier, sequence, self.payload)
        stack = machine.stack
        try:
            stack.send(
                ipv4.Packet(
                    stack.source_for(self.destination),
                    self.destination,
                    ipv4.PROTOCOL_ICMP,
                    icmpv4.emit(request),
                    ttl=self._ttl,
                    identification=stack.next_identification(),
                    dont_fragment=self._dont_fragment,
                )
            )
        except OSError as error:
            stack.core.drop((error.strerror or "cannot send").lower())
            self._fail(sequence, (error.strerror or str(error)).lower(), machine.name)
        if not self.done:
            last = self.sent == self.count
            self._timer.set(machine.engine.now + (self._timeout if last else self._interval))

    def _handle_timer(self) -> None:
        if self.count is None or self.sent < self.count:
            self._on_news()
            self._send()
        else:
            self._finish()

    def _handle_reply(self, packet: ipv4.Packet, message: icmpv4.Message) -> None:
        sequence = message.sequence()
        sent_at = self._sent_at.get(sequence)
        if sent_at is None:
            return
        rtt = self._machine.engine.now - sent_at
        self.replies.append(EchoReply(sequence, rtt, packet.ttl, format_ip(packet.source)))
        self._on_news()
        self._finish_if_complete()

    def _handle_error(self, error: IcmpError) -> None:
        sequence = int.from_bytes(error.quoted.payload[6:8], "big")
        if sequence in self._sent_at:
            self._fail(sequence, icmpv4.describe(error.kind, error.code), format_ip(error.reporter))

    def _fail(self, sequence: int, text: str, reporter: str) -> None:
        self.errors.append(PingError(sequence, text, reporter))
        self._on_news()
        self._finish_if_complete()

    def _finish_if_complete(self) -> None:
        if self.sent == self.count:
            settled = {reply.sequence for reply in self.replies} | {error.sequence for error in self.errors}
            if len(settled) == self.count:
                self._finish()

    def _finish(self) -> None:
        if not self.done:
            self.done = True
            self._timer.cancel()
            self._machine.stack.icmp.close_echo(self._socket)
            self._on_done()
