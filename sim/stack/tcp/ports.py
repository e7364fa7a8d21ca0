"""The ports of one stack's TCP: who is bound to which, and which are free (RFC 6335, Linux's rules of sharing)."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Final

from mypy_extensions import mypyc_attr

from sim.stack.service import os_error
from sim.wire.addresses import IPV4_ANY

EPHEMERAL_FIRST: Final = 49152  # RFC 6335 6
EPHEMERAL_LAST: Final = 65535

SHARES_ADDRESS: Final = 1
SHARES_PORT: Final = 2


@mypyc_attr(allow_interpreted_subclasses=True)
class Tenant:
    """A socket bound to a port, at one address or (0.0.0.0) at all."""

    def __init__(self) -> None:
        self.address: bytes = IPV4_ANY
        self.port: int = 0
        self.reuse_address: bool = False
        self.reuse_port: bool = False
        self.listening: bool = False

    def sharing(self) -> int:
        """SHARES_ADDRESS and SHARES_PORT, as SO_REUSEADDR and SO_REUSEPORT say."""
        return (SHARES_ADDRESS if self.reuse_address else 0) | (SHARES_PORT if self.reuse_port else 0)


class Port:
    """A port in use: the sockets bound to it, and how many connections it has, by their local address and by the
    `sharing` of who opened them.
    """

    def __init__(self) -> None:
        self.tenants: list[Tenant] = []
        self.connections: dict[tuple[bytes, int], int] = {}

    def is_free(self) -> bool:
        """Whether nobody uses it."""
        return not self.tenants and not self.connections

    def excludes(self, newcomer: Tenant) -> bool:
        """Whether a socket may not be bound here as well. Connections count as sockets that do not listen."""
        own = newcomer.sharing()
        if any(not own & sharing and overlap(newcomer.address, address) for address, sharing in self.connections):
            return True
        return any(conflict(newcomer, other) for other in self.tenants if other is not newcomer)


def overlap(one: bytes, other: bytes) -> bool:
    """Whether two sockets would hear what comes to one address; 0.0.0.0 stands for all."""
    return one == other or IPV4_ANY in (one, other)


def conflict(newcomer: Tenant, other: Tenant) -> bool:
    """Whether two sockets cannot have the same port: SO_REUSEADDR allows it unless the other listens, SO_REUSEPORT
    where both have set it.
    """
    if not overlap(newcomer.address, other.address):
        return False
    if newcomer.reuse_port and other.reuse_port:
        return False
    return not (newcomer.reuse_address and other.reuse_address and not other.listening)


class Ports:
    """All ports that are in use. `on_change` is called after every change."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self.on_change = on_change
        self._ports: dict[int, Port] = {}
        self._next: int = EPHEMERAL_FIRST

    def bind(self, tenant: Tenant, port: int) -> None:
        """Give a socket a port, 0: a free one. Raises OSError EADDRINUSE."""
        number = port or self.free()
        if number in self._ports and self._ports[number].excludes(tenant):
            raise os_error(errno.EADDRINUSE)
        tenant.port = number
        self._entry(number).tenants.append(tenant)
        self.on_change()

    def check(self, tenant: Tenant) -> None:
        """Whether a bound socket may begin to listen. Raises OSError EADDRINUSE."""
        for other in self._entry(tenant.port).tenants:
            if other is not tenant and conflict(tenant, other):
                raise os_error(errno.EADDRINUSE)

    def release(self, tenant: Tenant) -> None:
        """A socket was closed."""
        entry = self._ports.get(tenant.port)
        if entry is not None and tenant in entry.tenants:
            entry.tenants.remove(tenant)
            self._drop(tenant.port, entry)
            self.on_change()

    def open(self, port: int, address: bytes, sharing: int) -> None:
        """A connection uses the port, at an address of ours."""
        connections = self._entry(port).connections
        connections[address, sharing] = connections.get((address, sharing), 0) + 1
        self.on_change()

    def close(self, port: int, address: bytes, sharing: int) -> None:
        """It uses it no longer."""
        entry = self._entry(port)
        left = entry.connections[address, sharing] - 1
        if left:
            entry.connections[address, sharing] = left
        else:
            del entry.connections[address, sharing]
        self._drop(port, entry)
        self.on_change()

    def tenants(self, port: int) -> list[Tenant]:
        """The sockets bound to a port."""
        entry = self._ports.get(port)
        return [] if entry is None else entry.tenants

    def listening(self) -> list[Tenant]:
        """The sockets that await connections, by port."""
        found = [tenant for port in sorted(self._ports) for tenant in self._ports[port].tenants]
        return [tenant for tenant in found if tenant.listening]

    def uses(self, port: int) -> bool:
        """Whether a socket is bound to a port, or a connection has it."""
        return port in self._ports

    def free(self) -> int:
        """An ephemeral port that nobody uses, the next in turn. Raises OSError EADDRINUSE."""
        for _ in range(EPHEMERAL_FIRST, EPHEMERAL_LAST + 1):
            port = self._next
            self._next = port + 1 if port < EPHEMERAL_LAST else EPHEMERAL_FIRST
            if port not in self._ports:
                return port
        raise os_error(errno.EADDRINUSE)

    def clear(self) -> None:
        """Forget all, as a power cut does."""
        self._ports.clear()
        self.on_change()

    def _entry(self, port: int) -> Port:
        entry = self._ports.get(port)
        if entry is None:
            entry = self._ports[port] = Port()
        return entry

    def _drop(self, port: int, entry: Port) -> None:
        if entry.is_free():
            self._ports.pop(port, None)
