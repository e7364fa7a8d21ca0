"""Both ends of a connection between the kernel and a simulated host, with the same calls on either.

So a test is written once and played twice, with the roles exchanged: what the kernel sees is what ours has to see.
"""

from __future__ import annotations

import random
import select
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, TypeVar

import pytest

from sim.lab.nodes import LabHost
from sim.stack.tcp.sockets import TcpSocket
from sim.wire.addresses import IPV4_ANY, parse_ip
from tests.drill.info import state_name

if TYPE_CHECKING:
    from tests.bridge.conftest import Lab

T = TypeVar("T")

KERNEL_ADDRESS = "10.0.1.1"
HOST = "h2"
HOST_ADDRESS = "10.0.2.10"
SIDES = ("kernel", "ours")
READ = 1 << 20
EVERYTHING = select.POLLIN | select.POLLPRI | select.POLLOUT | select.POLLRDHUP

either = pytest.mark.parametrize("side", SIDES)
"""For a test that is played with each in the role of `side`."""


class End(Protocol):
    """A stream socket that does not block. Errors are OSError."""

    def bind(self, port: int) -> None: ...
    def listen(self, backlog: int = 128) -> None: ...
    def accept(self) -> End: ...
    def connect(self, port: int) -> None:
        """Begin to connect to the other side, or hear how it stands."""

    def send(self, data: bytes) -> int: ...
    def receive(self, size: int = READ, peek: bool = False) -> bytes: ...
    def shutdown(self) -> None:
        """Send no more."""

    def close(self) -> None: ...
    def abort(self) -> None:
        """SO_LINGER with no time, and close."""

    def poll(self) -> int: ...
    def take_error(self) -> int: ...
    def info(self) -> bytes: ...
    def state(self) -> str: ...
    def port(self) -> int: ...
    def set_receive_buffer(self, size: int) -> None: ...


class KernelEnd:
    """A socket of the kernel."""

    def __init__(self, made: socket.socket) -> None:
        self.socket = made
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")  # Linux's, whatever this machine is set to

    def bind(self, port: int) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((KERNEL_ADDRESS, port))

    def listen(self, backlog: int = 128) -> None:
        self.socket.listen(backlog)

    def accept(self) -> KernelEnd:
        return KernelEnd(self.socket.accept()[0])

    def connect(self, port: int) -> None:
        self.socket.connect((HOST_ADDRESS, port))

    def send(self, data: bytes) -> int:
        return self.socket.send(data)

    def receive(self, size: int = READ, peek: bool = False) -> bytes:
        return self.socket.recv(size, socket.MSG_PEEK if peek else 0)

    def shutdown(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.socket.close()

    def abort(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def poll(self) -> int:
        poll = select.poll()
        poll.register(self.socket, EVERYTHING)
        return dict(poll.poll(0)).get(self.socket.fileno(), 0)

    def take_error(self) -> int:
        return self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def info(self) -> bytes:
        return self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)

    def state(self) -> str:
        return state_name(self.info())

    def port(self) -> int:
        number = self.socket.getsockname()[1]
        assert isinstance(number, int)
        return number

    def set_receive_buffer(self, size: int) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)


class OurEnd:
    """A socket of the simulated host; whatever it does begins with the test."""

    def __init__(self, host: LabHost, made: TcpSocket) -> None:
        self.host = host
        self.socket = made

    def bind(self, port: int) -> None:
        self.socket.reuse_address = True
        self.socket.bind(IPV4_ANY, port)

    def listen(self, backlog: int = 128) -> None:
        self.socket.listen(backlog)

    def accept(self) -> OurEnd:
        return OurEnd(self.host, self.socket.accept())

    def connect(self, port: int) -> None:
        self._act(lambda: self.socket.connect(parse_ip(KERNEL_ADDRESS), port))

    def send(self, data: bytes) -> int:
        return self._act(lambda: self.socket.send(data))

    def receive(self, size: int = READ, peek: bool = False) -> bytes:
        return self._act(lambda: self.socket.receive(size, peek))

    def shutdown(self) -> None:
        self._act(lambda: self.socket.shutdown(socket.SHUT_WR))

    def close(self) -> None:
        self._act(self.socket.close)

    def abort(self) -> None:
        self._act(self.socket.abort)

    def poll(self) -> int:
        return self.socket.poll()

    def take_error(self) -> int:
        return self.socket.take_error()

    def info(self) -> bytes:
        return self._act(self.socket.info)

    def state(self) -> str:
        return self.socket.state_name()

    def port(self) -> int:
        return self.socket.local()[1]

    def set_receive_buffer(self, size: int) -> None:
        self.socket.set_receive_buffer(size)

    def _act(self, call: Callable[[], T]) -> T:
        self.host.originate("the test does something")
        return call()


class Ends:
    """Makes sockets on either side, and closes them when the test is over."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._made: list[End] = []

    def __enter__(self) -> Ends:
        return self

    def __exit__(self, *exception: object) -> None:
        for end in self._made:
            end.close()

    def new(self, side: str) -> End:
        """A socket of the kernel, or of ours."""
        end: End
        if side == "kernel":
            end = KernelEnd(self.lab.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM)))
        else:
            host = self.lab.host(HOST)
            end = OurEnd(host, host.stack.tcp.socket())
        self._made.append(end)
        return end

    def listener(self, side: str, port: int = 80) -> End:
        """A socket that listens."""
        end = self.new(side)
        end.bind(port)
        end.listen()
        return end

    def connection(self, opener: str, client: End | None = None, listener: End | None = None) -> tuple[End, End]:
        """A connection that `opener` has opened: his end, and the other."""
        listener = listener or self.listener(other(opener))
        client = client or self.new(opener)
        with suppress(BlockingIOError):
            client.connect(listener.port())
        server = self.soon(listener.accept)
        self._made.append(server)
        self.lab.until(lambda: client.state() == server.state() == "ESTABLISHED")
        return client, server

    def pair(self, opener: str, first: str) -> tuple[End, End]:
        """A connection that `opener` has opened: the end of the side `first`, and the other."""
        client, server = self.connection(opener)
        return (client, server) if opener == first else (server, client)

    def soon(self, call: Callable[[], T]) -> T:
        """What a call returns once it would not block any longer; raises what it raises."""
        results: list[T] = []

        def attempt() -> bool:
            with suppress(BlockingIOError):
                results.append(call())
            return bool(results)

        self.lab.until(attempt)
        return results[0]

    def failure(self, call: Callable[[], object]) -> int:
        """The errno with which a call fails once it would not block any longer; 0 when it does not."""
        try:
            self.soon(call)
        except OSError as error:
            return error.errno or 0
        return 0

    def reach(self, end: End, state: str) -> None:
        """Let time pass until it is in a state."""
        self.lab.until(lambda: end.state() == state)


def other(side: str) -> str:
    """The other side."""
    return SIDES[side == "kernel"]


def payload(size: int) -> bytes:
    """Bytes that no shift or repetition leaves as they are."""
    return random.Random(size).randbytes(size)


def transfer(ends: Ends, writer: End, reader: End, data: bytes) -> bytes:
    """Send `data`; what comes in."""
    sent = 0
    received = bytearray()

    def work() -> bool:
        nonlocal sent
        with suppress(BlockingIOError):
            while sent < len(data):
                sent += writer.send(data[sent : sent + 65_536])
        with suppress(BlockingIOError):
            while len(received) < len(data):
                more = reader.receive()
                assert more
                received.extend(more)
        return len(received) == len(data)

    ends.lab.until(work)
    return bytes(received)
