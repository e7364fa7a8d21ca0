"""The stream socket of a host: the calls that a kernel offers, with its errors; what would block raises EAGAIN.

`on_event` is called whenever `poll()` may say something new. Errors are OSError with the errno that Linux gives.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Final

from sim.stack.service import os_error
from sim.stack.tcp import info, states
from sim.stack.tcp.acknowledging import be_quick
from sim.stack.tcp.block import RECEIVE_BUFFER, SEND_BUFFER, User
from sim.stack.tcp.connection import Connection
from sim.stack.tcp.outgoing import send_ack, sync_mss
from sim.stack.tcp.ports import Tenant
from sim.stack.tcp.socket_options import SocketOptions
from sim.stack.tcp.tcp_service import TcpService
from sim.stack.tcp.window import space_of
from sim.wire.addresses import IPV4_ANY, is_multicast_ip

POLLIN: Final = 0x001
POLLPRI: Final = 0x002
POLLOUT: Final = 0x004
POLLERR: Final = 0x008
POLLHUP: Final = 0x010
POLLRDHUP: Final = 0x2000

SHUT_RD: Final = 0
SHUT_WR: Final = 1
SHUT_RDWR: Final = 2

SMALLEST_SEND_BUFFER: Final = 4608  # bytes; Linux's SOCK_MIN_SNDBUF
SMALLEST_RECEIVE_BUFFER: Final = 2304  # bytes; Linux's SOCK_MIN_RCVBUF
LARGEST_BUFFER: Final = 4 << 20  # bytes that may be asked for: net.core.rmem_max and wmem_max
LARGEST_BACKLOG: Final = 4096  # net.core.somaxconn


class TcpSocket(Tenant):
    """A stream socket. It is new, bound, a listener, or has a `connection`."""

    def __init__(self, layer: TcpService) -> None:
        super().__init__()
        self.options = SocketOptions()
        self.on_event: Callable[[], None] | None = None
        self.connection: Connection | None = None
        self.closed: bool = False
        self.backlog: int = 0
        self.accepted: list[TcpSocket] = []  # connections that nobody has accepted yet
        self.embryos: list[Connection] = []  # those whose handshake is not complete
        self._layer = layer
        self._told_connected: bool = False

    # -- naming

    def bind(self, address: bytes, port: int) -> None:
        """Take an address (0.0.0.0: all) and a port (0: an ephemeral one). EINVAL, EADDRNOTAVAIL, EADDRINUSE."""
        self._check_open()
        if self.port or self.connection is not None:
            raise os_error(errno.EINVAL)
        if address != IPV4_ANY and not self._layer.ip.is_local(address):
            raise os_error(errno.EADDRNOTAVAIL)
        self.address = address
        try:
            self._layer.ports.bind(self, port)
        except OSError:
            self.address = IPV4_ANY
            raise

    def local(self) -> tuple[bytes, int]:
        """Our address and port; 0.0.0.0 and 0 as long as there are none."""
        connection = self.connection
        if connection is not None and connection.local_port:
            return connection.local_address, connection.local_port
        return self.address, self.port

    def remote(self) -> tuple[bytes, int]:
        """The peer's address and port. ENOTCONN."""
        connection = self.connection
        if connection is None or not self._is_connected():
            raise os_error(errno.ENOTCONN)
        return connection.remote_address, connection.remote_port

    # -- listening

    def listen(self, backlog: int) -> None:
        """Await connections, at most `backlog` + 1 that are not accepted. EADDRINUSE, EINVAL."""
        self._check_open()
        if self.connection is not None:
            raise os_error(errno.EINVAL)
        self.backlog = LARGEST_BACKLOG if backlog < 0 else min(backlog, LARGEST_BACKLOG)
        if self.listening:
            return
        if not self.port:
            self._layer.ports.bind(self, 0)
        self.listening = True
        try:
            self._layer.ports.check(self)
        except OSError:
            self.listening = False
            raise
        self._layer.ports.on_change()

    def accept(self) -> TcpSocket:
        """The next connection. EAGAIN when there is none, EINVAL when we do not listen."""
        self._check_open()
        if not self.listening:
            raise os_error(errno.EINVAL)
        if not self.accepted:
            raise os_error(errno.EAGAIN)
        return self.accepted.pop(0)

    def is_full(self) -> bool:
        """Whether a SYN has to be ignored: too many connections wait for a handshake or for being accepted."""
        return len(self.accepted) > self.backlog or len(self.embryos) > max(self.backlog, 0)

    def embryo(self) -> Connection:
        """A connection to be, for a SYN that came."""
        connection = self._layer.connection(self.options.congestion)
        self.options.apply(connection)
        connection.sharing = self.sharing()
        connection.user = Embryo(self, connection)
        self.embryos.append(connection)
        return connection

    def hatch(self, connection: Connection) -> None:
        """A handshake is complete: the connection waits to be accepted."""
        self.embryos.remove(connection)
        child = TcpSocket(self._layer)
        child.options = self.options.copy()
        child.reuse_address, child.reuse_port = self.reuse_address, self.reuse_port
        child._adopt(connection)
        child._told_connected = True
        if self.options.keepalive:
            connection.set_keepalive(True)
        self.accepted.append(child)
        self.wake()

    # -- connecting

    def connect(self, address: bytes, port: int) -> None:
        """Open a connection. EINPROGRESS at the start, EALREADY while it lasts, nothing when it is done, then EISCONN;
        a failed attempt's error once; ENETUNREACH, EADDRNOTAVAIL at once.
        """
        self._check_open()
        if self.listening:
            raise os_error(errno.EISCONN)
        connection = self.connection
        if connection is not None:
            self._report_attempt(connection)
            if self.connection is not None:
                return
        self._begin_connect(address, port)
        raise os_error(errno.EINPROGRESS)

    def _report_attempt(self, connection: Connection) -> None:
        """What has become of the connection that was asked for."""
        if connection.state in (states.SYN_SENT, states.SYN_RECEIVED):
            raise os_error(errno.EALREADY)
        if connection.state == states.CLOSED:
            number = connection.error
            connection.error = 0
            if self._told_connected or number:
                self._told_connected = False
                self.connection = None
            if number:
                raise os_error(number)
            self.connection = None
            return
        if self._told_connected:
            raise os_error(errno.EISCONN)
        self._told_connected = True

    def _begin_connect(self, address: bytes, port: int) -> None:
        layer = self._layer
        ip = layer.ip
        if address == IPV4_ANY:
            address = b"\x7f\0\0\1"
        if is_multicast_ip(address) or ip.is_broadcast(address):
            raise os_error(errno.ENETUNREACH)
        source = ip.source_for(address)
        if self.address != IPV4_ANY:
            source = self.address
        bound_here = not self.port
        if bound_here:
            try:
                layer.ports.bind(self, 0)
            except OSError:
                raise os_error(errno.EADDRNOTAVAIL) from None
        connection = layer.connection(self.options.congestion)
        self.options.apply(connection)
        connection.sharing = self.sharing()
        connection.name_ends(source, self.port, address, port)
        try:
            iss = layer.take_over(connection, not bound_here)
            layer.register(connection)
        except OSError:
            if bound_here:
                layer.ports.release(self)
                self.port = 0
            raise
        self._adopt(connection)
        connection.open_active(iss, layer.timestamp_offset(connection))

    def _adopt(self, connection: Connection) -> None:
        self.connection = connection
        self.address, self.port = connection.local_address, connection.local_port
        connection.user = SocketUser(self)

    # -- data

    def send(self, data: bytes, more: bool = False) -> int:
        """Give bytes to send; how many were taken. EAGAIN, EPIPE, and what ended the connection."""
        self._check_open()
        connection = self.connection
        if connection is None:
            raise os_error(errno.EPIPE)
        if connection.error:
            self._raise_error(connection)
        if connection.fin_wanted or connection.state in (states.CLOSED, states.TIME_WAIT):
            raise os_error(errno.EPIPE)
        if connection.state in (states.SYN_SENT, states.SYN_RECEIVED):
            raise os_error(errno.EAGAIN)
        if not data:
            return 0
        taken = connection.write(data, more)
        if not taken:
            raise os_error(errno.EAGAIN)
        return taken

    def receive(self, size: int, peek: bool = False) -> bytes:
        """Up to `size` bytes; none at the end of the stream. EAGAIN, ENOTCONN, and what ended the connection."""
        self._check_open()
        connection = self.connection
        if connection is None:
            raise os_error(errno.ENOTCONN)
        if connection.inbox.ready.size and connection.state != states.SYN_SENT:
            data = connection.read(size, peek)
            if data or size == 0:
                return data  # else there was nothing but the urgent byte
        if connection.fin_received:
            return b""
        if connection.error:
            self._raise_error(connection)
        if connection.receive_shut or connection.state in (states.CLOSED, states.TIME_WAIT):
            return b""
        raise os_error(errno.EAGAIN)

    def send_urgent(self, data: bytes) -> int:
        """Send bytes of which the last is urgent (MSG_OOB); how many were taken. Errors as `send`."""
        self.send(b"")
        assert self.connection is not None
        taken = self.connection.write_urgent(data)
        if data and not taken:
            raise os_error(errno.EAGAIN)
        return taken

    def receive_urgent(self) -> bytes:
        """The urgent byte, out of turn (MSG_OOB). EINVAL when there is none, EAGAIN while it is on its way."""
        self._check_open()
        connection = self.connection
        if connection is None:
            raise os_error(errno.ENOTCONN)
        byte = connection.read_urgent()
        if byte < 0:
            raise os_error(errno.EINVAL if byte == -2 else errno.EAGAIN)
        return bytes((byte,))

    def _raise_error(self, connection: Connection) -> None:
        number = connection.error
        connection.error = 0
        raise os_error(number)

    # -- the end

    def shutdown(self, how: int) -> None:
        """Send no more (1), receive no more (0), or neither (2). ENOTCONN, EINVAL."""
        self._check_open()
        if how not in (SHUT_RD, SHUT_WR, SHUT_RDWR):
            raise os_error(errno.EINVAL)
        if self.listening and how != SHUT_WR:
            self._stop_listening()
            return
        connection = self.connection
        if connection is not None and connection.state == states.SYN_SENT and how != SHUT_RD:
            connection.vanish()
            return
        if connection is None or not self._is_connected():
            raise os_error(errno.ENOTCONN)
        if how != SHUT_WR:
            connection.receive_shut = True
        if how != SHUT_RD:
            connection.shutdown_write()
        self.wake()

    def close(self) -> None:
        """Let go of it: what was written is still sent."""
        if self.closed:
            return
        self.closed = True
        self.on_event = None
        if self.listening:
            self._stop_listening()
        elif self.connection is not None:
            self.connection.user = User()
            self.connection.close()
        if self.port:
            self._layer.ports.release(self)

    def abort(self) -> None:
        """Let go of it at once; the peer gets a RST."""
        if self.connection is not None and not self.closed:
            self.connection.linger = 0
        self.close()

    def _stop_listening(self) -> None:
        """Connections that nobody accepted are aborted, handshakes forgotten."""
        self.listening = False
        for child in self.accepted:
            child.abort()
        self.accepted.clear()
        for connection in list(self.embryos):
            connection.user = User()
            connection.vanish()
        self.embryos.clear()

    # -- readiness

    def poll(self) -> int:
        """What is possible without waiting, in the bits of poll(2)."""
        if self.listening:
            return POLLIN if self.accepted else 0
        connection = self.connection
        if connection is None:
            return POLLOUT | POLLHUP
        state = connection.state
        over = state in (states.CLOSED, states.TIME_WAIT)
        ended = connection.fin_received or connection.receive_shut or over
        ready = POLLERR if connection.error else 0
        if over or (ended and connection.fin_wanted):
            ready |= POLLHUP
        if ended:
            ready |= POLLIN | POLLRDHUP
        if state in (states.SYN_SENT, states.SYN_RECEIVED):
            return ready
        if connection.has_text():
            ready |= POLLIN
        if over or connection.fin_wanted or connection.is_writable():
            ready |= POLLOUT
        else:
            connection.send_blocked = True  # whoever asks is told when there is room
        if connection.urgent_byte >= 0:
            ready |= POLLPRI
        return ready

    def wake(self) -> None:
        """Something has changed."""
        if self.on_event is not None:
            self.on_event()

    def take_error(self) -> int:
        """SO_ERROR: the errno of the error that is pending, which it is no longer then."""
        connection = self.connection
        if connection is None:
            return 0
        number = connection.error or connection.soft_error
        connection.error = connection.soft_error = 0
        return number

    @property
    def error(self) -> int:
        """The errno of the pending error, 0 for none."""
        return 0 if self.connection is None else self.connection.error

    def info(self) -> bytes:
        """TCP_INFO: Linux's struct tcp_info."""
        return info.pack(self.connection or self._layer.connection(self.options.congestion), self.listening)

    def state_name(self) -> str:
        """The state's name in RFC 9293."""
        if self.listening:
            return states.NAMES[states.LISTEN]
        return states.NAMES[states.CLOSED if self.connection is None else self.connection.state]

    def _is_connected(self) -> bool:
        connection = self.connection
        if connection is None:
            return False
        return states.is_synchronised(connection.state) and connection.state != states.TIME_WAIT

    def _check_open(self) -> None:
        if self.closed:
            raise os_error(errno.EBADF)

    # -- options that need more than being remembered

    def apply_options(self) -> None:
        """Let changed options hold for the connection that is there."""
        connection = self.connection
        if connection is None:
            return
        had = connection.user_mss
        self.options.apply(connection)
        if connection.user_mss != had:
            sync_mss(connection)

    def set_nodelay(self, on: bool) -> None:
        """TCP_NODELAY: small segments need not wait for the ACK of others."""
        self.options.nodelay = on
        if self.connection is not None:
            self.connection.nodelay = on
            if on:
                self.connection.flush()

    def set_cork(self, on: bool) -> None:
        """TCP_CORK: only full segments leave, until it is off again."""
        self.options.cork = on
        if self.connection is not None:
            self.connection.cork = on
            if not on:
                self.connection.flush()

    def set_keepalive(self, on: bool) -> None:
        """SO_KEEPALIVE: probe a peer that is silent."""
        self.options.keepalive = on
        if self.connection is not None:
            self.options.apply(self.connection)
            self.connection.set_keepalive(on)

    def set_congestion(self, name: str) -> None:
        """TCP_CONGESTION: how much may be in flight. ENOENT for a name that is not known."""
        self._layer.check_congestion(name)
        self.options.congestion = name
        connection = self.connection
        if connection is not None and connection.control.name != name:
            other = self._layer.connection(name).control
            other.flow = connection.flow
            connection.flow.pacing_rate = 0
            connection.control = other

    @property
    def congestion(self) -> str:
        """The name of the congestion control."""
        if self.connection is not None:
            return self.connection.control.name
        return self.options.congestion or self._layer.settings.congestion

    def set_send_buffer(self, size: int) -> None:
        """SO_SNDBUF: twice `size` bytes, as in Linux; the buffer grows by itself no longer."""
        self.options.send_buffer = max(2 * min(size, LARGEST_BUFFER), SMALLEST_SEND_BUFFER)
        self.apply_options()

    def set_receive_buffer(self, size: int) -> None:
        """SO_RCVBUF: twice `size` bytes, as in Linux; the buffer grows by itself no longer."""
        self.options.receive_buffer = max(2 * min(size, LARGEST_BUFFER), SMALLEST_RECEIVE_BUFFER)
        self.apply_options()
        if self.connection is not None:
            self.connection.window_clamp = space_of(self.connection, self.options.receive_buffer)

    @property
    def send_buffer(self) -> int:
        """SO_SNDBUF in bytes."""
        if self.connection is not None:
            return self.connection.send_buffer
        return self.options.send_buffer or SEND_BUFFER

    @property
    def receive_buffer(self) -> int:
        """SO_RCVBUF in bytes."""
        if self.connection is not None:
            return self.connection.receive_buffer
        return self.options.receive_buffer or RECEIVE_BUFFER

    def set_quickack(self, on: bool) -> None:
        """TCP_QUICKACK: acknowledge at once for now, or leave it to the usual rules."""
        connection = self.connection
        if connection is None or not self._is_connected():
            return
        if on:
            be_quick(connection)
            if connection.ack_wanted:
                send_ack(connection)
        else:
            connection.interactive = True


class SocketUser(User):
    """The way from a connection to its socket."""

    def __init__(self, socket: TcpSocket) -> None:
        self._socket = socket

    def wake(self) -> None:
        self._socket.wake()


class Embryo(User):
    """A connection whose handshake goes on belongs to its listener."""

    def __init__(self, listener: TcpSocket, connection: Connection) -> None:
        self._listener = listener
        self._connection = connection

    def may_establish(self, data: bool) -> bool:
        listener = self._listener
        if not data and self._connection.retransmits < listener.options.defer_count():
            return False
        return len(listener.accepted) <= listener.backlog

    def established(self) -> None:
        self._listener.hatch(self._connection)

    def closed(self) -> None:
        if self._connection in self._listener.embryos:
            self._listener.embryos.remove(self._connection)
