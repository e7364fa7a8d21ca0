from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable

import pytest

import sim
from sim.lab.nodes import LabHost, Tools
from sim.units import SECOND


@pytest.fixture
def net() -> sim.Network:
    """Two subnets behind a router: a and b in one, c and d in the other."""
    net = sim.Network(seed=1)
    router = net.router("r", {"left": "10.1.0.1/24", "right": "10.2.0.1/24"})
    for switch, port, names, prefix in (("s1", "left", "ab", "10.1.0."), ("s2", "right", "cd", "10.2.0.")):
        net.link(net.switch(switch), router.port(port))
        for number, name in enumerate(names, start=2):
            net.link(net.host(name, ip=f"{prefix}{number}/24", gateway=f"{prefix}1"), switch)
    return net


def host(net: sim.Network, name: str) -> Tools:
    node = net[name]
    assert isinstance(node, LabHost)
    return node


def reached(net: sim.Network) -> set[str]:
    """Which hosts reach which, as "ab"."""
    return {a + b for a in "abcd" for b in "abcd" if a < b and host(net, a).ping(b).received}


EVERYBODY = {"ab", "ac", "ad", "bc", "bd", "cd"}


@pytest.mark.parametrize(
    ("groups", "still"),
    [
        ([["a"], ["c"]], EVERYBODY - {"ac"}),
        ([["a", "b"], ["c"]], EVERYBODY - {"ac", "bc"}),
        ([["a", "c"], ["b", "d"]], {"ac", "bd"}),
        ([["a"], ["b"], ["c"], ["d"]], set()),
        ([["a"], ["b"]], EVERYBODY - {"ab"}),
    ],
)
def test_groups_do_not_hear_of_each_other(net: sim.Network, groups: list[list[str]], still: set[str]) -> None:
    assert reached(net) == EVERYBODY
    net.partition(groups)
    assert reached(net) == still
    net.heal()
    assert reached(net) == EVERYBODY


def test_it_divides_those_who_have_never_spoken(net: sim.Network) -> None:
    """ARP does not get through either."""
    net.partition([["a"], ["b"]])
    assert host(net, "a").ping("b").received == 0
    assert host(net, "b").ping("a").received == 0
    node = host(net, "b")
    assert isinstance(node, LabHost)
    assert node.arp_table()["10.1.0.2"][1] in ("incomplete", "failed")


def test_the_reason_is_in_the_trace_and_counted(net: sim.Network) -> None:
    net.partition([["a"], ["c"]])
    host(net, "a").ping("c")
    assert net["a"].drops() == {"partition": 1}
    (drop,) = [drop for journey in net.trace.journeys() for drop in journey.drops()]
    assert drop == ("a", "partition")


def test_a_broadcast_reaches_only_the_own_group_and_those_in_none(net: sim.Network) -> None:
    net.link(net.host("e", ip="10.1.0.9/24"), "s1")
    net.partition([["a"], ["b"]])
    heard: dict[str, list[bytes]] = {name: [] for name in "be"}

    def listen() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("", 5000))
            s.settimeout(1)
            heard[socket.gethostname()].append(s.recv(10))

    def shout() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            s.sendto(b"hello", ("10.1.0.255", 5000))

    for name in "be":
        host(net, name).spawn(listen)
    net.run("10ms")
    host(net, "a").spawn(shout)
    net.run("5s")
    assert heard == {"b": [], "e": [b"hello"]}


def test_another_division_takes_the_place_of_the_first(net: sim.Network) -> None:
    net.partition([["a"], ["b"]])
    net.partition([["c"], ["d"]])
    assert reached(net) == EVERYBODY - {"cd"}
    net.heal()
    net.heal()
    net.run(net.now + 5 * SECOND)  # till the failed questions of ARP are forgotten
    assert reached(net) == EVERYBODY
    assert not any(channel.rules for link in net.links for channel in link.channels)


def test_groups_that_cannot_be(net: sim.Network) -> None:
    with pytest.raises(sim.TopologyError, match="s1 is a switch"):
        net.partition([["a"], ["s1"]])
    with pytest.raises(sim.TopologyError, match="a cannot be in two groups"):
        net.partition([["a"], ["a", "b"]])
    with pytest.raises(sim.TopologyError, match="there is no node called 'x'"):
        net.partition([["a"], ["x"]])
    assert reached(net) == EVERYBODY


def test_a_connection_outlives_a_partition(net: sim.Network) -> None:
    """TCP sends again until it is healed."""

    def serve() -> bytes:
        with socket.create_server(("", 80)) as listener:
            connection, _ = listener.accept()
            return b"".join(iter(lambda: connection.recv(100), b""))

    def send() -> None:
        import time

        with socket.create_connection(("10.2.0.2", 80)) as connection:
            connection.sendall(b"before ")
            time.sleep(1)
            connection.sendall(b"meanwhile ")
            time.sleep(1)

    server = host(net, "c").spawn(serve)
    host(net, "a").spawn(send)
    net.run("500ms")
    net.partition([["a", "b"], ["c", "d"]])
    net.run("3s")
    assert not server.done
    net.heal()
    net.run("60s")
    assert server.result() == b"before meanwhile "


def counter(start: list[int]) -> Callable[[], None]:
    """A server that counts its visitors, and how often it was started."""

    def serve() -> None:
        start[0] += 1
        visitors = 0
        try:
            with socket.create_server(("", 80)) as listener:
                while True:
                    connection, _ = listener.accept()
                    visitors += 1
                    connection.sendall(b"%d" % visitors)
                    connection.close()
        finally:
            start.append(-1)

    return serve


def visit(address: str) -> int:
    with socket.create_connection((address, 80)) as connection:
        return int(connection.recv(10))


def test_crash_and_restart(net: sim.Network) -> None:
    starts = [0]
    server = host(net, "c")
    first = server.serve(counter(starts))
    other = server.spawn(counter([0]))
    assert [host(net, "a").run(visit, "10.2.0.2") for _ in range(3)] == [1, 2, 3]
    net.crash("c")
    net.run(net.now + 1)
    assert first.exit_code == 137
    assert other.done
    with pytest.raises(OSError, match=r"timed out|No route to host|unreachable"):
        host(net, "a").run(visit, "10.2.0.2")
    net.restart("c")
    assert [host(net, "a").run(visit, "10.2.0.2") for _ in range(2)] == [1, 2], "state is gone with the power"
    assert starts[0] == 2
    (service,) = server.services
    assert service is not first
    assert not service.done


def test_files_of_a_host_are_gone_with_its_power(net: sim.Network) -> None:
    def write() -> str:
        with tempfile.NamedTemporaryFile("w", delete=False) as file:
            file.write("kept")
        return file.name

    def read(path: str) -> str:
        with open(path) as file:
            return file.read()

    a, c = host(net, "a"), host(net, "c")
    path, other = c.run(write), a.run(write)
    assert os.path.dirname(path) != os.path.dirname(other)
    assert c.run(read, path) == "kept", "another program of the host finds it"
    net.crash("c")
    net.restart("c")
    with pytest.raises(FileNotFoundError):
        c.run(read, path)
    assert a.run(read, other) == "kept"
    assert os.path.exists(c.run(write))
    assert not os.path.exists(path)


def test_a_crash_is_silent(net: sim.Network) -> None:
    """No FIN and no RST: whoever waits for data waits on."""

    def serve() -> None:
        with socket.create_server(("", 80)) as listener:
            connection, _ = listener.accept()
            connection.recv(10)

    def wait() -> bytes:
        with socket.create_connection(("10.2.0.2", 80)) as connection:
            return connection.recv(10)

    host(net, "c").spawn(serve)
    client = host(net, "a").spawn(wait)
    net.run("1s")
    sent = net["c"].counters()["sent"]
    net.crash("c")
    net.run("10s")
    assert not client.done
    assert net["c"].counters()["sent"] == sent
    net.restart("c")
    net.run("60s")
    assert not client.done, "it has sent nothing that could be answered with a RST"


def test_a_question_to_all_is_not_heard_by_the_other_group(net: sim.Network) -> None:
    """ARP for somebody in no group floods the subnet, but for the link of the one who must not hear."""
    net.link(net.host("e", ip="10.1.0.9/24"), "s1")
    net.partition([["a"], ["b"]])
    assert host(net, "a").ping("e").received == 1
    assert net["b"].counters()["received"] == 0
