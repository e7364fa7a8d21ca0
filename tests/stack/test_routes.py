from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.stack.interfaces import Interface
from sim.stack.routes import Route, RouteTable
from sim.wire.addresses import in_prefix, network_of, parse_ip, parse_prefix

ETH0 = Interface("eth0", 0, b"\x02\0\0\0\0\x01")


@pytest.fixture
def table() -> RouteTable:
    return RouteTable(lambda: None)


def route(prefix: str, via: str | None = None, interface: Interface = ETH0, metric: int = 0) -> Route:
    network, length = parse_prefix(prefix)
    return Route(network, length, None if via is None else parse_ip(via), interface, metric)


def hops(table: RouteTable, destination: str) -> list[str]:
    return [found.text for found in table.lookup(parse_ip(destination))]


def test_an_empty_table_finds_nothing(table: RouteTable) -> None:
    assert table.lookup(parse_ip("10.0.0.1")) == []


def test_the_longest_prefix_wins_whatever_the_order(table: RouteTable) -> None:
    for prefix in ("10.1.0.0/16", "0.0.0.0/0", "10.1.2.3/32", "10.0.0.0/8", "10.1.2.0/24"):
        table.add(route(prefix, "192.0.2.1"))
    found = {
        destination: hops(table, destination)[0].split()[0]
        for destination in ("10.1.2.3", "10.1.2.4", "10.1.9.9", "10.9.9.9", "11.0.0.1")
    }
    assert list(found.values()) == ["10.1.2.3/32", "10.1.2.0/24", "10.1.0.0/16", "10.0.0.0/8", "0.0.0.0/0"]


def test_of_one_prefix_the_lowest_metric_wins(table: RouteTable) -> None:
    table.add(route("10.0.0.0/8", "192.0.2.2", metric=20))
    table.add(route("10.0.0.0/8", "192.0.2.1", metric=10))
    assert hops(table, "10.0.0.1") == ["10.0.0.0/8 via 192.0.2.1 dev eth0"]


def test_a_long_prefix_with_a_high_metric_beats_a_short_one(table: RouteTable) -> None:
    table.add(route("10.0.0.0/8", metric=0))
    table.add(route("10.1.0.0/16", "192.0.2.1", metric=999))
    assert hops(table, "10.1.0.1") == ["10.1.0.0/16 via 192.0.2.1 dev eth0"]


def test_equals_are_all_found_in_the_order_they_were_given(table: RouteTable) -> None:
    for last in (3, 1, 2):
        table.add(route("10.0.0.0/8", f"192.0.2.{last}", metric=5))
    table.add(route("10.0.0.0/8", "192.0.2.9", metric=6))
    assert [hop.split()[2] for hop in hops(table, "10.0.0.1")] == ["192.0.2.3", "192.0.2.1", "192.0.2.2"]


def test_an_interface_that_is_down_is_not_used_and_the_next_best_route_is(table: RouteTable) -> None:
    eth1 = Interface("eth1", 1, b"\x02\0\0\0\0\x02")
    table.add(route("10.0.0.0/8", "192.0.2.1", eth1, metric=1))
    table.add(route("10.0.0.0/8", "192.0.2.2", metric=2))
    table.add(route("10.1.0.0/16", "192.0.2.3", eth1))
    eth1.up = False
    assert hops(table, "10.1.0.1") == ["10.0.0.0/8 via 192.0.2.2 dev eth0"]
    eth1.up = True
    assert hops(table, "10.1.0.1") == ["10.1.0.0/16 via 192.0.2.3 dev eth1"]


def test_remove_takes_one_next_hop_or_all_of_a_prefix(table: RouteTable) -> None:
    for last in (1, 2, 3):
        table.add(route("10.0.0.0/8", f"192.0.2.{last}"))
    assert table.remove(*parse_prefix("10.0.0.0/8"), next_hop=parse_ip("192.0.2.2")) == 1
    assert [hop.split()[2] for hop in hops(table, "10.0.0.1")] == ["192.0.2.1", "192.0.2.3"]
    assert table.remove(*parse_prefix("10.0.0.0/8")) == 2
    assert table.remove(*parse_prefix("10.0.0.0/8")) == 0
    assert table.routes() == []


def test_every_change_is_told() -> None:
    told: list[int] = []
    watched = RouteTable(lambda: told.append(len(watched.routes())))
    watched.add(route("10.0.0.0/8", "192.0.2.1"))
    watched.remove(*parse_prefix("10.0.0.0/8"))
    assert told == [1, 0]


def test_families_do_not_mix(table: RouteTable) -> None:
    table.add(route("0.0.0.0/0", "192.0.2.1"))
    table.add(route("2001:db8::/32", "2001:db8::1"))
    assert hops(table, "2001:db8::9") == ["2001:db8::/32 via 2001:db8::1 dev eth0"]
    assert hops(table, "10.0.0.1") == ["0.0.0.0/0 via 192.0.2.1 dev eth0"]
    assert table.lookup(parse_ip("fe80::1")) == []


def test_routes_are_listed_longest_prefix_first(table: RouteTable) -> None:
    for prefix in ("0.0.0.0/0", "10.2.0.0/16", "10.1.0.0/16", "10.1.0.0/24"):
        table.add(route(prefix, "192.0.2.1"))
    assert [found.text.split()[0] for found in table.routes()] == [
        "10.1.0.0/24",
        "10.1.0.0/16",
        "10.2.0.0/16",
        "0.0.0.0/0",
    ]


# Few bits, so that prefixes nest and collide.
ADDRESSES = st.integers(0, 255).map(lambda bits: bytes((10 + (bits >> 6), bits >> 4 & 3, bits >> 2 & 3, bits & 3)))
ROUTES = st.lists(
    st.tuples(ADDRESSES, st.sampled_from((0, 6, 7, 8, 14, 15, 16, 23, 24, 30, 31, 32)), st.integers(0, 2)), max_size=20
)
INTERFACES = [Interface(f"eth{number}", number, bytes((2, 0, 0, 0, 0, number))) for number in range(3)]


@given(ROUTES, ADDRESSES, st.sets(st.integers(0, 2)))
def test_lookup_finds_what_a_search_through_all_routes_finds(
    given_routes: list[tuple[bytes, int, int]], destination: bytes, down: set[int]
) -> None:
    table = RouteTable(lambda: None)
    added = []
    for number, (address, length, metric) in enumerate(given_routes):
        interface = INTERFACES[number % 3]
        interface.up = number % 3 not in down
        added.append(Route(network_of(address, length), length, bytes((192, 0, 2, number)), interface, metric))
        table.add(added[-1])
    usable = [one for one in added if in_prefix(destination, one.network, one.length) and one.interface.up]
    best = max(((one.length, -one.metric) for one in usable), default=None)
    expected = [one for one in usable if (one.length, -one.metric) == best]
    assert table.lookup(destination) == expected
