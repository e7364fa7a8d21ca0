"""Steps whose work a program of ours does on a host: it is spawned, and what it returns is what came of the step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sim.errors import TopologyError
from sim.lab.actions.base import Action, Done
from sim.lab.network import Network
from sim.lab.nodes import Tools
from sim.tracing.journeys import Journey
from sim.wire.addresses import format_ip

if TYPE_CHECKING:
    from sim.userland.process import Process


IPV4, TCP, SYN, ACK = b"\x08\x00", 6, 0x02, 0x10


class GuestAction(Action):
    """Runs `program()` on a host. `result` is what it has returned; None until it has, or when it was cut off."""

    def __init__(self, net: Network, host: str, on_done: Done) -> None:
        super().__init__(net, on_done)
        node = net[host]
        if not isinstance(node, Tools):
            raise TopologyError(f"{host} runs no programs")
        self.asker = host
        self._node = node
        self._process: Process | None = None

    @property
    def result(self) -> Any:
        """What the program has returned."""
        return self._process.value if self._process is not None and self._process.done else None

    def spawn(self, program: Callable[[], Any], name: str) -> None:
        """Start the program; the step ends with it."""
        self._process = self._node.spawn(program, name=name)
        self._process.on_exit.append(self._ended)

    def broken(self) -> str | None:
        """Why the program has ended without a result: its host was switched off, or it has a bug."""
        process = self._process
        if process is None or not process.done or process.exit_code == 0:
            return None
        return f"{process.name} ended: {process.error}"

    def watched(self) -> int | None:
        self._look_back()
        return super().watched()

    def connection_path(self, port: int, address: str | None = None) -> list[str]:
        """The way of the first SYN to a port, of this address or of any; what the program has sent before it, to a name
        server perhaps, is not meant. Without a SYN it is the way of the first packet."""
        self._look_back()
        for root in self.roots:
            for hop in self.net.trace.journey(root).walk():
                if hop.sender == self._node.name and _is_syn(hop.frame, port, address):
                    return Journey(hop.id, hop.start, hop.sender, "", [], [hop]).path()
        return super().path()

    def _look_back(self) -> None:
        if self._process is not None:
            self.roots = list(self._node.origins_of(self._process))

    def _ended(self) -> None:
        self._look_back()
        self.on_done()


def _is_syn(frame: bytes, port: int, address: str | None) -> bool:
    """Whether a frame opens a TCP connection to a port."""
    if frame[12:14] != IPV4 or len(frame) < 54 or frame[23] != TCP:
        return False
    segment = 14 + (frame[14] & 0x0F) * 4
    there = int.from_bytes(frame[segment + 2 : segment + 4], "big") == port
    begins = frame[segment + 13] & (SYN | ACK) == SYN
    return there and begins and address in (None, format_ip(frame[30:34]))
