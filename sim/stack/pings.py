"""Ping sockets: SOCK_DGRAM with IPPROTO_ICMP (Linux's icmp(7)), echo requests for programs without privileges.

A ping socket is a datagram socket whose port is the identifier of its echo requests. It sends whole ICMP messages, in
which the stack puts the identifier and the checksum, and is given the replies to them, without the IP header.
"""

from __future__ import annotations

import errno

from sim.stack.datagrams import SMALLEST_PATH_MTU, Datagrams
from sim.stack.icmp import EchoSocket, Icmp
from sim.stack.service import IcmpError, IpService, os_error
from sim.stack.udp_socket import UdpSocket
from sim.wire import icmpv4, ipv4
from sim.wire.addresses import IPV4_ANY


class PingSocket(UdpSocket):
    """A ping socket."""

    def __init__(self, layer: Pings) -> None:
        super().__init__(layer)
        self.longest = ipv4.MAXIMUM_LENGTH
        self.reuse_address = True

    def bind(self, address: bytes, port: int) -> None:
        """Take an address and an identifier (0: any). EINVAL with one already, EADDRNOTAVAIL, EADDRINUSE."""
        super().bind(address, port)
        self.port_bound = True  # and keeps it, without a peer as well

    def send_to(self, data: bytes, address: bytes, port: int) -> None:
        """Send one echo request; the port means nothing. Raises OSError as `UdpSocket.send_to`; EINVAL for others."""
        self._prepare_to_send(data)
        self._layer.send(self, data, address, port)


class Identifier:
    """One identifier, and the sockets that have it: they all can if they say SO_REUSEADDR, and the last one hears."""

    def __init__(self, icmp: Icmp, number: int) -> None:
        self.sockets: list[UdpSocket] = []
        self.echo: EchoSocket = icmp.open_echo(self.handle_reply, self.handle_error, number)
        self._icmp = icmp

    def closest(self, local: bytes) -> UdpSocket | None:
        """The socket that hears what comes to `local`."""
        for socket in reversed(self.sockets):
            if socket.address in (IPV4_ANY, local):
                return socket
        return None

    def handle_reply(self, packet: ipv4.Packet, message: icmpv4.Message) -> None:
        """An echo reply came: message and payload, without the IP header."""
        socket = self.closest(packet.destination)
        if socket is None:
            return
        if socket.is_full():
            self._icmp.ip.core.drop("receive buffer full")
            return
        socket.deliver((packet.payload, packet.source, 0, packet.destination, packet.ttl, packet.tos))

    def handle_error(self, error: IcmpError) -> None:
        """An error about an echo request."""
        quoted = error.quoted
        socket = self.closest(quoted.source)
        if socket is None:
            return
        if error.kind == icmpv4.DESTINATION_UNREACHABLE and error.code == icmpv4.FRAGMENTATION_NEEDED:
            self._icmp.ip.learn_mtu(quoted.destination, max(error.rest & 0xFFFF, SMALLEST_PATH_MTU))
        socket.report(error)


class Pings(Datagrams):
    """The ping sockets of one stack, by identifier."""

    def __init__(self, ip: IpService, icmp: Icmp) -> None:
        super().__init__(ip)
        self._icmp = icmp
        self._identifiers: dict[int, Identifier] = {}

    def socket(self) -> PingSocket:
        """A new socket."""
        return PingSocket(self)

    def close_all(self) -> None:
        """Close every socket, as a power cut does."""
        for number in list(self._identifiers):
            for socket in list(self._identifiers[number].sockets):
                socket.close()

    # -- for the sockets

    def bind(self, socket: UdpSocket, address: bytes, port: int) -> None:
        """See `PingSocket.bind`."""
        if socket.port:
            raise os_error(errno.EINVAL)
        source = IPV4_ANY if self.is_of_many(address) else address
        entry = self._identifiers.get(port)
        if entry is None:
            entry = Identifier(self._icmp, port)
            self._identifiers[entry.echo.identifier] = entry
        elif not socket.reuse_address or not all(other.reuse_address for other in entry.sockets):
            raise os_error(errno.EADDRINUSE)
        entry.sockets.append(socket)
        socket.port = entry.echo.identifier
        socket.address, socket.source = address, source
        socket.narrow()

    def release(self, socket: UdpSocket) -> None:
        """A socket needs its identifier no more."""
        entry = self._identifiers[socket.port]
        entry.sockets.remove(socket)
        if not entry.sockets:
            self._icmp.close_echo(entry.echo)
            del self._identifiers[socket.port]

    def send(self, socket: UdpSocket, data: bytes, address: bytes, port: int) -> None:
        """Send an echo request from a socket; see `PingSocket.send_to`."""
        if len(data) < icmpv4.HEADER_LENGTH or data[0] != icmpv4.ECHO_REQUEST or data[1]:
            raise os_error(errno.EINVAL)
        address = self.check_destination(socket, address)
        if socket.error or socket.send_shut:
            socket.check_sendable()
        sequence = int.from_bytes(data[6:8], "big")
        request = icmpv4.echo_request(socket.port, sequence, data[icmpv4.HEADER_LENGTH :])
        self.send_packet(socket, ipv4.PROTOCOL_ICMP, icmpv4.emit(request), address)
