"""`sim exec FILE HOST -- CMD...`: run a real program as if on a host of the network."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from sim.bridge.execution import Execution, environment_of, host_called, prepare, unconfigured
from sim.bridge.modes import Mode, NoModeError, modes, open_namespace
from sim.bridge.namespace import Layout
from sim.bridge.realtime import LATE, Lag
from sim.cli.errors import FAILED, INVALID, usage
from sim.cli.options import Out, Seed, print_json, write_out
from sim.cli.terminal import write
from sim.errors import BudgetError
from sim.lab.build import build
from sim.lab.network import Network
from sim.lab.runner import Report
from sim.scenario.load import load
from sim.views.text import Line

WIDTH: Final = 18
"""Columns for the name of a way, and a gap."""


def command(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="A topology in YAML.", show_default=False)] = None,
    host_name: Annotated[
        str | None, typer.Argument(metavar="HOST", help="The host whose place the program takes.", show_default=False)
    ] = None,
    program: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- CMD...", help="The program and its arguments, after --.", show_default=False),
    ] = None,
    probe: Annotated[
        bool, typer.Option("--probe", help="Run nothing: tell which ways this system allows, and why not the others.")
    ] = False,
    seed: Seed = None,
    out: Out = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --probe: print one JSON document.")] = False,
) -> None:
    """Run a real program as if on HOST: sim exec lab.yaml pc1 -- curl http://web.corp.test/

    It runs in real time, on this machine's files and your terminal, in a network namespace whose interfaces are HOST's
    ports: with HOST's MAC and IP addresses, MTU, routes, name servers and names; every node is known by its name. All
    others run what they run in `sim run`; the scenario's steps, and what HOST serves by itself, do not run. A lease of
    DHCP is taken before the program starts. It takes root, or user namespaces and a /dev/net/tun that users may open.

    Ctrl-C goes to the program. Exit status: the program's; 128 + N when signal N ended it; 127 for one that does not
    exist; 2 for an invalid file or wrong usage, and when this system allows no way. With --probe 0, or 2 for none.
    """
    if probe:
        _probe(file, host_name, seed, as_json)
    if file is None or host_name is None:
        raise usage("say which FILE and which HOST: sim exec lab.yaml pc1 -- curl http://web/")
    if not program:
        raise usage("say what to run on it, after --: sim exec lab.yaml pc1 -- curl http://web/", "CMD")
    topology = load(file)
    net = build(topology, seed, record=out is not None)
    host = host_called(net, host_name)
    layout = prepare(net, host)
    try:
        mode, namespace = open_namespace(layout, program, environment_of(net))
    except NoModeError as error:
        write(_refusal(host_name, error.modes), sys.stderr)
        raise typer.Exit(INVALID) from None
    _tell([f"{path} does not exist here: {host_name}'s cannot be put in its place" for path in namespace.missing])
    _tell([f"{host_name}:{name} has no lease: it takes a DHCP client (-- dhclient)" for name in unconfigured(host)])
    execution = Execution(net, host, namespace)
    if execution.served:
        _tell([f"{host_name}'s own services do not run, {program[0]} has its place: {', '.join(execution.served)}"])
    try:
        status = execution.run()
    except BudgetError as error:
        write([[("error: ", "error"), (str(error), "")]], sys.stderr)
        raise typer.Exit(FAILED) from None
    _end(net, execution.pacer.lag)
    if out is not None:
        facts = {"host": host_name, "command": program, "exit": status, "mode": mode, "passed": status == 0}
        write_out(out, topology.name, net.trace, Report(topology.name, net.seed, [], net).as_dict() | facts)
    raise typer.Exit(status)


def _tell(notes: list[str]) -> None:
    write([[("note: ", "hint"), (note, "")] for note in notes], sys.stderr)


def _end(net: Network, lag: Lag) -> None:
    """What there is to say when the program has ended: services that failed, a clock that was not kept up with."""
    failed = [service for service in Report("", 0, [], net).services() if service["exit"]]
    _tell([f"service {one['name']} on {one['host']}: exit code {one['exit']}" for one in failed])
    if lag.longest > LATE and sys.stderr.isatty():
        before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # a shell that has just ended may have kept the terminal
        _tell([f"the network was {lag}"])
        signal.signal(signal.SIGTTOU, before)


def _probe(file: Path | None, host_name: str | None, seed: int | None, as_json: bool) -> None:
    """Tell which ways there are: for a host, or in general."""
    layout: Layout | None = None
    if file is not None:
        net = build(load(file), seed, record=False)
        if host_name is None:
            raise usage("say which HOST of the file, or leave the file out")
        layout = prepare(net, host_called(net, host_name))
    found = modes(layout)
    if as_json:
        print_json([{"mode": mode.name, "why_not": mode.why_not, "remedy": mode.remedy} for mode in found])
    else:
        write(_mode_lines(found))
    raise typer.Exit(0 if any(mode.available for mode in found) else INVALID)


def _mode_lines(found: Sequence[Mode]) -> list[Line]:
    """Each way with yes or no, why not, and what would help."""
    lines: list[Line] = []
    for mode in found:
        verdict = ("yes", "good") if mode.available else ("no", "error")
        lines.append([(f"{mode.name:<{WIDTH}}", "name"), verdict, (f"   {mode.why_not}" if mode.why_not else "", "")])
        if mode.remedy:
            lines.append([(" " * WIDTH, ""), ("hint: ", "hint"), (mode.remedy, "")])
    return lines


def _refusal(host_name: str, found: Sequence[Mode]) -> list[Line]:
    first: Line = [("error: ", "error"), (f"this system allows no way to run a program as {host_name}", "")]
    return [first, *_mode_lines(found)]
