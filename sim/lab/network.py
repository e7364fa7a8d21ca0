"""The network: all state of one simulation, built with a few calls or from a topology.

    net = Network(seed=7)
    pc = net.host("pc1", ip="10.0.0.1/24")
    net.link(pc, net.switch("sw1"), bandwidth="100Mbps", delay="1ms")

Nothing lives outside it: two networks in one process do not know of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from sim.devices.device import Device
from sim.devices.hub import Hub
from sim.devices.node import IpNode
from sim.devices.switch import AGEING_TIME, TABLE_SIZE, Switch
from sim.engine.engine import Engine
from sim.errors import TopologyError
from sim.lab.assembly import assemble
from sim.lab.collector import paused_collector
from sim.lab.dhcp import add_client
from sim.lab.gateways import LabGateway, configure, set_firewall
from sim.lab.naming import End, Node, blame, check_mtu, label, unknown
from sim.lab.nodes import LabHost, LabRouter, Probe
from sim.lab.running import Running
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
from sim.tracing.recorder import Recorder
from sim.units import bitrate, duration, probability, size
from sim.wire.addresses import parse_interface, parse_ip, parse_mac, parse_prefix

if TYPE_CHECKING:
    from sim.scenario.firewall import Firewall

Address = str | Sequence[str]
NextHop = str | Sequence[str]
D = TypeVar("D", bound=Node)


class Network(Running):
    """Devices, links and the time they live in. `seed` decides every random draw; `record=False` keeps no trace.

    `now` is ns since the start. `nodes` and `links` hold what was added, in order. Arguments that cannot be used
    raise TopologyError.
    """

    def __init__(self, seed: int = 0, name: str = "network", record: bool = True) -> None:
        super().__init__(seed, name, record)
        self._own_mtu: set[Port] = set()
        self._macs = 0

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
        """Add a host: `ip` ("192.168.1.10/24", several, or "dhcp") on eth0, or named `interfaces`; `gateway` is its
        default."""
        host = self.add(LabHost(self.engine, name, self.recorder, self.recording))
        host.network = self
        for interface, address in ({"eth0": ip} if interfaces is None else interfaces).items():
            self.add_interface(host, interface, None if address == "dhcp" else address, mac=mac, mtu=mtu)
            if address == "dhcp":
                add_client(self, host, host.interface(interface))
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
        firewall: Firewall | Mapping[str, Any] | None = None,
    ) -> LabRouter:
        """Add a router with an address per named interface, and routes {prefix: next hop, or several to share}.

        `firewall` is what it is in a topology: {"policy": "deny", "rules": [{"allow": {"protocol": "icmp"}}]}.
        """
        router: LabRouter
        if firewall is None:
            router = self.add(LabRouter(self.engine, name, self.recorder, self.recording))
        else:
            router = filtering = self.add(LabGateway(self.engine, name, self.recorder, self.recording, "router"))
            set_firewall(filtering, firewall)
        router.network = self
        for interface, address in interfaces.items():
            self.add_interface(router, interface, address)
        for prefix, next_hop in (routes or {}).items():
            self.add_route(router, prefix, next_hop)
        return router

    def gateway(
        self,
        name: str,
        interfaces: Mapping[str, Address],
        *,
        routes: Mapping[str, NextHop] | None = None,
        firewall: Mapping[str, Any] | None = None,
        **nat: Any,
    ) -> LabGateway:
        """Add a router that translates: `nat` is what it is in a topology, `outside="wan"`, `behaviour="symmetric"`,
        `forward=[{"protocol": "tcp", "port": 80, "to": "192.168.1.80"}]`, ...
        """
        gateway = self.add(LabGateway(self.engine, name, self.recorder, self.recording))
        gateway.network = self
        for interface, address in interfaces.items():
            self.add_interface(gateway, interface, address)
        for prefix, next_hop in (routes or {}).items():
            self.add_route(gateway, prefix, next_hop)
        configure(gateway, nat, firewall)
        return gateway

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

    def configure(self, link: Link, properties: Properties, impairments: Impairments) -> None:
        """Give a link other properties, for the frames that come from now on; rules that were added by hand stay."""
        before = link.properties.discipline
        link.configure(properties)
        for port, channel in zip(link.ports, link.channels, strict=True):
            if properties.discipline != before:
                channel.set_queue(self._queue_of(properties.discipline, port))
            by_hand = [rule for rule in channel.rules if not isinstance(rule, OUR_RULES)]
            channel.rules = (*self._rules_of(impairments, port), *by_hand)

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

    def take_mac_block(self, block: int) -> None:
        """Count MAC addresses up from 02:BB:BB:00:00:01, from now on; `block` is 0 to 65535.

        Networks that share a segment need different blocks: each would give its first ports the same addresses.
        """
        self._macs = block << 24

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
            if interface.on_carrier is not None:
                interface.on_carrier()
            if mtu and port not in self._own_mtu:
                interface.mtu = mtu
