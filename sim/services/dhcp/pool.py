"""The addresses of one subnet: which are free, who has which, until when. It knows nothing of messages.

An address is free, or bound to a client until a time: offered to it, leased to it, or set apart because somebody uses
it without having asked. Addresses that nobody had yet are given first, then those that have been free for longest, so
that a client which comes back finds its own (RFC 2131 4.3.1).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final

OFFERED: Final = "offered"
LEASED: Final = "leased"
ABANDONED: Final = "abandoned"

MEMORY: Final = 100_000
"""Clients whose last address is remembered."""

Client = bytes
"""Who a client is: its identifier, or its hardware type and address (RFC 2131 4.2)."""


@dataclass
class Binding:
    """An address that is not free. `expires_at` is ns of virtual time; `client` is b"" for one set apart."""

    address: int
    client: Client
    mac: bytes
    state: str
    expires_at: int
    host_name: str = ""


@dataclass(frozen=True)
class Subnet:
    """A subnet and what the server knows of it. Addresses are integers, `ranges` are inclusive; `lease` is in s.

    `reservations` are by MAC address or client identifier. `options` are given to each client, in their order.
    """

    network: int
    length: int
    ranges: tuple[tuple[int, int], ...] = ()
    lease: int = 3600
    reservations: dict[bytes, int] = field(default_factory=dict)
    options: tuple[tuple[int, bytes], ...] = ()

    def __contains__(self, address: int) -> bool:
        return (address ^ self.network) >> (32 - self.length) == 0

    @property
    def mask(self) -> bytes:
        """The subnet mask."""
        return (((1 << self.length) - 1) << (32 - self.length)).to_bytes(4, "big")


class Pool:
    """The bindings of one subnet."""

    def __init__(self, subnet: Subnet) -> None:
        self.subnet = subnet
        self.by_address: dict[int, Binding] = {}
        self._by_client: dict[Client, Binding] = {}
        self._had: dict[Client, int] = {}  # the address that a client had last
        self._returned: dict[int, None] = {}  # were used and are free, the longest free first
        self._reserved = {address: who for who, address in subnet.reservations.items()}
        self._ends: list[tuple[int, int]] = []  # (time, address), a heap; what has been moved is stale
        self._fresh = list(subnet.ranges)  # nobody had them yet
        self._taken_early: set[int] = set()  # of those, the ones that a client asked for

    def binding_of(self, client: Client, now: int) -> Binding | None:
        """The binding of a client, offered or leased."""
        self.expire(now)
        return self._by_client.get(client)

    def active(self, now: int) -> list[Binding]:
        """The leases that run, by address."""
        self.expire(now)
        return [one for _, one in sorted(self.by_address.items()) if one.state == LEASED]

    def choose(self, client: Client, mac: bytes, wanted: int | None, now: int) -> int | None:
        """An address for a client: what is reserved for it, what it has or had, what it asks for, any that is free.

        None when there is none.
        """
        self.expire(now)
        reserved = self._place_of(client, mac)
        if reserved is not None:
            return reserved
        mine = self._by_client.get(client)
        if mine is not None:
            return mine.address
        for address in (self._had.get(client), wanted):
            if address is not None and self._is_free(address):
                return address
        return self._next_free()

    def may_have(self, client: Client, mac: bytes, address: int, now: int) -> bool:
        """Whether a client may have an address: its own, or a free one of the pool or of its reservation."""
        self.expire(now)
        reserved = self._place_of(client, mac)
        holder = self.by_address.get(address)
        if holder is not None:
            return holder.client == client and reserved in (None, address)
        return address == reserved if reserved is not None else self._is_free(address)

    def bind(
        self, client: Client, mac: bytes, address: int, state: str, expires_at: int, host_name: str = ""
    ) -> Binding:
        """Offer or lease an address that the client may have; whatever else it had is free again."""
        before = self._by_client.get(client)
        if before is not None and before.address != address:
            self.free(before)
        binding = Binding(address, client, mac, state, expires_at, host_name)
        self._take(binding)
        self._by_client[client] = binding
        self._had.pop(client, None)
        self._had[client] = address
        if len(self._had) > MEMORY:
            del self._had[next(iter(self._had))]
        return binding

    def abandon(self, address: int, until: int) -> None:
        """Set an address apart: somebody uses it whom we did not give it to."""
        holder = self.by_address.get(address)
        if holder is not None:
            self.free(holder)
            self._had.pop(holder.client, None)
        self._take(Binding(address, b"", b"", ABANDONED, until))

    def free(self, binding: Binding) -> None:
        """An address is free again."""
        if self.by_address.get(binding.address) is not binding:
            return
        del self.by_address[binding.address]
        if self._by_client.get(binding.client) is binding:
            del self._by_client[binding.client]
        if binding.address not in self._reserved and self._in_ranges(binding.address):
            self._returned[binding.address] = None

    def expire(self, now: int) -> None:
        """Free what has ended."""
        while self._ends and self._ends[0][0] <= now:
            _, address = heappop(self._ends)
            binding = self.by_address.get(address)
            if binding is not None and binding.expires_at <= now:
                self.free(binding)

    # -- inside

    def _place_of(self, client: Client, mac: bytes) -> int | None:
        """The address that is reserved for a client by its MAC address or its identifier, unless another is there."""
        reserved = self.subnet.reservations.get(mac, self.subnet.reservations.get(client))
        holder = None if reserved is None else self.by_address.get(reserved)
        return reserved if holder is None or holder.client == client else None

    def _take(self, binding: Binding) -> None:
        address = binding.address
        self.by_address[address] = binding
        heappush(self._ends, (binding.expires_at, address))
        if address in self._returned:
            del self._returned[address]
        elif any(first <= address <= last for first, last in self._fresh):
            self._taken_early.add(address)

    def _in_ranges(self, address: int) -> bool:
        return any(first <= address <= last for first, last in self.subnet.ranges)

    def _is_free(self, address: int) -> bool:
        return self._in_ranges(address) and address not in self._reserved and address not in self.by_address

    def _next_free(self) -> int | None:
        while self._fresh:
            first, last = self._fresh[0]
            self._fresh[0] = (first + 1, last)
            if first >= last:
                self._fresh.pop(0)
            if first in self._taken_early:
                self._taken_early.discard(first)  # it is bound, or among those that were returned
            elif first not in self._reserved:
                self._returned[first] = None
                return first
        return next(iter(self._returned), None)
