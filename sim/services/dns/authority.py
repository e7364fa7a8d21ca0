"""All zones of a server, and what it says from them without asking anybody: the algorithm of RFC 1034 4.3.2.

1. The zone is the one nearest above the name; without any, this server has no business with it (REFUSED).
2. A cut: the name servers below it, and their addresses (glue), are all that is said; the answer is not authoritative.
3. A CNAME is put into the answer, and the search begins anew with its target, as long as that is in our zones.
4. The records are the answer; those of a name that the answer mentions (MX, NS, SRV) go into the additional section.
5. No such name, or no such records: the zone's SOA says how long that holds (RFC 2308).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import dns.rcode
import dns.rdatatype
import dns.rrset
from dns.name import Name
from dns.rcode import Rcode
from dns.rdatatype import RdataType
from dns.rrset import RRset

from sim.services.dns import zone as zones
from sim.services.dns.zone import Zone

LONGEST_CHAIN: Final = 16
"""CNAME records that are followed."""
_POINTERS: Final = {
    dns.rdatatype.NS: "target",
    dns.rdatatype.MX: "exchange",
    dns.rdatatype.SRV: "target",
}
"""Types whose data names a host of which the addresses will be asked for next."""


@dataclass
class Answer:
    """The sections of a response. `leads_out` is the target of a CNAME that we know nothing about."""

    rcode: Rcode = dns.rcode.NOERROR
    authoritative: bool = False
    answer: list[RRset] = field(default_factory=list)
    authority: list[RRset] = field(default_factory=list)
    additional: list[RRset] = field(default_factory=list)
    leads_out: Name | None = None
    is_referral: bool = False


class Authority:
    """The zones of one server. With `rotate` each set of records is turned by one place whenever it is given out."""

    def __init__(self, served: Iterable[Zone], rotate: bool = True) -> None:
        self.zones = {zone.origin: zone for zone in served}
        self._rotate = rotate
        self._turns: dict[tuple[Name, RdataType], int] = {}

    def zone_of(self, name: Name) -> Zone | None:
        """The zone nearest above a name."""
        for count in range(len(name.labels), 0, -1):
            zone = self.zones.get(Name(name.labels[-count:]))
            if zone is not None:
                return zone
        return None

    def answer(self, name: Name, rdtype: RdataType) -> Answer:
        """What our zones say to a question."""
        result = Answer()
        seen = {name}
        for _ in range(LONGEST_CHAIN):
            # RFC 4035 3.1.4.1: a DS record is asked for above the cut
            above = rdtype == dns.rdatatype.DS and name in self.zones and len(name.labels) > 1
            zone = (self.zone_of(name.parent()) if above else None) or self.zone_of(name)
            if zone is None:
                if result.answer:
                    result.leads_out = name
                else:
                    result.rcode = dns.rcode.REFUSED
                break
            target = self._add(result, zone, name, rdtype)
            if target is None or target in seen:
                break
            name = target
            seen.add(name)
        self._add_addresses(result)
        return result

    def _add(self, result: Answer, zone: Zone, name: Name, rdtype: RdataType) -> Name | None:
        """What one zone says; the name with which it goes on, if it does."""
        found = zone.lookup(name, rdtype)
        first = not result.answer
        if found.what == zones.REFERRAL:
            result.authority += found.records
            result.is_referral = True
            return None
        if first:
            result.authoritative = True  # of the first name in the answer (RFC 1035 4.1.1)
        if found.what in (zones.ANSWER, zones.ALIAS):
            result.answer += [self._turned(rrset) for rrset in found.records]
            if found.what == zones.ALIAS:
                target: Name = found.records[0][0].target
                return target
        else:
            result.authority.append(zone.negative())
            if found.what == zones.NO_NAME:
                result.rcode = dns.rcode.NXDOMAIN  # of the last name of the chain (RFC 6604 3)
        return None

    def _add_addresses(self, result: Answer) -> None:
        known = {(rrset.name, rrset.rdtype) for rrset in result.answer}
        for rrset in [*result.answer, *result.authority]:
            attribute = _POINTERS.get(rrset.rdtype)
            for rdata in rrset if attribute is not None else ():
                for address in self._glue(getattr(rdata, str(attribute))):
                    if (address.name, address.rdtype) not in known:
                        known.add((address.name, address.rdtype))
                        result.additional.append(address)

    def _glue(self, name: Name) -> list[RRset]:
        """The addresses of a name server, from the zone that is nearest above it and has any."""
        for count in range(len(name.labels), 0, -1):
            zone = self.zones.get(Name(name.labels[-count:]))
            found = [] if zone is None else zone.glue(name)
            if found:
                return found
        return []

    def _turned(self, rrset: RRset) -> RRset:
        """Round robin: the first record of the last answer is the last of this one."""
        count = len(rrset)
        if count < 2 or not self._rotate or not self._is_ours(rrset):
            return rrset
        turn = self._turns.get((rrset.name, rrset.rdtype), 0)
        self._turns[rrset.name, rrset.rdtype] = (turn + 1) % count
        data = list(rrset)
        return dns.rrset.from_rdata_list(rrset.name, rrset.ttl, data[turn:] + data[:turn])

    def _is_ours(self, rrset: RRset) -> bool:
        """Not one that a wildcard stands for: those are without number."""
        zone = self.zone_of(rrset.name)
        return zone is not None and zone.has(rrset.name)
