from __future__ import annotations

import pytest

from sim.stack.interfaces import Interface
from sim.wire.addresses import MAC_BROADCAST, multicast_mac, parse_ip

MAC = b"\x02\0\0\0\0\x01"
GROUP = parse_ip("239.1.2.3")
SAME_MAC = parse_ip("224.129.2.3")  # RFC 1112 6.4: 32 groups share one address


@pytest.fixture
def interface() -> Interface:
    return Interface("eth0", 0, MAC)


def test_it_hears_its_own_address_everybody_and_all_hosts(interface: Interface) -> None:
    assert interface.hears(MAC)
    assert interface.hears(MAC_BROADCAST)
    assert interface.hears(multicast_mac(parse_ip("224.0.0.1")))
    assert not interface.hears(b"\x02\0\0\0\0\x02")


def test_it_hears_a_group_from_the_first_join_to_the_last_leave(interface: Interface) -> None:
    mac = multicast_mac(GROUP)
    assert mac == bytes.fromhex("01005e010203")
    assert not interface.hears(mac)
    interface.join(GROUP)
    interface.join(GROUP)
    assert interface.hears(mac)
    interface.leave(GROUP)
    assert interface.hears(mac)
    interface.leave(GROUP)
    assert not interface.hears(mac)


def test_leaving_one_of_two_groups_with_one_mac_address_keeps_the_other(interface: Interface) -> None:
    interface.join(GROUP)
    interface.join(SAME_MAC)
    interface.leave(SAME_MAC)
    assert interface.hears(multicast_mac(GROUP))
    assert GROUP in interface.groups
    assert SAME_MAC not in interface.groups


def test_leaving_a_group_that_was_never_joined_does_nothing(interface: Interface) -> None:
    interface.leave(GROUP)
    assert interface.groups == {}


def test_only_a_group_can_be_joined(interface: Interface) -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.1 is no multicast address"):
        interface.join(parse_ip("10.0.0.1"))


def test_a_subnet_has_a_broadcast_address_unless_it_is_too_small(interface: Interface) -> None:
    interface.add_address(parse_ip("10.0.0.1"), 24)
    interface.add_address(parse_ip("10.0.1.1"), 30)
    interface.add_address(parse_ip("10.0.2.0"), 31)  # RFC 3021
    interface.add_address(parse_ip("10.0.3.1"), 32)
    assert set(interface.broadcasts) == {parse_ip("10.0.0.255"), parse_ip("10.0.1.3")}


def test_it_sends_from_the_address_that_shares_the_next_hops_subnet(interface: Interface) -> None:
    assert interface.source_for(parse_ip("10.0.0.9")) is None
    interface.add_address(parse_ip("192.168.0.1"), 24)
    interface.add_address(parse_ip("10.0.0.1"), 24)
    assert interface.source_for(parse_ip("10.0.0.9")) == parse_ip("10.0.0.1")
    assert interface.source_for(parse_ip("8.8.8.8")) == parse_ip("192.168.0.1")
