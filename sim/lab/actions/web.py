"""`http`: a request to a web server, with its redirects, and how long each part of it took."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from sim.lab.actions.base import Done
from sim.lab.actions.guests import GuestAction
from sim.lab.network import Network
from sim.scenario.expect import Expect
from sim.scenario.web_steps import HttpExpect, HttpRequest
from sim.units import format_about, format_size

if TYPE_CHECKING:
    from sim.services.http_client import Exchange

PHASES = ("dns", "connect", "tls", "first_byte", "total")
QUOTED = 200
"""Characters of a text that a failure shows."""


class HttpAction(GuestAction):
    """The request, as a program of its own on the host."""

    def __init__(self, net: Network, step: HttpRequest, on_done: Done) -> None:
        super().__init__(net, step.source, on_done)
        self.step = step
        self.title = f"http {step.source} -> {step.url}"

    def start(self) -> None:
        from sim.services.http_client import fetch

        step = self.step
        settings: dict[str, Any] = {
            "follow": step.follow,
            "timeout": step.timeout,
            "insecure": step.insecure,
            "count": step.count,
        }
        self.spawn(partial(fetch, step.url, step.method, step.headers, step.body, **settings), "http")

    def path(self) -> list[str]:
        exchange = self._exchange()
        if exchange.address is None:
            return super().path()
        host, port = exchange.address
        return self.connection_path(port, host)

    def outcome(self) -> dict[str, Any]:
        exchange = self._exchange()
        return {
            "status": exchange.status,
            "reason": exchange.reason,
            "url": exchange.url,
            "headers": exchange.headers,
            "body": exchange.head.decode("utf-8", "replace"),
            "bytes": exchange.size,
            "sha256": exchange.sha256 or None,
            "redirects": exchange.redirects,
            "requests": exchange.requests,
            "connections": exchange.connections,
            "tls": exchange.tls,
            "error": exchange.error,
            "timing": {phase: getattr(exchange.timing, phase) for phase in PHASES},
        }

    def summary(self) -> str:
        exchange = self._exchange()
        words = [] if exchange.error is None else [exchange.error]
        if exchange.status is not None:
            words.append(f"{exchange.status} {exchange.reason}".rstrip())
            words.append(format_size(exchange.size))
        if exchange.redirects:
            words.append(f"from {exchange.url} after {exchange.redirects} redirect{'s' * (exchange.redirects > 1)}")
        if exchange.requests > exchange.redirects + 1:
            over = "one connection" if exchange.connections == 1 else f"{exchange.connections} connections"
            words.append(f"{exchange.requests} requests over {over}")
        times = [
            f"{phase.replace('_', ' ')} {format_about(time)}"
            for phase in PHASES
            if (time := getattr(exchange.timing, phase))
        ]
        return "; ".join(part for part in (", ".join(words), ", ".join(times)) if part)

    def faults(self, expected: Expect) -> list[str]:
        wanted = expected.error if isinstance(expected, HttpExpect) else None
        exchange = self._exchange()
        return [f"error: {exchange.error}"] if exchange.error is not None and wanted is None else []

    def check(self, name: str, wanted: Any) -> list[str] | None:
        outcome = self.outcome()
        if name == "body":
            return _differs(name, wanted.removesuffix("\n"), outcome["body"].removesuffix("\n"))
        if name in ("url", "sha256"):
            return _differs(name, wanted, outcome[name])
        if name == "body_contains":
            got = _quoted(outcome["body"])
            return [f"{name}: expected {part!r} in {got}" for part in wanted if part not in outcome["body"]]
        if name == "headers":
            return _headers(wanted, outcome["headers"])
        if name == "timing":
            return _timing(wanted, outcome["timing"])
        return None

    def _exchange(self) -> Exchange:
        from sim.services.http_client import Exchange

        if self.result is not None:
            exchange: Exchange = self.result
            return exchange
        return Exchange(self.step.url, error=self.broken())


def _differs(name: str, wanted: str, actual: str | None) -> list[str]:
    return [] if wanted == actual else [f"{name}: expected {_quoted(wanted)}, got {_quoted(actual)}"]


def _headers(wanted: dict[str, str | None], actual: dict[str, str]) -> list[str]:
    found = []
    for name, value in wanted.items():
        got = actual.get(name.lower())
        if got != value:
            found.append(f"headers: expected {name} to be {_quoted(value)}, got {_quoted(got)}")
    return found


def _timing(wanted: Any, actual: dict[str, int | None]) -> list[str]:
    found = []
    for phase in PHASES:
        bound, time = getattr(wanted, phase), actual[phase]
        if bound is not None and (time is None or not bound.holds(time)):
            found.append(f"timing: expected {phase} {bound}, got {'nothing' if time is None else bound.shown(time)}")
    return found


def _quoted(text: str | None) -> str:
    if text is None:
        return "nothing"
    return repr(text if len(text) <= QUOTED else text[: QUOTED - 3] + "...")
