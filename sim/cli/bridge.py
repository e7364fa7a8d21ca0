"""`sim bridge FILE`: run in real time, with the hosts' ports on loopback and ways in and out."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from sim.bridge.published import Endpoint
from sim.bridge.session import Bridge, Settings
from sim.cli.errors import usage
from sim.cli.options import File, Out, Seed, Until, write_out
from sim.cli.terminal import write
from sim.lab.runner import StepReport
from sim.views.report import step_lines
from sim.views.text import Line


def _port_option(name: str, what: str) -> Any:
    help_ = f"Port on 127.0.0.1 of {what}; 0 takes any that is free."
    return typer.Option(f"--{name}", metavar="PORT", min=0, max=65535, help=help_)


def command(
    file: File,
    seed: Seed = None,
    speed: Annotated[float, typer.Option(min=0.001, max=1000, help="2 is twice as fast as the clock.")] = 1.0,
    until: Until = None,
    enter_at: Annotated[
        str | None, typer.Option("--enter-at", metavar="HOST", help="The host at which the real world enters.")
    ] = None,
    exit_at: Annotated[
        str | None, typer.Option("--exit-at", metavar="HOST", help="The host that names outside stand for.")
    ] = None,
    outward: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="NAME:PORT=ADDRESS:PORT", help="A port inside that leads to a real server."),
    ] = None,
    socks: Annotated[int | None, _port_option("socks", "a SOCKS5 proxy into the network")] = None,
    proxy: Annotated[int | None, _port_option("proxy", "an HTTP proxy into the network")] = None,
    dns: Annotated[int | None, _port_option("dns", "the name server of the host at which the world enters")] = None,
    control: Annotated[
        Path | None, typer.Option("--control", metavar="PATH", help="A local socket that takes commands meanwhile.")
    ] = None,
    anywhere: Annotated[
        bool, typer.Option("--anywhere", help="Let --map lead to other addresses than this machine's loopback.")
    ] = False,
    out: Out = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what happens as lines of JSON.")] = False,
) -> None:
    """Run a topology in real time and map its hosts to loopback sockets; Ctrl-C ends it.

    Each host has an address of its own in 127.0.0.0/8, where its open ports are reached. Nothing but loopback is
    listened on or contacted. Exit status: 0 fine, 1 a step of the scenario failed, 2 an invalid file, wrong usage, or
    a port that cannot be had.
    """
    tell = Teller(as_json)
    settings = Settings(
        enter_at=enter_at,
        exit_at=exit_at,
        socks=socks,
        proxy=proxy,
        dns=dns,
        outward=dict(_mapping(text) for text in outward or ()),
        anywhere=anywhere,
        record=out is not None,
    )
    bridge = Bridge(file, settings, seed=seed, speed=speed, on_change=tell.change, on_step=tell.step)
    before = signal.signal(signal.SIGTERM, lambda _number, _frame: bridge.stop())  # as Ctrl-C
    try:
        if control is not None:
            bridge.listen_for_commands(control)
        tell.begin(bridge)
        report = bridge.run(until)
    finally:
        bridge.close()
        signal.signal(signal.SIGTERM, before)
    if out is not None:
        write_out(out, report.topology, report.network.trace, report.as_dict())
    tell.end(bridge)
    raise typer.Exit(1 if any(step.ended is not None and not step.passed for step in report.steps) else 0)


def _mapping(text: str) -> tuple[tuple[str, int], tuple[str, int]]:
    inner, equals, real = text.partition("=")
    if not equals:
        raise usage(f"{text} is no mapping: write api.test:443=127.0.0.1:8443", "--map")
    return _end(inner), _end(real)


def _end(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) <= 65_535:
        raise usage(f"{text} is no host and port: write api.test:443=127.0.0.1:8443", "--map")
    return host, int(port)


class Teller:
    """Prints what happens: for people, or as lines of JSON."""

    def __init__(self, as_json: bool) -> None:
        self._json = as_json

    def begin(self, bridge: Bridge) -> None:
        """Where everything is."""
        if self._json:
            ports = {name: f"{address}:{port}" for name, (address, port) in bridge.ports.items()}
            self._print({"addresses": bridge.addresses, "entry": bridge.entry.name, **ports})
            return
        lines: list[Line] = [[(bridge.topology.name, "title"), (f"  the world enters at {bridge.entry.name}", "kind")]]
        lines += [
            [(f"  {name} is at ", ""), (f"{address}:{port}", "address")]
            for name, (address, port) in bridge.ports.items()
        ]
        write([*lines, [("  Ctrl-C ends it", "note")]])

    def change(self, endpoint: Endpoint, appears: bool) -> None:
        """A port has opened or closed."""
        if self._json:
            self._print({"opened" if appears else "closed": endpoint.as_dict()})
        elif appears:
            write([[("  open    ", "good"), (str(endpoint), "")]])
        else:
            write([[("  closed  ", "note"), (str(endpoint), "")]])

    def step(self, step: StepReport) -> None:
        """A step of the scenario has ended."""
        if self._json:
            self._print({"step": step.as_dict()})
        else:
            write(step_lines(step.as_dict()))

    def end(self, bridge: Bridge) -> None:
        """What there was."""
        summary = bridge.summary()
        if self._json:
            self._print({"connections": summary.connections, "lag": summary.lag, "problems": summary.problems})
            return
        write([[(problem, "warning")] for problem in summary.problems])
        write([[(f"{summary.connections} connections; {summary.lag}", "note")]])

    @staticmethod
    def _print(data: dict[str, Any]) -> None:
        print(json.dumps(data), flush=True)
