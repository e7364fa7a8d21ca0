"""Ten thousand mutated messages to each side: nothing raises, nothing stalls, nothing is given away for nothing."""

from __future__ import annotations

from random import Random

from sim.errors import WireError
from sim.services.dhcp.client import Client, Send
from sim.services.dhcp.relay import Leg, towards_client, towards_server
from sim.services.dhcp.replies import Reply
from sim.services.dhcp.server import Arrival, Probe, Server
from sim.units import SECOND
from sim.wire import dhcpv4
from sim.wire.addresses import parse_ip
from sim.wire.dhcpv4 import BOOTREPLY, BOOTREQUEST, Message
from tests.services.dhcp.subnets import subnet

MESSAGES = 10_000
MAC = b"\2\0\0\0\0\1"
OWN = parse_ip("10.0.1.1")
LEG = Leg("lan", OWN, MAC, (parse_ip("10.0.0.67"),), agent_information=True)


def mutated(chance: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randrange(1, 6)):
        match chance.randrange(4):
            case 0:
                changed[chance.randrange(len(changed))] = chance.randrange(256)
            case 1:
                changed[chance.randrange(236, len(changed))] ^= 1 << chance.randrange(8)
            case 2:
                del changed[chance.randrange(240, len(changed)) :]
                changed += bytes(2)
            case 3:
                at = chance.randrange(236, len(changed))
                changed[at:at] = chance.randbytes(chance.randrange(1, 9))
    return bytes(changed)


def parsed(data: bytes) -> Message | None:
    try:
        return dhcpv4.parse(data)
    except WireError:
        return None


def test_a_server_lives_through_it() -> None:
    chance = Random(3)
    server = Server([subnet("10.0.1.0/24", "10.0.1.100-10.0.1.109", lease=60)])
    taken = 0
    for number in range(MESSAGES):
        options = (
            (53, bytes((chance.randrange(1, 9),))),
            (50, parse_ip(f"10.0.1.{chance.randrange(98, 112)}")),
            *(((54, OWN),) if chance.random() < 0.5 else ()),
            (55, bytes((1, 3, 6))),
        )
        ciaddr = parse_ip("10.0.1.101") if chance.random() < 0.3 else bytes(4)
        station = b"\2\0\0\0\0" + bytes((chance.randrange(30),))
        message = parsed(mutated(chance, dhcpv4.emit(Message(BOOTREQUEST, number, station, options, ciaddr=ciaddr))))
        if message is None:
            continue
        taken += 1
        now = number * SECOND
        for action in server.receive(message, Arrival(OWN, chance.random() < 0.3), now):
            if isinstance(action, Reply):
                assert dhcpv4.parse(dhcpv4.emit(action.message, action.limit)) == action.message
            elif isinstance(action, Probe):
                server.handle_probe(action.ticket, chance.random() < 0.05, now)
        leases = server.leases(now)
        assert len({lease.address for lease in leases}) == len(leases) <= 10
        assert len({lease.client for lease in leases}) == len(leases)
    assert taken > MESSAGES // 4


def test_a_client_lives_through_it() -> None:
    chance = Random(4)
    client = Client(MAC, chance.random)
    now = taken = 0
    last = next(action.message for action in client.start(0) if isinstance(action, Send))
    for _ in range(MESSAGES):
        options = (
            (53, bytes((chance.choice((2, 5, 6)),))),
            (54, OWN),
            (51, (chance.randrange(100)).to_bytes(4, "big")),
            (1, b"\xff\xff\xff\0"),
            (119, b"\4corp\4test\0"),
            (121, bytes.fromhex("100a110a000002")),
        )
        reply = Message(BOOTREPLY, last.xid, MAC, options, yiaddr=parse_ip("10.0.1.100"))
        message = parsed(mutated(chance, dhcpv4.emit(reply)))
        actions = [] if message is None else client.receive(message, now)
        taken += bool(actions)
        if client.state == "checking":
            actions = client.handle_free(now) if chance.random() < 0.5 else client.handle_conflict("x", now)
        if client.deadline is not None and chance.random() < 0.3:
            now = max(now, client.deadline)
            actions = [*actions, *client.handle_timer(now)]
        for action in actions:
            if isinstance(action, Send):
                last = action.message
                assert dhcpv4.parse(dhcpv4.emit(last)) == last
        assert client.deadline is None or client.deadline >= now
    assert taken > 500


def test_a_relay_lives_through_it() -> None:
    chance = Random(5)
    for number in range(MESSAGES):
        options = ((53, b"\1"), (82, b"\1\3lan"))
        kind = chance.choice((BOOTREQUEST, BOOTREPLY))
        message = parsed(mutated(chance, dhcpv4.emit(Message(kind, number, MAC, options, giaddr=OWN))))
        if message is not None:
            forwards = towards_server(message, LEG)
            back = towards_client(message, [LEG])
            for one in [*forwards, *([] if back is None else [back])]:
                if hasattr(one, "message"):
                    dhcpv4.emit(one.message, 1472)
