"""`bridge:` of a topology."""

from __future__ import annotations

import pytest

from sim.errors import TopologyError
from sim.scenario.load import loads

NODES = "nodes: {pc: {kind: host, ip: 10.0.0.1/24}}\n"


def test_without_it_everything_is_open() -> None:
    bridge = loads(NODES).bridge
    assert (bridge.enter_at, bridge.exit_at, bridge.socks, bridge.proxy, bridge.dns) == (None,) * 5
    assert bridge.outward == {}


def test_all_that_it_says() -> None:
    bridge = loads(
        NODES + "bridge:\n  enter_at: pc\n  exit_at: pc\n  socks: 1080\n  proxy: 0\n  dns: 5353\n"
        "  outward: {api.example.test:443: 127.0.0.1:8443}\n"
    ).bridge
    assert (bridge.enter_at, bridge.exit_at, bridge.socks, bridge.proxy, bridge.dns) == ("pc", "pc", 1080, 0, 5353)
    ((inner, real),) = bridge.outward.items()
    assert (tuple(inner), tuple(real), str(inner)) == (
        ("api.example.test", 443),
        ("127.0.0.1", 8443),
        "api.example.test:443",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{sock: 1}", "unknown key 'sock'"),
        ("{socks: 70000}", "at most 65535"),
        ("{socks: -1}", "at least 0"),
        ("{outward: {api: 127.0.0.1:80}}", "is not a host and a port"),
        ("{outward: {'api:80': '127.0.0.1:0'}}", "is not a host and a port"),
        ("{outward: {'api:80': 'localhost:80'}}", "is no IPv4 address: names are not looked up outside"),
        ("{outward: []}", "must be a mapping"),
        ("3", "must be a mapping"),
    ],
)
def test_what_is_wrong_with_it(text: str, expected: str) -> None:
    with pytest.raises(TopologyError) as caught:
        loads(f"{NODES}bridge: {text}\n", "lab.yaml")
    assert expected in str(caught.value)
    assert caught.value.line == 2
    assert "pydantic" not in str(caught.value).lower()
