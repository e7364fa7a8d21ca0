"""How much lies in the queues of a stream socket: what Linux's ioctls SIOCINQ, SIOCOUTQ and SIOCOUTQNSD tell."""

from __future__ import annotations

import errno

from sim.stack.service import os_error
from sim.stack.tcp import states
from sim.stack.tcp.connection import Connection
from sim.stack.tcp.sockets import TcpSocket


def unread(socket: TcpSocket) -> int:
    """Bytes that may be read, up to the urgent byte if there is one among them. EINVAL for a listener."""
    connection = _connection(socket)
    if connection is None:
        return 0
    distance: int = connection.urgent_at - connection.read_up_to
    ready = connection.inbox.ready.size
    return distance if connection.urgent_at >= 0 and not connection.oob_inline and 0 <= distance < ready else ready


def unacknowledged(socket: TcpSocket) -> int:
    """Bytes that were written and are not acknowledged. EINVAL for a listener."""
    connection = _connection(socket)
    if connection is None:
        return 0
    octets: int = connection.write_end() - connection.snd_una + (1 if connection.fin_wanted else 0)
    return max(octets, 0)


def not_sent(socket: TcpSocket) -> int:
    """Bytes that were written and have not left yet. EINVAL for a listener."""
    connection = _connection(socket)
    if connection is None:
        return 0
    return connection.unsent.size + (1 if connection.fin_wanted and not connection.fin_sent else 0)


def is_at_mark(socket: TcpSocket) -> bool:
    """Whether the next byte to be read is the urgent one."""
    connection = socket.connection
    return connection is not None and connection.urgent_at >= 0 and connection.urgent_at == connection.read_up_to


def hint(socket: TcpSocket) -> int:
    """TCP_INQ: bytes left to be read; 1 at the end of the stream, for there is an end to be read."""
    connection = socket.connection
    if connection is None:
        return 0
    left = connection.inbox.ready.size
    return left or (1 if connection.fin_received else 0)


def _connection(socket: TcpSocket) -> Connection | None:
    """The connection, once its handshake is done."""
    if socket.listening:
        raise os_error(errno.EINVAL)
    connection = socket.connection
    if connection is None or connection.state in (states.SYN_SENT, states.SYN_RECEIVED):
        return None
    return connection
