from __future__ import annotations

import pytest

from sim.errors import TopologyError
from sim.lab.runner import Report, Run
from sim.scenario.load import loads

PAIR = """
nodes:
  a: {kind: host, ip: 10.0.0.1/24}
  b: {kind: host, ip: 10.0.0.2/24}
  c: {kind: host, ip: 10.0.0.3/24}
  sw: {kind: switch}
links: [[a, sw], [b, sw], {endpoints: [c, sw], delay: 10ms}]
scenario:
"""


def run(scenario: str, until: int | None = None) -> Report:
    return Run(loads(PAIR + scenario)).run(until)


def test_steps_run_one_after_the_other() -> None:
    report = run("- ping: {from: a, to: b}\n- wait: 1s\n- ping: {from: b, to: a}\n")
    first, wait, last = report.steps
    assert report.passed
    assert first.ended == wait.started
    assert last.started == (wait.started or 0) + 1_000_000_000


def test_at_runs_beside_the_others() -> None:
    report = run(
        "- ping: {from: a, to: b, count: 5, timeout: 100ms}\n  expect: {received: 3, lost: 2}\n"
        "- {at: 1500ms, link: {endpoints: [b, sw], state: down}}\n"
        "- {at: 3500ms, link: {endpoints: [b, sw], state: up}}\n"
    )
    assert [step.failures for step in report.steps] == [[], [], []]
    assert [step.started for step in report.steps] == [0, 1_500_000_000, 3_500_000_000]


@pytest.mark.parametrize(
    ("expect", "failure"),
    [
        ("received: 2", "received: expected 2, got 1"),
        ('max_rtt: "< 1us"', "max_rtt: expected < 1us, got "),
        ("path: [a, sw, c]", "path: expected a > sw > c, got a > sw > b"),
        ("mac: {sw: {c: eth3}}", "mac: expected sw to have c at eth3, it has none"),
        ("mac: {sw: {a: null}}", "mac: expected sw to have a at none, it has eth1"),
        ("arp: {a: {10.0.0.2: c}}", "arp: expected a to have 10.0.0.2 at 02:00:00:00:00:03, it has 02:00:00:00:00:02"),
        ("arp: {a: {10.0.0.3: c}}", "it has none"),
        ("routes: {a: {10.0.0.0/24: 10.0.0.9}}", "routes: expected a to reach 10.0.0.0/24 via 10.0.0.9, it has direct"),
        ("counters: {sw: {flooded: 7}}", "counters: expected sw flooded 7, got 1"),
        ("drops: {loss: 1}", "drops: expected 'loss' 1, got 0"),
        ("seen: [c]", "seen: expected a frame at c, none came"),
        ("unseen: ['sw:eth1']", "unseen: expected no frame at sw:eth1, but one came"),
        ("error: unreachable", "error: expected unreachable, got nothing"),
    ],
)
def test_a_failed_expectation_says_both_sides(expect: str, failure: str) -> None:
    report = run(f"- ping: {{from: a, to: b}}\n  expect: {{{expect}}}\n")
    assert not report.passed
    assert len(report.steps[0].failures) == 1
    assert failure in report.steps[0].failures[0]


def test_until_leaves_steps_that_did_not_end() -> None:
    report = run("- ping: {from: a, to: b, count: 10}\n", until=2_000_000_000)
    assert not report.passed
    assert report.steps[0].failures == ["it did not come to its end"]
    assert report.network.now == 2_000_000_000


def test_a_storm_is_stopped_and_named() -> None:
    text = """
nodes: {a: {kind: host, ip: 10.0.0.1/24}, s1: {kind: switch}, s2: {kind: switch}}
links: [[a, s1], [s1, s2], [s1, s2]]
scenario: [{ping: {from: a, to: 10.0.0.9}}]
"""
    report = Run(loads(text)).run(budget=20_000)
    assert not report.passed
    assert report.error is not None
    assert "loop of switches" in report.error


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        ('- frame: {from: a, data: "Ethr()"}', "no layer called 'Ethr'"),
        ("- link: {endpoints: [a, b], state: down}", "no link joins a and b"),
        ("- ping: {from: a, to: b}\n  expect: {counters: {sw: {floded: 1}}}", "no counter of sw called 'floded'"),
        ("- ping: {from: a, to: b}\n  expect: {mac: {a: {b: eth0}}}", "a' is a host"),
    ],
)
def test_what_shows_only_when_it_runs_still_has_its_place(scenario: str, message: str) -> None:
    with pytest.raises(TopologyError, match=message) as caught:
        run(scenario)
    assert caught.value.line is not None


def test_link_changes_and_power() -> None:
    report = run(
        "- ping: {from: a, to: c}\n  expect: {received: 1, min_rtt: '>= 20ms'}\n"
        "- link: {endpoints: [c, sw], delay: 1ms, loss: 100%}\n"
        "- ping: {from: a, to: c}\n  expect: {received: 0, drops: {loss: 1}}\n"
        "- link: {endpoints: [c, sw], loss: 0%}\n"
        "- ping: {from: a, to: c}\n  expect: {received: 1, max_rtt: '< 3ms'}\n"
        "- node: {name: c, state: down}\n"
        "- ping: {from: a, to: c}\n  expect: {received: 0, mac: {sw: {c: null}}}\n"
        "- node: {name: c, state: up}\n"
        "- ping: {from: a, to: c}\n  expect: {received: 1}\n"
    )
    assert [step.failures for step in report.steps] == [[]] * 9
