"""Real servers as ports of simulated hosts: what a program inside connects to goes on to a server outside.

A port of a node is listened on inside. Each connection to it is joined to a real one, each datagram's sender gets a
real socket of its own.
"""

from __future__ import annotations

import errno
import socket
from typing import Final

from sim.bridge.datagrams import IDLE, LARGEST, MOST_AT_ONCE, MOST_CLIENTS
from sim.bridge.doors import READ, Doors
from sim.bridge.loopback import BridgeError
from sim.bridge.relay import ABORT, NOT_YET, Relay
from sim.engine.engine import Engine
from sim.lab.nodes import LabHost, LabRouter
from sim.userland.sockets import Socket

BACKLOG: Final = 128

Address = tuple[str, int]


class OutwardStream:
    """A TCP port of a node that leads to a real server. Raises BridgeError if a program has it already."""

    def __init__(self, doors: Doors, node: LabHost | LabRouter, port: int, target: Address) -> None:
        self.relays: dict[Relay, None] = {}
        self.connections = 0
        self.failures: dict[str, int] = {}
        self._doors = doors
        self._node, self._port = node, port
        self._target = target
        self._listener: Socket | None = self._listen()
        node.add_daemon(self)

    def start(self) -> None:
        """The node has been switched on: listen again."""
        self._listener = self._listener or self._listen()

    def cut(self) -> None:
        """The node has been switched off."""
        self._listener = None
        for relay in list(self.relays):
            relay.cut(f"{self._node.name} is off")

    def close(self) -> None:
        """Listen no longer, and reset what there is."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for relay in list(self.relays):
            relay.abort("the bridge is closed")

    def _listen(self) -> Socket:
        listener = _bound(self._node, socket.SOCK_STREAM, self._port)
        listener.listen(BACKLOG)
        listener.on_event = self._accept
        return listener

    def _accept(self) -> None:
        while self._listener is not None:
            try:
                inner, _ = self._listener.accept()
            except OSError:
                return
            self._join(inner)

    def _join(self, inner: Socket) -> None:
        self.connections += 1
        try:
            real = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        except OSError as error:  # no descriptor is left
            self._failed(errno.errorcode.get(error.errno or 0, str(error)))
            inner.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            inner.close()
            return
        real.setblocking(False)
        real.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        relay = Relay(self._doors, real, inner, self._ended)
        self.relays[relay] = None
        number = real.connect_ex(self._target)
        if number and number not in NOT_YET:
            relay.abort(errno.errorcode.get(number, str(number)))
        else:
            relay.start(real_connected=not number, inner_connected=True)

    def _ended(self, relay: Relay) -> None:
        self.relays.pop(relay, None)
        if relay.error is not None:
            self._failed(relay.error)

    def _failed(self, why: str) -> None:
        self.failures[why] = self.failures.get(why, 0) + 1


class OutwardDatagrams:
    """A UDP port of a node that leads to a real server."""

    def __init__(self, doors: Doors, engine: Engine, node: LabHost | LabRouter, port: int, target: Address) -> None:
        self._doors = doors
        self._engine = engine
        self._node, self._port = node, port
        self._target = target
        self._senders: dict[Address, tuple[socket.socket, int]] = {}  # with when they were last heard (ns)
        self._inner: Socket | None = self._open()
        node.add_daemon(self)

    def start(self) -> None:
        """The node has been switched on: open the port again."""
        self._inner = self._inner or self._open()

    def cut(self) -> None:
        """The node has been switched off."""
        self._inner = None
        for address in list(self._senders):
            self._forget(address)

    def close(self) -> None:
        """Close the port, and the real sockets."""
        if self._inner is not None:
            self._inner.close()
        self.cut()

    def _open(self) -> Socket:
        inner = _bound(self._node, socket.SOCK_DGRAM, self._port)
        inner.on_event = self._send
        return inner

    def _send(self) -> None:
        while self._inner is not None:  # whatever there is: it may have come at once, and nobody will call again
            try:
                data, address = self._inner.recvfrom(LARGEST)
            except BlockingIOError:
                return
            except OSError:
                continue
            assert address is not None
            try:
                self._real(address).send(data)
            except OSError:
                continue  # no server, or no room: lost

    def _real(self, address: Address) -> socket.socket:
        now = self._engine.now
        known = self._senders.pop(address, None)
        self._make_room(now)
        if known is None:
            real = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            real.setblocking(False)
            try:
                real.connect(self._target)
            except OSError:
                real.close()
                raise
            self._doors.watch(real, READ, lambda _: self._answer(real, address))
        else:
            real = known[0]
        self._senders[address] = real, now
        return real

    def _make_room(self, now: int) -> None:
        while self._senders:
            address, (_, heard) = next(iter(self._senders.items()))
            if now - heard < IDLE and len(self._senders) < MOST_CLIENTS:
                return
            self._forget(address)

    def _forget(self, address: Address) -> None:
        real, _ = self._senders.pop(address)
        self._doors.forget(real)
        real.close()

    def _answer(self, real: socket.socket, address: Address) -> None:
        for _turn in range(MOST_AT_ONCE):
            try:
                data = real.recv(LARGEST)
            except BlockingIOError:
                return
            except OSError:
                continue  # nobody listens there
            if self._inner is None:
                return
            try:
                self._inner.sendto(data, address)
            except OSError:
                return


def _bound(node: LabHost | LabRouter, kind: int, port: int) -> Socket:
    inner = node.socket(socket.AF_INET, kind)
    try:
        inner.bind(("", port))
    except OSError as error:
        inner.close()
        raise BridgeError(f"port {port} of {node.name} cannot lead outside: {error.strerror or error}") from None
    return inner
