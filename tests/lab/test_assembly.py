"""Generated networks alive: the same from Python and from a file, and packets find their way."""

from __future__ import annotations

import gc

import pytest

import sim
from sim.errors import TopologyError
from sim.lab.build import build
from sim.lab.nodes import LabHost, LabRouter
from sim.scenario.load import loads
from sim.wire.addresses import format_ip

SHAPES: list[tuple[str, dict[str, int]]] = [
    ("line", {"routers": 4, "hosts": 2}),
    ("ring", {"routers": 5, "hosts": 2}),
    ("star", {"sites": 3, "hosts": 3}),
    ("tree", {"depth": 2, "fanout": 3}),
    ("fat_tree", {"k": 4}),
    ("random", {"routers": 8, "degree": 3, "hosts": 1, "seed": 1}),
]


def as_yaml(shape: str, parameters: dict[str, int], rest: str = "") -> sim.Network:
    return build(loads(f"generate: {{{shape}: {parameters}}}\n{rest}".replace("'", "")))


def anatomy(net: sim.Network) -> list[object]:
    """Everything that is in a network: ports and links, addresses and routes."""
    found: list[object] = []
    for node in net.nodes.values():
        found.append((node.kind, node.name, [(port.name, port.mac) for port in node.ports]))
        if isinstance(node, LabHost | LabRouter):
            found.append([(interface.name, interface.addresses, interface.up) for interface in node.stack.interfaces])
            found.append([route.text for route in node.stack.routes.routes()])
    for link in net.links:
        properties = link.properties
        found.append((*(f"{port.owner.name}:{port.name}" for port in link.ports), *vars_of(properties)))
    return found


def vars_of(properties: object) -> list[object]:
    return [getattr(properties, name) for name in ("bandwidth", "delay", "queue_frames", "queue_bytes", "mtu")]


@pytest.mark.parametrize(("shape", "parameters"), SHAPES, ids=[shape for shape, _ in SHAPES])
def test_python_and_yaml_make_the_same(shape: str, parameters: dict[str, int]) -> None:
    net = sim.Network()
    hosts = net.generate(shape, **parameters)
    assert anatomy(net) == anatomy(as_yaml(shape, parameters))
    assert [host.name for host in hosts] == [f"h{i + 1}" for i in range(len(hosts))]


@pytest.mark.parametrize(("shape", "parameters"), SHAPES, ids=[shape for shape, _ in SHAPES])
def test_every_host_reaches_every_other(shape: str, parameters: dict[str, int]) -> None:
    net = sim.Network(record=False)
    hosts = net.generate(shape, **parameters)
    for host in hosts:
        for other in hosts:
            assert host.ping(other.name).received == 1, f"{host.name} to {other.name}"


def test_routers_are_reached_too() -> None:
    net = sim.Network(record=False)
    first, *_ = net.generate("fat_tree", k=4)
    for name in ("edge8", "agg8", "core4"):
        for interface in net.nodes[name].stack.interfaces:  # type: ignore[union-attr]
            assert first.ping(format_ip(interface.addresses[0][0])).received == 1


def test_nobodys_address_is_unreachable_and_does_not_go_round() -> None:
    net = sim.Network()
    first, *_ = net.generate("line", routers=3, hosts=1)
    ping = first.ping("10.200.0.1")
    assert ping.errors
    assert net.nodes["r2"].drops() == {"no route": 1}


def test_path_over_the_star() -> None:
    net = as_yaml("star", {"sites": 3, "hosts": 3})
    assert net["h9"].ping("h1").received == 1  # type: ignore[union-attr]
    assert net.trace.journeys()[0].path() == ["h9", "sw3", "r3", "core", "r1", "sw1", "h1"]


def test_link_properties_come_from_the_file() -> None:
    net = as_yaml("star", {"sites": 2, "hosts": 1}, "defaults: {link: {delay: 3ms, loss: 100%, queue: 5, mtu: 900}}")
    lan, backbone = net.links[0], net.links[-1]
    assert (lan.properties.bandwidth, lan.properties.delay, lan.properties.queue_frames) == (10**9, 3_000_000, 5)
    assert (backbone.properties.bandwidth, backbone.properties.delay) == (10**10, 100_000)
    assert net["h1"].stack.interfaces[0].mtu == 900  # type: ignore[union-attr]
    assert net["h1"].ping("h2").received == 0  # type: ignore[union-attr]
    assert len(lan.channels[0].rules) == len(backbone.channels[0].rules) == 1


def test_links_can_be_down_from_the_start() -> None:
    net = as_yaml("line", {"routers": 2, "hosts": 1}, "defaults: {link: {state: down}}")
    assert not any(link.up for link in net.links)


def test_beside_what_was_built_by_hand() -> None:
    net = sim.Network()
    net.generate("tree", depth=1, fanout=2)
    mine = net.host("mine", ip="10.0.0.99/24")
    net.link(mine, "sw1")
    assert mine.ping("h2").received == 1
    with pytest.raises(TopologyError, match="two nodes called sw1"):
        net.generate("tree", depth=1, fanout=2)


@pytest.mark.parametrize(
    ("shape", "parameters", "words"),
    [
        ("tree", {"depth": 2}, "a tree needs 'fanout'"),
        ("cube", {"k": 2}, "there is no shape 'cube'"),
        ("tree", {"depth": 6, "fanout": 10}, "1,111,111 nodes"),
    ],
)
def test_refused(shape: str, parameters: dict[str, int], words: str) -> None:
    net = sim.Network()
    with pytest.raises(TopologyError, match=words):
        net.generate(shape, **parameters)
    assert net.nodes == {}


@pytest.mark.parametrize("on", [True, False])
def test_building_leaves_the_collector_as_it_was(on: bool) -> None:
    if not on:
        gc.disable()
    try:
        sim.Network().generate("tree", depth=1, fanout=2)
        assert gc.isenabled() == on
    finally:
        gc.enable()


@pytest.mark.slow
def test_time_grows_with_the_number_of_hosts() -> None:
    """Twenty times the hosts take not more than forty times as long: nothing grows with the square."""
    import time

    def seconds(sites: int) -> float:
        started = time.process_time()
        sim.Network(record=False).generate("star", sites=sites, hosts=100)
        return time.process_time() - started

    small = min(seconds(5) for _ in range(3))
    assert seconds(100) < 40 * small
