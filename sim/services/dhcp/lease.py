"""What a client has been given: an address, for how long, and what it needs to know beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sim.errors import WireError
from sim.wire import dhcpv4
from sim.wire.addresses import IPV4_ANY
from sim.wire.dhcpv4_options import parse_names, parse_routes

SECOND: Final = 1_000_000_000
NEVER: Final = 1 << 61
"""The end (ns) of a lease that has none."""


@dataclass(frozen=True)
class Lease:
    """Times are ns of virtual time: when to renew (T1), to rebind (T2), and its end (RFC 2131 4.4.5).

    `routes` are (network, prefix length, router); a default route is one of them.
    """

    address: bytes
    length: int
    server: bytes
    obtained: int
    renew_at: int
    rebind_at: int
    expires_at: int
    routers: tuple[bytes, ...] = ()
    routes: tuple[tuple[bytes, int, bytes], ...] = ()
    dns: tuple[bytes, ...] = ()
    search: tuple[str, ...] = ()
    mtu: int | None = None
    options: tuple[dhcpv4.Option, ...] = ()

    def option(self, code: int) -> bytes | None:
        """The data of an option of the acknowledgment."""
        return next((data for own, data in self.options if own == code), None)


def is_acceptable(message: dhcpv4.Message) -> bool:
    """Whether an offer or an acknowledgment gives what a client can use: one host's address, a time, and by whom."""
    seconds = message.seconds(dhcpv4.LEASE_TIME)
    first = message.yiaddr[0]
    return bool(seconds) and message.address(dhcpv4.SERVER_ID) is not None and 0 < first < 224 and first != 127


def lease_of(message: dhcpv4.Message, now: int) -> Lease:
    """The lease that an acceptable acknowledgment gives; `now` is when its request was sent (RFC 2131 4.4.1)."""
    seconds = message.seconds(dhcpv4.LEASE_TIME) or 0
    renewal, rebinding = _times(message, seconds)
    endless = seconds == dhcpv4.INFINITE
    routers = tuple(message.addresses(dhcpv4.ROUTER))
    mtu = message.option(dhcpv4.INTERFACE_MTU)
    return Lease(
        message.yiaddr,
        _prefix_length(message),
        message.address(dhcpv4.SERVER_ID) or IPV4_ANY,
        now,
        NEVER if endless else now + renewal * SECOND,
        NEVER if endless else now + rebinding * SECOND,
        NEVER if endless else now + seconds * SECOND,
        routers,
        _routes(message, routers),
        tuple(message.addresses(dhcpv4.DNS_SERVERS)),
        _search(message),
        int.from_bytes(mtu, "big") if mtu is not None and len(mtu) == 2 else None,
        message.options,
    )


def _times(message: dhcpv4.Message, seconds: int) -> tuple[int, int]:
    """T1 and T2 (s): the server's if they make sense, else half and seven eighths of the lease (RFC 2131 4.4.5)."""
    renewal, rebinding = seconds // 2, seconds * 7 // 8
    own_renewal, own_rebinding = message.seconds(dhcpv4.RENEWAL_TIME), message.seconds(dhcpv4.REBINDING_TIME)
    if own_rebinding is not None and 0 < own_rebinding < seconds:
        rebinding = own_rebinding
    if own_renewal is not None and 0 < own_renewal < seconds:
        renewal = own_renewal
    return min(renewal, rebinding), rebinding


def _prefix_length(message: dhcpv4.Message) -> int:
    """The mask as a prefix length; that of the address's class where there is none, or one with holes."""
    mask = message.address(dhcpv4.SUBNET_MASK)
    if mask is not None:
        value = int.from_bytes(mask, "big")
        length = value.bit_count()
        if value and value == ((1 << length) - 1) << (32 - length):
            return length
    first = message.yiaddr[0]
    return 8 if first < 128 else 16 if first < 192 else 24


def _routes(message: dhcpv4.Message, routers: tuple[bytes, ...]) -> tuple[tuple[bytes, int, bytes], ...]:
    """Classless routes take the place of the router (RFC 3442); without them the first router is the default."""
    classless = message.option(dhcpv4.CLASSLESS_ROUTES)
    if classless is not None:
        try:
            return tuple(parse_routes(classless))
        except WireError:
            pass
    return ((IPV4_ANY, 0, routers[0]),) if routers else ()


def _search(message: dhcpv4.Message) -> tuple[str, ...]:
    """The domains to search: the list, if there is one (RFC 3397), else the domain that the host is in."""
    listed = message.option(dhcpv4.DOMAIN_SEARCH)
    if listed is not None:
        try:
            return tuple(parse_names(listed))
        except WireError:
            pass
    domain = message.text(dhcpv4.DOMAIN_NAME)
    return (domain,) if domain else ()
