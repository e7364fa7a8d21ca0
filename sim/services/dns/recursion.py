"""From a question to its answer by asking: the algorithm of RFC 1034 5.3.3.

1. What the cache knows is not asked for.
2. The servers to ask are those of the nearest zone above the name that are known; at first those of the root.
3. Ask them, one after the other, until one has said something.
4. An answer is remembered and given. A CNAME is remembered, and all begins anew with its target. A referral is
   remembered, and its servers are asked. A no is remembered too. A server that is no help is not asked again.

All of it is bounded: a question may cost so many queries and seconds, referrals and aliases may be so long, and to find
the address of a name server takes only a few questions within questions. Who runs into a bound gets SERVFAIL.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import dns.rcode
import dns.rdatatype
from dns.name import Name, root
from dns.rcode import Rcode
from dns.rdatatype import RdataType
from dns.rrset import RRset

from sim.services.dns import replies
from sim.services.dns.cache import ANSWERED, TOLD, Cache
from sim.services.dns.exchange import Question, ask
from sim.services.dns.replies import Meaning, meaning

MOST_QUERIES: Final = 64
MOST_SECONDS: Final = 25.0
MOST_ALIASES: Final = 12
MOST_REFERRALS: Final = 32
MOST_DEPTH: Final = 6
"""Questions within questions: the address of the server that knows the address of the server that ..."""
PATIENCE: Final = (1.0, 2.0)
"""Seconds that each server is given, in the first round and in the second."""
UNKNOWN_RTT: Final = 0.0
"""Servers that were never asked come first: that is how they become known."""


class GiveUpError(Exception):
    """The answer cannot be found: SERVFAIL."""


@dataclass
class Outcome:
    """What came of a question: the answer, its aliases first, and with a no the SOA that says so."""

    rcode: Rcode
    answer: list[RRset] = field(default_factory=list)
    soa: RRset | None = None


@dataclass
class Work:
    """What is left of what one question may cost; `depth` counts the questions that this one lies within."""

    queries: int = MOST_QUERIES
    depth: int = 0
    asking: set[tuple[Name, RdataType]] = field(default_factory=set)


class Resolver:
    """Finds answers. `hints` are the addresses of root servers; `forward` are servers that are asked in place of all
    this, which then only happens when none of them is any help, and there are hints."""

    def __init__(self, cache: Cache, hints: Iterable[str] = (), forward: Iterable[str] = (), port: int = 53) -> None:
        self.cache = cache
        self._hints = list(hints)
        self._forward = list(forward)
        self._port = port
        self._rtt: dict[str, float] = {}  # s, smoothed, by address

    async def resolve(self, name: Name, rdtype: RdataType) -> Outcome:
        """The answer; SERVFAIL when there is none to be had."""
        try:
            async with asyncio.timeout(MOST_SECONDS):
                return await self._resolve(name, rdtype, Work())
        except (GiveUpError, OSError):
            return Outcome(dns.rcode.SERVFAIL)

    def known(self, name: Name, rdtype: RdataType) -> Outcome | None:
        """What the cache has to say to a question by itself; None when that is not enough."""
        chain: list[RRset] = []
        for _ in range(MOST_ALIASES):
            entry = self.cache.get(name, rdtype)
            if entry is not None and entry.rrset is not None:
                return Outcome(dns.rcode.NOERROR, [*chain, entry.rrset])
            if entry is not None:
                return Outcome(entry.rcode, chain, entry.soa)
            alias = self.cache.get(name, dns.rdatatype.CNAME)
            if alias is None or alias.rrset is None:
                return None
            chain.append(alias.rrset)
            name = alias.rrset[0].target
        return None

    async def _resolve(self, name: Name, rdtype: RdataType, work: Work) -> Outcome:
        if (name, rdtype) in work.asking or work.depth > MOST_DEPTH:
            raise GiveUpError
        work.asking.add((name, rdtype))
        chain: list[RRset] = []
        try:
            for _ in range(MOST_ALIASES):
                outcome = self.known(name, rdtype)
                if outcome is not None:
                    return Outcome(outcome.rcode, chain + outcome.answer, outcome.soa)
                name, chain = self._follow_known(name, rdtype, chain)
                found = await self._find(name, rdtype, work)
                chain += found.records
                if found.what == replies.NO:
                    return Outcome(found.rcode, chain, found.soa)
                if found.target == name or (chain and chain[-1].rdtype != dns.rdatatype.CNAME):
                    return Outcome(dns.rcode.NOERROR, chain)
                if rdtype == dns.rdatatype.CNAME:
                    return Outcome(dns.rcode.NOERROR, chain)
                name = found.target
            raise GiveUpError
        finally:
            work.asking.discard((name, rdtype))

    def _follow_known(self, name: Name, rdtype: RdataType, chain: list[RRset]) -> tuple[Name, list[RRset]]:
        """Go along the aliases that the cache knows."""
        while rdtype not in (dns.rdatatype.CNAME, dns.rdatatype.ANY) and len(chain) < MOST_ALIASES:
            alias = self.cache.get(name, dns.rdatatype.CNAME)
            if alias is None or alias.rrset is None:
                break
            chain = [*chain, alias.rrset]
            name = alias.rrset[0].target
        return name, chain

    async def _find(self, name: Name, rdtype: RdataType, work: Work) -> Meaning:
        """What the servers of the name's own zone say, or a forwarder."""
        if self._forward:
            found = await self._ask_each(self._forward, Question(name, rdtype, recurse=True), root, work)
            if found is not None:
                self._learn(found, name, rdtype)
                return found
        if not self._hints:
            raise GiveUpError
        zone, servers = root, self._hints
        cut = self._nearest_cut(name.parent() if rdtype == dns.rdatatype.DS and name != root else name)
        for _ in range(MOST_REFERRALS):
            if cut is not None:
                zone = cut.name
                found = await self._ask_zone(cut, Question(name, rdtype), work)
            else:
                found = await self._ask_each(servers, Question(name, rdtype), zone, work)
            if found is None:
                raise GiveUpError
            self._learn(found, name, rdtype)
            if found.what != replies.REFERRAL:
                return found
            cut = found.records[0]
        raise GiveUpError

    def _nearest_cut(self, name: Name) -> RRset | None:
        """The servers of the nearest zone that can be asked; None for those of the root, which we know by their hints.

        Where all lie in the zone itself and their addresses are forgotten, the zone above has to tell them anew.
        """
        while name != root:
            cut = self.cache.nearest_cut(name)
            if cut is None or cut.name == root:
                return None
            for rdata in cut:
                known = self.cache.get(rdata.target, dns.rdatatype.A, TOLD)
                if not rdata.target.is_subdomain(cut.name) or (known is not None and known.rrset is not None):
                    return cut
            name = cut.name.parent()
        return None

    async def _ask_zone(self, cut: RRset, question: Question, work: Work) -> Meaning | None:
        """Ask the servers of a zone: those of which the address is known, then those of which it can be found."""
        unknown: list[Name] = []
        addresses: list[str] = []
        for target in (rdata.target for rdata in cut):
            entry = self.cache.get(target, dns.rdatatype.A, TOLD)
            if entry is not None and entry.rrset is not None:
                addresses += [rdata.address for rdata in entry.rrset]
            elif entry is None:
                unknown.append(target)
        found = await self._ask_each(addresses, question, cut.name, work) if addresses else None
        for target in unknown:
            if found is not None:
                break
            if target.is_subdomain(cut.name):
                continue  # whoever knows its address is who we look for
            more = await self._addresses_of(target, work)
            found = await self._ask_each(more, question, cut.name, work) if more else None
        return found

    async def _addresses_of(self, server: Name, work: Work) -> list[str]:
        work.depth += 1
        try:
            outcome = await self._resolve(server, dns.rdatatype.A, work)
        except GiveUpError:
            return []
        finally:
            work.depth -= 1
        return [rdata.address for rrset in outcome.answer if rrset.rdtype == dns.rdatatype.A for rdata in rrset]

    async def _ask_each(self, addresses: list[str], question: Question, zone: Name, work: Work) -> Meaning | None:
        """The first useful reply: the server that is quickest as far as we know is asked first."""
        lame: set[str] = set()
        for patience in PATIENCE:
            for address in sorted(dict.fromkeys(addresses), key=lambda one: self._rtt.get(one, UNKNOWN_RTT)):
                if address in lame:
                    continue
                found = await self._ask_one(address, question, zone, patience, work)
                if found is None:
                    continue
                if found.what != replies.LAME:
                    return found
                lame.add(address)
        return None

    async def _ask_one(
        self, address: str, question: Question, zone: Name, patience: float, work: Work
    ) -> Meaning | None:
        """What a server says, None when it says nothing. Raises GiveUpError when there was enough of it."""
        if work.queries <= 0:
            raise GiveUpError
        work.queries -= 1
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            reply = await ask(question, address, self._port, patience)
        except OSError:
            self._rtt[address] = max(patience, 2 * self._rtt.get(address, 0.0))
            return None
        before = self._rtt.get(address)
        took = clock() - began
        self._rtt[address] = took if before is None else 0.7 * before + 0.3 * took  # as RFC 6298 smooths, but quicker
        return meaning(reply, question.name, question.rdtype, zone)

    def _learn(self, found: Meaning, name: Name, rdtype: RdataType) -> None:
        rank = TOLD if found.what == replies.REFERRAL else ANSWERED
        for rrset in found.records:
            self.cache.put(rrset, rank)
        for rrset in found.glue:
            self.cache.put(rrset, TOLD)
        if found.what == replies.NO:
            self.cache.put_no(found.target, rdtype, found.rcode, found.soa)
