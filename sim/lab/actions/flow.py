"""One connection of a `tcp` step, with the programs at its two ends, and what is measured of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.devices.node import IpNode
from sim.engine.engine import Timer
from sim.scenario import steps
from sim.services.payload import Outgoing
from sim.services.streams import Manners, Stream
from sim.units import SECOND


class Flow:
    """One connection of a step: the client's end, and the server's once it has accepted."""

    def __init__(
        self,
        machine: IpNode,
        destination: bytes,
        step: steps.Tcp,
        on_connected: Callable[[Flow], None],
        on_done: Callable[[Flow], None],
    ) -> None:
        self.step = step
        self._destination = destination
        self._on_connected = on_connected
        self._on_done = on_done
        self._time_up: Timer | None = None
        self.counted: int | None = None  # bytes received when the step's duration was over
        self.server: Stream | None = None
        socket = machine.stack.tcp.socket()
        self.client = Stream(machine, socket, client_manners(step), self._client_done, self._connected)

    @property
    def done(self) -> bool:
        """Whether both ends are through."""
        return self.client.done and (self.server is None or self.server.done)

    @property
    def sender(self) -> Stream | None:
        """The end that sends the step's data."""
        return self.server if self.step.reverse else self.client

    @property
    def receiver(self) -> Stream | None:
        """The end that receives it."""
        return self.client if self.step.reverse else self.server

    def start(self) -> None:
        """Connect."""
        self.client.connect(self._destination, self.step.port, self.step.source_port or 0)

    def moved_at(self) -> int:
        """When something last came or went (ns)."""
        return max(self.client.moved_at, 0 if self.server is None else self.server.moved_at)

    def abort(self, reason: str) -> None:
        """Give it up."""
        self.client.abort(reason)
        if self.server is not None:
            self.server.abort(reason)

    def handshake(self) -> int | None:
        """How long the client took to connect (ns)."""
        client = self.client
        return None if client.connected_at is None else client.connected_at - client.started_at

    def error(self) -> str | None:
        """Why it failed."""
        return self.client.error or (None if self.server is None else self.server.error)

    def received(self) -> int:
        """Bytes that the receiver has taken in."""
        return 0 if self.receiver is None else self.receiver.incoming.received

    def transfer(self) -> tuple[int, int, int]:
        """What throughput is made of: bytes, and from when to when (ns) they came."""
        begun = self.client.connected_at
        if begun is None or self.receiver is None:
            return 0, 0, 0
        duration = self.step.duration
        if duration is not None:
            return self.received() if self.counted is None else self.counted, begun, begun + duration
        return self.received(), begun, self.receiver.incoming.last_at or begun

    def intact(self) -> bool:
        """Whether what was sent is what came, and so is what was sent back."""
        sender, receiver = self.sender, self.receiver
        if sender is None or receiver is None:
            return False
        there = receiver.incoming.equals(sender.outgoing)
        return there and (self.step.reply is False or sender.incoming.equals(receiver.outgoing))

    def retransmissions(self) -> int:
        """Segments that either end has sent again."""
        return self.client.retransmissions + (0 if self.server is None else self.server.retransmissions)

    def as_dict(self) -> dict[str, Any]:
        """The flow as plain data."""
        client, sender = self.client, self.sender
        here, there = client.ends()
        return {
            "client": here,
            "server": there,
            "connected": client.connected_at is not None,
            "handshake": self.handshake(),
            "sent": 0 if sender is None else sender.outgoing.sent,
            "received": self.received(),
            "intact": self.intact(),
            "throughput": rate(*self.transfer()),
            "duration": None if client.ended_at is None else client.ended_at - client.started_at,
            "retransmissions": self.retransmissions(),
            "error": self.error(),
        }

    def _connected(self) -> None:
        duration = self.step.duration
        if duration is not None:
            self._time_up = self.client.machine.engine.after(duration, self._stop)
        self._on_connected(self)

    def _stop(self) -> None:
        self.counted = self.received()
        if self.sender is not None and not self.sender.done:
            self.sender.stop()

    def _client_done(self) -> None:
        if self.client.error is not None and self.server is not None:
            self.server.abort(self.client.error)
        self._on_done(self)


def client_manners(step: steps.Tcp) -> Manners:
    """How the client behaves: it sends, waits for the reply, and closes; or it takes in what the server sends."""
    close_after: int | None = 0
    outgoing = Outgoing() if step.reverse else payload(step)
    if step.reverse:
        close_after = None
    elif step.reply is True:
        close_after = len(step.data.encode()) if step.data is not None else step.amount
    elif isinstance(step.reply, str):
        close_after = len(step.reply.encode())
    return Manners(outgoing, close_after, congestion=step.congestion, nodelay=step.nodelay)


def server_manners(step: steps.Tcp) -> Manners:
    """How the server behaves: it takes in, and answers, till the client closes; or it sends, and closes first."""
    if step.reverse:
        return Manners(payload(step), congestion=step.congestion, nodelay=step.nodelay)
    reply: bytes | bool = step.reply.encode() if isinstance(step.reply, str) else step.reply
    request = step.amount or len((step.data or "").encode())
    outgoing = Outgoing() if step.reply is False else Outgoing.later()
    return Manners(outgoing, None, reply, request, step.congestion, step.nodelay)


def payload(step: steps.Tcp) -> Outgoing:
    """What the step sends over one connection."""
    if step.data is not None:
        return Outgoing.of(step.data.encode())
    return Outgoing(None if step.duration is not None else step.amount or 0)


def rate(size: int, begun: int, ended: int) -> int | None:
    """Bit/s of so many bytes between two times (ns); None when there was no time between."""
    return size * 8 * SECOND // (ended - begun) if ended > begun else None
