"""The datagram socket of a host: the calls that a kernel offers, with its errors; what would block raises EAGAIN.

`on_event` is called whenever `poll()` may say something new. Errors are OSError with the errno that Linux gives.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Final

from sim.stack.interfaces import Interface
from sim.stack.polling import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, SHUT_RD, SHUT_RDWR, SHUT_WR
from sim.stack.service import IcmpError, os_error
from sim.stack.unreachable import errno_of, is_hard
from sim.wire import icmpv4
from sim.wire.addresses import IPV4_ANY, is_multicast_ip

RECEIVE_BUFFER: Final = 212_992  # bytes; net.core.rmem_default
SEND_BUFFER: Final = 212_992  # bytes; net.core.wmem_default
SMALLEST_RECEIVE_BUFFER: Final = 2304  # bytes; Linux's SOCK_MIN_RCVBUF
SMALLEST_SEND_BUFFER: Final = 4608  # bytes; Linux's SOCK_MIN_SNDBUF
LARGEST_BUFFER: Final = 4 << 20  # bytes that may be asked for: net.core.rmem_max and wmem_max
DATAGRAM_OVERHEAD: Final = 768  # bytes that Linux books for a datagram besides its data, so that empty ones count too
ERROR_LIMIT: Final = 64  # errors that a socket keeps for a program that does not ask
MEMBERSHIP_LIMIT: Final = 20  # net.ipv4.igmp_max_memberships
MAX_PAYLOAD: Final = 65535 - 20 - 8

PMTUDISC_DONT: Final = 0
"""Never say don't fragment. It is the default here; Linux's is `want`."""
PMTUDISC_WANT: Final = 1
"""Say it where the datagram fits the path, cut in pieces what does not."""
PMTUDISC_DO: Final = 2
"""Always say it; what does not fit the path is refused."""
PMTUDISC_PROBE: Final = 3
"""Always say it, whatever is known of the path; what does not fit the link is refused."""
PMTUDISC_INTERFACE: Final = 4
"""Never say it, and refuse what does not fit the link."""
PMTUDISC_OMIT: Final = 5
"""Never say it, and cut in pieces what does not fit the link."""

Received = tuple[bytes, bytes, int, bytes, int, int]
"""A datagram: data, source address and port, the address it was sent to, TTL, type of service."""


class UdpService:
    """What a socket asks of the UDP of its host."""

    def bind(self, socket: UdpSocket, address: bytes, port: int) -> None:
        """Take an address and a port. Raises OSError: EINVAL, EADDRNOTAVAIL, EADDRINUSE."""
        raise NotImplementedError

    def connect(self, socket: UdpSocket, address: bytes, port: int) -> None:
        """Talk to one peer only. Raises OSError: ENETUNREACH, EACCES, EINVAL, EAGAIN."""
        raise NotImplementedError

    def release(self, socket: UdpSocket) -> None:
        """Give back its port."""
        raise NotImplementedError

    def send(self, socket: UdpSocket, data: bytes, address: bytes, port: int) -> None:
        """Send a datagram. Raises OSError."""
        raise NotImplementedError

    def group_interface(self, group: bytes) -> Interface:
        """The interface on which a group is joined that was not told one. Raises OSError ENODEV."""
        raise NotImplementedError


class UdpSocket:
    """A datagram socket. It is new, bound, or connected, which only means that it has one peer.

    `address` is what datagrams must be addressed to (0.0.0.0: anything of ours), `source` what its own leave from
    (0.0.0.0: as the route says).
    """

    def __init__(self, layer: UdpService) -> None:
        self.on_event: Callable[[], None] | None = None
        self.address: bytes = IPV4_ANY
        self.source: bytes = IPV4_ANY
        self.port: int = 0
        self.peer: bytes = IPV4_ANY
        self.peer_port: int = 0
        self.connected: bool = False
        self.address_bound: bool = False  # by bind(), so that disconnect() leaves it
        self.port_bound: bool = False
        self.takes_all: bool = True  # neither address nor peer nor group narrows what it hears
        self.closed: bool = False
        self.receive_shut: bool = False
        self.send_shut: bool = False
        # options
        self.reuse_address: bool = False
        self.reuse_port: bool = False
        self.broadcast: bool = False
        self.ttl: int = 64
        self.tos: int = 0
        self.path_mtu_discovery: int = PMTUDISC_DONT
        self.receive_errors: bool = False  # IP_RECVERR: keep soft errors too, and those of other peers
        self.multicast_ttl: int = 1
        self.multicast_loop: bool = True
        self.multicast_interface: Interface | None = None
        self.multicast_source: bytes = IPV4_ANY
        self.memberships: list[tuple[bytes, Interface]] = []
        self.longest: int = MAX_PAYLOAD  # bytes that may be sent at once
        self.receive_buffer: int = RECEIVE_BUFFER
        self.send_buffer: int = SEND_BUFFER
        # what came in
        self.received: list[Received] = []  # the buffer's bound keeps it short
        self.errors: list[IcmpError] = []  # with `receive_errors`
        self.error: int = 0
        self._hears_groups_of_others: bool = True
        self._layer = layer
        self._octets: int = 0

    # -- naming

    def bind(self, address: bytes, port: int) -> None:
        """Take an address (0.0.0.0: all) and a port (0: an ephemeral one). EINVAL, EADDRNOTAVAIL, EADDRINUSE."""
        self._check_open()
        self._layer.bind(self, address, port)
        self.address_bound = address != IPV4_ANY
        self.port_bound = port != 0

    def connect(self, address: bytes, port: int) -> None:
        """Send to one peer, hear only him, and hear of errors. ENETUNREACH, EACCES for a broadcast, EINVAL."""
        self._check_open()
        self._layer.connect(self, address, port)

    def disconnect(self) -> None:
        """Have no peer any more (POSIX: connect with AF_UNSPEC)."""
        self._check_open()
        self.connected = False
        self.peer, self.peer_port = IPV4_ANY, 0
        if not self.address_bound:
            self.address = self.source = IPV4_ANY
        if not self.port_bound and self.port:
            self._layer.release(self)
            self.port = 0
        self.narrow()

    def local(self) -> tuple[bytes, int]:
        """Our address and port; 0.0.0.0 and 0 as long as there are none."""
        self._check_open()
        return self.address, self.port

    def remote(self) -> tuple[bytes, int]:
        """The peer's address and port. ENOTCONN."""
        self._check_open()
        if not self.connected or not self.peer_port:
            raise os_error(errno.ENOTCONN)
        return self.peer, self.peer_port

    # -- sending

    def send_to(self, data: bytes, address: bytes, port: int) -> None:
        """Send one datagram, from an ephemeral port if it has none; 0.0.0.0 is this host.

        Raises OSError: EMSGSIZE over 65,507 bytes or what the path takes, EINVAL for port 0, EACCES for a broadcast
        without permission, ENETUNREACH, EPIPE after shutdown, EBADF, and the error that is pending.
        """
        self._prepare_to_send(data)
        if not port:
            raise os_error(errno.EINVAL)
        self._layer.send(self, data, address, port)

    def send(self, data: bytes) -> None:
        """Send one datagram to the peer: EDESTADDRREQ without one, else as `send_to`."""
        self._prepare_to_send(data)
        if not self.connected:
            raise os_error(errno.EDESTADDRREQ)
        self._layer.send(self, data, self.peer, self.peer_port)

    def check_sendable(self) -> None:
        """Raise the error that is pending, or EPIPE after shutdown."""
        self._raise_error()
        if self.send_shut:
            raise os_error(errno.EPIPE)

    # -- receiving

    def receive(self) -> tuple[bytes, bytes, int] | None:
        """The next datagram: its data, source address and source port. None when there is none."""
        if not self.received:
            return None
        data, source, port, _, _, _ = self.received.pop(0)
        self._octets -= len(data) + DATAGRAM_OVERHEAD
        return data, source, port

    def receive_from(self, peek: bool = False) -> Received:
        """The next datagram and all about it; with `peek` it stays. EAGAIN, and the error that is pending."""
        self._check_open()
        self._raise_error()
        if not self.received:
            raise os_error(errno.EAGAIN)
        if peek:
            return self.received[0]
        datagram = self.received.pop(0)
        self._octets -= len(datagram[0]) + DATAGRAM_OVERHEAD
        return datagram

    def take_queued_error(self) -> IcmpError:
        """The next error that IP_RECVERR kept (MSG_ERRQUEUE). EAGAIN."""
        self._check_open()
        if not self.errors:
            raise os_error(errno.EAGAIN)
        error = self.errors.pop(0)
        self.error = errno_of(self.errors[0]) if self.errors else 0
        return error

    def take_error(self) -> int:
        """SO_ERROR: the errno of the pending error, which is then cleared; 0."""
        if self.receive_errors and not self.errors:
            self.error = 0  # who has read the queue of errors to its end has heard of it
        number = self.error
        self.error = 0
        return number

    def poll(self) -> int:
        """Bits as Linux's poll gives them."""
        events = POLLOUT
        if self.error or self.errors:
            events |= POLLERR
        if self.received or self.receive_shut:
            events |= POLLIN
        if self.receive_shut:
            events |= POLLRDHUP
            if self.send_shut:
                events |= POLLHUP
        return events

    # -- the end

    def shutdown(self, how: int) -> None:
        """Send no more (1), await no more (0), or both (2). ENOTCONN without a peer, though Linux does it then too."""
        self._check_open()
        if how not in (SHUT_RD, SHUT_WR, SHUT_RDWR):
            raise os_error(errno.EINVAL)
        self.receive_shut = self.receive_shut or how != SHUT_WR
        self.send_shut = self.send_shut or how != SHUT_RD
        self._wake()
        if not self.connected:
            raise os_error(errno.ENOTCONN)

    def close(self) -> None:
        """Free the port and leave the groups."""
        if self.closed:
            return
        self.closed = True
        for group, interface in self.memberships:
            interface.leave(group)
        self.memberships.clear()
        if self.port:
            self._layer.release(self)

    # -- options

    @property
    def dont_fragment(self) -> bool:
        """Whether all datagrams say so; setting it is setting `path_mtu_discovery` to `do` or `dont`."""
        return self.path_mtu_discovery in (PMTUDISC_DO, PMTUDISC_PROBE)

    @dont_fragment.setter
    def dont_fragment(self, value: bool) -> None:
        self.path_mtu_discovery = PMTUDISC_DO if value else PMTUDISC_DONT

    @property
    def multicast_all(self) -> bool:
        """Whether it hears the groups that others on this host have joined."""
        return self._hears_groups_of_others

    @multicast_all.setter
    def multicast_all(self, value: bool) -> None:
        self._hears_groups_of_others = value
        self.narrow()

    def set_receive_buffer(self, size: int) -> None:
        """Take in so many bytes, doubled for what booking them costs, within the host's limits."""
        self.receive_buffer = max(2 * _bounded(size), SMALLEST_RECEIVE_BUFFER)

    def set_send_buffer(self, size: int) -> None:
        """As `set_receive_buffer`. A datagram leaves at once, so nothing ever waits in it."""
        self.send_buffer = max(2 * _bounded(size), SMALLEST_SEND_BUFFER)

    def join(self, group: bytes, interface: Interface | None = None) -> None:
        """Hear a group on an interface (None: where the route to it leads). EINVAL, EADDRINUSE, ENOBUFS, ENODEV."""
        self._check_open()
        if not is_multicast_ip(group):
            raise os_error(errno.EINVAL)
        if interface is None:
            interface = self._layer.group_interface(group)
        if self._membership(group, interface) is not None:
            raise os_error(errno.EADDRINUSE)
        if len(self.memberships) >= MEMBERSHIP_LIMIT:
            raise os_error(errno.ENOBUFS)
        interface.join(group)
        self.memberships.append((group, interface))

    def leave(self, group: bytes, interface: Interface | None = None) -> None:
        """Undo one `join` (None: on whichever interface). EADDRNOTAVAIL."""
        self._check_open()
        membership = self._membership(group, interface)
        if membership is None:
            raise os_error(errno.EADDRNOTAVAIL)
        self.memberships.remove(membership)
        membership[1].leave(group)

    # -- from the layer

    def narrow(self) -> None:
        """Address, peer or groups have changed: note whether it still takes whatever comes to its port."""
        self.takes_all = self.address == IPV4_ANY and not self.connected and self._hears_groups_of_others

    def has_joined(self, group: bytes) -> bool:
        """Whether it hears a group."""
        return self._hears_groups_of_others or self._membership(group, None) is not None

    def is_full(self) -> bool:
        """Whether the receive buffer takes no further datagram. Like Linux's it may be overrun by the last one."""
        return self._octets > self.receive_buffer

    def deliver(self, datagram: Received) -> None:
        """Take in a datagram."""
        self._octets += len(datagram[0]) + DATAGRAM_OVERHEAD
        self.received.append(datagram)
        if self.on_event is not None:
            self.on_event()

    def report(self, error: IcmpError) -> None:
        """An ICMP error about a datagram of ours: hard ones for who is connected, all with `receive_errors`."""
        number = errno_of(error)
        if not number:
            return
        too_long = error.kind == icmpv4.DESTINATION_UNREACHABLE and error.code == icmpv4.FRAGMENTATION_NEEDED
        if too_long and self.path_mtu_discovery == PMTUDISC_DONT:
            return
        if self.receive_errors:
            if len(self.errors) < ERROR_LIMIT:
                self.errors.append(error)
        elif not self.connected or not is_hard(error):
            return
        self.error = number
        self._wake()

    # -- inside

    def _prepare_to_send(self, data: bytes) -> None:
        if self.closed:
            raise os_error(errno.EBADF)
        if not self.port:
            self._layer.bind(self, self.address, 0)
        if len(data) > self.longest:
            raise os_error(errno.EMSGSIZE)

    def _check_open(self) -> None:
        if self.closed:
            raise os_error(errno.EBADF)

    def _raise_error(self) -> None:
        if self.error:
            number = self.take_error()
            if number:
                raise os_error(number)

    def _membership(self, group: bytes, interface: Interface | None) -> tuple[bytes, Interface] | None:
        for membership in self.memberships:
            if membership[0] == group and interface in (None, membership[1]):
                return membership
        return None

    def _wake(self) -> None:
        if self.on_event is not None:
            self.on_event()


def _bounded(size: int) -> int:
    """As many bytes as may be asked for; Linux takes a negative number for a very large one."""
    return LARGEST_BUFFER if size < 0 else min(size, LARGEST_BUFFER)
