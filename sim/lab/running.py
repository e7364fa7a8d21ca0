"""A network as it lives: time, programs, power, partitions; and how what is in it is found by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sim.devices.node import IpNode
from sim.engine.engine import Engine
from sim.engine.streams import Streams
from sim.errors import BudgetError, SimError, TopologyError
from sim.lab.collector import relaxed_collector
from sim.lab.dhcp import clients_of
from sim.lab.naming import End, Node, is_end, name_of, unknown
from sim.lab.nodes import Tools
from sim.lab.partition import Partition
from sim.links.link import Link
from sim.links.port import Port
from sim.tracing import kinds
from sim.tracing.recorder import Detail, Recorder
from sim.tracing.recording import Trace
from sim.units import duration
from sim.wire.addresses import parse_ip

if TYPE_CHECKING:
    from sim.lab.authority.authority import Authority
    from sim.userland.tasks import Scheduler

CLOSING_TIME: Final = 100_000_000
"""ns that programs have to end when a network is closed."""
CLOSING_EVENTS: Final = 200_000
"""How much may happen in that time: where frames circle for ever, programs are not waited for."""


class Running:
    """What `Network` is, but for how it is built: `seed` decides every random draw; `record=False` keeps no trace."""

    def __init__(self, seed: int = 0, name: str = "network", record: bool = True) -> None:
        self.name = name
        self.seed = seed
        self.engine = Engine()
        self.streams = Streams(seed)
        self.recorder = Recorder()
        self.recording = record
        self.trace = Trace(self.recorder, lambda: self.engine.now)
        self.nodes: dict[str, Node] = {}
        self.links: list[Link] = []
        self.environment: dict[str, str] = {}  # of all programs, where they do not say otherwise
        self._scheduler: Scheduler | None = None
        self._authority: Authority | None = None
        self._partition: Partition | None = None

    @property
    def now(self) -> int:
        """Virtual time in ns."""
        return self.engine.now

    def __getitem__(self, name: str) -> Node:
        """The node called `name`. Raises TopologyError, with the name that may have been meant."""
        try:
            return self.nodes[name]
        except KeyError:
            raise unknown("node", name, self.nodes) from None

    # -- finding

    def link_between(self, a: End, b: End) -> Link:
        """The link that joins two nodes or ports. Raises TopologyError when there is none, or more than one."""
        found = [link for link in self.links if self._joins(link, a, b)]
        if len(found) != 1:
            what = "no link" if not found else "more than one link"
            raise TopologyError(f"there is {what} between {name_of(a)} and {name_of(b)}")
        return found[0]

    def resolve(self, name: str) -> bytes:
        """The IP address of a node ("web"), of an interface ("r1:lan"), or what the text itself says.

        Raises TopologyError.
        """
        node_name, _, interface_name = name.partition(":")
        node = self.nodes.get(node_name)
        if node is None:
            try:
                return parse_ip(name)
            except ValueError:
                raise unknown("node or address", name, self.nodes) from None
        if isinstance(node, IpNode):
            for interface in node.stack.interfaces:
                wanted = interface.name == interface_name if interface_name else not interface.loopback
                if wanted and interface.addresses:
                    return interface.addresses[0][0]
            for client in clients_of(node):
                if interface_name in ("", client.interface.name):
                    raise TopologyError(f"{name} has no IP address: its DHCP client is {client.client.state}")
        raise TopologyError(f"{name} has no IP address")

    def name_of(self, address: str) -> str | None:
        """The name of the node that has an IP address, None when none has."""
        owner = self.address_owner(parse_ip(address))
        return None if owner is None else owner.name

    @property
    def scheduler(self) -> Scheduler:
        """Who runs the programs of all nodes."""
        if self._scheduler is None:
            from sim.userland.tasks import Scheduler

            self._scheduler = Scheduler(self.engine)
        return self._scheduler

    @property
    def authority(self) -> Authority:
        """The certificate authority, which programs that start from now on trust. It comes into being when it is first
        asked for."""
        if self._authority is None:
            from sim.lab.authority.authority import Authority

            self._authority = Authority(self.seed)
            self.environment.update(self._authority.environment())
        return self._authority

    @property
    def has_authority(self) -> bool:
        """Whether somebody has asked for the certificate authority."""
        return self._authority is not None

    def port(self, end: str) -> Port:
        """The port "sw1:eth2", or the only port of a node that has one. Raises TopologyError."""
        node_name, _, port_name = end.partition(":")
        node = self[node_name]
        for port in node.ports:
            if port.name == port_name or (not port_name and len(node.ports) == 1):
                return port
        if not port_name:
            raise TopologyError(f"{node_name} has {len(node.ports)} ports: say which, as {node_name}:NAME")
        raise unknown(f"port of {node_name}", port_name, [port.name for port in node.ports])

    def address_owner(self, address: bytes) -> IpNode | None:
        """The first node that has an IP address."""
        for node in self.nodes.values():
            if isinstance(node, IpNode) and node.stack.is_local(address):
                return node
        return None

    @property
    def frame_hops(self) -> int:
        """How many frames have been put on a link so far."""
        return sum(channel.frames for link in self.links for channel in link.channels)

    # -- running

    def run(self, until: int | str | None = None, *, budget: int | None = None) -> None:
        """Run virtual time to `until` (ns since the start, or text), or until nothing more is to happen.

        `budget` bounds the number of events; BudgetError (a RuntimeError) says that it was not enough.
        """
        self._refuse_programs()
        with relaxed_collector():
            self.engine.run(None if until is None else duration(until), budget)

    def run_until(self, done: Callable[[], bool], *, budget: int | None = None) -> None:
        """Run virtual time until `done()`, asked whenever something called `engine.stop()`, or nothing is left."""
        self._refuse_programs()
        with relaxed_collector():
            while not done() and not self.engine.at_rest():
                self.engine.run(None, budget)

    def set_congestion(self, host: IpNode, name: str) -> None:
        """The congestion control of a host's connections that do not ask for another. Raises TopologyError."""
        tcp = host.stack.tcp
        if name not in tcp.controls:
            raise unknown("congestion control", name, tcp.controls)
        tcp.congestion = name

    def _refuse_programs(self) -> None:
        """A program is part of what runs: it lets time pass by waiting, and has no clock to turn."""
        running = None if self._scheduler is None else self._scheduler.running
        if running is not None:
            raise SimError(
                f"{running.name} asks for the simulation to be run, within which it runs itself: net.run(), "
                "host.ping() and their like are for the outside; a program opens sockets, and waits"
            )

    def set_power(self, node: Node | str, on: bool) -> None:
        """Switch a device off (its links lose their carrier, what it learned is gone), or on again."""
        device = self[node] if isinstance(node, str) else node
        if device.ports:
            self.note(device.ports[0], kinds.POWER, "up" if on else "down")
        if not on:
            device.set_power(False)
        for link in self.links:
            for port in link.ports:
                if port.owner is device:
                    link.set_power(port, on)
        if on:
            device.set_power(True)

    def close(self) -> None:
        """End all programs: they are interrupted, and killed when they have not ended 100 ms later. The trace stays."""
        nodes = [node for node in self.nodes.values() if isinstance(node, Tools) and node.interrupt_programs()]
        if nodes:
            self._run_at_most(self.engine.now + CLOSING_TIME)
            for node in nodes:
                node.end_programs()
            self._run_at_most(self.engine.now)

    def shuffle(self) -> None:
        """Let chance decide what happens first of what happens at one instant, from now on: to hunt races.

        Programs that are ready at one instant run in an order drawn from the seed, and so does all that is due at one
        instant: frames and timers. The frames of one direction of a link keep their order.
        """
        chance = self.streams.stream("shuffle")
        self.scheduler.shuffle = chance
        self.engine.shuffle(chance.randrange)

    def crash(self, node: IpNode | str) -> None:
        """Cut a host's power: its programs end where they stand, its sockets are gone, and nobody is told."""
        self.set_power(node, False)

    def restart(self, node: IpNode | str) -> None:
        """Switch a host on again after `crash`; its services are started anew, other programs are not."""
        self.set_power(node, True)

    def partition(self, groups: Sequence[Sequence[IpNode | str]]) -> None:
        """Divide the network: from now on hosts and routers of different `groups` do not hear of each other.

        Frames between them are dropped with the reason "partition" (see sim/lab/partition.py). Whom no group names
        still hears all. A second division takes the place of the first. Raises TopologyError.
        """
        partition = Partition(self, groups)
        self.heal()
        self._partition = partition

    def heal(self) -> None:
        """End the division of the network, if there is one."""
        if self._partition is not None:
            self._partition.heal()
            self._partition = None

    def note(self, port: Port, kind: int, detail: Detail) -> None:
        """Note something in the name of a port's owner, about what is being handled."""
        if self.recording:
            self.recorder.note(self.now, self.engine.cause, self._node_index(port), kind, detail)

    def drop(self, port: Port, reason: str) -> None:
        """Note that the frame being handled goes no further than the owner of `port`."""
        self.note(port, kinds.DROP, reason)

    def set_link(self, link: Link, up: bool) -> None:
        """Plug a link in, or pull it out."""
        for port in link.ports:
            self.note(port, kinds.LINK, (port.name, "up" if up else "down"))
        link.set_up(up)

    # -- inside

    def _run_at_most(self, until: int) -> None:
        with suppress(BudgetError):
            self.engine.run(until, CLOSING_EVENTS)

    def _node_index(self, port: Port) -> int:
        return self.recorder.port_nodes[port.index]

    def _joins(self, link: Link, a: End, b: End) -> bool:
        one, other = link.ports
        return (is_end(one, a) and is_end(other, b)) or (is_end(one, b) and is_end(other, a))
