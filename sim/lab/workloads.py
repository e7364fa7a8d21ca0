"""Networks with work to do, to measure and to compare with: the chain, the switched LAN, and many hosts.

    workload = WORKLOADS["lan"](1.0)
    net = workload.build()
    workload.start(net)
    net.run()
    workload.check(net)

Topologies, links, sizes and times are those of the workloads that ns-3 is measured with, so that the work is equal.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final, Protocol

from sim.lab.collector import paused_collector
from sim.lab.dumbbell import Dumbbell
from sim.lab.network import Network
from sim.lab.nodes import LabHost
from sim.stack.udp_socket import UdpSocket
from sim.units import MICROSECOND, MILLISECOND, SECOND

ECHO_PORT: Final = 7  # RFC 862
DISCARD_PORT: Final = 9  # RFC 863


class Workload(Protocol):
    """`build` makes the network, `start` sets up the programs; then the network runs until nothing is left to do.

    `done` tells what came of it; `check` raises RuntimeError if that is not all that there was to do.
    """

    name: str

    def build(self, record: bool = False) -> Network: ...

    def start(self, net: Network) -> None: ...

    def done(self, net: Network) -> dict[str, int]: ...

    def check(self, net: Network) -> None: ...


class EchoServer:
    """Sends every datagram back to where it came from."""

    __slots__ = ("_socket",)

    def __init__(self, host: LabHost) -> None:
        self._socket = host.stack.udp.open(port=ECHO_PORT)
        self._socket.on_event = self._answer

    def _answer(self) -> None:
        datagram = self._socket.receive()
        while datagram is not None:
            data, source, port = datagram
            self._socket.send_to(data, source, port)
            datagram = self._socket.receive()


class Tally:
    """What the clients of a workload have counted together."""

    __slots__ = ("replies", "sent")

    def __init__(self) -> None:
        self.sent = 0
        self.replies = 0


class EchoClient:
    """Sends `count` datagrams to an echo server, one each `interval` ns, the first at `start` (ns)."""

    __slots__ = ("_count", "_data", "_destination", "_host", "_interval", "_next", "_socket", "_tally")

    def __init__(self, host: LabHost, destination: bytes, data: bytes, tally: Tally) -> None:
        self._host = host
        self._destination = destination
        self._data = data
        self._tally = tally
        self._socket: UdpSocket | None = None
        self._count = 0
        self._interval = 0
        self._next = 0

    def begin(self, start: int, count: int = 1, interval: int = 0) -> None:
        """Let it be so."""
        self._count = count
        self._interval = interval
        self._next = start
        self._host.engine.at(start, self._send)

    def _send(self) -> None:
        engine = self._host.engine
        if self._socket is None:
            self._socket = self._host.stack.udp.open()
            self._socket.on_event = self._take
        self._host.stack.enter(engine.now, engine.number())
        self._socket.send_to(self._data, self._destination, ECHO_PORT)
        self._tally.sent += 1
        self._count -= 1
        if self._count:
            self._next += self._interval
            engine.at(self._next, self._send)

    def _take(self) -> None:
        assert self._socket is not None
        while self._socket.receive() is not None:
            self._tally.replies += 1


class _Echoes:
    """What the LAN and the scale workload share: clients that ask, servers that answer, everything answered."""

    name = ""

    def __init__(self, expected: int, seed: int) -> None:
        self.expected = expected
        self.seed = seed
        self._tally = Tally()
        self._before = 0

    def done(self, net: Network) -> dict[str, int]:
        """Requests sent, replies received, and frames put on links meanwhile."""
        return {"sent": self._tally.sent, "replies": self._tally.replies, "frame_hops": net.frame_hops - self._before}

    def check(self, net: Network) -> None:
        """Raise RuntimeError unless every request was answered."""
        if not self._tally.sent == self._tally.replies == self.expected:
            raise RuntimeError(f"{self.name}: of {self.expected} requests {self.done(net)}")

    def start(self, net: Network) -> None:
        """Set up the programs."""
        with paused_collector():
            self._start(net)

    def _start(self, net: Network) -> None:
        raise NotImplementedError

    def _begin(self, net: Network) -> list[LabHost]:
        """Servers on all hosts, and the counters at nought."""
        self._tally = Tally()
        self._before = net.frame_hops
        hosts = [node for node in net.nodes.values() if isinstance(node, LabHost)]
        for host in hosts:
            EchoServer(host)
        return hosts


class Chain:
    """Host, switch, three routers, switch, host: `datagrams` of 512 bytes go one way, one each 40 us, over links of
    1 Gbit/s and 10 us. Six frame-hops each; ARP has been answered before."""

    name = "chain"
    interval: Final = 40 * MICROSECOND

    def __init__(self, datagrams: int = 200_000) -> None:
        self.datagrams = datagrams
        self._left = 0
        self._arrived = 0
        self._before = 0

    def build(self, record: bool = False) -> Network:
        """The network, after one ping from end to end."""
        net = Network(seed=1, name=self.name, record=record)
        h1 = net.host("h1", ip="10.0.0.1/24", gateway="10.0.0.254")
        net.host("h2", ip="10.0.3.1/24", gateway="10.0.3.254")
        net.router("r1", {"a": "10.0.0.254/24", "b": "10.1.0.1/30"}, routes={"10.0.3.0/24": "10.1.0.2"})
        net.router(
            "r2",
            {"a": "10.1.0.2/30", "b": "10.1.1.1/30"},
            routes={"10.0.3.0/24": "10.1.1.2", "10.0.0.0/24": "10.1.0.1"},
        )
        net.router("r3", {"a": "10.1.1.2/30", "b": "10.0.3.254/24"}, routes={"10.0.0.0/24": "10.1.1.1"})
        net.switch("s1")
        net.switch("s2")
        for a, b in [("h1", "s1"), ("s1", "r1:a"), ("r1:b", "r2:a"), ("r2:b", "r3:a"), ("r3:b", "s2"), ("s2", "h2")]:
            net.link(a, b, bandwidth="1Gbps", delay="10us")
        h1.ping("h2")
        return net

    def start(self, net: Network) -> None:
        """Set the sender's timer and the receiver's socket."""
        h1, h2 = net["h1"], net["h2"]
        assert isinstance(h1, LabHost)
        assert isinstance(h2, LabHost)
        engine = net.engine
        sender, receiver = h1.stack.udp.open(), h2.stack.udp.open(port=DISCARD_PORT)
        destination, data = net.resolve("h2"), bytes(512)
        self._left, self._arrived, self._before = self.datagrams, 0, net.frame_hops

        def take() -> None:
            while receiver.receive() is not None:
                self._arrived += 1

        def send() -> None:
            self._left -= 1
            h1.stack.enter(engine.now, engine.number())
            sender.send_to(data, destination, DISCARD_PORT)
            if self._left:
                timer.set(engine.now + self.interval)

        receiver.on_event = take
        timer = engine.timer(send)
        timer.set(engine.now + self.interval)

    def done(self, net: Network) -> dict[str, int]:
        """Datagrams sent and received, and frames put on links meanwhile."""
        sent = self.datagrams - self._left
        return {"sent": sent, "received": self._arrived, "frame_hops": net.frame_hops - self._before}

    def check(self, net: Network) -> None:
        """Raise RuntimeError unless every datagram arrived."""
        if self._arrived != self.datagrams:
            raise RuntimeError(f"{self.name}: of {self.datagrams} datagrams {self.done(net)}")


class Lan(_Echoes):
    """200 hosts on 10 access switches under one core switch, links of 1 Gbit/s and 1 us. Each asks a partner drawn at
    random, who answers: 64 bytes each 10 ms, `requests` in all, after ARP."""

    name = "lan"
    access: Final = 10
    per_switch: Final = 20
    interval: Final = 10 * MILLISECOND

    def __init__(self, requests: int = 100_000, seed: int = 1) -> None:
        hosts = self.access * self.per_switch
        self.each = max(1, requests // hosts)
        super().__init__(self.each * hosts, seed)

    def build(self, record: bool = False) -> Network:
        """The network, with nothing in its tables."""
        net = Network(seed=self.seed, name=self.name, record=record)
        core = net.switch("core")
        for s in range(self.access):
            switch = net.switch(f"sw{s + 1}")
            net.link(switch, core, bandwidth="1Gbps", delay="1us")
            for number in range(s * self.per_switch + 1, (s + 1) * self.per_switch + 1):
                host = net.host(f"h{number}", ip=f"10.0.{number >> 8}.{number & 255}/16")
                net.link(host, switch, bandwidth="1Gbps", delay="1us")
        return net

    def _start(self, net: Network) -> None:
        """Give each host a server, a partner, and a time to begin in the first interval after one second."""
        hosts = self._begin(net)
        random, data = Random(self.seed), bytes(64)
        partners = list(range(len(hosts)))
        while any(partner == index for index, partner in enumerate(partners)):
            random.shuffle(partners)
        for host, partner in zip(hosts, partners, strict=True):
            client = EchoClient(host, address_of(hosts[partner]), data, self._tally)
            client.begin(SECOND + random.randrange(self.interval), self.each, self.interval)


class Scale(_Echoes):
    """`hosts` hosts in networks of 100, each network with a switch and a router, the routers around a core router. Each
    host sends one UDP echo of 64 bytes to a random other, some time within ten seconds."""

    name = "scale"
    per_site: Final = 100

    def __init__(self, hosts: int = 10_000, seed: int = 1) -> None:
        self.sites = max(1, round(hosts / self.per_site))
        self.hosts = min(hosts, self.per_site) if self.sites == 1 else self.per_site
        super().__init__(self.sites * self.hosts, seed)

    def build(self, record: bool = False) -> Network:
        """The network: a generated star."""
        net = Network(seed=self.seed, name=self.name, record=record)
        net.generate("star", sites=self.sites, hosts=self.hosts)
        return net

    def _start(self, net: Network) -> None:
        """Give each host a server, and a time and a partner for its echo."""
        hosts = self._begin(net)
        random, data = Random(self.seed), bytes(64)
        for index, host in enumerate(hosts):
            other = random.randrange(len(hosts) - 1)
            partner = hosts[other + (other >= index)]
            client = EchoClient(host, address_of(partner), data, self._tally)
            client.begin(SECOND + random.randrange(10 * SECOND))


def address_of(host: LabHost) -> bytes:
    """A host's first address."""
    return host.stack.interfaces[0].addresses[0][0]


def chain(datagrams: int = 200_000) -> Workload:
    """See `Chain`."""
    return Chain(datagrams)


def lan(requests: int = 100_000, seed: int = 1) -> Workload:
    """See `Lan`."""
    return Lan(requests, seed)


def scale(hosts: int = 10_000, seed: int = 1) -> Workload:
    """See `Scale`; `hosts` is rounded to hundreds."""
    return Scale(hosts, seed)


WORKLOADS: Final[dict[str, Callable[[float], Workload]]] = {
    "chain": lambda share: chain(max(1, round(200_000 * share))),
    "lan": lambda share: lan(max(1, round(100_000 * share))),
    "dumbbell": lambda share: Dumbbell(20 * share),
    "scale": lambda share: scale(max(2, round(10_000 * share))),
}
"""Each by its name, made for a share of the full work."""
