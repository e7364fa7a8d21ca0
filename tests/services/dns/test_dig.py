"""`dig` against the server as a real process on loopback, as a user would ask it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.loopback import served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("dig") is None, reason="dig (bind9-dnsutils) is not installed"),
]
ZONE = Path(__file__).parents[3] / "topologies" / "zones" / "corp.zone"
APEX = ("1.0.10.in-addr.arpa.", 60, "SOA", "ns.corp.test. h.corp.test. 1 2 3 4 60")
REVERSE = [
    APEX,
    ("1.0.10.in-addr.arpa.", 60, "NS", "ns.corp.test."),
    ("7.1.0.10.in-addr.arpa.", 60, "PTR", "web.corp.test."),
    *[("1.0.10.in-addr.arpa.", 60, "TXT", f'"{"x" * 100}{number}"') for number in range(9)],
]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with served("dns.server", files={"corp.test.": str(ZONE)}, zones={"1.0.10.in-addr.arpa.": REVERSE}) as port:
        yield port


def dig(port: int, question: str) -> str:
    command = ["dig", "@127.0.0.1", "-p", str(port), "+tries=1", "+timeout=10", *question.split()]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    text = run.stdout.replace(";; WARNING: recursion requested but not available\n", "")
    assert "warning" not in text.lower()
    return text


def test_short(port: int) -> None:
    alias, *addresses = dig(port, "www.corp.test +short").split()
    assert (alias, sorted(addresses)) == ("web.corp.test.", [f"203.0.113.{last}" for last in (80, 81, 82)])
    assert dig(port, "corp.test MX +short") == "10 mail.corp.test.\n"
    assert dig(port, "-x 10.0.1.7 +short") == "web.corp.test.\n"


@pytest.mark.parametrize(
    ("question", "status", "flags", "counts"),
    [
        ("mail.corp.test", "NOERROR", "qr aa rd", (1, 0)),
        ("mail.corp.test +norecurse", "NOERROR", "qr aa", (1, 0)),
        ("mail.corp.test +tcp", "NOERROR", "qr aa rd", (1, 0)),
        ("mail.corp.test +noedns", "NOERROR", "qr aa rd", (1, 0)),
        ("nowhere.corp.test", "NXDOMAIN", "qr aa rd", (0, 1)),
        ("mail.corp.test AAAA", "NOERROR", "qr aa rd", (0, 1)),
        ("x.dev.corp.test", "NOERROR", "qr aa rd", (4, 0)),
        ("example.org", "REFUSED", "qr rd", (0, 0)),
        ("1.0.10.in-addr.arpa TXT +bufsize=4096", "NOERROR", "qr aa rd", (9, 0)),
        ("1.0.10.in-addr.arpa TXT +bufsize=512 +ignore", "NOERROR", "qr aa tc rd", (0, 0)),
        ("1.0.10.in-addr.arpa TXT +noedns", "NOERROR", "qr aa rd", (9, 0)),  # dig goes on by TCP
        ("mail.corp.test +edns=1 +noednsnegotiation", "BADVERS", "qr rd", (0, 0)),
        ("mail.corp.test +opcode=STATUS", "NOTIMP", "qr rd", (0, 0)),
        ("version.bind CH TXT", "REFUSED", "qr rd", (0, 0)),
    ],
)
def test_the_header(port: int, question: str, status: str, flags: str, counts: tuple[int, int]) -> None:
    text = dig(port, question)
    header = re.search(r"status: (\w+),.*\n;; flags: ([^;]+);.* ANSWER: (\d+), AUTHORITY: (\d+)", text)
    assert header is not None, text
    assert (header[1], header[2], (int(header[3]), int(header[4]))) == (status, flags, counts)


def test_it_falls_back_to_tcp(port: int) -> None:
    text = dig(port, "1.0.10.in-addr.arpa TXT +noedns")
    assert "Truncated, retrying in TCP mode" in text
    assert "(TCP)" in text


def test_several_questions_over_one_connection(port: int) -> None:
    text = dig(port, "+keepopen +tcp +noall +answer mail.corp.test ns1.corp.test ns2.corp.test")
    assert [line.split()[-1] for line in text.splitlines() if line] == ["192.168.1.25", "192.168.1.53", "192.168.1.54"]
