"""The options of datagram sockets: SOL_SOCKET and IPPROTO_IP, the groups they join among them; and of raw sockets."""

from __future__ import annotations

import errno
import struct
from typing import Final

from sim.stack.interfaces import Interface
from sim.stack.ip import IpStack
from sim.stack.service import os_error
from sim.userland.addresses import ANY
from sim.userland.ends import DatagramEnd
from sim.userland.option_table import IPPROTO_IP, IPPROTO_UDP, SOL_SOCKET, Table, add_common, always, integer, within
from sim.userland.packet_ends import IPPROTO_ICMP, RawEnd

DEFAULT_TTL: Final = 64
DEFAULT_MULTICAST_TTL: Final = 1
LOOPBACK: Final = 127
ADDRESS_LENGTH: Final = 4
REQUEST_LENGTH: Final = 8  # struct ip_mreq: group, address of the interface
LONG_REQUEST: Final = struct.Struct("=4s4si")  # struct ip_mreqn: the interface's number too
LARGEST_MTU: Final = 65535  # bytes; what Linux says of the loopback interface, which has one more
PMTUDISC_OMIT: Final = 5
SOL_RAW: Final = 255
FILTER_LENGTH: Final = 4  # bytes; struct icmp_filter


def _options() -> Table:
    table = Table()
    add_common(table)
    table.attribute(SOL_SOCKET, "SO_BROADCAST", 6, "broadcast", bool)
    table.remembered(SOL_SOCKET, "SO_KEEPALIVE", 9)
    table.remembered(SOL_SOCKET, "SO_OOBINLINE", 10)
    table.remembered(SOL_SOCKET, "SO_LINGER", 13, bytes(8))
    level = IPPROTO_IP
    table.attribute(level, "IP_TTL", 2, "ttl", _ttl)
    table.attribute(level, "IP_TOS", 1, "tos", lambda value: value & 0xFF)
    table.attribute(level, "IP_MTU_DISCOVER", 10, "path_mtu_discovery", within(0, PMTUDISC_OMIT))
    table.add(level, "IP_RECVERR", 11, lambda end: int(end.kernel.receive_errors), _set_receive_errors)
    table.add(level, "IP_MTU", 14, _mtu)
    for name, number in (("IP_PKTINFO", 8), ("IP_RECVTTL", 12), ("IP_RECVTOS", 13)):
        table.remembered(level, name, number)
    table.attribute(level, "IP_MULTICAST_TTL", 33, "multicast_ttl", _multicast_ttl)
    table.attribute(level, "IP_MULTICAST_LOOP", 34, "multicast_loop", bool)
    table.attribute(level, "IP_MULTICAST_ALL", 49, "multicast_all", _flag)
    table.add(level, "IP_MULTICAST_IF", 32, lambda end: bytes(end.kernel.multicast_source), _set_multicast_interface)
    table.add(level, "IP_ADD_MEMBERSHIP", 35, None, _join)
    table.add(level, "IP_DROP_MEMBERSHIP", 36, None, _leave)
    return table


def _udp_options() -> Table:
    table = _options()
    table.levels.add(IPPROTO_UDP)  # it is there, though it has no option that is
    return table


def _ping_options() -> Table:
    table = _options()
    table.add(IPPROTO_IP, "IP_HDRINCL", 3, always(0))
    return table


def _raw_options() -> Table:
    table = _options()
    table.attribute(IPPROTO_IP, "IP_HDRINCL", 3, "header_included", bool)
    table.add(SOL_RAW, "ICMP_FILTER", 1, _icmp_filter, _set_icmp_filter)
    return table


def _icmp_filter(end: RawEnd) -> bytes:
    if end.protocol != IPPROTO_ICMP:
        raise os_error(errno.EOPNOTSUPP)
    return end.raw.icmp_filter.to_bytes(FILTER_LENGTH, "little")


def _set_icmp_filter(end: RawEnd, content: bytes) -> None:
    _icmp_filter(end)  # or there is none
    end.raw.icmp_filter = int.from_bytes(content[:FILTER_LENGTH].ljust(FILTER_LENGTH, b"\0"), "little")


def _ttl(value: int) -> int:
    return DEFAULT_TTL if value == -1 else within(1, 255)(value)


def _multicast_ttl(value: int) -> int:
    return DEFAULT_MULTICAST_TTL if value == -1 else within(0, 255)(value)


def _flag(value: int) -> int:
    return bool(within(0, 1)(value))


def _set_receive_errors(end: DatagramEnd, content: bytes) -> None:
    end.kernel.receive_errors = integer(content, IPPROTO_IP) != 0
    if not end.kernel.receive_errors:
        end.kernel.errors.clear()


def _mtu(end: DatagramEnd) -> int:
    return min(end.stack.path_mtu(end.kernel.remote()[0]), LARGEST_MTU)


# -- groups


def _join(end: DatagramEnd, content: bytes) -> None:
    group, interface, asked = _request(end.stack, content)
    if asked and interface is None:
        raise os_error(errno.ENODEV)
    end.kernel.join(group, interface)


def _leave(end: DatagramEnd, content: bytes) -> None:
    group, interface, asked = _request(end.stack, content)
    if asked and interface is None:
        raise os_error(errno.EADDRNOTAVAIL)
    end.kernel.leave(group, interface)


def _set_multicast_interface(end: DatagramEnd, content: bytes) -> None:
    if len(content) < ADDRESS_LENGTH:
        raise os_error(errno.EINVAL)
    request = content if len(content) >= REQUEST_LENGTH else ANY + content[:ADDRESS_LENGTH]
    _, interface, asked = _request(end.stack, request)
    if asked and interface is None:
        raise os_error(errno.EADDRNOTAVAIL)
    end.kernel.multicast_interface = interface
    end.kernel.multicast_source = request[4:8]


def _request(stack: IpStack, content: bytes) -> tuple[bytes, Interface | None, bool]:
    """The group of a request, the interface it names, and whether it names one at all. Raises OSError EINVAL."""
    if len(content) < REQUEST_LENGTH:
        raise os_error(errno.EINVAL)
    group, address, number = LONG_REQUEST.unpack(content[: LONG_REQUEST.size].ljust(LONG_REQUEST.size, b"\0"))
    if number:
        known = 1 <= number <= len(stack.interfaces)
        return group, stack.interfaces[number - 1] if known else None, True
    if address == ANY:
        return group, None, False
    return group, _interface_with(stack, address), True


def _interface_with(stack: IpStack, address: bytes) -> Interface | None:
    if address[0] == LOOPBACK:
        return stack.loopback or stack.add_loopback()
    for interface in stack.interfaces:
        if any(own == address for own, _ in interface.addresses):
            return interface
    return None


TABLE: Final = _udp_options()
PING_TABLE: Final = _ping_options()
RAW_TABLE: Final = _raw_options()
