from __future__ import annotations

import pytest

from sim.stack.translation.flows import make
from sim.stack.translation.mappings import BEHAVIOURS, DEPENDENCE, MappingTable
from sim.stack.translation.ports import PortPool
from sim.wire.addresses import parse_ip

UDP = 17
OUT = parse_ip("203.0.113.2")


def flow(
    port: int, to: str = "198.51.100.1", to_port: int = 80, source: str = "10.0.0.2", protocol: int = UDP
) -> bytes:
    return make(protocol, parse_ip(source), port.to_bytes(2, "big"), parse_ip(to), to_port.to_bytes(2, "big"))


def outside_port(table: MappingTable, wanted: bytes) -> int:
    mapping = table.obtain(wanted, OUT)
    assert mapping is not None
    table.use(mapping, wanted[5:9])
    return int.from_bytes(mapping.outside[5:7], "big")


@pytest.mark.parametrize(
    ("dependence", "expected"),
    [
        # the same socket to a first server, its other port, another server, and the first again
        ("endpoint-independent", [5000, 5000, 5000, 5000]),
        ("address-dependent", [5000, 5000, 1024, 5000]),
        ("address-and-port-dependent", [5000, 1024, 1026, 5000]),
    ],
)
def test_what_a_mapping_depends_on(dependence: str, expected: list[int]) -> None:
    table = MappingTable(DEPENDENCE.index(dependence), 0)
    flows = [flow(5000), flow(5000, to_port=81), flow(5000, to="198.51.100.2"), flow(5000)]
    assert [outside_port(table, one) for one in flows] == expected


def test_the_words_of_rfc_3489() -> None:
    assert {name: (DEPENDENCE[m], DEPENDENCE[f]) for name, (m, f) in BEHAVIOURS.items()} == {
        "full-cone": ("endpoint-independent", "endpoint-independent"),
        "address-restricted": ("endpoint-independent", "address-dependent"),
        "port-restricted": ("endpoint-independent", "address-and-port-dependent"),
        "symmetric": ("address-and-port-dependent", "address-and-port-dependent"),
    }


def test_a_port_is_kept_where_it_is_free_and_parity_otherwise() -> None:
    table = MappingTable(0, 0)
    assert outside_port(table, flow(5001)) == 5001
    assert outside_port(table, flow(5001, source="10.0.0.3")) == 1025
    assert outside_port(table, flow(5001, source="10.0.0.4")) == 1027
    assert outside_port(table, flow(500)) == 1024  # not in the range
    assert outside_port(table, flow(5001, protocol=6)) == 5001  # TCP has ports of its own


def test_the_last_port_and_none() -> None:
    table = MappingTable(0, 0, 6000, 6002)
    ports = [outside_port(table, flow(6000, source=f"10.0.1.{n}")) for n in range(3)]
    assert ports == [6000, 6002, 6001]  # the other parity is better than nothing
    assert table.obtain(flow(6000), OUT) is None
    mapping = table.find(flow(6000, source="10.0.1.1"))
    assert mapping is not None
    table.release(mapping, parse_ip("198.51.100.1"))
    assert outside_port(table, flow(7000)) == 6002


def test_a_mapping_lives_while_a_connection_uses_it() -> None:
    table = MappingTable(0, 1)
    mapping = table.obtain(flow(5000), OUT)
    assert mapping is not None
    one, other = parse_ip("198.51.100.1"), parse_ip("198.51.100.2")
    table.use(mapping, one)
    table.use(mapping, other)
    assert table.admits(mapping, one)
    table.release(mapping, one)
    assert not table.admits(mapping, one)
    assert table.at(mapping.outside) is mapping
    table.release(mapping, other)
    assert table.at(mapping.outside) is None
    assert len(table) == 0


def test_reserved_and_occupied_ports_are_not_handed_out() -> None:
    table = MappingTable(0, 0, 6000, 6003, lambda protocol, port: (protocol, port) == (UDP, 6002))
    table.reserve(bytes((UDP,)) + OUT + (6000).to_bytes(2, "big"))
    assert [outside_port(table, flow(6000, source=f"10.0.1.{n}")) for n in range(2)] == [6001, 6003]
    assert table.obtain(flow(6002), OUT) is None


def test_identifiers_of_queries_are_from_a_space_of_their_own() -> None:
    pool = PortPool(1, 1024, 65535)
    assert pool.take(7) == 7
    assert pool.take(7) in range(1, 65536)
    assert PortPool(47).take(0) == 0


def test_all_ports_of_a_pool_are_handed_out_once() -> None:
    pool = PortPool(UDP, 1024, 3000)
    taken = [pool.take(2000) for _ in range(1977)]
    assert sorted(taken) == list(range(1024, 3001))
    assert pool.take(2000) == -1
    pool.release(1500)
    assert pool.take(9) == 1500
