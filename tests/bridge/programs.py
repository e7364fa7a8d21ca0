"""Programs on simulated hosts, written as generators: they `yield` where a blocking program would wait.

    def fetch(program: Program) -> Steps[bytes]:
        socket = program.socket()
        yield from connect(socket, server, 80)
        yield from send_all(socket, request)
        return (yield from receive_rest(socket))

A program goes on at each event of a socket that it holds, and asks again for what it waits for.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Generic, TypeVar

from sim.lab.nodes import LabHost
from sim.stack.tcp.sockets import TcpSocket
from sim.wire.addresses import IPV4_ANY

T = TypeVar("T")
Steps = Generator[None, None, T]
CHUNK = 65_536


class Program(Generic[T]):
    """A program that runs on `host` from now on. `done` says that it has returned, or raised `error`."""

    def __init__(self, host: LabHost, main: Callable[[Program[T]], Steps[T]]) -> None:
        self.host = host
        self.done = False
        self.error: Exception | None = None
        self._result: list[T] = []
        self._running = self._again = False
        self._steps = main(self)
        self.poke("a program starts")

    def socket(self) -> TcpSocket:
        """A stream socket whose events wake this program."""
        return self.hold(self.host.stack.tcp.socket())

    def hold(self, socket: TcpSocket) -> TcpSocket:
        """Let the events of a socket wake this program."""
        socket.on_event = self.wake
        return socket

    def listener(self, port: int, backlog: int = 128) -> TcpSocket:
        """A socket that listens."""
        socket = self.socket()
        socket.reuse_address = True
        socket.bind(IPV4_ANY, port)
        socket.listen(backlog)
        return socket

    def result(self) -> T:
        """What it has returned; raises what it raised."""
        if self.error is not None:
            raise self.error
        assert self.done, "it still waits"
        return self._result[0]

    def poke(self, why: str) -> None:
        """Go on because of something outside of the network."""
        self.host.originate(why)
        self.wake()

    def wake(self) -> None:
        """Go on until it has to wait again. What it does may wake it: it is not entered twice."""
        self._again = True
        if self._running:
            return
        self._running = True
        while self._again and not self.done:
            self._again = False
            self._step()
        self._running = False

    def _step(self) -> None:
        try:
            next(self._steps)
        except StopIteration as end:
            self._result.append(end.value)
            self.done = True
        except Exception as error:
            self.error = error
            self.done = True


class Server:
    """A program that accepts connections on `port`, and starts one that `serves` each."""

    def __init__(
        self, host: LabHost, port: int, serve: Callable[[Program[None], TcpSocket], Steps[None]], backlog: int = 128
    ) -> None:
        self.sessions: list[Program[None]] = []
        self.serve = serve
        self.program = Program(host, lambda program: self._run(program, port, backlog))

    def _run(self, program: Program[None], port: int, backlog: int) -> Steps[None]:
        listener = program.listener(port, backlog)
        while True:
            socket = yield from accept(listener)
            self.sessions.append(Program(program.host, self._session_of(socket)))

    def _session_of(self, socket: TcpSocket) -> Callable[[Program[None]], Steps[None]]:
        def session(program: Program[None]) -> Steps[None]:
            yield from self.serve(program, program.hold(socket))
            socket.close()

        return session

    def check(self) -> None:
        """Raise what went wrong in one of them."""
        for session in self.sessions:
            session.result()


# -- calls that wait


def accept(listener: TcpSocket) -> Steps[TcpSocket]:
    """The next connection."""
    while True:
        with suppress(BlockingIOError):
            return listener.accept()
        yield


def connect(socket: TcpSocket, address: bytes, port: int) -> Steps[None]:
    """Open a connection. Raises OSError."""
    while True:
        with suppress(BlockingIOError):  # EINPROGRESS, EALREADY
            return socket.connect(address, port)
        yield


def receive(socket: TcpSocket, size: int = CHUNK) -> Steps[bytes]:
    """Up to `size` bytes; none at the end."""
    while True:
        with suppress(BlockingIOError):
            return socket.receive(size)
        yield


def receive_exactly(socket: TcpSocket, size: int) -> Steps[bytes]:
    """So many bytes. Raises EOFError when there are fewer."""
    data = bytearray()
    while len(data) < size:
        more = yield from receive(socket, size - len(data))
        if not more:
            raise EOFError(f"the stream ends after {len(data)} of {size} bytes")
        data += more
    return bytes(data)


def receive_rest(socket: TcpSocket) -> Steps[bytes]:
    """Everything up to the end of the stream."""
    data = bytearray()
    while more := (yield from receive(socket)):
        data += more
    return bytes(data)


def receive_until(socket: TcpSocket, mark: bytes) -> Steps[tuple[bytes, bytes]]:
    """What comes before `mark`, and what has come behind it."""
    data = bytearray()
    while mark not in data:
        more = yield from receive(socket)
        if not more:
            raise EOFError(f"the stream ends without {mark!r}")
        data += more
    before, _, behind = bytes(data).partition(mark)
    return before, behind


def send_all(socket: TcpSocket, data: bytes) -> Steps[None]:
    """Send everything."""
    position = 0
    while position < len(data):
        try:
            position += socket.send(data[position : position + CHUNK])
        except BlockingIOError:
            yield
