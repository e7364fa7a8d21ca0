"""Which port each end of a link takes.

A port that is named is taken by that name. Of a host or a router the interfaces are given, and an end without a port's
name takes the first that no link names or has taken; hubs and switches make ports as they are needed: `eth1`, `eth2`.
An outlet has one port, `eth0`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from itertools import chain, count, islice
from typing import Final, NamedTuple

from sim.scenario.fields import Path
from sim.scenario.model import Host, Node, Router, Topology
from sim.scenario.outlets import BARE_PORT, Outlet
from sim.scenario.problems import MAX_PROBLEMS

End = tuple[str, str]
"""A node and its port."""


MAX_NAMES: Final = 500
"""Names that are compared with a misspelt one."""


class Fault(NamedTuple):
    """Something wrong at a path, not yet a `Problem`."""

    code: str
    path: Path
    message: str
    hint: str | None = None


class Wiring(NamedTuple):
    """The ends of each link, None for a link that cannot be made; and why it cannot."""

    ends: list[tuple[End, End] | None]
    faults: list[Fault]


def wiring(topology: Topology) -> Wiring:
    """The ports of all links."""
    wires = _Wires(topology)
    wires.take_named()
    wires.take_free()
    ends = [(a, b) if a is not None and b is not None else None for a, b in wires.ends]
    plan = topology.blueprint
    return Wiring([*plan.access, *plan.backbone, *ends], wires.faults)


class Ports:
    """The ports of nodes, in order: declared interfaces, then those that links have made."""

    def __init__(self, topology: Topology, wires: Wiring) -> None:
        self._topology = topology
        self._made: dict[str, dict[str, None]] = {}
        for pair in wires.ends:
            for name, port in pair or ():
                self._made.setdefault(name, {})[port] = None

    def of(self, name: str) -> list[str]:
        """Those of one node; none of one that does not exist."""
        node = self._topology.nodes.get(name)
        declared = None if node is None else declared_ports(node)
        return list(dict.fromkeys([*(declared or ()), *self._made.get(name, ())]))


def declared_ports(node: Node) -> Collection[str] | None:
    """The names of the ports that a node has from the beginning, and no others; None if links make them."""
    if isinstance(node, Host | Router):
        return node.interfaces
    return (BARE_PORT,) if isinstance(node, Outlet) else None


def similar(word: str, known: Iterable[str]) -> str | None:
    """ "did you mean ...?" for a name that is not in `known`, or which there are, if they are few."""
    names = list(known)
    close = get_close_matches(word[:64], names[:MAX_NAMES], 1, 0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"there are {', '.join(names)}" if 0 < len(names) <= 8 else None


class _Wires:
    """Hands out ports, first those that are named anywhere, then the free ones."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._written = topology.written_links
        self._generated = len(topology.links) - len(self._written)
        self._taken: dict[End, int] = {}
        self._free: dict[str, Iterator[str]] = {}
        self._bad: set[tuple[int, int]] = set()
        self.ends: list[list[End | None]] = [[None, None] for _ in self._written]
        if self._generated:
            self._take_generated()
        self.faults: list[Fault] = []

    def take_named(self) -> None:
        """Check every name, and give the ends with a port's name that port."""
        nodes = self._topology.nodes
        for index, link in enumerate(self._written):
            for side, end in enumerate(link.endpoints):
                node = nodes.get(end.node)
                if node is None:
                    self._unknown(index, side, "unknown-node", f"there is no node '{end.node}'", end.node, nodes)
                elif end.port is None:
                    continue
                elif (declared := declared_ports(node)) is not None and end.port not in declared:
                    message = f"{node.kind} '{end.node}' has no interface '{end.port}'"
                    self._unknown(index, side, "unknown-port", message, end.port, declared)
                else:
                    self._take(index, side, (end.node, end.port))

    def take_free(self) -> None:
        """Give the ends without a port's name the next free one."""
        for index, link in enumerate(self._written):
            for side, end in enumerate(link.endpoints):
                if end.port is not None or (index, side) in self._bad:
                    continue
                port = next(self._free.setdefault(end.node, self._candidates(end.node)), None)
                if port is None:
                    self._no_free_port(index, side, end.node)
                else:
                    self._take(index, side, (end.node, port))

    def _take_generated(self) -> None:
        """Count the ports as taken that generated links take of the nodes that links in the file name."""
        named = {end.node for link in self._written for end in link.endpoints}
        plan = self._topology.blueprint
        for ends in chain(plan.access, plan.backbone) if named else ():
            for end in ends:
                if end[0] in named:
                    self._taken[end] = -1

    def _candidates(self, name: str) -> Iterator[str]:
        declared = declared_ports(self._topology.nodes[name])
        names = (f"eth{i}" for i in count(1)) if declared is None else iter(declared)
        return (port for port in names if (name, port) not in self._taken)

    def _take(self, index: int, side: int, end: End) -> None:
        other = self._taken.setdefault(end, index)
        if other != index or end in self.ends[index]:
            other_end = "both ends of this link" if other == index else f"{_link(other)} too"
            message = f"the port {end[0]}:{end[1]} is used by {other_end}"
            self._fault(index, side, "port-in-use", message, "a port has one link; use a hub or a switch to join more")
            return
        self.ends[index][side] = end

    def _no_free_port(self, index: int, side: int, name: str) -> None:
        node = self._topology.nodes[name]
        ports = declared_ports(node) or ()
        used = ", ".join(f"{port} in {_link(self._taken[name, port])}" for port in islice(ports, 8))
        message = f"{node.kind} '{name}' has no free interface for this link: {used}"
        hint = "declare one more under its interfaces"
        if isinstance(node, Outlet):
            hint = "it has one port; put a switch there to join more"
        elif name in self._topology.blueprint:
            hint = "of generated nodes only switches have more ports"
        self._fault(index, side, "no-free-port", message, hint)

    def _unknown(self, index: int, side: int, code: str, message: str, word: str, known: Iterable[str]) -> None:
        room = len(self.faults) < MAX_PROBLEMS
        self._fault(index, side, code, message, similar(word, known) if room else None)

    def _fault(self, index: int, side: int, code: str, message: str, hint: str | None) -> None:
        self._bad.add((index, side))
        if len(self.faults) < MAX_PROBLEMS:
            path = ("links", self._generated + index, "endpoints", side)
            self.faults.append(Fault(code, path, message, hint))


def _link(index: int) -> str:
    """What to call a link of the file, or a generated one."""
    return f"link {index + 1}" if index >= 0 else "a generated link"
