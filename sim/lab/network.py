"""The network: all state of one simulation, built with a few calls or from a topology.

    net = Network(seed=7)
    pc = net.host("pc1", ip="10.0.0.1/24")
    net.link(pc, net.switch("sw1"), bandwidth="100Mbps", delay="1ms")

Nothing lives outside it: two networks in one process do not know of each other.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from sim.devices.device import Device
from sim.devices.hub import Hub
from sim.devices.node import IpNode
from sim.devices.switch import AGEING_TIME, TABLE_SIZE, Switch
from sim.engine.engine import Engine
from sim.engine.streams import Streams
from sim.errors import SimError, TopologyError
from sim.lab.assembly import assemble
from sim.lab.collector import paused_collector, relaxed_collector
from sim.lab.nodes import LabHost, LabRouter, Probe, Tools
from sim.lab.partition import Partition
from sim.links.channel import Properties
from sim.links.impairments import NO_IMPAIRMENTS, OUR_RULES, BurstLoss, Impairments
from sim.links.link import Link
from sim.links.port import Port
from sim.links.queues.discipline import Discipline, Queue
from sim.links.queues.named import discipline_of
from sim.links.rules import Rule
from sim.scenario import generators
from sim.scenario.routing import shortest_paths
from sim.stack.interfaces import DEFAULT_MTU, Interface
from sim.tracing import kinds
from sim.tracing.recorder import Detail, Recorder
from sim.tracing.recording import Trace
from sim.units import bitrate, duration, probability, size
from sim.wire.addresses import parse_interface, parse_ip, parse_mac, parse_prefix

if TYPE_CHECKING:
    from sim.userland.tasks import Scheduler

MOST_COMPARED: Final = 5000
"""Names that a wrong one is compared with; more would take longer than its sender wants to wait."""
CLOSING_TIME: Final = 100_000_000
"""ns that programs have to end when a network is closed."""
SMALLEST_MTU: Final = 68
LARGEST_MTU: Final = 65_535

Node = Device | Probe
End = Node | Port | str
Address = str | Sequence[str]
NextHop = str | Sequence[str]
D = TypeVar("D", bound=Node)


class Network:
    """Devices, links and the time they live in. `seed` decides every random draw; `record=False` keeps no trace.

    `now` is ns since the start. `nodes` and `links` hold what was added, in order. Arguments that cannot be used
    raise TopologyError.
    """

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
        self._own_mtu: set[Port] = set()
        self._macs = 0
        self._scheduler: Scheduler | None = None
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

    # -- building

    def host(
        self,
        name: str,
        ip: Address | None = None,
        *,
        gateway: str | None = None,
        mac: str | None = None,
        mtu: int | None = None,
        interfaces: Mapping[str, Address] | None = None,
        routes: Mapping[str, NextHop] | None = None,
    ) -> LabHost:
        """Add a host: `ip` ("192.168.1.10/24", or several) on eth0, or named `interfaces`; `gateway` is its default."""
        host = self.add(LabHost(self.engine, name, self.recorder, self.recording))
        host.network = self
        if interfaces is None:
            self.add_interface(host, "eth0", ip, mac=mac, mtu=mtu)
        else:
            for interface, address in interfaces.items():
                self.add_interface(host, interface, address, mac=mac, mtu=mtu)
        if gateway is not None:
            self.add_route(host, "0.0.0.0/0", gateway)
        for prefix, next_hop in (routes or {}).items():
            self.add_route(host, prefix, next_hop)
        return host

    def router(
        self,
        name: str,
        interfaces: Mapping[str, Address],
        *,
        routes: Mapping[str, NextHop] | None = None,
    ) -> LabRouter:
        """Add a router with an address per named interface, and routes {prefix: next hop, or several to share}."""
        router = self.add(LabRouter(self.engine, name, self.recorder, self.recording))
        router.network = self
        for interface, address in interfaces.items():
            self.add_interface(router, interface, address)
        for prefix, next_hop in (routes or {}).items():
            self.add_route(router, prefix, next_hop)
        return router

    def switch(self, name: str, *, ageing: int | str = AGEING_TIME, table_size: int = TABLE_SIZE) -> Switch:
        """Add a learning switch; `ageing` in ns or as text, `table_size` in addresses."""
        return self.add(Switch(self.engine, name, self.recorder, self.recording, duration(ageing), table_size))

    def hub(self, name: str) -> Hub:
        """Add a hub."""
        return self.add(Hub(self.engine, name, self.recorder, self.recording))

    def probe(self, name: str) -> Probe:
        """Add a bare port for tests: `inject` bytes or Scapy packets, and see `frames`."""
        self._check_name(name)
        probe = Probe(self.engine, name, self.next_mac(), self.recorder)
        self.nodes[name] = probe
        return probe

    def device(self, device: Callable[[Engine, str, Recorder, bool], D], name: str) -> D:
        """Add a device of your own: a subclass of `Device` that takes (engine, name, recorder, record)."""
        return self.add(device(self.engine, name, self.recorder, self.recording))

    def generate(self, shape: str, **parameters: int) -> list[LabHost]:
        """Add a generated network, `generate("tree", depth=3, fanout=10)`, with shortest-path routes; return its hosts.

        Shapes, their parameters and the names and addresses of what they make are those of `generate` in a topology
        file (scenario/generators.py); links are of 1 Gbit/s and 1 us. Raises TopologyError.
        """
        with blame("generate"), paused_collector():
            blueprint = generators.generate(shape, **parameters)
            return assemble(self, blueprint, shortest_paths(blueprint.routers))

    def add(self, device: D) -> D:
        """Add a device that was made for this network's engine and recorder."""
        self._check_name(device.name)
        self.nodes[device.name] = device
        if isinstance(device, IpNode):
            device.stack.secret = f"{self.seed}/{device.name}".encode()
        return device

    def add_interface(
        self,
        node: IpNode,
        name: str,
        addresses: Address | None = None,
        *,
        mac: str | None = None,
        mtu: int | None = None,
    ) -> Interface:
        """Give a host or router one more interface. `mtu` is bytes of IP packet; None takes the link's, or 1500."""
        with blame(f"{node.name}:{name}"):
            check_mtu(mtu)
            hardware = self.next_mac() if mac is None else parse_mac(mac)
            interface = node.add_interface(name, hardware, DEFAULT_MTU if mtu is None else mtu)
            if mtu is not None:
                self._own_mtu.add(node.ports[interface.index])
            for text in [addresses] if isinstance(addresses, str) else addresses or ():
                node.stack.add_address(interface, *parse_interface(text))
        return interface

    def add_route(
        self, node: IpNode, prefix: str, via: NextHop | None, *, dev: str | None = None, metric: int = 0
    ) -> None:
        """Give a host or router a route: to `prefix` via an address (several share the flows), or straight to `dev`."""
        with blame(node.name):
            network, length = parse_prefix(prefix)
            interface = None if dev is None else node.interface(dev)
            for text in [via] if isinstance(via, str) or via is None else via:
                next_hop = None if text is None else parse_ip(text)
                try:
                    node.stack.add_route(network, length, next_hop, interface, metric)
                except ValueError:
                    raise ValueError(f"the next hop {text} of {prefix} is on none of its subnets") from None

    def link(
        self,
        a: End,
        b: End,
        *,
        bandwidth: int | str = 0,
        delay: int | str = 0,
        jitter: int | str = 0,
        loss: float | str = 0.0,
        burst_loss: BurstLoss | None = None,
        duplicate: float | str = 0.0,
        reorder: float | str = 0.0,
        reorder_delay: int | str = "1ms",
        corrupt: float | str = 0.0,
        queue: int | str = 0,
        discipline: Discipline | str | None = None,
        mtu: int = 0,
        rules: Sequence[Rule] = (),
    ) -> Link:
        """Join two nodes, or ports of them ("sw1:eth3"), by a full-duplex link.

        `bandwidth` is bit/s or text (0: infinite), `delay`, `jitter` and `reorder_delay` ns or text, `loss`,
        `duplicate`, `reorder`, `corrupt` are shares per frame (0.01 or "1%"), `burst_loss` is a Gilbert-Elliott
        channel, `queue` counts packets, or bytes as text ("64kB"; 0: unbounded), `discipline` is what handles them: a
        name ("drop_tail", "red", "codel", "fq_codel") or an object with its numbers (`CoDel(target=2_000_000)`, see
        sim/links/queues), `mtu` is bytes of payload (0: unbounded). `rules` judge each frame after these.
        """
        with blame("link"):
            check_mtu(mtu or None)
            impaired = Impairments(
                jitter=duration(jitter),
                loss=probability(loss),
                burst_loss=burst_loss,
                duplicate=probability(duplicate),
                reorder=probability(reorder),
                reorder_delay=duration(reorder_delay),
                corrupt=probability(corrupt),
            )
            properties = Properties(
                0 if bandwidth == 0 else bitrate(bandwidth),
                duration(delay),
                queue if isinstance(queue, int) else 0,
                0 if isinstance(queue, int) else size(queue),
                mtu,
                discipline_of(discipline),
            )
        return self.connect(self.port_for(a), self.port_for(b), properties, impaired, rules)

    def connect(
        self,
        a: Port,
        b: Port,
        properties: Properties,
        impairments: Impairments = NO_IMPAIRMENTS,
        rules: Sequence[Rule] = (),
    ) -> Link:
        """Join two ports by a link with these properties, in ns, bit/s and bytes."""
        for port in (a, b):
            if port.channel is not None:
                raise TopologyError(f"{label(port)} has a link already")
        if a is b:
            raise TopologyError(f"{label(a)} cannot be linked to itself")
        nodes = (self._node_index(a), self._node_index(b))
        recorder = self.recorder if self.recording else None
        link = Link(self.engine, (a, b), nodes, properties, recorder)
        self.recorder.connect(a.index, b.index)
        self.links.append(link)
        for port, channel in zip(link.ports, link.channels, strict=True):
            channel.rules = (*self._rules_of(impairments, port), *rules)
            if properties.discipline is not None:
                channel.set_queue(self._queue_of(properties.discipline, port))
            self._bring_up(port, properties.mtu)
        return link

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
            while not done() and self.engine.next_time() is not None:
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
            self.engine.run(self.engine.now + CLOSING_TIME)
            for node in nodes:
                node.end_programs()
            self.engine.run(self.engine.now)

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

    def configure(self, link: Link, properties: Properties, impairments: Impairments) -> None:
        """Give a link other properties, for the frames that come from now on; rules that were added by hand stay."""
        before = link.properties.discipline
        link.configure(properties)
        for port, channel in zip(link.ports, link.channels, strict=True):
            if properties.discipline != before:
                channel.set_queue(self._queue_of(properties.discipline, port))
            by_hand = [rule for rule in channel.rules if not isinstance(rule, OUR_RULES)]
            channel.rules = (*self._rules_of(impairments, port), *by_hand)

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

    def _rules_of(self, impairments: Impairments, port: Port) -> list[Rule]:
        """The rules of the direction that leaves `port`."""
        return impairments.rules(self.streams, f"link/{label(port)}") if impairments is not NO_IMPAIRMENTS else []

    def _queue_of(self, discipline: Discipline | None, port: Port) -> Queue | None:
        """A queue for the direction that leaves `port`."""
        return None if discipline is None else discipline.queue(self.streams, f"link/{label(port)}/queue")

    def _check_name(self, name: str) -> None:
        if name in self.nodes:
            raise TopologyError(f"there are two nodes called {name}")
        if not name or ":" in name or any(character.isspace() for character in name):
            raise TopologyError(f"{name!r} is no name for a node: it may hold no colon and no space")

    def next_mac(self) -> bytes:
        """A locally administered address (IEEE 802, the second bit of the first byte), counted up."""
        self._macs += 1
        return b"\x02" + self._macs.to_bytes(5, "big")

    def port_for(self, end: End) -> Port:
        """The port that a link's end names: itself, the one called so, or the node's next free one."""
        if isinstance(end, Port):
            return end
        if isinstance(end, str):
            node_name, _, port_name = end.partition(":")
            node = self[node_name]
        else:
            node, port_name = end, ""
        for port in node.ports:
            if port.name == port_name or (not port_name and port.channel is None):
                return port
        if isinstance(node, IpNode) and port_name:
            raise unknown(f"interface of {node.name}", port_name, [port.name for port in node.ports])
        if isinstance(node, (IpNode, Probe)):
            raise TopologyError(f"{node.name} has no free port left")
        return node.add_port(port_name or self._next_port_name(node), self.next_mac())

    def _next_port_name(self, node: Device) -> str:
        taken = {port.name for port in node.ports}
        number = len(node.ports) + 1
        while f"eth{number}" in taken:
            number += 1
        return f"eth{number}"

    def _bring_up(self, port: Port, mtu: int) -> None:
        owner = port.owner
        if isinstance(owner, IpNode):
            interface = owner.stack.interfaces[port.number]
            interface.up = True
            owner.stack.forget_paths()
            if mtu and port not in self._own_mtu:
                interface.mtu = mtu

    def _node_index(self, port: Port) -> int:
        return self.recorder.port_nodes[port.index]

    def _joins(self, link: Link, a: End, b: End) -> bool:
        one, other = link.ports
        return (is_end(one, a) and is_end(other, b)) or (is_end(one, b) and is_end(other, a))


def check_mtu(mtu: int | None) -> None:
    """Raise ValueError for an MTU too small to carry any packet on (RFC 791 3.2), or larger than any packet."""
    if mtu is not None and not SMALLEST_MTU <= mtu <= LARGEST_MTU:
        raise ValueError(f"an MTU is {SMALLEST_MTU} to {LARGEST_MTU} bytes, not {mtu}")


def label(port: Port) -> str:
    """`sw1:eth2`."""
    return f"{port.owner.name}:{port.name}"


def name_of(end: End) -> str:
    """What to call a link's end in a message."""
    if isinstance(end, str):
        return end
    return label(end) if isinstance(end, Port) else end.name


def is_end(port: Port, end: End) -> bool:
    """Whether `end` (a node, a port, or the name of one) means this port."""
    return name_of(end) in (port.owner.name, label(port))


def unknown(what: str, name: str, known: Iterable[str]) -> TopologyError:
    """The error for a name that does not exist, with the nearest one that does."""
    near = difflib.get_close_matches(name[:64], list(known)[:MOST_COMPARED], n=1)
    return TopologyError(f"there is no {what} called {name!r}", hint=f"did you mean {near[0]!r}?" if near else None)


@contextmanager
def blame(what: str) -> Iterator[None]:
    """Turn the ValueError of a text that cannot be parsed into a TopologyError that says where it stood."""
    try:
        yield
    except (ValueError, KeyError) as error:
        text = error.args[0] if error.args else str(error)
        raise TopologyError(f"{what}: {text}") from None
