"""Zones: wildcards, cuts, aliases, and whose turn it is."""

from __future__ import annotations

import pytest

from tests.services.dns.asking import Said, ask, server

# RFC 4592 2.2.1, where names that only lead to others exist (host1's SSH record is two labels below)
WILDCARDS = """
$TTL 3600
@                 IN SOA ns.example.com. admin.example.com. 1 3600 600 86400 300
                  NS ns.example.com.
                  NS ns.example.net.
*                 TXT "this is a wildcard"
*                 MX 10 host1.example.
sub.*             TXT "this is not a wildcard"
host1             A 192.0.2.1
_ssh._tcp.host1   SRV 0 0 22 host1.example.
_ssh._tcp.host2   SRV 0 0 22 host2.example.
subdel            NS ns.example.com.
subdel            NS ns.example.net.
"""
CUTS = """
$TTL 3600
@        IN SOA ns1 hostmaster 7 3600 600 86400 60
         NS ns1
ns1      A 10.0.0.1
lab      NS ns.lab
         NS ns.other.test.
ns.lab   A 10.0.0.2
lab      DS 1 8 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF
loop1    CNAME loop2
loop2    CNAME loop1
out      CNAME www.other.test.
into     CNAME deep.lab
gone     CNAME nowhere
long0    CNAME long1
web      A 10.0.0.11
         A 10.0.0.12
         A 10.0.0.13
*.dev    A 10.0.0.21
         A 10.0.0.22
mail     MX 10 web
_x._tcp  SRV 0 0 80 web
"""


@pytest.mark.parametrize(
    ("name", "rdtype", "rcode", "answer"),
    [
        ("host3.example", "MX", "NOERROR", ["host3.example. 3600 MX 10 host1.example."]),
        ("host3.example", "A", "NOERROR", []),
        ("foo.bar.example", "TXT", "NOERROR", ['foo.bar.example. 3600 TXT "this is a wildcard"']),
        ("host1.example", "MX", "NOERROR", []),
        ("sub.*.example", "MX", "NOERROR", []),
        ("_telnet._tcp.host1.example", "SRV", "NXDOMAIN", []),
        ("_tcp.host1.example", "TXT", "NOERROR", []),
        ("ghost.*.example", "MX", "NXDOMAIN", []),
        ("*.example", "TXT", "NOERROR", ['*.example. 3600 TXT "this is a wildcard"']),
    ],
)
def test_what_a_wildcard_stands_for(name: str, rdtype: str, rcode: str, answer: list[str]) -> None:
    found = ask(server(("example.", WILDCARDS)), name, rdtype)
    assert (found.rcode, found.flags, found.answer) == (rcode, "qr aa", answer)
    assert bool(found.authority) is not bool(answer)


def test_no_wildcard_reaches_below_a_cut() -> None:
    found = ask(server(("example.", WILDCARDS)), "host.subdel.example", "A")
    assert (found.flags, found.answer) == ("qr", [])
    assert sorted(found.authority) == [
        "subdel.example. 3600 NS ns.example.com.",
        "subdel.example. 3600 NS ns.example.net.",
    ]


def test_a_cut() -> None:
    zone = server(("corp.test.", CUTS))
    servers = ["lab.corp.test. 3600 NS ns.lab.corp.test.", "lab.corp.test. 3600 NS ns.other.test."]
    referral = Said("NOERROR", "qr", [], servers, ["ns.lab.corp.test. 3600 A 10.0.0.2"])
    for name in ("lab.corp.test", "deep.lab.corp.test", "ns.lab.corp.test"):  # glue is no answer
        assert ask(zone, name, "A") == referral
    assert ask(zone, "lab.corp.test", "NS") == referral
    assert ask(zone, "lab.corp.test", "DS").flags == "qr aa"  # that is the parent's
    with_child = server(
        ("corp.test.", CUTS), ("lab.corp.test.", "@ 60 IN SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 10.0.0.2")
    )
    assert ask(with_child, "ns.lab.corp.test", "A").flags == "qr aa"
    assert len(ask(with_child, "lab.corp.test", "DS").answer) == 1


def test_aliases() -> None:
    zone = server(("corp.test.", CUTS))
    assert len(ask(zone, "loop1.corp.test").answer) == 2
    out = ask(zone, "out.corp.test")
    assert (out.rcode, out.answer, out.authority) == ("NOERROR", ["out.corp.test. 3600 CNAME www.other.test."], [])
    into = ask(zone, "into.corp.test")
    assert (into.flags, len(into.answer), len(into.authority)) == ("qr aa", 1, 2)
    gone = ask(zone, "gone.corp.test")
    assert (gone.rcode, len(gone.answer), len(gone.authority)) == ("NXDOMAIN", 1, 1)  # RFC 6604
    assert gone.authority[0].startswith("corp.test. 60 SOA")


def test_what_will_be_asked_for_next_is_told_beside() -> None:
    zone = server(("corp.test.", CUTS))
    addresses = [f"web.corp.test. 3600 A 10.0.0.{number}" for number in (11, 12, 13)]
    assert ask(zone, "mail.corp.test", "MX").additional == addresses
    assert ask(zone, "_x._tcp.corp.test", "SRV").additional == addresses
    assert ask(zone, "corp.test", "NS").additional == ["ns1.corp.test. 3600 A 10.0.0.1"]


def test_each_answer_begins_with_the_next_address() -> None:
    zone = server(("corp.test.", CUTS), rotate=True)
    firsts = [ask(zone, "web.corp.test").answer[0].split()[-1] for _ in range(4)]
    assert firsts == ["10.0.0.11", "10.0.0.12", "10.0.0.13", "10.0.0.11"]
    for number in range(3):
        assert len(ask(zone, f"{number}.dev.corp.test").answer) == 2
    assert len(zone.authority._turns) == 1  # names that a wildcard stands for are without number


def test_other_zones_are_refused() -> None:
    assert ask(server(("corp.test.", CUTS)), "example.org") == Said("REFUSED", "qr", [], [], [])
    assert ask(server(("corp.test.", CUTS)), ".", "NS").rcode == "REFUSED"


def test_case_does_not_matter_and_is_kept_in_the_question() -> None:
    found = ask(server(("corp.test.", CUTS)), "WeB.CoRp.TeSt")
    assert len(found.answer) == 3
