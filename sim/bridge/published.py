"""The ports of simulated hosts on loopback: each that a program listens on is reached at its host's address there.

1. Every so often the hosts are looked at: which ports are listened on, by TCP and UDP? New ones appear on loopback,
   those that are closed disappear.
2. A real connection to one becomes a simulated one, from the host at which the real world enters.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

from sim.bridge.datagrams import DatagramDoor
from sim.bridge.doors import Doors
from sim.bridge.entrance import Entrance
from sim.bridge.loopback import BridgeError, addresses_of, listen
from sim.bridge.relay import Relay, refuse
from sim.errors import SimError
from sim.lab.network import Network
from sim.lab.nodes import LabHost, LabRouter
from sim.userland.sockets import Socket

STREAM, DATAGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
PROTOCOLS: Final = {STREAM: "tcp", DATAGRAM: "udp"}
FIRST_EPHEMERAL: Final = 49_152
MOST_CONNECTIONS: Final = 10_000
LOOPBACK_NETWORK: Final = 127
IPV4_ANY: Final = bytes(4)

Key = tuple[str, int, int]
"""Host, kind of socket, port."""


@dataclass(frozen=True)
class Endpoint:
    """A simulated port, and where it is reached on loopback."""

    host: str
    protocol: str
    port: int
    address: str
    real_port: int

    def as_dict(self) -> dict[str, str | int]:
        """It as plain data."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.host} {self.protocol} {self.port} is {self.address}:{self.real_port}"


class Published:
    """All of them. `on_change(endpoint, True | False)` is told of each that appears or disappears."""

    def __init__(
        self, net: Network, doors: Doors, entry: LabHost | LabRouter, on_change: Callable[[Endpoint, bool], None]
    ) -> None:
        self.endpoints: dict[Key, Endpoint] = {}
        self.relays: dict[Relay, None] = {}
        self.problems: list[str] = []
        self.connections = 0
        self.taken: set[tuple[str, int]] = set()  # where real servers are: what leads there cannot stand there itself
        self._net = net
        self._doors = doors
        self._entry = entry
        self._on_change = on_change
        self._streams: dict[Key, Entrance] = {}
        self._datagrams: dict[Key, DatagramDoor] = {}
        self._refused: set[Key] = set()
        machines = [node for node in net.nodes.values() if isinstance(node, LabHost | LabRouter)]
        self._machines = {node.name: node for node in machines}
        self.cuts: list[Callable[[], None]] = []  # what else ends with the power of the entry
        entry.add_daemon(self)
        self.addresses = dict(zip(self._machines, addresses_of(len(machines)), strict=True))

    def look(self) -> None:
        """See which ports are listened on now."""
        wanted: dict[Key, bytes] = {}
        for name, node in self._machines.items():
            wanted |= self._listened(name, node)
        for key in [key for key in self.endpoints if key not in wanted]:
            self._withdraw(key)
        for key, address in wanted.items():
            if key not in self.endpoints and key not in self._refused:
                self._publish(key, address)

    def close(self) -> None:
        """All of them disappear; connections are reset."""
        for key in list(self.endpoints):
            self._withdraw(key)
        for relay in list(self.relays):
            relay.abort("the bridge is closed")

    def start(self) -> None:
        """The entry has been switched on: nothing is to be done."""

    def cut(self) -> None:
        """The entry has been switched off, and with it all connections into the network."""
        for relay in list(self.relays):
            relay.cut("the host at which the world enters is off")
        for door in self._datagrams.values():
            door.cut()
        for cut in self.cuts:
            cut()

    def _listened(self, name: str, node: LabHost | LabRouter) -> dict[Key, bytes]:
        """The ports of a host, each with the address at which it is reached inside."""
        found = {}
        stack = node.stack
        for tenant in stack.tcp.ports.listening():
            found[name, int(STREAM), tenant.port] = tenant.address
        for own in stack.udp.waiting():
            if own.port < FIRST_EPHEMERAL:
                found[name, int(DATAGRAM), own.port] = own.address
        return {
            key: address
            for key, address in found.items()
            if address[0] != LOOPBACK_NETWORK and (self.addresses[name], key[2]) not in self.taken
        }

    def _publish(self, key: Key, address: bytes) -> None:
        host, kind, port = key
        try:
            real, real_port = listen(self.addresses[host], port, kind)
        except BridgeError as error:
            self._refused.add(key)
            self.problems.append(str(error))
            return
        endpoint = self.endpoints[key] = Endpoint(host, PROTOCOLS[socket.SocketKind(kind)], port, *real.getsockname())
        assert endpoint.real_port == real_port
        if kind == STREAM:
            self._streams[key] = Entrance(self._doors, real, lambda client: self.join(client, host, address, port))
        else:
            door = DatagramDoor(self._doors, self._net.engine, real, lambda: self._inner(DATAGRAM, host, address, port))
            self._datagrams[key] = door
        self._on_change(endpoint, True)

    def _withdraw(self, key: Key) -> None:
        endpoint = self.endpoints.pop(key)
        door = self._streams.pop(key, None) or self._datagrams.pop(key, None)
        assert door is not None
        door.close()
        self._on_change(endpoint, False)

    def join(self, client: socket.socket, host: str, address: bytes, port: int) -> None:
        """Let a real connection go on inside, to a port of a host."""
        if len(self.relays) >= MOST_CONNECTIONS:
            refuse(client)
            return
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            inner = self._inner(STREAM, host, address, port)
        except (OSError, SimError):  # it has no address, or no way there
            refuse(client)
            return
        self.connections += 1
        relay = Relay(self._doors, client, inner, lambda relay: self.relays.pop(relay, None))
        self.relays[relay] = None
        relay.start(real_connected=True, inner_connected=False)

    def _inner(self, kind: int, host: str, address: bytes, port: int) -> Socket:
        """A simulated socket of the entry, connected (or about to be) to a port of a host."""
        inner = self._entry.socket(socket.AF_INET, kind)
        if kind == STREAM:
            inner.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            inner.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what `_take_old_port` asks of the one before
        target = self._net.resolve(host) if address == IPV4_ANY else address
        to = socket.inet_ntoa(target), port
        if inner.connect_ex(to) == errno.EADDRNOTAVAIL and kind == STREAM:
            self._take_old_port(inner, target, port)
            inner.connect_ex(to)
        return inner

    def _take_old_port(self, inner: Socket, target: bytes, port: int) -> None:
        """All ports of the entry are in use, most of them by connections that are over and wait for late segments: the
        oldest of these to the same place may give way to a new one (RFC 6191)."""
        for old in self._entry.stack.tcp.waiting.values():
            if (old.remote_address, old.remote_port) == (target, port) and old.ts_recent:
                inner.bind((socket.inet_ntoa(old.local_address), old.local_port))
                return
