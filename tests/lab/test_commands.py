"""Changes while a network runs, in the words of a scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.errors import TopologyError
from sim.lab.api import prepare
from sim.lab.commands import Commands
from sim.lab.network import Network
from sim.lab.nodes import LabHost
from sim.services.ping import Ping

TEXT = """
nodes:
  a: {kind: host, ip: 10.0.0.1/24}
  b: {kind: host, ip: 10.0.0.2/24}
  sw: {kind: switch}
links: [{endpoints: [a, sw], delay: 1ms}, [b, sw]]
"""


@pytest.fixture
def lab(tmp_path: Path) -> tuple[Network, Commands]:
    path = tmp_path / "lab.yaml"
    path.write_text(TEXT)
    run = prepare(path)
    return run.network, Commands(run.topology, run.network, run.cables)


def ping(net: Network, count: int = 1) -> Ping:
    host = net["a"]
    assert isinstance(host, LabHost)
    return host.ping("b", count, interval="10ms")


def received(net: Network, count: int = 1) -> int:
    return ping(net, count).received


def test_a_link_goes_down_and_up_and_keeps_what_else_it_is(lab: tuple[Network, Commands]) -> None:
    net, commands = lab
    assert received(net) == 1
    commands.do({"link": {"endpoints": ["a", "sw"], "state": "down"}})
    assert received(net) == 0
    commands.do({"link": {"endpoints": ["a", "sw"], "state": "up"}})
    (reply,) = ping(net).replies
    assert reply.rtt >= 2_000_000


def test_a_link_loses_frames(lab: tuple[Network, Commands]) -> None:
    net, commands = lab
    commands.do({"link": {"endpoints": ["a", "sw"], "loss": "50%"}})
    assert 10 < received(net, 200) < 100
    commands.do({"link": {"endpoints": ["a", "sw"], "loss": 0}})
    assert received(net, 20) == 20


def test_a_node_goes_down_and_up(lab: tuple[Network, Commands]) -> None:
    net, commands = lab
    for state, expected in (("down", 0), ("up", 1)):
        commands.do({"node": {"name": "b", "state": state}})
        assert received(net) == expected


def test_parts_that_do_not_hear_each_other(lab: tuple[Network, Commands]) -> None:
    net, commands = lab
    assert received(net) == 1
    commands.do({"partition": {"groups": [["a"], ["b"]]}})
    assert received(net) == 0
    commands.do({"heal": True})
    assert received(net) == 1


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (None, 'error: a command is one of link, node, partition, heal\nhint: write {"heal": true}'),
        ([], 'error: a command is one of link, node, partition, heal\nhint: write {"heal": true}'),
        ({}, 'error: a command is one of link, node, partition, heal\nhint: write {"heal": true}'),
        ({"ping": {"from": "a", "to": "b"}}, "error: a command is one of"),
        ({"heal": True, "node": {}}, "error: a command is one of"),
        ({"link": {"endpoints": ["a", "c"], "state": "down"}}, "c"),
        ({"link": {"endpoints": ["a", "b"], "state": "down"}}, "no link"),
        ({"link": {"endpoints": ["a", "sw"], "state": "off"}}, "error: link.state must be 'up' or 'down', not 'off'"),
        ({"link": {"endpoints": ["a", "sw"], "loss": "110%"}}, "110"),
        ({"link": {"endpoints": ["a", "sw"], "lost": "1%"}}, "error: link.lost is unknown"),
        ({"link": {"endpoints": "a"}}, "endpoints"),
        ({"link": None}, "link"),
        ({"node": {"name": "c", "state": "down"}}, "c"),
        ({"node": {"name": "a"}}, "error: node.state is missing"),
        ({"node": {"name": ["a"], "state": "down"}}, "name"),
        ({"partition": {"groups": [["a"], ["c"]]}}, "no node called 'c'"),
        ({"partition": [["a"], ["b"]]}, "error: partition must be a mapping, not"),
        ({"partition": "a"}, "partition"),
        ({"heal": 3}, "heal"),
    ],
)
def test_what_is_no_command(lab: tuple[Network, Commands], command: Any, text: str) -> None:
    net, commands = lab
    with pytest.raises(TopologyError) as caught:
        commands.do(command)
    assert text in str(caught.value)
    assert "pydantic" not in str(caught.value).lower()
    assert received(net) == 1
