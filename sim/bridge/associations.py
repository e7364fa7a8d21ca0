"""UDP of the SOCKS proxy: the ports that it opens on the entry for its clients (UDP ASSOCIATE, RFC 1928 7).

The proxy tells a client an address of the simulated 127.0.0.1. So the same port is opened on the real one, for as long
as the proxy has its own.
"""

from __future__ import annotations

import socket
from typing import Final

from sim.bridge.datagrams import DatagramDoor
from sim.bridge.doors import Doors
from sim.bridge.loopback import BridgeError, exactly
from sim.lab.nodes import LabHost, LabRouter
from sim.userland.sockets import Socket

LOCAL: Final = "127.0.0.1"


class Associations:
    """The open ports. To be looked at before a client can have heard of a new one: after every event of the network."""

    def __init__(self, doors: Doors, entry: LabHost | LabRouter) -> None:
        self._doors = doors
        self._entry = entry
        self._open: dict[int, DatagramDoor] = {}
        self._refused: set[int] = set()

    def look(self) -> None:
        """Open what the proxy has opened, close what it has closed."""
        wanted = [own.port for own in self._entry.stack.udp.bound_to(socket.inet_aton(LOCAL))]
        if wanted == list(self._open):
            return
        for port in [port for port in self._open if port not in wanted]:
            self._open.pop(port).close()
        self._refused.intersection_update(wanted)
        for port in wanted:
            if port not in self._open and port not in self._refused:
                self._add(port)

    def close(self) -> None:
        """Close all of them."""
        for door in self._open.values():
            door.close()
        self._open.clear()

    def __len__(self) -> int:
        return len(self._open)

    def _add(self, port: int) -> None:
        try:
            real, _ = exactly(LOCAL, port, socket.SOCK_DGRAM)
        except BridgeError:
            self._refused.add(port)  # somebody else has it: this client's datagrams are lost
            return
        self._open[port] = DatagramDoor(self._doors, self._entry.engine, real, lambda: self._inner(port))

    def _inner(self, port: int) -> Socket:
        inner = self._entry.socket(socket.AF_INET, socket.SOCK_DGRAM)
        inner.connect_ex((LOCAL, port))
        return inner
