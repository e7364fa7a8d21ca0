"""What the resolvers of a network remember, as plain data."""

from __future__ import annotations

from typing import Any, Final

from sim.errors import TopologyError
from sim.lab.network import Network
from sim.lab.nodes import Tools

SECOND: Final = 1_000_000_000
Known = list[str] | str
"""The data of records, sorted; or NXDOMAIN, or NODATA."""


def cached(net: Network, node: str) -> dict[tuple[str, str], Known]:
    """What the DNS server of a node remembers now, by name and type; of a name that does not exist under type ANY.

    Raises TopologyError for a node without a resolver.
    """
    device = net[node]
    server: Any = device.exposed.get("dns") if isinstance(device, Tools) else None
    if server is None or server.resolver is None:
        raise TopologyError(f"{node} remembers no names", hint="only a DNS server with recursive: true does")
    found: dict[tuple[str, str], Known] = {}
    for name, rdtype, entry in server.resolver.cache.entries(net.now / SECOND):
        key = (name.to_text().removesuffix(".").lower(), rdtype.name)
        found[key] = texts_of(entry)
    return found


def texts_of(entry: Any) -> Known:
    """What an entry of a cache knows."""
    if entry.rrset is None:
        return "NXDOMAIN" if entry.rcode else "NODATA"
    return sorted(_plain(rdata.to_text()) for rdata in entry.rrset)


def known_of(known: dict[tuple[str, str], Known], question: str) -> Known | None:
    """What is remembered of `web.corp.test` or `corp.test MX`; None for nothing."""
    name, _, rdtype = question.strip().partition(" ")
    name = name.removesuffix(".").lower()
    return known.get((name, (rdtype.strip() or "A").upper()), known.get((name, "ANY")))


def _plain(data: str) -> str:
    return data.removesuffix(".") if len(data) > 1 else data
