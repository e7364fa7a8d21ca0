"""What a program has set on its stream socket."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from sim.stack.tcp.connection import Connection

SECOND: Final = 1_000_000_000
MILLISECOND: Final = 1_000_000


class SocketOptions:
    """What a program has set; accepted connections inherit it from their listener."""

    def __init__(self) -> None:
        self.nodelay: bool = False
        self.cork: bool = False
        self.keepalive: bool = False
        self.keepalive_idle: int = 7200  # s
        self.keepalive_interval: int = 75  # s
        self.keepalive_count: int = 9
        self.linger: int = -1  # s; -1: off
        self.user_timeout: int = 0  # ms; 0: none
        self.syn_count: int = 6
        self.fin_timeout: int = 60  # s
        self.defer_accept: int = 0  # s that an accepted connection may wait for its first data
        self.ttl: int = 64
        self.tos: int = 0
        self.receive_errors: bool = False  # IP_RECVERR
        self.max_segment: int = 0  # bytes; 0: by the MTU
        self.oob_inline: bool = False
        self.congestion: str = ""
        self.unsent_mark: int = 0  # bytes (TCP_NOTSENT_LOWAT); 0 or less: no limit
        self.send_buffer: int = 0  # bytes; 0: grows by itself
        self.receive_buffer: int = 0

    def copy(self) -> SocketOptions:
        """The same for another socket."""
        other = SocketOptions()
        other.nodelay, other.cork, other.oob_inline = self.nodelay, self.cork, self.oob_inline
        other.keepalive, other.keepalive_idle = self.keepalive, self.keepalive_idle
        other.keepalive_interval, other.keepalive_count = self.keepalive_interval, self.keepalive_count
        other.linger, other.user_timeout = self.linger, self.user_timeout
        other.syn_count, other.fin_timeout = self.syn_count, self.fin_timeout
        other.defer_accept = self.defer_accept
        other.ttl, other.tos, other.max_segment = self.ttl, self.tos, self.max_segment
        other.congestion, other.receive_errors = self.congestion, self.receive_errors
        other.unsent_mark = self.unsent_mark
        other.send_buffer, other.receive_buffer = self.send_buffer, self.receive_buffer
        return other

    def defer_count(self) -> int:
        """TCP_DEFER_ACCEPT in retransmissions of the SYN,ACK: 1 for up to 1 s, 2 for up to 3 s, and so on."""
        count = 0
        while (1 << count) - 1 < self.defer_accept:
            count += 1
        return count

    def apply(self, connection: Connection) -> None:
        """Let them hold for a connection."""
        connection.nodelay = self.nodelay
        connection.cork = self.cork
        connection.keepalive_idle = i64(self.keepalive_idle) * SECOND
        connection.keepalive_interval = i64(self.keepalive_interval) * SECOND
        connection.keepalive_count = self.keepalive_count
        connection.linger = self.linger
        connection.user_timeout = i64(self.user_timeout) * MILLISECOND
        connection.syn_count = self.syn_count
        connection.fin_timeout = i64(self.fin_timeout) * SECOND
        connection.ttl = self.ttl
        connection.tos = self.tos & ~3
        connection.user_mss = self.max_segment
        connection.oob_inline = self.oob_inline
        connection.receive_errors = self.receive_errors
        connection.unsent_mark = self.unsent_mark
        if self.send_buffer:
            connection.send_buffer = self.send_buffer
            connection.send_buffer_locked = True
        if self.receive_buffer:
            connection.receive_buffer = self.receive_buffer
            connection.receive_buffer_locked = True
