from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.links.rules import PASS, Deliver, Drop, Verdict
from sim.tracing import kinds
from sim.tracing.journeys import Journey, is_arp
from sim.wire import icmpv4
from sim.wire.addresses import parse_ip

if TYPE_CHECKING:
    from tests.tracing.conftest import Office


def edges(journey: Journey) -> list[str]:
    return [f"{hop.sender}>{hop.receiver}" for hop in journey.walk()]


def test_a_ping_is_one_tree_from_the_wish_to_the_reply(office: Office) -> None:
    office.pc1.ping("web")
    (root,) = office.pc1.ping("web").roots
    journey = office.net.trace.journey(root)
    assert (journey.node, journey.text) == ("pc1", "ICMP echo request 1 to 10.1.0.1")
    there = ["pc1>sw1", "sw1>r1", "r1>hub1", "hub1>web", "hub1>spy"]
    back = ["web>hub1", "hub1>r1", "hub1>spy", "r1>sw1", "sw1>pc1"]
    assert sorted(edges(journey)) == sorted(there + back)
    assert journey.path() == ["pc1", "sw1", "r1", "hub1", "web"]
    assert journey.drops() == []


def test_a_flood_has_a_branch_for_every_port(office: Office) -> None:
    (root,) = office.pc1.ping("pc2").roots
    journey = office.net.trace.journey(root)
    question = journey.hops[0]
    assert is_arp(question.frame)
    (flood,) = [note for note in question.notes if note.kind == kinds.FLOOD]
    assert (flood.node, flood.detail) == ("sw1", ("broadcast", 2))
    assert [child.receiver for child in question.children] == ["pc2", "r1"]


def test_arp_comes_first_and_is_not_the_path(office: Office) -> None:
    (root,) = office.pc1.ping("web").roots
    journey = office.net.trace.journey(root)
    arp, echo = journey.hops
    assert is_arp(arp.frame)
    assert not is_arp(echo.frame)
    assert arp.start < echo.start
    assert journey.path() == ["pc1", "sw1", "r1", "hub1", "web"]
    assert [note.kind for note in journey.notes] == [kinds.ROUTE, kinds.ARP_ASK]


def test_a_packet_that_waited_for_arp_keeps_its_own_cause(office: Office) -> None:
    """Two wishes at once: the answer to the one question sends both packets, each in its own journey."""
    roots = []
    for number in (1, 2):
        socket = office.pc1.stack.udp.open(port=5000 + number)
        roots.append(office.pc1.originate(f"datagram {number}"))
        socket.send_to(bytes([number]), parse_ip("10.0.0.2"), 7)
    office.net.run()
    journeys = [office.net.trace.journey(root) for root in roots]
    assert [is_arp(journeys[0].hops[0].frame), *(is_arp(hop.frame) for hop in journeys[1].hops)] == [True, False]
    for number, journey in enumerate(journeys, 1):
        sent = [hop.frame[42:] for hop in journey.hops if not is_arp(hop.frame)]
        assert sent == [bytes([number])]


def test_journeys_come_in_the_order_they_began_and_hold_every_transmission_once(office: Office) -> None:
    office.pc1.ping("web", count=2)
    office.pc2.ping("10.0.0.99")
    office.net.probe("p").inject(b"nowhere")
    office.net.run()
    journeys = office.net.trace.journeys()
    assert [journey.id for journey in journeys] == sorted(journey.id for journey in journeys)
    walked = [hop.id for journey in journeys for hop in journey.walk()]
    assert sorted(walked) == list(office.net.recorder.ids)


@pytest.mark.parametrize(
    ("destination", "ttl", "path", "drop"),
    [
        ("web", 1, ["pc1", "sw1", "r1"], ("r1", "TTL expired")),
        ("8.8.8.8", 64, ["pc1", "sw1", "r1"], ("r1", "no route")),
        ("10.1.0.9", 64, ["pc1", "sw1", "r1"], ("r1", "host unreachable")),
        ("10.0.0.9", 64, ["pc1"], ("pc1", "host unreachable")),
    ],
)
def test_a_packet_that_dies_has_a_path_to_where_it_died(
    office: Office, destination: str, ttl: int, path: list[str], drop: tuple[str, str]
) -> None:
    (root,) = office.pc1.ping(destination, ttl=ttl, timeout="5s").roots
    journey = office.net.trace.journey(root)
    assert journey.path() == path
    assert drop in journey.drops()


def test_a_packet_lost_on_a_link_says_where_and_why(office: Office) -> None:
    office.pc1.ping("web")

    def lose_echo(frame: bytes, time: int) -> Verdict:
        return PASS if is_arp(frame) else Drop("test loss")

    office.net.link_between("r1:wan", "hub1").add_rule(lose_echo)
    (root,) = office.pc1.ping("web").roots
    journey = office.net.trace.journey(root)
    assert journey.path() == ["pc1", "sw1", "r1"]
    assert journey.drops() == [("r1", "test loss")]
    lost = [hop for hop in journey.walk() if hop.lost is not None]
    assert [(hop.sender_port, hop.receiver_port, hop.arrival, hop.lost) for hop in lost] == [
        ("wan", "eth1", None, "test loss")
    ]


def test_an_altered_frame_shows_what_left_and_what_arrived(office: Office) -> None:
    office.pc1.ping("pc2")

    def break_echo(frame: bytes, time: int) -> Verdict:
        return PASS if is_arp(frame) else Deliver(frame=frame[:-1] + b"!", why="corrupted")

    office.net.link_between("pc1", "sw1").channels[0].rules += (break_echo,)
    (root,) = office.pc1.ping("pc2").roots
    (hop,) = office.net.trace.journey(root).hops
    assert hop.received == hop.frame[:-1] + b"!"
    assert office.net.trace.journey(root).drops() == [("pc2", "malformed ICMP")]


def test_a_packet_with_no_wish_behind_it_is_a_journey_of_its_own(office: Office) -> None:
    spy = office.net.probe("p9")
    office.net.link(spy, "sw1")
    spy.inject(b"\xff" * 6 + bytes(54))
    office.net.run()
    (journey,) = office.net.trace.journeys()
    assert (journey.node, journey.text, journey.notes) == ("p9", "", [])
    assert edges(journey) == ["p9>sw1", "sw1>pc1", "sw1>pc2", "sw1>r1"]
    with pytest.raises(KeyError):
        office.net.trace.journey(10_000)


def test_fragments_of_one_packet_belong_to_one_journey(office: Office) -> None:
    (root,) = office.pc1.ping("web", size=3000).roots
    journey = office.net.trace.journey(root)
    assert len([hop for hop in journey.hops if not is_arp(hop.frame)]) == 3
    assert journey.path() == ["pc1", "sw1", "r1", "hub1", "web"]
    delivered = [hop for hop in journey.walk() if hop.delivered() == "ICMP echo request"]
    assert len(delivered) == 1


def test_the_error_that_comes_back_is_part_of_the_journey_but_not_of_the_path(office: Office) -> None:
    office.pc1.ping("pc2")
    (root,) = office.pc1.ping("web", ttl=1).roots
    journey = office.net.trace.journey(root)
    last = [hop for hop in journey.walk() if not is_arp(hop.frame)][-1]
    assert last.receiver == "pc1"
    assert last.delivered() == "ICMP error"
    assert icmpv4.parse(last.frame[34:]).kind == icmpv4.TIME_EXCEEDED
    assert journey.path() == ["pc1", "sw1", "r1"]


def test_a_ping_to_oneself_stays_at_home(office: Office) -> None:
    (root,) = office.pc1.ping("127.0.0.1").roots
    assert edges(office.net.trace.journey(root)) == ["pc1>pc1", "pc1>pc1"]


def test_what_is_recorded_later_is_seen_by_the_next_question(office: Office) -> None:
    office.pc1.ping("pc2")
    before = len(office.net.trace.journeys())
    office.pc1.ping("pc2")
    assert len(office.net.trace.journeys()) == before + 1
