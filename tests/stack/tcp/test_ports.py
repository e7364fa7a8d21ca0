"""Which sockets may share a port: the same calls on our stack and on a Linux kernel, which is right by definition."""

from __future__ import annotations

import errno
import select
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from sim.stack.tcp.ports import EPHEMERAL_FIRST, EPHEMERAL_LAST, Ports, Tenant
from sim.stack.tcp.sockets import TcpSocket
from sim.units import MILLISECOND, SECOND
from sim.wire.addresses import IPV4_ANY

if TYPE_CHECKING:
    from tests.stack.conftest import Bench

ANY, ONE, TWO = "0.0.0.0", "127.0.0.1", "127.0.0.2"
PORT = 5000


def outcome(action: Callable[[], None]) -> str:
    """The name of the errno that an action fails with, or "ok"."""
    try:
        action()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "ok"


# -- two worlds with the same calls


class Kernel:
    """Sockets of this machine on loopback, around a port that was free."""

    def __init__(self) -> None:
        self._sockets: dict[int, socket.socket] = {}
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        with socket.socket() as probe:
            probe.bind((ANY, 0))
            self.port = probe.getsockname()[1]

    def open(self, slot: int, reuse_address: bool, reuse_port: bool) -> None:
        self.close(slot)
        made = self._sockets[slot] = socket.socket()
        made.settimeout(5)
        self.share(slot, reuse_address, reuse_port)

    def share(self, slot: int, reuse_address: bool, reuse_port: bool) -> None:
        self._sockets[slot].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse_address)
        self._sockets[slot].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, reuse_port)

    def bind(self, slot: int, address: str) -> str:
        return outcome(lambda: self._sockets[slot].bind((address, self.port)))

    def listen(self, slot: int) -> str:
        return outcome(lambda: self._sockets[slot].listen(5))

    def meet(self, address: str) -> str:
        """Somebody connects, and whoever listens accepts."""
        client = socket.socket()
        client.settimeout(5)
        try:
            client.connect((address, self.port))
        except OSError as error:
            client.close()
            return errno.errorcode[error.errno or 0]
        listeners = [one for one in self._sockets.values() if _listens(one)]
        ready, _, _ = select.select(listeners, [], [], 5)
        child, _ = ready[0].accept()
        self._pairs.append((child, client))
        return "ok"

    def part(self, server_first: bool) -> None:
        """Close the oldest pair; who closes first has to wait in TIME-WAIT."""
        if self._pairs:
            child, client = self._pairs.pop(0)
            for end in (child, client) if server_first else (client, child):
                end.settimeout(5)
                end.shutdown(socket.SHUT_WR)
            child.recv(1)
            client.recv(1)
            child.close()
            client.close()

    def close(self, slot: int) -> None:
        if slot in self._sockets:
            self._sockets.pop(slot).close()

    def end(self) -> None:
        for one in self._sockets.values():
            one.close()
        for child, client in self._pairs:
            child.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            child.close()
            client.close()


def _listens(one: socket.socket) -> bool:
    return one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1


class Ours:
    """The same on the loopback interface of a simulated host."""

    def __init__(self) -> None:
        self.net = sim.Network(record=False)
        self.host = self.net.host("h1", ip="10.0.0.1/24")
        self._sockets: dict[int, TcpSocket] = {}
        self._pairs: list[tuple[TcpSocket, TcpSocket]] = []

    def open(self, slot: int, reuse_address: bool, reuse_port: bool) -> None:
        self.close(slot)
        self._sockets[slot] = self.host.stack.tcp.socket()
        self.share(slot, reuse_address, reuse_port)

    def share(self, slot: int, reuse_address: bool, reuse_port: bool) -> None:
        self._sockets[slot].reuse_address = reuse_address
        self._sockets[slot].reuse_port = reuse_port

    def bind(self, slot: int, address: str) -> str:
        return outcome(lambda: self._sockets[slot].bind(socket.inet_aton(address), PORT))

    def listen(self, slot: int) -> str:
        return outcome(lambda: self._sockets[slot].listen(5))

    def meet(self, address: str) -> str:
        client = self.host.stack.tcp.socket()
        self.host.originate("connect")
        with suppress(BlockingIOError):
            client.connect(socket.inet_aton(address), PORT)
        self._settle()
        if client.error:
            return errno.errorcode[client.take_error()]
        child = next(one for one in self._sockets.values() if one.accepted).accept()
        self._pairs.append((child, client))
        return "ok"

    def part(self, server_first: bool) -> None:
        if self._pairs:
            child, client = self._pairs.pop(0)
            for end in (child, client) if server_first else (client, child):
                self.host.originate("close")
                end.close()
                self._settle()

    def close(self, slot: int) -> None:
        if slot in self._sockets:
            self._sockets.pop(slot).close()

    def end(self) -> None:
        pass

    def _settle(self) -> None:
        self.net.run(until=self.net.now + 300 * MILLISECOND)


World = Kernel | Ours
SLOT = st.integers(0, 2)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("open"), SLOT, st.booleans(), st.booleans(), st.sampled_from([ANY, ANY, ONE, ONE, TWO])),
        st.tuples(st.just("listen"), SLOT),
        st.tuples(st.just("listen"), SLOT),
        st.tuples(st.just("meet"), st.sampled_from([ONE, ONE, TWO])),
        st.tuples(st.just("part"), st.booleans()),
        st.tuples(st.just("close"), SLOT),
    ),
    max_size=14,
)


def play(world: World, steps: list[tuple[object, ...]]) -> list[str]:
    """What each step came to; steps that make no sense now are left out (the same in both worlds)."""
    bound: set[int] = set()
    listening: set[int] = set()
    log: list[str] = []
    for name, *rest in steps:
        slot = rest[0] if rest and isinstance(rest[0], int) else -1
        if name == "open":
            world.open(slot, bool(rest[1]), bool(rest[2]))
            bound.discard(slot)
            listening.discard(slot)
            log.append(f"bind {world.bind(slot, str(rest[3]))}")
            bound |= {slot} if log[-1] == "bind ok" else set()
        elif name == "listen" and slot in bound:
            log.append(f"listen {world.listen(slot)}")
            if log[-1] == "listen ok":
                listening.add(slot)
            else:  # Linux takes the port away then: there is nothing more to compare
                world.close(slot)
                bound.discard(slot)
        elif name == "meet":
            log.append(f"meet {world.meet(str(rest[0]))}")
        elif name == "part":
            world.part(bool(rest[0]))
        elif name == "close":
            world.close(slot)
            bound.discard(slot)
            listening.discard(slot)
    return log


def compare(steps: list[tuple[object, ...]]) -> list[str]:
    kernel = Kernel()
    with ExitStack() as stack:
        stack.callback(kernel.end)
        expected = play(kernel, steps)
    assert play(Ours(), steps) == expected
    return expected


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the oracle is a Linux kernel")


def two(first: tuple[bool, bool, str], second: tuple[bool, bool, str], listens: bool) -> list[tuple[object, ...]]:
    between: list[tuple[object, ...]] = [("listen", 0)] if listens else []
    return [("open", 0, *first), *between, ("open", 1, *second), ("listen", 1), ("listen", 0)]


@linux_only
@pytest.mark.parametrize("listens", [False, True], ids=["bound", "listens"])
@pytest.mark.parametrize("addresses", [(ONE, ONE), (ANY, ONE), (ONE, ANY), (ONE, TWO), (ANY, ANY)])
def test_two_sockets_on_one_port(addresses: tuple[str, str], listens: bool) -> None:
    for flags in range(16):
        first, second = (bool(flags & 1), bool(flags & 2)), (bool(flags & 4), bool(flags & 8))
        compare(two((*first, addresses[0]), (*second, addresses[1]), listens))


@linux_only
@pytest.mark.parametrize("server_first", [True, False])
@pytest.mark.parametrize("shares", [(False, False), (True, False), (False, True), (True, True)])
def test_a_server_that_is_started_again(shares: tuple[bool, bool], server_first: bool) -> None:
    """With a connection still open, and with one in TIME-WAIT: what SO_REUSEADDR is for."""
    for again in range(4):
        begin: list[tuple[object, ...]] = [("open", 0, *shares, ANY), ("listen", 0), ("meet", ONE)]
        anew: list[tuple[object, ...]] = [("open", 1, bool(again & 1), bool(again & 2), ANY), ("listen", 1)]
        compare([*begin, ("close", 0), *anew, ("meet", ONE)])
        compare([*begin, ("part", server_first), ("close", 0), *anew, ("meet", ONE)])


@linux_only
@pytest.mark.parametrize("address", [ANY, ONE, TWO])
@pytest.mark.parametrize("parted", [False, True])
def test_a_connection_excludes_only_its_own_address(address: str, parted: bool) -> None:
    """Whether it is open or in TIME-WAIT: a socket bound to another address is not in its way."""
    end: list[tuple[object, ...]] = [("part", True)] if parted else []
    begin: list[tuple[object, ...]] = [("open", 0, False, False, ANY), ("listen", 0), ("meet", TWO), *end]
    compare([*begin, ("close", 0), ("open", 1, False, False, address), ("listen", 1)])


@linux_only
@pytest.mark.slow
@settings(max_examples=300, deadline=None, derandomize=True)
@given(STEPS)
def test_any_calls_end_as_in_linux(steps: list[tuple[object, ...]]) -> None:
    compare(steps)


# -- ephemeral ports


@pytest.fixture
def ports() -> Ports:
    return Ports(lambda: None)


def bound(ports: Ports, number: int = 0) -> Tenant:
    tenant = Tenant()
    ports.bind(tenant, number)
    return tenant


def test_ephemeral_ports_are_the_dynamic_ones(ports: Ports) -> None:
    """RFC 6335 6: 49152 to 65535, one after the other."""
    assert (EPHEMERAL_FIRST, EPHEMERAL_LAST) == (49152, 65535)
    assert [bound(ports).port for _ in range(3)] == [49152, 49153, 49154]


def test_a_port_in_use_is_never_given(ports: Ports) -> None:
    ports.open(49152, IPV4_ANY, 0)
    bound(ports, 49153)
    assert bound(ports).port == 49154


def test_a_released_port_comes_round_again_last(ports: Ports) -> None:
    first = bound(ports)
    ports.release(first)
    seen = [bound(ports) for _ in range(EPHEMERAL_LAST - EPHEMERAL_FIRST)]
    assert first.port not in {tenant.port for tenant in seen}
    assert bound(ports).port == first.port


def test_when_all_are_taken_there_is_none(ports: Ports) -> None:
    tenants = [bound(ports) for _ in range(EPHEMERAL_LAST - EPHEMERAL_FIRST + 1)]
    assert len({tenant.port for tenant in tenants}) == 16384
    with pytest.raises(OSError, match="in use") as caught:
        bound(ports)
    assert caught.value.errno == errno.EADDRINUSE
    ports.release(tenants[7])
    assert bound(ports).port == tenants[7].port


def test_a_port_is_free_when_its_last_user_has_gone(ports: Ports) -> None:
    tenant = bound(ports, 80)
    ports.open(80, IPV4_ANY, 0)
    ports.open(80, IPV4_ANY, 0)
    ports.release(tenant)
    ports.close(80, IPV4_ANY, 0)
    with pytest.raises(OSError, match="in use"):
        bound(ports, 80)
    ports.close(80, IPV4_ANY, 0)
    assert ports.tenants(80) == []
    bound(ports, 80)


def test_releasing_what_is_not_bound_does_no_harm(ports: Ports) -> None:
    ports.release(Tenant())
    tenant = bound(ports, 80)
    ports.release(tenant)
    ports.release(tenant)
    bound(ports, 80)


# -- through sockets


@pytest.fixture
def connected(bench: Bench) -> Callable[[], TcpSocket]:
    bench.know("10.0.0.2")
    bench.enter()

    def connect() -> TcpSocket:
        one = bench.stack.tcp.socket()
        with suppress(BlockingIOError):
            one.connect(b"\x0a\0\0\2", 80)
        return one

    return connect


def test_each_connection_has_a_port_of_its_own(connected: Callable[[], TcpSocket]) -> None:
    ports = [connected().local()[1] for _ in range(50)]
    assert len(set(ports)) == 50
    assert all(EPHEMERAL_FIRST <= port <= EPHEMERAL_LAST for port in ports)


def test_connecting_fails_when_no_port_is_left(bench: Bench, connected: Callable[[], TcpSocket]) -> None:
    for port in range(EPHEMERAL_FIRST, EPHEMERAL_LAST + 1):
        bench.stack.tcp.ports.open(port, IPV4_ANY, 0)
    with bench.refuses(errno.EADDRNOTAVAIL):  # as Linux says; binding to port 0 fails with EADDRINUSE
        connected()


def test_the_same_ends_cannot_be_joined_twice(bench: Bench, connected: Callable[[], TcpSocket]) -> None:
    """Two sockets share a port, and both want the same peer: EADDRNOTAVAIL, as in Linux."""
    sockets = []
    for _ in range(2):
        one = bench.stack.tcp.socket()
        one.reuse_address = True
        one.bind(b"\x0a\0\0\1", 5000)
        sockets.append(one)
    with suppress(BlockingIOError):
        sockets[0].connect(b"\x0a\0\0\2", 80)
    with bench.refuses(errno.EADDRNOTAVAIL):
        sockets[1].connect(b"\x0a\0\0\2", 80)
    with bench.refuses(errno.EINPROGRESS):
        sockets[1].connect(b"\x0a\0\0\2", 81)


def test_a_failed_connect_gives_the_port_back(bench: Bench, connected: Callable[[], TcpSocket]) -> None:
    one = connected()
    port = one.local()[1]
    bench.at(200)
    assert one.error == errno.ETIMEDOUT
    one.close()
    assert bench.stack.tcp.ports.tenants(port) == []
    fresh = bench.stack.tcp.socket()
    fresh.bind(b"\0\0\0\0", port)


def test_time_wait_keeps_the_port_for_a_minute() -> None:
    """RFC 9293 3.6.1; without SO_REUSEADDR the port of a server that closed first is taken until then."""
    world = Ours()
    world.open(0, False, False)
    assert [world.bind(0, ANY), world.listen(0), world.meet(ONE)] == ["ok", "ok", "ok"]
    world.part(True)
    world.close(0)
    world.open(1, False, False)
    assert world.bind(1, ANY) == "EADDRINUSE"
    world.net.run(until=world.net.now + 61 * SECOND)
    assert world.bind(1, ANY) == "ok"
