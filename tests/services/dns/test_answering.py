"""Headers, sizes and what is no question."""

from __future__ import annotations

import asyncio
import random

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest

from sim.services.dns.answering import Answering
from tests.services.dns.asking import exchange, respond, server

TEXT = "x" * 60
ZONE = "\n".join(
    [
        "$TTL 300",
        "@ IN SOA ns h 1 2 3 4 60",
        "@ NS ns",
        "ns A 10.0.0.1",
        *[f'big TXT "{TEXT}{number}"' for number in range(60)],
        *[f'middle TXT "{TEXT}{number}"' for number in range(10)],
        *[f"@ MX {number} mail{number}" for number in range(20)],
        *[f"mail{number} A 10.0.1.{number}" for number in range(20)],
        *[f"sub NS a-name-server-with-a-long-name-{number}.sub" for number in range(12)],
        *[f"a-name-server-with-a-long-name-{number}.sub A 10.0.2.{number}" for number in range(12)],
    ]
)


@pytest.fixture(scope="module")
def zone() -> Answering:
    return server(("corp.test.", ZONE))


def test_the_header_is_that_of_the_question(zone: Answering) -> None:
    query = dns.message.make_query("ns.corp.test", "A")
    query.flags |= dns.flags.AD | dns.flags.CD
    response = exchange(zone, query)
    assert response.id == query.id
    assert response.question == query.question
    assert dns.flags.to_text(response.flags) == "QR AA RD"


@pytest.mark.parametrize(
    ("name", "rdtype", "edns", "records", "truncated"),
    [
        ("middle.corp.test", "TXT", None, 0, True),
        ("middle.corp.test", "TXT", 512, 0, True),
        ("middle.corp.test", "TXT", 100, 0, True),  # less than 512 counts as 512 (RFC 6891 6.2.3)
        ("middle.corp.test", "TXT", 1232, 10, False),
        ("big.corp.test", "TXT", 65_000, 0, True),  # more than the server's own bound
        ("corp.test", "MX", None, 20, False),  # without the addresses that would only help
        ("ns.corp.test", "A", 100, 1, False),
    ],
)
def test_what_fits_into_a_datagram(
    zone: Answering, name: str, rdtype: str, edns: int | None, records: int, truncated: bool
) -> None:
    query = dns.message.make_query(name, rdtype, use_edns=False if edns is None else 0, payload=edns)
    wire = respond(zone, query.to_wire())
    assert wire is not None
    assert len(wire) <= min(1232, max(512, edns or 0))
    response = dns.message.from_wire(wire)
    assert sum(len(rrset) for rrset in response.answer) == records
    assert bool(response.flags & dns.flags.TC) is truncated
    assert (response.edns >= 0) is (edns is not None)
    whole = exchange(zone, query, by_tcp=True)
    assert not whole.flags & dns.flags.TC


def test_glue_that_does_not_fit_is_worth_a_truncation(zone: Answering) -> None:
    """RFC 9471: who is sent on needs the addresses."""
    query = dns.message.make_query("www.sub.corp.test", "A", use_edns=False)
    assert exchange(zone, query).flags & dns.flags.TC
    assert len(exchange(zone, query, by_tcp=True).additional) == 12


def test_a_newer_edns(zone: Answering) -> None:
    response = exchange(zone, dns.message.make_query("ns.corp.test", "A", use_edns=1))
    assert response.rcode() == dns.rcode.BADVERS
    assert response.edns == 0


@pytest.mark.parametrize(
    ("change", "rcode"),
    [
        (lambda query: query.set_opcode(dns.opcode.STATUS), dns.rcode.NOTIMP),
        (lambda query: query.set_opcode(dns.opcode.NOTIFY), dns.rcode.NOTIMP),
        (lambda query: query.question.clear(), dns.rcode.FORMERR),
        (lambda query: query.question.append(query.question[0]), dns.rcode.FORMERR),
    ],
)
def test_what_is_no_question(zone: Answering, change: object, rcode: int) -> None:
    query = dns.message.make_query("ns.corp.test", "A", use_edns=False)
    assert callable(change)
    change(query)
    wire = bytearray(respond(zone, query.to_wire()) or b"")
    assert wire[:2] == query.id.to_bytes(2, "big")
    assert (wire[2] & 0x80, wire[3] & 0xF) == (0x80, rcode)


@pytest.mark.parametrize(
    ("rdtype", "rdclass", "by_tcp", "rcode"),
    [
        ("AXFR", "IN", True, dns.rcode.REFUSED),
        ("AXFR", "IN", False, dns.rcode.FORMERR),
        ("IXFR", "IN", False, dns.rcode.FORMERR),
        ("MAILB", "IN", False, dns.rcode.NOTIMP),
        ("TXT", "CH", False, dns.rcode.REFUSED),
    ],
)
def test_what_is_not_answered(zone: Answering, rdtype: str, rdclass: str, by_tcp: bool, rcode: int) -> None:
    query = dns.message.make_query("corp.test", rdtype, rdclass)
    assert exchange(zone, query, by_tcp).rcode() == rcode


def test_responses_and_scraps_get_nothing(zone: Answering) -> None:
    query = dns.message.make_query("ns.corp.test", "A")
    query.flags |= dns.flags.QR
    assert respond(zone, query.to_wire()) is None
    assert respond(zone, b"") is None
    assert respond(zone, bytes(11)) is None
    assert respond(zone, bytes(12)) == bytes((0, 0, 0x80, 1)) + bytes(8)


@pytest.mark.slow
def test_ten_thousand_messages_gone_wrong(zone: Answering) -> None:
    """Whatever the bytes: nothing is raised, and what is said is short and a response to that id."""
    chance = random.Random(6)
    seeds = [
        dns.message.make_query(name, kind, use_edns=edns, id=7).to_wire()
        for name, kind in (("ns.corp.test", "A"), ("big.corp.test", "TXT"), ("x.sub.corp.test", "ANY"))
        for edns in (0, False)
    ]

    async def storm() -> int:
        answered = 0
        for _ in range(10_000):
            data = bytearray(chance.choice(seeds))
            for _ in range(chance.randrange(1, 5)):
                how = chance.randrange(4)
                at = chance.randrange(len(data))
                if how == 0:
                    data[at] ^= 1 << chance.randrange(8)
                elif how == 1:
                    data[at] = chance.choice((0, 1, 0x3F, 0x40, 0xC0, 0xFF))
                elif how == 2 and len(data) > 1:
                    del data[at:]
                else:
                    data[at:at] = chance.randbytes(chance.randrange(1, 8))
                if not data:
                    data = bytearray(b"\0")
            response = await zone.respond(bytes(data), by_tcp=False)
            if response is not None:
                answered += 1
                assert response[:2] == data[:2]
                assert response[2] & 0x80
                assert len(response) <= 1232
        return answered

    assert asyncio.run(storm()) > 3000
