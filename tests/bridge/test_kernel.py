"""The Linux kernel as the oracle: real ping, arping, traceroute and sockets cross simulated switches and routers, and
what the kernel makes of it is what it would make of real ones."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sim.lab.expectations import total_drops
from sim.services.datagrams import Listener, Sender
from sim.services.traceroute import Traceroute
from sim.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from tests.bridge.conftest import Lab

pytestmark = pytest.mark.root


def udp_socket(lab: Lab) -> socket.socket:
    """A UDP socket of the kernel, inside the namespace."""
    return lab.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))


# -- ping


def test_ping_across_two_routers(lab: Lab) -> None:
    output = lab.run("ping -c 3 -i 0.01 10.0.2.10")
    assert "3 packets transmitted, 3 received, 0% packet loss" in output
    assert re.findall(r"64 bytes from 10\.0\.2\.10: icmp_seq=(\d) ttl=(\d+)", output) == [
        ("1", "62"),
        ("2", "62"),
        ("3", "62"),
    ]


def test_ping_on_the_same_subnet_crosses_no_router(lab: Lab) -> None:
    assert "icmp_seq=1 ttl=64" in lab.run("ping -c 1 10.0.1.10")


def test_ping_with_fragments_both_ways(lab: Lab) -> None:
    output = lab.run("ping -c 2 -i 0.01 -s 4000 10.0.2.10")
    assert output.count("4008 bytes from 10.0.2.10: icmp_seq=") == 2
    assert "2 received" in output
    assert "wrong data" not in output
    assert total_drops(lab.net) == {}


def test_the_largest_ping(lab: Lab) -> None:
    assert "65515 bytes from 10.0.2.10: icmp_seq=1" in lab.run("ping -c 1 -s 65507 10.0.2.10")


def test_routers_fragment_for_a_narrow_link(lab: Lab) -> None:
    lab.build(middle_mtu=600)
    output = lab.run("ping -c 2 -i 0.01 -M dont -s 1400 10.0.2.10")
    assert output.count("1408 bytes from 10.0.2.10: icmp_seq=") == 2
    assert lab.net.link_between("r1", "r2").channels[0].frames == 2 * 3 + 1  # and r1's ARP question


def test_with_dont_fragment_the_kernel_learns_the_path_mtu(lab: Lab) -> None:
    lab.build(middle_mtu=600)
    output = lab.run("ping -c 2 -i 0.01 -M do -s 1400 10.0.2.10")
    assert "From 10.0.1.254 icmp_seq=1 Frag needed and DF set (mtu = 600)" in output
    assert "message too long, mtu=600" in output  # the second one does not even leave
    assert "mtu 600" in lab.configure("route get 10.0.2.10")
    assert "580 bytes from 10.0.2.10: icmp_seq=1" in lab.run("ping -c 1 -M do -s 572 10.0.2.10")


@pytest.mark.parametrize(("ttl", "router"), [(1, "10.0.1.254"), (2, "10.0.12.2")])
def test_ttl_expires_at_each_router(lab: Lab, ttl: int, router: str) -> None:
    assert f"From {router} icmp_seq=1 Time to live exceeded" in lab.run(f"ping -c 1 -t {ttl} 10.0.2.10")


def test_no_route_is_net_unreachable(lab: Lab) -> None:
    assert "From 10.0.1.254 icmp_seq=1 Destination Net Unreachable" in lab.run("ping -c 1 203.0.113.9")


def test_an_absent_neighbour_is_host_unreachable(lab: Lab) -> None:
    """Three seconds of ARP, at twenty times the speed."""
    lab.build(speed=20)
    output = lab.run("ping -c 1 -W 5 10.0.2.99")
    assert "From 10.0.12.2 icmp_seq=1 Destination Host Unreachable" in output
    assert 3 * SECOND <= lab.net.now <= 8 * SECOND


def test_broadcast_is_not_answered(lab: Lab) -> None:
    assert "0 received" in lab.run("ping -c 1 -b -W 0.05 10.0.1.255")


# -- ARP


@pytest.mark.slow
def test_arping_sees_the_simulated_mac(lab: Lab) -> None:
    """A second goes by between the broadcast and the unicast request."""
    output = lab.run("arping -c 2 -I tap0 10.0.1.10")
    assert output.upper().count(f"REPLY FROM 10.0.1.10 [{lab.mac('h1').upper()}]") == 2
    assert "Received 2 response(s)" in output


def test_duplicate_address_detection(lab: Lab) -> None:
    """`arping -D` (RFC 5227: a probe from 0.0.0.0) finds that an address is in use; its exit status would be 1."""
    assert "Received 1 response(s)" in lab.run("arping -D -f -c 1 -w 1 -I tap0 10.0.1.10")


def test_the_kernel_has_the_neighbours(lab: Lab) -> None:
    lab.run("ping -c 1 10.0.1.10")
    lab.run("ping -c 1 10.0.2.10")
    table = lab.configure("neigh show")
    assert f"10.0.1.10 dev tap0 lladdr {lab.mac('h1')} REACHABLE" in table
    assert f"10.0.1.254 dev tap0 lladdr {lab.mac('r1:a')} REACHABLE" in table
    assert "10.0.2." not in table  # behind the router there are no neighbours


def test_the_kernel_probes_by_unicast(lab: Lab) -> None:
    lab.configure(f"neigh replace 10.0.1.10 lladdr {lab.mac('h1')} nud probe dev tap0")
    reachable = f"10.0.1.10 dev tap0 lladdr {lab.mac('h1')} REACHABLE"
    lab.until(lambda: reachable in lab.configure("neigh show"))


def test_a_simulated_host_probes_the_kernel(lab: Lab) -> None:
    """Reachable for 30 s, then used while stale for 5 s, then asked by unicast: the kernel confirms."""

    def state() -> str:
        mac, state = lab.host("h1").arp_table()["10.0.1.1"]
        assert mac == lab.mac("kernel")
        return state

    def hurry(duration: int) -> None:
        lab.pacer.speed = 1000.0
        lab.pass_time(duration)
        lab.pacer.speed = 1.0

    lab.ping_from("h1")
    assert state() == "reachable"
    hurry(31 * SECOND)
    lab.ping_from("h1")
    assert state() == "delay"
    hurry(5 * SECOND - 100 * MILLISECOND)
    assert state() == "delay"
    hurry(95 * MILLISECOND)
    lab.until(lambda: state() == "reachable")


def test_gratuitous_arp_moves_an_address(lab: Lab) -> None:
    """Another host takes over h1's address; its announcement is what tells the kernel."""
    net = lab.net
    spare = net.host("spare", "10.0.1.10/24")
    link = net.link(spare, "sw1")
    net.set_link(link, False)
    lab.run("ping -c 1 10.0.1.10")
    assert f"10.0.1.10 dev tap0 lladdr {lab.mac('h1')} " in lab.configure("neigh show")
    net.set_link(net.link_between("h1", "sw1"), False)
    net.set_link(link, True)
    lab.until(lambda: f"10.0.1.10 dev tap0 lladdr {lab.mac('spare')} STALE" in lab.configure("neigh show"))
    assert "icmp_seq=1 ttl=64" in lab.run("ping -c 1 10.0.1.10")


# -- traceroute


@pytest.mark.parametrize("method", ["", "-I"])
def test_traceroute_shows_each_router(lab: Lab, method: str) -> None:
    output = lab.run(f"traceroute -n -w 1 {method} 10.0.2.10")
    hops = re.findall(r"^ *(\d+) +([\d.]+) +[\d.]+ ms +[\d.]+ ms +[\d.]+ ms$", output, re.MULTILINE)
    assert hops == [("1", "10.0.1.254"), ("2", "10.0.12.2"), ("3", "10.0.2.10")]


def test_traceroute_shows_what_is_unreachable(lab: Lab) -> None:
    output = lab.run("traceroute -n -w 1 -q 1 203.0.113.9")
    assert re.search(r"^ *\d +10\.0\.1\.254 .*!N\s*\Z", output, re.MULTILINE), output


# -- UDP


def test_a_closed_port_refuses_the_connection(lab: Lab) -> None:
    with udp_socket(lab) as sender:
        sender.connect(("10.0.2.10", 9))
        sender.send(b"anybody?")
        lab.pace(lab.watch(sender))
        with pytest.raises(ConnectionRefusedError):
            sender.recv(100)


@pytest.mark.parametrize("size", [0, 1, 1472, 5000, 65507])
def test_datagrams_there_and_back(lab: Lab, size: int) -> None:
    Listener(lab.host("h2"), 7, reply=True)
    data = bytes(number * 7 & 0xFF for number in range(size))
    with udp_socket(lab) as sender:
        sender.connect(("10.0.2.10", 7))
        sender.send(data)
        lab.pace(lab.watch(sender))
        assert sender.recv(70_000) == data


# -- the kernel answers


def test_a_simulated_host_pings_the_kernel(lab: Lab) -> None:
    ping = lab.ping_from("h1")
    assert [(reply.source, reply.ttl) for reply in ping.replies] == [("10.0.1.1", 64)]
    assert lab.host("h1").arp_table()["10.0.1.1"] == (lab.mac("kernel"), "reachable")


@pytest.mark.parametrize("size", [56, 4000])
def test_a_host_behind_two_routers_pings_the_kernel(lab: Lab, size: int) -> None:
    ping = lab.ping_from("h2", size=size)
    assert [(reply.source, reply.ttl) for reply in ping.replies] == [("10.0.1.1", 62)]


def test_the_kernel_puts_fragments_of_routers_together(lab: Lab) -> None:
    lab.build(middle_mtu=600)
    assert lab.ping_from("h2", size=1400).received == 1


def test_the_kernel_refuses_a_closed_port(lab: Lab) -> None:
    sender = Sender(lab.host("h2"), lab.net.resolve("10.0.1.1"), 9, b"anybody?", lab.pacer.stop)
    sender.start()
    lab.pacer.run(doors=[lab.kernel])
    assert sender.errors == ["port unreachable"]


def test_a_simulated_traceroute_ends_at_the_kernel(lab: Lab) -> None:
    trace = Traceroute(lab.host("h2"), lab.net.resolve("10.0.1.1"), lab.pacer.stop)
    trace.start()
    lab.pacer.run(doors=[lab.kernel])
    assert trace.reached
    assert [hop.address for hop in trace.hops] == ["10.0.2.254", "10.0.12.1", "10.0.1.1"]


# -- captures


def tshark(path: Path, *arguments: str) -> str:
    """What tshark says of a capture, with every checksum checked."""
    options = [f"{layer}.check_checksum:TRUE" for layer in ("ip", "udp", "tcp")]
    command = ["tshark", "-r", str(path), *[part for option in options for part in ("-o", option)], *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def some_of_everything(lab: Lab) -> None:
    """Traffic of each kind that the other tests make."""
    lab.run("ping -c 1 -s 4000 10.0.2.10")
    lab.run("ping -c 1 -t 1 10.0.2.10")
    lab.run("ping -c 1 203.0.113.9")
    lab.run("traceroute -n -w 1 10.0.2.10")
    lab.ping_from("h2", size=4000)
    Listener(lab.host("h2"), 7, reply=True)
    with udp_socket(lab) as sender:
        for size in (1, 1001, 5000):
            sender.sendto(bytes(size), ("10.0.2.10", 7))
            lab.pace(lab.watch(sender))
            assert len(sender.recv(70_000)) == size


@pytest.mark.slow
def test_no_malformed_packet_and_no_bad_checksum_on_either_side(lab: Lab, tmp_path: Path) -> None:
    """What the kernel has on its interface is what the simulation has on its link, and tshark finds no fault."""
    if shutil.which("tcpdump") is None or shutil.which("tshark") is None:
        pytest.skip("tcpdump and tshark are not both installed")
    inside, outside = tmp_path / "kernel.pcap", tmp_path / "link.pcapng"
    capture = lab.start(f"tcpdump --immediate-mode -Z root -i tap0 -U -w {inside} ip or arp")
    try:
        assert capture.popen.stdout is not None
        lab.pace(lab.watch(capture.popen.stdout))  # "listening on tap0"
        some_of_everything(lab)
        capture.popen.send_signal(signal.SIGINT)
        lab.pace(capture)
    finally:
        capture.close()
    lab.net.trace.write_pcapng(outside)
    faults = "_ws.malformed || ip.checksum.status == Bad || udp.checksum.status == Bad || icmp.checksum.status == Bad"
    for path in (inside, outside):
        assert len(tshark(path).splitlines()) > 50
        assert tshark(path, "-Y", faults) == ""
