"""What a reply is believed: names of the zone that was asked, and only those that the question leads to."""

from __future__ import annotations

import random

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from dns.message import Message

from sim.services.dns.exchange import Question, read_reply
from sim.services.dns.replies import Meaning, meaning

WWW = dns.name.from_text("www.corp.test.")
CORP = dns.name.from_text("corp.test.")
TEST = dns.name.from_text("test.")
SOA = ("corp.test.", 60, "SOA", "ns.corp.test. h.corp.test. 1 2 3 4 60")


def reply(
    *,
    answer: tuple[tuple[str, int, str, str], ...] = (),
    authority: tuple[tuple[str, int, str, str], ...] = (),
    additional: tuple[tuple[str, int, str, str], ...] = (),
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR,
    aa: bool = True,
) -> Message:
    made = dns.message.make_response(dns.message.make_query(WWW, "A"))
    made.set_rcode(rcode)
    made.flags |= dns.flags.AA if aa else 0
    for section, records in ((made.answer, answer), (made.authority, authority), (made.additional, additional)):
        for name, ttl, rdtype, data in records:
            section.append(dns.rrset.from_text(name, ttl, "IN", rdtype, data))
    return dns.message.from_wire(made.to_wire())  # where records of one name and type are together


def mean(message: Message, zone: dns.name.Name = CORP) -> Meaning:
    return meaning(message, WWW, dns.rdatatype.A, zone)


def names(found: Meaning) -> list[str]:
    return [f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)}" for rrset in found.records]


def test_an_answer() -> None:
    found = mean(reply(answer=(("www.corp.test.", 60, "A", "10.0.0.1"),)))
    assert (found.what, names(found)) == ("answer", ["www.corp.test. A"])


def test_an_alias_in_the_zone_and_one_that_leads_out() -> None:
    chain = (("www.corp.test.", 60, "CNAME", "web.corp.test."), ("web.corp.test.", 60, "A", "10.0.0.1"))
    found = mean(reply(answer=chain))
    assert (found.what, names(found), str(found.target)) == (
        "answer",
        ["www.corp.test. CNAME", "web.corp.test. A"],
        "web.corp.test.",
    )
    out = (("www.corp.test.", 60, "CNAME", "www.bank.test."), ("www.bank.test.", 60, "A", "6.6.6.6"))
    found = mean(reply(answer=out))
    assert (found.what, names(found), str(found.target)) == ("answer", ["www.corp.test. CNAME"], "www.bank.test.")


@pytest.mark.parametrize(
    "poison",
    [
        (("www.bank.test.", 60, "A", "6.6.6.6"),),
        (("other.corp.test.", 60, "A", "6.6.6.6"),),
        (("test.", 60, "NS", "ns.evil.test."),),
    ],
)
def test_what_nobody_has_asked_for_is_left_aside(poison: tuple[tuple[str, int, str, str], ...]) -> None:
    answer = (("www.corp.test.", 60, "A", "10.0.0.1"), *poison)
    found = mean(reply(answer=answer, authority=poison, additional=poison))
    assert names(found) == ["www.corp.test. A"]
    assert found.glue == []


def test_a_referral_and_its_glue() -> None:
    cut = (("corp.test.", 60, "NS", "ns.corp.test."), ("corp.test.", 60, "NS", "ns.elsewhere.example."))
    glue = (
        ("ns.corp.test.", 60, "A", "10.0.0.1"),
        ("ns.elsewhere.example.", 60, "A", "6.6.6.6"),  # not for a server of test. to say
        ("www.corp.test.", 60, "A", "6.6.6.6"),  # not a name server
    )
    found = mean(reply(authority=cut, additional=glue, aa=False), TEST)
    assert (found.what, names(found)) == ("referral", ["corp.test. NS"])
    assert [str(rrset.name) for rrset in found.glue] == ["ns.corp.test."]


@pytest.mark.parametrize("owner", ["test.", ".", "corp.test.", "lab.corp.test.", "bank.test."])
def test_a_referral_that_leads_nowhere_is_lame(owner: str) -> None:
    found = mean(reply(authority=((owner, 60, "NS", "ns.evil.test."),), aa=False), CORP)
    assert found.what == "lame"


def test_no_such_name_and_no_such_records() -> None:
    found = mean(reply(authority=(SOA,), rcode=dns.rcode.NXDOMAIN))
    assert (found.what, found.rcode, found.soa is not None) == ("no", dns.rcode.NXDOMAIN, True)
    found = mean(reply(authority=(SOA,)))
    assert (found.what, found.rcode, found.soa is not None) == ("no", dns.rcode.NOERROR, True)
    outside = ("test.", 60, "SOA", "ns.test. h.test. 1 2 3 4 60")
    assert mean(reply(authority=(outside,), rcode=dns.rcode.NXDOMAIN)).soa is None


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.NOTIMP, dns.rcode.FORMERR])
def test_a_server_that_is_no_help(rcode: dns.rcode.Rcode) -> None:
    assert mean(reply(rcode=rcode)).what == "lame"
    assert mean(reply(aa=False)).what == "lame"


def test_a_reply_has_the_id_and_the_question_of_the_query() -> None:
    query = Question(WWW, dns.rdatatype.A).message()
    good = dns.message.make_response(query)
    assert read_reply(good.to_wire(), query) is not None
    upper = bytearray(good.to_wire())
    upper[13:16] = b"WWW"
    assert read_reply(bytes(upper), query) is not None
    wrong_id = bytearray(good.to_wire())
    wrong_id[1] ^= 1
    other = dns.message.make_response(dns.message.make_query("www.corp.test.", "AAAA", id=query.id))
    for data in (bytes(wrong_id), other.to_wire(), query.to_wire(), good.to_wire()[:11], good.to_wire()[:20], b""):
        assert read_reply(data, query) is None


@pytest.mark.slow
def test_ten_thousand_replies_gone_wrong() -> None:
    """Whatever a server sends: it is no reply, or one that says nothing about other zones."""
    chance = random.Random(8)
    query = Question(WWW, dns.rdatatype.A).message()
    made = dns.message.make_response(query)
    made.flags |= dns.flags.AA
    made.answer.append(dns.rrset.from_text("www.corp.test.", 60, "IN", "CNAME", "web.corp.test."))
    made.answer.append(dns.rrset.from_text("web.corp.test.", 60, "IN", "A", "10.0.0.1"))
    made.authority.append(dns.rrset.from_text("lab.corp.test.", 60, "IN", "NS", "ns.lab.corp.test."))
    made.additional.append(dns.rrset.from_text("ns.lab.corp.test.", 60, "IN", "A", "10.0.0.2"))
    seed, understood = made.to_wire(), 0
    for _ in range(10_000):
        data = bytearray(seed)
        for _ in range(chance.randrange(1, 5)):
            data[chance.randrange(2, len(data))] = chance.choice((0, 1, 0x3F, 0xC0, 0xFF, chance.randrange(256)))
        found = read_reply(bytes(data), query)
        if found is not None:
            understood += 1
            meant = mean(found)
            assert all(rrset.name.is_subdomain(CORP) for rrset in [*meant.records, *meant.glue])
    assert understood > 1000
