"""Raw sockets (Linux's raw(7)): whole IP packets of one protocol, beside what the stack itself does with them.

A raw socket is a datagram socket whose port is its protocol. It is given a copy of every packet of that protocol for
this host, header and all, before the stack looks at it: a ping reads echo replies so, and echo requests that the stack
answers. What it sends gets a header, unless it brings one (IP_HDRINCL).
"""

from __future__ import annotations

import errno
from typing import Final

from sim.stack.datagrams import SMALLEST_PATH_MTU, Datagrams
from sim.stack.service import IcmpError, IpService, os_error
from sim.stack.udp_socket import UdpSocket
from sim.tracing import kinds
from sim.wire import icmpv4, ipv4
from sim.wire.addresses import IPV4_ANY, is_multicast_ip
from sim.wire.checksum import internet_checksum

PROTOCOL_RAW: Final = 255
"""Sends packets with headers of its own, and hears nothing."""
PROBED: Final = 2  # bytes: type and code, which Linux reads before it looks for a route
FILTERED_TYPES: Final = 32  # a filter has a bit for each of so many


class RawSocket(UdpSocket):
    """A raw socket of one protocol."""

    def __init__(self, layer: Raw, protocol: int) -> None:
        super().__init__(layer)
        self.port = protocol
        self.port_bound = True
        self.longest = ipv4.MAXIMUM_LENGTH
        self.reuse_address = True
        self.header_included: bool = protocol == PROTOCOL_RAW
        self.icmp_filter: int = 0  # a bit for each type that it does not want to hear

    def bind(self, address: bytes, port: int) -> None:
        """Hear only what is sent to `address` (0.0.0.0: to any of ours); the port means nothing. May be done again.

        Raises OSError: EINVAL with a peer, EADDRNOTAVAIL.
        """
        self._check_open()
        if self.connected:
            raise os_error(errno.EINVAL)
        self._layer.bind(self, address, port)
        self.address_bound = address != IPV4_ANY

    def send_to(self, data: bytes, address: bytes, port: int) -> None:
        """Send one packet; the port means nothing. Raises OSError as `UdpSocket.send_to`, and EFAULT, EINVAL."""
        self._prepare_to_send(data)
        self._layer.send(self, data, address, port)

    def suits(self, local: bytes, remote: bytes) -> bool:
        """Whether it hears what comes from `remote` to `local`."""
        if self.address not in (IPV4_ANY, local) or (self.connected and self.peer != remote):
            return False
        return not is_multicast_ip(local) or self.has_joined(local)

    def wants(self, packet: ipv4.Packet) -> bool:
        """Whether its filter lets a packet through: ICMP messages by type, and none that is cut short."""
        if packet.protocol != ipv4.PROTOCOL_ICMP:
            return True
        if len(packet.payload) < icmpv4.HEADER_LENGTH:
            return False
        kind = packet.payload[0]
        return kind >= FILTERED_TYPES or not self.icmp_filter >> kind & 1


class Raw(Datagrams):
    """The raw sockets of one stack, by protocol."""

    def __init__(self, ip: IpService) -> None:
        super().__init__(ip)
        self._sockets: dict[int, list[RawSocket]] = {}

    def socket(self, protocol: int) -> RawSocket:
        """A new socket, which hears from now on."""
        socket = RawSocket(self, protocol)
        self._sockets.setdefault(protocol, []).append(socket)
        return socket

    def close_all(self) -> None:
        """Close every socket, as a power cut does."""
        for protocol in list(self._sockets):
            for socket in list(self._sockets[protocol]):
                socket.close()

    # -- for the sockets

    def bind(self, socket: UdpSocket, address: bytes, port: int) -> None:
        """See `RawSocket.bind`."""
        socket.source = IPV4_ANY if self.is_of_many(address) else address
        socket.address = address

    def release(self, socket: UdpSocket) -> None:
        """A socket was closed."""
        same = self._sockets[socket.port]
        for position, other in enumerate(same):
            if other is socket:
                del same[position]
                break
        if not same:
            del self._sockets[socket.port]

    def send(self, socket: UdpSocket, data: bytes, address: bytes, port: int) -> None:
        """Send a packet from a socket; see `RawSocket.send_to`."""
        assert isinstance(socket, RawSocket)
        if socket.header_included:
            self._send_as_is(socket, data, self.check_destination(socket, address))
            return
        if socket.port == ipv4.PROTOCOL_ICMP and len(data) < PROBED:
            raise os_error(errno.EFAULT)
        self.send_packet(socket, socket.port, data, self.check_destination(socket, address))

    def _send_as_is(self, socket: RawSocket, data: bytes, address: bytes) -> None:
        """A packet with a header of its own. What IP_HDRINCL fills in is its length and its checksum, and source and
        identification where they are zero.
        """
        length = (data[0] & 0x0F) << 2 if data else 0
        if not ipv4.HEADER_LENGTH <= length <= len(data):
            raise os_error(errno.EINVAL)
        header = bytearray(data[:length])
        header[2:4] = len(data).to_bytes(2, "big")
        if header[4:6] == b"\0\0":
            header[4:6] = self.ip.next_identification().to_bytes(2, "big")
        if header[12:16] == IPV4_ANY:
            many = is_multicast_ip(address)
            header[12:16] = self.group_source(socket, address) if many else self.ip.source_for(address)
        header[10:12] = b"\0\0"
        header[10:12] = internet_checksum(bytes(header)).to_bytes(2, "big")
        self.ip.send_as_is(bytes(header) + data[length:], address, socket.multicast_interface)

    # -- for the stack

    def has(self, protocol: int) -> bool:
        """Whether there is a socket of a protocol."""
        return protocol in self._sockets

    def hears(self, packet: ipv4.Packet) -> bool:
        """Whether a socket would take a packet."""
        for socket in self._sockets.get(packet.protocol, []):
            if socket.suits(packet.destination, packet.source) and socket.wants(packet):
                return True
        return False

    def receive(self, packet: ipv4.Packet) -> bool:
        """Give those who want it a copy of a packet to us; whether anybody got one."""
        sockets = self._sockets.get(packet.protocol)
        if sockets is None:
            return False
        core = self.ip.core
        whole = ipv4.emit(packet)
        taken = False
        for socket in list(sockets):
            if not socket.suits(packet.destination, packet.source) or not socket.wants(packet):
                continue
            if socket.is_full():
                core.drop("receive buffer full")
                continue
            if not taken:
                core.note(kinds.DELIVER, f"raw socket, {ipv4.protocol_name(packet.protocol)}")
                taken = True
            socket.deliver((whole, packet.source, 0, packet.destination, packet.ttl, packet.tos))
        return taken

    def handle_error(self, error: IcmpError) -> None:
        """An ICMP error about a packet of ours: sockets that may have sent it are told."""
        quoted = error.quoted
        sockets = self._sockets.get(quoted.protocol)
        if sockets is None:
            return
        if error.kind == icmpv4.DESTINATION_UNREACHABLE and error.code == icmpv4.FRAGMENTATION_NEEDED:
            self.ip.learn_mtu(quoted.destination, max(error.rest & 0xFFFF, SMALLEST_PATH_MTU))
        for socket in list(sockets):
            if socket.suits(quoted.source, quoted.destination):
                socket.report(error)
