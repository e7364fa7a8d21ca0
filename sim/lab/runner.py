"""Runs a scenario: steps in order, those with `at` at their time, expectations when each has ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from sim.engine.engine import NO_CAUSE
from sim.errors import BudgetError, TopologyError
from sim.lab.actions.base import Action
from sim.lab.actions.choose import action_for
from sim.lab.bare_ports import refuse_virtual_time
from sim.lab.build import build
from sim.lab.conflicts import Conflicts
from sim.lab.dhcp import await_leases
from sim.lab.dns_walk import walk
from sim.lab.expectations import Judge, total_drops
from sim.lab.network import Network
from sim.lab.nodes import Tools
from sim.scenario.model import Topology
from sim.scenario.steps import Step
from sim.tracing import kinds
from sim.units import format_duration

EVENT_BUDGET: Final = 5_000_000
"""Events that a step may take before the run is stopped: a loop of switches would go on for ever. A step that moves
much is allowed more (`Action.allowance`)."""

SLICE: Final = 20_000
"""Events between two looks at the clock on the wall, where somebody watches: a tenth of a second or less."""


@dataclass
class StepReport:
    """One step: its times (ns), what came of it, the way its first packet took, and which expectations failed; which
    conflicts over addresses have been seen since the last one."""

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
    dns: list[dict[str, Any]] = field(default_factory=list)
    """Who was asked for names, in order: see `dns_walk.Exchange`."""
    conflicts: list[str] = field(default_factory=list)

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
            "dns": self.dns,
            "conflicts": self.conflicts,
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

    @property
    def shape(self) -> str:
        """The trace's hash without payload: equal in every run although OpenSSL draws random bytes of its own."""
        return self.network.trace.digest(payload=False)

    def services(self) -> list[dict[str, Any]]:
        """What the services of hosts have printed, and their exit codes, None for those that run."""
        return [
            {
                "host": node.name,
                "name": process.name,
                "exit": process.exit_code,
                "stdout": process.stdout,
                "stderr": process.stderr,
            }
            for node in self.network.nodes.values()
            if isinstance(node, Tools)
            for process in node.services
        ]

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data."""
        return {
            "topology": self.topology,
            "passed": self.passed,
            "digest": self.digest,
            **({"shape": self.shape} if self.network.has_authority else {}),
            "seed": self.seed,
            "now": self.network.now,
            "error": self.error,
            "steps": [step.as_dict() for step in self.steps],
            "services": self.services(),
        }


@dataclass
class _Step:
    """A step of the scenario: what the file says, what is reported, and what was dropped before it began."""

    model: Step
    report: StepReport
    action: Action | None = None
    before: dict[str, int] = field(default_factory=dict)
    first: int = 0  # row of the recording when it began

    @property
    def running(self) -> Action:
        assert self.action is not None
        return self.action


class Run:
    """A scenario on its network. `on_step` is called with each step's report when it has ended, `on_slice` now and then
    in a run that takes its time."""

    def __init__(
        self,
        topology: Topology,
        seed: int | None = None,
        on_step: Callable[[StepReport], None] | None = None,
        on_slice: Callable[[], None] | None = None,
        record: bool = True,
    ) -> None:
        self.topology = topology
        self.network = build(topology, seed, record)
        self.on_step = on_step
        self.on_slice = on_slice
        self.cables = dict(zip(self.network.links, topology.cables(), strict=True))
        self._steps: list[_Step] = []
        self._waiting: list[_Step] = []
        self._left = len(topology.scenario)  # steps that have not ended, but for those that linger
        self._lingering: list[_Step] = []
        self._conflicts = Conflicts(self.network)
        self._over = not topology.scenario
        self._abandoned: str | None = None
        for number, step in enumerate(topology.scenario, start=1):
            self._prepare(number, step)

    def run(self, until: int | None = None, budget: int = EVENT_BUDGET) -> Report:
        """Run to the end of the last step, or to `until` (ns). Raises TopologyError for what virtual time cannot do."""
        refuse_virtual_time(self.topology)
        engine = self.network.engine
        self.begin()
        error = None
        budget += sum(step.running.allowance() for step in self._steps)
        left, handled = self._left, 0
        while not self._over and not engine.at_rest() and (until is None or engine.now < until):
            try:
                self.network.run(until, budget=min(SLICE, budget - handled))
            except BudgetError:
                handled += SLICE
                if self.on_slice is not None:
                    self.on_slice()
            if self._left != left:
                left, handled = self._left, 0
            if handled >= budget:
                error = (
                    f"stopped after {budget} events, {format_duration(engine.now)} into the run: the network does not "
                    "come to rest. Is there a loop of switches or hubs?"
                )
                break
        return self.report(error)

    def begin(self) -> None:
        """Let the steps happen as time passes: for whoever turns the clock."""
        engine = self.network.engine
        for step in self._steps:
            if step.model.at is None:
                self._waiting.append(step)
            else:
                engine.at(step.model.at, lambda step=step: self._start(step))  # type: ignore[misc]
        engine.at(engine.now, self._begin)

    @property
    def over(self) -> bool:
        """Whether every step has ended."""
        return self._over

    def abandon(self, reason: str) -> None:
        """Judge no step any more, and begin none: for whoever cannot keep what was recorded."""
        self._abandoned = reason
        self._waiting.clear()
        self._over = True

    def report(self, error: str | None = None) -> Report:
        """What has come of the steps; `error` says why the run was cut short."""
        for step in self._steps:
            if step.report.ended is None:
                step.report.outcome = step.running.outcome()
                step.report.failures.append("it did not come to its end")
        reports = [step.report for step in self._steps]
        return Report(self.topology.name, self.network.seed, reports, self.network, error)

    def _prepare(self, number: int, model: Step) -> None:
        report = StepReport(number, model.kind, "")
        step = _Step(model, report)
        try:
            done = lambda: self._finish(step)  # noqa: E731
            step.action = action_for(model, self.network, self.cables, self.topology.folder, done)
        except TopologyError as error:
            raise self._blame(step, error) from None
        report.name = model.name or step.action.title
        self._steps.append(step)

    def _begin(self) -> None:
        """Start the first step, once every DHCP client has a lease or has failed to get one, or after ten seconds."""
        await_leases(self.network, self._start_next)

    def _start_next(self) -> None:
        if self._waiting:
            self._start(self._waiting.pop(0))

    def _start(self, step: _Step) -> None:
        net = self.network
        if self._abandoned is not None:
            return
        step.report.started = net.now
        step.before = total_drops(net)
        step.first = len(net.recorder.frames)
        net.engine.cause = NO_CAUSE
        net.recorder.note(net.now, NO_CAUSE, 0, kinds.STEP, (step.report.number, step.report.name))
        try:
            step.running.start()
        except TopologyError as error:
            raise self._blame(step, error) from None
        if step.running.lingers:
            self._lingering.append(step)
            net.engine.at(net.now, lambda: self._go_on(step))

    def _finish(self, step: _Step) -> None:
        """A step has ended; judge it once everything that happens at this instant has happened."""
        self.network.engine.at(self.network.now, lambda: self._judge(step))

    def _judge(self, step: _Step) -> None:
        report, action = step.report, step.running
        if self._abandoned is not None:
            report.failures = [self._abandoned]
            return
        judge = Judge(self.network, action, step.before)
        report.ended = self.network.now
        report.outcome = judge.outcome
        report.summary = action.summary()
        report.roots = list(action.roots)
        report.path = judge.path()
        if action.asker is not None:
            report.dns = [exchange.as_dict() for exchange in walk(self.network, action.asker, step.first)]
        report.conflicts = self._conflicts.news()
        try:
            report.failures = action.faults(step.model.expect) + judge.failures(step.model.expect)
        except TopologyError as error:
            raise self._blame(step, error) from None
        report.passed = not report.failures
        if self.on_step is not None:
            self.on_step(report)
        if not action.lingers:
            self._go_on(step)
            return
        self._lingering.remove(step)
        if self._left == 0:
            self._end()

    def _go_on(self, step: _Step) -> None:
        """What comes after a step that has ended, or that was started and lingers."""
        self._left -= 1
        if self._left == 0:
            for other in self._lingering:
                other.running.finish()
            self._end()
        elif step.model.at is None:
            self._start_next()

    def _end(self) -> None:
        """The run is over, once nothing lingers any more."""
        if not self._lingering:
            self._over = True
            self.network.engine.stop()

    def _blame(self, step: _Step, error: TopologyError) -> TopologyError:
        return self.topology.error(("scenario", step.report.number - 1), error.message, error.hint)
