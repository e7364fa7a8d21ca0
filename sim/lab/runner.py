"""Runs a scenario: steps in order, those with `at` at their time, expectations when each has ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from sim.engine.engine import BudgetError
from sim.errors import TopologyError
from sim.lab.actions import Action, action_for
from sim.lab.build import build
from sim.lab.expectations import Judge, total_drops
from sim.lab.network import Network
from sim.scenario.graph import graph
from sim.scenario.model import Topology
from sim.scenario.steps import BaseStep
from sim.tracing import kinds

EVENT_BUDGET: Final = 5_000_000
"""Events that a scenario may take before it is stopped: a loop of switches would go on for ever."""


@dataclass
class StepReport:
    """One step: its times (ns), what came of it, the way its first packet took, and which expectations failed."""

    number: int
    kind: str
    name: str
    passed: bool = False
    started: int | None = None
    ended: int | None = None
    summary: str = ""
    path: list[str] = field(default_factory=list)
    outcome: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The step as plain data."""
        return {
            "number": self.number,
            "kind": self.kind,
            "name": self.name,
            "passed": self.passed,
            "started": self.started,
            "ended": self.ended,
            "summary": self.summary,
            "path": self.path,
            "outcome": self.outcome,
            "failures": self.failures,
            "journeys": self.roots,
        }


@dataclass
class Report:
    """A run: its steps, whether all passed, and the network as it was left. `error` says why it was cut short."""

    topology: str
    seed: int
    steps: list[StepReport]
    network: Network
    error: str | None = None

    @property
    def passed(self) -> bool:
        """Whether every step ended and met what was expected of it."""
        return self.error is None and all(step.passed for step in self.steps)

    @property
    def digest(self) -> str:
        """The trace's hash, equal in every run of the same file and seed."""
        return self.network.trace.digest()

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data."""
        return {
            "topology": self.topology,
            "passed": self.passed,
            "digest": self.digest,
            "seed": self.seed,
            "now": self.network.now,
            "error": self.error,
            "steps": [step.as_dict() for step in self.steps],
        }


class Run:
    """A scenario on its network. `on_step` is called with each step's report when it has ended."""

    def __init__(
        self,
        topology: Topology,
        seed: int | None = None,
        on_step: Callable[[StepReport], None] | None = None,
    ) -> None:
        self.topology = topology
        self.network = build(topology, seed)
        self.on_step = on_step
        edges = sorted((data["index"], data["properties"]) for _, _, data in graph(topology).edges(data=True))
        self._cables = dict(zip(self.network.links, [properties for _, properties in edges], strict=True))
        self._reports: list[StepReport] = []
        self._actions: list[tuple[BaseStep, Action, StepReport]] = []
        self._waiting: list[int] = []
        self._left = len(topology.scenario)
        for number, step in enumerate(topology.scenario):
            self._prepare(number, step)

    def run(self, until: int | None = None, budget: int = EVENT_BUDGET) -> Report:
        """Run to the end of the last step, or to `until` (ns)."""
        engine = self.network.engine
        error = None
        for number, (step, _, _) in enumerate(self._actions):
            if step.at is None:
                self._waiting.append(number)
            else:
                engine.at(step.at, lambda number=number: self._start(number))  # type: ignore[misc]
        engine.at(0, self._start_next)
        try:
            while self._left and engine.next_time() is not None and (until is None or engine.now < until):
                self.network.run(until, budget=budget)
        except BudgetError:
            error = (
                f"stopped after {budget} events at {engine.now} ns: the network does not come to rest. "
                "Is there a loop of switches or hubs?"
            )
        for step, _, report in self._actions:
            if report.ended is None:
                report.failures.append("it did not come to its end")
                report.passed = False
                del step
        return Report(self.topology.name, self.network.seed, self._reports, self.network, error)

    def _prepare(self, number: int, step: BaseStep) -> None:
        try:
            action = action_for(step, self.network, self._cables, lambda: self._finish(number))
        except TopologyError as error:
            raise self._blame(number, error) from None
        report = StepReport(number + 1, step.kind, step.name or action.title)
        self._reports.append(report)
        self._actions.append((step, action, report))

    def _start_next(self) -> None:
        if self._waiting:
            self._start(self._waiting.pop(0))

    def _start(self, number: int) -> None:
        step, action, report = self._actions[number]
        net = self.network
        report.started = net.now
        self._before = total_drops(net)
        net.engine.cause = 0
        if net.recording:
            net.recorder.note(net.now, 0, 0, kinds.STEP, (number + 1, report.name))
        del step
        action.start()

    def _finish(self, number: int) -> None:
        """A step has ended; judge it once everything that happens at this instant has happened."""
        self.network.engine.at(self.network.now, lambda: self._judge(number))

    def _judge(self, number: int) -> None:
        step, action, report = self._actions[number]
        judge = Judge(self.network, action, self._before)
        report.ended = self.network.now
        report.outcome = judge.outcome
        report.summary = action.summary()
        report.roots = list(action.roots)
        report.path = judge.path()
        try:
            report.failures = judge.failures(step.expect)  # type: ignore[attr-defined]
        except TopologyError as error:
            raise self._blame(number, error) from None
        report.passed = not report.failures
        self._left -= 1
        if self.on_step is not None:
            self.on_step(report)
        if self._left == 0:
            self.network.engine.stop()
        elif step.at is None:
            self._start_next()

    def _blame(self, number: int, error: TopologyError) -> TopologyError:
        return self.topology.error(("scenario", number), error.message, error.hint)
