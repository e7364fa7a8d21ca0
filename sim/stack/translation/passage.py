"""One packet on its way through a gateway, and what is known of it so far."""

from __future__ import annotations

from sim.stack.interfaces import Interface
from sim.stack.translation.conntrack import Connection
from sim.stack.translation.firewall import INVALID
from sim.stack.translation.flows import flow_of


class Passage:
    """`arrived` is the packet as it came, whole; `packet` and `flow` are what it has become.

    `came_in` is the interface it came in by, `largest` the size of the largest fragment that it came in (0: none).
    `connection` is what it belongs to, which is not yet in the table while `known` is False; `state` is that word of
    the firewall. `why` says where a translation comes from.
    """

    def __init__(self, came_in: Interface, packet: bytes, largest: int = 0) -> None:
        self.came_in = came_in
        self.arrived = packet
        self.packet = packet
        self.largest = largest
        self.flow: bytes = flow_of(packet)
        self.connection: Connection | None = None
        self.known: bool = False
        self.from_original: bool = True
        self.redirected: bool = False
        self.state: int = INVALID
        self.why: str = ""

    def flags(self) -> int:
        """Those of a TCP segment; zero for anything else."""
        header = (self.packet[0] & 0x0F) * 4
        return self.packet[header + 13] if self.flow and self.flow[0] == 6 else 0
