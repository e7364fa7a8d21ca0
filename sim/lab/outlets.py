"""Nodes that are one bare port: a capture that is replayed, and the ends of what leads out of the simulation.

An `Outlet` knows no socket and no device. Who opens one gives it a `transport`, and calls `bring` with each frame that
comes in; until then it has an inside that nobody knows, and what reaches it goes no further.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from sim.errors import TopologyError
from sim.lab.network import Network
from sim.lab.nodes import Probe
from sim.links.port import Port
from sim.scenario.capture_files import CaptureError, frames_of
from sim.scenario.outlets import Outside, Replay, Tap, Vxlan
from sim.tracing import kinds

if TYPE_CHECKING:
    from sim.scenario.model import Topology
    from sim.scenario.outlets import Outlet as Written

NOT_OPEN: Final = "not open: only real time leads out"
"""Why frames end at an outlet to which nobody has given a transport."""


class Outlet(Probe):
    """A bare port that leads out of the simulation.

    `transport` takes a frame out, and returns why it could not, None when it could; `on_carrier` hears of a cable that
    is plugged in (True) or pulled out. `refused` counts by reason what got in or out no further than here.
    """

    def __init__(self, net: Network, name: str, kind: str) -> None:
        super().__init__(net.engine, name, net.next_mac(), net.recorder, kind)
        self.transport: Callable[[bytes], str | None] | None = None
        self.on_carrier: Callable[[bool], None] | None = None
        self.refused: dict[str, int] = {}
        self._net = net
        self._lost = 0

    def receive(self, port: Port, frame: bytes) -> None:
        reason = NOT_OPEN if self.transport is None else self.transport(frame)
        if reason is not None:
            self._lost += 1
            self.refuse(reason)
            self._net.drop(port, reason)

    def refuse(self, reason: str) -> None:
        """Count something that went no further than here."""
        self.refused[reason] = self.refused.get(reason, 0) + 1

    def bring(self, frame: bytes) -> None:
        """Send a frame that came from outside, now; it is the root of a journey."""
        self._send(frame)

    def port_changed(self, port: Port) -> None:
        if self.on_carrier is not None:
            self.on_carrier(port.up)

    def counters(self) -> dict[str, int]:
        """Frames sent into the network, frames received and taken out, and what was refused either way."""
        received = int(self.ports[0].frames) - self._lost
        return super().counters() | {"received": received, "refused": sum(self.refused.values())}

    def drops(self) -> dict[str, int]:
        total = super().drops()
        for reason, count in self.refused.items():
            total[reason] = total.get(reason, 0) + count
        return total


class TapOutlet(Outlet):
    """Where a TAP device called `device`, in the network namespace `netns`, is to be: None is the one we are in."""

    def __init__(self, net: Network, name: str, device: str, netns: str | None = None) -> None:
        super().__init__(net, name, "tap")
        self.device = device
        self.netns = netns


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


def add_outlet(net: Network, name: str, spec: Written, folder: str) -> None:
    """Add the node that a topology describes; paths lead on from `folder`. Raises TopologyError."""
    if isinstance(spec, Replay):
        try:
            frames = frames_of(spec, folder)
        except CaptureError as error:
            raise TopologyError(str(error), hint=error.hint) from None
        net.add(
            ReplayNode(
                net,
                name,
                frames,
                speed=spec.speed,
                start=spec.start,
                loop=spec.loop,
                pause=spec.pause,
                source=spec.file,
            )
        )
    elif isinstance(spec, Tap):
        net.add(TapOutlet(net, name, spec.device, spec.netns))
    elif isinstance(spec, Vxlan):
        from sim.lab.vxlan import VxlanOutlet

        local = (str(spec.local.address), spec.local.port)
        remotes = [(str(end.address), end.port) for end in spec.remote]
        net.add(VxlanOutlet(net, name, spec.vni, local, remotes, spec.netns))


def refuse_virtual_time(topology: Topology) -> None:
    """Raise TopologyError for a topology with nodes that lead out, where time is virtual and leaps."""
    for name, node in topology.written_nodes.items():
        if isinstance(node, Outside):
            raise topology.error(
                ("nodes", name, "kind"),
                f"{node.kind} '{name}' leads out of the simulation, where time cannot leap as it does in a run",
                "`sim bridge FILE` runs it in real time",
            )
