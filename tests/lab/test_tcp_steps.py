from __future__ import annotations

from typing import Any

import pytest

from sim.errors import TopologyError
from sim.lab.actions.streams import jain, together
from sim.lab.runner import Report, Run, StepReport
from sim.scenario.load import loads
from sim.tracing import kinds
from sim.units import SECOND
from sim.views.dialogue import dialogue
from sim.views.exchange import Flow, exchange

LINE = """
nodes:
  a: {kind: host, ip: 10.0.0.1/24}
  b: {kind: host, ip: 10.0.0.2/24}
links: [{endpoints: [a, b], bandwidth: 10Mbps, delay: 5ms, %s}]
scenario:
"""


def run(*steps: str, link: str = "queue: 100") -> Report:
    return Run(loads(LINE % link + "".join(f"- {step}\n" for step in steps))).run()


def tcp(options: str = "", link: str = "queue: 100") -> StepReport:
    """The report of one tcp step from a to b."""
    (step,) = run(f"tcp: {{from: a, to: b, port: 80{options}}}", link=link).steps
    assert step.passed
    return step


def test_open_and_close() -> None:
    step = tcp()
    assert step.path == ["a", "b"]
    assert step.summary == "connected in 20.19ms"  # ARP first
    flows = step.outcome.pop("flows")
    assert step.outcome == {
        "connected": True,
        "sent": 0,
        "received": 0,
        "intact": True,
        "reply": None,
        "error": None,
        "throughput": None,
        "fairness": None,
        "retransmissions": 0,
        "handshake": flows[0]["handshake"],
        "duration": flows[0]["duration"],
    }
    assert (flows[0]["client"], flows[0]["server"]) == ("10.0.0.1:49152", "10.0.0.2:80")


@pytest.mark.parametrize(
    ("options", "sent", "reply"),
    [
        (", data: hello", 5, None),
        (", data: hello, reply: true", 5, "hello"),
        (", data: hello, reply: goodbye", 5, "goodbye"),
        (", reply: welcome", 0, "welcome"),
        (", bytes: 100kB", 100_000, None),
        (", bytes: 100kB, reverse: true", 100_000, None),
        (", bytes: 100kB, flows: 3", 300_000, None),
        (", data: hello, source_port: 5000, nodelay: true, congestion: reno", 5, None),
    ],
)
def test_what_is_sent_arrives(options: str, sent: int, reply: str | None) -> None:
    outcome = tcp(options).outcome
    assert (outcome["sent"], outcome["received"], outcome["intact"], outcome["reply"]) == (sent, sent, True, reply)
    assert outcome["connected"] is True
    assert outcome["error"] is None


def test_an_echo_of_many_bytes() -> None:
    outcome = tcp(", bytes: 200kB, reply: true").outcome
    assert outcome["intact"] is True
    assert len(outcome["reply"]) == 1000  # its beginning


def test_throughput_is_that_of_the_line() -> None:
    step = tcp(", bytes: 2MB")
    assert 9.2e6 < step.outcome["throughput"] < 9.6e6  # 1448 of 1514 bytes: 9.56 Mbit/s
    assert "9." in step.summary
    assert step.outcome["fairness"] == 1.0


@pytest.mark.slow
def test_a_duration_is_kept_and_shared() -> None:
    outcome = tcp(", duration: 5s, flows: 2").outcome
    assert 5 * SECOND < outcome["duration"] < 6 * SECOND
    assert 9e6 < outcome["throughput"] < 9.6e6
    assert 0.8 < outcome["fairness"] <= 1.0
    rates = [flow["throughput"] for flow in outcome["flows"]]
    assert sum(rates) == pytest.approx(outcome["throughput"], rel=0.01)


def test_nobody_listens() -> None:
    step = tcp(", listen: false")
    assert (step.outcome["connected"], step.outcome["error"]) == (False, "connection refused")
    assert step.path == ["a", "b"]
    assert step.summary.startswith("connection refused after 20")


def test_what_does_not_move_is_given_up() -> None:
    report = run(
        "{at: 500ms, link: {endpoints: [a, b], state: down}}",
        "tcp: {from: a, to: b, port: 80, bytes: 10MB, timeout: 2s}",
    )
    outcome = report.steps[1].outcome
    assert outcome["error"] == "nothing came for 2s"
    assert 2.4 * SECOND < outcome["duration"] < 2.6 * SECOND
    assert outcome["connected"] is True
    assert outcome["intact"] is False


def test_one_step_after_the_other_on_the_same_port() -> None:
    step = "tcp: {from: a, to: b, port: 80, bytes: 1kB, reverse: true}"
    report = run(step, step, step)
    assert report.passed
    clients = [one.outcome["flows"][0]["client"] for one in report.steps]
    assert len(set(clients)) == 3


@pytest.mark.parametrize(
    ("expect", "failure"),
    [
        ('throughput: ">= 90Mbps"', "throughput: expected >= 90Mbps, got 9."),
        ('received: ">= 1MB"', "received: expected >= 1000000, got 100000"),
        ("sent: 50kB", "sent: expected 50000, got 100000"),
        ('fairness: "< 0.5"', "fairness: expected < 0.5, got 1"),
        ('handshake: "< 10ms"', "handshake: expected < 10ms, got 20."),
        ('duration: "< 10ms"', "duration: expected < 10ms, got "),
        ("retransmissions: 3", "retransmissions: expected 3, got 0"),
        ("connected: false", "connected: expected false, got true"),
        ("intact: false", "intact: expected false, got true"),
        ("reply: hello", "reply: expected hello, got nothing"),
        ("error: refused", "error: expected refused, got nothing"),
        ("path: [a]", "path: expected a, got a > b"),
    ],
)
def test_a_failed_expectation_says_both_sides(expect: str, failure: str) -> None:
    report = run(f"{{tcp: {{from: a, to: b, port: 80, bytes: 100kB}}, expect: {{{expect}}}}}")
    assert not report.passed
    assert failure in report.steps[0].failures[0]


def test_an_unknown_congestion_control_has_its_place() -> None:
    with pytest.raises(TopologyError, match="no congestion control called 'rono'") as caught:
        run("tcp: {from: a, to: b, port: 80, congestion: rono}")
    assert caught.value.line is not None
    assert caught.value.hint == "did you mean 'reno'?"


def test_fairness_and_throughput_of_several() -> None:
    assert jain([5, 5, 5, 5]) == 1.0
    assert jain([8, 0, 0, 0]) == 0.25
    assert jain([0, 0]) is None
    assert jain([]) is None
    assert together([(500, 0, SECOND), (500, SECOND, 2 * SECOND)]) == 4000
    assert together([]) is None


def told(report: Report, node: str, port: int) -> list[str]:
    """The states that a host's TCP says it went through, on a local port."""
    recorder = report.network.recorder
    found = []
    for index, kind in enumerate(recorder.note_kinds):
        detail: Any = recorder.note_details[index]
        if kind == kinds.TCP_STATE and recorder.nodes[recorder.note_nodes[index]] == node and detail[0] == port:
            found.append(detail[3])
    return found


def derived(report: Report, step: StepReport) -> tuple[list[str], list[str]]:
    """The states that the ladder derives for the client and for the server."""
    (flow,) = step.outcome["flows"]
    turns = dialogue(exchange(report.network.trace.recorder, Flow.of(flow["client"], flow["server"])))
    events = [(turn.time, turn.passage.first, turn.forward, turn.sender) for turn in turns]
    events += [(turn.passage.arrived or 0, turn.passage.last, not turn.forward, turn.receiver) for turn in turns]
    seen: tuple[list[str], list[str]] = ([], [])
    for _, _, of_client, state in sorted(events):
        states = seen[0 if of_client else 1]
        if state and (not states or states[-1] != state):
            states.append(state)
    return seen


@pytest.mark.parametrize("options", [", bytes: 50kB", ", bytes: 50kB, reverse: true", ", data: x, reply: y"])
@pytest.mark.parametrize("link", ["queue: 100", "queue: 100, loss: 10%", "queue: 100, reorder: 20%, duplicate: 10%"])
def test_the_ladder_derives_the_states_that_the_stacks_went_through(options: str, link: str) -> None:
    report = run(f"tcp: {{from: a, to: b, port: 80{options}}}", link=link)
    client, server = derived(report, report.steps[0])
    assert client == told(report, "a", 49152)
    assert server == told(report, "b", 80)
