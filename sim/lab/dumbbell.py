"""The dumbbell: eight TCP flows share one bottleneck. What congestion control is measured with since RFC 2309."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from sim.lab.network import Network
from sim.lab.nodes import LabHost
from sim.stack.tcp import states
from sim.stack.tcp.sockets import TcpSocket
from sim.units import MILLISECOND, SECOND
from sim.wire.addresses import IPV4_ANY, parse_ip

PORT: Final = 5000
WRITE: Final = 4 * 1448
"""Bytes that a sender writes at once."""
DATA: Final = bytes(WRITE)
READ: Final = 1 << 20
BUFFER: Final = 4 << 20
"""Bytes of the socket buffers: large enough to be no limit."""
BOTTLENECK: Final = 100_000_000
"""bit/s."""
STAGGER: Final = 10 * MILLISECOND


class Sink:
    """Accepts one connection and reads what comes."""

    def __init__(self, host: LabHost) -> None:
        self.received = 0
        self._listener = host.stack.tcp.socket()
        self._listener.set_receive_buffer(BUFFER // 2)
        self._listener.bind(IPV4_ANY, PORT)
        self._listener.listen(1)
        self._listener.on_event = self._accept
        self._socket: TcpSocket | None = None

    def _accept(self) -> None:
        self._socket = self._listener.accept()
        self._socket.on_event = self._read
        self._read()

    def _read(self) -> None:
        assert self._socket is not None
        connection = self._socket.connection
        assert connection is not None
        if connection.inbox.ready.size:
            self.received += len(self._socket.receive(READ))


class Source:
    """Connects and writes as fast as it may."""

    def __init__(self, host: LabHost, destination: bytes, congestion: str) -> None:
        self._host = host
        self._destination = destination
        self.socket = host.stack.tcp.socket()
        self.socket.set_congestion(congestion)
        self.socket.set_send_buffer(BUFFER // 2)
        self.socket.on_event = self._write

    def start(self) -> None:
        """Begin the handshake."""
        self._host.originate("bulk data")
        with suppress(BlockingIOError):
            self.socket.connect(self._destination, PORT)

    def _write(self) -> None:
        connection = self.socket.connection
        if connection is None or connection.state != states.ESTABLISHED:
            return
        while connection.write(DATA):
            pass


class Dumbbell:
    """Eight senders, two routers, eight receivers: access links of 1 Gbit/s and 10 us, between the routers 100 Mbit/s,
    10 ms and a drop-tail queue of 100 frames. They begin 10 ms apart and send until `seconds` are over."""

    name = "dumbbell"
    flows: Final = 8

    def __init__(self, seconds: float = 20, congestion: str = "cubic") -> None:
        self.duration = round(seconds * SECOND)
        self.congestion = congestion
        self.sources: list[Source] = []
        self.sinks: list[Sink] = []
        self._before = 0

    def build(self, record: bool = False) -> Network:
        """The network."""
        net = Network(seed=1, name=self.name, record=record)
        for side, other in ((1, 2), (2, 1)):
            interfaces = {f"access{i}": f"10.{side}.{i}.1/24" for i in range(self.flows)}
            net.router(
                f"r{side}",
                {"core": f"10.0.0.{side}/24", **interfaces},
                routes={f"10.{other}.0.0/16": f"10.0.0.{other}"},
            )
            for i in range(self.flows):
                name = f"{'sender' if side == 1 else 'receiver'}{i}"
                net.host(name, ip=f"10.{side}.{i}.10/24", gateway=f"10.{side}.{i}.1")
                net.link(name, f"r{side}:access{i}", bandwidth="1Gbps", delay="10us", queue=1000)
        net.link("r1:core", "r2:core", bandwidth=BOTTLENECK, delay="10ms", queue=100)
        return net

    def start(self, net: Network) -> None:
        """Set up the programs."""
        self.sinks = [Sink(host_of(net, f"receiver{i}")) for i in range(self.flows)]
        self.sources = [
            Source(host_of(net, f"sender{i}"), parse_ip(f"10.2.{i}.10"), self.congestion) for i in range(self.flows)
        ]
        self._before = net.frame_hops
        for number, source in enumerate(self.sources):
            net.engine.at(net.now + number * STAGGER, source.start)
        net.engine.at(net.now + self.duration, net.engine.stop)

    def goodputs(self) -> list[float]:
        """bit/s of payload that each flow has delivered."""
        return [sink.received * 8 * SECOND / self.duration for sink in self.sinks]

    def fairness(self) -> float:
        """Jain's index of the goodputs: 1 when all are equal, 1/8 when one has everything."""
        shares = self.goodputs()
        squares = sum(share * share for share in shares)
        return sum(shares) ** 2 / (len(shares) * squares) if squares else 0.0

    def done(self, net: Network) -> dict[str, int]:
        """Goodput (bit/s), fairness (per mille), retransmissions, and frames put on links."""
        connections = [source.socket.connection for source in self.sources]
        return {
            "goodput": round(sum(self.goodputs())),
            "fairness": round(1000 * self.fairness()),
            "retransmissions": sum(c.total_retransmits for c in connections if c is not None),
            "frame_hops": net.frame_hops - self._before,
        }

    def check(self, net: Network) -> None:
        """Raise RuntimeError unless the flows have used the bottleneck, and have shared it."""
        if sum(self.goodputs()) < 0.9 * BOTTLENECK or self.fairness() < 0.8:
            raise RuntimeError(f"{self.name}: {self.done(net)}")


def host_of(net: Network, name: str) -> LabHost:
    """A host by its name."""
    host = net[name]
    assert isinstance(host, LabHost)
    return host
