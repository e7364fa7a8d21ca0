"""The server (RFC 2131 4.3), message by message."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import pytest

from sim.services.dhcp.pool import Subnet
from sim.services.dhcp.replies import Addressee, Reply
from sim.services.dhcp.server import Action, Arrival, Note, Probe, Refuse, Server
from sim.units import SECOND
from sim.wire import dhcpv4
from sim.wire.addresses import IPV4_ANY, IPV4_BROADCAST, MAC_BROADCAST, parse_ip
from sim.wire.dhcpv4 import ACK, BOOTREQUEST, DECLINE, DISCOVER, INFORM, NAK, OFFER, RELEASE, REQUEST, Message
from tests.services.dhcp.subnets import subnet

OWN, RELAY = parse_ip("10.0.1.1"), parse_ip("10.0.2.254")
FIRST = parse_ip("10.0.1.100")


def mac(number: int) -> bytes:
    return b"\2\0\0\0\0" + bytes((number,))


class Desk:
    """A server at 10.0.1.1 with ten addresses there and two on 10.0.2.0/24, and its clock."""

    def __init__(self, *more: Subnet, ping: bool = False) -> None:
        subnets = [subnet("10.0.1.0/24", "10.0.1.100-10.0.1.109"), subnet("10.0.2.0/24", "10.0.2.100-10.0.2.101")]
        self.server = Server([*(more or subnets)], ping=ping)
        self.now = 0

    def ask(
        self, kind: int, client: int, *options: dhcpv4.Option, unicast: bool = False, **fields: Any
    ) -> list[Action]:
        message = Message(BOOTREQUEST, client, mac(client), ((53, bytes((kind,))), *options), **fields)
        actions = self.server.receive(message, Arrival(OWN, unicast), self.now * SECOND)
        for action in actions:
            if isinstance(action, Reply):
                written = dhcpv4.emit(action.message, action.limit)
                assert dhcpv4.parse(written) == action.message
        return actions

    def reply(self, kind: int, client: int, *options: dhcpv4.Option, unicast: bool = False, **fields: Any) -> Reply:
        (action,) = self.ask(kind, client, *options, unicast=unicast, **fields)
        assert isinstance(action, Reply)
        return action

    def lease(self, client: int, **fields: Any) -> bytes:
        """DISCOVER, OFFER, REQUEST, ACK."""
        offer = self.reply(DISCOVER, client, **fields).message
        assert offer.kind == OFFER
        ack = self.reply(REQUEST, client, (50, offer.yiaddr), (54, OWN), **fields).message
        assert (ack.kind, ack.yiaddr) == (ACK, offer.yiaddr)
        return ack.yiaddr

    def leased(self) -> dict[int, str]:
        return {lease.mac[5]: str(IPv4Address(lease.address)) for lease in self.server.leases(self.now * SECOND)}


def test_an_offer_and_a_lease() -> None:
    desk = Desk()
    offer = desk.reply(DISCOVER, 1, (55, bytes((6, 1, 3, 99)))).message
    assert (offer.kind, offer.yiaddr, offer.address(54)) == (OFFER, FIRST, OWN)
    assert [code for code, _ in offer.options] == [53, 54, 51, 58, 59, 1, 6, 3, 15, 42]  # as they were asked for
    assert [offer.seconds(code) for code in (51, 58, 59)] == [3600, 1800, 3150]
    assert desk.leased() == {}
    assert desk.lease(1) == FIRST
    assert desk.leased() == {1: "10.0.1.100"}
    desk.now = 3601
    assert desk.leased() == {}


def test_everybody_gets_another_address_until_there_is_none() -> None:
    desk = Desk()
    assert [desk.lease(client)[3] for client in range(10)] == list(range(100, 110))
    assert desk.ask(DISCOVER, 10) == [Refuse("DHCP pool exhausted")]
    desk.ask(RELEASE, 3, (54, OWN), unicast=True, ciaddr=parse_ip("10.0.1.103"))
    assert desk.lease(10)[3] == 103


def test_an_offer_holds_its_address_for_a_minute() -> None:
    desk = Desk(subnet("10.0.1.0/24", "10.0.1.100-10.0.1.100"))
    desk.reply(DISCOVER, 1)
    assert desk.ask(DISCOVER, 2) == [Refuse("DHCP pool exhausted")]
    desk.now = 61
    assert desk.reply(DISCOVER, 2).message.yiaddr == FIRST


def test_who_comes_back_finds_its_address() -> None:
    desk = Desk()
    for client in (1, 2, 3):
        desk.lease(client)
    desk.ask(RELEASE, 2, (54, OWN), unicast=True, ciaddr=parse_ip("10.0.1.101"))
    assert desk.lease(4)[3] == 103  # what nobody had is given first
    assert desk.lease(2)[3] == 101


def test_a_wish_is_granted_if_it_can_be() -> None:
    desk = Desk()
    assert desk.reply(DISCOVER, 1, (50, parse_ip("10.0.1.105"))).message.yiaddr[3] == 105
    assert desk.reply(DISCOVER, 2, (50, parse_ip("10.0.1.105"))).message.yiaddr[3] == 100
    assert desk.reply(DISCOVER, 3, (50, parse_ip("10.0.9.9"))).message.yiaddr[3] == 101


def test_a_reservation_is_kept_for_its_client() -> None:
    reserved = subnet("10.0.1.0/24", "10.0.1.100-10.0.1.102", reservations={mac(9): "10.0.1.101", mac(8): "10.0.1.50"})
    desk = Desk(reserved)
    assert [desk.lease(client)[3] for client in (1, 2)] == [100, 102]
    assert desk.ask(DISCOVER, 3, (50, parse_ip("10.0.1.101"))) == [Refuse("DHCP pool exhausted")]
    assert desk.lease(9)[3] == 101
    assert desk.lease(8)[3] == 50


def test_clients_are_told_apart_by_their_identifier() -> None:
    desk = Desk()
    one = desk.reply(DISCOVER, 1, (61, b"\0one")).message
    other = desk.reply(DISCOVER, 1, (61, b"\0other")).message
    assert one.yiaddr != other.yiaddr
    assert other.option(61) == b"\0other"  # RFC 6842


# -- where answers go (RFC 2131 4.1)


def test_answers_go_to_the_mac_address_of_who_has_no_address() -> None:
    assert Desk().reply(DISCOVER, 1).to == Addressee(FIRST, 68, mac(1))


def test_answers_are_broadcast_to_who_wants_it() -> None:
    reply = Desk().reply(DISCOVER, 1, flags=0x8000)
    assert reply.to == Addressee(IPV4_BROADCAST, 68, MAC_BROADCAST)
    assert reply.message.broadcast


def test_answers_are_routed_to_who_has_an_address() -> None:
    desk = Desk()
    address = desk.lease(1)
    assert desk.reply(REQUEST, 1, unicast=True, ciaddr=address).to == Addressee(address, 68)


def test_answers_go_back_by_the_relay_for_the_subnet_of_its_address() -> None:
    desk = Desk()
    information = b"\1\3lan"
    reply = desk.reply(DISCOVER, 1, (82, information), giaddr=RELAY, hops=1)
    assert reply.to == Addressee(RELAY, 67)
    assert reply.message.yiaddr == parse_ip("10.0.2.100")
    assert reply.message.options[-1] == (82, information)  # RFC 3046 2.2: the last one


def test_a_subnet_without_a_pool_is_told_nothing() -> None:
    assert Desk().ask(DISCOVER, 1, giaddr=parse_ip("10.9.0.1")) == [Refuse("no DHCP pool for this subnet")]


def test_a_refusal_is_broadcast_by_the_relay_too() -> None:
    desk = Desk()
    reply = desk.reply(REQUEST, 1, (50, FIRST), giaddr=RELAY)
    assert (reply.message.kind, reply.message.broadcast, reply.to) == (NAK, True, Addressee(RELAY, 67))


# -- the four sorts of REQUEST (RFC 2131 4.3.2)


def test_selecting_another_server_frees_the_offer() -> None:
    desk = Desk(subnet("10.0.1.0/24", "10.0.1.100-10.0.1.100"))
    desk.reply(DISCOVER, 1)
    assert desk.ask(REQUEST, 1, (50, parse_ip("10.0.1.7")), (54, parse_ip("10.0.1.2"))) == []
    assert desk.reply(DISCOVER, 2).message.yiaddr == FIRST


def test_selecting_what_was_not_offered_is_refused() -> None:
    desk = Desk()
    desk.reply(DISCOVER, 1)
    assert desk.reply(REQUEST, 1, (50, parse_ip("10.0.1.105")), (54, OWN)).message.kind == NAK
    assert desk.reply(REQUEST, 2, (50, FIRST), (54, OWN)).message.kind == NAK


def test_reboot_with_the_right_address_the_wrong_one_and_of_a_stranger() -> None:
    desk = Desk()
    address = desk.lease(1)
    assert desk.reply(REQUEST, 1, (50, address)).message.kind == ACK
    wrong = desk.reply(REQUEST, 1, (50, parse_ip("10.0.1.105")))
    assert (wrong.message.kind, wrong.to.address) == (NAK, IPV4_BROADCAST)
    elsewhere = desk.reply(REQUEST, 2, (50, parse_ip("192.168.7.7"))).message
    assert (elsewhere.kind, elsewhere.text(56), elsewhere.yiaddr) == (NAK, "wrong network", IPV4_ANY)
    assert desk.ask(REQUEST, 2, (50, parse_ip("10.0.1.106"))) == []  # another server may know it
    assert desk.reply(REQUEST, 2, (50, address)).message.kind == NAK


def test_renewing_extends_the_lease_and_rebinding_too() -> None:
    desk = Desk()
    address = desk.lease(1)
    for now, unicast in ((1800, True), (3150, False)):
        desk.now = now
        ack = desk.reply(REQUEST, 1, unicast=unicast, ciaddr=address).message
        assert (ack.kind, ack.yiaddr, ack.ciaddr, ack.seconds(51)) == (ACK, address, address, 3600)
    desk.now = 6700
    assert desk.leased() == {1: "10.0.1.100"}


def test_renewing_from_behind_a_router_is_by_the_address() -> None:
    desk = Desk()
    address = desk.lease(1, giaddr=RELAY)
    assert address == parse_ip("10.0.2.100")
    assert desk.reply(REQUEST, 1, unicast=True, ciaddr=address).message.kind == ACK


def test_rebinding_in_another_network_is_refused() -> None:
    desk = Desk()
    address = desk.lease(1, giaddr=RELAY)
    assert desk.reply(REQUEST, 1, ciaddr=address).message.kind == NAK


def test_renewing_what_is_anothers_is_refused() -> None:
    desk = Desk()
    address = desk.lease(1)
    assert desk.reply(REQUEST, 2, unicast=True, ciaddr=address).message.kind == NAK
    assert desk.leased() == {1: "10.0.1.100"}


# -- the other messages


def test_declined_addresses_are_set_apart_for_a_day() -> None:
    desk = Desk(subnet("10.0.1.0/24", "10.0.1.100-10.0.1.101"))
    address = desk.lease(1)
    assert desk.ask(DECLINE, 1, (50, address), (54, OWN)) == [Note("sets 10.0.1.100 apart: it was declined")]
    assert desk.lease(1)[3] == 101
    assert desk.ask(DISCOVER, 2) == [Refuse("DHCP pool exhausted")]
    desk.now = 24 * 3600 + 1
    assert desk.reply(DISCOVER, 2).message.kind == OFFER


def test_nobody_declines_or_releases_for_another() -> None:
    desk = Desk()
    address = desk.lease(1)
    assert desk.ask(DECLINE, 2, (50, address), (54, OWN)) == []
    desk.ask(RELEASE, 2, (54, OWN), unicast=True, ciaddr=address)
    assert desk.leased() == {1: "10.0.1.100"}


def test_inform_is_answered_with_options_and_no_lease() -> None:
    desk = Desk()
    reply = desk.reply(INFORM, 1, ciaddr=parse_ip("10.0.1.7"))
    assert (reply.message.kind, reply.message.yiaddr, reply.message.option(51)) == (ACK, IPV4_ANY, None)
    assert reply.message.address(3) == parse_ip("10.0.1.254")
    assert reply.to == Addressee(parse_ip("10.0.1.7"), 68)
    assert desk.leased() == {}


def test_leases_outlive_a_power_cut_and_offers_do_not() -> None:
    desk = Desk()
    desk.lease(1)
    desk.reply(DISCOVER, 2)
    desk.server.forget()
    assert desk.leased() == {1: "10.0.1.100"}
    assert desk.reply(REQUEST, 2, (50, parse_ip("10.0.1.101")), (54, OWN)).message.kind == NAK


# -- pings


def test_an_address_is_probed_before_it_is_offered() -> None:
    desk = Desk(ping=True)
    (probe,) = desk.ask(DISCOVER, 1)
    assert probe == Probe(FIRST, 1)
    assert desk.ask(DISCOVER, 1) == []  # again, while the ping is on its way
    (reply,) = desk.server.handle_probe(1, used=False, now=SECOND)
    assert isinstance(reply, Reply)
    assert reply.message.yiaddr == FIRST
    assert desk.server.handle_probe(1, used=True, now=SECOND) == []  # too late
    assert isinstance(desk.ask(DISCOVER, 1)[0], Reply)  # it is known to be free


def test_one_that_answers_is_set_apart_and_the_next_is_tried() -> None:
    desk = Desk(ping=True)
    desk.ask(DISCOVER, 1)
    note, probe = desk.server.handle_probe(1, used=True, now=SECOND)
    assert note == Note("sets 10.0.1.100 apart: it answers a ping")
    assert probe == Probe(parse_ip("10.0.1.101"), 2)
    desk.server.handle_probe(2, used=False, now=2 * SECOND)
    assert desk.reply(REQUEST, 1, (50, parse_ip("10.0.1.101")), (54, OWN)).message.kind == ACK


def test_when_all_answer_the_pool_is_exhausted() -> None:
    desk = Desk(subnet("10.0.1.0/24", "10.0.1.100-10.0.1.101"), ping=True)
    desk.ask(DISCOVER, 1)
    desk.server.handle_probe(1, used=True, now=0)
    assert desk.server.handle_probe(2, used=True, now=0)[-1] == Refuse("DHCP pool exhausted")


# -- limits


@pytest.mark.parametrize(("size", "limit"), [(None, 548), (300, 548), (1500, 1472), (60000, 1472)])
def test_an_answer_is_no_longer_than_the_client_takes(size: int | None, limit: int) -> None:
    options = () if size is None else ((57, size.to_bytes(2, "big")),)
    assert Desk().reply(DISCOVER, 1, *options).limit == limit


def test_a_large_pool_costs_nothing_until_it_is_used() -> None:
    desk = Desk(subnet("10.0.0.0/8", "10.0.0.1-10.255.255.254"))
    assert desk.lease(1) == parse_ip("10.0.0.1")
    assert desk.lease(2) == parse_ip("10.0.0.2")
    assert len(desk.server.pools[0].by_address) == 2


def test_what_is_no_request_is_ignored() -> None:
    desk = Desk()
    for kind in (OFFER, ACK, NAK):
        assert desk.ask(kind, 1) == []
    reply = Message(dhcpv4.BOOTREPLY, 1, mac(1), ((53, b"\1"),))
    assert desk.server.receive(reply, Arrival(OWN), 0) == []
    assert desk.server.receive(Message(BOOTREQUEST, 1, mac(1)), Arrival(OWN), 0) == []  # plain BOOTP
