"""The IP service that transports are written over: what ICMP and UDP may ask of the layer below them."""

from __future__ import annotations

import os

from mypy_extensions import mypyc_attr

from sim.stack.core import Core
from sim.stack.interfaces import Interface
from sim.wire import ipv4


def os_error(number: int) -> OSError:
    """The exception that a system call failing with `number` raises in Python."""
    return OSError(number, os.strerror(number))


class IcmpError:
    """An ICMP error that came back for a packet of ours: who sent it, what it says, and the packet it quotes."""

    def __init__(self, reporter: bytes, kind: int, code: int, rest: int, quoted: ipv4.Packet) -> None:
        self.reporter = reporter
        self.kind = kind
        self.code = code
        self.rest = rest
        self.quoted = quoted


@mypyc_attr(allow_interpreted_subclasses=True)
class Protocol:
    """A protocol above IP that is not part of the stack: `stack.protocols[number]`."""

    def receive(self, packet: ipv4.Packet) -> None:
        """Handle a whole packet to us."""
        raise NotImplementedError

    def handle_error(self, error: IcmpError) -> None:
        """An ICMP error quotes a packet of this protocol of ours."""


@mypyc_attr(allow_interpreted_subclasses=True)
class IpService:
    """Sending packets, knowing which addresses are ours, and hearing what went wrong."""

    core: Core

    def send(self, packet: ipv4.Packet) -> None:
        """Route and send a packet of our own.

        Raises OSError: ENETUNREACH without a route, EMSGSIZE when it is too long and may not be fragmented, EINVAL for
        a loopback source that would leave the host.
        """
        raise NotImplementedError

    def send_to_many(self, packet: ipv4.Packet, interface: Interface | None = None, loop: bool = True) -> None:
        """Send a packet to a group or to everybody, on `interface` (None: where the route leads).

        With `loop` the sockets of this host that listen to it hear it too. Raises OSError: ENETUNREACH, EMSGSIZE.
        """
        raise NotImplementedError

    def send_as_is(self, packet: bytes, destination: bytes, interface: Interface | None = None) -> None:
        """Send a packet with the header that it has towards `destination`, whatever it says itself.

        `interface` is for those to many (None: where the route leads). Raises OSError: ENETUNREACH, EMSGSIZE.
        """
        raise NotImplementedError

    def is_overheard(self, protocol: int) -> bool:
        """Whether there is a raw socket for a protocol."""
        raise NotImplementedError

    def overhear(self, packet: ipv4.Packet) -> bool:
        """Give raw sockets what this host tells itself without a packet; whether there is one that wants it."""
        raise NotImplementedError

    def interface_to_many(self, destination: bytes) -> Interface:
        """Where a broadcast or a multicast leaves. Raises OSError ENETUNREACH."""
        raise NotImplementedError

    def source_for(self, destination: bytes) -> bytes:
        """The address that a packet to `destination` leaves from. Raises OSError ENETUNREACH."""
        raise NotImplementedError

    def is_local(self, address: bytes) -> bool:
        """Whether `address` is one of ours."""
        raise NotImplementedError

    def is_broadcast(self, address: bytes) -> bool:
        """Whether `address` is the limited broadcast address or that of a subnet of ours."""
        raise NotImplementedError

    def handle_error(self, error: IcmpError) -> None:
        """Pass an ICMP error on to the protocol whose packet it quotes."""
        raise NotImplementedError

    def neighbour_failed(self, packet: bytes) -> None:
        """Nobody answered the ARP request for a packet's next hop; `core.cause` is the packet's own."""
        raise NotImplementedError

    def interface_mtu(self, destination: bytes) -> int:
        """Bytes of the largest packet that may leave towards `destination`. Raises OSError ENETUNREACH."""
        raise NotImplementedError

    def path_mtu(self, destination: bytes) -> int:
        """Bytes of the largest packet that is known to arrive at `destination` whole (RFC 1191)."""
        raise NotImplementedError

    def learn_mtu(self, destination: bytes, mtu: int) -> int:
        """A router says that larger packets do not pass; the MTU (bytes) that holds now."""
        raise NotImplementedError

    def forget_paths(self) -> None:
        """A neighbour is gone: whoever kept it has to look it up again."""
        raise NotImplementedError

    def next_identification(self) -> int:
        """A value for the identification field of a packet that may be fragmented."""
        raise NotImplementedError
