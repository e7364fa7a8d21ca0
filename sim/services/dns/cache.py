"""What a resolver remembers: records for as long as their TTL says, and that there are none (RFC 2308).

What was said by a server of the zone itself ranks above what another one has told beside it, as the addresses of name
servers in a referral (RFC 2181 5.4.1): only the former is ever an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import dns.rcode
import dns.rdatatype
from dns.name import Name
from dns.rcode import Rcode
from dns.rdatatype import RdataType
from dns.rrset import RRset

from sim.services.dns.zone import with_ttl

TOLD: Final = 1  # in a referral, or beside an answer
ANSWERED: Final = 2  # by a server of the zone
LONGEST: Final = 7 * 86_400  # s; no TTL counts for more (RFC 8767 4)
LONGEST_NO: Final = 3 * 3600  # s (RFC 2308 5)


@dataclass
class Entry:
    """Records until `expires` (s of the clock), or with `rrset` None that there are none: `rcode` says whether the name
    exists, `soa` is what said so."""

    rrset: RRset | None
    expires: float
    rank: int = ANSWERED
    rcode: Rcode = dns.rcode.NOERROR
    soa: RRset | None = None


class Cache:
    """`clock` gives seconds. The oldest of more than `size` entries are forgotten."""

    def __init__(self, clock: Callable[[], float], size: int = 10_000) -> None:
        self._clock = clock
        self._size = size
        self._entries: dict[tuple[Name, RdataType], Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, name: Name, rdtype: RdataType, rank: int = ANSWERED) -> Entry | None:
        """What is known and ranks high enough, its TTL counted down. NXDOMAIN of a name is known for all types."""
        now = self._clock()
        for key in ((name, rdtype), (name, dns.rdatatype.ANY)):
            entry = self._entries.get(key)
            if entry is None:
                continue
            if entry.expires <= now:
                del self._entries[key]
            elif entry.rank >= rank:
                return _aged(entry, now)
        return None

    def put(self, rrset: RRset, rank: int = ANSWERED) -> None:
        """Remember records, unless better ones are there. A TTL of 0 is not remembered (RFC 1035 3.2.1)."""
        key = (rrset.name, rrset.rdtype)
        now = self._clock()
        before = self._entries.get(key)
        if before is not None and before.rank > rank and before.expires > now:
            return
        if rrset.ttl > 0:
            self._store(key, Entry(rrset, now + min(rrset.ttl, LONGEST), rank))

    def put_no(self, name: Name, rdtype: RdataType, rcode: Rcode, soa: RRset | None) -> None:
        """Remember that there is no such name (NXDOMAIN), or that it has no such records. RFC 2308 5: only as long as
        a SOA record says."""
        if soa is None:
            return
        ttl = min(soa.ttl, soa[0].minimum, LONGEST_NO)
        if ttl > 0:
            kind = dns.rdatatype.ANY if rcode != 0 else rdtype
            self._store((name, kind), Entry(None, self._clock() + ttl, ANSWERED, rcode, soa))

    def nearest_cut(self, name: Name) -> RRset | None:
        """The NS records that are known nearest above a name."""
        for count in range(len(name.labels), 0, -1):
            entry = self.get(Name(name.labels[-count:]), dns.rdatatype.NS, TOLD)
            if entry is not None and entry.rrset is not None:
                return entry.rrset
        return None

    def entries(self, now: float) -> Iterator[tuple[Name, RdataType, Entry]]:
        """All that is valid at a time of the clock."""
        for (name, rdtype), entry in self._entries.items():
            if entry.expires > now:
                yield name, rdtype, _aged(entry, now)

    def _store(self, key: tuple[Name, RdataType], entry: Entry) -> None:
        self._entries.pop(key, None)
        self._entries[key] = entry
        while len(self._entries) > self._size:
            del self._entries[next(iter(self._entries))]


def _aged(entry: Entry, now: float) -> Entry:
    """With the TTL that is left, in whole seconds."""
    left = int(entry.expires - now)
    rrset, soa = entry.rrset, entry.soa
    if rrset is not None:
        rrset = with_ttl(rrset, left)
    if soa is not None:
        soa = with_ttl(soa, left)
    return Entry(rrset, entry.expires, entry.rank, entry.rcode, soa)
