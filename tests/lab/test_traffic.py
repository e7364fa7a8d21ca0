from __future__ import annotations

import socket

import pytest

import sim
from sim.lab.nodes import LabHost
from sim.testing import Traffic


@pytest.fixture
def net() -> sim.Network:
    """a - r - b, where a has asked b for something over TCP and pinged it twice."""
    net = sim.Network(seed=1)
    router = net.router("r", {"left": "10.1.0.1/24", "right": "10.2.0.1/24"})
    a = net.host("a", ip="10.1.0.2/24", gateway="10.1.0.1")
    b = net.host("b", ip="10.2.0.2/24", gateway="10.2.0.1")
    net.link(a, router.port("left"))
    net.link(router.port("right"), b)
    a.ping("b", count=2)

    def serve() -> None:
        with socket.create_server(("", 80)) as listener:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"hello")

    def ask() -> bytes:
        with socket.create_connection(("10.2.0.2", 80)) as connection:
            return connection.recv(100)

    b.spawn(serve)
    assert a.run(ask) == b"hello"
    return net


def test_each_packet_counts_once_where_it_was_sent(net: sim.Network) -> None:
    traffic = Traffic(net)
    assert traffic.count("a", "b", "icmp") == 4
    assert traffic.count("a", "b", "udp") == 0
    assert traffic.count("a", "b") == traffic.count("a", "b", "ip") == 4 + traffic.count(protocol="tcp")
    assert traffic.count("a", "r") == traffic.count("a", "r", "arp") == 2
    assert traffic.count() == traffic.count(protocol="ip") + traffic.count(protocol="arp")
    assert [packet.node for packet in traffic.packets("a", "b", "icmp")] == ["a", "b"] * 2
    first = traffic.packets("b", "a", "tcp")[0]
    assert (first.source, first.destination, first.lost) == ("10.1.0.2", "10.2.0.2", None)
    assert "SYN" in str(first)


def test_paths(net: sim.Network) -> None:
    traffic = Traffic(net)
    traffic.assert_path("a", "r", "b")
    assert ["a", "r", "b"] in traffic.paths("a", "b")
    with pytest.raises(AssertionError, match="nothing went a > b, but: a > r > b"):
        traffic.assert_path("a", "b")
    with pytest.raises(AssertionError, match="nothing from b reached r"):
        traffic.assert_path("b", "r")


def test_what_was_lost_says_why(net: sim.Network) -> None:
    net.partition([["a"], ["b"]])
    node = net["a"]
    assert isinstance(node, LabHost)
    node.ping("b")
    assert Traffic(net).packets("a", "b", "icmp")[-1].lost == "partition"


def test_names_that_do_not_exist(net: sim.Network) -> None:
    with pytest.raises(sim.TopologyError, match="there is no node called 'x'"):
        Traffic(net).count("x")
    with pytest.raises(sim.TopologyError, match="there is no protocol called 'tpc'"):
        Traffic(net).count(protocol="tpc")
    with pytest.raises(sim.TopologyError):
        Traffic(net).assert_path("a", "x")
