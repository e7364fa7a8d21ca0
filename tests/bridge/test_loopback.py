"""What the bridge needs of the loopback, and that it touches nothing else: each test has a namespace of its own."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from sim.bridge import loopback, proxied
from sim.bridge.loopback import BridgeError, addresses_of
from sim.bridge.session import Bridge
from sim.bridge.tap import run_in_namespace
from tests.bridge.conftest import ip
from tests.bridge.office import OFFICE, PAIR, connect, open_bridge, receive, run_inside, wait
from tests.bridge.test_outward import echo, real_server

PORT = 5000

pytestmark = [pytest.mark.root, pytest.mark.slow]


# -- absent


def ask(bridge: Bridge) -> tuple[str, int]:
    """Talk to the echo server of the pair; where it is reached."""
    where = bridge.endpoint("server", 7)
    with connect(where) as client:
        client.sendall(b"hello")
        assert receive(client, 5) == b"hello"
    return where


@pytest.mark.parametrize(
    ("before", "why"),
    [([], "network is unreachable"), (["link set lo up", "link set lo down"], "timed out")],
    ids=["never up", "down again"],
)
def test_the_loopback_is_down(
    netns: str, tmp_path: Path, before: list[str], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux lets sockets be bound there all the same: nobody would reach them, and nobody would know."""
    monkeypatch.setattr(loopback, "PATIENCE", 0.1)
    for command in before:
        ip(f"-n {netns} {command}")
    text = f"this machine's loopback is down, what is sent to 127.0.0.1 does not arrive: {why}; `ip link set lo up` "
    with pytest.raises(BridgeError, match=text):
        run_in_namespace(netns, lambda: open_bridge(tmp_path, PAIR))
    assert run_in_namespace(netns, proxied.why_not) == f"{text}brings it up"


def test_the_command_says_so(netns: str, tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(PAIR)
    command = ["ip", "netns", "exec", netns, sys.executable, "-m", "sim", "bridge", str(file), "--until", "1s"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: this machine's loopback is down")


def test_one_address_of_the_loopback_is_enough(netns: str, tmp_path: Path) -> None:
    """Where there is no other, ports tell the hosts apart."""
    for command in ("link set lo up", "address delete 127.0.0.1/8 dev lo", "address add 127.0.0.1/32 dev lo"):
        ip(f"-n {netns} {command}")
    two = PAIR.replace("ip: 10.0.0.1/24", "ip: 10.0.0.1/24, services: [echo]")

    def both() -> tuple[list[str], tuple[str, int], tuple[str, int]]:
        with open_bridge(tmp_path, two) as bridge:
            first = bridge.endpoint("pc", 7)
            return list(bridge.addresses.values()), first, ask(bridge)

    assert run_in_namespace(netns, both) == (["127.0.0.1"] * 2, ("127.0.0.1", 7), ("127.0.0.1", 10007))


def test_addresses_are_counted_up(netns: str) -> None:
    ip(f"-n {netns} link set lo up")
    many = run_in_namespace(netns, lambda: addresses_of(300))
    assert (many[0], many[255], many[299]) == ("127.64.0.1", "127.64.1.0", "127.64.1.44")


# -- and nothing else


def sockets() -> list[tuple[str, str]]:
    """The addresses of all sockets in the namespace of this thread: each its own, and its peer's."""
    found = []
    for table in ("tcp", "udp", "tcp6", "udp6"):
        for line in Path(f"/proc/thread-self/net/{table}").read_text().splitlines()[1:]:
            own, peer = (end.split(":")[0] for end in line.split()[1:3])
            found.append((_address(own), _address(peer)))
    return found


def _address(text: str) -> str:
    """As people write it, if it is one of IPv4."""
    return socket.inet_ntoa(struct.pack("=I", int(text, 16))) if len(text) == 8 else text


def use_all(folder: Path) -> list[tuple[str, str]]:
    """Go in and out by every way there is; the addresses of the sockets that are open meanwhile."""
    with (
        real_server(echo) as real,
        open_bridge(folder, OFFICE, outward={("web", PORT): real}, socks=0, proxy=0, dns=0) as bridge,
        connect(bridge.endpoint("web", 7)) as direct,
        connect(bridge.ports["socks"]) as socks,
        connect(bridge.ports["proxy"]) as proxy,
        connect(bridge.endpoint("web", PORT)) as through,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker,
    ):
        direct.sendall(b"hello")
        assert receive(direct, 5) == b"hello"
        socks.sendall(b"\5\1\0\5\1\0\3\x0dweb.corp.test\0\7")
        assert receive(socks, 12)[3] == 0
        proxy.sendall(b"CONNECT no.such.name:80 HTTP/1.1\r\nHost: no.such.name\r\n\r\n")
        assert receive(proxy, 12).startswith(b"HTTP/1.1 50")
        through.sendall(b"hello")
        assert receive(through, 5) == b"hello"
        asker.settimeout(10)
        asker.connect(bridge.ports["dns"])
        asker.send(b"\0\1\1\0\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\1\0\1")
        assert asker.recv(1000)[:2] == b"\0\1"
        return sockets()


def sent(netns: str) -> int:
    """Packets that have left by the interface `x0`."""
    (told,) = json.loads(ip(f"-n {netns} -s -j link show dev x0"))
    count: int = told["stats64"]["tx"]["packets"]
    return count


def test_nothing_but_loopback_is_touched(netns: str, tmp_path: Path) -> None:
    """Though there is an interface with a default route, and a name that only the real world knows."""
    for command in (
        "link set lo up",
        "link add x0 type veth peer name x1",
        "link set x0 addrgenmode none",  # so that nothing is said by itself
        "link set x1 addrgenmode none",
        "address add 192.0.2.1/24 dev x0",
        "link set x0 up",
        "link set x1 up",
        "route add default via 192.0.2.2",
    ):
        ip(f"-n {netns} {command}")
    own, peers = zip(*run_in_namespace(netns, lambda: use_all(tmp_path)), strict=True)
    assert {one.split(".")[0] for one in own} == {"127"}
    assert {one.split(".")[0] for one in peers if one != "0.0.0.0"} == {"127"}  # who listens has none
    assert sent(netns) == 0

    def go_out() -> None:
        outward = {("server", PORT): ("203.0.113.1", 80)}
        with open_bridge(tmp_path, PAIR, outward=outward, anywhere=True) as bridge:
            run_inside(bridge, "pc", lambda: socket.create_connection(("server", PORT)).close())
            wait(bridge, lambda: sent(netns) > 0)  # it is counted, when somebody says so

    run_in_namespace(netns, go_out)
