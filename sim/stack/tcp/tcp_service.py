"""What a socket asks of the layer that it belongs to."""

from __future__ import annotations

from mypy_extensions import mypyc_attr

from sim.stack.service import IpService
from sim.stack.tcp.block import Settings
from sim.stack.tcp.connection import Connection
from sim.stack.tcp.ports import Ports


@mypyc_attr(allow_interpreted_subclasses=True)
class TcpService:
    """Connections and ports."""

    ip: IpService
    ports: Ports
    settings: Settings

    def connection(self, congestion: str) -> Connection:
        """A connection, not yet opened."""
        raise NotImplementedError

    def register(self, connection: Connection) -> None:
        """It has its addresses and ports. Raises OSError EADDRNOTAVAIL."""
        raise NotImplementedError

    def take_over(self, connection: Connection, named: bool) -> int:
        """Where the sequence numbers of a connection begin that we open, `named`: from a port the program chose."""
        raise NotImplementedError

    def initial_sequence(self, connection: Connection) -> int:
        """Where its sequence numbers begin."""
        raise NotImplementedError

    def timestamp_offset(self, connection: Connection) -> int:
        """Where its timestamps begin."""
        raise NotImplementedError

    def check_congestion(self, name: str) -> None:
        """Raises OSError ENOENT for a congestion control that is not known."""
        raise NotImplementedError
