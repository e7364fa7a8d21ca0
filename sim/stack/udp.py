"""UDP (RFC 768) as a host speaks it (RFC 1122 4.1): ports, sockets, and port-unreachable where nobody listens.

Who gets a datagram? Of the sockets on its port, for one address the one that is bound closest to it: connected to its
sender before bound to its address before bound to none; of equals the last, or, where all set SO_REUSEPORT, one by
flow. For a group or a broadcast address every socket that it fits.
"""

from __future__ import annotations

import errno
from typing import Final
from zlib import crc32

from sim.errors import WireError
from sim.stack.datagrams import FIRST_GROUP, SMALLEST_PATH_MTU, Datagrams, this_host
from sim.stack.icmp import Icmp
from sim.stack.scatter import scatter
from sim.stack.service import IcmpError, IpService, os_error
from sim.stack.udp_socket import PMTUDISC_DONT, UdpSocket
from sim.tracing import kinds
from sim.wire import icmpv4, ipv4, udp
from sim.wire.addresses import IPV4_ANY, is_multicast_ip

EPHEMERAL_FIRST: Final = 49152  # RFC 6335 6
EPHEMERAL_LAST: Final = 65535
HEADERS: Final = ipv4.HEADER_LENGTH + udp.HEADER_LENGTH


class Udp(Datagrams):
    """UDP of one stack: its sockets by port."""

    def __init__(self, ip: IpService, icmp: Icmp) -> None:
        super().__init__(ip)
        self._icmp = icmp
        self._sockets: dict[int, list[UdpSocket]] = {}
        self._ephemeral: int = EPHEMERAL_FIRST

    def socket(self) -> UdpSocket:
        """A new socket."""
        return UdpSocket(self)

    def open(self, address: bytes = IPV4_ANY, port: int = 0) -> UdpSocket:
        """A socket bound to `address` (0.0.0.0: all of ours) and `port` (0: an ephemeral one).

        Raises OSError: EADDRINUSE, EADDRNOTAVAIL for an address that is not ours.
        """
        socket = UdpSocket(self)
        socket.bind(address, port)
        return socket

    def close_all(self) -> None:
        """Close every socket, as a power cut does."""
        for port in list(self._sockets):
            for socket in list(self._sockets[port]):
                socket.close()

    def waiting(self) -> list[UdpSocket]:
        """The sockets that anybody may send to, by port: bound by their programs, and not connected."""
        found = [socket for port in sorted(self._sockets) for socket in self._sockets[port]]
        return [socket for socket in found if socket.port_bound and not socket.connected]

    def sockets(self) -> list[UdpSocket]:
        """All sockets that have a port, by port."""
        return [socket for port in sorted(self._sockets) for socket in self._sockets[port]]

    def bound_to(self, address: bytes) -> list[UdpSocket]:
        """The sockets bound to just this address that are not connected, in the order of their ports."""
        found = [socket for port in sorted(self._sockets) for socket in self._sockets[port]]
        return [socket for socket in found if socket.address == address and not socket.connected]

    def uses(self, port: int) -> bool:
        """Whether a socket is bound to a port."""
        return port in self._sockets

    # -- for the sockets

    def bind(self, socket: UdpSocket, address: bytes, port: int) -> None:
        """See `UdpSocket.bind`."""
        of_many = self.is_of_many(address)
        if socket.port:
            raise os_error(errno.EINVAL)
        number = port or self._free_port()
        for other in self._sockets.get(number, []):
            if conflict(socket, address, other):
                raise os_error(errno.EADDRINUSE)
        socket.port = number
        socket.address = address
        socket.source = IPV4_ANY if of_many else address
        socket.narrow()
        self._sockets.setdefault(number, []).append(socket)
        self.ip.core.journal.touch()

    def release(self, socket: UdpSocket) -> None:
        """A socket needs its port no more."""
        same = self._sockets[socket.port]
        same.remove(socket)
        if not same:
            del self._sockets[socket.port]
        self.ip.core.journal.touch()

    def send(self, socket: UdpSocket, data: bytes, address: bytes, port: int) -> None:
        """Send a datagram from a socket; see `UdpSocket.send_to`."""
        ip = self.ip
        if not 0 < address[0] < FIRST_GROUP:
            if is_multicast_ip(address):
                self._send_to_group(socket, data, address, port)
                return
            address = this_host(socket, address)
        if not socket.broadcast and ip.is_broadcast(address):
            raise os_error(errno.EACCES)
        source = socket.source if socket.source != IPV4_ANY else ip.source_for(address)
        dont_fragment = socket.path_mtu_discovery != PMTUDISC_DONT and self.dont_fragment(
            socket, HEADERS + len(data), address
        )
        if socket.error or socket.send_shut:
            socket.check_sendable()
        ip.send(
            ipv4.Packet(
                source,
                address,
                ipv4.PROTOCOL_UDP,
                udp.emit(udp.Datagram(socket.port, port, data), source, address),
                ttl=socket.ttl,
                identification=ip.next_identification(),
                dont_fragment=dont_fragment,
                tos=socket.tos,
            )
        )

    # -- for the stack

    def receive(self, packet: ipv4.Packet) -> None:
        """Handle a UDP datagram to us, to a broadcast address or to a group."""
        core = self.ip.core
        try:
            datagram = udp.parse(packet.payload, packet.source, packet.destination)
        except WireError:
            core.drop("malformed UDP")
            return
        takers = self._takers(packet, datagram.source_port, datagram.destination_port)
        if not takers:
            core.drop("port unreachable")
            self._icmp.send_error(ipv4.emit(packet), icmpv4.DESTINATION_UNREACHABLE, icmpv4.PORT_UNREACHABLE)
            return
        received = (
            datagram.payload,
            packet.source,
            datagram.source_port,
            packet.destination,
            packet.ttl,
            packet.tos,
        )
        told = not core.journal.recording
        for socket in takers:
            if socket.is_full():
                core.drop("receive buffer full")
                continue
            if not told:
                core.note(kinds.DELIVER, f"UDP port {datagram.destination_port}")
                told = True
            socket.deliver(received)

    def awaits(self, packet: ipv4.Packet) -> bool:
        """Whether a socket here would take a packet that we send to many."""
        ports = packet.payload
        if packet.protocol != ipv4.PROTOCOL_UDP:
            return False
        source, destination = int.from_bytes(ports[:2], "big"), int.from_bytes(ports[2:4], "big")
        return destination in self._sockets and len(self._takers(packet, source, destination)) > 0

    def handle_error(self, error: IcmpError) -> None:
        """An error about a datagram of ours: the socket it came from is told."""
        quoted = error.quoted
        if len(quoted.payload) < 4:
            return
        ours, theirs = int.from_bytes(quoted.payload[:2], "big"), int.from_bytes(quoted.payload[2:4], "big")
        socket = self._closest(self._sockets.get(ours, []), quoted.source, quoted.destination, theirs)
        if socket is None:
            return
        if error.kind == icmpv4.DESTINATION_UNREACHABLE and error.code == icmpv4.FRAGMENTATION_NEEDED:
            self.ip.learn_mtu(quoted.destination, max(error.rest & 0xFFFF, SMALLEST_PATH_MTU))
        socket.report(error)

    # -- inside: who takes what

    def _takers(self, packet: ipv4.Packet, source_port: int, port: int) -> list[UdpSocket]:
        """Who gets a datagram."""
        sockets = self._sockets.get(port)
        if sockets is None:
            return []
        if len(sockets) == 1 and sockets[0].takes_all:
            return sockets[:]
        destination = packet.destination
        if self.ip.is_local(destination):
            closest = self._closest(sockets, destination, packet.source, source_port)
            return [] if closest is None else [closest]
        group = is_multicast_ip(destination)
        return [
            socket
            for socket in sockets
            if suits(socket, destination, packet.source, source_port) and (not group or socket.has_joined(destination))
        ]

    def _closest(self, sockets: list[UdpSocket], local: bytes, remote: bytes, remote_port: int) -> UdpSocket | None:
        """The one socket for a datagram between these ends."""
        best: UdpSocket | None = None
        highest = -1
        for socket in sockets:
            score = (2 if socket.connected else 0) + (1 if socket.address != IPV4_ANY else 0)
            if score >= highest and suits(socket, local, remote, remote_port):
                best, highest = socket, score
        if best is None or best.connected or not best.reuse_port:
            return best
        equals = [
            socket
            for socket in sockets
            if socket.reuse_port and not socket.connected and socket.address == best.address
        ]
        flow = crc32(remote + local + remote_port.to_bytes(2, "big") + best.port.to_bytes(2, "big"))
        return equals[scatter(flow) % len(equals)]

    def _free_port(self) -> int:
        for _ in range(EPHEMERAL_FIRST, EPHEMERAL_LAST + 1):
            port = self._ephemeral
            self._ephemeral = port + 1 if port < EPHEMERAL_LAST else EPHEMERAL_FIRST
            if port not in self._sockets:
                return port
        raise os_error(errno.EADDRINUSE)

    # -- inside: sending

    def _send_to_group(self, socket: UdpSocket, data: bytes, group: bytes, port: int) -> None:
        ip = self.ip
        source = socket.source if socket.source != IPV4_ANY else self.group_source(socket, group)
        if socket.error or socket.send_shut:
            socket.check_sendable()
        ip.send_to_many(
            ipv4.Packet(
                source,
                group,
                ipv4.PROTOCOL_UDP,
                udp.emit(udp.Datagram(socket.port, port, data), source, group),
                ttl=socket.multicast_ttl,
                identification=ip.next_identification(),
                dont_fragment=socket.dont_fragment,
                tos=socket.tos,
            ),
            socket.multicast_interface,
            socket.multicast_loop,
        )


def suits(socket: UdpSocket, local: bytes, remote: bytes, remote_port: int) -> bool:
    """Whether a socket hears what comes from `remote` to `local`, an address of ours or of many."""
    if socket.address not in (IPV4_ANY, local):
        return False
    return not socket.connected or (socket.peer == remote and socket.peer_port == remote_port)


def conflict(socket: UdpSocket, address: bytes, other: UdpSocket) -> bool:
    """Whether a socket cannot have `address` on the port of another."""
    if address != other.address and IPV4_ANY not in (address, other.address):
        return False
    if socket.reuse_address and other.reuse_address:
        return False
    return not (socket.reuse_port and other.reuse_port)
