"""A bridged network: real clients of simulated servers, and what is left when it is over."""

from __future__ import annotations

import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sim
from sim.bridge.loopback import BridgeError
from sim.bridge.session import Bridge
from sim.errors import TopologyError
from tests.bridge.office import OFFICE, PAIR, PATIENCE, connect, host, open_bridge, receive, run_inside


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Bridge]:
    with open_bridge(tmp_path, enter_at="pc") as bridge:
        yield bridge


def get(url: str, **headers: str) -> bytes:
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=PATIENCE) as answer:
        body: bytes = answer.read()
        return body


def test_a_page_over_the_whole_way(office: Bridge) -> None:
    began = time.monotonic()
    assert get(office.url("web", 80)) == b"it works\n"
    assert time.monotonic() - began >= 0.04, "a round trip for the connection and one for the request, 10 ms each way"
    assert get(office.url("web", 80, "/"), Host="api.corp.test") == b"api"
    assert len(get(office.url("web", 80, "/large"))) == 2_000_000


def test_who_comes_from_outside_is_seen_as_the_entry(office: Bridge) -> None:
    get(office.url("web", 80))
    (process, *_) = host(office, "web").services
    assert "10.0.0.2 GET " in office.call(lambda: process.stdout)


def test_each_host_has_an_address_of_its_own(tmp_path: Path) -> None:
    bridge = open_bridge(tmp_path)
    bridge.close()
    if sys.platform == "linux":
        expected = {"pc": "127.64.0.1", "gw": "127.64.0.2", "web": "127.64.0.3", "ns": "127.64.0.4"}
    else:
        expected = dict.fromkeys(("pc", "gw", "web", "ns"), "127.0.0.1")
    assert bridge.addresses == expected


def test_a_round_trip_takes_what_the_way_takes(office: Bridge) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.connect(office.endpoint("web", 7, "udp"))
        client.send(b"who is where?")
        client.recv(100)
        began = time.monotonic()
        client.send(b"how far is it?")
        assert client.recv(100) == b"how far is it?"
        assert 0.02 <= time.monotonic() - began < 0.5


def test_it_is_over_when_it_is_over(tmp_path: Path) -> None:
    before = threading.active_count()
    with open_bridge(tmp_path, socks=0, proxy=0, dns=0) as bridge:
        where = [bridge.endpoint("web", 80), bridge.endpoint("web", 443), *bridge.ports.values()]
        opened = connect(where[0])
        for address in where:
            connect(address).close()
    assert threading.active_count() == before
    for address in where:
        with pytest.raises(ConnectionRefusedError):
            connect(address)
    with opened, pytest.raises(ConnectionResetError):
        opened.recv(1)


def test_what_nobody_listens_on(office: Bridge) -> None:
    office.url("web", 80)
    with pytest.raises(BridgeError, match="nobody listens on tcp port 81 of web; open ports are: web tcp"):
        office.endpoint("web", 81, timeout=0.01)


def test_a_call_is_made_in_the_network(office: Bridge) -> None:
    assert office.call(lambda: threading.current_thread().name) == "sim.bridge"
    assert office.call(lambda: office.call(lambda: 3)) == 3
    with pytest.raises(ZeroDivisionError):
        office.call(lambda: 1 // 0)


def test_a_call_when_it_does_not_run(tmp_path: Path) -> None:
    bridge = open_bridge(tmp_path)
    with pytest.raises(BridgeError, match="the network does not run"):
        bridge.call(int)
    with bridge:
        pass
    with pytest.raises(BridgeError, match="the network has stopped: it was stopped"):
        bridge.call(int)
    with pytest.raises(BridgeError, match="the network has stopped"):
        bridge.url("web", 80)


def test_a_network_that_breaks_tells_everybody(tmp_path: Path) -> None:
    def burst() -> None:
        raise RuntimeError("a pipe has burst")

    bridge = open_bridge(tmp_path)
    with pytest.raises(BridgeError, match="a pipe has burst"), bridge:  # noqa: PT012 - the block is what ends with it
        where = bridge.endpoint("web", 80)
        bridge.call(lambda: bridge.network.engine.at(bridge.network.now, burst))
        with pytest.raises(BridgeError, match="a pipe has burst"):
            bridge.endpoint("web", 81)
        with pytest.raises(BridgeError, match="a pipe has burst"):
            bridge.call(int)
    with pytest.raises(ConnectionRefusedError):
        connect(where)


def test_the_package_is_a_function(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text(PAIR)
    with sim.bridge(path, seed=4, speed=2.0, enter_at="pc") as bridge:
        assert (bridge.network.seed, bridge.pacer.speed) == (4, 2.0)
        with connect(bridge.endpoint("server", 7)) as client:
            client.sendall(b"hello")
            assert receive(client, 5) == b"hello"


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"enter_at": "sw"}, "sw is a switch: the real world enters at a host or a router"),
        ({"enter_at": "pb"}, "there is no node called 'pb'"),
        ({"outward": {("sw", 80): ("127.0.0.1", 80)}}, "sw is a switch: only hosts and routers have ports"),
        ({"outward": {("web", 80): ("203.0.113.1", 80)}}, "not on this machine's loopback; --anywhere allows it"),
        ({"outward": {("web", 80): ("localhost", 80)}}, "'localhost' is no IPv4 address"),
        ({"outward": {("api.test", 80): ("127.0.0.1", 80)}}, "no node is called api.test: say which one shall stand"),
        ({"outward": {("api.test", 80): ("127.0.0.1", 80)}, "exit_at": "sw"}, "sw is a switch: only hosts"),
    ],
)
def test_what_cannot_be_had(tmp_path: Path, settings: dict[str, Any], text: str) -> None:
    with pytest.raises((BridgeError, TopologyError)) as caught:
        open_bridge(tmp_path, **settings)
    assert text in str(caught.value)


def test_a_network_without_a_host(tmp_path: Path) -> None:
    with pytest.raises(BridgeError, match="no host at which the real world could enter"):
        open_bridge(tmp_path, "nodes: {sw: {kind: switch}}\nlinks: []\n")


def test_a_way_in_whose_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BridgeError, match=f"cannot listen on 127.0.0.1, port {port}: Address already in use"):
            open_bridge(tmp_path, socks=port)


def test_a_name_server_that_is_not_there(tmp_path: Path) -> None:
    with open_bridge(tmp_path, PAIR, dns=0) as bridge:
        with (
            pytest.raises(ConnectionResetError),
            connect(bridge.ports["dns"]) as client,
        ):  # connecting may see it already
            client.recv(1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"anybody?", bridge.ports["dns"])
        assert bridge.call(lambda: 1) == 1


def test_the_world_may_enter_where_a_program_runs_as_well(tmp_path: Path) -> None:
    """The network's own programs and the real world meet at one server."""

    def ask() -> bytes:
        with socket.create_connection(("10.0.1.80", 7)) as client:
            client.sendall(b"inside")
            return client.recv(100)

    with open_bridge(tmp_path, OFFICE) as bridge:
        assert run_inside(bridge, "pc", ask) == b"inside"
        with connect(bridge.endpoint("web", 7)) as client:
            client.sendall(b"outside")
            assert receive(client, 7) == b"outside"
