"""What a `Socket` stands on: one of the stack's sockets, with what a system call does beside calling it.

`StreamEnd` and `DatagramEnd` have the same methods, so that a `Socket` need not ask which it has. What they send has
been given a cause before (`Socket` does that). Errors are those of Linux.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from sim.stack.ip import IpStack
from sim.stack.service import IcmpError, os_error
from sim.stack.tcp import queues
from sim.stack.tcp.sockets import TcpSocket
from sim.stack.udp_socket import UdpSocket
from sim.userland import ancillary
from sim.userland.addresses import format_address

MSG_OOB: Final = int(getattr(socket, "MSG_OOB", 0x01))
MSG_PEEK: Final = int(getattr(socket, "MSG_PEEK", 0x02))
MSG_CTRUNC: Final = int(getattr(socket, "MSG_CTRUNC", 0x08))
MSG_EOR: Final = int(getattr(socket, "MSG_EOR", 0x80))
MSG_TRUNC: Final = int(getattr(socket, "MSG_TRUNC", 0x20))
MSG_DONTWAIT: Final = int(getattr(socket, "MSG_DONTWAIT", 0x40))
MSG_ERRQUEUE: Final = int(getattr(socket, "MSG_ERRQUEUE", 0x2000))
MSG_MORE: Final = int(getattr(socket, "MSG_MORE", 0x8000))

Address = tuple[bytes, int]


@dataclass
class Message:
    """What one call of `recvmsg` brings. `length` is what the call returns: with MSG_TRUNC that may exceed the data."""

    data: bytes
    length: int
    address: tuple[str, int] | None = None
    flags: int = 0
    items: list[ancillary.Item] = field(default_factory=list)


class End(Protocol):
    """A socket of the stack: `kernel` is that socket itself. `stored` holds the options that are only remembered."""

    stack: IpStack
    stored: dict[str, int | bytes]
    blocking: bool  # O_NONBLOCK is not set; all numbers of a socket share that
    kind: int
    protocol: int
    has_ports: bool

    @property
    def kernel(self) -> TcpSocket | UdpSocket: ...

    def listen(self, backlog: int) -> None: ...

    def accept(self) -> tuple[End, Address]: ...

    def name(self, size: str) -> str:
        """What it sends when that is so long, in words."""

    def would_send(self) -> bool:
        """Whether a call to send now may put something on a link."""

    def send(self, data: bytes, flags: int, address: Address | None, items: list[ancillary.Item]) -> int: ...

    def receive(self, size: int, flags: int) -> Message: ...


class StreamEnd:
    """A TCP socket."""

    kind = int(socket.SOCK_STREAM)
    protocol = int(socket.IPPROTO_TCP)
    has_ports = True

    def __init__(self, stack: IpStack, kernel: TcpSocket | None = None) -> None:
        self.stack = stack
        self.kernel: TcpSocket = stack.tcp.socket() if kernel is None else kernel
        self.stored: dict[str, int | bytes] = {}
        self.blocking = True

    def listen(self, backlog: int) -> None:
        """Await connections."""
        self.kernel.listen(backlog)

    def accept(self) -> tuple[StreamEnd, Address]:
        """The next connection, and its peer."""
        child = self.kernel.accept()
        connection = child.connection
        assert connection is not None
        end = StreamEnd(self.stack, child)
        end.stored.update(self.stored)
        end.stored.pop("SO_PRIORITY", None)  # the one that is not inherited
        return end, (connection.remote_address, connection.remote_port)

    def name(self, size: str) -> str:
        """What it sends, in words."""
        return f"{size} by TCP"

    def would_send(self) -> bool:
        """Whether there is a connection."""
        return self.kernel.connection is not None

    def send(self, data: bytes, flags: int, address: Address | None, items: list[ancillary.Item]) -> int:
        """Give data to the stream; the address of a connected stream is nobody's business (Linux)."""
        if flags & MSG_OOB:
            return self.kernel.send_urgent(data)
        taken = self.kernel.send(data, flags & MSG_MORE != 0)
        if flags & MSG_EOR and taken == len(data):
            connection = self.kernel.connection
            if connection is not None:
                connection.end_record()
        return taken

    def receive(self, size: int, flags: int) -> Message:
        """Data of the stream. With MSG_TRUNC it is thrown away, and only counted."""
        if flags & MSG_ERRQUEUE:
            raise os_error(errno.EAGAIN)
        peek = flags & MSG_PEEK != 0
        if flags & MSG_OOB:
            return self._receive_urgent(peek)
        data = self.kernel.receive(size, peek)
        message = Message(b"" if flags & MSG_TRUNC else data, len(data))
        if self.stored.get("TCP_INQ"):
            message.items.append(ancillary.inq_item(queues.hint(self.kernel)))
        return message

    def _receive_urgent(self, peek: bool) -> Message:
        connection = self.kernel.connection
        if connection is None and not self.kernel.listening:
            raise os_error(errno.EINVAL)
        data = self.kernel.receive_urgent()
        if peek and connection is not None:
            connection.urgent_byte = data[0]
        return Message(data, len(data), None, MSG_OOB)


class DatagramEnd:
    """A UDP socket, or one that is much like it."""

    kind = int(socket.SOCK_DGRAM)
    protocol = int(socket.IPPROTO_UDP)
    has_ports = True

    def __init__(self, stack: IpStack, kernel: UdpSocket | None = None) -> None:
        self.stack = stack
        self.kernel: UdpSocket = stack.udp.socket() if kernel is None else kernel
        self.stored: dict[str, int | bytes] = {}
        self.blocking = True

    def listen(self, backlog: int) -> None:
        """Not for datagrams."""
        raise os_error(errno.EOPNOTSUPP)

    def accept(self) -> tuple[End, Address]:
        """Not for datagrams."""
        raise os_error(errno.EOPNOTSUPP)

    def name(self, size: str) -> str:
        """What it sends, in words."""
        return f"UDP datagram of {size}"

    def would_send(self) -> bool:
        """Always."""
        return True

    def send(self, data: bytes, flags: int, address: Address | None, items: list[ancillary.Item]) -> int:
        """Send one datagram. EOPNOTSUPP for MSG_OOB, and for MSG_MORE: datagrams are not put together here."""
        if flags & (MSG_OOB | MSG_MORE):
            raise os_error(errno.EOPNOTSUPP)
        if items:
            self._send_with(items, lambda: self._send(data, address))
        else:
            self._send(data, address)
        return len(data)

    def _send(self, data: bytes, address: Address | None) -> None:
        if address is None:
            self.kernel.send(data)
        else:
            self.kernel.send_to(data, *address)

    def _send_with(self, items: list[ancillary.Item], send: Callable[[], None]) -> None:
        """Send with TTL, type of service or source as the ancillary data has them. EINVAL."""
        kernel = self.kernel
        before = kernel.ttl, kernel.multicast_ttl, kernel.tos, kernel.source
        try:
            for level, kind, data in items:
                if level != socket.IPPROTO_IP:
                    continue  # as Linux does
                if kind == ancillary.IP_TTL and len(data) == 4:
                    kernel.ttl = kernel.multicast_ttl = int.from_bytes(data, "little")
                elif kind == ancillary.IP_TOS and len(data) in (1, 4):
                    kernel.tos = data[0]
                elif kind == ancillary.IP_PKTINFO and len(data) == ancillary.PKTINFO_LENGTH:
                    source = ancillary.parse_packet_info(data)
                    kernel.source = source if any(source) else kernel.source
                else:
                    raise os_error(errno.EINVAL)
            if not 1 <= kernel.ttl <= 255 or (kernel.source != before[3] and not self.stack.is_local(kernel.source)):
                raise os_error(errno.EINVAL)
            send()
        finally:
            kernel.ttl, kernel.multicast_ttl, kernel.tos, kernel.source = before

    def receive(self, size: int, flags: int) -> Message:
        """One datagram, or its first `size` bytes; with MSG_ERRQUEUE one that failed."""
        if flags & MSG_ERRQUEUE:
            return self._receive_error(size)
        kernel = self.kernel
        if kernel.receive_shut and self.blocking and not (kernel.received or kernel.error or flags & MSG_DONTWAIT):
            return Message(b"", 0)  # it would wait for ever
        data, source, port, destination, ttl, tos = kernel.receive_from(flags & MSG_PEEK != 0)
        told = MSG_TRUNC if len(data) > size else 0
        length = len(data) if flags & MSG_TRUNC else min(len(data), size)
        items = self._items(destination, ttl, tos) if self.stored else []
        return Message(data[:size], length, format_address(source, port), told, items)

    def _receive_error(self, size: int) -> Message:
        error = self.kernel.take_queued_error()
        destination, port, data = self.quoted(error)
        told = MSG_ERRQUEUE | (MSG_TRUNC if len(data) > size else 0)
        address = format_address(destination, port)
        return Message(data[:size], min(len(data), size), address, told, [ancillary.error_item(error)])

    def quoted(self, error: IcmpError) -> tuple[bytes, int, bytes]:
        """Where the datagram went that an error quotes, its port there, and what is quoted of its data."""
        return ancillary.quoted_datagram(error)

    def _items(self, destination: bytes, ttl: int, tos: int) -> list[ancillary.Item]:
        """What the program has asked to be told with each datagram."""
        items = []
        if self.stored.get("IP_PKTINFO"):
            index, local = self._arrived_on(destination)
            items.append(ancillary.packet_info(index, local, destination))
        if self.stored.get("IP_RECVTTL"):
            items.append(ancillary.ttl_item(ttl))
        if self.stored.get("IP_RECVTOS"):
            items.append(ancillary.tos_item(tos))
        return items

    def _arrived_on(self, destination: bytes) -> tuple[int, bytes]:
        """The interface that a datagram to `destination` comes in on, counted from 1, and our address there."""
        for interface in self.stack.interfaces:
            own = [address for address, _ in interface.addresses]
            if destination in own:
                return interface.index + 1, destination
            if own and (destination in interface.broadcasts or destination in interface.groups):
                return interface.index + 1, own[0]
        return 0, destination
