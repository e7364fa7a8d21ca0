"""From a blueprint to live devices and links: the short way, for networks of which there is a lot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

from sim.devices.node import IpNode
from sim.devices.switch import Switch
from sim.lab.nodes import LabHost, LabRouter
from sim.links.channel import Properties
from sim.links.impairments import NO_IMPAIRMENTS, Impairments
from sim.links.link import Link
from sim.links.port import Port
from sim.scenario.blueprint import Blueprint, Cable, Leg
from sim.scenario.routing import Way
from sim.stack.interfaces import Interface

DEFAULT_ROUTE = bytes(4)


class Material(NamedTuple):
    """What links are made of."""

    properties: Properties = Properties(1_000_000_000, 1_000, 1000)
    impairments: Impairments = NO_IMPAIRMENTS
    up: bool = True


class Ground(Protocol):
    """What is asked of the network that is built on."""

    def host(self, name: str, *, interfaces: Mapping[str, str]) -> LabHost: ...

    def router(self, name: str, interfaces: Mapping[str, str]) -> LabRouter: ...

    def switch(self, name: str) -> Switch: ...

    def next_mac(self) -> bytes: ...

    def connect(self, a: Port, b: Port, properties: Properties, impairments: Impairments) -> Link: ...

    def set_link(self, link: Link, up: bool) -> None: ...


def assemble(
    net: Ground,
    blueprint: Blueprint,
    tables: Mapping[str, Iterable[Way]],
    access: Material | None = None,
    backbone: Material | None = None,
) -> list[LabHost]:
    """Build the nodes, their routes and the links of a blueprint; return its hosts.

    Links are what `access` and `backbone` say, by default 1 Gbit/s, 1 us and a queue of 1000 frames; those between
    routers have the blueprint's own speed, if it has one.
    """
    access = access or Material()
    if backbone is None:
        speed = blueprint.speed
        backbone = Material() if speed is None else Material(Properties(speed.bandwidth, speed.delay, 1000))
    ports: dict[tuple[str, str], Port] = {}
    for name, legs in blueprint.routers.items():
        _add_router(net, name, legs, tables.get(name, ()), ports)
    switches = {name: net.switch(name) for name in blueprint.switches}
    hosts = [_add_host(net, blueprint, name, ports) for name in blueprint.hosts]
    for cables, material in ((blueprint.access, access), (blueprint.backbone, backbone)):
        _connect(net, cables, material, ports, switches)
    return hosts


def _add_router(
    net: Ground, name: str, legs: Iterable[Leg], ways: Iterable[Way], ports: dict[tuple[str, str], Port]
) -> None:
    router = net.router(name, {})
    interfaces = {leg.port: _add_interface(net, router, leg, ports) for leg in legs}
    for way in ways:
        network = way.network.to_bytes(4, "big")
        for hop in way.hops:
            router.stack.add_route(network, way.length, hop.via.to_bytes(4, "big"), interfaces[hop.port])


def _add_host(net: Ground, blueprint: Blueprint, name: str, ports: dict[tuple[str, str], Port]) -> LabHost:
    station = blueprint.hosts[name]
    host = net.host(name, interfaces={})
    interface = _add_interface(net, host, Leg("eth0", station.address, station.length), ports)
    if station.gateway:
        host.stack.add_route(DEFAULT_ROUTE, 0, station.gateway.to_bytes(4, "big"), interface)
    return host


def _add_interface(net: Ground, node: IpNode, leg: Leg, ports: dict[tuple[str, str], Port]) -> Interface:
    interface = node.add_interface(leg.port, net.next_mac())
    node.stack.add_address(interface, leg.address.to_bytes(4, "big"), leg.length)
    ports[node.name, leg.port] = node.ports[-1]
    return interface


def _connect(
    net: Ground,
    cables: Iterable[Cable],
    material: Material,
    ports: dict[tuple[str, str], Port],
    switches: Mapping[str, Switch],
) -> None:
    """Ports of switches are made in the order of the cables, which is that of their numbers."""
    for ends in cables:
        a, b = (ports[end] if end in ports else switches[end[0]].add_port(end[1], net.next_mac()) for end in ends)
        link = net.connect(a, b, material.properties, material.impairments)
        if not material.up:
            net.set_link(link, up=False)
