"""The IP service that transports are written over: what ICMP and UDP may ask of the layer below them."""

from __future__ import annotations

import os

from mypy_extensions import mypyc_attr

from sim.stack.core import Core
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
class IpService:
    """Sending packets, and knowing which addresses are ours."""

    core: Core

    def send(self, packet: ipv4.Packet) -> None:
        """Route and send a packet of our own.

        Raises OSError: ENETUNREACH without a route, EMSGSIZE when it is too long and may not be fragmented, EINVAL for
        a loopback source that would leave the host.
        """
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

    def next_identification(self) -> int:
        """A value for the identification field of a packet that may be fragmented."""
        raise NotImplementedError
