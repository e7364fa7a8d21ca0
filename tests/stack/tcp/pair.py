"""Two hosts and a bad link between them; programs that talk; and a look at both control blocks after every segment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import sim
from sim.lab.nodes import LabHost
from sim.links.port import Port
from sim.links.rules import Rule
from sim.stack.tcp.sockets import TcpSocket
from sim.units import MILLISECOND, SECOND
from sim.wire.addresses import IPV4_ANY
from tests.stack.tcp.invariants import Checker

CLIENT, SERVER = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
PORT = 80


class Pair:
    """Hosts `a` (10.0.0.1) and `b` (10.0.0.2). `rules` judge what goes either way; `checked`: look after each."""

    def __init__(
        self,
        *,
        seed: int = 1,
        rules: Sequence[Rule] = (),
        delay: str = "10ms",
        bandwidth: str | int = 0,
        checked: bool = True,
        record: bool = False,
        **link: str | float,
    ) -> None:
        self.net = sim.Network(seed=seed, record=record)
        self.a, self.b = self.net.host("a", ip="10.0.0.1/24"), self.net.host("b", ip="10.0.0.2/24")
        self.frames = 0  # IPv4 packets that the client's port has seen
        self.net.link(self.a, self.b, delay=delay, bandwidth=bandwidth, rules=rules, **link)  # type: ignore[arg-type]
        self.checkers = [Checker(host.stack.tcp) for host in (self.a, self.b)]
        self.a.attach(self._count)
        if checked:
            self.a.attach(self._look)

    def _count(self, time: int, port: Port, frame: bytes) -> None:
        self.frames += frame[12:14] == b"\x08\x00"

    def _look(self, time: int, port: Port, frame: bytes) -> None:
        """A tap sees a frame in the midst of the work on it: look once that is done."""
        self.net.engine.at(time, self.check)

    def check(self) -> None:
        for checker in self.checkers:
            checker.check()

    # -- time

    def run(self, seconds: float) -> None:
        """Let so much virtual time pass."""
        self.net.run(until=self.net.now + round(seconds * SECOND))
        self.check()

    def run_until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Let time pass until it is done, but not longer than `seconds`; whether it was done."""
        end = self.net.now + round(seconds * SECOND)
        while not done() and self.net.now < end:
            self.net.run(until=self.net.now + 50 * MILLISECOND)
        return done()

    # -- sockets

    def act(self, host: LabHost) -> None:
        """What follows is done by a program on this host."""
        host.originate("test")

    def socket(self, host: LabHost) -> TcpSocket:
        self.act(host)
        return host.stack.tcp.socket()

    def listen(self, port: int = PORT, backlog: int = 5, host: LabHost | None = None) -> TcpSocket:
        listener = self.socket(host or self.b)
        listener.bind(IPV4_ANY, port)
        listener.listen(backlog)
        return listener

    def connect(self, port: int = PORT) -> TcpSocket:
        one = self.socket(self.a)
        with suppress(BlockingIOError):
            one.connect(SERVER, port)
        return one

    def joined(self, setup: Callable[[TcpSocket], None] | None = None) -> tuple[TcpSocket, TcpSocket]:
        """A client on `a` and what `b` has accepted; the listener is gone. `setup` prepares listener and client."""
        listener = self.listen()
        client = self.socket(self.a)
        if setup is not None:
            setup(listener)
            setup(client)
        with suppress(BlockingIOError):
            client.connect(SERVER, PORT)
        assert self.run_until(lambda: bool(listener.accepted), 200)
        server = listener.accept()
        self.act(self.b)
        listener.close()
        return client, server

    def is_empty(self) -> bool:
        """Whether neither host remembers anything."""
        return not any(
            host.stack.tcp.connections or host.stack.tcp.waiting or host.stack.tcp.ports._ports
            for host in (self.a, self.b)
        )


def drain(one: TcpSocket, size: int = 1 << 20) -> bytes:
    """All that can be read now."""
    found = bytearray()
    with suppress(BlockingIOError):
        while data := one.receive(size):
            found += data
    return bytes(found)
