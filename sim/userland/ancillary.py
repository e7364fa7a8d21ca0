"""Ancillary data of datagrams (RFC 3542 names the idea): what `recvmsg` tells beside the data, in Linux's layout."""

from __future__ import annotations

import socket
import struct
from typing import Final

from sim.stack.service import IcmpError
from sim.stack.unreachable import errno_of

IP_TOS: Final = 1
IP_TTL: Final = 2
IP_PKTINFO: Final = 8
IP_RECVERR: Final = 11
TCP_CM_INQ: Final = 36
ORIGIN_ICMP: Final = 2
UDP_HEADER: Final = 8
CMSG_HEADER: Final = 16

_PKTINFO: Final = struct.Struct("=i4s4s")  # struct in_pktinfo
PKTINFO_LENGTH: Final = _PKTINFO.size
_EXTENDED_ERROR: Final = struct.Struct("=IBBBBII")  # struct sock_extended_err
_SOCKADDR: Final = struct.Struct("=HH4s8s")  # struct sockaddr_in

Item = tuple[int, int, bytes]
"""Level, type, data."""


def packet_info(index: int, local: bytes, destination: bytes) -> Item:
    """IP_PKTINFO: the number of the interface it came in on, our address there, and the address it was sent to."""
    return socket.IPPROTO_IP, IP_PKTINFO, _PKTINFO.pack(index, local, destination)


def parse_packet_info(data: bytes) -> bytes:
    """The source address that a sender asks for with IP_PKTINFO. Raises ValueError."""
    if len(data) < _PKTINFO.size:
        raise ValueError("struct in_pktinfo has 12 bytes")
    return bytes(_PKTINFO.unpack_from(data)[1])


def inq_item(left: int) -> Item:
    """TCP_CM_INQ: the bytes that are left to be read of a stream."""
    return socket.IPPROTO_TCP, TCP_CM_INQ, struct.pack("=i", left)


def ttl_item(ttl: int) -> Item:
    """IP_RECVTTL: the TTL it came with."""
    return socket.IPPROTO_IP, IP_TTL, struct.pack("=i", ttl)


def tos_item(tos: int) -> Item:
    """IP_RECVTOS: its type of service."""
    return socket.IPPROTO_IP, IP_TOS, bytes((tos,))


def error_item(error: IcmpError) -> Item:
    """IP_RECVERR: what a router or the destination says of a datagram of ours, and who says it."""
    extended = _EXTENDED_ERROR.pack(errno_of(error), ORIGIN_ICMP, error.kind, error.code, 0, error.rest & 0xFFFF, 0)
    return socket.IPPROTO_IP, IP_RECVERR, extended + _SOCKADDR.pack(2, 0, error.reporter, bytes(8))


def quoted_datagram(error: IcmpError) -> tuple[bytes, int, bytes]:
    """Where the datagram went that an error quotes, its port there, and what is quoted of its data."""
    payload = error.quoted.payload
    return error.quoted.destination, int.from_bytes(payload[2:4], "big"), payload[UDP_HEADER:]


def fit(items: list[Item], room: int) -> tuple[list[Item], bool]:
    """The items that a buffer of `room` bytes holds, and whether any were left out (MSG_CTRUNC)."""
    kept: list[Item] = []
    for item in items:
        room -= CMSG_HEADER + (len(item[2]) + 7 & ~7)  # CMSG_SPACE of a 64-bit Linux
        if room < 0:
            return kept, True
        kept.append(item)
    return kept, False
