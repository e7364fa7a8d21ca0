"""Starts what a topology's hosts serve: each service by its name, and programs from files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Final

from sim.lab.server_settings import settings_of

if TYPE_CHECKING:
    from sim.lab.nodes import LabHost, LabRouter
    from sim.scenario.programs import Command
    from sim.scenario.services import Service
    from sim.userland.process import Process

SERVERS: Final[dict[str, str]] = {
    "dns": "sim.services.dns.server",
    "echo": "sim.services.echo",
    "http": "sim.services.http_server.server",
    "https": "sim.services.http_server.server",
    "discard": "sim.services.discard",
    "chargen": "sim.services.chargen",
    "daytime": "sim.services.daytime",
    "time": "sim.services.time_protocol",
    "throughput": "sim.services.throughput.server",
    "smtp": "sim.services.smtp_sink",
    "ntp": "sim.services.ntp_server",
    "socks": "sim.services.socks_proxy",
    "proxy": "sim.services.http_proxy",
}
"""The module whose `serve` runs for a service; it takes the service's settings by their names. Each is imported when it
is needed."""


def serve(host: LabHost | LabRouter, service: Service, folder: str, roots: Sequence[str] = ()) -> Process:
    """Start a service of a host; `folder` is where the topology's file lies, `roots` are its DNS root servers."""
    kind = service.kind
    if service.program is not None:
        return start(host.serve, service.program, folder)
    settings = settings_of(host, service, folder, roots)
    program = program_of(kind)

    def run() -> None:
        program(**settings)

    return host.serve(run, name=kind, folder=folder)


def program_of(kind: str) -> Callable[..., None]:
    """What runs for a service: `serve(port=..., address=...)`."""
    program: Callable[..., None] = import_module(SERVERS[kind]).serve
    return program


def start(how: Callable[..., Process], command: Command, folder: str, name: str = "") -> Process:
    """Start a program that a topology names, by `spawn` or `serve` of a host, in the folder of the topology's file."""
    return how(
        command.run,
        *command.args,
        stdin=command.stdin,
        name=name or os.path.basename(command.run),
        environment=command.env,
        folder=folder or os.getcwd(),
    )
