from __future__ import annotations

from sim.services.dhcp.relay import Discard, Forward, Leg, agent_information, towards_client, towards_server
from sim.services.dhcp.replies import Addressee
from sim.wire.addresses import IPV4_ANY, IPV4_BROADCAST, MAC_BROADCAST, parse_ip
from sim.wire.dhcpv4 import BOOTREPLY, BOOTREQUEST, Message

MAC, OWN_MAC = b"\2\0\0\0\0\1", b"\2\0\0\0\0\xff"
LAN, SERVERS = parse_ip("192.168.1.1"), (parse_ip("10.0.0.67"), parse_ip("10.0.0.68"))
LEG = Leg("lan", LAN, OWN_MAC, SERVERS)
TALKATIVE = Leg("lan", LAN, OWN_MAC, SERVERS[:1], agent_information=True)


def discover(*options: tuple[int, bytes], hops: int = 0, giaddr: bytes = IPV4_ANY) -> Message:
    return Message(BOOTREQUEST, 7, MAC, ((53, b"\1"), *options), hops=hops, giaddr=giaddr, secs=3, flags=0x8000)


def test_every_server_is_told_which_subnet_asks() -> None:
    found = towards_server(discover(), LEG)
    forwards = [one for one in found if isinstance(one, Forward)]
    assert [one.to for one in forwards] == [Addressee(server, 67) for server in SERVERS]
    message = forwards[0].message
    assert (message.giaddr, message.hops, message.xid, message.secs, message.flags, message.chaddr) == (
        LAN,
        1,
        7,
        3,
        0x8000,
        MAC,
    )
    assert message.option(82) is None


def test_option_82_is_added_and_taken_out() -> None:
    (forward,) = towards_server(discover(), TALKATIVE)
    assert isinstance(forward, Forward)
    assert forward.message.options[-1] == (82, b"\1\3lan\2\6" + OWN_MAC) == (82, agent_information(TALKATIVE))
    reply = Message(BOOTREPLY, 7, MAC, forward.message.options, yiaddr=parse_ip("192.168.1.9"), giaddr=LAN)
    back = towards_client(reply, [TALKATIVE])
    assert back is not None
    assert (back.leg, back.message.option(82), back.to) == (TALKATIVE, None, Addressee(reply.yiaddr, 68, MAC))


def test_a_relay_behind_another_leaves_its_address() -> None:
    first = parse_ip("172.16.0.1")
    (forward, _) = towards_server(discover((82, b"\1\1x"), hops=1, giaddr=first), LEG)
    assert isinstance(forward, Forward)
    assert (forward.message.giaddr, forward.message.hops, forward.message.option(82)) == (first, 2, b"\1\1x")


def test_what_goes_in_circles_is_dropped() -> None:
    assert towards_server(discover(hops=16), LEG) == [Discard("DHCP message went by too many relays")]


def test_a_client_does_not_say_where_it_is() -> None:
    """RFC 3046 2.1: an untrusted circuit."""
    assert towards_server(discover((82, b"\1\1x")), LEG) == [Discard("DHCP relay information from a client")]


def test_answers_are_for_the_leg_that_they_name() -> None:
    reply = Message(BOOTREPLY, 7, MAC, ((53, b"\2"),), yiaddr=parse_ip("192.168.1.9"), giaddr=LAN, flags=0x8000)
    back = towards_client(reply, [Leg("dmz", parse_ip("192.168.2.1"), OWN_MAC, SERVERS), LEG])
    assert back is not None
    assert (back.leg, back.to) == (LEG, Addressee(IPV4_BROADCAST, 68, MAC_BROADCAST))
    assert towards_client(reply, []) is None
