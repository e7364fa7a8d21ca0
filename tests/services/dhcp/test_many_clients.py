"""Many clients of one server over a network that loses, delays, doubles: no address is ever two clients' at once."""

from __future__ import annotations

from heapq import heappop, heappush
from ipaddress import IPv4Address
from random import Random

import pytest

from sim.services.dhcp.client import Bind, Check, Client, Send, Unbind
from sim.services.dhcp.replies import Reply
from sim.services.dhcp.server import Arrival, Probe, Server
from sim.units import MILLISECOND, SECOND
from sim.wire import dhcpv4
from sim.wire.addresses import parse_ip
from tests.services.dhcp.subnets import subnet

OWN = parse_ip("10.0.1.1")


class World:
    """Clients, a server and what is on its way between them, in virtual time. `holders` is the truth: who uses what."""

    def __init__(self, seed: int, clients: int, size: int, lease: int, loss: float) -> None:
        self.chance = Random(seed)
        self.loss = loss
        self.now = 0
        self.events: list[tuple[int, int, object]] = []
        self.number = 0
        self.server = Server([subnet("10.0.1.0/24", f"10.0.1.10-10.0.1.{9 + size}", lease=lease)])
        self.clients = [
            Client(b"\2\0\0\0" + number.to_bytes(2, "big"), self.chance.random) for number in range(clients)
        ]
        self.holders: dict[bytes, Client] = {}
        self.squatted = IPv4Address("10.0.1.11").packed  # somebody has it who never asked
        self.bound = 0
        self.wakes = dict.fromkeys(range(clients), -1)
        self.off = set[int]()

    def later(self, delay: int, event: object) -> None:
        self.number += 1
        heappush(self.events, (self.now + delay, self.number, event))

    def do(self, index: int, actions: object) -> None:
        client = self.clients[index]
        assert isinstance(actions, list)
        for action in actions:
            match action:
                case Send():
                    self.post(("to server", index, dhcpv4.emit(action.message), action.server is not None))
                case Check():
                    taken = action.address == self.squatted or action.address in self.holders
                    self.later(5 * SECOND, ("checked", index, taken))
                case Bind():
                    other = self.holders.get(action.lease.address)
                    assert other in (None, client), "two clients have one address"
                    self.holders[action.lease.address] = client
                    self.bound += 1
                case Unbind():
                    assert self.holders.pop(action.lease.address) is client
        self.wake(index)

    def wake(self, index: int) -> None:
        deadline = self.clients[index].deadline
        if deadline is not None:
            self.later(max(deadline - self.now, 0), ("timer", index, deadline))

    def post(self, event: object) -> None:
        """Put a message on its way, perhaps; perhaps twice."""
        for _ in range(2 if self.chance.random() < 0.05 else 1):
            if self.chance.random() >= self.loss:
                self.later(self.chance.randrange(2000) * MILLISECOND, event)

    def answer(self, actions: object, index: int) -> None:
        assert isinstance(actions, list)
        for action in actions:
            if isinstance(action, Reply):
                self.post(("to client", index, dhcpv4.emit(action.message, action.limit)))
            elif isinstance(action, Probe):
                answers = action.address in self.holders and self.chance.random() >= self.loss
                self.later(SECOND, ("probed", action.ticket, answers, index))

    def handle(self, event: object) -> None:
        match event:
            case ("start", int(index)):
                self.off.discard(index)
                self.do(index, self.clients[index].start(self.now))
            case ("timer", int(index), int(deadline)) if index not in self.off:
                if self.clients[index].deadline == deadline:
                    self.do(index, self.clients[index].handle_timer(self.now))
            case ("release", int(index)) if index not in self.off:
                self.do(index, self.clients[index].release(self.now))
            case ("cut", int(index)):
                self.off.add(index)
                for address in [one for one, client in self.holders.items() if client is self.clients[index]]:
                    del self.holders[address]
                self.clients[index].forget()
            case ("to server", int(index), bytes(data), bool(unicast)):
                message = dhcpv4.parse(data)
                self.answer(self.server.receive(message, Arrival(OWN, unicast), self.now), index)
            case ("to client", int(index), bytes(data)) if index not in self.off:
                self.do(index, self.clients[index].receive(dhcpv4.parse(data), self.now))
            case ("checked", int(index), bool(taken)) if index not in self.off:
                client = self.clients[index]
                self.do(index, client.handle_conflict("x", self.now) if taken else client.handle_free(self.now))
            case ("probed", int(ticket), bool(used), int(index)):
                self.answer(self.server.handle_probe(ticket, used, self.now), index)
            case ("server cut",):
                self.server.forget()

    def run(self, until: int) -> None:
        while self.events and self.events[0][0] <= until:
            self.now, _, event = heappop(self.events)
            self.handle(event)
            self.agree()

    def agree(self) -> None:
        """Who uses an address has a lease of it at the server, or the server has been told of its end."""
        leases = {lease.address.to_bytes(4, "big"): lease.mac for lease in self.server.leases(self.now)}
        for address, client in self.holders.items():
            lease = client.lease
            assert lease is not None
            assert lease.address == address
            if self.now < lease.expires_at:
                assert leases.get(address) == client.mac


@pytest.mark.parametrize("seed", range(12))
def test_no_address_has_two_clients(seed: int) -> None:
    """Forty clients, thirty addresses, leases of two minutes, every tenth message lost, power cuts and releases."""
    world = World(seed, clients=40, size=30, lease=120, loss=0.1)
    for index in range(40):
        world.later(world.chance.randrange(60) * SECOND, ("start", index))
        for _ in range(3):
            time = world.chance.randrange(1800) * SECOND
            what = world.chance.choice(["release", "cut"])
            world.later(time, (what, index))
            world.later(time + world.chance.randrange(1, 60) * SECOND, ("start", index))
    for _ in range(3):
        world.later(world.chance.randrange(1800) * SECOND, ("server cut",))
    world.run(1800 * SECOND)
    assert world.bound > 200
    assert world.squatted not in world.holders
    assert 20 <= len(world.holders) <= 29


def test_without_losses_everybody_keeps_an_address() -> None:
    world = World(1, clients=20, size=30, lease=100, loss=0)
    for index in range(20):
        world.later(index * MILLISECOND, ("start", index))
    world.run(30 * SECOND)
    first = {client.mac: address for address, client in world.holders.items()}
    assert len(first) == 20
    world.run(5000 * SECOND)
    assert {client.mac: address for address, client in world.holders.items()} == first
