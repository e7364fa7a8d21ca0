"""The same zones served by BIND's `named`: its responses are what ours have to be."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.query
import pytest

from tests.services.dns.asking import Said, said
from tests.services.loopback import free_port, served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("named") is None, reason="named (bind9) is not installed"),
]

CORP = """$TTL 3600
@        IN SOA ns1 hostmaster 7 3600 600 86400 60
         IN NS ns1
         IN NS ns2.other.test.
         IN MX 10 mail
         IN TXT "v=spf1 -all" "second string"
ns1      IN A 127.0.0.1
mail     IN A 10.0.0.25
         IN AAAA 2001:db8::25
web      IN A 10.0.0.80
www      IN CNAME web
chain    IN CNAME www
out      IN CNAME www.elsewhere.example.
gone     IN CNAME nowhere
cross    IN CNAME www.other.test.
below    IN CNAME x.lab
a.b.c    IN A 10.0.0.3
*.dev    IN A 10.0.0.21
*.dev    IN TXT "wild"
real.dev IN A 10.0.0.22
*.alias  IN CNAME web
lab      IN NS ns.lab
lab      IN NS ns.elsewhere.example.
ns.lab   IN A 10.0.0.53
_sip._tcp IN SRV 0 5 5060 mail
"""
OTHER = """$TTL 600
@    IN SOA ns1 hostmaster 1 3600 600 86400 30
     IN NS ns1
ns1  IN A 127.0.0.1
ns2  IN A 127.0.0.2
www  IN A 10.1.0.80
"""
QUESTIONS = [
    *("corp.test SOA", "corp.test MX", "corp.test TXT", "corp.test A", "ns1.corp.test A"),
    *("mail.corp.test A", "mail.corp.test AAAA", "mail.corp.test MX", "nowhere.corp.test A", "www.corp.test A"),
    *("www.corp.test CNAME", "www.corp.test MX", "chain.corp.test A", "chain.corp.test AAAA", "out.corp.test A"),
    *("gone.corp.test A", "below.corp.test A", "b.c.corp.test A"),
    *("c.corp.test TXT", "a.b.c.corp.test A", "x.a.b.c.corp.test A", "x.dev.corp.test A", "y.x.dev.corp.test A"),
    *("x.dev.corp.test TXT", "x.dev.corp.test MX", "dev.corp.test A", "real.dev.corp.test A", "x.real.dev.corp.test A"),
    *("x.alias.corp.test A", "x.alias.corp.test CNAME", "lab.corp.test A", "lab.corp.test NS", "x.lab.corp.test A"),
    *("ns.lab.corp.test A", "lab.corp.test SOA", "_sip._tcp.corp.test SRV", "_tcp.corp.test SRV", "example.org A"),
    *("www.other.test A", "test A", "WWW.CORP.TEST A", "*.dev.corp.test A", "lab.corp.test DS", "www.lab.corp.test DS"),
]


def run_named(folder: Path, port: int) -> subprocess.Popen[bytes]:
    (folder / "named.conf").write_text(
        f"""
        options {{
            directory "{folder}"; pid-file none; session-keyfile "{folder}/session.key";
            listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
            recursion no; notify no; dnssec-validation no; minimal-responses no-auth;
        }};
        controls {{ }};
        zone "corp.test" {{ type primary; file "corp.zone"; }};
        zone "other.test" {{ type primary; file "other.zone"; }};
        """
    )
    command = ["named", "-g", "-4", "-n", "1", "-c", str(folder / "named.conf")]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """Ours and named's, with the same zone files."""
    folder = tmp_path_factory.mktemp("zones")
    (folder / "corp.zone").write_text(CORP)
    (folder / "other.zone").write_text(OTHER)
    files = {"corp.test.": str(folder / "corp.zone"), "other.test.": str(folder / "other.zone")}
    port = free_port()
    with served("dns.server", files=files) as ours, run_named(folder, port) as process:
        try:
            _await(port, process)
            yield ours, port
        finally:
            process.terminate()


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    process.kill()
    raise AssertionError((process.communicate()[1] or b"").decode())


def ask(port: int, question: str, by_tcp: bool) -> Said:
    name, rdtype = question.split()
    query = dns.message.make_query(name, rdtype, use_edns=False)
    query.flags &= ~dns.flags.RD
    how = dns.query.tcp if by_tcp else dns.query.udp
    found = said(how(query, "127.0.0.1", timeout=10, port=port))
    # compression may take a name from the question, with its case
    sections = (sorted(line.lower() for line in part) for part in (found.answer, found.authority, found.additional))
    return Said(found.rcode, found.flags, *sections)


@pytest.mark.parametrize("by_tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_the_same_response(ports: tuple[int, int], question: str, by_tcp: bool) -> None:
    ours, theirs = ports
    assert ask(ours, question, by_tcp) == ask(theirs, question, by_tcp)


def test_of_two_zones_of_one_server(ports: tuple[int, int]) -> None:
    """RFC 1034 6.2.7: who has both follows an alias from one into the other; named stays in the first."""
    ours, theirs = (ask(port, "cross.corp.test A", by_tcp=False) for port in ports)
    assert [line.split()[0] for line in ours.answer] == ["cross.corp.test.", "www.other.test."]
    assert ours.answer[:1] == theirs.answer
    ours, theirs = (ask(port, "corp.test NS", by_tcp=False) for port in ports)
    assert (ours.answer, ours.authority) == (theirs.answer, theirs.authority)
    assert set(ours.additional) > set(theirs.additional)
