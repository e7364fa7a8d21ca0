"""Random and mutated frames into every kind of device: no exception, no hang, bounded tables, nothing unaccounted for.

The frames are the golden ones of `tests/wire/golden`, readdressed so that they get past the first check, and then
broken in one to three places; of half of them the lengths and checksums are made right again, so that what lies
behind is reached.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sim.devices.device import Device
from sim.devices.gateway import Gateway
from sim.devices.host import Host
from sim.devices.hub import Hub
from sim.devices.node import IpNode
from sim.devices.router import Router
from sim.devices.switch import Switch
from sim.lab.network import Network
from sim.links.port import Port
from sim.stack import neighbours, reassembly, udp_socket
from sim.stack.ip import PATH_CACHE_LIMIT
from sim.units import MILLISECOND
from sim.wire.addresses import parse_ip
from sim.wire.checksum import internet_checksum

FRAMES = 200_000
BATCH = 50
GOLDEN = Path(__file__).parent.parent / "wire" / "golden"

REASONS = {
    "ARP queue full",
    "TTL expired",
    "bad IPv4 checksum",
    "connection refused",
    "duplicate fragment",
    "fragmentation needed",
    "host unreachable",
    "malformed ARP",
    "malformed ICMP",
    "malformed IPv4",
    "malformed TCP",
    "malformed UDP",
    "malformed fragment",
    "martian address",
    "multicast source address",
    "neighbour table full",
    "no route",
    "no such connection",
    "no route for the ICMP error",
    "no route for the echo reply",
    "not its IP address",
    "overlapping fragments",
    "port unreachable",
    "reassembly memory full",
    "reassembly timeout",
    "receive buffer full",
    "reserved for the link itself",
    "runt frame",
    "unknown ARP operation",
    "unknown EtherType",
    "unknown ICMP type",
    "unknown protocol",
}

OWN = ["10.0.0.1", "10.1.0.1", "10.2.0.1"]
OTHERS = ["10.0.0.2", "10.1.0.2", "10.2.0.2", "10.0.0.3", "10.9.9.9", "8.8.8.8"]
MANY = ["10.0.0.255", "255.255.255.255", "224.0.0.1", "239.1.2.3"]
STRANGE = ["127.0.0.1", "0.0.0.0", "240.0.0.1", "10.0.0.0"]
SOURCES = [parse_ip(text) for text in (*OTHERS * 6, *OWN, *MANY, *STRANGE)]
TARGETS = [parse_ip(text) for text in (*OWN * 6, *OTHERS * 3, *MANY * 2, *STRANGE)]


def golden() -> list[bytes]:
    found = []
    for path in sorted(GOLDEN.glob("*.hex")):
        lines = path.read_text(encoding="ascii").splitlines()
        found.append(bytes.fromhex("".join(line for line in lines if not line.startswith("#"))))
    assert len(found) > 5
    return found + [frame for frame in found if frame[12:14] == b"\x08\x00" and frame[23] in (1, 17)] * 3


# -- frames


def flip(frame: bytearray, stream: random.Random) -> None:
    frame[stream.randrange(len(frame))] ^= 1 << stream.randrange(8)


def overwrite(frame: bytearray, stream: random.Random) -> None:
    frame[stream.randrange(min(len(frame), 60))] = stream.choice((0x00, 0x01, 0x45, 0x4F, 0x7F, 0x80, 0xFF))


def cut(frame: bytearray, stream: random.Random) -> None:
    del frame[stream.randrange(len(frame)) :]


def grow(frame: bytearray, stream: random.Random) -> None:
    frame += bytes(stream.choice((1, 8, 600, 1400)))


def refragment(frame: bytearray, stream: random.Random) -> None:
    if len(frame) > 22:
        frame[18] = 0
        frame[19] = stream.randrange(64)
        word = stream.choice((0x2000, 0x4000, 0x2000 | stream.randrange(200), stream.randrange(200), 0x3FFF, 0x1FFF))
        frame[20:22] = word.to_bytes(2, "big")


MUTATORS = (flip, overwrite, overwrite, cut, grow, refragment, refragment)


def readdress(frame: bytearray, stream: random.Random, port: Port) -> None:
    """Let it be for the device, mostly, and between addresses that mean something to it."""
    if stream.random() < 0.9:
        frame[0:6] = stream.choice((port.mac, port.mac, port.mac, b"\xff" * 6))
    frame[6:12] = b"\x02\x00\x00\x00" + stream.choice((b"\x00", b"\x01", stream.randbytes(1))) + stream.randbytes(1)
    if frame[12:14] == b"\x08\x00" and len(frame) >= 38:
        frame[26:30], frame[30:34] = stream.choice(SOURCES), stream.choice(TARGETS)
        if stream.random() < 0.5:
            frame[36:38] = stream.choice((b"\x00\x07", b"\x00\x08", b"\x82\x9a"))
    elif frame[12:14] == b"\x08\x06" and len(frame) >= 42:
        frame[28:32], frame[38:42] = stream.choice(SOURCES), stream.choice(TARGETS)


def mend(frame: bytearray) -> None:
    """Make the lengths and checksums of an IPv4 packet right again."""
    start = 14 + (frame[14] & 0x0F) * 4
    if len(frame) < start or start < 34:
        return
    frame[16:18] = (len(frame) - 14).to_bytes(2, "big")
    frame[24:26] = b"\0\0"
    frame[24:26] = internet_checksum(bytes(frame[14:start])).to_bytes(2, "big")
    if frame[23] == 1 and len(frame) >= start + 4:
        frame[start + 2 : start + 4] = b"\0\0"
        frame[start + 2 : start + 4] = internet_checksum(bytes(frame[start:])).to_bytes(2, "big")
    elif frame[23] == 17 and len(frame) >= start + 8:
        frame[start + 4 : start + 8] = (len(frame) - start).to_bytes(2, "big") + b"\0\0"


def frames(count: int, seed: int, ports: list[Port]) -> Iterator[bytes]:
    """Frames for the ports in turn. Every tenth is random bytes, the rest are golden frames with something changed."""
    stream = random.Random(seed)
    originals = golden()
    for number in range(count):
        if number % 10 == 0:
            yield stream.randbytes(stream.randrange(1, 120))
            continue
        frame = bytearray(stream.choice(originals))
        readdress(frame, stream, ports[number % len(ports)])
        for _ in range(stream.randrange(3)):
            if frame:
                stream.choice(MUTATORS)(frame, stream)
        if len(frame) > 34 and frame[12:14] == b"\x08\x00" and stream.random() < 0.7:
            mend(frame)
        yield bytes(frame) or b"\0"


# -- devices


def hub(net: Network) -> Hub:
    made = net.hub("dut")
    for number in range(3):
        net.link(net.probe(f"p{number}"), made)
    return made


def switch(net: Network) -> Switch:
    made = net.switch("dut", ageing="1s", table_size=512)
    for number in range(3):
        net.link(net.probe(f"p{number}"), made)
    return made


def router(net: Network) -> Router:
    made = net.router(
        "dut", {f"e{n}": f"10.{n}.0.1/24" for n in range(3)}, routes={"0.0.0.0/0": ["10.1.0.2", "10.2.0.2"]}
    )
    for number in range(3):
        net.link(net.probe(f"p{number}"), f"dut:e{number}")
    made.interface("e2").mtu = 576
    open_sockets(made)
    return made


def host(net: Network) -> Host:
    made = net.host("dut", interfaces={f"e{n}": f"10.{n}.0.1/24" for n in range(2)}, gateway="10.0.0.2")
    for number in range(2):
        net.link(net.probe(f"p{number}"), f"dut:e{number}")
    made.interface("e0").join(parse_ip("239.1.2.3"))
    open_sockets(made)
    return made


def open_sockets(node: IpNode) -> None:
    """A socket that reads what comes, one that never does, and somebody who waits for echo replies."""
    reader = node.stack.udp.open(port=7)
    reader.on_event = reader.receive  # type: ignore[assignment]
    node.stack.udp.open(port=8)
    node.stack.icmp.open_echo(lambda packet, message: None, lambda error: None)


def gateway(net: Network) -> Gateway:
    """Two insides and an outside, everything in use, and no room."""
    made = net.gateway(
        "dut",
        {f"e{n}": f"10.{n}.0.1/24" for n in range(3)},
        routes={"0.0.0.0/0": "10.2.0.2"},
        outside="e2",
        behaviour="symmetric",
        table_size=300,
        ports="2000-2009",
        forward=[{"protocol": "tcp", "port": "1-1000", "to": "10.0.0.2"}],
        static={"10.2.0.9": "10.0.0.9"},
        firewall={"rules": [{"reject": {"port": 23}}, {"allow": {"state": "established"}}, {"deny": {"protocol": 50}}]},
    )
    for number in range(3):
        net.link(net.probe(f"p{number}"), f"dut:e{number}")
    made.interface("e2").mtu = 576
    open_sockets(made)
    return made


MAKERS: dict[str, Callable[[Network], Device]] = {"hub": hub, "switch": switch, "router": router, "host": host}


def is_fragment(frame: bytes) -> bool:
    return frame[12:14] == b"\x08\x00" and int.from_bytes(frame[20:22], "big") & 0x3FFF != 0


def bombard(net: Network, device: Device, count: int, seed: int) -> None:
    """Send frames into all ports of the device, some every millisecond, and let it come to rest."""
    senders = [net.port(f"p{number}") for number in range(len(device.ports))]
    for number, frame in enumerate(frames(count, seed, list(device.ports))):
        senders[number % len(senders)].send(frame)
        if number % BATCH == BATCH - 1:
            net.run(until=net.now + MILLISECOND * 20)
            for probe in net.nodes.values():
                if probe is not device:
                    probe.frames.clear()  # type: ignore[union-attr]
    net.run(budget=2_000_000)
    assert net.engine.next_time() is None


def check_stack(node: IpNode) -> None:
    stack = node.stack
    assert len(stack.paths) <= PATH_CACHE_LIMIT
    assert stack.reassembly is not None
    assert not stack.reassembly.partials  # all have timed out by now
    assert stack.reassembly.memory == 0
    for interface in stack.interfaces:
        entries = stack.neighbours(interface).entries
        assert len(entries) <= neighbours.TABLE_LIMIT
        assert not any(entry.waiting for entry in entries.values())
    assert reassembly.MAX_DATAGRAMS <= 64
    assert udp_socket.ERROR_LIMIT <= 64


@pytest.mark.slow
@pytest.mark.parametrize("kind", MAKERS)
def test_no_frame_upsets_a_device(kind: str) -> None:
    net = Network(record=False)
    device = MAKERS[kind](net)
    bombard(net, device, FRAMES, seed=1)
    counters = device.counters()
    assert counters["received"] == FRAMES
    assert set(device.drops()) <= REASONS
    if isinstance(device, Hub):
        assert counters["repeated"] == FRAMES
        assert counters["sent"] == 2 * FRAMES
    elif isinstance(device, Switch):
        outcomes = ("flooded", "forwarded", "filtered", "dropped")
        assert sum(counters[name] for name in outcomes) == FRAMES
        assert all(counters[name] > 100 for name in outcomes)
        assert len(device.table) <= 512
    elif isinstance(device, IpNode):
        check_stack(device)
        assert {reason for reason, count in device.drops().items() if count > 10} >= {
            "malformed ICMP",
            "malformed IPv4",
            "malformed fragment",
            "martian address",
            "overlapping fragments",
            "port unreachable",
            "reassembly timeout",
            "unknown EtherType",
            "unknown protocol",
        }
        if isinstance(device, Router):
            assert all(device.drops()[reason] > 10 for reason in ("TTL expired", "fragmentation needed"))
        assert counters["sent"] > 1000


@pytest.mark.slow
def test_no_frame_upsets_a_gateway() -> None:
    net = Network(record=False)
    device = gateway(net)
    bombard(net, device, FRAMES // 4, seed=1)
    counters = device.counters()
    assert counters["received"] == FRAMES // 4
    assert counters["sent"] > 1000
    assert counters["connections"] <= 300
    assert counters["mappings"] <= 300
    assert counters["translated"] > 100
    for reason in ("NAT ports exhausted", "NAT: belongs to no connection", "connection table full", "unsolicited SYN"):
        assert device.drops()[reason] > 10, device.drops()
    net.run(until=net.now + 8000 * 1000 * MILLISECOND)
    assert device.counters()["connections"] == device.counters()["mappings"] == 0


MAKERS_AND_GATEWAY = {**MAKERS, "gateway": gateway}


@pytest.mark.slow
@pytest.mark.parametrize("kind", MAKERS_AND_GATEWAY)
def test_every_frame_leaves_a_trace_of_what_became_of_it(kind: str) -> None:
    net = Network()
    device = MAKERS_AND_GATEWAY[kind](net)
    bombard(net, device, 5_000, seed=2)
    recorder = net.recorder
    told = set(recorder.note_subjects) | set(recorder.causes)
    own = {port.index for port in device.ports}
    arrived = [
        row
        for row, number in enumerate(recorder.ids)
        if recorder.port_peers[recorder.senders[row]] in own
        if number not in recorder.lost
    ]
    assert len(arrived) >= 5_000
    silent = [recorder.frames[row] for row in arrived if recorder.ids[row] not in told]
    assert [frame.hex() for frame in silent if not is_fragment(frame)] == []  # a fragment may wait for the others
    assert len(silent) < 100
