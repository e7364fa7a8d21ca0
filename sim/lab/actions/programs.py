"""`program`: a Python file that runs on a host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sim.engine.engine import Timer
from sim.errors import TopologyError
from sim.lab.actions.base import Action, Done
from sim.lab.network import Network
from sim.lab.nodes import Tools
from sim.lab.servers import start
from sim.scenario.expect import Expect, ProgramExpect
from sim.scenario.programs import Program
from sim.units import SECOND, format_about, format_duration

if TYPE_CHECKING:
    from sim.userland.process import Process

GRACE: Final = 10 * SECOND
"""How long (ns) a program may take to end once it was interrupted; then it is killed."""


class ProgramAction(Action):
    def __init__(self, net: Network, step: Program, folder: str, on_done: Done) -> None:
        super().__init__(net, on_done)
        self.step = step
        self.title = step.name or f"program {step.run} on {step.on}"
        self.lingers = step.background
        self.asker = step.on
        self.process: Process | None = None
        self._folder = folder
        self._stopped = ""  # why it did not end by itself
        self._where = ""
        self._timer: Timer = net.engine.timer(self._time_out)
        node = net[step.on]
        if not isinstance(node, Tools):
            raise TopologyError(f"{step.on} runs no programs")
        self._node = node

    def start(self) -> None:
        step = self.step
        self.process = start(self._node.spawn, step, self._folder, step.name or "")
        self.process.on_exit.append(self._ended)
        if not self.lingers or step.timeout is not None:
            self._timer.set(self.net.now + step.patience)

    def finish(self) -> None:
        if self.process is not None and not self.process.done:
            self._stop("the scenario's end")

    def outcome(self) -> dict[str, Any]:
        process = self.process
        if process is None:
            return {"exit": None, "stdout": "", "stderr": "", "duration": None, "error": None, "background": False}
        return {
            "exit": process.exit_code,
            "stdout": process.stdout,
            "stderr": process.stderr,
            "duration": None if process.ended is None else process.ended - process.started,
            "error": self._error(process),
            "background": self.lingers,
        }

    def summary(self) -> str:
        process = self.process
        if process is None or process.ended is None:
            return ""
        words = f"exit code {process.exit_code} after {format_about(process.ended - process.started)}"
        return f"{words}, stopped at {self._stopped}" if self._stopped else words

    def faults(self, expected: Expect) -> list[str]:
        process = self.process
        if process is None:
            return []
        wanted = expected.exit if isinstance(expected, ProgramExpect) else None
        if self._stopped.startswith("the timeout") and (wanted is None or wanted.holds(0)):
            return [f"timeout: it had not ended after {format_duration(self.step.patience)}: {self._where}"]
        if not self._stopped and process.exit_code and wanted is None:
            error = self._error(process)
            return [f"exit: expected 0, got {process.exit_code}" + (f" ({error})" if error else "")]
        return []

    def watched(self) -> int | None:
        self._look_back()
        return super().watched()

    def _look_back(self) -> None:
        if self.process is not None:
            self.roots = list(self._node.origins_of(self.process))

    def _error(self, process: Process) -> str | None:
        """The exception that ended it, in a line."""
        if process.error is None or isinstance(process.error, SystemExit):
            return None
        return f"{type(process.error).__name__}: {process.error}".rstrip(": ")

    def _stop(self, why: str) -> None:
        """Interrupt it, and kill it if that does not help."""
        process = self.process
        assert process is not None
        self._stopped = why
        self._where = process.whereabouts()
        self._timer.set(self.net.now + GRACE)
        process.interrupt()

    def _time_out(self) -> None:
        process = self.process
        if process is None or process.done:
            return
        if self._stopped:
            process.kill()
        else:
            self._stop(f"the timeout of {format_duration(self.step.patience)}")

    def _ended(self) -> None:
        self._timer.cancel()
        self._look_back()
        self.on_done()
