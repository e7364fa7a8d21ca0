"""`resolve`, and steps whose destination is a name: what is asked, what is told of it, and what fails."""

from __future__ import annotations

from pathlib import Path

import pytest

import sim
from sim.errors import TopologyError
from sim.lab.runner import Report, Run, StepReport
from sim.scenario.load import load, loads

NET = """
nodes:
  pc: {kind: host, ip: 10.0.0.10/24, gateway: 10.0.0.1, dns: [10.0.0.53, 10.0.0.54], hosts: {Known.test: 10.1.0.80}}
  ns:
    kind: dns
    ip: 10.0.0.53/24
    records: &records {web.corp.test: {A: 10.1.0.80, ttl: 20s}, bad.corp.test: 10.1.0.99}
  ns2: {kind: dns, ip: 10.0.0.54/24, records: *records}
  sw: {kind: switch}
  r: {kind: router, interfaces: {a: 10.0.0.1/24, b: 10.1.0.1/24}, dns: 10.0.0.53}
  web: {kind: host, ip: 10.1.0.80/24, gateway: 10.1.0.1, services: [echo]}
links: [[pc, sw], [ns, sw], [ns2, sw], ["r:a", sw], ["r:b", web]]
scenario:
"""


def run(*steps: str) -> Report:
    return Run(loads(NET + "".join(f"- {step}\n" for step in steps))).run()


def one(step: str) -> StepReport:
    (report,) = run(step).steps
    return report


@pytest.mark.parametrize(
    "step",
    [
        "ping: {from: pc, to: web.corp.test}\n  expect: {path: [pc, sw, r, web], seen: [web], unseen: [ns]}",
        "traceroute: {from: pc, to: web.corp.test}\n  expect: {hops: [r, web], reached: true}",
        "udp: {from: pc, to: web.corp.test, port: 9, reply: true}\n  expect: {received: 1, replies: 1}",
        "tcp: {from: pc, to: web.corp.test, port: 80, data: hi, reply: true}\n  expect: {reply: hi}",
        "tcp: {from: pc, to: web.corp.test, port: 7, bytes: 100kB, listen: false}\n  expect: {sent: 100kB}",
        "ping: {from: r, to: web.corp.test}\n  expect: {received: 1, path: [r, web]}",
    ],
)
def test_a_name_as_a_destination(step: str) -> None:
    report = one(step)
    assert report.failures == []
    asker = "r" if "from: r" in step else "pc"
    assert [(entry["asker"], entry["server"], entry["question"], entry["outcome"]) for entry in report.dns] == [
        (asker, "ns", "A web.corp.test", "A 10.1.0.80")
    ]
    assert report.summary.startswith("web.corp.test is 10.1.0.80; ")


def test_a_name_that_the_host_knows_by_itself_is_not_asked_for() -> None:
    report = one("ping: {from: pc, to: known.test}\n  expect: {received: 1}")
    assert (report.passed, report.dns) == (True, [])


def test_a_name_that_does_not_exist_fails_the_step() -> None:
    report = one("ping: {from: pc, to: nowhere.corp.test}")
    assert report.failures == ["nowhere.corp.test: Name or service not known (NXDOMAIN from 10.0.0.53)"]
    expected = one("ping: {from: pc, to: nowhere.corp.test}\n  expect: {error: not known, sent: 0, received: 0}")
    assert expected.failures == []
    for step in ("tcp: {from: pc, to: no.corp.test, port: 1}", "traceroute: {from: pc, to: no.corp.test}"):
        assert one(step).failures[0].startswith("no.corp.test: Name or service not known")


def test_servers_that_are_off() -> None:
    steps = run(
        "node: {name: ns, state: down}", "node: {name: ns2, state: down}", "ping: {from: pc, to: web.corp.test}"
    )
    (_, _, report) = steps.steps
    assert report.failures == ["web.corp.test: Temporary failure in name resolution (no server answers)"]
    assert report.started is not None
    assert report.ended is not None
    assert report.ended - report.started == 20 * 10**9  # two servers, five seconds each, twice
    assert [entry["outcome"] for entry in report.dns] == ["no answer"] * len(report.dns)


def test_after_the_name_comes_what_there_is_to_say_about_the_address() -> None:
    report = one("ping: {from: pc, to: bad.corp.test, timeout: 5s}\n  expect: {error: host unreachable, received: 0}")
    assert report.failures == []


def test_resolve() -> None:
    report = one("resolve: {from: pc, name: web.corp.test}")
    assert report.failures == []
    assert report.path == ["pc", "sw", "ns"]
    outcome = report.outcome
    assert (outcome["status"], outcome["addresses"], outcome["ttl"]) == ("NOERROR", ["10.1.0.80"], 20)
    assert (outcome["authoritative"], outcome["truncated"], outcome["queries"]) == (True, False, 1)
    assert outcome["server"] == "10.0.0.53"


@pytest.mark.parametrize(
    ("expect", "failure"),
    [
        ("", "status: expected NOERROR, got NXDOMAIN"),
        ("status: NODATA", "status: expected NODATA, got NXDOMAIN"),
        ("addresses: [10.0.0.1]", "addresses: expected 10.0.0.1, got none (NXDOMAIN)"),
        ("queries: 2", "queries: expected 2, got 1"),
        ("status: NXDOMAIN, authoritative: false", "authoritative: expected false, got true"),
        ("status: NXDOMAIN, server: 10.0.0.54", "server: expected 10.0.0.54, got 10.0.0.53"),
    ],
)
def test_what_is_not_as_expected(expect: str, failure: str) -> None:
    report = one(f"resolve: {{from: pc, name: nowhere.corp.test}}\n  expect: {{{expect}}}")
    assert failure in report.failures


def test_what_is_in_no_cache() -> None:
    with pytest.raises(TopologyError, match="ns remembers no names"):
        run("wait: 1s\n  expect: {dns_cache: {ns: {web.corp.test: null}}}")


CACHES = """
nodes:
  root: {kind: dns, ip: 10.0.0.1/24, root: true, records: {web.test: {A: 10.0.0.80, ttl: 20s}}, negative_ttl: 5s}
  pc: {kind: host, ip: 10.0.0.10/24, dns: 10.0.0.53}
  ns: {kind: dns, ip: 10.0.0.53/24, recursive: true}
  sw: {kind: switch}
links: [[root, sw], [pc, sw], [ns, sw]]
scenario:
- resolve: {from: pc, name: web.test}
  expect: {dns_cache: {ns: {web.test: 10.0.0.80, WEB.TEST A: [10.0.0.80], other.test: null, web.test MX: null}}}
- resolve: {from: pc, name: no.test}
  expect: {status: NXDOMAIN, dns_cache: {ns: {no.test: NXDOMAIN, no.test MX: NXDOMAIN}}}
- resolve: {from: pc, name: web.test, type: MX}
  expect: {status: NODATA, dns_cache: {ns: {web.test MX: NODATA}}}
- wait: 6s
  expect: {dns_cache: {ns: {no.test: null, web.test MX: null, web.test: 10.0.0.80}}}
- wait: 15s
  expect: {dns_cache: {ns: {web.test: null}}}
- node: {name: ns, state: down}
- node: {name: ns, state: up}
- wait: 0
  expect: {dns_cache: {ns: {web.test: 10.0.0.80}}}
"""


def test_what_is_in_a_cache() -> None:
    report = Run(loads(CACHES)).run()
    assert [step.failures for step in report.steps[:-1]] == [[]] * 7
    assert report.steps[-1].failures == ["dns_cache: expected ns to know 10.0.0.80 of web.test, it knows nothing"]


def test_in_python() -> None:
    net = sim.Network()
    pc, ns = net.host("pc", "10.0.0.1/24"), net.host("ns", "10.0.0.2/24")
    net.link(pc, ns)
    with pytest.raises(TopologyError, match=r"there is no node or address called 'web\.test'"):
        pc.ping("web.test")
    pc.resolver.servers = ["10.0.0.2"]
    from sim.services.dns import server

    records = [("test.", 60, "SOA", "ns.test. h.test. 1 2 3 4 5"), ("web.test.", 60, "A", "10.0.0.2")]
    ns.serve(lambda: server.serve(zones={"test.": records}), name="dns")
    assert pc.ping("web.test").received == 1
    with pytest.raises(TopologyError, match=r"no\.test: Name or service not known \(NXDOMAIN from 10\.0\.0\.2\)"):
        pc.ping("no.test")


def test_the_contract_s_office(tmp_path: Path) -> None:
    """Section 2's file: a name, a gateway, and a page."""
    path = tmp_path / "office.yaml"
    path.write_text(
        """
name: office
seed: 1
defaults: {link: {bandwidth: 1Gbps, delay: 10us}}
nodes:
  pc1: {kind: host, ip: 192.168.1.10/24, gateway: 192.168.1.1, dns: 192.168.1.53}
  sw1: {kind: switch}
  r1:
    kind: router
    interfaces: {lan: 192.168.1.1/24, wan: {ip: 10.0.0.1/30, mac: 02:00:00:00:00:11, mtu: 1500}}
    routes: {0.0.0.0/0: 10.0.0.2}
  gw: {kind: gateway, interfaces: {inside: 10.0.0.2/30, outside: 203.0.113.2/24}, routes: {192.168.1.0/24: 10.0.0.1}}
  ns: {kind: dns, ip: 192.168.1.53/24, gateway: 192.168.1.1, records: {web.corp.test: 203.0.113.80}}
  web: {kind: host, ip: 203.0.113.80/24, services: [{http: {port: 80, body: hello}}, throughput]}
links:
  - [pc1, sw1]
  - [ns, sw1]
  - [r1:lan, sw1]
  - {endpoints: [r1:wan, gw:inside], bandwidth: 10Mbps, delay: 20ms, queue: 100}
  - [gw:outside, web]
scenario:
  - ping: {from: pc1, to: web.corp.test, count: 3}
    expect: {received: 3, path: [pc1, sw1, r1, gw, web]}
  - http: {from: pc1, url: "http://web.corp.test/"}
    expect: {status: 200, body_contains: hello, path: [pc1, sw1, r1, gw, web]}
  - throughput: {from: pc1, to: web.corp.test, duration: 1s}
    expect: {path: [pc1, sw1, r1, gw, web]}
"""
    )
    report = Run(load(path)).run()
    assert [step.failures for step in report.steps] == [[], [], []]
    assert [[entry["server"] for entry in step.dns] for step in report.steps] == [["ns"]] * 3


def test_what_comes_after_a_name_is_a_journey_of_its_own() -> None:
    """A program's connection is not a part of the answer's journey, which it has waited for."""
    net = sim.Network()
    pc, ns = net.host("pc", "10.0.0.1/24"), net.host("ns", "10.0.0.2/24")
    net.link(pc, ns)
    pc.resolver.servers = ["10.0.0.2"]
    from sim.services.dns import server

    records = [("test.", 60, "SOA", "ns.test. h.test. 1 2 3 4 5"), ("web.test.", 60, "A", "10.0.0.2")]
    ns.serve(lambda: server.serve(zones={"test.": records}), name="dns")

    def connect() -> None:
        import socket

        with socket.create_connection(("web.test", 53)):
            pass

    process = pc.spawn(connect)
    net.run(until="1s")
    process.result()
    texts = [net.trace.journey(root).text for root in pc.origins_of(process)]
    assert [text.split(" to ")[0] for text in texts] == ["UDP datagram of 26 bytes", "TCP connection"]


LEASED = """
nodes:
  pc: {kind: host, ip: dhcp}
  dhcp:
    kind: host
    ip: 10.0.0.1/24
    services: [{dhcp: {pool: 10.0.0.100-10.0.0.120, dns: 10.0.0.53, domain: corp.test}}]
  ns: {kind: dns, ip: 10.0.0.53/24, records: {web.corp.test: 10.0.0.80}}
  web: {kind: host, ip: 10.0.0.80/24}
  sw: {kind: switch}
links: [[pc, sw], [dhcp, sw], [ns, sw], [web, sw]]
scenario:
- wait: 10s
- resolve: {from: pc, name: web}
  expect: {addresses: [10.0.0.80]}
- ping: {from: pc, to: web.corp.test}
  expect: {received: 1, path: [pc, sw, web]}
"""


def test_a_host_that_gets_its_name_servers_with_its_address() -> None:
    assert [step.failures for step in Run(loads(LEASED)).run().steps] == [[], [], []]
