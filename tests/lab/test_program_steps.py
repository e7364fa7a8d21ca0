"""`program` steps, services, and what ends them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.lab.runner import Report, Run, StepReport
from sim.scenario.load import loads
from sim.units import SECOND

PAIR = """
nodes:
  a: {kind: host, ip: 10.0.0.1/24}
  b: {kind: host, ip: 10.0.0.2/24}
  sw: {kind: switch}
links: [[a, sw], {endpoints: [b, sw], delay: 1ms}]
scenario:
"""
PROGRAMS = {
    "say.py": "import sys\nprint('hello', *sys.argv[1:])\nprint('oh', file=sys.stderr)\n",
    "echo_input.py": "import os\nprint(input(), os.environ.get('COLOUR'))\n",
    "fail.py": "raise ValueError('no luck')\n",
    "code.py": "import sys\nsys.exit(int(sys.argv[1]))\n",
    "wait.py": "import time\ntime.sleep(1000)\n",
    "stubborn.py": (
        "import time\nwhile True:\n    try:\n        time.sleep(1000)\n"
        "    except KeyboardInterrupt:\n        print('no')\n"
    ),
    "serve.py": (
        "import socket\nwith socket.create_server(('', 80)) as listener:\n    while True:\n"
        "        connection, _ = listener.accept()\n        connection.sendall(b'hi')\n        connection.close()\n"
    ),
    "ask.py": "import socket\nwith socket.create_connection(('10.0.0.2', 80)) as c:\n    print(c.recv(10).decode())\n",
}


@pytest.fixture(autouse=True)
def programs(tmp_path: Path) -> None:
    for name, text in PROGRAMS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")


def run(tmp_path: Path, *steps: str, until: int | None = None, nodes: str = PAIR) -> Report:
    text = nodes + "".join(f"- {step}\n" for step in steps)
    return Run(loads(text, str(tmp_path / "t.yaml"))).run(until)


def one(tmp_path: Path, program: str, expect: str = "") -> StepReport:
    (step,) = run(tmp_path, f"{{program: {{{program}}}{expect and f', expect: {{{expect}}}'}}}").steps
    return step


def test_output_and_exit_code(tmp_path: Path) -> None:
    step = one(tmp_path, "on: a, run: say.py, args: [x, 7, 0.5]")
    assert (step.passed, step.name, step.path) == (True, "program say.py on a", [])
    assert step.summary == "exit code 0 after 0s"
    assert step.outcome == {
        "exit": 0,
        "stdout": "hello x 7 0.5\n",
        "stderr": "oh\n",
        "duration": 0,
        "error": None,
        "background": False,
    }


def test_input_and_environment(tmp_path: Path) -> None:
    step = one(tmp_path, 'on: a, run: echo_input.py, stdin: "typed\\n", env: {COLOUR: red}')
    assert step.outcome["stdout"] == "typed red\n"


@pytest.mark.parametrize(
    ("program", "expect", "failures"),
    [
        ("run: say.py", "stdout: hello", []),
        ("run: say.py", 'stdout: "hello\\n"', []),
        ("run: say.py", "stdout: hallo", ["stdout: line 1: expected 'hallo', got 'hello'"]),
        ("run: say.py", 'stdout: "hello\\nyou"', ["stdout: line 2: expected 'you', got nothing"]),
        ("run: say.py", "stdout_contains: [ell, lo], stderr_contains: oh", []),
        (
            "run: say.py",
            "stdout_contains: [ell, x]",
            ["stdout_contains: expected 'x', which was not printed; the last line is 'hello'"],
        ),
        ("run: code.py, args: [3]", "exit: 3", []),
        ("run: code.py, args: [3]", 'exit: "> 2"', []),
        ("run: code.py, args: [3]", "stdout: ''", ["exit: expected 0, got 3"]),
        ("run: code.py, args: [3]", "exit: 0", ["exit: expected 0, got 3"]),
        ("run: fail.py", "", ["exit: expected 0, got 1 (ValueError: no luck)"]),
        ("run: fail.py", "exit: 1, stderr_contains: no luck", []),
        ("run: wait.py, timeout: 20min", 'duration: "== 1000s"', []),
        ("run: wait.py, timeout: 20min", 'duration: "< 1s"', ["duration: expected < 1s, got 1000s"]),
        ("run: wait.py, timeout: 2s", "exit: 130", []),
    ],
)
def test_expectations(tmp_path: Path, program: str, expect: str, failures: list[str]) -> None:
    step = one(tmp_path, f"on: a, {program}", expect)
    assert step.failures == failures
    assert step.passed is (not failures)


def test_a_program_that_takes_too_long_is_interrupted_and_says_where_it_stood(tmp_path: Path) -> None:
    step = one(tmp_path, "on: a, run: wait.py, timeout: 2s")
    (failure,) = step.failures
    assert failure.startswith("timeout: it had not ended after 2s: ")
    assert "wait.py:2" in failure
    assert (step.ended, step.outcome["exit"]) == (2 * SECOND, 130)


def test_one_that_does_not_end_when_it_is_interrupted_is_killed(tmp_path: Path) -> None:
    step = one(tmp_path, "on: a, run: stubborn.py, timeout: 2s", "exit: 137")
    assert step.passed
    assert (step.ended, step.outcome["stdout"]) == (12 * SECOND, "no\n")


def test_in_the_background_it_goes_on_until_the_scenario_ends(tmp_path: Path) -> None:
    report = run(
        tmp_path,
        "{program: {on: b, run: serve.py, background: true}, expect: {exit: 130, stderr_contains: KeyboardInterrupt}}",
        "{program: {on: a, run: ask.py}, expect: {stdout: hi, path: [a, sw, b], seen: [b], unseen: [sw]}}",
        "{program: {on: a, run: ask.py}, at: 3s, expect: {stdout: hi}}",
    )
    assert [step.failures for step in report.steps] == [[], ["unseen: expected no frame at sw, but one came"], []]
    server, first, second = report.steps
    assert server.summary.endswith("stopped at the scenario's end")
    assert server.ended == second.ended
    assert first.ended is not None
    assert first.ended < 3 * SECOND


def test_one_in_the_background_that_fails_by_itself_fails_its_step(tmp_path: Path) -> None:
    report = run(tmp_path, "{program: {on: b, run: fail.py, background: true}}", "{wait: 1s}")
    assert [step.failures for step in report.steps] == [["exit: expected 0, got 1 (ValueError: no luck)"], []]
    assert not report.passed


def test_a_scenario_of_background_programs_only_comes_to_its_end(tmp_path: Path) -> None:
    report = run(tmp_path, "{program: {on: a, run: wait.py, background: true}, expect: {exit: 130}}")
    assert report.passed
    assert report.network.now == 0


def test_a_run_that_is_cut_short_reports_what_was_printed(tmp_path: Path) -> None:
    report = run(tmp_path, "{program: {on: a, run: stubborn.py, timeout: 2s}}", until=5 * SECOND)
    (step,) = report.steps
    assert step.failures == ["it did not come to its end"]
    assert step.outcome["stdout"] == "no\n"


def test_a_service_runs_from_the_beginning_and_again_when_its_host_was_off(tmp_path: Path) -> None:
    nodes = PAIR.replace("b: {kind: host,", "b: {kind: host, services: [{program: {run: serve.py}}],")
    report = run(
        tmp_path,
        "{program: {on: a, run: ask.py}, expect: {stdout: hi}}",
        "{node: {name: b, state: down}}",
        "{program: {on: a, run: ask.py}, expect: {exit: 1, stderr_contains: OSError}}",
        "{node: {name: b, state: up}}",
        "{program: {on: a, run: ask.py}, expect: {stdout: hi}}",
        nodes=nodes,
    )
    assert [step.failures for step in report.steps] == [[]] * 5
    assert [(service["host"], service["name"], service["exit"]) for service in report.as_dict()["services"]] == [
        ("b", "serve.py", None)
    ]


def test_partition_and_heal(tmp_path: Path) -> None:
    nodes = PAIR.replace("b: {kind: host,", "b: {kind: host, services: [{program: {run: serve.py}}],")
    report = run(
        tmp_path,
        "{partition: {groups: [[a], [b]]}}",
        "{program: {on: a, run: ask.py, timeout: 1s}, expect: {exit: 130, drops: {partition: '> 0'}}}",
        "{heal: true}",
        "{program: {on: a, run: ask.py}, expect: {stdout: hi, drops: {partition: 0}}}",
        nodes=nodes,
    )
    assert [step.failures for step in report.steps] == [[]] * 4


def test_paths_lead_on_from_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "where.py").write_text(
        "import helper, os, sys\nprint(sys.argv[0], os.path.basename(os.getcwd()), helper.NAME)\n"
    )
    (tmp_path / "sub" / "helper.py").write_text("NAME = 'helped'\n")
    step = one(tmp_path, "on: a, run: sub/where.py")
    assert step.outcome["stdout"] == f"sub/where.py {tmp_path.name} helped\n", step.outcome["stderr"]
