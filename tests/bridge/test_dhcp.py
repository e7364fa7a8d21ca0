"""Real DHCP clients and a real server, over TAP: they take our leases, and our client takes theirs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.bridge.realtime import Pacer
from sim.bridge.segments import attach_tap
from sim.bridge.tap import Tap
from sim.lab.dhcp import clients_of
from sim.lab.network import Network
from sim.lab.nodes import LabHost
from sim.links.rules import PASS, Drop
from sim.services.dhcp.server import Server
from sim.services.dhcp.server_daemon import ServerDaemon
from sim.units import MILLISECOND, SECOND
from sim.wire.decode import decode
from sim.wire.dhcpv4 import Message
from tests.bridge.conftest import DEADLINE, Process, ip
from tests.services.dhcp.subnets import subnet

pytestmark = [pytest.mark.root, pytest.mark.slow]


class Segment:
    """The namespace's tap0, without an address, on a switch with a simulated host `h1`."""

    def __init__(self, netns: str, tap: Tap, address: str, speed: float = 1) -> None:
        net = self.net = Network(seed=1)
        self.netns = netns
        self.kernel = attach_tap(net, "kernel", tap)
        self.h1: LabHost = net.host("h1", address)
        self.r1 = net.router("r1", {"lan": "10.0.1.254/24", "far": "10.0.2.1/24"})
        self.far = net.host("far", "10.0.2.10/24", gateway="10.0.2.1")
        switch = net.switch("sw1")
        for end in (self.kernel.node, self.h1, "r1:lan"):
            net.link(end, switch, bandwidth="1Gbps", delay="10us")
        net.link("r1:far", self.far)
        self.pacer = Pacer(net.engine, speed)

    def serve(self, lease: int) -> ServerDaemon:
        """Let h1 be a DHCP server."""
        daemon = ServerDaemon(self.h1, Server([subnet("10.0.1.0/24", "10.0.1.100-10.0.1.109", lease=lease)]))
        self.h1.add_daemon(daemon)
        return daemon

    def start(self, *command: str) -> Process:
        if shutil.which(command[0]) is None:
            pytest.skip(f"{command[0]} is not installed")
        return Process(["ip", "netns", "exec", self.netns, *command], self.pacer)

    def run(self, *command: str, deadline: int = DEADLINE) -> str:
        process = self.start(*command)
        try:
            until = self.net.now + int(deadline * self.pacer.speed)
            self.pacer.run(until, [self.kernel, process])
            assert self.net.now < until, process.output()
            return process.output()
        finally:
            process.close()

    def until(self, condition: object, deadline: int = DEADLINE) -> None:
        end = self.net.now + int(deadline * self.pacer.speed)
        assert callable(condition)
        while not condition():
            assert self.net.now < end, "it did not come true in time"
            self.pacer.run(self.net.now + MILLISECOND * 5, [self.kernel])

    def addresses(self) -> str:
        return ip(f"-n {self.netns} -4 address show dev tap0")


@pytest.fixture
def tap(netns: str) -> Iterator[Tap]:
    device = Tap.open("tap0", netns)
    ip(f"-n {netns} link set tap0 up")
    try:
        yield device
    finally:
        device.close()


SCRIPT = """#!/bin/sh
# What udhcpc calls: it configures the interface, in busybox's words.
case "$1" in
deconfig) ip -4 address flush dev $interface ;;
bound|renew)
    ip -4 address replace $ip/$mask dev $interface
    for one in $router; do ip route replace default via $one dev $interface; done ;;
esac
echo "$1 ip=$ip mask=$mask router=$router dns=$dns domain=$domain lease=$lease serverid=$serverid ntpsrv=$ntpsrv"
"""


@pytest.fixture
def script(tmp_path: Path) -> str:
    path = tmp_path / "configure"
    path.write_text(SCRIPT)
    path.chmod(0o755)
    return str(path)


def test_udhcpc_gets_a_lease_of_ours(netns: str, tap: Tap, script: str) -> None:
    """Options as they are meant, an address that works, across a router."""
    segment = Segment(netns, tap, "10.0.1.1/24")
    server = segment.serve(lease=600)
    output = segment.run("udhcpc", "-i", "tap0", "-n", "-q", "-f", "-s", script, "-O", "ntpsrv")
    assert (
        "bound ip=10.0.1.100 mask=24 router=10.0.1.254 dns=10.0.1.53 10.0.1.54 domain=corp.test lease=600 "
        "serverid=10.0.1.1 ntpsrv=10.0.1.123" in output
    )
    (lease,) = server.leases()
    assert lease.mac == tap.mac
    assert "inet 10.0.1.100/24" in segment.addresses()
    assert "1 received" in segment.run("ping", "-c", "1", "10.0.2.10")


def test_udhcpc_asks_for_broadcast_answers_and_gets_them(netns: str, tap: Tap, script: str) -> None:
    segment = Segment(netns, tap, "10.0.1.1/24")
    segment.serve(lease=600)
    frames: list[bytes] = []
    segment.h1.attach(lambda time, port, frame: frames.append(frame))
    segment.run("udhcpc", "-i", "tap0", "-n", "-q", "-f", "-B", "-s", script)
    offers = [frame for frame in frames if frame[12:14] == b"\x08\x00" and frame[23] == 17 and frame[42:43] == b"\2"]
    assert len(offers) == 2
    assert {frame[:6] for frame in offers} == {b"\xff" * 6}


def test_udhcpc_renews_and_releases(netns: str, tap: Tap, script: str) -> None:
    """SIGUSR1 renews, SIGUSR2 gives the lease back."""
    segment = Segment(netns, tap, "10.0.1.1/24")
    server = segment.serve(lease=600)
    process = segment.start("udhcpc", "-i", "tap0", "-f", "-R", "-s", script)
    try:
        segment.until(server.leases)
        segment.until(lambda: "inet 10.0.1.100/24" in segment.addresses())
        first = server.leases()[0].expires_at
        process.popen.send_signal(signal.SIGUSR1)
        segment.until(lambda: server.leases()[0].expires_at > first)
        assert server.leases()[0].address & 0xFF == 100
        process.popen.send_signal(signal.SIGUSR2)
        segment.until(lambda: not server.leases())
    finally:
        process.close()


def test_udhcpc_declines_an_address_that_somebody_has(netns: str, tap: Tap, script: str) -> None:
    """The first one of the pool is that of a host which cannot answer the server's ping: there it is asked by ARP."""
    segment = Segment(netns, tap, "10.0.1.1/24")
    server = segment.serve(lease=600)
    squatter = segment.net.host("squatter", "10.0.1.100/24")
    link = segment.net.link(squatter, "sw1")
    link.add_rule(lambda frame, time: Drop("no pings") if frame[12:14] == b"\x08\x00" else PASS)
    output = segment.run(
        "udhcpc", "-i", "tap0", "-n", "-q", "-f", "-a200", "-A", "1", "-s", script, deadline=40 * SECOND
    )
    assert "bound ip=10.0.1.101" in output
    assert [binding.state for binding in server.server.pools[0].by_address.values()] == ["abandoned", "leased"]


def kind_of(frame: bytes) -> int:
    """The DHCP message type of a frame, 0 of others."""
    layers = [layer for layer in decode(frame) if isinstance(layer, Message)]
    return layers[0].kind if layers else 0


def dhclient(tmp_path: Path) -> list[str]:
    """A dhclient that keeps to itself: files of its own, and a script that configures little."""
    path = tmp_path / "script"
    path.write_text(
        "#!/bin/sh\n"
        'case "$reason" in\n'
        "BOUND|RENEW|REBIND|REBOOT) ip -4 address replace $new_ip_address/24 dev $interface ;;\n"
        "PREINIT) ip link set $interface up ;;\n"
        "EXPIRE|FAIL|RELEASE|STOP) ip -4 address flush dev $interface ;;\n"
        "esac\n"
    )
    path.chmod(0o755)
    (tmp_path / "dhclient.conf").write_text("timeout 20; retry 1;\n")
    return [
        *("dhclient", "-4", "-v", "-sf", str(path), "-cf", str(tmp_path / "dhclient.conf")),
        *("-lf", str(tmp_path / "leases"), "-pf", str(tmp_path / "pid")),
    ]


def test_dhclient_gets_renews_and_releases_a_lease_of_ours(netns: str, tap: Tap, tmp_path: Path) -> None:
    segment = Segment(netns, tap, "10.0.1.1/24")
    server = segment.serve(lease=6)
    command = dhclient(tmp_path)
    process = segment.start(*command, "-d", "tap0")
    try:
        segment.until(server.leases)
        segment.until(lambda: "inet 10.0.1.100/24" in segment.addresses())
        first = server.leases()[0].expires_at
        segment.until(lambda: server.leases()[0].expires_at > first)
    finally:
        process.close()
    segment.run(*command, "-r", "tap0")
    segment.pacer.run(segment.net.now + 100 * MILLISECOND, [segment.kernel])
    assert server.leases() == []
    written = (tmp_path / "leases").read_text()
    for line in ("fixed-address 10.0.1.100;", "option subnet-mask 255.255.255.0;", "option routers 10.0.1.254;"):
        assert line in written
    assert "option domain-name-servers 10.0.1.53,10.0.1.54;" in written
    assert 'option domain-name "corp.test";' in written


def test_a_second_dhclient_is_refused_another_network(netns: str, tap: Tap, tmp_path: Path) -> None:
    """INIT-REBOOT with a lease of elsewhere: we say NAK, and it begins anew."""
    (tmp_path / "leases").write_text(
        'lease { interface "tap0"; fixed-address 192.0.2.7; option subnet-mask 255.255.255.0; '
        "option dhcp-lease-time 86400; option dhcp-message-type 5; option dhcp-server-identifier 192.0.2.1; "
        "renew 4 2099/01/01 00:00:00; rebind 4 2099/01/01 00:00:00; expire 4 2099/01/01 00:00:00; }\n"
    )
    segment = Segment(netns, tap, "10.0.1.1/24")
    server = segment.serve(lease=600)
    kinds: list[int] = []
    segment.h1.attach(lambda time, port, frame: kinds.append(kind_of(frame)))
    process = segment.start(*dhclient(tmp_path), "-d", "tap0")
    try:
        segment.until(server.leases, 20 * SECOND)
    finally:
        process.close()
    assert [kind for kind in kinds if kind] == [3, 6, 1, 2, 3, 5]
    assert server.leases()[0].address & 0xFF == 100


def dnsmasq(segment: Segment, tmp_path: Path, addresses: str = "10.0.1.50,10.0.1.59") -> Process:
    return segment.start(
        *("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--interface=tap0", "--bind-interfaces"),
        *(f"--dhcp-range={addresses},255.255.255.0,2m", "--dhcp-authoritative", "--log-dhcp"),
        *("--dhcp-option=option:router,10.0.1.254", "--dhcp-option=option:dns-server,10.0.1.53,10.0.1.54"),
        *("--domain=corp.test", f"--dhcp-leasefile={tmp_path / 'leases'}", "--user=root", "--no-ping"),
        f"--pid-file={tmp_path / 'pid'}",
    )


def test_our_client_gets_a_lease_of_dnsmasq_renews_and_releases_it(netns: str, tap: Tap, tmp_path: Path) -> None:
    segment = Segment(netns, tap, "dhcp", speed=4)
    ip(f"-n {netns} address add 10.0.1.1/24 dev tap0")
    process = dnsmasq(segment, tmp_path)
    (client,) = clients_of(segment.h1)
    try:
        segment.until(lambda: client.bound, 20 * SECOND)
        lease = client.lease
        assert lease is not None
        assert 50 <= lease.address[3] <= 59
        assert (lease.length, lease.server, lease.routers) == (24, b"\x0a\0\1\1", (b"\x0a\0\1\xfe",))
        assert lease.expires_at - lease.obtained == 120 * SECOND
        assert segment.h1.resolver.servers == ["10.0.1.53", "10.0.1.54"]
        assert segment.h1.resolver.search == ["corp.test"]
        client.renew()
        segment.until(lambda: client.lease is not None and client.lease.obtained > lease.obtained)
        assert "h1" in (tmp_path / "leases").read_text()  # it heard our name
        client.release()
        segment.until(lambda: "h1" not in (tmp_path / "leases").read_text())
    finally:
        process.close()
    assert segment.h1.stack.interfaces[0].addresses == []


def test_our_client_is_refused_by_dnsmasq_and_begins_anew(netns: str, tap: Tap, tmp_path: Path) -> None:
    segment = Segment(netns, tap, "dhcp", speed=4)
    ip(f"-n {netns} address add 10.0.1.1/24 dev tap0")
    process = dnsmasq(segment, tmp_path)
    (client,) = clients_of(segment.h1)
    kinds: list[int] = []
    segment.h1.attach(lambda time, port, frame: kinds.append(kind_of(frame)))
    try:
        segment.until(lambda: client.bound, 20 * SECOND)
        process.close()
        os.remove(tmp_path / "leases")
        process = dnsmasq(segment, tmp_path, "10.0.1.70,10.0.1.79")
        segment.pacer.run(segment.net.now + 500 * MILLISECOND, [segment.kernel])
        link = segment.net.link_between("h1", "sw1")
        segment.net.set_link(link, False)
        segment.pacer.run(segment.net.now + 100 * MILLISECOND, [segment.kernel])
        segment.net.set_link(link, True)
        segment.until(lambda: client.lease is not None and client.lease.address[3] >= 70, 20 * SECOND)
    finally:
        process.close()
    assert [kind for kind in kinds if kind][-6:] == [3, 6, 1, 2, 3, 5]  # REQUEST, NAK, then all from the beginning


def test_tshark_reads_what_they_said(netns: str, tap: Tap, script: str, tmp_path: Path) -> None:
    """Both sides' messages in one capture: tshark names each, and finds nothing malformed."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    segment = Segment(netns, tap, "10.0.1.1/24")
    segment.serve(lease=600)
    segment.run("udhcpc", "-i", "tap0", "-n", "-q", "-f", "-R", "-s", script)
    path = tmp_path / "x.pcapng"
    segment.net.trace.write_pcapng(path)
    command = ["tshark", "-r", str(path), "-T", "fields", "-e", "dhcp.option.dhcp", "-Y"]
    kinds = subprocess.run([*command, "dhcp"], capture_output=True, text=True, check=True).stdout.split()
    assert {"1", "2", "3", "5"} <= set(kinds)
    assert subprocess.run([*command, "_ws.malformed"], capture_output=True, text=True, check=True).stdout == ""
