"""Segments that go on outside: TAP devices and VXLAN tunnels of a topology's file, with the kernel at the other end."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sim.bridge.realtime import Door, Pacer
from sim.bridge.segments import open_doors
from sim.bridge.session import Bridge, Settings
from sim.bridge.tap import BATCH, run_in_namespace
from sim.errors import TopologyError
from sim.lab.build import build
from sim.lab.network import Network
from sim.lab.nodes import LabHost, Probe
from sim.lab.outlets import NOT_OPEN
from sim.lab.vxlan import VxlanOutlet
from sim.scenario.load import loads
from sim.services.ping import Ping
from sim.units import MILLISECOND, SECOND
from sim.wire import vxlan
from tests.bridge.conftest import DEADLINE, NUMBERS, Process, ip

EVERYBODY = b"\xff" * 6
OTHERS = bytes.fromhex("02aabbccddee")


def free_port() -> int:
    """A UDP port on which nobody listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
    return port


class Side:
    """A network from a topology's text with its doors, and a pacer for it."""

    def __init__(self, text: str) -> None:
        self.topology = loads(text)
        self.net: Network = build(self.topology)
        self.doors: list[Door] = open_doors(self.net, self.topology)
        self.pacer = Pacer(self.net.engine)

    def outlet(self, name: str = "v") -> VxlanOutlet:
        node = self.net[name]
        assert isinstance(node, VxlanOutlet)
        return node

    def ping(self, destination: str, count: int = 3, size: int = 56, timeout: int = 5 * SECOND) -> Ping:
        node = self.net["h"]
        assert isinstance(node, LabHost)
        ping = Ping(
            node,
            self.net.resolve(destination),
            self.pacer.stop,
            count=count,
            size=size,
            interval=MILLISECOND,
            timeout=timeout,
        )
        ping.start()
        self.pacer.run(self.net.now + DEADLINE, self.doors)
        assert ping.done
        return ping

    def pass_time(self, duration: int) -> None:
        self.pacer.run(self.net.now + duration, self.doors)

    def until(self, condition: Callable[[], object]) -> None:
        deadline = self.net.now + DEADLINE
        while not condition():
            assert self.net.now < deadline, "it did not come true in time"
            self.pass_time(MILLISECOND)

    def close(self) -> None:
        for door in self.doors:
            door.close()


@contextmanager
def side(text: str) -> Iterator[Side]:
    made = Side(text)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def running(other: Side) -> Iterator[None]:
    """The other network lives in real time as well, in a thread of its own."""
    thread = threading.Thread(target=lambda: other.pacer.run(doors=other.doors))
    thread.start()
    try:
        yield
    finally:
        other.pacer.stop()
        thread.join(10)
        assert not thread.is_alive()


def network(local: int, remote: str, address: str, vni: int = 42) -> str:
    return f"""
defaults: {{link: {{bandwidth: 1Gbps, delay: 10us}}}}
nodes:
  v: {{kind: vxlan, vni: {vni}, local: "127.0.0.1:{local}", remote: {remote}}}
  s: {{kind: switch}}
  h: {{kind: host, ip: {address}/24}}
links: [[v, s], [h, s]]
"""


@pytest.fixture
def pair() -> Iterator[tuple[Side, Side]]:
    """Two simulators, a host on each side."""
    one, two = free_port(), free_port()
    with (
        side(network(one, f'"127.0.0.1:{two}"', "10.0.0.1")) as a,
        side(network(two, f'"127.0.0.1:{one}"', "10.0.0.2")) as b,
    ):
        yield a, b


def test_two_simulators_share_a_segment(pair: tuple[Side, Side]) -> None:
    a, b = pair
    with running(b):
        ping = a.ping("10.0.0.2")
    assert (ping.received, ping.errors) == (3, [])
    assert a.outlet().table() == {b.net.port("h").mac: b.outlet().local}
    assert b.outlet().table() == {a.net.port("h").mac: a.outlet().local}
    assert a.outlet().counters()["refused"] == b.outlet().counters()["refused"] == 0
    recorder = b.net.recorder
    port = b.outlet().ports[0].index
    causes = [cause for sender, cause in zip(recorder.senders, recorder.causes, strict=True) if sender == port]
    assert causes == [0] * len(causes)
    assert len(causes) >= 4  # ARP and three pings have no cause on this side


def test_the_largest_frames(pair: tuple[Side, Side]) -> None:
    a, b = pair
    with running(b):
        assert a.ping("10.0.0.2", size=1472).received == 3


def test_three_simulators_and_each_hears_each_frame_once() -> None:
    """Head-end replication to all, and no frame goes on from one tunnel's end into the same tunnel."""
    ports = [free_port() for _ in range(3)]
    texts = []
    for number, own in enumerate(ports, 1):
        remotes = [f'"127.0.0.1:{port}"' for port in ports if port != own]
        texts.append(network(own, f"[{', '.join(remotes)}]", f"10.0.0.{number}"))
    with side(texts[0]) as a, side(texts[1]) as b, side(texts[2]) as c, running(b), running(c):
        assert a.ping("10.0.0.2").received == 3
        assert a.ping("10.0.0.3").received == 3
    questions = [frame for frame in b.net.recorder.frames if frame[:6] == EVERYBODY and frame[38:42] == b"\x0a\0\0\3"]
    assert len(questions) == 2  # from the tunnel to the switch, from there to the host
    pings = [frame for frame in b.net.recorder.frames if frame[30:34] == b"\x0a\0\0\3"]
    assert pings == []  # learned: they went to the third alone


def test_another_vni_is_another_network() -> None:
    one, two = free_port(), free_port()
    with (
        side(network(one, f'"127.0.0.1:{two}"', "10.0.0.1")) as a,
        side(network(two, f'"127.0.0.1:{one}"', "10.0.0.2", vni=43)) as b,
        running(b),
    ):
        node = a.net["h"]
        assert isinstance(node, LabHost)
        ping = Ping(node, a.net.resolve("10.0.0.2"), a.pacer.stop, timeout=100 * MILLISECOND)
        ping.start()
        a.until(lambda: b.outlet().refused)
        assert ping.received == 0
    assert b.outlet().drops() == {"VXLAN: another VNI": b.outlet().counters()["refused"]}


def test_what_anybody_sends_is_counted_and_hurts_nobody(pair: tuple[Side, Side]) -> None:
    a, b = pair
    frame = EVERYBODY + OTHERS + b"\x88\xb5" + bytes(46)
    good = vxlan.emit(vxlan.Packet(42, frame))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        for data in (b"", good[:7], b"\0" + good[1:], good[:4] + b"\0\0\x2b\0" + frame, good[:8], good[:21], good):
            stranger.sendto(data, a.outlet().local)
        a.until(lambda: a.outlet().ports[0].channel and a.outlet().counters()["sent"] == 1)
    assert a.outlet().refused == {"VXLAN: bad header": 3, "VXLAN: another VNI": 1, "VXLAN: no frame in it": 2}
    with running(b):
        assert a.ping("10.0.0.2").received == 3


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux all of 127.0.0.0/8 is loopback")
def test_from_an_address_that_is_no_remote(pair: tuple[Side, Side]) -> None:
    a, _ = pair
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.77", 0))
        stranger.sendto(vxlan.emit(vxlan.Packet(42, EVERYBODY + OTHERS + b"\x88\xb5")), a.outlet().local)
        a.until(lambda: a.outlet().refused)
    assert a.outlet().refused == {"VXLAN: from no remote": 1}
    assert a.net.frame_hops == 0


def test_a_turn_at_the_door_is_bounded(pair: tuple[Side, Side]) -> None:
    """A sender who never rests does not keep the pacer from everything else."""
    a, b = pair
    for _ in range(BATCH + 5):
        b.outlet().send(vxlan.emit(vxlan.Packet(42, EVERYBODY + OTHERS + b"\x88\xb5")), a.outlet().local)  # type: ignore[misc]
    door = a.doors[0]
    door.readable()
    assert a.outlet().counters()["sent"] + len(a.net.engine.queue) >= BATCH
    first = int(a.outlet().ports[0].channel.frames)  # type: ignore[union-attr]
    door.readable()
    second = int(a.outlet().ports[0].channel.frames)  # type: ignore[union-attr]
    assert (first, second) == (BATCH, BATCH + 5)


def test_a_frame_that_no_datagram_can_hold() -> None:
    """A jumbo frame of the largest MTU, and the eight bytes."""
    net = Network()
    port = free_port()
    end = net.add(VxlanOutlet(net, "v", 1, ("127.0.0.1", port), [("127.0.0.1", port + 1)]))
    probe = net.probe("p")
    net.link(end, probe)
    doors = open_doors(net)
    probe.inject(EVERYBODY + OTHERS + b"\x88\xb5" + bytes(65_535))
    net.run()
    assert end.drops() == {"VXLAN: message too long": 1}
    doors[0].close()
    probe.inject(EVERYBODY + OTHERS + b"\x88\xb5" + bytes(46))
    net.run()
    assert end.drops() == {"VXLAN: message too long": 1, NOT_OPEN: 1}


def test_all_doors_or_none() -> None:
    """The second cannot be opened: the first is closed again, and the error points at the line."""
    one, taken = free_port(), free_port()
    text = f"""
nodes:
  a: {{kind: vxlan, vni: 1, local: "127.0.0.1:{one}", remote: "127.0.0.1:9"}}
  b: {{kind: vxlan, vni: 1, local: "127.0.0.1:{taken}", remote: "127.0.0.1:9"}}
links: [[a, b]]
"""
    topology = loads(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", taken))
        with pytest.raises(TopologyError) as caught:
            open_doors(build(topology), topology)
        assert caught.value.message == f"cannot open UDP 127.0.0.1:{taken}: address already in use"
        assert (caught.value.line, caught.value.column) == (4, text.splitlines()[3].index('"') + 1)
        with pytest.raises(TopologyError, match=f"b: cannot open UDP 127.0.0.1:{taken}: address already in use"):
            open_doors(build(topology))
    with side(text) as made:  # both are free again
        assert len(made.doors) == 2


def test_a_network_without_such_nodes_has_no_doors() -> None:
    net = Network()
    net.probe("p")
    assert open_doors(net) == []


@pytest.mark.skipif(sys.platform != "linux", reason="TAP devices are a matter of Linux")
def test_a_namespace_that_is_not_there() -> None:
    topology = loads("nodes:\n  t: {kind: tap, device: tap0, netns: packetsim-nowhere}\n")
    with pytest.raises(TopologyError, match=r":2:26: error: there is no network namespace 'packetsim-nowhere'"):
        open_doors(build(topology), topology)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_real_client_of_one_bridge_and_a_server_in_the_other(tmp_path: Path) -> None:
    """curl enters one simulated network; the server is in another one, behind a line of 20 ms."""
    one, two = free_port(), free_port()
    (tmp_path / "a.yaml").write_text(network(one, f'"127.0.0.1:{two}"', "10.0.0.1"))
    served = "10.0.0.2/24, services: [{http: {body: hello}}]"
    text = network(two, f'"127.0.0.1:{one}"', "10.0.0.2").replace("10.0.0.2/24", served)
    (tmp_path / "b.yaml").write_text(text.replace("[h, s]", "{endpoints: [h, s], delay: 20ms}"))

    with Bridge(tmp_path / "a.yaml", Settings(socks=0)) as a, Bridge(tmp_path / "b.yaml"):
        proxy = "{}:{}".format(*a.ports["socks"])
        command = ["curl", "-sS", "-m", "9", "-w", " %{time_total}", "--socks5", proxy, "http://10.0.0.2/"]
        body, seconds = subprocess.check_output(command, text=True).split()
    assert body == "hello"
    assert float(seconds) >= 0.08  # the handshake, the request


# With the kernel -------------------------------------------------------------------------------------------------

TAP = """
nodes:
  t: {kind: tap, device: tap0, netns: NETNS}
  s: {kind: switch}
  h: {kind: host, ip: 10.0.0.1/24}
links: [[t, s], {endpoints: [h, s], delay: 5ms}]
"""


def run(made: Side, netns: str, command: str) -> str:
    """What a command prints in a namespace while the network runs."""
    process = Process(["ip", "netns", "exec", netns, *command.split()], made.pacer)
    try:
        until = made.net.now + DEADLINE
        made.pacer.run(until, [*made.doors, process])
        assert made.net.now < until, "it did not come to its end"
        return process.output()
    finally:
        process.close()


@pytest.mark.root
@pytest.mark.slow
def test_a_tap_device_of_a_file(netns: str) -> None:
    with side(TAP.replace("NETNS", netns)) as made:
        assert "NO-CARRIER" not in ip(f"-n {netns} link show tap0")
        ip(f"-n {netns} address add 10.0.0.9/24 dev tap0")
        ip(f"-n {netns} link set tap0 up")
        output = run(made, netns, "ping -c 2 -i 0.01 10.0.0.1")
        assert "2 received" in output
        assert float(output.rsplit("/", 3)[1]) > 10  # ms, there and back
        assert made.ping("10.0.0.9").received == 3
        assert made.net.port("t").mac.hex(":") in ip(f"-n {netns} link show tap0")
        tap = made.net["t"]
        assert isinstance(tap, Probe)
        assert tap.counters()["sent"] >= 5
        made.net.set_link(made.net.link_between("t", "s"), False)
        assert "NO-CARRIER" in ip(f"-n {netns} link show tap0")
        made.net.set_link(made.net.link_between("t", "s"), True)
        ip(f"-n {netns} link set tap0 down")
        made.ping("10.0.0.9", count=1, timeout=50 * MILLISECOND)
        assert tap.drops()["TAP interface down"] >= 1
    assert "tap0" not in ip(f"-n {netns} link show")
    assert tap.transport is None  # type: ignore[attr-defined]


@pytest.mark.root
def test_all_doors_or_none_with_a_tap_device(netns: str) -> None:
    topology = loads(
        "nodes:\n"
        f"  a: {{kind: tap, device: tap0, netns: {netns}}}\n"
        f"  b: {{kind: tap, device: tap0, netns: {netns}}}\n"
        "links: [[a, b]]\n"
    )
    with pytest.raises(TopologyError, match=r":3:\d+: error: cannot make the TAP device tap0: the name is taken"):
        open_doors(build(topology), topology)
    assert "tap0" not in ip(f"-n {netns} link show")


TUNNEL = """
defaults: {link: {delay: 10us}}
nodes:
  v: {kind: vxlan, vni: 42, local: 10.9.0.2, remote: 10.9.0.1, anywhere: true, netns: NETNS}
  s: {kind: switch}
  h: {kind: host, ip: 10.0.0.1/24, mtu: MTU}
links: [[v, s], [h, s]]
"""


@pytest.fixture
def apart(netns: str) -> Iterator[tuple[str, str]]:
    """Two namespaces, joined by a cable: the kernel's, with a vxlan device and 10.0.0.9 on it, and the simulator's."""
    ours = f"packetsim-{os.getpid()}-{next(NUMBERS)}"
    ip(f"netns add {ours}")
    try:
        ip(f"-n {netns} link add va type veth peer name vb netns {ours}")
        ip(f"-n {netns} address add 10.9.0.1/30 dev va")
        ip(f"-n {ours} address add 10.9.0.2/30 dev vb")
        ip(f"-n {netns} link set va up")
        ip(f"-n {ours} link set vb up")
        try:
            ip(f"-n {netns} link add vx0 type vxlan id 42 remote 10.9.0.2 local 10.9.0.1 dstport 4789 dev va")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"this kernel has no vxlan device: {error.stderr}")
        ip(f"-n {netns} address add 10.0.0.9/24 dev vx0")
        ip(f"-n {netns} link set vx0 up")
        yield netns, ours
    finally:
        ip(f"netns delete {ours}")


@pytest.mark.root
@pytest.mark.slow
def test_a_vxlan_device_of_the_kernel(apart: tuple[str, str]) -> None:
    theirs, ours = apart
    with side(TUNNEL.replace("NETNS", ours).replace("MTU", "1450")) as made:
        assert "3 received" in run(made, theirs, "ping -c 3 -i 0.01 10.0.0.1")
        assert "3 received" in run(made, theirs, "ping -c 3 -i 0.01 -s 4000 10.0.0.1")  # fragments of 1450
        assert made.ping("10.0.0.9", size=1422).received == 3
        # Linux sends from a port that is a hash of the flow, and is known by its address.
        assert list(made.outlet().table().values()) == [("10.9.0.1", 4789)]
        assert made.outlet().refused == {}
        told = subprocess.run(
            ["bridge", "-n", theirs, "fdb", "show", "dev", "vx0"], capture_output=True, text=True, check=True
        )
        assert f"{made.net.port('h').mac.hex(':')} dst 10.9.0.2" in told.stdout  # the kernel has learned from us


@pytest.mark.root
@pytest.mark.slow
def test_a_frame_that_is_too_long_for_the_way_is_refused_by_name(apart: tuple[str, str]) -> None:
    """RFC 7348 4.3: it must not be sent in fragments."""
    _, ours = apart
    with side(TUNNEL.replace("NETNS", ours).replace("MTU", "1500")) as made:
        assert made.ping("10.0.0.9", size=1422).received == 3
        ping = made.ping("10.0.0.9", count=1, size=1423, timeout=10 * MILLISECOND)
        assert ping.received == 0
        assert made.outlet().refused == {"VXLAN: message too long": 1}


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_reads_what_is_on_the_cable_between_them(apart: tuple[str, str], tmp_path: Path) -> None:
    theirs, ours = apart
    heard: list[bytes] = []

    def listen() -> socket.socket:
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # ETH_P_ALL
        opened.bind(("va", 0))
        opened.setblocking(False)
        return opened

    with run_in_namespace(theirs, listen) as ears:
        with side(TUNNEL.replace("NETNS", ours).replace("MTU", "1450")) as made:
            assert made.ping("10.0.0.9", count=2).received == 2
            own = made.net.port("h").mac.hex(":")
        while True:
            try:
                heard.append(ears.recv(65_535))
            except BlockingIOError:
                break
    path = tmp_path / "cable.pcap"
    records = b"".join(struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame for frame in heard)
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1) + records)
    fields = ["vxlan.vni", "vxlan.flags", "ip.src", "udp.dstport", "eth.src", "icmp.type"]
    output = subprocess.run(
        [
            "tshark",
            "-r",
            path,
            "-Y",
            "vxlan && icmp",
            "-T",
            "fields",
            *(word for name in fields for word in ("-e", name)),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rows = [line.split("\t") for line in output.splitlines()]
    requests = [row for row in rows if row[-1] == "8"]
    assert len(requests) == 2
    for vni, flags, sources, port, macs, _ in requests:
        assert (vni, flags, sources, port) == ("42", "0x0800", "10.9.0.2,10.0.0.1", "4789")
        assert macs.split(",")[1] == own
    assert [row[2] for row in rows if row[-1] == "0"] == ["10.9.0.1,10.0.0.9"] * 2
