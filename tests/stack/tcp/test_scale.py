"""Much of it: a hundred megabytes over a bad line, a thousand connections at once, twenty thousand in a row."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256

import pytest

import sim
from sim.lab.nodes import LabHost
from sim.stack.tcp.sockets import TcpSocket
from sim.wire.addresses import IPV4_ANY, parse_ip

PORT = 80
BLOCK = bytes((n * 7 + (n >> 8)) & 0xFF for n in range(1 << 16))
TOTAL = 100_000_000
TIME_WAIT = 60


class Server:
    """Accepts what comes; `answer` is called with each connection whenever it can be read."""

    def __init__(self, host: LabHost, backlog: int = 100) -> None:
        self.sockets: list[TcpSocket] = []
        self.received = 0
        self.hash = sha256()
        self.finished = 0
        self._listener = host.stack.tcp.socket()
        self._listener.bind(IPV4_ANY, PORT)
        self._listener.listen(backlog)
        self._listener.on_event = self._accept

    def _accept(self) -> None:
        with suppress(BlockingIOError):
            while True:
                one = self._listener.accept()
                self.sockets.append(one)
                one.on_event = lambda one=one: self._read(one)
                self._read(one)

    def _read(self, one: TcpSocket) -> None:
        with suppress(BlockingIOError):
            while data := one.receive(1 << 20):
                self.received += len(data)
                self.hash.update(data)
            if not one.closed:
                self.finished += 1
                one.close()


class Client:
    """Connects, writes `total` bytes, closes its half, and lets go when the server has closed the other."""

    def __init__(self, host: LabHost, server: bytes, total: int) -> None:
        self.over = False
        self.error: OSError | None = None
        self._left = total
        self._at = 0
        self._shut = False
        self._socket = host.stack.tcp.socket()
        self._socket.on_event = self._go_on
        host.originate("connect")
        with suppress(BlockingIOError):
            self._socket.connect(server, PORT)

    def _go_on(self) -> None:
        try:
            self._write()
            if not self._socket.receive(100):
                self.over = True
                self._socket.close()
        except BlockingIOError:
            pass
        except OSError as error:
            self.error, self.over = error, True
            self._socket.close()

    def _write(self) -> None:
        with suppress(BlockingIOError):
            while self._left:
                taken = self._socket.send(BLOCK[self._at : self._at + min(self._left, 1 << 15)])
                self._left -= taken
                self._at = (self._at + taken) % len(BLOCK)
            if not self._shut and self._socket.state_name() == "ESTABLISHED":
                self._shut = True
                self._socket.shutdown(1)


def expected(total: int) -> str:
    whole, rest = divmod(total, len(BLOCK))
    digest = sha256()
    for _ in range(whole):
        digest.update(BLOCK)
    digest.update(BLOCK[:rest])
    return digest.hexdigest()


def three(clients: int, **line: float | str) -> tuple[sim.Network, list[LabHost], LabHost]:
    """Clients behind a switch, a router, and a server on the other side of it."""
    net = sim.Network(seed=4, record=False)
    net.router("r1", {"a": "10.0.0.254/16", "b": "10.1.0.254/24"})
    net.switch("sw1")
    net.link("sw1", "r1:a")
    hosts = []
    for number in range(clients):
        hosts.append(net.host(f"c{number}", ip=f"10.0.1.{number + 1}/16", gateway="10.0.0.254"))
        net.link(hosts[-1], "sw1")
    server = net.host("server", ip="10.1.0.1/24", gateway="10.1.0.254")
    net.link("r1:b", server, **line)  # type: ignore[arg-type]
    return net, hosts, server


@pytest.mark.slow
def test_a_hundred_megabytes_over_a_bad_line() -> None:
    """5 % lost, 1 % with a flipped bit, 10 % overtaken, 1 % twice: every byte arrives, once and in order."""
    net, (host,), server_host = three(
        1, bandwidth="1Gbps", delay="200us", loss=0.05, corrupt=0.01, reorder=0.1, duplicate=0.01, queue=1000
    )
    server = Server(server_host)
    client = Client(host, parse_ip("10.1.0.1"), TOTAL)
    net.run(until="3000s")
    assert client.error is None
    assert client.over
    assert server.received == TOTAL
    assert server.hash.hexdigest() == expected(TOTAL)


@pytest.mark.slow
def test_a_thousand_connections_at_once() -> None:
    net, hosts, server_host = three(10, bandwidth="100Mbps", delay="5ms", queue=2000)
    for host in hosts:
        host.ping("server")
    server = Server(server_host, backlog=1000)
    clients = [Client(hosts[number % 10], parse_ip("10.1.0.1"), 5000) for number in range(1000)]
    most = 0
    while not all(client.over for client in clients):
        net.run(until=net.now + 2_000_000)
        most = max(most, len(server_host.stack.tcp.connections))
        assert net.now < 60_000_000_000
    assert most == 1000
    assert not any(client.error for client in clients)
    assert (server.finished, server.received) == (1000, 5_000_000)


@pytest.mark.slow
def test_twenty_thousand_connections_one_after_the_other() -> None:
    """One host opens 200 a second: a port is used again when its TIME-WAIT is over, and never before."""
    net, (host,), server_host = three(1, bandwidth="100Mbps", delay="1ms")
    host.ping("server")
    server = Server(server_host)
    clients: list[Client] = []
    ports: dict[int, int] = {}
    soonest = 1 << 62

    def begin() -> None:
        nonlocal soonest
        clients.append(Client(host, parse_ip("10.1.0.1"), 100))
        port = clients[-1]._socket.local()[1]
        if port in ports:
            soonest = min(soonest, net.now - ports[port])
        ports[port] = net.now
        if len(clients) < 20_000:
            net.engine.after(5_000_000, begin)

    begin()
    net.run(until="170s")
    assert len(clients) == 20_000
    assert not any(client.error for client in clients)
    assert server.finished == 20_000
    assert len(ports) == 16_384  # 49152 to 65535
    assert soonest >= TIME_WAIT * 1_000_000_000
    assert not host.stack.tcp.connections
    assert not host.stack.tcp.waiting
    assert not host.stack.tcp.ports._ports
    assert not server_host.stack.tcp.connections
