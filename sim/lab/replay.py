"""A node that sends what a capture holds, at the times it tells; in virtual time as in real time."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from sim.lab.network import Network
from sim.lab.nodes import Probe
from sim.links.port import Port
from sim.tracing import kinds


class ReplayNode(Probe):
    """Sends frames at their times: (ns after the first, frame), in order of time, the first at `start` (ns).

    `speed` divides the times between them. All of it comes `loop` times, each `pause` ns after the last frame of the
    one before. What it receives is counted. While it is off, frames whose time comes are not sent.
    """

    def __init__(
        self,
        net: Network,
        name: str,
        frames: Iterable[tuple[int, bytes]],
        *,
        speed: Fraction = Fraction(1),
        start: int = 0,
        loop: int = 1,
        pause: int = 0,
        source: str = "capture",
    ) -> None:
        super().__init__(net.engine, name, net.next_mac(), net.recorder, "replay")
        self.roots: list[int] = []
        """The journeys of what it has sent, if the network records."""
        self._net = net
        # Integers throughout, rounded down: the same times on every machine.
        self._due = [(offset * speed.denominator // speed.numerator, frame) for offset, frame in frames]
        self._round = start
        self._left = loop if self._due else 0
        self._pause = pause
        self._next = 0
        self._sent = 0
        self._on = True
        self._text = f"replayed from {source}"
        self._timer = net.engine.timer(self._fire)
        if self._left:
            self._timer.set(max(net.now, start))

    def receive(self, port: Port, frame: bytes) -> None:
        """It listens to nobody; the port counts."""

    def set_power(self, on: bool) -> None:
        self._on = on

    def counters(self) -> dict[str, int]:
        return {"sent": self._sent, "received": int(self.ports[0].frames)}

    def _fire(self) -> None:
        """Send all that is due, then sleep until the next is."""
        engine = self.engine
        while self._left and self._time() <= engine.now:
            if self._on:
                self._transmit(self._due[self._next][1])
            self._next += 1
            if self._next == len(self._due):
                self._round += self._due[-1][0] + self._pause
                self._next = 0
                self._left -= 1
                if self._left and self._round <= engine.now:
                    break  # a capture of no length: what the round has set off has its turn first
        if self._left:
            engine.cause = 0
            self._timer.set(max(engine.now, self._time()))

    def _time(self) -> int:
        return self._round + self._due[self._next][0]

    def _transmit(self, frame: bytes) -> None:
        engine, port = self.engine, self.ports[0]
        self._sent += 1
        engine.cause = engine.number()
        if self._net.recording:
            self.roots.append(int(engine.cause))
            self._net.note(port, kinds.ORIGIN, self._text)
        port.send(frame)
        engine.cause = 0
