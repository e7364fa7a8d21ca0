"""UDP (RFC 768) as a host speaks it (RFC 1122 4.1): ports, sockets, and port-unreachable where nobody listens."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Final

from sim.errors import WireError
from sim.stack.icmp import Icmp
from sim.stack.service import IcmpError, IpService, os_error
from sim.tracing import kinds
from sim.wire import icmpv4, ipv4, udp
from sim.wire.addresses import IPV4_ANY, is_multicast_ip

EPHEMERAL_FIRST: Final = 49152  # RFC 6335 6
EPHEMERAL_LAST: Final = 65535
RECEIVE_BUFFER: Final = 212_992  # bytes; net.core.rmem_default
DATAGRAM_OVERHEAD: Final = 768  # bytes that Linux books for a datagram besides its data, so that empty ones count too
ERROR_LIMIT: Final = 64  # errors that a socket keeps for a program that does not ask
MAX_PAYLOAD: Final = 65535 - 20 - 8


class UdpSocket:
    """A bound UDP socket. `on_event()` is called when a datagram or an error has come in."""

    def __init__(self, layer: Udp, address: bytes, port: int) -> None:
        self.address = address
        self.port = port
        self.broadcast: bool = False
        self.ttl: int = 64
        self.multicast_ttl: int = 1
        self.dont_fragment: bool = False
        self.received: list[tuple[bytes, bytes, int]] = []  # the buffer's bound keeps it short
        self.errors: list[IcmpError] = []
        self.on_event: Callable[[], None] | None = None
        self.closed: bool = False
        self._layer = layer
        self._octets: int = 0

    def send_to(self, data: bytes, address: bytes, port: int) -> None:
        """Send one datagram.

        Raises OSError: EMSGSIZE over 65,507 bytes, EACCES for a broadcast without permission, ENETUNREACH, EBADF.
        """
        if self.closed:
            raise os_error(errno.EBADF)
        if len(data) > MAX_PAYLOAD:
            raise os_error(errno.EMSGSIZE)
        self._layer.send(self, data, address, port)

    def receive(self) -> tuple[bytes, bytes, int] | None:
        """The next datagram: its data, source address and source port. None when there is none."""
        if not self.received:
            return None
        datagram = self.received.pop(0)
        self._octets -= len(datagram[0]) + DATAGRAM_OVERHEAD
        return datagram

    def close(self) -> None:
        """Free the port."""
        if not self.closed:
            self.closed = True
            self._layer.release(self)

    def is_full(self) -> bool:
        """Whether the receive buffer takes no further datagram. Like Linux's it may be overrun by the last one."""
        return self._octets > RECEIVE_BUFFER

    def deliver(self, data: bytes, source: bytes, port: int) -> None:
        """Take in a datagram."""
        self._octets += len(data) + DATAGRAM_OVERHEAD
        self.received.append((data, source, port))
        if self.on_event is not None:
            self.on_event()

    def report(self, error: IcmpError) -> None:
        """Take in an error."""
        if len(self.errors) < ERROR_LIMIT:
            self.errors.append(error)
        if self.on_event is not None:
            self.on_event()


class Udp:
    """UDP of one stack: its sockets by port."""

    def __init__(self, ip: IpService, icmp: Icmp) -> None:
        self.ip = ip
        self._icmp = icmp
        self._sockets: dict[int, list[UdpSocket]] = {}
        self._ephemeral: int = EPHEMERAL_FIRST

    def open(self, address: bytes = IPV4_ANY, port: int = 0) -> UdpSocket:
        """A socket bound to `address` (0.0.0.0: all of ours) and `port` (0: an ephemeral one).

        Raises OSError: EADDRINUSE, EADDRNOTAVAIL for an address that is not ours.
        """
        if address != IPV4_ANY and not (
            self.ip.is_local(address) or self.ip.is_broadcast(address) or is_multicast_ip(address)
        ):
            raise os_error(errno.EADDRNOTAVAIL)
        if port == 0:
            port = self._free_port()
        for other in self._sockets.get(port, []):
            if IPV4_ANY in (address, other.address) or address == other.address:
                raise os_error(errno.EADDRINUSE)
        socket = UdpSocket(self, address, port)
        self._sockets.setdefault(port, []).append(socket)
        return socket

    def release(self, socket: UdpSocket) -> None:
        """A socket was closed."""
        same = self._sockets[socket.port]
        same.remove(socket)
        if not same:
            del self._sockets[socket.port]

    def close_all(self) -> None:
        """Close every socket, as a power cut does."""
        for port in list(self._sockets):
            for socket in list(self._sockets[port]):
                socket.close()

    def send(self, socket: UdpSocket, data: bytes, address: bytes, port: int) -> None:
        """Send a datagram from a socket; see `UdpSocket.send_to`."""
        ip = self.ip
        multicast = is_multicast_ip(address)
        if not multicast and not socket.broadcast and ip.is_broadcast(address):
            raise os_error(errno.EACCES)
        source = ip.source_for(address)
        if socket.address != IPV4_ANY and ip.is_local(socket.address):
            source = socket.address
        ip.send(
            ipv4.Packet(
                source,
                address,
                ipv4.PROTOCOL_UDP,
                udp.emit(udp.Datagram(socket.port, port, data), source, address),
                ttl=socket.multicast_ttl if multicast else socket.ttl,
                identification=ip.next_identification(),
                dont_fragment=socket.dont_fragment,
            )
        )

    def receive(self, packet: ipv4.Packet) -> None:
        """Handle a UDP datagram to us, to a broadcast address or to a group."""
        core = self.ip.core
        try:
            datagram = udp.parse(packet.payload, packet.source, packet.destination)
        except WireError:
            core.drop("malformed UDP")
            return
        takers = self._takers(packet.destination, datagram.destination_port)
        if not takers:
            core.drop("port unreachable")
            self._icmp.send_error(ipv4.emit(packet), icmpv4.DESTINATION_UNREACHABLE, icmpv4.PORT_UNREACHABLE)
            return
        ready = [socket for socket in takers if not socket.is_full()]
        for _ in range(len(takers) - len(ready)):
            core.drop("receive buffer full")
        if ready and core.journal.recording:
            core.note(kinds.DELIVER, f"UDP port {datagram.destination_port}")
        for socket in ready:
            socket.deliver(datagram.payload, packet.source, datagram.source_port)

    def _takers(self, destination: bytes, port: int) -> list[UdpSocket]:
        """Who gets a datagram: for one address the socket bound closest to it, for many addresses every one."""
        sockets = self._sockets.get(port)
        if sockets is None:
            return []
        if len(sockets) == 1 and sockets[0].address == IPV4_ANY:
            return sockets
        fitting = [socket for socket in sockets if socket.address in (IPV4_ANY, destination)]
        if self.ip.is_local(destination):
            exact = [socket for socket in fitting if socket.address == destination]
            return (exact or fitting)[:1]
        return fitting

    def _free_port(self) -> int:
        for _ in range(EPHEMERAL_FIRST, EPHEMERAL_LAST + 1):
            port = self._ephemeral
            self._ephemeral = port + 1 if port < EPHEMERAL_LAST else EPHEMERAL_FIRST
            if port not in self._sockets:
                return port
        raise os_error(errno.EADDRINUSE)

    def handle_error(self, error: IcmpError) -> None:
        """An error about a datagram of ours: the socket it came from is told."""
        payload = error.quoted.payload
        if len(payload) < 4:
            return
        port = int.from_bytes(payload[:2], "big")
        for socket in list(self._sockets.get(port, [])):  # whoever hears of it may close his socket
            if socket.address in (IPV4_ANY, error.quoted.source):
                socket.report(error)
