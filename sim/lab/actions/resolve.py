"""`resolve`: a question to name servers, as `dig` and `host` ask it, and all that it led to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sim.errors import TopologyError
from sim.lab.actions.base import Action, Done
from sim.lab.dns_walk import walk
from sim.lab.network import Network
from sim.lab.nodes import Tools
from sim.scenario import steps
from sim.scenario.expect import Expect
from sim.units import format_about
from sim.wire.addresses import format_ip

if TYPE_CHECKING:
    from sim.userland.dig import Asked
    from sim.userland.process import Process

LONGEST: Final = 100
"""Characters of answers in a summary."""


class ResolveAction(Action):
    def __init__(self, net: Network, step: steps.Resolve, on_done: Done) -> None:
        super().__init__(net, on_done)
        node = net[step.source]
        if not isinstance(node, Tools):
            raise TopologyError(f"{step.source} is a {node.kind}: it cannot ask for names")
        self.step = step
        self.asker = step.source
        self.title = f"resolve {step.name} {step.type} on {step.source}"
        self.title += "" if step.server is None else f", asks {step.server}"
        self._server = None if step.server is None else format_ip(net.resolve(step.server))
        self._node = node
        self._process: Process | None = None
        self._first = 0

    def start(self) -> None:
        from sim.userland.dig import dig

        step = self.step
        settings = self._node.resolver
        if self._server is None and not settings.servers:
            raise TopologyError(
                f"{step.source} has no name server", hint=f"write dns: ADDRESS at {step.source}, or server: in the step"
            )
        self._first = len(self.net.recorder.frames)
        question = {"tcp": step.tcp, "recurse": step.recurse, "edns": step.edns}
        self._process = self._node.spawn(dig, settings, self._server, step.name, step.type, question, name="resolve")
        self._process.on_exit.append(self._ended)

    def outcome(self) -> dict[str, Any]:
        process = self._process
        if process is None or process.ended is None:
            return {"status": None, "answers": [], "addresses": [], "queries": 0, "duration": None}
        asked: Asked = process.result()
        exchanges = walk(self.net, self.step.source, self._first)
        return {
            "status": asked.status,
            "answers": asked.answers,
            "addresses": asked.addresses,
            "aliases": asked.aliases,
            "ttl": asked.ttl,
            "authoritative": asked.authoritative,
            "truncated": asked.truncated,
            "server": asked.server,
            "queries": len(exchanges) or asked.sent,
            "cached": any(exchange.cached for exchange in exchanges if exchange.depth == 0),
            "duration": process.ended - process.started,
        }

    def summary(self) -> str:
        result = self.outcome()
        if result["duration"] is None:
            return ""
        aliases = "".join(f"{alias} = " for alias in result["aliases"])
        said = _clip(", ".join(result["answers"])) or result["status"]
        count = result["queries"]
        return f"{aliases}{said} after {format_about(result['duration'])}, {count} quer{'y' if count == 1 else 'ies'}"

    def faults(self, expected: Expect) -> list[str]:
        """A name has to be there, unless something else is expected."""
        status = self.outcome()["status"]
        wanted = {"status", "addresses", "answers"} & expected.model_fields_set
        if status != "NOERROR" and not wanted:
            return [f"status: expected NOERROR, got {status}"]
        return []

    def _ended(self) -> None:
        if self._process is not None:
            self.roots = list(self._node.origins_of(self._process))
        self.on_done()


def _clip(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
