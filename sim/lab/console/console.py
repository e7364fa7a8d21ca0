"""The console of one node: reads a line, finds its verb, and lets it be done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from sim.devices.device import Device
from sim.devices.gateway import Gateway
from sim.devices.node import IpNode
from sim.devices.switch import Switch
from sim.errors import SimError
from sim.lab.console.jobs import Job, Machine, Say
from sim.lab.console.probes import PingJob, TracerouteJob
from sim.lab.console.programs import CurlJob, DigJob, NcJob
from sim.lab.console.showing import aligned, show_counters, show_ports, show_table
from sim.lab.console.words import UsageError, split
from sim.lab.naming import Node
from sim.lab.network import Network
from sim.lab.nodes import LabHost, LabRouter

LONGEST_LINE: Final = 1000

Begin = Callable[[Network, Machine, Sequence[str]], Job]
Show = Callable[[Network, Node], str]


@dataclass(frozen=True)
class Verb:
    """How it is written, what it does, on which nodes, and whether it begins something or shows something."""

    usage: str
    help: str
    on: tuple[type, ...]
    begin: Begin | None = None
    show: Show | None = None


MACHINES: Final = (LabHost, LabRouter)


def _table(name: str) -> Show:
    return lambda net, node: show_table(net, node, name)


VERBS: Final[dict[str, Verb]] = {
    "ping": Verb("ping [-c N] [-i S] HOST", "echo requests, one each second", MACHINES, PingJob),
    "traceroute": Verb("traceroute HOST", "the routers on the way", MACHINES, TracerouteJob),
    "curl": Verb("curl [-iILk] [-X METHOD] [-d DATA] URL", "a page of a web server", MACHINES, CurlJob),
    "dig": Verb("dig [@SERVER] NAME [TYPE]", "what name servers say", MACHINES, DigJob),
    "nc": Verb("nc [-u] HOST PORT TEXT", "a line to a port by TCP or UDP, and the answer", MACHINES, NcJob),
    "arp": Verb("arp", "the neighbours' MAC addresses", (IpNode,), show=_table("ARP")),
    "mac": Verb("mac", "where a switch has learned MAC addresses", (Switch,), show=_table("MAC")),
    "routes": Verb("routes", "the routing table", (IpNode,), show=_table("routes")),
    "addresses": Verb("addresses", "interfaces and their addresses", (IpNode,), show=_table("interfaces")),
    "sockets": Verb("sockets", "who listens, and who is connected", (IpNode,), show=_table("sockets")),
    "nat": Verb("nat", "whom a gateway translates to what", (Gateway,), show=_table("NAT")),
    "connections": Verb(
        "connections", "what a firewall or a gateway keeps track of", (Gateway,), show=_table("connections")
    ),
    "leases": Verb("leases", "the addresses that a DHCP server has given away", MACHINES, show=_table("leases")),
    "dhcp": Verb("dhcp", "the address that it has been given", MACHINES, show=_table("DHCP")),
    "cache": Verb("cache", "the names that a resolver remembers", MACHINES, show=_table("DNS cache")),
    "ports": Verb("ports", "its ports, and which have a carrier", (Device,), show=lambda _net, node: show_ports(node)),
    "counters": Verb("counters", "what it has counted", (object,), show=lambda _net, node: show_counters(node)),
}
ALIASES: Final[dict[tuple[str, ...], str]] = {
    ("ip", "route"): "routes",
    ("ip", "r"): "routes",
    ("ip", "addr"): "addresses",
    ("ip", "a"): "addresses",
    ("ip", "address"): "addresses",
    ("ip", "neigh"): "arp",
    ("ip", "n"): "arp",
    ("show", "mac"): "mac",
    ("route",): "routes",
    ("ifconfig",): "addresses",
    ("ss",): "sockets",
    ("netstat",): "sockets",
    ("host",): "dig",
    ("nslookup",): "dig",
    ("tracert",): "traceroute",
}
"""What others call them."""


class Console:
    """What is typed on `node`, one thing at a time. `say(text)` is given what comes of it, whenever it does."""

    def __init__(self, net: Network, node: Node, say: Say) -> None:
        self._net = net
        self._node = node
        self._say = say
        self._job: Job | None = None
        if isinstance(node, LabHost | LabRouter):
            node.add_daemon(self)

    @property
    def busy(self) -> bool:
        """Whether something goes on."""
        return self._job is not None

    def verbs(self) -> dict[str, Verb]:
        """What can be typed here."""
        return {name: verb for name, verb in VERBS.items() if isinstance(self._node, verb.on)}

    def enter(self, line: str) -> None:
        """Somebody has typed a line."""
        line = line.strip()
        if not line:
            return
        self._say(f"{self._node.name}$ {line[:LONGEST_LINE]}\n")
        try:
            self._do(line)
        except (UsageError, SimError) as error:
            self._say(f"{getattr(error, 'message', error)}\n")

    def interrupt(self) -> None:
        """Ctrl-C."""
        if self._job is not None:
            self._say("^C\n")
            self._job.interrupt()

    def start(self) -> None:
        """The power is on."""

    def cut(self) -> None:
        """The power is off."""
        if self._job is not None:
            self._say(f"{self._node.name} has been switched off\n")
            self._job.cut()

    def _do(self, line: str) -> None:
        if len(line) > LONGEST_LINE:
            raise UsageError(f"a line has {LONGEST_LINE} characters at most")
        words = split(line)
        name, rest = _verb_of(words)
        if name == "help":
            self._say(self._help())
            return
        verb = self._verb(name)
        if verb.show is not None:
            self._say(verb.show(self._net, self._node))
            return
        if self._job is not None:
            raise UsageError("something is running here: Ctrl-C ends it")
        if not getattr(self._node, "powered", True):
            raise UsageError(f"{self._node.name} is switched off")
        assert verb.begin is not None
        assert isinstance(self._node, LabHost | LabRouter)
        try:
            job = verb.begin(self._net, self._node, rest)
        except UsageError as error:
            raise UsageError(f"{error}; usage: {verb.usage}") from None
        self._job = job
        try:
            job.run(self._say, partial(self._ended, job))
        except BaseException:
            self._job = None
            raise

    def _verb(self, name: str) -> Verb:
        known = self.verbs()
        if name in known:
            return known[name]
        if name in VERBS:
            raise UsageError(f"{self._node.name} is a {self._node.kind}: {name} is nothing for it; try help")
        from difflib import get_close_matches

        near = get_close_matches(name, known, 1)
        raise UsageError(f"{name}: there is no such command" + (f", did you mean {near[0]}?" if near else "; try help"))

    def _help(self) -> str:
        rows = [(verb.usage, verb.help) for verb in self.verbs().values()]
        return aligned([*rows, ("help", "this"), ("Ctrl-C", "end what is running")])

    def _ended(self, job: Job) -> None:
        if self._job is job:
            self._job = None


def _verb_of(words: Sequence[str]) -> tuple[str, list[str]]:
    """The verb by its own name, and the words behind it."""
    for count in (2, 1):
        alias = ALIASES.get(tuple(words[:count]))
        if alias is not None and len(words) >= count:
            return alias, list(words[count:])
    return words[0], list(words[1:])
