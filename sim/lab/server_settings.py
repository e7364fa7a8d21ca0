"""What the program of a service is told: what the file says, and what only the network knows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from sim.userland.clocks import START
from sim.wire.addresses import format_ip

if TYPE_CHECKING:
    from sim.lab.nodes import LabHost, LabRouter
    from sim.scenario.services import Service


def settings_of(host: LabHost | LabRouter, service: Service, folder: str, roots: Sequence[str]) -> dict[str, Any]:
    """The arguments of its `serve`; `folder` is where the topology's file lies, `roots` are its DNS root servers."""
    kind = service.kind
    if service.dns is not None:
        return service.dns.arguments(_addresses(host), [*roots]) | {"show": partial(_expose, host, kind)}
    settings: dict[str, Any] = getattr(service, kind).model_dump(by_alias=True)
    if kind in ("http", "https"):
        settings = _web(settings, folder)
    return _secure(host, settings) if kind == "https" else settings


def _web(settings: dict[str, Any], folder: str) -> dict[str, Any]:
    """Folders are those of the topology's file, and all files as old as the network: an answer must not depend on when
    somebody has made a copy of them."""
    settings = {**settings, "modified": float(START)}
    for site in (settings, *settings["hosts"].values()):
        for page in (site, *site["routes"].values()):
            if page["root"] is not None:
                page["root"] = os.path.join(folder or os.getcwd(), page["root"])
    return settings


def _secure(host: LabHost | LabRouter, settings: dict[str, Any]) -> dict[str, Any]:
    """With a certificate for all that the server is called."""
    names = dict.fromkeys([*settings.pop("names"), host.name, *settings["hosts"], "localhost", *_addresses(host)])
    return {**settings, "certificate": host.network.authority.file(tuple(names), settings["certificate"])}


def _addresses(host: LabHost | LabRouter) -> list[str]:
    interfaces = [interface for interface in host.stack.interfaces if not interface.loopback]
    return [format_ip(address) for interface in interfaces for address, _ in interface.addresses]


def _expose(host: LabHost | LabRouter, kind: str, thing: object) -> None:
    host.exposed[kind] = thing
