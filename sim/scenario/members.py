"""All nodes and links of a topology: those that were generated and those that were written.

Generated ones become models when somebody looks at them. Who builds a network reads the blueprint instead, so that
100,000 hosts are never 100,000 models.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from itertools import chain
from typing import Any, Final, overload

from sim.scenario.blueprint import Blueprint, Cable, Leg, Station
from sim.scenario.cables import Link
from sim.scenario.fields import Endpoint
from sim.scenario.nodes import Host, Interface, Node, Route, Router, Switch
from sim.scenario.routing import Way

Tables = Mapping[str, Sequence[Way]]
"""The computed routes of routers, by name."""

# Copied and then changed: to fill in all defaults anew takes five times as long.
_HOST: Final = Host.model_construct(kind="host")
_LINK: Final = Link.model_construct()


class Nodes(Mapping[str, Node]):
    """Nodes by name, generated ones first."""

    def __init__(self, written: Mapping[str, Node], blueprint: Blueprint, tables: Tables) -> None:
        self._written = written
        self._blueprint = blueprint
        self._tables = tables
        self._made: dict[str, Node] = {}

    def __getitem__(self, name: str) -> Node:
        node = self._made.get(name)
        if node is None:
            node = self._made[name] = self._make(name)
        return node

    def __contains__(self, name: object) -> bool:
        return name in self._written or name in self._blueprint

    def __iter__(self) -> Iterator[str]:
        return chain(self._blueprint, self._written)

    def __len__(self) -> int:
        return len(self._blueprint) + len(self._written)

    def _make(self, name: str) -> Node:
        plan = self._blueprint
        if name in plan.hosts:
            return _host(plan.hosts[name])
        if name in plan.switches:
            return Switch.model_construct(kind="switch")
        if name in plan.routers:
            interfaces = {leg.port: _interface(leg) for leg in plan.routers[name]}
            return Router.model_construct(kind="router", interfaces=interfaces, routes=self._routes(name))
        node = self._written[name]
        if isinstance(node, Router):  # a route that is written takes the place of the one that would be computed
            return node.model_copy(update={"routes": {**self._routes(name), **node.routes}})
        return node

    def _routes(self, name: str) -> dict[IPv4Network, list[Route]]:
        return {
            IPv4Network((way.network, way.length)): [
                Route.model_construct(via=IPv4Address(hop.via), dev=hop.port, metric=0) for hop in way.hops
            ]
            for way in self._tables.get(name, ())
        }


class Links(Sequence[Link]):
    """Links in order: generated ones of hosts and switches, generated ones between routers, then those in the file."""

    def __init__(self, written: Sequence[Link], blueprint: Blueprint) -> None:
        self._written = written
        self._blueprint = blueprint
        self._bounds = (len(blueprint.access), len(blueprint.access) + len(blueprint.backbone))

    def __len__(self) -> int:
        return self._bounds[1] + len(self._written)

    @overload
    def __getitem__(self, index: int) -> Link: ...

    @overload
    def __getitem__(self, index: slice) -> list[Link]: ...

    def __getitem__(self, index: int | slice) -> Link | list[Link]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = index + len(self) if index < 0 else index
        access, generated = self._bounds
        if place >= generated:
            return self._written[place - generated]
        if place >= access:
            return _link(self._blueprint.backbone[place - access], self._blueprint)
        if place < 0:
            raise IndexError(index)
        return _link(self._blueprint.access[place])


def _host(station: Station) -> Host:
    address = IPv4Interface((station.address, station.length))
    eth0 = Interface.model_construct(ip=[address])
    gateway = IPv4Address(station.gateway) if station.gateway else None
    return _HOST.model_copy(update={"ip": [address], "interfaces": {"eth0": eth0}, "gateway": gateway})


def _interface(leg: Leg) -> Interface:
    return Interface.model_construct(ip=[IPv4Interface((leg.address, leg.length))])


def _link(cable: Cable, blueprint: Blueprint | None = None) -> Link:
    update: dict[str, Any] = {"endpoints": (Endpoint(*cable[0]), Endpoint(*cable[1]))}
    if blueprint is not None and blueprint.speed is not None:
        update |= {"bandwidth": blueprint.speed.bandwidth, "delay": blueprint.speed.delay}
    return _LINK.model_copy(update=update)
