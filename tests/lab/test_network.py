from __future__ import annotations

from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import ARP, Ether

import sim
from sim.errors import TopologyError
from sim.lab.nodes import LabHost
from sim.links.rules import PASS, Drop, Verdict


def two_hosts(**link: object) -> tuple[sim.Network, object, object]:
    net = sim.Network(seed=1)
    a, b = net.host("a", ip="10.0.0.1/24"), net.host("b", ip="10.0.0.2/24")
    net.link(a, b, **link)  # type: ignore[arg-type]
    return net, a, b


def test_the_contract_s_example() -> None:
    net = sim.Network(seed=1)
    pc = net.host("pc1", ip="10.0.0.1/24", gateway="10.0.0.254")
    other = net.host("pc2", ip="10.0.0.2/24")
    switch = net.switch("sw1")
    net.link(pc, switch, bandwidth="100Mbps", delay="1ms", loss=0.01)
    net.link(other, switch)
    probe = net.probe("p1")
    net.link(probe, switch)
    seen: list[tuple[int, str, bytes]] = []
    pc.attach(lambda time, port, frame: seen.append((time, port.name, frame)))
    assert pc.ping("10.0.0.2", count=3).received == 3
    assert net.now >= 2_000_000_000
    assert [frame[12:14] for _, frame in probe.frames] == [b"\x08\x06"]  # the broadcast, and nothing else
    assert len(seen) == 8
    assert net.trace.journeys()[0].path() == ["pc1", "sw1", "pc2"]
    assert len(net.trace.digest()) == 64


def test_rtt_is_what_the_links_say() -> None:
    _, a, _ = two_hosts(bandwidth="1Mbps", delay="10ms")
    ping = a.ping("b", count=2)  # type: ignore[attr-defined]
    size = 14 + 20 + 8 + 56
    assert ping.replies[1].rtt == 2 * (10_000_000 + size * 8_000)
    assert ping.replies[1].ttl == 64


def test_a_probe_speaks_scapy_and_bytes() -> None:
    net = sim.Network()
    host, probe = net.host("h", ip="10.0.0.1/24", mac="02:00:00:00:00:aa"), net.probe("p")
    net.link(host, probe)
    request = Ether(src="02:00:00:00:00:99", dst="ff:ff:ff:ff:ff:ff") / ARP(
        op=1, hwsrc="02:00:00:00:00:99", psrc="10.0.0.9", pdst="10.0.0.1"
    )
    probe.inject(request, at="5ms")
    ping = Ether(src="02:00:00:00:00:99", dst="02:00:00:00:00:aa") / IP(src="10.0.0.9", dst="10.0.0.1") / ICMP()
    probe.inject(bytes(ping), at="6ms")
    net.run(until="1s")
    assert [time for time, _ in probe.frames] == [5_000_000, 6_000_000]
    answer, reply = (sim.inspect(frame) for _, frame in probe.frames)
    assert (answer[ARP].op, answer[ARP].hwsrc) == (2, "02:00:00:00:00:aa")
    assert (reply[ICMP].type, reply[IP].dst) == (0, "10.0.0.9")


def test_a_function_is_a_rule_on_a_link() -> None:
    def no_arp(frame: bytes, time: int) -> Verdict:
        return Drop("no ARP today") if frame[12:14] == b"\x08\x06" else PASS

    net, a, _ = two_hosts(rules=[no_arp])
    ping = a.ping("b", timeout="10s")  # type: ignore[attr-defined]
    assert ping.received == 0
    assert ping.errors[0].text == "host unreachable"
    assert a.drops() == {"no ARP today": 3, "host unreachable": 1}  # type: ignore[attr-defined]
    assert net.now == 3_000_000_000


def test_a_device_of_ones_own() -> None:
    class Mirror(sim.Device):
        """Sends each frame back where it came from."""

        def receive(self, port, frame):  # type: ignore[no-untyped-def]
            port.send(frame)

    net = sim.Network()
    mirror = net.device(lambda *args: Mirror(args[0], args[1], "mirror", args[2], args[3]), "m")
    probe = net.probe("p")
    net.link(probe, mirror, delay="1ms")
    probe.inject(b"x" * 60)
    net.run()
    assert probe.frames == [(2_000_000, b"x" * 60)]


def test_ports_are_named_and_found() -> None:
    net = sim.Network()
    switch = net.switch("sw")
    for name in "abc":
        net.link(net.probe(name), switch)
    net.link(net.probe("d"), "sw:uplink")
    assert [port.name for port in switch.ports] == ["eth1", "eth2", "eth3", "uplink"]
    assert net.port("sw:uplink") is switch.ports[3]
    assert net.port("a").name == "eth0"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda net: net.host("a"), "two nodes called a"),
        (lambda net: net.host("x y"), "no name for a node"),
        (lambda net: net.host("x", ip="10.0.0.300/24"), "x:eth0: .*300"),
        (lambda net: net.host("x", ip="10.0.0.3/24", gateway="10.9.9.9"), "x: the next hop 10.9.9.9 .* none of its"),
        (lambda net: net.link("a", "b"), "has no free port"),
        (lambda net: net.link("nobody", "sw1"), "no node called 'nobody'"),
        (lambda net: net.link("sw1", "sw2", delay="10 parsecs"), "not a duration"),
        (lambda net: net.link("sw1", "sw2", loss=2), "not a probability"),
        (lambda net: net.link_between("a", "sw1"), "no link between a and sw1"),
        (lambda net: net.resolve("sw1"), "sw1 has no IP address"),
        (lambda net: net.resolve("bb"), "no node or address called 'bb'"),
        (lambda net: net.port("sw1"), "sw1 has 0 ports"),
    ],
)
def test_errors_name_what_is_wrong(build, message: str) -> None:  # type: ignore[no-untyped-def]
    net = sim.Network()
    net.link(net.host("a", ip="10.0.0.1/24"), net.host("b", ip="10.0.0.2/24"))
    net.switch("sw1")
    net.switch("sw2")
    with pytest.raises(sim.TopologyError, match=message):
        build(net)


def test_power_takes_the_carrier_and_the_memory() -> None:
    net = sim.Network()
    a, b, switch = net.host("a", ip="10.0.0.1/24"), net.host("b", ip="10.0.0.2/24"), net.switch("sw")
    net.link(a, switch)
    net.link(b, switch)
    assert a.ping("b").received == 1
    net.set_power("sw", False)
    assert not a.ports[0].up
    assert a.ping("b").errors[0].text == "network is unreachable"
    net.set_power("sw", True)
    assert switch.mac_table() == {}
    assert a.ping("b").received == 1


def test_a_link_s_mtu_is_the_interfaces_mtu_unless_they_have_their_own() -> None:
    net = sim.Network()
    a = net.host("a", ip="10.0.0.1/24")
    b = net.host("b", ip="10.0.0.2/24", mtu=1400)
    net.link(a, b, mtu=1000)
    assert (a.interface("eth0").mtu, b.interface("eth0").mtu) == (1000, 1400)


def test_recording_off_keeps_nothing_and_changes_nothing() -> None:
    def run(record: bool) -> tuple[int, int, int]:
        net = sim.Network(seed=3, record=record)
        a, b = net.host("a", ip="10.0.0.1/24"), net.host("b", ip="10.0.0.2/24")
        net.link(a, b, loss="20%", jitter="1ms", delay="5ms")
        ping = a.ping("b", count=50, interval="10ms")
        return ping.received, net.now, len(net.recorder.ids)

    assert run(True)[:2] == run(False)[:2]
    assert run(False)[2] == 0


def test_congestion_control_and_ecn_of_a_host(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(
        "nodes:\n  a: {kind: host, ip: 10.0.0.1/24, congestion: bbr, ecn: ask}\n"
        "  b: {kind: host, ip: 10.0.0.2/24, congestion: bbrr}\nlinks: [[a, b]]\n"
    )
    with pytest.raises(TopologyError, match="'bbrr'") as caught:
        sim.load(path)
    assert caught.value.line == 3
    path.write_text(path.read_text().replace("bbrr", "reno"))
    net = sim.load(path)
    a, b = net["a"], net["b"]
    assert isinstance(a, LabHost)
    assert isinstance(b, LabHost)
    assert (a.stack.tcp.congestion, a.stack.tcp.ecn) == ("bbr", 1)
    assert (b.stack.tcp.congestion, b.stack.tcp.ecn) == ("reno", 2)
