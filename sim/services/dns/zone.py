"""A zone: the records of a domain down to where parts of it are given to others (RFC 1034 4.2).

A lookup walks down from the zone's own name. On the way it meets a cut (a referral), or a name that is not there, where
a wildcard may stand in (RFC 4592), or it arrives.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone
from dns.name import Name
from dns.rdatatype import RdataType
from dns.rrset import RRset

ANSWER: Final = "answer"
ALIAS: Final = "alias"
REFERRAL: Final = "referral"
NO_DATA: Final = "no data"
NO_NAME: Final = "no name"
_STAR: Final = b"*"
_LABELS_IN_ALL: Final = 127  # a name of 255 bytes has no more

Record = tuple[str, int, str, str]
"""Owner, TTL in seconds, type and data of a record, in the text of a master file; names are absolute."""


@dataclass
class Found:
    """What a zone knows about a question. `what` is one of the five words above; `records` are the answer, the CNAME or
    the NS records of the cut."""

    what: str
    records: list[RRset] = field(default_factory=list)


class Zone:
    """The records of one zone, which begins at `origin`. It has a SOA record."""

    def __init__(self, origin: Name, records: Iterable[RRset]) -> None:
        self.origin = origin
        self._nodes: dict[Name, dict[RdataType, RRset]] = {}
        for rrset in records:
            self._add(rrset)
        self.soa = self._nodes[origin][dns.rdatatype.SOA]

    @classmethod
    def from_records(cls, origin: str, records: Iterable[Record]) -> Zone:
        """A zone of records in text. Raises dns.exception.DNSException, and KeyError when none is a SOA."""
        sets: dict[tuple[Name, RdataType], RRset] = {}
        for owner, ttl, kind, text in records:
            name, rdtype = dns.name.from_text(owner), dns.rdatatype.from_text(kind)
            rdata = dns.rdata.from_text(dns.rdataclass.IN, rdtype, text, origin=dns.name.root, relativize=False)
            rrset = sets.setdefault((name, rdtype), dns.rrset.RRset(name, dns.rdataclass.IN, rdtype))
            rrset.add(rdata, ttl)
        return cls(dns.name.from_text(origin), sets.values())

    @classmethod
    def from_file(cls, origin: str, path: str) -> Zone:
        """A zone from a master file (RFC 1035 5). Raises OSError, dns.exception.DNSException."""
        zone = dns.zone.from_file(path, origin, relativize=False, allow_include=False)
        name = dns.name.from_text(origin)
        return cls(
            name,
            [
                dns.rrset.from_rdata_list(owner, rdataset.ttl, list(rdataset))
                for owner, rdataset in zone.iterate_rdatasets()
            ],
        )

    def lookup(self, name: Name, rdtype: RdataType) -> Found:
        """What the zone knows about a name in it. RFC 1034 4.3.2, step 3."""
        labels = len(self.origin.labels)
        for count in range(labels, len(name.labels) + 1):
            ancestor = Name(name.labels[-count:])
            node = self._nodes.get(ancestor)
            if node is None:
                return self._synthesize(name, Name(name.labels[-(count - 1) :]), rdtype)
            cut = node.get(dns.rdatatype.NS)
            # RFC 4035 3.1.4.1: the DS records of a cut are the parent's
            if cut is not None and count > labels and not (ancestor == name and rdtype == dns.rdatatype.DS):
                return Found(REFERRAL, [cut])
        return _select(self._nodes[name], rdtype)

    def glue(self, name: Name) -> list[RRset]:
        """The addresses of a name, be they the zone's own or beside a cut; no wildcard counts."""
        node = self._nodes.get(name, {})
        return [node[rdtype] for rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA) if rdtype in node]

    def holds(self, name: Name) -> bool:
        """Whether a name is in this zone, or below it."""
        return name.is_subdomain(self.origin)

    def has(self, name: Name) -> bool:
        """Whether the name is there itself."""
        return name in self._nodes

    def negative(self) -> RRset:
        """The SOA as it stands beside a no: its TTL says for how long that holds. RFC 2308 3."""
        return with_ttl(self.soa, min(self.soa.ttl, self.soa[0].minimum))

    def _add(self, rrset: RRset) -> None:
        if not self.holds(rrset.name):
            return  # RFC 1035 5.2: what is outside is ignored
        self._nodes.setdefault(rrset.name, {})[rrset.rdtype] = rrset
        name = rrset.name
        while name != self.origin:  # RFC 4592 2.2.2: names that only lead to others exist too
            name = name.parent()
            self._nodes.setdefault(name, {})

    def _synthesize(self, name: Name, encloser: Name, rdtype: RdataType) -> Found:
        """The records of the wildcard below the closest name that exists, as if they were this name's. RFC 4592 3.3."""
        if len(encloser.labels) > _LABELS_IN_ALL:
            return Found(NO_NAME)
        node = self._nodes.get(Name((_STAR, *encloser.labels)))
        if node is None:
            return Found(NO_NAME)
        found = _select(node, rdtype)
        return Found(found.what, [renamed(rrset, name) for rrset in found.records])


def renamed(rrset: RRset, name: Name) -> RRset:
    """The same records under another name."""
    return dns.rrset.from_rdata_list(name, rrset.ttl, list(rrset))


def with_ttl(rrset: RRset, ttl: int) -> RRset:
    """The same records with another TTL."""
    return dns.rrset.from_rdata_list(rrset.name, ttl, list(rrset))


def _select(node: dict[RdataType, RRset], rdtype: RdataType) -> Found:
    if rdtype == dns.rdatatype.ANY and node:
        return Found(ANSWER, list(node.values()))
    if rdtype in node:
        return Found(ANSWER, [node[rdtype]])
    alias = node.get(dns.rdatatype.CNAME)
    return Found(NO_DATA) if alias is None else Found(ALIAS, [alias])
