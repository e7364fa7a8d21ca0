"""`sim exec FILE HOST -- CMD...`: run a real program as if on a host of the network."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from sim.bridge.execution import Execution, environment_of, host_called, prepare, unconfigured
from sim.bridge.loopback import BridgeError
from sim.bridge.modes import PROXY, ROOT, USER, Mode, NoModeError, modes, open_namespace
from sim.bridge.namespace import Layout, Namespace, start_failure
from sim.bridge.proxied import COVERED, NOT_COVERED, Proxied
from sim.bridge.realtime import LATE, Lag
from sim.bridge.segments import open_doors
from sim.cli.errors import FAILED, INVALID, usage
from sim.cli.options import Out, Seed, print_json, write_out
from sim.cli.terminal import write
from sim.errors import BudgetError, TopologyError
from sim.lab.build import build
from sim.lab.network import Network
from sim.lab.nodes import LabHost
from sim.lab.runner import Report
from sim.scenario.load import load
from sim.scenario.model import Topology
from sim.views.text import Line, printable

WIDTH: Final = 18
"""Columns for the name of a way, and a gap."""
WAYS: Final = {"root": ROOT, "user": USER, "proxy": PROXY}
EXAMPLE: Final = "sim exec lab.yaml pc1 -- curl http://web/"


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
    mode: Annotated[
        str | None,
        typer.Option("--mode", metavar="WAY", help="Insist on one way: root or user (a namespace), or proxy."),
    ] = None,
    seed: Seed = None,
    out: Out = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --probe: print one JSON document.")] = False,
) -> None:
    """Run a real program as if on HOST: sim exec lab.yaml pc1 -- curl http://web.corp.test/

    It runs in real time, on this machine's files and your terminal, in a network namespace whose interfaces are HOST's
    ports: with HOST's MAC and IP addresses, MTU, routes, name servers and names; every node is known by its name. All
    others run what they run in `sim run`; the scenario's steps, and what HOST serves by itself, do not run. A lease of
    DHCP is taken before the program starts. That takes root, or user namespaces and a /dev/net/tun that users may open.

    Where neither is allowed, the program stays in the real network and is told of proxies that lead to HOST, by
    http_proxy, https_proxy and all_proxy. That covers TCP of programs that heed them, and nothing else.

    Ctrl-C goes to the program. Exit status: the program's; 128 + N when signal N ended it; 127 for one that does not
    exist; 2 for an invalid file or wrong usage, and when this system does not allow the way that is insisted on.
    """
    if mode is not None and mode not in WAYS:
        raise usage(f"{mode} is no way: they are {', '.join(WAYS)}", "--mode")
    if probe:
        _probe(file, host_name, seed, as_json)
    if file is None or host_name is None:
        raise usage(f"say which FILE and which HOST: {EXAMPLE}")
    if not program:
        raise usage(f"say what to run on it, after --: {EXAMPLE}", "CMD")
    topology = load(file)
    net = build(topology, seed, record=out is not None)
    host = host_called(net, host_name)
    task = Task(file, host_name, program, seed, out, topology)
    if mode == "proxy":
        raise typer.Exit(_run_at_proxies(task))
    try:
        names = (ROOT, USER) if mode is None else (WAYS[mode],)
        way, namespace = open_namespace(prepare(net, host), program, environment_of(net), names)
    except NoModeError as error:
        if mode is not None:
            write([_error(f"this system does not allow to run a program as {host_name}")], sys.stderr)
            write(_mode_lines(error.modes), sys.stderr)
            raise typer.Exit(INVALID) from None
        _tell([f"{program[0]} cannot take the place of {host_name} on this system, proxies lead there instead"])
        write(_mode_lines(error.modes), sys.stderr)
        raise typer.Exit(_run_at_proxies(task)) from None
    raise typer.Exit(_run_in(task, net, host, namespace, way))


@dataclass(frozen=True)
class Task:
    """What is to be run, where, and where to leave the captures."""

    file: Path
    host: str
    program: list[str]
    seed: int | None
    out: Path | None
    topology: Topology

    def write(self, report: Report, status: int, way: str) -> None:
        """Write what `--out` asks for. Raises OSError."""
        if self.out is not None:
            facts = {"host": self.host, "command": self.program, "exit": status, "mode": way, "passed": status == 0}
            write_out(self.out, self.topology.name, report.network.trace, report.as_dict() | facts)


def _run_in(task: Task, net: Network, host: LabHost, namespace: Namespace, way: str) -> int:
    """Run the program in its namespace; return its exit status."""
    _tell([f"{path} does not exist here: {task.host}'s cannot be put in its place" for path in namespace.missing])
    _tell([f"{task.host}:{name} has no lease: it takes a DHCP client (-- dhclient)" for name in unconfigured(host)])
    try:
        doors = open_doors(net, task.topology)
    except TopologyError:
        namespace.close()
        raise
    execution = Execution(net, host, namespace, doors)
    if execution.served:
        served = ", ".join(execution.served)
        _tell([f"{task.host}'s own services do not run, {task.program[0]} has its place: {served}"])
    try:
        status = execution.run()
    except BudgetError as error:
        write([_error(str(error))], sys.stderr)
        return FAILED
    report = Report(task.topology.name, net.seed, [], net)
    failed = [service for service in report.services() if service["exit"]]
    _tell([f"service {one['name']} on {one['host']}: exit code {one['exit']}" for one in failed])
    _tell_lag(execution.pacer.lag)
    task.write(report, status, way)
    return status


def _run_at_proxies(task: Task) -> int:
    """Run the program where it is, with proxies that lead to the host; return its exit status."""
    _tell([f"covered: {COVERED}", f"not covered: {NOT_COVERED}"])
    try:
        proxied = Proxied(task.file, task.host, seed=task.seed, record=task.out is not None)
        status, report = proxied.run(task.program)
    except BridgeError as error:
        write([_error(str(error))], sys.stderr)
        return INVALID
    except BudgetError as error:
        write([_error(str(error))], sys.stderr)
        return FAILED
    except OSError as error:
        status, text = start_failure(task.program[0], error)
        sys.stderr.write(text)
        return status
    _tell_lag(proxied.bridge.pacer.lag)
    task.write(report, status, PROXY)
    return status


def _error(text: str) -> Line:
    return [("error: ", "error"), (printable(text), "")]


def _tell(notes: list[str]) -> None:
    write([[("note: ", "hint"), (printable(note), "")] for note in notes], sys.stderr)


def _tell_lag(lag: Lag) -> None:
    """Tell a person when the clock was not kept up with."""
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
