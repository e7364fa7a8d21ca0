"""The `sim` command. To add a command: write its module with a function `command`, and add one line to COMMANDS."""

from __future__ import annotations

import importlib
import sys
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from sim.cli.errors import reporting
from sim.cli.terminal import on_terminal

COMMANDS: Final = {
    # verb: (module, one line of help), in the order of `sim --help`
    "run": ("sim.cli.run", "Run a topology's scenario and print each step."),
    "path": ("sim.cli.path", "Send one packet and explain its journey, hop by hop."),
    "replay": ("sim.cli.replay", "Make the page of a stored run."),
    "exec": ("sim.cli.exec", "Run a real program as if on a host, in real time."),
    "why": ("sim.cli.why", "Tell why a frame of a stored trace was there, and what became of it."),
    "check": ("sim.cli.check", "Validate topologies without running them."),
    "show": ("sim.cli.show", "Draw a topology: in the terminal, as SVG or as Mermaid."),
    "bridge": ("sim.cli.bridge", "Run in real time, with the hosts' ports on loopback."),
    "serve": ("sim.cli.serve", "Run in real time with a live page: consoles, links to cut."),
    "schema": ("sim.cli.schema", "Print the JSON Schema of topology files."),
    "bench": ("sim.cli.bench", "Measure how many frames a CPU second carries."),
    "ip": ("sim.cli.ip", "Explain an IP address: class, network, range, binary."),
}
SETTINGS: Final = {"help_option_names": ["-h", "--help"]}


class Commands(TyperGroup):
    """Commands by name, each imported only when it is used: `sim --help` lists them from the table."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name][1])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, _, rest = super().resolve_command(ctx, args)  # fails with a usage error for a name that is not known
        return name, (_load(name) if name else None), rest

    def invoke(self, ctx: Any) -> Any:
        with reporting():
            return super().invoke(ctx)


def _load(name: str) -> Any:
    module = importlib.import_module(COMMANDS[name][0])
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=_markup())
    single.command(name, context_settings=SETTINGS)(module.command)
    return typer.main.get_command(single)


def _markup() -> Any:
    """Help in boxes and colours for a person at a terminal, plain text for everything else."""
    return "rich" if on_terminal(sys.stdout) and on_terminal(sys.stderr) else None


def _print_version(wanted: bool) -> None:
    if not wanted:
        return
    from sim import __version__

    print(f"packetsim {__version__} ({flavour()})")
    raise typer.Exit


def flavour() -> str:
    """Whether the engine runs as compiled code: "compiled" or "interpreted"."""
    spec = importlib.util.find_spec("sim.engine.engine")
    source = spec is None or spec.origin is None or spec.origin.endswith((".py", ".pyc"))
    return "interpreted" if source else "compiled"


def _root(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """A network in a file: real frames, virtual time, and every hop explained.

    Exit status: 0 fine, 1 an expectation failed, 2 an invalid file or wrong usage.
    """


def build() -> typer.Typer:
    """The application, for `main` and for tests."""
    app = typer.Typer(
        cls=Commands,
        name="sim",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=_markup(),
        context_settings=SETTINGS,
    )
    app.callback()(_root)
    return app


def main() -> None:
    """Run `sim` with the arguments of the process, and exit."""
    build()(prog_name="sim")
