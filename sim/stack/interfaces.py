"""An interface: a MAC address, its IP addresses, and the groups it listens to (RFC 1122 3.3.4, RFC 1112)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sim.wire import addresses

ALL_HOSTS: Final = addresses.parse_ip("224.0.0.1")
DEFAULT_MTU: Final = 1500


class Interface:
    """One interface of a host or router. `mtu` counts bytes of IP packet. `index` is its number in its stack."""

    def __init__(self, name: str, index: int, mac: bytes, mtu: int = DEFAULT_MTU) -> None:
        self.name = name
        self.index = index
        self.mac = mac
        self.mtu = mtu
        self.up: bool = True
        self.loopback: bool = False
        self.addresses: list[tuple[bytes, int]] = []
        self.broadcasts: tuple[bytes, ...] = ()
        self.groups: dict[bytes, int] = {}
        self.group_macs: frozenset[bytes] = frozenset()
        self.on_carrier: Callable[[], None] | None = None  # called when its carrier has come or gone

    def add_address(self, address: bytes, length: int) -> None:
        """Give it an address with a prefix of `length` bits; the first one is its primary address."""
        self.addresses.append((address, length))
        if len(address) * 8 - length >= 2:  # a /31 (RFC 3021) or a /32 has no broadcast address
            self.broadcasts += (addresses.broadcast_of(address, length),)

    def remove_address(self, address: bytes) -> int:
        """Take an address away; return the length of its prefix. Raises KeyError for one that it has not."""
        for own, length in self.addresses:
            if own == address:
                self.addresses.remove((own, length))
                self.broadcasts = tuple(
                    [
                        addresses.broadcast_of(other, width)
                        for other, width in self.addresses
                        if len(other) * 8 - width >= 2
                    ]
                )
                return length
        raise KeyError(addresses.format_ip(address))

    def join(self, group: bytes) -> None:
        """Listen to a multicast group (RFC 1112 7.1), once more than before."""
        if not addresses.is_multicast_ip(group):
            raise ValueError(f"{addresses.format_ip(group)} is no multicast address")
        self.groups[group] = self.groups.get(group, 0) + 1
        self._follow_groups()

    def leave(self, group: bytes) -> None:
        """Undo one `join`."""
        left = self.groups.get(group, 0) - 1
        if left > 0:
            self.groups[group] = left
        else:
            self.groups.pop(group, None)
            self._follow_groups()

    def _follow_groups(self) -> None:
        self.group_macs = frozenset([addresses.multicast_mac(group) for group in self.groups])

    def hears(self, mac: bytes) -> bool:
        """Whether a frame to `mac` is taken in: ours, broadcast, or of a group we listen to."""
        return mac == self.mac or mac in (addresses.MAC_BROADCAST, ALL_HOSTS_MAC) or mac in self.group_macs

    def listens_to(self, group: bytes) -> bool:
        """Whether somebody here has joined a group; all hosts are in 224.0.0.1 (RFC 1112 4)."""
        return group in self.groups or group == ALL_HOSTS

    def source_for(self, next_hop: bytes) -> bytes | None:
        """The address to send from towards `next_hop`: one that shares its subnet, else the primary one."""
        for address, length in self.addresses:
            if len(address) == len(next_hop) and addresses.in_prefix(
                next_hop, addresses.network_of(address, length), length
            ):
                return address
        return self.addresses[0][0] if self.addresses else None


ALL_HOSTS_MAC: Final = addresses.multicast_mac(ALL_HOSTS)
