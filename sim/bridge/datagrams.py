"""Datagrams between real sockets and simulated ones: each real client has a simulated socket of its own.

A client that has been silent for a minute (RFC 4787 asks for two at least of a NAT, but here the port costs nothing to
open again) is forgotten, and so is the one that was silent longest when there are too many.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Final

from sim.bridge.doors import READ, Doors
from sim.engine.engine import Engine
from sim.errors import SimError
from sim.userland.sockets import Socket

IDLE: Final = 60_000_000_000
"""ns of virtual time."""
MOST_CLIENTS: Final = 1_000
MOST_AT_ONCE: Final = 64
"""Datagrams that are read before others have their turn."""
LARGEST: Final = 65_535

RealAddress = tuple[str, int]


class Client:
    """Who sends to a real port: a simulated socket stands for it inside."""

    def __init__(self, inner: Socket, heard: int) -> None:
        self.inner = inner
        self.heard = heard


class DatagramDoor:
    """A real UDP socket, and the simulated sockets of its clients, which `connect` makes.

    `connect()` returns a simulated datagram socket that is connected to where the real socket leads, or raises OSError
    or SimError.
    """

    def __init__(self, doors: Doors, engine: Engine, real: socket.socket, connect: Callable[[], Socket]) -> None:
        self.carried = [0, 0]  # datagrams into the network, and out of it
        self._doors = doors
        self._engine = engine
        self._real = real
        self._connect = connect
        self._clients: dict[RealAddress, Client] = {}  # who was silent longest comes first
        doors.watch(real, READ, self._ready)

    def close(self) -> None:
        """Close the real socket, and forget all clients."""
        self._doors.forget(self._real)
        self._real.close()
        for address in list(self._clients):
            self._forget(address)

    def cut(self) -> None:
        """The machine that the clients' sockets were on is off: they are gone."""
        self._clients.clear()

    def __len__(self) -> int:
        return len(self._clients)

    def _ready(self, _: int) -> None:
        for _turn in range(MOST_AT_ONCE):
            try:
                data, address = self._real.recvfrom(LARGEST)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error about what we have sent: the client is gone, and will be forgotten
            self._take(data, address)

    def _take(self, data: bytes, address: RealAddress) -> None:
        try:
            self._client(address).inner.send(data)
            self.carried[0] += 1
        except (OSError, SimError):
            return  # a datagram that cannot be sent is lost, as anywhere

    def _client(self, address: RealAddress) -> Client:
        now = self._engine.now
        client = self._clients.pop(address, None)
        self._make_room(now)
        if client is None:
            client = Client(self._connect(), now)
            client.inner.on_event = lambda: self._answer(address)
        client.heard = now
        self._clients[address] = client
        return client

    def _make_room(self, now: int) -> None:
        while self._clients:
            address, oldest = next(iter(self._clients.items()))
            if now - oldest.heard < IDLE and len(self._clients) < MOST_CLIENTS:
                return
            self._forget(address)

    def _forget(self, address: RealAddress) -> None:
        self._clients.pop(address).inner.close()

    def _answer(self, address: RealAddress) -> None:
        client = self._clients.get(address)
        if client is None:
            return
        for _turn in range(MOST_AT_ONCE):
            try:
                data = client.inner.recv(LARGEST)
            except BlockingIOError:
                return
            except OSError:
                continue  # nobody listens inside: the next call tells nothing more
            try:
                self._real.sendto(data, address)
                self.carried[1] += 1
            except OSError:
                return  # the real system has no room: lost
