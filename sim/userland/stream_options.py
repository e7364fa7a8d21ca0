"""The options of stream sockets: SOL_SOCKET, IPPROTO_IP and IPPROTO_TCP."""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable
from typing import Final

from sim.stack.service import os_error
from sim.stack.tcp import states
from sim.userland.ends import StreamEnd
from sim.userland.option_table import IPPROTO_IP, IPPROTO_TCP, SOL_SOCKET, Table, add_common, always, integer, within

DEFAULT_TTL: Final = 64
DEFAULT_MSS: Final = 536
FIN_TIMEOUT: Final = 60  # s; net.ipv4.tcp_fin_timeout
LONGEST_FIN_TIMEOUT: Final = 120  # s
LONGEST_RTO: Final = 120  # s
LONGEST_NAME: Final = 15  # of a congestion control, in bytes
NAME_LENGTH: Final = 16
ECN_BITS: Final = 3
PMTUDISC_WANT: Final = 1
LARGEST_MTU: Final = 65535  # bytes; what Linux says of the loopback interface, which has one more
LINGER: Final = struct.Struct("=ii")


def _options() -> Table:
    table = Table()
    add_common(table)
    level = SOL_SOCKET
    table.add(level, "SO_KEEPALIVE", 9, lambda end: int(end.kernel.options.keepalive), _set_keepalive)
    table.add(level, "SO_LINGER", 13, _linger, _set_linger)
    _inherited(table, level, "SO_OOBINLINE", 10, "oob_inline", bool)
    table.remembered(level, "SO_BROADCAST", 6)
    _inherited(table, IPPROTO_IP, "IP_TTL", 2, "ttl", _ttl)
    _inherited(table, IPPROTO_IP, "IP_TOS", 1, "tos", lambda value: value & 0xFF & ~ECN_BITS)
    table.add(IPPROTO_IP, "IP_MTU_DISCOVER", 10, always(PMTUDISC_WANT))  # RFC 1191, always
    table.add(IPPROTO_IP, "IP_MTU", 14, _mtu)
    _inherited(table, IPPROTO_IP, "IP_RECVERR", 11, "receive_errors", bool)
    level = IPPROTO_TCP
    table.add(level, "TCP_NODELAY", 1, lambda end: int(end.kernel.options.nodelay), _set_nodelay)
    table.add(level, "TCP_CORK", 3, lambda end: int(end.kernel.options.cork), _set_cork)
    table.add(level, "TCP_MAXSEG", 2, _max_segment, _set_max_segment)
    _inherited(table, level, "TCP_KEEPIDLE", 4, "keepalive_idle", within(1, 32767))
    _inherited(table, level, "TCP_KEEPINTVL", 5, "keepalive_interval", within(1, 32767))
    _inherited(table, level, "TCP_KEEPCNT", 6, "keepalive_count", within(1, 127))
    _inherited(table, level, "TCP_SYNCNT", 7, "syn_count", within(1, 127))
    _inherited(table, level, "TCP_USER_TIMEOUT", 18, "user_timeout", within(0, (1 << 31) - 1))
    table.add(level, "TCP_LINGER2", 8, _fin_timeout, _set_fin_timeout)
    table.add(level, "TCP_DEFER_ACCEPT", 9, _defer_accept, _set_defer_accept)
    table.add(level, "TCP_QUICKACK", 12, _quickack, _set_quickack)
    table.add(level, "TCP_CONGESTION", 13, _congestion, _set_congestion)
    _inherited(table, level, "TCP_NOTSENT_LOWAT", 25, "unsent_mark", int)
    table.add(level, "TCP_INQ", 36, lambda end: int(end.stored.get("TCP_INQ", 0)), _set_inq)
    table.add(level, "TCP_INFO", 11, lambda end: end.kernel.info())
    return table


def _inherited(table: Table, level: int, name: str, number: int, attribute: str, check: Callable[[int], int]) -> None:
    """An option that accepted sockets inherit from their listener, and the connection there is gets at once."""

    def write(end: StreamEnd, content: bytes) -> None:
        setattr(end.kernel.options, attribute, check(integer(content, level)))
        end.kernel.apply_options()

    table.add(level, name, number, lambda end: int(getattr(end.kernel.options, attribute)), write)


# -- SOL_SOCKET


def _set_keepalive(end: StreamEnd, content: bytes) -> None:
    end.kernel.set_keepalive(integer(content) != 0)


def _linger(end: StreamEnd) -> bytes:
    seconds = end.kernel.options.linger
    return LINGER.pack(0, int(end.stored.get("linger", 0))) if seconds < 0 else LINGER.pack(1, seconds)


def _set_linger(end: StreamEnd, content: bytes) -> None:
    if len(content) < LINGER.size:
        raise os_error(errno.EINVAL)
    on, seconds = LINGER.unpack_from(content)
    if on:
        end.stored["linger"] = max(seconds, 0)
    end.kernel.options.linger = max(seconds, 0) if on else -1
    end.kernel.apply_options()


# -- IPPROTO_IP


def _ttl(value: int) -> int:
    return DEFAULT_TTL if value == -1 else within(1, 255)(value)


def _mtu(end: StreamEnd) -> int:
    connection = end.kernel.connection
    if connection is None:
        raise os_error(errno.ENOTCONN)
    return min(end.stack.path_mtu(connection.remote_address), LARGEST_MTU)


# -- IPPROTO_TCP


def _set_nodelay(end: StreamEnd, content: bytes) -> None:
    end.kernel.set_nodelay(integer(content) != 0)


def _set_cork(end: StreamEnd, content: bytes) -> None:
    end.kernel.set_cork(integer(content) != 0)


def _set_inq(end: StreamEnd, content: bytes) -> None:
    end.stored["TCP_INQ"] = within(0, 1)(integer(content))


def _max_segment(end: StreamEnd) -> int:
    connection = end.kernel.connection
    if connection is None or connection.state == states.CLOSED:
        return end.kernel.options.max_segment or DEFAULT_MSS
    return int(connection.mss)


def _set_max_segment(end: StreamEnd, content: bytes) -> None:
    value = integer(content)
    end.kernel.options.max_segment = within(88, 32767)(value) if value else 0
    end.kernel.apply_options()


def _fin_timeout(end: StreamEnd) -> int:
    return end.kernel.options.fin_timeout or -1


def _set_fin_timeout(end: StreamEnd, content: bytes) -> None:
    """0 is the default, less than 0 no wait at all."""
    value = integer(content)
    end.kernel.options.fin_timeout = 0 if value < 0 else min(value, LONGEST_FIN_TIMEOUT) or FIN_TIMEOUT
    end.kernel.apply_options()


def _defer_accept(end: StreamEnd) -> int:
    """The time that so many retransmissions of the SYN,ACK take, each after twice the time, at most two minutes."""
    return sum([min(1 << number, LONGEST_RTO) for number in range(end.kernel.options.defer_count())])


def _set_defer_accept(end: StreamEnd, content: bytes) -> None:
    end.kernel.options.defer_accept = max(integer(content), 0)


def _quickack(end: StreamEnd) -> int:
    connection = end.kernel.connection
    if connection is None:
        return int(end.stored.get("quickack", 1))
    return int(not connection.interactive)


def _set_quickack(end: StreamEnd, content: bytes) -> None:
    on = integer(content) != 0
    end.stored["quickack"] = int(on)
    end.kernel.set_quickack(on)


def _congestion(end: StreamEnd) -> bytes:
    return end.kernel.congestion.encode().ljust(NAME_LENGTH, b"\0")


def _set_congestion(end: StreamEnd, content: bytes) -> None:
    if not content:
        raise os_error(errno.EINVAL)
    name = content[:LONGEST_NAME].split(b"\0", 1)[0]
    end.kernel.set_congestion(name.decode("ascii", "replace"))


TABLE: Final = _options()
