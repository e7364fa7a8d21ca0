"""A program at one end of a connection: it writes, reads and ends as it was told."""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.lab.nodes import LabHost
from sim.stack.tcp.sockets import SHUT_WR, TcpSocket
from sim.units import MILLISECOND

TABLE = bytes((n * 131 + (n >> 8) * 7 + 3) & 0xFF for n in range(1 << 16))


def stream(length: int, salt: int) -> bytes:
    """Bytes in which no part looks like another."""
    return (TABLE[salt:] + TABLE * (length // len(TABLE) + 1))[:length]


@dataclass
class Plan:
    """What a program does. Sizes in bytes, times in ms; `end`: how it finishes, "graceful" once all is done, "close"
    or "abort" at `end_at` whatever there is to do, or "half": it writes, shuts down and reads on.
    """

    total: int = 0
    chunk: int = 1000
    read_size: int = 65536
    read_from: int = 0
    read_every: int = 0  # 0: as soon as there is something
    send_buffer: int = 0
    receive_buffer: int = 0
    nodelay: bool = False
    cork: bool = False
    end: str = "graceful"
    end_at: int = 0
    salt: int = field(default=0)


class Program:
    """Runs a plan on a socket that is connecting or connected."""

    def __init__(self, host: LabHost, plan: Plan) -> None:
        self.host = host
        self.plan = plan
        self.data = stream(plan.total, plan.salt)
        self.written = 0
        self.received = bytearray()
        self.at_end = False
        self.error: OSError | None = None
        self.over = False
        self.socket: TcpSocket | None = None
        self._shut = False
        self._busy = False
        self._reading = plan.read_from == 0 and plan.read_every == 0

    def prepare(self, one: TcpSocket) -> None:
        """Set the plan's options on a socket, before it connects or listens."""
        if self.plan.send_buffer:
            one.set_send_buffer(self.plan.send_buffer)
        if self.plan.receive_buffer:
            one.set_receive_buffer(self.plan.receive_buffer)
        one.set_nodelay(self.plan.nodelay)
        one.set_cork(self.plan.cork)

    def start(self, one: TcpSocket) -> None:
        """The socket is there."""
        self.socket = one
        one.on_event = self._go_on
        engine = self.host.engine
        if self.plan.end in ("close", "abort"):
            engine.after(self.plan.end_at * MILLISECOND, self._finish_now)
        if self.plan.read_from:
            engine.after(self.plan.read_from * MILLISECOND, self._begin_reading)
        elif self.plan.read_every:
            self._read_now_and_then()
        self._go_on()

    # -- events

    def _go_on(self) -> None:
        one = self.socket
        if one is None or self.over or self._busy or one.state_name() == "SYN-SENT":
            return
        self._busy = True  # what we do may be an event itself
        try:
            self._write(one)
            if self._reading:
                self._read(one, 1 << 30)
        except BlockingIOError:
            pass
        except OSError as error:
            self._fail(error)
        finally:
            self._busy = False
        self._end_if_done(one)

    def _write(self, one: TcpSocket) -> None:
        while self.written < len(self.data):
            try:
                self.written += one.send(self.data[self.written : self.written + self.plan.chunk])
            except BlockingIOError:
                return
        if not self._shut and self.plan.end in ("graceful", "half"):
            self._shut = True
            one.shutdown(SHUT_WR)

    def _read(self, one: TcpSocket, most: int) -> None:
        while most > 0 and not self.at_end and not self.over:
            data = one.receive(min(self.plan.read_size, most))
            self.received += data
            most -= len(data)
            if not data:
                self.at_end = True

    def _end_if_done(self, one: TcpSocket) -> None:
        if self.at_end and self._shut and not self.over:
            self.over = True
            one.close()

    def _fail(self, error: OSError) -> None:
        self.error = error
        self.over = True
        assert self.socket is not None
        self.socket.close()

    # -- the clock

    def _begin_reading(self) -> None:
        self._reading = True
        self.host.originate("read")
        self._go_on()

    def _read_now_and_then(self) -> None:
        if self.over or self.socket is None:
            return
        self.host.originate("read")
        if self.socket.state_name() != "SYN-SENT":
            try:
                self._read(self.socket, self.plan.read_size)
            except BlockingIOError:
                pass
            except OSError as error:
                self._fail(error)
        self._go_on()
        self.host.engine.after(self.plan.read_every * MILLISECOND, self._read_now_and_then)

    def _finish_now(self) -> None:
        if not self.over and self.socket is not None:
            self.over = True
            self.host.originate("finish")
            if self.plan.end == "abort":
                self.socket.abort()
            else:
                self.socket.close()

    def give_up(self) -> None:
        """Whatever it was doing, let it close."""
        if not self.over and self.socket is not None:
            self.over = True
            self.host.originate("give up")
            self.socket.close()
