"""Gateways and the Linux kernel: real tools through our NAT from either side, and Linux's own NAT doing the same as
ours between the same simulated hosts."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sim.bridge.realtime import Pacer
from sim.bridge.segments import attach_tap
from sim.bridge.tap import Tap
from sim.lab.network import Network
from sim.lab.nodes import LabHost
from sim.services.http_server.server import serve
from sim.units import MILLISECOND, SECOND
from sim.wire import icmpv4, ipv4, udp
from sim.wire.addresses import format_ip

if TYPE_CHECKING:
    from tests.bridge.conftest import Lab

pytestmark = pytest.mark.root

PROGRAMS = Path(__file__).parents[2] / "topologies" / "programs"
FAST = {"bandwidth": "1Gbps", "delay": "10us"}


def host(net: Network, name: str) -> LabHost:
    found = net[name]
    assert isinstance(found, LabHost)
    return found


# -- the kernel inside, and outside


def build(lab: Lab, kernel: str, **nat: Any) -> None:
    """pc, nas - sw - gw - isp - web, with the kernel (10.0.1.1/24, gateway 10.0.1.254) in place of pc or web."""
    net = lab.net = Network()
    lab.kernel = attach_tap(net, "kernel", lab.tap)
    lab.pacer = Pacer(net.engine)
    inside = kernel == "inside"
    own, far = ("10.0.1.254/24", "192.0.2.1/24") if inside else ("192.168.1.1/24", "10.0.1.254/24")
    net.gateway("gw", {"inside": own, "outside": "203.0.113.2/24"}, routes={"0.0.0.0/0": "203.0.113.1"}, **nat)
    net.router("isp", {"home": "203.0.113.1/24", "net": far})
    net.switch("sw")
    if inside:
        net.host("web", "192.0.2.80/24", gateway="192.0.2.1")
    else:
        net.host("nas", "192.168.1.80/24", gateway="192.168.1.1")
    for ends in (("gw:inside", "sw"), ("gw:outside", "isp:home")):
        net.link(*ends, **FAST)  # type: ignore[arg-type]
    net.link(lab.kernel.node if inside else host(net, "nas"), "sw", **FAST)  # type: ignore[arg-type]
    net.link("isp:net", host(net, "web") if inside else lab.kernel.node, **FAST)  # type: ignore[arg-type]
    if not inside:
        lab.configure("route add 203.0.113.0/24 via 10.0.1.254")


def test_ping_through_the_nat(lab: Lab) -> None:
    build(lab, "inside")
    output = lab.run("ping -c 3 -i 0.01 192.0.2.80")
    assert "3 packets transmitted, 3 received" in output
    assert "icmp_seq=1 ttl=62" in output
    output = lab.run("ping -c 2 -i 0.01 -s 4000 192.0.2.80")
    assert "2 received" in output
    assert "wrong data" not in output


@pytest.mark.parametrize("method", ["", "-I", "-T -p 80"])
def test_traceroute_through_the_nat_shows_the_hops(lab: Lab, method: str) -> None:
    build(lab, "inside")
    output = lab.run(f"traceroute -n -w 1 {method} 192.0.2.80")
    hops = re.findall(r"^ *(\d+) +([\d.]+) +[\d.]+ ms +[\d.]+ ms +[\d.]+ ms$", output, re.MULTILINE)
    assert hops == [("1", "10.0.1.254"), ("2", "203.0.113.1"), ("3", "192.0.2.80")]


def test_the_path_mtu_is_learned_through_the_nat(lab: Lab) -> None:
    build(lab, "inside")
    lab.net["isp"].interface("net").mtu = 600  # type: ignore[union-attr]
    output = lab.run("ping -c 2 -i 0.01 -M do -s 1400 192.0.2.80")
    assert "From 203.0.113.1 icmp_seq=1 Frag needed and DF set (mtu = 600)" in output
    assert "580 bytes from 192.0.2.80: icmp_seq=1" in lab.run("ping -c 1 -M do -s 572 192.0.2.80")


def test_curl_through_the_nat(lab: Lab) -> None:
    build(lab, "inside")
    web = host(lab.net, "web").spawn(PROGRAMS / "web_server.py", "0.0.0.0", "80")
    assert "<title>A page</title>" in lab.run("curl -sSf http://192.0.2.80/")
    assert web.stdout.startswith('203.0.113.2 "GET / HTTP/1.1" 200') or "203.0.113.2" in web.stdout


@pytest.mark.slow
def test_curl_over_https_through_two_nats(lab: Lab, tmp_path: Path) -> None:
    """The kernel at home, a provider that translates once more, and a page of two megabytes."""
    net = lab.net = Network()
    lab.kernel = attach_tap(net, "kernel", lab.tap)
    lab.pacer = Pacer(net.engine)
    net.gateway("home", {"inside": "10.0.1.254/24", "outside": "100.64.0.2/24"}, routes={"0.0.0.0/0": "100.64.0.1"})
    net.gateway("carrier", {"customers": "100.64.0.1/24", "outside": "203.0.113.2/24"}, behaviour="symmetric")
    web = net.host("web", "203.0.113.80/24")
    for ends in ((lab.kernel.node, "home:inside"), ("home:outside", "carrier:customers"), ("carrier:outside", web)):
        net.link(*ends, **FAST)  # type: ignore[arg-type]
    (tmp_path / "ca.pem").write_text(net.authority.pem())
    certificate = net.authority.file(("203.0.113.80",))
    service = web.serve(partial(serve, 443, bytes=2_000_000, certificate=certificate), name="https")
    told = lab.run(
        f"curl -sS --cacert {tmp_path}/ca.pem -o /dev/null -w %{{http_code}}:%{{size_download}} https://203.0.113.80/",
        60 * SECOND,
    )
    assert told == "200:2000000"
    assert service.stdout == "203.0.113.2 GET / 200 2000000\n"
    assert all(net[name].counters()["translated"] > 100 for name in ("home", "carrier"))


def test_curl_reaches_a_forwarded_port_from_outside(lab: Lab) -> None:
    build(lab, "outside", forward=[{"protocol": "tcp", "port": 8080, "to": "192.168.1.80:80"}])
    web = host(lab.net, "nas").spawn(PROGRAMS / "web_server.py", "0.0.0.0", "80")
    assert "<title>A page</title>" in lab.run("curl -sSf http://203.0.113.2:8080/")
    assert "10.0.1.1" in web.stdout


@pytest.mark.slow
def test_nc_reaches_a_forwarded_udp_port_from_outside(lab: Lab) -> None:
    if shutil.which("nc") is None:
        pytest.skip("nc is not installed")
    build(lab, "outside", forward=[{"protocol": "udp", "port": 5300, "to": "192.168.1.80:53"}])
    process = host(lab.net, "nas").spawn(PROGRAMS / "udp_receive.py", "", "53", "1")
    lab.run("sh -c echo|nc${IFS}-u${IFS}-w${IFS}1${IFS}203.0.113.2${IFS}5300")
    assert process.exit_code == 0, process.stderr


def test_a_closed_forwarded_port_is_refused_in_the_name_of_the_gateway(lab: Lab) -> None:
    build(lab, "outside", forward=[{"protocol": "tcp", "port": 8080, "to": "192.168.1.80:80"}])
    output = lab.run("curl -sS --max-time 5 http://203.0.113.2:8080/")
    assert "203.0.113.2" in output
    assert "onnect" in output


@pytest.mark.parametrize(("rule", "hop"), [("deny", r"\*"), ("reject", r"203\.0\.113\.2 .* !X")])
def test_traceroute_shows_a_firewall(lab: Lab, rule: str, hop: str) -> None:
    """From outside to a static address whose host is not to be reached by UDP."""
    firewall = {"rules": [{rule: {"protocol": "udp", "out": "inside"}}]}
    build(lab, "outside", static={"203.0.113.9": "192.168.1.80"}, firewall=firewall)
    output = lab.run("traceroute -n -w 0.2 -q 1 -m 3 203.0.113.9")
    assert re.search(r"^ 2 +203\.0\.113\.2 ", output, re.MULTILINE), output
    assert re.search(rf"^ 3 +{hop}$", output, re.MULTILINE), output


# -- Linux's NAT, and ours


RULES = """
table ip nat {
  chain post { type nat hook postrouting priority 100; oifname "tap1" masquerade; }
  chain pre { type nat hook prerouting priority -100; iifname "tap1" tcp dport 8080 dnat to 192.168.1.80:80; }
}
"""


class Twin:
    """pc, nas - sw - [gateway] - net - server, where the gateway is ours or Linux's, and time is real."""

    def __init__(self, net: Network, doors: list[Any]) -> None:
        self.net = net
        self.doors = doors
        self.pacer = Pacer(net.engine)
        self.seen: list[str] = []
        for name, address in (("pc", "192.168.1.10/24"), ("nas", "192.168.1.80/24")):
            net.link(net.host(name, address, gateway="192.168.1.1"), "sw", **FAST)  # type: ignore[arg-type]
        server = net.host("server", ["203.0.113.80/24", "203.0.113.81/24"])
        net.link(server, "net", **FAST)  # type: ignore[arg-type]
        server.attach(lambda time, port, frame: self.see(frame))

    def see(self, frame: bytes) -> None:
        """What passes the server: ends, protocol, flags, fragments. Identifications and TTLs are each one's own."""
        if frame[12:14] != b"\x08\x00":
            return
        packet = ipv4.parse(frame[14:])
        line = f"{format_ip(packet.source)} > {format_ip(packet.destination)} {packet.protocol}"
        line += f" {len(packet.payload)} at {packet.fragment_offset}"
        if packet.protocol == 17 and not packet.is_fragment():
            datagram = udp.parse(packet.payload, packet.source, packet.destination)
            line += f" {datagram.source_port} > {datagram.destination_port}"
        elif packet.protocol == 1 and not packet.is_fragment():
            message = icmpv4.parse(packet.payload)
            line += f" {message.summary()}"
        self.seen.append(line)

    def run(self, name: str, program: Any, *arguments: str, until: int = 10 * SECOND) -> str:
        """What a program prints, which has to end by itself."""
        process = host(self.net, name).spawn(program, *arguments)
        deadline = self.net.now + until
        while not process.done:
            assert self.net.now < deadline, process.stderr
            self.pacer.run(self.net.now + 20 * MILLISECOND, self.doors)
        assert process.exit_code == 0, process.stderr
        return process.stdout


def empty() -> Network:
    net = Network()
    net.switch("sw")
    net.switch("net")
    return net


@pytest.fixture
def ours() -> Twin:
    net = empty()
    interfaces = {"inside": "192.168.1.1/24", "outside": "203.0.113.2/24"}
    net.gateway("gw", interfaces, forward=[{"protocol": "tcp", "port": 8080, "to": "192.168.1.80:80"}])
    net.link("gw:inside", "sw", **FAST)  # type: ignore[arg-type]
    net.link("gw:outside", "net", **FAST)  # type: ignore[arg-type]
    return Twin(net, [])


@pytest.fixture
def linux(netns: str) -> Iterator[Twin]:
    if shutil.which("nft") is None:
        pytest.skip("nft is not installed")
    enter = ["ip", "netns", "exec", netns]
    taps = [Tap.open("tap0", netns), Tap.open("tap1", netns)]
    try:
        for command in (
            "ip address add 192.168.1.1/24 dev tap0",
            "ip address add 203.0.113.2/24 dev tap1",
            "ip link set tap0 up",
            "ip link set tap1 up",
            "sysctl -qw net.ipv4.ip_forward=1",
        ):
            subprocess.run([*enter, *command.split()], check=True)
        loaded = subprocess.run([*enter, "nft", "-f", "-"], input=RULES, text=True, check=False, capture_output=True)
        if loaded.returncode:
            pytest.skip(f"this kernel has no NAT: {loaded.stderr.splitlines()[0]}")
        net = empty()
        doors = [attach_tap(net, f"tap{number}", tap) for number, tap in enumerate(taps)]
        net.link(doors[0].node, "sw", **FAST)  # type: ignore[arg-type]
        net.link(doors[1].node, "net", **FAST)  # type: ignore[arg-type]
        yield Twin(net, doors)
    finally:
        for tap in taps:
            tap.close()


def talk(twin: Twin) -> list[str]:
    """The same conversation through either gateway; what the server has seen of it."""

    def ask(port: int, size: int, to: int) -> str:
        import socket

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("0.0.0.0", port))
            sock.settimeout(2)
            sock.sendto(bytes(size), ("203.0.113.80", to))
            try:
                return str(len(sock.recv(65535)))
            except TimeoutError:
                return "nothing"

    def echo() -> None:
        import socket

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("203.0.113.80", 7))
            while True:
                data, sender = sock.recvfrom(65535)
                sock.sendto(data, sender)

    def refused() -> str:
        import socket

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("203.0.113.80", 9))
            sock.settimeout(2)
            sock.send(b"?")
            try:
                sock.recv(10)
            except ConnectionRefusedError:
                return "refused"
            return "nothing"

    def fetch(address: str, port: int) -> str:
        import socket

        with socket.create_connection((address, port), timeout=3) as sock:
            sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return sock.recv(100)[:15].decode()

    net = twin.net
    host(net, "server").spawn(echo)
    host(net, "nas").spawn(PROGRAMS / "web_server.py", "0.0.0.0", "80")
    answers = [
        twin.run("pc", lambda: print(ask(5000, 10, 7))),
        twin.run("nas", lambda: print(ask(5001, 4000, 7))),  # in fragments
        twin.run("pc", lambda: print(refused())),  # an ICMP error comes back
        twin.run("server", lambda: print(fetch("203.0.113.2", 8080))),  # a forwarded port
    ]
    assert answers == ["10\n", "4000\n", "refused\n", "HTTP/1.1 200 OK\n"]
    return [line for line in twin.seen if " 6 " not in line]


@pytest.mark.slow
def test_linux_and_ours_send_the_same_packets(ours: Twin, linux: Twin) -> None:
    """The server sees the same datagrams, fragments and errors from either, with the same ports."""
    assert talk(ours) == talk(linux)


@pytest.mark.slow
def test_the_probe_says_the_same_of_linux_and_of_ours(ours: Twin, linux: Twin) -> None:
    """Linux masquerades with port preservation, so it looks port-restricted, as long as no two want one port."""
    found = []
    for twin in (ours, linux):
        host(twin.net, "server").spawn(PROGRAMS / "stun_server.py", "203.0.113.80", "203.0.113.81")
        found.append(twin.run("pc", PROGRAMS / "nat_probe.py", "203.0.113.80", until=30 * SECOND).splitlines())
    assert found[0][:4] == found[1][:4]
    assert found[0][3] == "kind port-restricted"
