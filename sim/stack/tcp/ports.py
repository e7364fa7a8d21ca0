"""The ports of one stack's TCP: who is bound to which, and which are free (RFC 6335, Linux's rules of sharing)."""

from __future__ import annotations

import errno
from typing import Final

from mypy_extensions import mypyc_attr

from sim.stack.service import os_error
from sim.wire.addresses import IPV4_ANY

EPHEMERAL_FIRST: Final = 49152  # RFC 6335 6
EPHEMERAL_LAST: Final = 65535


@mypyc_attr(allow_interpreted_subclasses=True)
class Tenant:
    """A socket bound to a port, at one address or (0.0.0.0) at all."""

    def __init__(self) -> None:
        self.address: bytes = IPV4_ANY
        self.port: int = 0
        self.reuse_address: bool = False
        self.reuse_port: bool = False
        self.listening: bool = False


class Port:
    """A port in use: the sockets bound to it, and its connections, all of them and those that do not share it."""

    def __init__(self) -> None:
        self.tenants: list[Tenant] = []
        self.connections: int = 0
        self.unshared: int = 0

    def is_free(self) -> bool:
        """Whether nobody uses it."""
        return not self.tenants and not self.connections

    def excludes(self, newcomer: Tenant) -> bool:
        """Whether a socket may not be bound here as well: SO_REUSEADDR allows it where nobody listens, SO_REUSEPORT
        where all have set it.
        """
        if self.unshared and not (newcomer.reuse_port and self.tenants):
            return True
        if self.connections and not newcomer.reuse_address and not newcomer.reuse_port:
            return True
        return any(conflict(newcomer, other) for other in self.tenants if other is not newcomer)


def conflict(one: Tenant, other: Tenant) -> bool:
    """Whether two sockets cannot have the same port."""
    if IPV4_ANY not in (one.address, other.address) and one.address != other.address:
        return False
    if one.reuse_port and other.reuse_port:
        return False
    shared = one.reuse_address and other.reuse_address
    return not (shared and not one.listening and not other.listening)


class Ports:
    """All ports that are in use."""

    def __init__(self) -> None:
        self._ports: dict[int, Port] = {}
        self._next: int = EPHEMERAL_FIRST

    def bind(self, tenant: Tenant, port: int) -> None:
        """Give a socket a port, 0: a free one. Raises OSError EADDRINUSE."""
        number = port or self.free()
        if number in self._ports and self._ports[number].excludes(tenant):
            raise os_error(errno.EADDRINUSE)
        tenant.port = number
        self._entry(number).tenants.append(tenant)

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

    def open(self, port: int, shared: bool) -> None:
        """A connection uses the port."""
        entry = self._entry(port)
        entry.connections += 1
        entry.unshared += 0 if shared else 1

    def close(self, port: int, shared: bool) -> None:
        """It uses it no longer."""
        entry = self._entry(port)
        entry.connections -= 1
        entry.unshared -= 0 if shared else 1
        self._drop(port, entry)

    def tenants(self, port: int) -> list[Tenant]:
        """The sockets bound to a port."""
        entry = self._ports.get(port)
        return [] if entry is None else entry.tenants

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

    def _entry(self, port: int) -> Port:
        entry = self._ports.get(port)
        if entry is None:
            entry = self._ports[port] = Port()
        return entry

    def _drop(self, port: int, entry: Port) -> None:
        if entry.is_free():
            self._ports.pop(port, None)
