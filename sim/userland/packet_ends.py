"""What a raw socket and a ping socket of a program stand on: ends as those of UDP, without ports."""

from __future__ import annotations

import errno
import socket
from typing import Final

from sim.stack.ip import IpStack
from sim.stack.pings import PingSocket
from sim.stack.raw import RawSocket
from sim.stack.service import IcmpError, os_error
from sim.userland.ends import MSG_OOB, DatagramEnd, Message

IPPROTO_ICMP: Final = 1
SOCK_RAW: Final = 3


class PacketEnd(DatagramEnd):
    """A socket whose port means something else, so that nobody is shown it."""

    has_ports = False

    def receive(self, size: int, flags: int) -> Message:
        """As of a UDP socket; EOPNOTSUPP for MSG_OOB."""
        if flags & MSG_OOB:
            raise os_error(errno.EOPNOTSUPP)
        return super().receive(size, flags)

    def quoted(self, error: IcmpError) -> tuple[bytes, int, bytes]:
        """Where a packet went that an error quotes, and what is quoted of it behind its IP header."""
        return error.quoted.destination, 0, error.quoted.payload


class RawEnd(PacketEnd):
    """A raw socket."""

    kind = SOCK_RAW

    def __init__(self, stack: IpStack, protocol: int) -> None:
        super().__init__(stack, stack.raw.socket(protocol))
        self.protocol = protocol

    @property
    def raw(self) -> RawSocket:
        """The socket of the stack."""
        kernel = self.kernel
        assert isinstance(kernel, RawSocket)
        return kernel

    def name(self, size: str) -> str:
        """What is sent, in words."""
        return f"raw packet of {size}, protocol {self.protocol},"


class PingEnd(PacketEnd):
    """A ping socket."""

    kind = int(socket.SOCK_DGRAM)
    protocol = IPPROTO_ICMP

    def __init__(self, stack: IpStack) -> None:
        kernel: PingSocket = stack.pings.socket()
        super().__init__(stack, kernel)

    def name(self, size: str) -> str:
        """What is sent, in words."""
        return f"ICMP message of {size}"
