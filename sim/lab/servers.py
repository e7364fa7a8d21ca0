"""Starts what a topology's hosts serve: each service by its name, and programs from files."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from sim.userland.clocks import START
from sim.wire.addresses import format_ip

if TYPE_CHECKING:
    from sim.lab.nodes import LabHost
    from sim.scenario.programs import Command
    from sim.scenario.services import Service
    from sim.userland.process import Process

SERVERS: Final[dict[str, str]] = {
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


def serve(host: LabHost, service: Service, folder: str) -> Process:
    """Start a service of a host; `folder` is where the topology's file lies."""
    kind = service.kind
    if service.program is not None:
        return start(host.serve, service.program, folder)
    settings: dict[str, Any] = getattr(service, kind).model_dump(by_alias=True)
    if kind in ADAPTERS:
        settings = ADAPTERS[kind](host, settings, folder)
    program = import_module(SERVERS[kind]).serve

    def run() -> None:
        program(**settings)

    return host.serve(run, name=kind, folder=folder)


def _web(_: LabHost, settings: dict[str, Any], folder: str) -> dict[str, Any]:
    """Folders are those of the topology's file, and all files as old as the network: an answer must not depend on when
    somebody has made a copy of them."""
    settings = {**settings, "modified": float(START)}
    for site in (settings, *settings["hosts"].values()):
        for page in (site, *site["routes"].values()):
            if page["root"] is not None:
                page["root"] = os.path.join(folder or os.getcwd(), page["root"])
    return settings


def _secure_web(host: LabHost, settings: dict[str, Any], folder: str) -> dict[str, Any]:
    """With a certificate for all that the server is called."""
    settings = _web(host, settings, folder)
    addresses = [format_ip(one) for interface in host.stack.interfaces for one, _ in interface.addresses]
    names = dict.fromkeys([*settings.pop("names"), host.name, *settings["hosts"], "localhost", *addresses])
    authority = host.network.authority
    return {**settings, "certificate": authority.file(tuple(names), settings["certificate"])}


ADAPTERS: Final[dict[str, Callable[[LabHost, dict[str, Any], str], dict[str, Any]]]] = {
    "http": _web,
    "https": _secure_web,
}
"""What makes a program's settings of those in the file, where they are not the same."""


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
