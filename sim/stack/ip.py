"""IPv4 of one host (RFC 791, RFC 1122 3): what arrives is checked and delivered, what leaves is routed and framed.

Read RFC 1122 section 3.3 first. Arriving: is the frame for us, is the packet sound, is it for an address of ours, is
it whole? Then its protocol gets it. Leaving: which route, which interface, which neighbour, does it fit? A router is
a stack like this one whose device forwards what is not for the stack (`devices/router.py`).
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Final

from sim.errors import WireError
from sim.stack.alarms import Alarm
from sim.stack.core import Core
from sim.stack.equal_paths import choose, flow_of
from sim.stack.fragments import fragment, header_length
from sim.stack.icmp import Icmp
from sim.stack.interfaces import DEFAULT_MTU, Interface
from sim.stack.link_sockets import LinkSockets
from sim.stack.neighbours import IPV4_TYPE, NeighbourTable, Path
from sim.stack.outside import Outside
from sim.stack.pings import Pings
from sim.stack.raw import Raw
from sim.stack.reassembly import Reassembly
from sim.stack.routes import Route, RouteTable
from sim.stack.service import IcmpError, IpService, Protocol, os_error
from sim.stack.tcp.layer import Tcp
from sim.stack.udp import Udp
from sim.tracing import kinds
from sim.tracing.journal import Journal
from sim.wire import arp, ethernet, icmpv4, ipv4
from sim.wire.addresses import (
    IPV4_ANY,
    IPV4_BROADCAST,
    MAC_BROADCAST,
    MAC_ZERO,
    in_prefix,
    is_multicast_ip,
    multicast_mac,
    network_of,
)

LOCAL: Final = 1
BROADCAST: Final = 2
LOOPBACK_MTU: Final = 65536
LOOPBACK_BROADCAST: Final = b"\x7f\xff\xff\xff"
PATH_CACHE_LIMIT: Final = 65536
PATH_MTU_LIFETIME: Final = 600_000_000_000  # ns; RFC 1191 6.3: after ten minutes a larger one may be tried again


class IpStack(IpService):
    """The IPv4 layer of a host or router, with the protocols above it."""

    def __init__(self, outside: Outside, journal: Journal) -> None:
        self.core = Core(outside, journal)
        self.interfaces: list[Interface] = []
        self.paths: dict[bytes, list[Path]] = {}  # other hosts' addresses only; see `paths_to`
        self.routes = RouteTable(self.forget_paths)
        self.own: dict[bytes, int] = {
            IPV4_BROADCAST: BROADCAST,
            LOOPBACK_BROADCAST: BROADCAST,
        }  # LOCAL or BROADCAST, per address of ours
        self.loopback: Interface | None = None
        self.icmp = Icmp(self)
        self.udp = Udp(self, self.icmp)
        self.links = LinkSockets(self.core)
        self.secret: bytes = b""  # what makes this host's sequence numbers its own
        self.reassembly: Reassembly | None = None  # until the first fragment comes
        self.protocols: dict[int, Protocol] = {}  # by number, those that are not part of the stack itself
        self.as_it_came: Callable[[bytes], bytes] | None = (
            None  # where packets are translated: as their sender knows them
        )
        self._tcp: Tcp | None = None
        self._raw: Raw | None = None
        self._pings: Pings | None = None
        self._mtus: dict[bytes, tuple[int, int]] | None = None  # (path MTU, when it was learned), by destination
        self._tables: list[NeighbourTable] = []
        self._identification: int = 0
        self._generation: int = 0

    # -- configuration

    def add_interface(self, name: str, mac: bytes, mtu: int = DEFAULT_MTU) -> Interface:
        """Give the stack an interface; `mtu` in bytes of IP packet."""
        interface = Interface(name, len(self.interfaces), mac, mtu)
        self.interfaces.append(interface)
        self._tables.append(NeighbourTable(self, interface))
        return interface

    def add_loopback(self) -> Interface:
        """Give the stack its loopback interface, 127.0.0.1/8 (RFC 1122 3.2.1.3)."""
        interface = self.add_interface("lo", MAC_ZERO, LOOPBACK_MTU)
        interface.loopback = True
        self.loopback = interface
        return interface

    def add_address(self, interface: Interface, address: bytes, length: int) -> None:
        """Give an interface an address, and the stack the route to its subnet."""
        interface.add_address(address, length)
        self.own[address] = LOCAL
        for broadcast in interface.broadcasts:
            self.own[broadcast] = BROADCAST
        self.routes.add(Route(network_of(address, length), length, None, interface))

    def remove_address(self, interface: Interface, address: bytes) -> None:
        """Take an address from an interface, and with the subnet the routes that lead into it. Raises KeyError."""
        length = interface.remove_address(address)
        self.own = {IPV4_BROADCAST: BROADCAST, LOOPBACK_BROADCAST: BROADCAST}
        for other in self.interfaces:
            self.own.update([(own, LOCAL) for own, _ in other.addresses])
            self.own.update([(broadcast, BROADCAST) for broadcast in other.broadcasts])
        network = network_of(address, length)
        if network not in [network_of(own, width) for own, width in interface.addresses if width == length]:
            for route in self.routes.routes():
                inside = in_prefix(route.network if route.next_hop is None else route.next_hop, network, length)
                if route.interface is interface and inside and (route.next_hop is not None or route.length == length):
                    self.routes.discard(route)
        self.forget_paths()

    def send_on_link(self, interface: Interface, packet: ipv4.Packet, mac: bytes) -> None:
        """Send a packet out of an interface to a MAC address, whatever routes and ARP say of its addresses.

        Raises OSError: ENETDOWN without a carrier, EMSGSIZE.
        """
        if not interface.up:
            raise os_error(errno.ENETDOWN)
        for piece in self._fit(packet, interface):
            self.core.transmit(interface, mac + interface.mac + IPV4_TYPE + piece)

    def add_route(
        self, network: bytes, length: int, next_hop: bytes | None, interface: Interface | None = None, metric: int = 0
    ) -> Route:
        """Add a route; without `interface` it is the one whose subnet holds the next hop.

        Raises ValueError when the next hop is on no subnet of ours.
        """
        if interface is None:
            interface = None if next_hop is None else self._interface_beside(next_hop)
            if interface is None:
                raise ValueError("the next hop is on none of the subnets here")
        route = Route(network, length, next_hop, interface, metric)
        self.routes.add(route)
        return route

    def forget_paths(self) -> None:
        """A route, an interface or a neighbour has changed: look up again who is next."""
        self.paths.clear()
        self._generation += 1
        self.core.journal.touch()

    def neighbours(self, interface: Interface) -> NeighbourTable:
        """The neighbour table of an interface."""
        return self._tables[interface.index]

    def set_up(self, interface: Interface, up: bool, now: int) -> None:
        """The carrier of an interface came or went. On coming it announces its addresses."""
        self.core.now = now
        interface.up = up
        self.forget_paths()
        table = self._tables[interface.index]
        table.clear()
        if up:
            for address, _ in interface.addresses:
                table.announce(address)
        if interface.on_carrier is not None:
            interface.on_carrier()

    def reset(self, now: int) -> None:
        """Forget all that a power cut takes: neighbours, fragments, sockets."""
        self.core.now = now
        for table in self._tables:
            table.clear()
        if self.reassembly is not None:
            self.reassembly.clear()
        self.udp.close_all()
        if self._raw is not None:
            self._raw.close_all()
        if self._pings is not None:
            self._pings.close_all()
        self.links.close_all()
        if self._tcp is not None:
            self._tcp.clear()
        self._mtus = None

    # -- entry points

    def enter(self, now: int, cause: int) -> None:
        """Set the time (ns) and the cause under which the next calls act."""
        self.core.now = now
        self.core.cause = cause
        self.core.to_many = False

    def handle_timers(self, now: int) -> None:
        """Do what is due at `now` (ns)."""
        self.core.handle_timers(now)

    def receive(self, interface: Interface, frame: bytes, now: int, cause: int) -> None:
        """Handle a frame that arrived on `interface` at `now` (ns) as transmission `cause`."""
        core = self.core
        core.now = now
        core.cause = cause
        if len(frame) < ethernet.HEADER_LENGTH:
            core.drop("runt frame")
            return
        core.to_many = frame[0] & 1 == 1
        if not interface.hears(frame[:6]):
            if core.journal.recording:
                core.note(kinds.IGNORE, "not its MAC address")
            return
        kind = frame[12:14]
        if kind == IPV4_TYPE:
            self._receive_ip(interface, frame[14:])
        elif kind == b"\x08\x06":
            self._receive_arp(interface, frame[14:])
        else:
            core.drop("unknown EtherType")

    # -- the IP service for the protocols above

    def send(self, packet: ipv4.Packet) -> None:
        """Route and send a packet of our own (see IpService)."""
        destination = packet.destination
        if destination not in self.paths:
            if self.is_broadcast(destination) or is_multicast_ip(destination):
                self.send_to_many(packet)
                return
            if self.is_local(destination):
                self._send_to_self(packet)
                return
        paths = self.paths_to(destination)
        path = paths[0] if len(paths) == 1 else choose(paths, flow_of(packet), self.core.journal.node)
        if path is None:
            raise os_error(errno.ENETUNREACH)
        if packet.source[0] == 127:  # RFC 1122 3.2.1.3: it must not appear outside a host
            raise os_error(errno.EINVAL)
        if self.core.journal.recording:
            self.core.note(kinds.ROUTE, path.route.text)
        for piece in self._fit(packet, path.interface):
            path.table.send(path.neighbour, piece)

    def source_for(self, destination: bytes) -> bytes:
        """The address that a packet to `destination` leaves from. Raises OSError ENETUNREACH."""
        source: bytes | None
        known = self.paths.get(destination)
        if known:
            source = known[0].source
        elif destination[0] == 127:
            source = b"\x7f\x00\x00\x01"
        elif self.is_local(destination):
            source = destination
        elif self.is_broadcast(destination) or is_multicast_ip(destination):
            source = self.interface_to_many(destination).source_for(destination)
        else:
            paths = self.paths_to(destination)
            if not paths:
                raise os_error(errno.ENETUNREACH)
            source = paths[0].source
        if source is None:
            raise os_error(errno.EADDRNOTAVAIL)
        return source

    def is_local(self, address: bytes) -> bool:
        """Whether `address` is one of ours."""
        kind = self.own.get(address, 0)
        return kind == LOCAL or (address[0] == 127 and kind == 0)

    def is_broadcast(self, address: bytes) -> bool:
        """Whether `address` is the limited broadcast address or that of a subnet of ours."""
        return self.own.get(address, 0) == BROADCAST

    def next_identification(self) -> int:
        """A value for the identification field: a counter (RFC 6864 asks for no more)."""
        self._identification = (self._identification + 1) & 0xFFFF
        return self._identification

    def paths_to(self, destination: bytes) -> list[Path]:
        """The equal paths to another host's address; mostly one, none without a route.

        What was looked up is kept until a route or an interface changes.
        """
        paths = self.paths.get(destination)
        return self._find_paths(destination) if paths is None else paths

    @property
    def tcp(self) -> Tcp:
        """TCP, made when it is first needed."""
        if self._tcp is None:
            self._tcp = Tcp(self, self.secret)
        return self._tcp

    @property
    def raw(self) -> Raw:
        """The raw sockets."""
        if self._raw is None:
            self._raw = Raw(self)
        return self._raw

    @property
    def pings(self) -> Pings:
        """The ping sockets."""
        if self._pings is None:
            self._pings = Pings(self, self.icmp)
        return self._pings

    def interface_mtu(self, destination: bytes) -> int:
        """Bytes of the largest packet that may leave towards `destination`. Raises OSError ENETUNREACH."""
        if self.is_local(destination):
            return LOOPBACK_MTU
        paths = self.paths_to(destination)
        if not paths:
            raise os_error(errno.ENETUNREACH)
        return min([path.interface.mtu for path in paths])

    def path_mtu(self, destination: bytes) -> int:
        """The smallest MTU (bytes) that routers on the way have told of, within the last ten minutes (RFC 1191)."""
        mtu = self.interface_mtu(destination)
        known = None if self._mtus is None else self._mtus.get(destination)
        if known is None or self.core.now - known[1] > PATH_MTU_LIFETIME:
            return mtu
        return min(mtu, known[0])

    def learn_mtu(self, destination: bytes, mtu: int) -> int:
        """A router says that larger packets do not pass; the MTU (bytes) that holds now."""
        if self._mtus is None:
            self._mtus = {}
        self._mtus[destination] = (min(mtu, self.path_mtu(destination)), self.core.now)
        return self._mtus[destination][0]

    # -- receiving

    def _receive_arp(self, interface: Interface, payload: bytes) -> None:
        try:
            packet = arp.parse(payload)
        except WireError:
            self.core.drop("malformed ARP")
            return
        self._tables[interface.index].receive(packet)

    def _receive_ip(self, interface: Interface, payload: bytes) -> None:
        core = self.core
        try:
            packet = ipv4.parse(payload)
        except WireError:
            core.drop("malformed IPv4")
            return
        if self.links.takes(interface, packet):
            return
        if not interface.loopback and self._is_martian(packet):
            core.drop("martian address")
            return
        if not self._is_for_us(interface, packet.destination):
            core.drop("not its IP address")
            return
        if packet.more_fragments or packet.fragment_offset:
            if self.reassembly is None:
                self.reassembly = Reassembly(core, self._report_reassembly_timeout)
            whole = self.reassembly.receive(packet)
            if whole is None:
                return
            packet = whole
        heard = self._raw is not None and self._raw.receive(packet)
        if packet.protocol == ipv4.PROTOCOL_ICMP:
            self.icmp.receive(packet, heard)
        elif packet.protocol == ipv4.PROTOCOL_UDP:
            self.udp.receive(packet)
        elif packet.protocol == ipv4.PROTOCOL_TCP:
            self.tcp.receive(packet)
        elif packet.protocol in self.protocols:
            self.protocols[packet.protocol].receive(packet)
        elif not heard:
            core.drop("unknown protocol")
            self.icmp.send_error(ipv4.emit(packet), icmpv4.DESTINATION_UNREACHABLE, icmpv4.PROTOCOL_UNREACHABLE)

    def _is_martian(self, packet: ipv4.Packet) -> bool:
        """Addresses that cannot come in from a link (RFC 1122 3.2.1.3): our own, a group's or loopback as source.

        0.0.0.0 is the source of one who has no address yet, and asks everybody.
        """
        source = packet.source
        if source in self.own or is_multicast_ip(source) or source[0] == 127 or packet.destination[0] == 127:
            return True
        if source[0] != 0:
            return False
        to_all = self.is_broadcast(packet.destination) or is_multicast_ip(packet.destination)
        return source != IPV4_ANY or not to_all

    def _is_for_us(self, interface: Interface, destination: bytes) -> bool:
        if destination in self.own or interface.listens_to(destination):
            return True
        return destination[0] == 127

    # -- sending

    def _find_paths(self, destination: bytes) -> list[Path]:
        if len(self.paths) >= PATH_CACHE_LIMIT:
            self.paths.clear()
        paths: list[Path] = []
        self.paths[destination] = paths  # already now: if a lookup evicts a neighbour, they are not kept
        routes = self.routes.lookup(destination)
        for route in routes:
            table = self._tables[route.interface.index]
            neighbour = table.lookup(route.next_hop or destination)
            shared = neighbour.paths
            if len(routes) == 1 and shared and shared[0].route is route and shared[0].generation == self._generation:
                if destination in self.paths:
                    self.paths[destination] = shared  # a gateway's many destinations have one path
                return shared
            paths.append(Path(route, table, neighbour, self._generation))
            if len(routes) == 1:
                neighbour.paths = paths
        return paths

    def _fit(self, packet: ipv4.Packet, interface: Interface) -> list[bytes]:
        """The packet as bytes, in as many pieces as the interface's MTU asks for."""
        length = header_length(packet) + len(packet.payload)
        if length <= interface.mtu and length <= ipv4.MAXIMUM_LENGTH:
            return [ipv4.emit(packet)]
        if packet.dont_fragment or length > ipv4.MAXIMUM_LENGTH:
            raise os_error(errno.EMSGSIZE)
        pieces = fragment(packet, interface.mtu)
        self.core.note(kinds.FRAGMENT, (len(pieces), interface.mtu))
        return [ipv4.emit(piece) for piece in pieces]

    def send_to_many(self, packet: ipv4.Packet, interface: Interface | None = None, loop: bool = True) -> None:
        """Send a packet to a group or to everybody (see IpService)."""
        destination = packet.destination
        multicast = is_multicast_ip(destination)
        out = self.interface_to_many(destination) if interface is None else interface
        pieces = self._fit(packet, out)
        if loop and not out.loopback and (not multicast or out.listens_to(destination)) and self._awaits(packet):
            self.core.set_alarm(Alarm(lambda: self._hear(packet)), self.core.now)  # after this call
        if not packet.ttl:
            return  # it must not leave the host (RFC 1112 6.1)
        mac = MAC_ZERO if out.loopback else multicast_mac(destination) if multicast else MAC_BROADCAST
        for piece in pieces:
            self.core.transmit(out, mac + out.mac + IPV4_TYPE + piece)

    def _awaits(self, packet: ipv4.Packet) -> bool:
        """Whether a socket here would take a packet that we send to many."""
        return self.udp.awaits(packet) or (self._raw is not None and self._raw.hears(packet))

    def _hear(self, packet: ipv4.Packet) -> None:
        """Take in a packet that we have sent to many."""
        self.overhear(packet)
        if self.udp.awaits(packet):
            self.udp.receive(packet)

    def overhear(self, packet: ipv4.Packet) -> bool:
        """Give raw sockets what this host tells itself (see IpService)."""
        return self._raw is not None and self._raw.receive(packet)

    def is_overheard(self, protocol: int) -> bool:
        """Whether there is a raw socket for a protocol (see IpService)."""
        return self._raw is not None and self._raw.has(protocol)

    def send_as_is(self, packet: bytes, destination: bytes, interface: Interface | None = None) -> None:
        """Send a packet with the header that it has (see IpService)."""
        multicast = is_multicast_ip(destination)
        if multicast or self.is_broadcast(destination):
            out = self.interface_to_many(destination) if interface is None else interface
            mac = MAC_ZERO if out.loopback else multicast_mac(destination) if multicast else MAC_BROADCAST
            self.core.transmit(out, mac + out.mac + IPV4_TYPE + packet)
            return
        if len(packet) > self.interface_mtu(destination):
            raise os_error(errno.EMSGSIZE)
        if self.is_local(destination):
            self.core.transmit(self.loopback or self.add_loopback(), MAC_ZERO + MAC_ZERO + IPV4_TYPE + packet)
        else:
            path = choose(self.paths_to(destination), packet[12:20], self.core.journal.node)
            if path is None:
                raise os_error(errno.ENETUNREACH)
            path.table.send(path.neighbour, packet)

    def interface_to_many(self, destination: bytes) -> Interface:
        """Where a broadcast or a multicast leaves: its subnet, else its route, else the first interface that is up."""
        if destination[0] == 127:
            return self.loopback or self.add_loopback()
        for interface in self.interfaces:
            if destination in interface.broadcasts and interface.up:
                return interface
        for route in self.routes.lookup(destination):
            return route.interface
        for interface in self.interfaces:
            if interface.up and not interface.loopback:
                return interface
        raise os_error(errno.ENETUNREACH)

    def _send_to_self(self, packet: ipv4.Packet) -> None:
        interface = self.loopback or self.add_loopback()
        for piece in self._fit(packet, interface):
            self.core.transmit(interface, MAC_ZERO + MAC_ZERO + IPV4_TYPE + piece)

    def _interface_beside(self, neighbour: bytes) -> Interface | None:
        """The interface whose subnet (the smallest, of several) holds an address, whether it is up or not."""
        found = [
            (length, -interface.index)
            for interface in self.interfaces
            for address, length in interface.addresses
            if len(address) == len(neighbour) and in_prefix(neighbour, network_of(address, length), length)
        ]
        return self.interfaces[-max(found)[1]] if found else None

    # -- what went wrong

    def handle_error(self, error: IcmpError) -> None:
        """Pass an ICMP error on to the protocol whose packet it quotes."""
        if error.kind == icmpv4.REDIRECT:
            return
        if self._raw is not None:
            self._raw.handle_error(error)
        if error.quoted.protocol == ipv4.PROTOCOL_ICMP:
            self.icmp.handle_error(error)
        elif error.quoted.protocol == ipv4.PROTOCOL_UDP:
            self.udp.handle_error(error)
        elif error.quoted.protocol == ipv4.PROTOCOL_TCP:
            if self._tcp is not None:
                self._tcp.handle_error(error)
        elif error.quoted.protocol in self.protocols:
            self.protocols[error.quoted.protocol].handle_error(error)

    def neighbour_failed(self, packet: bytes) -> None:
        """Nobody answered the ARP request for a packet's next hop."""
        self.core.drop("host unreachable")
        if self.as_it_came is not None:
            packet = self.as_it_came(packet)
        self.icmp.send_error(packet, icmpv4.DESTINATION_UNREACHABLE, icmpv4.HOST_UNREACHABLE)

    def _report_reassembly_timeout(self, first: ipv4.Packet) -> None:
        self.icmp.send_error(ipv4.emit(first), icmpv4.TIME_EXCEEDED, icmpv4.REASSEMBLY_TIME_EXCEEDED)
