"""DNS with the real world: `dig`, glibc and BIND in a namespace, our servers and our resolver in the network."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sim.services.dns import server
from sim.userland.dig import dig
from sim.userland.names import getaddrinfo
from sim.userland.resolver_settings import ResolverSettings

if TYPE_CHECKING:
    from tests.bridge.conftest import Lab, Process

pytestmark = [pytest.mark.root, pytest.mark.slow]
RESOLVER, ROOT, TLD, CORP = "10.0.1.10", "10.0.2.11", "10.0.2.12", "10.0.2.13"
SOA = "ns. h. 1 3600 600 86400 60"
KERNEL = "10.0.1.1"


def zone(origin: str, *records: str) -> dict[str, list[tuple[str, int, str, str]]]:
    """A zone of lines "NAME TYPE DATA"."""
    made = [(origin, 300, "SOA", SOA)]
    for line in records:
        name, kind, data = line.split(maxsplit=2)
        made.append((name, 300, kind, data))
    return {origin: made}


@pytest.fixture
def internet(lab: Lab) -> Iterator[Lab]:
    """The root, test. and corp.test. behind the routers, a resolver beside the kernel, which asks it for names."""
    if shutil.which("dig") is None:
        pytest.skip("dig (bind9-dnsutils) is not installed")
    serve(lab, "root", ROOT, zone(".", ". NS a.root.", f"a.root. A {ROOT}", "test. NS ns.test.", f"ns.test. A {TLD}"))
    serve(
        lab,
        "tld",
        TLD,
        zone(
            *("test.", "test. NS ns.test.", f"ns.test. A {TLD}", "corp.test. NS ns.corp.test."),
            *(f"ns.corp.test. A {CORP}", "kernel.test. NS ns.kernel.test.", f"ns.kernel.test. A {KERNEL}"),
        ),
    )
    web = [f"web.corp.test. A 10.0.9.{number}" for number in (1, 2)]
    big = [f'big.corp.test. TXT "{"x" * 100}{number}"' for number in range(40)]
    names = ["www.corp.test. CNAME web.corp.test.", "corp.test. MX 10 web.corp.test.", "*.w.corp.test. A 10.0.9.3"]
    serve(
        lab,
        "authority",
        CORP,
        zone("corp.test.", "corp.test. NS ns.corp.test.", f"ns.corp.test. A {CORP}", *web, *big, *names)
        | zone("9.0.10.in-addr.arpa.", "1.9.0.10.in-addr.arpa. PTR web.corp.test."),
    )
    lab.host("h1").serve(lambda: server.serve(recursive=True, root_hints=[ROOT]), name="resolver")
    lab.configure("link set lo up")
    settings = Path("/etc/netns") / lab.netns
    settings.mkdir(parents=True)
    (settings / "resolv.conf").write_text(f"nameserver {RESOLVER}\nsearch corp.test\n")
    try:
        yield lab
    finally:
        shutil.rmtree(settings)


def serve(lab: Lab, name: str, address: str, zones: dict[str, Any]) -> None:
    host = lab.net.host(name, f"{address}/24", gateway="10.0.2.254")
    lab.net.link(host, "sw2", bandwidth="1Gbps", delay="10us")
    host.serve(lambda: server.serve(zones=zones), name=name)


def short(lab: Lab, question: str) -> list[str]:
    return sorted(lab.run(f"dig +short +tries=1 {question}").splitlines())


def test_dig_asks_the_resolver(internet: Lab) -> None:
    assert short(internet, "www.corp.test") == ["10.0.9.1", "10.0.9.2", "web.corp.test."]
    assert short(internet, "www.corp.test +tcp") == ["10.0.9.1", "10.0.9.2", "web.corp.test."]
    assert short(internet, "web +search") == ["10.0.9.1", "10.0.9.2"]
    assert short(internet, "corp.test MX +noedns") == ["10 web.corp.test."]
    assert short(internet, "any.w.corp.test +bufsize=512") == ["10.0.9.3"]
    assert len(short(internet, "big.corp.test TXT")) == 40
    text = internet.run("dig nowhere.corp.test")
    assert "status: NXDOMAIN" in text
    assert re.search(r"flags: qr rd ra;.*AUTHORITY: 1", text)


def test_dig_traces_from_our_root(internet: Lab) -> None:
    text = internet.run("dig +trace +nodnssec www.corp.test")
    steps = re.findall(r"Received \d+ bytes from (\S+)#53\(([^)]+)\)", text)
    assert [address for address, _ in steps] == [RESOLVER, ROOT, TLD, CORP]
    assert "www.corp.test.\t\t300\tIN\tCNAME\tweb.corp.test." in text
    assert not re.search(r"(?i)warning|error|bad referral", text)


def test_dig_without_recursion_and_the_other_way_round(internet: Lab) -> None:
    text = internet.run(f"dig @{TLD} www.corp.test +norecurse")
    assert "flags: qr; QUERY: 1, ANSWER: 0, AUTHORITY: 1, ADDITIONAL: 2" in text
    assert short(internet, f"@{CORP} -x 10.0.9.1") == ["web.corp.test."]
    assert "status: REFUSED" in internet.run(f"dig @{CORP} example.org")


LOOK_UP = """
import json, socket, sys
found = []
for name in sys.argv[1:]:
    try:
        entries = socket.getaddrinfo(name, 80, socket.AF_INET, socket.SOCK_STREAM, 0, socket.AI_CANONNAME)
        found.append([entries[0][3], sorted(entry[4][0] for entry in entries)])
    except socket.gaierror as error:
        found.append([error.errno, error.strerror])
print(json.dumps(found))
"""
NAMES = [
    *("www.corp.test", "web", "www", "nowhere.corp.test", "nowhere", "corp.test", "corp", "a.w", "web.corp.test."),
    *("x.y.z", "w.corp.test", "a.w.corp.test."),
]


def test_our_stub_says_what_glibc_says(internet: Lab, tmp_path: Path) -> None:
    """The same names, the same servers: a resolver, and after one that refuses everything."""
    script = tmp_path / "look_up.py"
    script.write_text(LOOK_UP)
    stub = internet.host("h2")
    stub.resolver.search = ["corp.test"]
    for servers in ([RESOLVER], [CORP, RESOLVER], [CORP]):
        lines = "".join(f"nameserver {one}\n" for one in servers)
        (Path("/etc/netns") / internet.netns / "resolv.conf").write_text(f"{lines}search corp.test\n")
        theirs = json.loads(internet.run(f"{sys.executable} {script} {' '.join(NAMES)}"))
        stub.resolver.servers = servers
        assert stub_says(internet, NAMES) == theirs


def stub_says(lab: Lab, names: list[str]) -> list[Any]:
    import socket

    def run() -> list[Any]:
        found: list[Any] = []
        for name in names:
            try:
                entries = getaddrinfo(name, 80, socket.AF_INET, socket.SOCK_STREAM, 0, socket.AI_CANONNAME)
            except socket.gaierror as error:
                found.append([error.errno, error.strerror])
            else:
                found.append([entries[0][3], sorted(entry[4][0] for entry in entries)])
        return found

    process = lab.host("h2").spawn(run)
    lab.until(lambda: process.done)
    return list(process.result())


NAMED = """
options {{
    directory "{folder}"; pid-file none; session-keyfile "{folder}/session.key";
    listen-on port 53 {{ {address}; }}; listen-on-v6 {{ none; }};
    recursion {recursion}; notify no; dnssec-validation no;
}};
controls {{ }};
{zones}
"""


def named(lab: Lab, folder: Path, address: str, recursion: bool, zones: str) -> Process:
    """BIND in the namespace; it runs until the test is over."""
    recurse = "yes" if recursion else "no"
    text = NAMED.format(folder=folder, address=address, recursion=recurse, zones=zones)
    (folder / "named.conf").write_text(text)
    return lab.start(f"named -g -4 -n 1 -c {folder}/named.conf")


def test_bind_walks_from_our_root(internet: Lab, tmp_path: Path) -> None:
    """A real resolver, with the minimized names that it asks for (RFC 9156), through our root, test. and corp.test."""
    (tmp_path / "hints").write_text(f". 3600 NS a.root.\na.root. 3600 A {ROOT}\n")
    process = named(internet, tmp_path, "127.0.0.1", True, 'zone "." { type hint; file "hints"; };')
    try:
        internet.until(lambda: short(internet, "@127.0.0.1 +retry=0 +time=1 web.corp.test") == ["10.0.9.1", "10.0.9.2"])
        assert short(internet, "@127.0.0.1 www.corp.test")[-1] == "web.corp.test."
        assert short(internet, "@127.0.0.1 deep.er.w.corp.test") == ["10.0.9.3"]
        assert len(short(internet, "@127.0.0.1 big.corp.test TXT")) == 40
        assert "status: NXDOMAIN" in internet.run("dig @127.0.0.1 nowhere.corp.test")
        assert "status: NOERROR" in internet.run("dig @127.0.0.1 web.corp.test MX")
    finally:
        process.close()


def test_our_resolver_walks_to_bind(internet: Lab, tmp_path: Path) -> None:
    (tmp_path / "kernel.zone").write_text(
        "$TTL 60\n@ IN SOA ns h 1 2 3 4 5\n@ IN NS ns\nns IN A 10.0.1.1\nwww IN CNAME web\nweb IN A 10.0.8.1\n"
        "out IN CNAME web.corp.test.\n" + "".join(f'big IN TXT "{"x" * 100}{number}"\n' for number in range(40))
    )
    process = named(internet, tmp_path, KERNEL, False, 'zone "kernel.test" { type primary; file "kernel.zone"; };')
    try:
        internet.until(lambda: short(internet, f"@{KERNEL} +retry=0 +time=1 web.kernel.test") == ["10.0.8.1"])
        for name, rdtype, status, count in (
            ("www", "A", "NOERROR", 1),
            ("out", "A", "NOERROR", 2),
            ("big", "TXT", "NOERROR", 40),
            ("no", "A", "NXDOMAIN", 0),
        ):
            program = internet.host("h2").spawn(
                dig, ResolverSettings(), RESOLVER, f"{name}.kernel.test", rdtype, {}, name="dig"
            )
            internet.until(lambda program=program: program.done)  # type: ignore[misc]
            found = program.result()
            assert (found.status, len(found.answers)) == (status, count)
    finally:
        process.close()
