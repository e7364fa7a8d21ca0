"""Errors that a schema cannot see: names of nodes, ports and links that must exist, and addresses that no interface
can have. With any of them the network cannot be built, or a step cannot run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import IPv4Interface
from itertools import islice
from typing import Any

from sim.scenario.addressing import purpose_of
from sim.scenario.capture_files import capture_problems
from sim.scenario.dhcp_lint import dhcp_faults
from sim.scenario.dns import NameServer
from sim.scenario.expect import Expect, Station
from sim.scenario.fields import Endpoint, Path
from sim.scenario.gateway_lint import expect_errors, gateway_errors
from sim.scenario.model import (
    DhcpStep,
    Dns,
    FrameStep,
    Host,
    HttpStep,
    LinkStep,
    NodeStep,
    PartitionStep,
    ProgramStep,
    ResolveStep,
    Router,
    Step,
    Topology,
)
from sim.scenario.ports import Fault, Ports, Wiring, similar, wiring
from sim.scenario.problems import MAX_PROBLEMS, Problem
from sim.scenario.programs import Command
from sim.scenario.steps import QUIET
from sim.scenario.targets import (
    TargetError,
    address_of,
    asks_for_names,
    dhcp_client_of,
    is_name,
    link_between,
    root_servers,
    stack_of,
)
from sim.scenario.web import WebServer
from sim.scenario.zone_files import zone_problems

_MISUSED = {"this network", "loopback", "multicast", "reserved", "limited broadcast"}


def references(topology: Topology, wires: Wiring | None = None) -> list[Problem]:
    """Such errors, in no particular order."""
    wires = wires or wiring(topology)
    rules = (
        wires.faults,
        _addresses(topology),
        _routes(topology),
        _services(topology),
        gateway_errors(topology),
        dhcp_faults(topology),
        _Steps(topology, wires).faults(),
    )
    faults = [fault for rule in rules for fault in islice(rule, MAX_PROBLEMS)]
    found = [topology.problem("error", fault.code, fault.path, fault.message, fault.hint) for fault in faults]
    return found + zone_problems(topology) + capture_problems(topology)


def address_fault(address: IPv4Interface) -> tuple[str, str | None] | None:
    """Why no interface can have this address, with a hint; None if one can."""
    ip, network = address.ip, address.network
    purpose, source = purpose_of(ip)
    if purpose in _MISUSED:
        class_ = {"multicast": "class D, ", "reserved": "class E, "}.get(purpose, "")
        return f"{ip} is not for an interface: {class_}{purpose} ({source})", "use one like 192.168.1.10"
    if network.prefixlen >= 31:  # RFC 3021: both addresses of a /31 are hosts
        return None
    usable = f"hosts of {network} are {network.network_address + 1} to {network.broadcast_address - 1}"
    if ip == network.network_address:
        return f"{ip} is the address of the network {network} itself", usable
    if ip == network.broadcast_address:
        return f"{ip} is the broadcast address of {network}", usable
    return None


def _addresses(topology: Topology) -> Iterator[Fault]:
    for name, node in topology.written_nodes.items():
        if not isinstance(node, Host | Router):
            continue
        for port, index, address in addresses_of(node):
            fault = address_fault(address)
            if fault is not None:
                yield Fault("address-misuse", address_path(node, name, port, index), *fault)


def addresses_of(node: Host | Router) -> Iterator[tuple[str, int, IPv4Interface]]:
    """Each interface's name and addresses, with their index."""
    for port, interface in node.interfaces.items():
        for index, address in enumerate(interface.ip):
            yield port, index, address


def address_path(node: Host | Router, name: str, port: str, index: int) -> Path:
    """Where an address of a node stands in the file."""
    if isinstance(node, Host) and "ip" in node.model_fields_set:
        return "nodes", name, "ip", index
    return "nodes", name, "interfaces", port, "ip", index


def _routes(topology: Topology) -> Iterator[Fault]:
    for name, node in topology.written_nodes.items():
        if not isinstance(node, Host | Router):
            continue
        for prefix, routes in node.routes.items():
            for index, route in enumerate(routes):
                if route.dev is not None and route.dev not in node.interfaces:
                    message = f"{node.kind} '{name}' has no interface '{route.dev}'"
                    path = ("nodes", name, "routes", str(prefix), index, "dev")
                    yield Fault("unknown-port", path, message, similar(route.dev, node.interfaces))


def _services(topology: Topology) -> Iterator[Fault]:
    for name, node in topology.written_nodes.items():
        if isinstance(node, Dns):
            yield from _name_server(topology, node, ("nodes", name))
        if isinstance(node, Host | Router):
            for index, service in enumerate(node.services):
                path: Path = ("nodes", name, "services", index, service.kind)
                if service.dns is not None:
                    yield from _name_server(topology, service.dns, path)
                if service.program is not None:
                    yield from _no_file(topology, service.program, (*path, "run"))
                web = service.http or service.https
                if web is not None:
                    yield from _no_folder(topology, web, path)


def _no_folder(topology: Topology, web: WebServer, path: Path) -> Iterator[Fault]:
    """A folder of a web server that is not there."""
    for at, folder in web.folders():
        if not os.path.isdir(os.path.join(topology.folder, folder)):
            hint = "the path leads on from where this file is"
            yield Fault("no-file", (*path, *at), f"there is no folder {folder!r}", hint)


def _name_server(topology: Topology, server: NameServer, path: Path) -> Iterator[Fault]:
    """Zones whose files are not there, and a resolver that has nowhere to begin."""
    for origin, zone in server.zones.items():
        file = os.path.join(topology.folder, zone.file or "")
        if zone.file is not None and not os.path.isfile(file):
            hint = "the path leads on from where this file is"
            yield Fault("no-file", (*path, "zones", origin, "file"), f"there is no file {zone.file!r}", hint)
    if server.recursive and not (server.forward or server.root_hints or root_servers(topology)):
        hint = "write root: true at a name server, root_hints: [ADDRESS], or forward: [ADDRESS]"
        yield Fault("no-root", (*path, "recursive"), "it is recursive, and there is no root server to begin with", hint)


def _no_file(topology: Topology, command: Command, path: Path) -> Iterator[Fault]:
    """A program that is not there."""
    file = os.path.join(topology.folder, command.run)
    if not os.path.isfile(file):
        folder = os.path.dirname(file) or "."
        there = [name for name in os.listdir(folder) if name.endswith(".py")] if os.path.isdir(folder) else []
        near = similar(os.path.basename(file), sorted(there)) or "the path leads on from where this file is"
        yield Fault("no-file", path, f"there is no file {command.run!r}", near)


class _Steps:
    """Walks through the scenario."""

    def __init__(self, topology: Topology, wires: Wiring) -> None:
        self._topology = topology
        self._wires = wires
        self._ports = Ports(topology, wires)
        self._found: list[Fault] = []

    def faults(self) -> list[Fault]:
        """What is wrong with the names in steps."""
        for index, step in enumerate(self._topology.scenario):
            if len(self._found) >= MAX_PROBLEMS:
                break
            path: Path = ("scenario", index)
            self._action(step, (*path, step.kind))
            self._expect(step, (*path, "expect"))
        return self._found

    def _try(self, path: Path, check: Callable[[], Any]) -> None:
        try:
            check()
        except TargetError as error:
            self._found.append(Fault(error.code, path, str(error), error.hint))

    def _action(self, step: Step, path: Path) -> None:
        topology = self._topology
        if isinstance(step, LinkStep):
            a, b = step.link.endpoints
            self._try((*path, "endpoints"), lambda: link_between(topology, a, b, self._wires))
        elif isinstance(step, NodeStep):
            self._node(step.node.name, (*path, "name"))
        elif isinstance(step, FrameStep):
            self._sender(step.frame.source, (*path, "from"))
        elif isinstance(step, ProgramStep):
            self._try((*path, "on"), lambda: stack_of(topology, step.program.on))
            self._found += _no_file(topology, step.program, (*path, "run"))
        elif isinstance(step, HttpStep):
            self._try((*path, "from"), lambda: stack_of(topology, step.http.source))
        elif isinstance(step, DhcpStep):
            self._try((*path, "on"), lambda: dhcp_client_of(topology, step.dhcp.on, step.dhcp.interface))
        elif isinstance(step, PartitionStep):
            for index, group in enumerate(step.partition.groups):
                for place, name in enumerate(group):
                    self._try((*path, "groups", index, place), partial(stack_of, topology, name))
        elif isinstance(step, ResolveStep):
            self._resolve(step, path)
        elif not isinstance(step, QUIET):
            action = step.action
            self._try((*path, "from"), lambda: stack_of(topology, action.source))
            if not is_name(topology, action.source, action.to):
                self._try((*path, "to"), lambda: address_of(topology, action.to, action.source))

    def _resolve(self, step: ResolveStep, path: Path) -> None:
        topology, question = self._topology, step.resolve
        self._try((*path, "from"), lambda: stack_of(topology, question.source))
        node = topology.nodes.get(question.source)
        if question.server is not None:
            server = question.server
            self._try((*path, "server"), lambda: address_of(topology, server))
        elif isinstance(node, Host | Router) and not asks_for_names(node):
            hint = f"write dns: ADDRESS at '{question.source}', or server: in the step"
            message = f"'{question.source}' has no name server to ask"
            self._found.append(Fault("no-name-server", (*path, "from"), message, hint))

    def _node(self, name: str, path: Path) -> bool:
        if name in self._topology.nodes:
            return True
        hint = similar(name, list(self._topology.nodes))
        self._found.append(Fault("unknown-node", path, f"there is no node '{name}'", hint))
        return False

    def _port(self, end: Endpoint, path: Path) -> None:
        ports = self._ports.of(end.node)
        if self._node(end.node, path) and end.port is not None and end.port not in ports:
            message = f"'{end.node}' has no port '{end.port}'"
            self._found.append(Fault("unknown-port", path, message, similar(end.port, ports)))

    def _sender(self, end: Endpoint, path: Path) -> None:
        """A frame leaves by one port: the only one, or one that is named."""
        self._port(end, path)
        ports = self._ports.of(end.node)
        if end.node in self._topology.nodes and end.port is None and len(ports) != 1:
            hint = f"write {end.node}:{ports[0]}" if ports else "give it a link"
            message = f"'{end.node}' has {len(ports)} ports: say which one" if ports else f"'{end.node}' has no port"
            self._found.append(Fault("unknown-port", path, message, hint))

    def _expect(self, step: Step, path: Path) -> None:
        expect: Expect = step.expect
        if expect.path is not None and isinstance(step, QUIET):
            message = f"a {step.kind} step sends no packet, so that none has a path"
            self._found.append(Fault("no-path", (*path, "path"), message, "expect the path of a ping"))
        for index, name in enumerate(expect.path or ()):
            self._node(name, (*path, "path", index))
        for key in ("seen", "unseen"):
            for index, end in enumerate(getattr(expect, key) or ()):
                self._port(end, (*path, key, index))
        for key in ("arp", "routes", "counters", "nat", "firewall", "printed", "dns_cache", "leases"):
            for name in getattr(expect, key) or ():
                if self._node(name, (*path, key, name)) and key in ("arp", "routes"):
                    self._try((*path, key, name), partial(stack_of, self._topology, name))
        for index, hop in enumerate(getattr(expect, "hops", None) or ()):
            if hop != "*" and not hop.replace(".", "").isdecimal():
                self._node(hop, (*path, "hops", index))
        self._tables(expect, path)
        self._found += expect_errors(self._topology, expect, path)

    def _tables(self, expect: Expect, path: Path) -> None:
        """The stations and ports in the tables that are expected."""
        for server, leased in (expect.leases or {}).items():
            spec = self._topology.nodes.get(server)
            services = spec.services if isinstance(spec, Host | Router) else []
            if spec is not None and not any(service.dhcp for service in services):
                message = f"'{server}' has no DHCP server"
                self._found.append(Fault("wrong-kind", (*path, "leases", server), message, "add it to its services"))
            for client in leased:
                self._station(client, (*path, "leases", server, str(client)))
        for node, neighbours in (expect.arp or {}).items():
            for address, station in neighbours.items():
                self._station(station, (*path, "arp", node, str(address)))
        for switch, stations in (expect.mac or {}).items():
            place = (*path, "mac", switch)
            if self._node(switch, place) and self._topology.nodes[switch].kind != "switch":
                message = f"'{switch}' is a {self._topology.nodes[switch].kind}: only switches learn addresses"
                self._found.append(Fault("wrong-kind", place, message))
                continue
            for station, port in stations.items():
                self._station(station, (*place, str(station)))
                if port is not None:
                    self._port(Endpoint(switch, port), (*place, str(station)))

    def _station(self, station: Station | None, path: Path) -> None:
        if station is not None and station.endpoint is not None:
            self._port(station.endpoint, path)
