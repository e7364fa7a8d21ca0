"""TCP of one stack: finds the connection that a segment is for, and the ports that connections have.

1. Is there a connection with these addresses and ports? It gets the segment.
2. Is there one in TIME-WAIT? It answers, or gives way to a new one.
3. Does somebody listen on the port? A SYN begins a connection.
4. Nobody: a RST says so (RFC 9293 3.10.7.1).
"""

from __future__ import annotations

import errno
from zlib import crc32

from sim.errors import WireError
from sim.stack.service import IcmpError, IpService, os_error
from sim.stack.tcp import incoming, states, time_wait
from sim.stack.tcp.block import Settings
from sim.stack.tcp.congestion import SHIPPED
from sim.stack.tcp.congestion.base import CongestionControl, Flow
from sim.stack.tcp.connection import Connection
from sim.stack.tcp.initial import initial_sequence, timestamp_offset
from sim.stack.tcp.options import Options
from sim.stack.tcp.ports import Ports
from sim.stack.tcp.replies import send_reset
from sim.stack.tcp.sockets import TcpSocket
from sim.stack.tcp.tcp_service import TcpService
from sim.stack.tcp.time_wait import TimeWait
from sim.tracing import kinds
from sim.wire import ipv4, tcp
from sim.wire.addresses import IPV4_ANY

AFTER_TIME_WAIT = 65535 + 2
"""How far beyond the old connection's numbers the new one begins."""


class Tcp(TcpService):
    """The connections, the listeners and the settings of a host. `secret` makes its sequence numbers its own."""

    def __init__(self, ip: IpService, secret: bytes) -> None:
        self.ip = ip
        self.secret = secret
        self.ports = Ports(ip.core.journal.touch)
        self.settings = Settings()
        self.controls: dict[str, type[CongestionControl]] = dict(SHIPPED)
        self.connections: dict[bytes, Connection] = {}
        self.waiting: dict[bytes, TimeWait] = {}
        self._options = Options()

    @property
    def congestion(self) -> str:
        """The congestion control of connections that do not ask for another."""
        return self.settings.congestion

    @congestion.setter
    def congestion(self, name: str) -> None:
        self.check_congestion(name)
        self.settings.congestion = name

    @property
    def ecn(self) -> int:
        """0: off, 1: ask for ECN, 2: accept it when asked (RFC 3168)."""
        return self.settings.ecn

    @ecn.setter
    def ecn(self, value: int) -> None:
        self.settings.ecn = value

    def socket(self) -> TcpSocket:
        """A stream socket."""
        return TcpSocket(self)

    def check_congestion(self, name: str) -> None:
        """Raises OSError ENOENT for a congestion control that is not known."""
        if name not in self.controls:
            raise os_error(errno.ENOENT)

    # -- for the sockets

    def connection(self, congestion: str) -> Connection:
        """A connection, not yet opened. An empty name is the host's default."""
        control = self.controls[congestion or self.settings.congestion](Flow())
        return Connection(self.ip, self.settings, control)

    def register(self, connection: Connection) -> None:
        """A connection has its addresses and ports. Raises OSError EADDRNOTAVAIL when another has the same."""
        key = key_of(connection)
        if key in self.connections or key in self.waiting:
            raise os_error(errno.EADDRNOTAVAIL)
        self.connections[key] = connection
        connection.on_over = self._over
        self.ports.open(connection.local_port, connection.local_address, connection.sharing)

    def take_over(self, connection: Connection, named: bool) -> int:
        """Where the sequence numbers of a connection begin that we open. From a port that the program chose itself it
        may take the place of one in TIME-WAIT whose timestamps tell their segments apart (RFC 6191, as Linux).
        """
        wait = self.waiting.get(key_of(connection)) if named else None
        if wait is None or not wait.ts_recent:
            return self.initial_sequence(connection)
        wait.end()
        connection.ts_recent = wait.ts_recent
        connection.ts_recent_at = self.ip.core.now
        first: int = wait.snd_nxt + AFTER_TIME_WAIT
        return first & 0xFFFFFFFF

    def initial_sequence(self, connection: Connection) -> int:
        """Where its sequence numbers begin."""
        return initial_sequence(self.ip.core.now, self.secret, key_of(connection))

    def timestamp_offset(self, connection: Connection) -> int:
        """Where its timestamps begin."""
        return timestamp_offset(self.secret, connection.local_address + connection.remote_address)

    # -- for the stack

    def receive(self, packet: ipv4.Packet) -> None:
        """Handle a segment to us."""
        core = self.ip.core
        try:
            segment = tcp.parse(packet.payload, packet.source, packet.destination)
        except WireError:
            core.drop("malformed TCP")
            return
        key = packet.source + packet.destination + packet.payload[:4]
        options = self._options
        connection = self.connections.get(key)
        if connection is not None:
            if core.journal.recording:
                core.note(kinds.DELIVER, f"TCP port {segment.destination_port}")
            options.read(segment.options)
            if connection.receive(segment, packet.tos, options) == incoming.RESET:
                send_reset(self.ip, packet, segment)
            return
        options.read(segment.options)
        reopened: TimeWait | None = None
        wait = self.waiting.get(key)
        if wait is not None:
            if core.journal.recording:
                core.note(kinds.DELIVER, f"TCP port {segment.destination_port}, TIME-WAIT")
            if wait.receive(segment, options) != time_wait.REOPEN:
                return
            reopened = wait
        listener = self._listener(packet, segment.destination_port, key)
        if listener is None:
            core.drop("connection refused" if segment.flags & tcp.SYN else "no such connection")
            send_reset(self.ip, packet, segment)
            return
        if core.journal.recording:
            core.note(kinds.DELIVER, f"TCP port {segment.destination_port}")
        self._knock(listener, packet, segment, options, reopened)

    def handle_error(self, error: IcmpError) -> None:
        """An ICMP error quotes a segment of ours."""
        quoted = error.quoted
        if len(quoted.payload) < 4:
            return
        ports = quoted.payload[2:4] + quoted.payload[:2]
        connection = self.connections.get(quoted.destination + quoted.source + ports)
        if connection is not None:
            connection.handle_error(error)

    def clear(self) -> None:
        """Forget all connections and sockets, as a power cut does: nobody is told."""
        for connection in list(self.connections.values()):
            incoming.abort(connection, errno.ENETDOWN)
        for wait in list(self.waiting.values()):
            wait.end()
        self.connections.clear()
        self.waiting.clear()
        self.ports.clear()

    # -- inside

    def _listener(self, packet: ipv4.Packet, port: int, key: bytes) -> TcpSocket | None:
        """Who listens: at this very address before at any; of several that share the port, one by flow."""
        if not self.ip.is_local(packet.destination):
            return None
        sockets = [socket for socket in self.ports.tenants(port) if isinstance(socket, TcpSocket) and socket.listening]
        exact = [socket for socket in sockets if socket.address == packet.destination]
        fitting = exact or [socket for socket in sockets if socket.address == IPV4_ANY]
        if len(fitting) > 1:
            return fitting[crc32(key) % len(fitting)]
        return fitting[0] if fitting else None

    def _knock(
        self,
        listener: TcpSocket,
        packet: ipv4.Packet,
        segment: tcp.Segment,
        options: Options,
        reopened: TimeWait | None,
    ) -> None:
        """RFC 9293 3.10.7.2: a segment for a listener."""
        flags = segment.flags
        if flags & tcp.RST:
            return
        if flags & tcp.ACK:
            send_reset(self.ip, packet, segment)
            return
        if not flags & tcp.SYN or flags & tcp.FIN:
            return
        if listener.is_full():
            self.ip.core.drop("backlog full")
            return
        connection = listener.embryo()
        connection.name_ends(packet.destination, segment.destination_port, packet.source, segment.source_port)
        self.register(connection)
        iss = self.initial_sequence(connection)
        if reopened is not None:
            first: int = reopened.snd_nxt + AFTER_TIME_WAIT
            iss = first & 0xFFFFFFFF
        connection.open_passive(segment, options, iss, self.timestamp_offset(connection))

    def _over(self, connection: Connection) -> None:
        """A connection is gone, or only waits for late segments."""
        key = key_of(connection)
        self.connections.pop(key, None)
        if connection.state == states.TIME_WAIT:
            self.waiting[key] = TimeWait(connection, self._forget)
        else:
            self.ports.close(connection.local_port, connection.local_address, connection.sharing)

    def _forget(self, wait: TimeWait) -> None:
        key = wait.remote_address + wait.local_address + _ports(wait.remote_port, wait.local_port)
        self.waiting.pop(key, None)
        self.ports.close(wait.local_port, wait.local_address, wait.sharing)


def key_of(connection: Connection) -> bytes:
    """What a segment for this connection begins with: source, destination, their ports."""
    ports = _ports(connection.remote_port, connection.local_port)
    return connection.remote_address + connection.local_address + ports


def _ports(source: int, destination: int) -> bytes:
    return source.to_bytes(2, "big") + destination.to_bytes(2, "big")
