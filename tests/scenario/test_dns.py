"""From the records of a topology to whole zones."""

from __future__ import annotations

from typing import Any

import pytest

from sim.scenario.load import loads
from sim.scenario.model import Dns, Host
from sim.scenario.targets import is_name, root_servers

NODE = "nodes:\n  ns:\n    kind: dns\n    ip: 10.0.0.53/24\n"


def arguments(text: str, roots: list[str] | None = None) -> dict[str, Any]:
    node = loads(NODE + "".join(f"    {line}\n" for line in text.splitlines())).nodes["ns"]
    assert isinstance(node, Dns)
    service = node.served[0]
    assert service.dns is not None
    return service.dns.arguments(["10.0.0.53"], roots or [])


def zones(text: str) -> dict[str, list[str]]:
    """The records of each zone as text, but for what every zone gets."""
    found: dict[str, list[Any]] = arguments(text)["zones"]
    made = ("SOA", "NS")
    return {
        origin: [
            f"{owner} {ttl} {kind} {data}" for owner, ttl, kind, data in records if kind not in made or ttl != 3600
        ]
        for origin, records in found.items()
    }


def test_the_zones_of_records_that_are_in_none() -> None:
    found = zones("records: {web.corp.test: 10.0.0.1, a.b.corp.test: 10.0.0.2, corp.test: 10.0.0.3, x.test: 10.0.0.4}")
    assert list(found) == ["corp.test.", "x.test."]
    assert "a.b.corp.test. 3600 A 10.0.0.2" in found["corp.test."]
    assert list(zones("root: true\nrecords: {web.corp.test: 10.0.0.1}")) == ["."]
    assert list(zones("records: {printer: 10.0.0.1}")) == ["printer."]


def test_a_zone_has_a_soa_and_a_name_server() -> None:
    found: dict[str, Any] = arguments("records: {web.corp.test: 10.0.0.1}\nnegative_ttl: 1min")["zones"]
    assert found["corp.test."][:3] == [
        ("corp.test.", 3600, "SOA", "ns.corp.test. hostmaster.corp.test. 1 3600 600 604800 60"),
        ("corp.test.", 3600, "NS", "ns.corp.test."),
        ("ns.corp.test.", 3600, "A", "10.0.0.53"),
    ]
    written = "records: {corp.test: {SOA: a.corp.test b.corp.test 9 8 7 6 5, NS: x.corp.test}, x.corp.test: 10.0.0.9}"
    records = arguments(written)["zones"]["corp.test."]
    assert [kind for _, _, kind, _ in records] == ["SOA", "NS", "A"]


@pytest.mark.parametrize(
    ("written", "record"),
    [
        ("www: 10.0.0.1", "www.corp.test. 3600 A 10.0.0.1"),
        ("www.corp.test: 10.0.0.1", "www.corp.test. 3600 A 10.0.0.1"),
        ('"@": 10.0.0.1', "corp.test. 3600 A 10.0.0.1"),
        ('"*.dev": "2001:db8::1"', "*.dev.corp.test. 3600 AAAA 2001:db8::1"),
        ("WWW: {a: 10.0.0.1, ttl: 90s}", "www.corp.test. 90 A 10.0.0.1"),
        ("www: {CNAME: web}", "www.corp.test. 3600 CNAME web.corp.test."),
        ("www: {CNAME: web.other.test}", "www.corp.test. 3600 CNAME web.other.test."),
        ('www: {CNAME: "@"}', "www.corp.test. 3600 CNAME corp.test."),
        ("www: {MX: 10 mail}", "www.corp.test. 3600 MX 10 mail.corp.test."),
        ("www: {SRV: 0 5 80 web}", "www.corp.test. 3600 SRV 0 5 80 web.corp.test."),
        ("www: {TXT: it is}", 'www.corp.test. 3600 TXT "it is"'),
        ("www: {TXT: 'say \"hi\"'}", 'www.corp.test. 3600 TXT "say \\034hi\\034"'),
        ("www: {TXT: 12}", 'www.corp.test. 3600 TXT "12"'),
        ("_sip._tcp: 10.0.0.1", "_sip._tcp.corp.test. 3600 A 10.0.0.1"),
        ("www: {CAA: '0 issue \"ca.test\"'}", 'www.corp.test. 3600 CAA 0 issue "ca.test"'),
    ],
)
def test_how_records_are_written(written: str, record: str) -> None:
    assert record in zones(f"zones: {{corp.test: {{records: {{{written}}}}}}}")["corp.test."]


def test_a_long_text_is_several_strings() -> None:
    (text,) = [line for line in zones(f"records: {{t.corp.test: {{TXT: {'x' * 600}}}}}")["corp.test."] if "TXT" in line]
    assert [len(part) for part in text.split(" TXT ")[1].split()] == [257, 257, 92]


@pytest.mark.parametrize(
    ("written", "records"),
    [
        ("10.0.0.9", [("NS", "ns.lab.corp.test."), ("A", "10.0.0.9")]),
        ("[10.0.0.9, 10.0.0.8]", [("NS", "ns.lab.corp.test."), ("A", "10.0.0.9"), ("A", "10.0.0.8")]),
        ("ns.other.test", [("NS", "ns.other.test.")]),
        ("{ns1.lab.corp.test: 10.0.0.9}", [("NS", "ns1.lab.corp.test."), ("A", "10.0.0.9")]),
        ("[10.0.0.9, ns.other.test]", [("NS", "ns.lab.corp.test."), ("A", "10.0.0.9"), ("NS", "ns.other.test.")]),
    ],
)
def test_delegations(written: str, records: list[tuple[str, str]]) -> None:
    found = arguments(f"records: {{web.corp.test: 10.0.0.1}}\ndelegations: {{lab.corp.test: {written}}}")["zones"]
    assert [(kind, data) for owner, _, kind, data in found["corp.test."] if "lab" in owner] == records


def test_names_of_addresses() -> None:
    found = zones(
        "reverse: true\n"
        "records: {web.corp.test: [10.0.0.1, 10.0.1.1], www.corp.test: 10.0.0.1, '*.corp.test': 10.0.0.7}"
    )
    assert [line for line in found["0.0.10.in-addr.arpa."] if "PTR" in line] == [
        "1.0.0.10.in-addr.arpa. 3600 PTR web.corp.test."
    ]
    assert [line for line in found["1.0.10.in-addr.arpa."] if "PTR" in line] == [
        "1.1.0.10.in-addr.arpa. 3600 PTR web.corp.test."
    ]


def test_where_a_resolver_begins() -> None:
    assert arguments("recursive: true\nroot_hints: 10.9.9.9", ["10.0.0.1"])["root_hints"] == ["10.9.9.9"]
    forwarding = arguments("forward: [10.9.9.9]", ["10.0.0.1"])
    assert (forwarding["recursive"], forwarding["forward"], forwarding["root_hints"]) == (True, ["10.9.9.9"], [])
    net = loads(
        "nodes: {r: {kind: dns, ip: 10.0.0.1/24, root: true}, a: {kind: dns, ip: 10.0.0.2/24, recursive: true}}"
    )
    assert root_servers(net) == ["10.0.0.1"]
    node = net.nodes["a"]
    assert isinstance(node, Host)
    assert node.served[0].dns is not None
    assert node.served[0].dns.arguments([], root_servers(net))["root_hints"] == ["10.0.0.1"]


@pytest.mark.parametrize(
    ("target", "answer"),
    [("web.corp.test", True), ("10.0.0.1", False), ("b", False), ("short", False), ("known", True), ("a:eth0", False)],
)
def test_which_targets_are_names(target: str, answer: bool) -> None:
    net = loads("nodes: {a: {kind: host, ip: 10.0.0.1/24, dns: 10.0.0.2, hosts: {known: 10.0.0.9}}, b: {kind: hub}}")
    assert is_name(net, "a", target) is answer
    assert is_name(net, "b", target) is False


def test_dnspython_is_not_imported_for_a_file_without_records() -> None:
    import subprocess
    import sys

    code = "import sys, sim.cli.main; from sim.scenario.load import loads; loads('nodes: {a: {kind: hub}}'); "
    code += "print([name for name in sys.modules if name.split('.')[0] == 'dns'])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
