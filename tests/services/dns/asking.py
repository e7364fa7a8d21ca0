"""Questions to a server without its sockets, and what it says as plain text."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import dns.flags
import dns.message
import dns.rcode
from dns.message import Message
from dns.rrset import RRset

from sim.services.dns.answering import Answering
from sim.services.dns.authority import Authority
from sim.services.dns.zone import Zone


@dataclass(frozen=True)
class Said:
    """A response: flags as dig shows them, and the sections, one text for each record."""

    rcode: str
    flags: str
    answer: list[str]
    authority: list[str]
    additional: list[str]


def server(*zones: tuple[str, str], rotate: bool = False) -> Answering:
    """A server of zones in the text of master files: (origin, text)."""
    import dns.zone

    made = []
    for origin, text in zones:
        parsed = dns.zone.from_text(text, origin, relativize=False, check_origin=False)
        sets = [
            dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset))
            for name, rdataset in parsed.iterate_rdatasets()
        ]
        made.append(Zone(dns.name.from_text(origin), sets))
    return Answering(Authority(made, rotate))


def respond(answering: Answering, data: bytes, by_tcp: bool = False) -> bytes | None:
    return asyncio.run(answering.respond(data, by_tcp))


def exchange(answering: Answering, query: Message, by_tcp: bool = False) -> Message:
    data = respond(answering, query.to_wire(), by_tcp)
    assert data is not None
    return dns.message.from_wire(data)


def ask(answering: Answering, name: str, rdtype: str = "A", *, recurse: bool = False) -> Said:
    """The response to a question without EDNS, by TCP: nothing is cut."""
    query = dns.message.make_query(name, rdtype, use_edns=False)
    if not recurse:
        query.flags &= ~dns.flags.RD
    return said(exchange(answering, query, by_tcp=True))


def said(message: Message) -> Said:
    return Said(
        dns.rcode.to_text(message.rcode()),
        dns.flags.to_text(message.flags).lower(),
        _lines(message.answer),
        _lines(message.authority),
        _lines(message.additional),
    )


def _lines(records: Iterable[RRset]) -> list[str]:
    return [
        f"{rrset.name.to_text()} {rrset.ttl} {dns.rdatatype.to_text(rrset.rdtype)} {rdata.to_text()}"
        for rrset in records
        for rdata in rrset
    ]
