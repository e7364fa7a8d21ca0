"""The steps `http` and `throughput`, and what is expected of what services print."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.lab.runner import Report, Run, StepReport
from sim.scenario.load import loads

NETWORK = """
nodes:
  pc: {kind: host, ip: 10.1.0.1/24, gateway: 10.1.0.254}
  r1: {kind: router, interfaces: {a: 10.1.0.254/24, b: 10.2.0.254/24}}
  web:
    kind: host
    ip: 10.2.0.80/24
    gateway: 10.2.0.254
    services:
      - http: {body: "hello\\n", redirect: {/old: /}, routes: {/large: {bytes: 100kB}, /slow: {body: x, delay: 1s}}}
      - https: {body: secret}
      - https: {port: 8443, certificate: self_signed, body: secret}
      - throughput
links:
  - {endpoints: [pc, r1:a], bandwidth: 20Mbps, delay: 5ms}
  - {endpoints: [r1:b, web], bandwidth: 20Mbps, delay: 5ms}
scenario:
"""


def run(*steps: str) -> Report:
    return Run(loads(NETWORK + "".join(f"- {step}\n" for step in steps))).run()


def one(step: str, expect: str = "") -> StepReport:
    (report,) = run(f"{{{step}, expect: {{{expect}}}}}").steps
    return report


def test_a_page() -> None:
    step = one("http: {from: pc, url: 'http://web/old', count: 2}", "status: 200")
    assert (step.passed, step.name) == (True, "http pc -> http://web/old")
    assert step.path == ["pc", "r1", "web"]
    assert step.summary.startswith(
        "200 OK, 6 bytes, from http://web/ after 1 redirect, 4 requests over one connection;"
    )
    outcome = step.outcome
    assert (outcome["status"], outcome["body"], outcome["bytes"], outcome["connections"]) == (200, "hello\n", 6, 1)
    assert set(outcome["timing"]) == {"dns", "connect", "tls", "first_byte", "total"}


@pytest.mark.parametrize(
    "expect",
    [
        "body: hello",
        "body_contains: [he, lo]",
        "headers: {Content-Type: text/plain; charset=utf-8, X-None: null, content-length: 6}",
        "bytes: 6, redirects: 0, url: 'http://web/', connections: 1",
        "sha256: 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
        'timing: {connect: "> 20ms", total: "< 100ms", dns: 0, first_byte: ">= 40ms"}',
        "printed: {web: GET / 200 6}",
        "path: [pc, r1, web]",
    ],
)
def test_what_may_be_expected(expect: str) -> None:
    assert one("http: {from: pc, url: 'http://web/'}", expect).failures == []


@pytest.mark.parametrize(
    ("expect", "failure"),
    [
        ("status: 404", "status: expected 404, got 200"),
        ("body: hell", "body: expected 'hell', got 'hello'"),
        ("body_contains: bye", "body_contains: expected 'bye' in 'hello\\n'"),
        ("headers: {X-A: b}", "headers: expected X-A to be 'b', got nothing"),
        ("headers: {Content-Length: null}", "headers: expected Content-Length to be nothing, got '6'"),
        ("bytes: 7", "bytes: expected 7, got 6"),
        ("url: x", "url: expected 'x', got 'http://web/'"),
        ("timing: {tls: < 1s}", "timing: expected tls < 1s, got nothing"),
        ("error: refused", "error: expected refused, got nothing"),
        ("printed: {web: POST}", "printed: expected web to print 'POST'; its last line is '10.1.0.1 GET / 200 6'"),
    ],
)
def test_what_is_not_as_expected(expect: str, failure: str) -> None:
    assert one("http: {from: pc, url: 'http://web/'}", expect).failures == [failure]


def test_an_error_that_nobody_expects_is_a_failure() -> None:
    step = one("http: {from: pc, url: 'http://web:81/'}", "path: [pc, r1, web]")
    assert step.failures == ["error: connection refused"]
    assert one("http: {from: pc, url: 'http://web:81/'}", "error: refused").passed


def test_https() -> None:
    steps = run(
        "{http: {from: pc, url: 'https://web/'}, expect: {body: secret, timing: {tls: '> 20ms'}}}",
        "{http: {from: pc, url: 'https://10.2.0.80/'}, expect: {body: secret}}",
        "{http: {from: web, url: 'https://localhost/'}, expect: {body: secret}}",
        "{http: {from: pc, url: 'https://web:8443/'}, expect: {error: 'certificate verify failed: self-signed'}}",
        "{http: {from: pc, url: 'https://web:8443/', insecure: true}, expect: {body: secret}}",
    ).steps
    assert [step.failures for step in steps] == [[]] * 5
    assert steps[0].outcome["tls"] == "TLSv1.3"


def test_a_host_that_is_switched_off_meanwhile() -> None:
    report = run(
        "{at: 0s, http: {from: pc, url: 'http://web/slow'}, expect: {error: ended}}",
        "{at: 500ms, node: {name: pc, state: down}}",
    )
    assert [step.failures for step in report.steps] == [[], []]


@pytest.mark.slow
def test_throughput_both_ways() -> None:
    steps = run(
        "{throughput: {from: pc, to: web}, expect: {throughput: '> 17Mbps', path: [pc, r1, web]}}",
        "{throughput: {from: pc, to: web, reverse: true, parallel: 3}, expect: {throughput: '> 17Mbps'}}",
        "{throughput: {from: pc, to: web, protocol: udp, rate: 10Mbps}, expect: {loss: 0, throughput: '> 9.9Mbps'}}",
        "{throughput: {from: pc, to: web, protocol: udp, rate: 40Mbps, reverse: true},"
        " expect: {loss: '> 0.2', throughput: '< 20Mbps', sent: '> 4.9MB'}}",
        "{throughput: {from: pc, to: web, port: 99}, expect: {error: refused}}",
    ).steps
    assert [step.failures for step in steps] == [[]] * 5
    assert [len(step.outcome["streams"]) for step in steps] == [1, 3, 1, 1, 0]


def test_jitter_of_a_link_is_found() -> None:
    report = run(
        "{link: {endpoints: [pc, r1], jitter: 4ms}}",
        "{throughput: {from: pc, to: web, protocol: udp, rate: 1Mbps}, expect: {jitter: '> 500us'}}",
    )
    assert [step.failures for step in report.steps] == [[], []]


WITH_NAMES = """
nodes:
  pc: {kind: host, ip: 10.0.0.1/24, dns: 10.0.0.53}
  sw: {kind: switch}
  ns: {kind: dns, ip: 10.0.0.53/24, records: {web.corp.test: 10.0.0.80, api.corp.test: 10.0.0.80}}
  web:
    kind: host
    ip: 10.0.0.80/24
    services:
      - http: {body: hello, hosts: {api.corp.test: {body: api}}}
      - https: {body: secret, names: [web.corp.test]}
      - throughput
links: [[pc, sw], {endpoints: [ns, sw], delay: 3ms}, [web, sw]]
scenario:
- {http: {from: pc, url: 'http://web.corp.test/'}, expect: {body: hello, path: [pc, sw, web], timing: {dns: '> 6ms'}}}
- {http: {from: pc, url: 'http://api.corp.test/'}, expect: {body: api}}
- {http: {from: pc, url: 'https://web.corp.test/'}, expect: {body: secret, path: [pc, sw, web]}}
- {http: {from: pc, url: 'http://none.corp.test/'}, expect: {error: name not known, path: [pc, sw, ns]}}
- {throughput: {from: pc, to: web.corp.test, duration: 10ms, rate: 1Mbps}, expect: {path: [pc, sw, web]}}
- {node: {name: ns, state: down}}
- {http: {from: pc, url: 'http://other.corp.test/'}, expect: {error: no name server answers}}
"""


def test_names_are_looked_up_first() -> None:
    report = Run(loads(WITH_NAMES)).run()
    assert [step.failures for step in report.steps] == [[]] * 7


def test_the_authority_is_written_for_real_clients(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from sim.cli.main import build

    file = tmp_path / "net.yaml"
    file.write_text(NETWORK + "- {http: {from: pc, url: 'https://web/'}, expect: {status: 200}}\n")
    result = CliRunner().invoke(build(), ["run", str(file), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "ca.pem").read_text().startswith("-----BEGIN CERTIFICATE-----\n")
    assert "service https on web\n          | 10.1.0.1 GET / 200 6" in result.output
