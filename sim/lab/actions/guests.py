"""Steps whose work a program of ours does on a host: it is spawned, and what it returns is what came of the step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sim.errors import TopologyError
from sim.lab.actions.base import Action, Done
from sim.lab.network import Network
from sim.lab.nodes import Tools

if TYPE_CHECKING:
    from sim.userland.process import Process


class GuestAction(Action):
    """Runs `program()` on a host. `result` is what it has returned; None until it has, or when it was cut off."""

    def __init__(self, net: Network, host: str, on_done: Done) -> None:
        super().__init__(net, on_done)
        node = net[host]
        if not isinstance(node, Tools):
            raise TopologyError(f"{host} runs no programs")
        self.asker = host
        self._node = node
        self._process: Process | None = None

    @property
    def result(self) -> Any:
        """What the program has returned."""
        return self._process.value if self._process is not None and self._process.done else None

    def spawn(self, program: Callable[[], Any], name: str) -> None:
        """Start the program; the step ends with it."""
        self._process = self._node.spawn(program, name=name)
        self._process.on_exit.append(self._ended)

    def broken(self) -> str | None:
        """Why the program has ended without a result: its host was switched off, or it has a bug."""
        process = self._process
        if process is None or not process.done or process.exit_code == 0:
            return None
        return f"{process.name} ended: {process.error}"

    def watched(self) -> int | None:
        self._look_back()
        return super().watched()

    def origin(self, text: str) -> int | None:
        """The first journey of the program that was begun for a reason that starts with `text`."""
        self._look_back()
        trace = self.net.trace
        return next((root for root in self.roots if trace.journey(root).text.startswith(text)), None)

    def _look_back(self) -> None:
        if self._process is not None:
            self.roots = list(self._node.origins_of(self._process))

    def _ended(self) -> None:
        self._look_back()
        self.on_done()
