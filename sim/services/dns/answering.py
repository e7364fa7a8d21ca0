"""Bytes of a query in, bytes of the response out: the header, EDNS and sizes; what is in it others find out.

1. What is no query, or too short to be answered, gets nothing: two servers would answer each other's answers for ever.
2. What cannot be read is answered FORMERR, another opcode than QUERY NOTIMP, a newer EDNS BADVERS.
3. Our own zones come first. What they do not know is asked of others, where the client desires recursion (RD) and we
   offer it (RA); else the answer is REFUSED, or what the cache holds.
4. By UDP a response has as many bytes as the client can take, 512 without EDNS (RFC 6891 6.2.3). What is too long loses
   the additional section, and then all: TC says that it is to be asked for by TCP.
"""

from __future__ import annotations

from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
from dns.message import Message
from dns.name import Name
from dns.rdatatype import RdataType
from dns.rrset import RRset

from sim.services.dns.authority import Answer, Authority
from sim.services.dns.exchange import UDP_SIZE
from sim.services.dns.recursion import Resolver

HEADER: Final = 12
LEAST: Final = 512
MOST: Final = 65_535
_TRANSFERS: Final = (dns.rdatatype.AXFR, dns.rdatatype.IXFR)
_FIRST_META: Final = 128
_LAST_META: Final = 254  # RFC 6895 3.1: types that are questions only; 255 is ANY


class Answering:
    """A server of names, without its sockets. `udp_size` bounds its own responses by UDP."""

    def __init__(self, authority: Authority, resolver: Resolver | None = None, udp_size: int = UDP_SIZE) -> None:
        self.authority = authority
        self.resolver = resolver
        self._udp_size = udp_size

    async def respond(self, data: bytes, by_tcp: bool) -> bytes | None:
        """The response to a message, None for what is not answered."""
        if len(data) < HEADER or data[2] & 0x80:
            return None
        try:
            query = dns.message.from_wire(data)
        except Exception:  # whatever it is that the bytes did to the parser
            return self._unreadable(data)
        response = self._begin(query)
        refusal = _refusal(query, by_tcp)
        if refusal is not None:
            response.set_rcode(refusal)
        else:
            question = query.question[0]
            answer = await self._find(question.name, question.rdtype, bool(query.flags & dns.flags.RD))
            _fill(response, answer)
        return self._emit(response, query, by_tcp)

    async def _find(self, name: Name, rdtype: RdataType, desired: bool) -> Answer:
        answer = self.authority.answer(name, rdtype)
        if self.resolver is None:
            return answer
        if not desired:
            return self._remembered(answer, name, rdtype)
        if answer.is_referral:
            self._learn(answer)
        target = name if answer.rcode == dns.rcode.REFUSED or answer.is_referral else answer.leads_out
        if target is None:
            return answer
        if answer.is_referral and answer.answer:
            target = answer.answer[-1][0].target
        outcome = await self.resolver.resolve(target, rdtype)
        soa = [] if outcome.soa is None else [outcome.soa]
        return Answer(outcome.rcode, answer.authoritative, answer.answer + outcome.answer, soa)

    def _remembered(self, answer: Answer, name: Name, rdtype: RdataType) -> Answer:
        """What is known without asking anybody: what the cache holds, or who would have to be asked."""
        assert self.resolver is not None
        if answer.rcode != dns.rcode.REFUSED:
            return answer
        known = self.resolver.known(name, rdtype)
        if known is not None:
            return Answer(known.rcode, False, known.answer, [] if known.soa is None else [known.soa])
        cut = self.resolver.cache.nearest_cut(name)
        return answer if cut is None else Answer(authority=[cut], is_referral=True)

    def _learn(self, referral: Answer) -> None:
        """A cut in our own zones, which the resolver shall follow as any other."""
        assert self.resolver is not None
        for rrset in [*referral.authority, *referral.additional]:
            self.resolver.cache.put(rrset, 1)

    def _begin(self, query: Message) -> Message:
        """A response with the query's id, question, opcode and RD; with EDNS when the query has it (RFC 6891 7)."""
        response = dns.message.make_response(query, recursion_available=self.resolver is not None)
        response.flags &= ~(dns.flags.AD | dns.flags.CD)
        if query.edns >= 0:
            response.use_edns(0, 0, self._udp_size)
        return response

    def _emit(self, response: Message, query: Message, by_tcp: bool) -> bytes:
        most = MOST if by_tcp else min(self._udp_size, max(LEAST, query.payload)) if query.edns >= 0 else LEAST
        try:
            return bytes(response.to_wire(max_size=most, want_shuffle=False))
        except dns.exception.TooBig:
            pass
        is_referral = not response.answer and any(rrset.rdtype == dns.rdatatype.NS for rrset in response.authority)
        if not is_referral:  # RFC 2181 9: what is only helpful may be left out; RFC 9471: glue may not
            response.additional = []
            try:
                return bytes(response.to_wire(max_size=most, want_shuffle=False))
            except dns.exception.TooBig:
                pass
        response.flags |= dns.flags.TC
        response.answer, response.authority, response.additional = [], [], []
        return bytes(response.to_wire(max_size=MOST, want_shuffle=False))

    def _unreadable(self, data: bytes) -> bytes:
        """FORMERR with the id, the opcode and RD of what was sent, and nothing else; NOTIMP for another opcode."""
        rcode = dns.rcode.FORMERR if data[2] & 0x78 == 0 else dns.rcode.NOTIMP
        flags = bytes((0x80 | (data[2] & 0x79), (0x80 if self.resolver is not None else 0) | int(rcode)))
        return data[:2] + flags + bytes(8)


def _refusal(query: Message, by_tcp: bool) -> dns.rcode.Rcode | None:
    """The error for a query that cannot be answered by anybody, None for one that can."""
    if query.opcode() != dns.opcode.QUERY:
        return dns.rcode.NOTIMP
    if query.edns > 0:
        return dns.rcode.BADVERS
    if len(query.question) != 1:
        return dns.rcode.FORMERR
    question = query.question[0]
    if question.rdtype in _TRANSFERS:
        return dns.rcode.REFUSED if by_tcp else dns.rcode.FORMERR  # RFC 5936 4.2: not by UDP
    if _FIRST_META <= question.rdtype <= _LAST_META or question.rdtype == dns.rdatatype.OPT:
        return dns.rcode.NOTIMP
    return None if question.rdclass == dns.rdataclass.IN else dns.rcode.REFUSED


def _fill(response: Message, answer: Answer) -> None:
    response.set_rcode(answer.rcode)
    if answer.authoritative:
        response.flags |= dns.flags.AA
    response.answer = _unique(answer.answer)
    response.authority = _unique(answer.authority)
    response.additional = answer.additional


def _unique(records: list[RRset]) -> list[RRset]:
    """Each set once: chains that meet would repeat them."""
    found: dict[tuple[Name, RdataType], RRset] = {}
    for rrset in records:
        found.setdefault((rrset.name, rrset.rdtype), rrset)
    return list(found.values())
