"""Mappings: which outside address and port an inside one has (RFC 4787 4), and who may write to it (RFC 4787 5).

    mapping                        a new mapping for each
    endpoint-independent           inside address and port
    address-dependent              and outside address
    address-and-port-dependent     and outside port

    filtering                      who may write to the mapping
    endpoint-independent           anybody
    address-dependent              an address that the inside host has written to through it
    address-and-port-dependent     an address and port that it has written to

The words of RFC 3489 are four of these pairs, see `BEHAVIOURS`. A mapping lives as long as a connection uses it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sim.stack.translation.flows import ICMP, TCP, UDP, destination_of, format_end, protocol_name, source_of
from sim.stack.translation.ports import FIRST, LAST, PortPool

ENDPOINT_INDEPENDENT: Final = 0
ADDRESS_DEPENDENT: Final = 1
ADDRESS_AND_PORT_DEPENDENT: Final = 2
DEPENDENCE: Final = ("endpoint-independent", "address-dependent", "address-and-port-dependent")

BEHAVIOURS: Final = {
    # name: mapping, filtering
    "full-cone": (ENDPOINT_INDEPENDENT, ENDPOINT_INDEPENDENT),
    "address-restricted": (ENDPOINT_INDEPENDENT, ADDRESS_DEPENDENT),
    "port-restricted": (ENDPOINT_INDEPENDENT, ADDRESS_AND_PORT_DEPENDENT),
    "symmetric": (ADDRESS_AND_PORT_DEPENDENT, ADDRESS_AND_PORT_DEPENDENT),
}


class Mapping:
    """One mapping: `inside` and `outside` are ends (protocol, address, port: see `flows.source_of`).

    `users` counts the connections that use it, `peers` those to each outside address.
    """

    def __init__(self, key: bytes, inside: bytes, outside: bytes) -> None:
        self.key = key
        self.inside = inside
        self.outside = outside
        self.users: int = 0
        self.peers: dict[bytes, int] = {}

    def origin(self) -> str:
        """How it came to its port, as a reason: `port kept`, or why not."""
        kept = self.inside[5:7] == self.outside[5:7]
        if self.inside[0] not in (ICMP, TCP, UDP):
            return "address only"
        what = "identifier" if self.inside[0] == ICMP else "port"
        return f"{what} kept" if kept else f"{what} {int.from_bytes(self.inside[5:7], 'big')} not free"

    def __repr__(self) -> str:
        return f"<{protocol_name(self.inside[0])} {format_end(self.inside)} is {format_end(self.outside)}>"


class MappingTable:
    """The mappings of one gateway. `mapping` and `filtering` say how they depend on the other side.

    `occupied(protocol, port)` tells of ports that programs of the gateway itself use.
    """

    def __init__(
        self,
        mapping: int,
        filtering: int,
        first_port: int = FIRST,
        last_port: int = LAST,
        occupied: Callable[[int, int], bool] | None = None,
    ) -> None:
        self._occupied = occupied
        self.mapping = mapping
        self.filtering = filtering
        self._first = first_port
        self._last = last_port
        self._by_key: dict[bytes, Mapping] = {}
        self._by_outside: dict[bytes, Mapping] = {}
        self._pools: dict[bytes, PortPool] = {}

    def reserve(self, outside: bytes) -> None:
        """Never hand out an end: it is forwarded somewhere."""
        self._pool(outside[:5]).reserve(int.from_bytes(outside[5:7], "big"))

    def find(self, flow: bytes) -> Mapping | None:
        """The mapping that a flow from inside has already."""
        return self._by_key.get(self._key(flow))

    def at(self, outside: bytes) -> Mapping | None:
        """The mapping that an outside end belongs to."""
        return self._by_outside.get(outside)

    def obtain(self, flow: bytes, address: bytes) -> Mapping | None:
        """The mapping of a flow from inside, a new one at the outside `address` if need be; None without a free port.

        Whoever gets it has to `use` it.
        """
        key = self._key(flow)
        mapping = self._by_key.get(key)
        if mapping is None:
            inside = source_of(flow)
            at = flow[:1] + address
            port = self._pool(at).take(int.from_bytes(inside[5:7], "big"))
            if port < 0:
                return None
            mapping = Mapping(key, inside, at + port.to_bytes(2, "big"))
            self._by_key[key] = mapping
            self._by_outside[mapping.outside] = mapping
        return mapping

    def use(self, mapping: Mapping, peer: bytes) -> None:
        """One more connection uses a mapping, to an outside address."""
        mapping.users += 1
        mapping.peers[peer] = mapping.peers.get(peer, 0) + 1

    def release(self, mapping: Mapping, peer: bytes) -> None:
        """A connection to an outside address has ended, the last one with its mapping."""
        mapping.users -= 1
        left = mapping.peers[peer] - 1
        if left:
            mapping.peers[peer] = left
        else:
            del mapping.peers[peer]
        self.drop_unused(mapping)

    def drop_unused(self, mapping: Mapping) -> None:
        """Forget a mapping that no connection uses."""
        if not mapping.users:
            del self._by_key[mapping.key]
            del self._by_outside[mapping.outside]
            self._pool(mapping.outside[:5]).release(int.from_bytes(mapping.outside[5:7], "big"))

    def admits(self, mapping: Mapping, peer: bytes) -> bool:
        """Whether an outside address may begin a conversation with a mapping; that of known ones is not asked here."""
        if self.filtering == ENDPOINT_INDEPENDENT:
            return True
        return self.filtering == ADDRESS_DEPENDENT and peer in mapping.peers

    def mappings(self) -> list[Mapping]:
        """All of them, oldest first."""
        return list(self._by_key.values())

    def __len__(self) -> int:
        return len(self._by_key)

    def _key(self, flow: bytes) -> bytes:
        if self.mapping == ENDPOINT_INDEPENDENT:
            return source_of(flow)
        if self.mapping == ADDRESS_DEPENDENT:
            return source_of(flow) + flow[5:9]
        return source_of(flow) + destination_of(flow)[1:]

    def _pool(self, at: bytes) -> PortPool:
        """The ports at a protocol and an outside address, five bytes."""
        pool = self._pools.get(at)
        if pool is None:
            pool = self._pools[at] = PortPool(at[0], self._first, self._last, self._occupied)
        return pool
