"""The scenario of RFC 1034 6: its zones, and the responses that it prints."""

from __future__ import annotations

import pytest

from sim.services.dns.answering import Answering
from tests.services.dns.asking import Said, ask, server

ROOT = """
$TTL 86400
.       IN      SOA     SRI-NIC.ARPA. HOSTMASTER.SRI-NIC.ARPA. 870611 1800 300 604800 86400
                NS      A.ISI.EDU.
                NS      C.ISI.EDU.
                NS      SRI-NIC.ARPA.
MIL.    86400   NS      SRI-NIC.ARPA.
        86400   NS      A.ISI.EDU.
EDU.    86400   NS      SRI-NIC.ARPA.
        86400   NS      C.ISI.EDU.
SRI-NIC.ARPA.   A       26.0.0.73
                A       10.0.0.51
                MX      0 SRI-NIC.ARPA.
                HINFO   DEC-2060 TOPS20
ACC.ARPA.       A       26.6.0.65
                HINFO   PDP-11/70 UNIX
                MX      10 ACC.ARPA.
USC-ISIC.ARPA.  CNAME   C.ISI.EDU.
73.0.0.26.IN-ADDR.ARPA.  PTR    SRI-NIC.ARPA.
65.0.6.26.IN-ADDR.ARPA.  PTR    ACC.ARPA.
51.0.0.10.IN-ADDR.ARPA.  PTR    SRI-NIC.ARPA.
52.0.0.10.IN-ADDR.ARPA.  PTR    C.ISI.EDU.
103.0.3.26.IN-ADDR.ARPA. PTR    A.ISI.EDU.
A.ISI.EDU. 86400 A      26.3.0.103
C.ISI.EDU. 86400 A      10.0.0.52
"""
EDU = """
$TTL 86400
EDU.    IN SOA SRI-NIC.ARPA. HOSTMASTER.SRI-NIC.ARPA. 870729 1800 300 604800 86400
               NS SRI-NIC.ARPA.
               NS C.ISI.EDU.
UCI     172800 NS ICS.UCI
        172800 NS ROME.UCI
ICS.UCI 172800 A 192.5.19.1
ROME.UCI 172800 A 192.5.19.31
ISI     172800 NS VAXA.ISI
        172800 NS A.ISI
        172800 NS VENERA.ISI.EDU.
VAXA.ISI 172800 A 10.2.0.27
        172800 A 128.9.0.33
VENERA.ISI.EDU. 172800 A 10.1.0.52
        172800 A 128.9.0.32
A.ISI   172800 A 26.3.0.103
UDEL.EDU. 172800 NS LOUIE.UDEL.EDU.
        172800 NS UMN-REI-UC.ARPA.
LOUIE.UDEL.EDU. 172800 A 10.0.0.96
        172800 A 192.5.39.3
"""
ISI = """
$TTL 86400
@       IN SOA VENERA Action.domains 20 7200 600 3600000 86400
        NS A
        NS VENERA
        NS VAXA
A       A 26.3.0.103
C       A 10.0.0.52
VENERA  A 10.1.0.52
VAXA    A 10.2.0.27
"""
SOA = ". 86400 SOA SRI-NIC.ARPA. HOSTMASTER.SRI-NIC.ARPA. 870611 1800 300 604800 86400"
SRI = ["SRI-NIC.ARPA. 86400 A 26.0.0.73", "SRI-NIC.ARPA. 86400 A 10.0.0.51"]
ALIAS = "USC-ISIC.ARPA. 86400 CNAME C.ISI.EDU."


@pytest.fixture(scope="module")
def c_isi_edu() -> Answering:
    return server((".", ROOT), ("EDU.", EDU))


@pytest.fixture(scope="module")
def a_isi_edu() -> Answering:
    return server((".", ROOT), ("ISI.EDU.", ISI))


def test_6_2_1(c_isi_edu: Answering) -> None:
    assert ask(c_isi_edu, "SRI-NIC.ARPA", "A") == Said("NOERROR", "qr aa", SRI, [], [])


def test_6_2_2(c_isi_edu: Answering) -> None:
    everything = [*SRI, "SRI-NIC.ARPA. 86400 MX 0 SRI-NIC.ARPA.", 'SRI-NIC.ARPA. 86400 HINFO "DEC-2060" "TOPS20"']
    assert ask(c_isi_edu, "SRI-NIC.ARPA", "ANY") == Said("NOERROR", "qr aa", everything, [], [])


def test_6_2_3(c_isi_edu: Answering) -> None:
    answer = ["SRI-NIC.ARPA. 86400 MX 0 SRI-NIC.ARPA."]
    assert ask(c_isi_edu, "SRI-NIC.ARPA", "MX") == Said("NOERROR", "qr aa", answer, [], SRI)


def test_6_2_4(c_isi_edu: Answering) -> None:
    """No such records; RFC 2308 has put the SOA there since."""
    assert ask(c_isi_edu, "SRI-NIC.ARPA", "NS") == Said("NOERROR", "qr aa", [], [SOA], [])


def test_6_2_5(c_isi_edu: Answering) -> None:
    assert ask(c_isi_edu, "SIR-NIC.ARPA", "A") == Said("NXDOMAIN", "qr aa", [], [SOA], [])


def test_6_2_6(c_isi_edu: Answering) -> None:
    servers = ["MIL. 86400 NS SRI-NIC.ARPA.", "MIL. 86400 NS A.ISI.EDU."]
    found = ask(c_isi_edu, "BRL.MIL", "A")
    assert (found.rcode, found.flags, found.answer, found.authority) == ("NOERROR", "qr", [], servers)
    assert sorted(line.split()[-1] for line in found.additional) == ["10.0.0.51", "26.0.0.73", "26.3.0.103"]


def test_6_2_7_at_a_server_of_both_zones(a_isi_edu: Answering) -> None:
    answer = [ALIAS, "C.ISI.EDU. 86400 A 10.0.0.52"]
    assert ask(a_isi_edu, "USC-ISIC.ARPA", "A") == Said("NOERROR", "qr aa", answer, [], [])


def test_6_2_7_at_a_server_of_one_of_them(c_isi_edu: Answering) -> None:
    servers = [f"ISI.EDU. 172800 NS {name}" for name in ("VAXA.ISI.EDU.", "A.ISI.EDU.", "VENERA.ISI.EDU.")]
    glue = [
        "VAXA.ISI.EDU. 172800 A 10.2.0.27",
        "VAXA.ISI.EDU. 172800 A 128.9.0.33",
        "A.ISI.EDU. 172800 A 26.3.0.103",
        "VENERA.ISI.EDU. 172800 A 10.1.0.52",
        "VENERA.ISI.EDU. 172800 A 128.9.0.32",
    ]
    assert ask(c_isi_edu, "USC-ISIC.ARPA", "A") == Said("NOERROR", "qr aa", [ALIAS], servers, glue)


def test_6_2_8(a_isi_edu: Answering, c_isi_edu: Answering) -> None:
    for one in (a_isi_edu, c_isi_edu):
        assert ask(one, "USC-ISIC.ARPA", "CNAME") == Said("NOERROR", "qr aa", [ALIAS], [], [])


def test_6_3_2_the_name_of_an_address(a_isi_edu: Answering, c_isi_edu: Answering) -> None:
    answer = ["65.0.6.26.IN-ADDR.ARPA. 86400 PTR ACC.ARPA."]
    for one in (a_isi_edu, c_isi_edu):
        assert ask(one, "65.0.6.26.IN-ADDR.ARPA", "PTR") == Said("NOERROR", "qr aa", answer, [], [])
