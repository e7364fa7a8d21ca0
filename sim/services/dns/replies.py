"""What a reply means to a resolver that has asked a server of some zone: an answer, a referral, a no, or nothing.

Only what the server can know counts: names in its zone (the bailiwick). The rest may be true, but it is not his to say,
and whoever believed it could be told anything about anybody.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import dns.flags
import dns.rcode
import dns.rdataclass
import dns.rdatatype
from dns.message import Message
from dns.name import Name
from dns.rcode import Rcode
from dns.rdatatype import RdataType
from dns.rrset import RRset

ANSWER: Final = "answer"
REFERRAL: Final = "referral"
NO: Final = "no"
LAME: Final = "lame"
"""The server is not who to ask: it failed, refused, or sent us where we have come from."""
_ADDRESSES: Final = (dns.rdatatype.A, dns.rdatatype.AAAA)


@dataclass
class Meaning:
    """`records` are the answer as far as it goes, CNAME records first; or the NS records of a cut, and `glue` the
    addresses of those servers. `target` is the name that the last CNAME leads to, the question's own without any."""

    what: str
    target: Name
    rcode: Rcode = dns.rcode.NOERROR
    records: list[RRset] = field(default_factory=list)
    glue: list[RRset] = field(default_factory=list)
    soa: RRset | None = None


def meaning(reply: Message, name: Name, rdtype: RdataType, zone: Name) -> Meaning:
    """What a server of `zone` has said to the question; a forwarder's zone is the root."""
    rcode = reply.rcode()
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return Meaning(LAME, name, rcode)
    chain, target, complete = _chain(reply.answer, name, rdtype, zone)
    soa = _soa(reply.authority, target, zone)
    if complete:
        return Meaning(ANSWER, target, records=chain)
    if rcode == dns.rcode.NXDOMAIN:
        return Meaning(NO, target, rcode, chain, soa=soa)
    cut = _cut(reply.authority, target, zone)
    if cut is not None and not chain:
        return Meaning(REFERRAL, target, records=[cut], glue=_glue(reply.additional, cut, zone))
    if chain and (soa is None or not target.is_subdomain(zone)):
        return Meaning(ANSWER, target, records=chain)  # an alias: the search goes on with the target
    if soa is not None or reply.flags & dns.flags.AA or chain:
        return Meaning(NO, target, rcode, chain, soa=soa)
    return Meaning(LAME, name, rcode)


def _chain(records: list[RRset], name: Name, rdtype: RdataType, zone: Name) -> tuple[list[RRset], Name, bool]:
    """The CNAME records from the name on, and what was asked for at their end; where it ends, and whether it is there.

    Records that no link of the chain leads to are not looked at, nor are those outside of the zone.
    """
    known = {(rrset.name, rrset.rdtype): rrset for rrset in records if rrset.rdclass == dns.rdataclass.IN}
    found: list[RRset] = []
    seen: set[Name] = set()
    while name not in seen and name.is_subdomain(zone):
        seen.add(name)
        if rdtype == dns.rdatatype.ANY:
            every = [rrset for (owner, _), rrset in known.items() if owner == name]
            return found + every, name, bool(every)
        if (name, rdtype) in known:
            return [*found, known[name, rdtype]], name, True
        alias = known.get((name, dns.rdatatype.CNAME))
        if alias is None:
            break
        found.append(alias)
        name = alias[0].target
    return found, name, False


def _soa(records: list[RRset], name: Name, zone: Name) -> RRset | None:
    for rrset in records:
        inside = name.is_subdomain(rrset.name) and rrset.name.is_subdomain(zone)
        if rrset.rdtype == dns.rdatatype.SOA and inside:
            return rrset
    return None


def _cut(records: list[RRset], name: Name, zone: Name) -> RRset | None:
    """The NS records that lead nearer to the name: below the zone, or we would go in circles."""
    for rrset in records:
        nearer = name.is_subdomain(rrset.name) and rrset.name.is_subdomain(zone) and rrset.name != zone
        if rrset.rdtype == dns.rdatatype.NS and rrset.rdclass == dns.rdataclass.IN and nearer:
            return rrset
    return None


def _glue(records: list[RRset], cut: RRset, zone: Name) -> list[RRset]:
    servers = {rdata.target for rdata in cut}
    return [
        rrset
        for rrset in records
        if rrset.rdtype in _ADDRESSES and rrset.name in servers and rrset.name.is_subdomain(zone)
    ]
