"""Subnets as a server has them, from text."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from sim.services.dhcp.pool import Subnet
from sim.wire import dhcpv4
from sim.wire.addresses import parse_ip


def subnet(network: str, *ranges: str, lease: int = 3600, reservations: dict[bytes, str] | None = None) -> Subnet:
    """`subnet("10.0.1.0/24", "10.0.1.100-10.0.1.109")`: its router is .254, its name servers .53 and .54."""
    prefix = IPv4Network(network)
    base = prefix.network_address
    ends = [tuple(int(IPv4Address(end)) for end in text.split("-")) for text in ranges]
    return Subnet(
        int(base),
        prefix.prefixlen,
        tuple((first, last) for first, last in ends),
        lease,
        {who: int(IPv4Address(address)) for who, address in (reservations or {}).items()},
        (
            (dhcpv4.ROUTER, parse_ip(str(base + 254))),
            (dhcpv4.DNS_SERVERS, parse_ip(str(base + 53)) + parse_ip(str(base + 54))),
            (dhcpv4.DOMAIN_NAME, b"corp.test"),
            (42, parse_ip(str(base + 123))),
        ),
    )
