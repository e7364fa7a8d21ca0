"""What all datagram sockets have in common, be they of UDP, of ICMP or raw: a peer, groups, and packets sent."""

from __future__ import annotations

import errno
from typing import Final

from sim.stack.interfaces import Interface
from sim.stack.service import IpService, os_error
from sim.stack.udp_socket import (
    PMTUDISC_DO,
    PMTUDISC_DONT,
    PMTUDISC_INTERFACE,
    PMTUDISC_OMIT,
    PMTUDISC_WANT,
    UdpService,
    UdpSocket,
)
from sim.wire import ipv4
from sim.wire.addresses import IPV4_ANY, is_multicast_ip

FIRST_GROUP: Final = 224  # from 224.0.0.0 on no address is one host's
LOOPBACK_ADDRESS: Final = b"\x7f\x00\x00\x01"
SMALLEST_PATH_MTU: Final = 552  # net.ipv4.route.min_pmtu: nobody makes us send in smaller pieces


class Datagrams(UdpService):
    """The sockets of one protocol on one stack."""

    def __init__(self, ip: IpService) -> None:
        self.ip = ip

    def connect(self, socket: UdpSocket, address: bytes, port: int) -> None:
        """See `UdpSocket.connect`."""
        if not socket.port:
            self.bind(socket, socket.address, 0)
        address = this_host(socket, address)
        source = self.group_source(socket, address) if is_multicast_ip(address) else self.ip.source_for(address)
        if socket.source != IPV4_ANY:
            if socket.source[0] == 127 and address[0] != 127 and not self.ip.is_local(address):
                raise os_error(errno.EINVAL)
            source = socket.source
        if not socket.broadcast and self.ip.is_broadcast(address):
            raise os_error(errno.EACCES)
        socket.source = source
        if socket.address == IPV4_ANY:
            socket.address = source
        socket.peer, socket.peer_port = address, port
        socket.connected = True
        socket.narrow()
        self.ip.core.journal.touch()

    def group_interface(self, group: bytes) -> Interface:
        """See `UdpService.group_interface`."""
        try:
            return self.ip.interface_to_many(group)
        except OSError:
            raise os_error(errno.ENODEV) from None

    def is_of_many(self, address: bytes) -> bool:
        """Whether a socket bound to `address` hears a group or a broadcast. Raises OSError EADDRNOTAVAIL."""
        of_many = self.ip.is_broadcast(address) or is_multicast_ip(address)
        if address != IPV4_ANY and not of_many and not self.ip.is_local(address):
            raise os_error(errno.EADDRNOTAVAIL)
        return of_many

    def group_source(self, socket: UdpSocket, group: bytes) -> bytes:
        """The address that datagrams to a group leave from. Raises OSError ENETUNREACH, EADDRNOTAVAIL."""
        if socket.multicast_source != IPV4_ANY:
            return socket.multicast_source
        interface = socket.multicast_interface
        if interface is None:
            interface = self.ip.interface_to_many(group)
        source = interface.source_for(group)
        if source is None:
            raise os_error(errno.EADDRNOTAVAIL)
        return source

    def dont_fragment(self, socket: UdpSocket, length: int, address: bytes) -> bool:
        """Whether a packet of `length` bytes says so. Raises OSError EMSGSIZE for one that is too long to be sent whole
        and may not be cut.
        """
        mode = socket.path_mtu_discovery
        if mode == PMTUDISC_DONT:
            return False
        if mode == PMTUDISC_OMIT or self.ip.is_broadcast(address):
            return socket.dont_fragment
        if mode == PMTUDISC_WANT:
            return length <= self.ip.path_mtu(address)
        limit = self.ip.path_mtu(address) if mode == PMTUDISC_DO else self.ip.interface_mtu(address)
        if length > limit:
            raise os_error(errno.EMSGSIZE)
        return mode != PMTUDISC_INTERFACE

    def check_destination(self, socket: UdpSocket, address: bytes) -> bytes:
        """The address that is meant. Raises OSError EACCES for a broadcast without permission."""
        address = this_host(socket, address)
        if not socket.broadcast and self.ip.is_broadcast(address):
            raise os_error(errno.EACCES)
        return address

    def send_packet(self, socket: UdpSocket, protocol: int, payload: bytes, address: bytes) -> None:
        """Send an IP packet as the socket's options have it. Raises OSError."""
        ip = self.ip
        group = is_multicast_ip(address)
        source = socket.source
        if source == IPV4_ANY:
            source = self.group_source(socket, address) if group else ip.source_for(address)
        packet = ipv4.Packet(
            source,
            address,
            protocol,
            payload,
            ttl=socket.multicast_ttl if group else socket.ttl,
            identification=ip.next_identification(),
            dont_fragment=not group and self.dont_fragment(socket, ipv4.HEADER_LENGTH + len(payload), address),
            tos=socket.tos,
        )
        if group:
            ip.send_to_many(packet, socket.multicast_interface, socket.multicast_loop)
        else:
            ip.send(packet)


def this_host(socket: UdpSocket, address: bytes) -> bytes:
    """The address meant: 0.0.0.0 is this host, under the name that the socket has, else 127.0.0.1."""
    if address != IPV4_ANY:
        return address
    return socket.source if socket.source != IPV4_ANY else LOOPBACK_ADDRESS
