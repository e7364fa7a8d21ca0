"""Every state of RFC 4861 7.3.2 and every way between them, with Linux's times; and what RFC 826 lets us learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.stack import neighbours
from sim.stack.neighbours import STATE_NAMES
from sim.stack.service import IcmpError, Protocol
from sim.tracing import kinds
from sim.wire import arp, ethernet, ipv4
from sim.wire.addresses import MAC_BROADCAST, MAC_ZERO, parse_ip

if TYPE_CHECKING:
    from tests.stack.conftest import Bench

PEER = "10.0.0.2"


def state(bench: Bench, address: str = PEER) -> str:
    return STATE_NAMES[bench.table.entries[parse_ip(address)].state_at(bench.now)]


def send(bench: Bench, mark: bytes = b"x", cause: int | None = None, to: str = PEER) -> list[bytes]:
    """Send a packet with protocol 99 and the payload `mark`; what left thereupon."""
    bench.outside.take()
    bench.enter(cause)
    bench.stack.send(ipv4.Packet(parse_ip("10.0.0.1"), parse_ip(to), 99, mark))
    return bench.outside.take()


def marks(bench: Bench, frames: list[bytes]) -> list[bytes]:
    return [packet.payload for packet in bench.parsed(frames)]


def reachable(bench: Bench) -> None:
    """Bring the peer into REACHABLE at the bench's time."""
    send(bench)
    bench.answer(PEER)


# -- INCOMPLETE


def test_the_first_packet_waits_and_the_link_is_asked(bench: Bench) -> None:
    frames = send(bench)
    ((mac, question),) = bench.asked(frames)
    assert len(frames) == 1
    assert mac == MAC_BROADCAST
    assert question.operation == arp.REQUEST
    assert (question.sender_mac, question.sender_ip) == (bench.eth0.mac, parse_ip("10.0.0.1"))
    assert (question.target_mac, question.target_ip) == (MAC_ZERO, parse_ip(PEER))
    assert state(bench) == "incomplete"


def test_packets_that_wait_ask_no_second_time(bench: Bench) -> None:
    send(bench)
    assert send(bench) == []


def test_the_answer_sends_what_waited_in_order_and_for_its_own_causes(bench: Bench) -> None:
    send(bench, b"one", cause=11)
    send(bench, b"two", cause=12)
    bench.hear_arp(arp.REPLY, "10.0.0.9", "10.0.0.1")  # not asked
    bench.outside.take()
    bench.answer(PEER)
    bench.enter()
    send(bench, b"three", cause=13)
    send(bench, b"four", cause=14, to="10.0.0.3")
    bench.stack.enter(0, 0)
    bench.stack.receive(bench.eth0, reply_frame(bench, "10.0.0.3"), 0, 77)
    sent = [(frame[34:], cause) for _, frame, cause in bench.outside.sent]
    assert sent == [(b"four", 14)]
    assert bench.stack.core.cause == 77  # what comes next in the same event is caused by the answer again


def reply_frame(bench: Bench, sender: str) -> bytes:
    packet = arp.Packet(arp.REPLY, bench.mac(sender), parse_ip(sender), bench.eth0.mac, parse_ip("10.0.0.1"))
    return ethernet.emit(ethernet.Frame(bench.eth0.mac, bench.mac(sender), ethernet.ETHERTYPE_ARP, arp.emit(packet)))


def test_waiting_packets_leave_with_the_answers_mac_address(bench: Bench) -> None:
    send(bench, b"one", cause=11)
    send(bench, b"two", cause=12)
    frames = bench.answer(PEER)
    assert marks(bench, frames) == [b"one", b"two"]
    assert {frame[:14] for frame in frames} == {bench.mac(PEER) + bench.eth0.mac + b"\x08\x00"}
    assert state(bench) == "reachable"


def test_three_questions_a_second_apart_then_it_has_failed(bench: Bench) -> None:
    send(bench)
    times = [0.0]
    for tenths in range(1, 50):
        bench.at(tenths / 10)
        times += [tenths / 10] * len(bench.asked(bench.outside.take()))
        assert state(bench) == ("failed" if tenths >= 30 else "incomplete")
    assert times == [0.0, 1.0, 2.0]


def test_whoever_waited_in_vain_is_told_in_order(bench: Bench) -> None:
    told: list[tuple[bytes, int]] = []

    class Ninetynine(Protocol):
        def handle_error(self, error: IcmpError) -> None:
            told.append((error.quoted.payload, bench.stack.core.cause))

    bench.stack.protocols[99] = Ninetynine()
    send(bench, b"one", cause=11)
    bench.at(1.5)
    send(bench, b"two", cause=12)
    bench.at(3)
    assert told == [(b"one", 11), (b"two", 12)]
    assert bench.journal.drops == {"host unreachable": 2}
    assert len(bench.notes(kinds.ARP_FAIL)) == 1


def test_a_packet_of_another_host_comes_back_to_it_as_host_unreachable(bench: Bench) -> None:
    bench.know("10.0.0.7")
    packet = ipv4.emit(bench.udp("10.0.0.7", PEER))
    bench.enter(5)
    bench.table.send(bench.table.lookup(parse_ip(PEER)), packet)
    bench.at(3)
    (error,) = bench.errors(bench.outside.take())
    assert (error.kind, error.code, error.payload) == (3, 1, packet)


def test_a_failed_neighbour_is_asked_afresh_for_the_next_packet(bench: Bench) -> None:
    send(bench)
    bench.at(10)
    assert state(bench) == "failed"
    assert len(bench.asked(send(bench, b"late"))) == 1
    bench.at(12.5)
    assert len(bench.asked(bench.outside.take())) == 2
    assert marks(bench, bench.answer(PEER)) == [b"late"]


def test_the_queue_is_bounded_and_the_oldest_packet_gives_way(bench: Bench) -> None:
    for number in range(neighbours.QUEUE_LIMIT + 2):
        send(bench, bytes([number]), cause=200 + number)
    assert bench.journal.drops == {"ARP queue full": 2}
    dropped = [
        subject
        for subject, kind in zip(bench.recorder.note_subjects, bench.recorder.note_kinds, strict=True)
        if kind == kinds.DROP
    ]
    assert dropped == [200, 201]
    assert [mark[0] for mark in marks(bench, bench.answer(PEER))] == list(range(2, neighbours.QUEUE_LIMIT + 2))


def test_the_question_keeps_the_cause_of_the_packet_that_needs_it(bench: Bench) -> None:
    send(bench, cause=11)
    send(bench, cause=12)
    bench.at(2)
    assert [cause for _, _, cause in bench.outside.sent] == [11, 11]


# -- REACHABLE, STALE, DELAY, PROBE


def test_a_reachable_neighbour_is_sent_to_for_thirty_seconds_without_a_question(bench: Bench) -> None:
    reachable(bench)
    bench.at(30)
    assert state(bench) == "reachable"
    assert marks(bench, send(bench)) == [b"x"]
    bench.at(40)
    assert bench.outside.take() == []


def test_after_thirty_seconds_it_is_stale_and_no_timer_was_needed(bench: Bench) -> None:
    reachable(bench)
    bench.at(30.001)
    assert state(bench) == "stale"
    assert bench.outside.take() == []


def test_use_of_a_stale_neighbour_starts_the_delay_and_still_sends(bench: Bench) -> None:
    reachable(bench)
    bench.at(31)
    assert marks(bench, send(bench)) == [b"x"]
    assert state(bench) == "delay"
    bench.at(35.9)
    assert bench.outside.take() == []
    assert state(bench) == "delay"


def test_five_seconds_later_the_known_address_is_asked_by_unicast_three_times(bench: Bench) -> None:
    reachable(bench)
    bench.at(31)
    send(bench)
    times = []
    for tenths in range(311, 410):
        bench.at(tenths / 10)
        for mac, question in bench.asked(bench.outside.take()):
            assert mac == bench.mac(PEER)
            assert (question.operation, question.target_ip) == (arp.REQUEST, parse_ip(PEER))
            times.append(tenths / 10)
        if tenths in (360, 389):
            assert state(bench) == "probe"
            assert marks(bench, send(bench)) == [b"x"]  # it is used all the while
    assert times == [36.0, 37.0, 38.0]
    assert state(bench) == "failed"
    assert bench.journal.drops == {}  # nothing waited


def test_after_failed_probes_the_link_is_asked_by_broadcast_again(bench: Bench) -> None:
    reachable(bench)
    bench.at(31)
    send(bench)
    bench.at(50)
    ((mac, _),) = bench.asked(send(bench))
    assert mac == MAC_BROADCAST
    assert state(bench) == "incomplete"


@pytest.mark.parametrize("when", [32.0, 36.5])
def test_an_answer_in_delay_or_probe_makes_it_reachable_and_stops_the_questions(bench: Bench, when: float) -> None:
    reachable(bench)
    bench.at(31)
    send(bench)
    bench.at(when)
    bench.answer(PEER)
    assert state(bench) == "reachable"
    bench.outside.take()
    bench.at(when + 30)
    assert state(bench) == "reachable"
    assert bench.outside.take() == []


def test_a_word_from_above_confirms_a_neighbour_too(bench: Bench) -> None:
    reachable(bench)
    bench.at(31)
    send(bench)
    bench.table.confirm(parse_ip(PEER))
    assert state(bench) == "reachable"
    bench.at(61)
    assert bench.outside.take() == []


@pytest.mark.parametrize("packets", [0, 1])
def test_a_word_from_above_makes_no_neighbour_known(bench: Bench, packets: int) -> None:
    for _ in range(packets):
        send(bench)
    bench.table.confirm(parse_ip(PEER))
    entry = bench.table.entries.get(parse_ip(PEER))
    assert entry is None or STATE_NAMES[entry.state] == "incomplete"


# -- what is learned


def test_who_asks_for_us_is_answered_and_remembered_as_stale(bench: Bench) -> None:
    ((mac, answer),) = bench.asked(bench.hear_arp(arp.REQUEST, PEER, "10.0.0.1"))
    assert mac == bench.mac(PEER)
    assert answer == arp.Packet(arp.REPLY, bench.eth0.mac, parse_ip("10.0.0.1"), bench.mac(PEER), parse_ip(PEER))
    assert state(bench) == "stale"
    assert marks(bench, send(bench)) == [b"x"]
    assert state(bench) == "delay"


@pytest.mark.parametrize(
    ("operation", "target"),
    [(arp.REQUEST, "10.0.0.9"), (arp.REQUEST, PEER), (arp.REPLY, PEER), (arp.REPLY, "10.0.0.1")],
    ids=["asks for another", "gratuitous request", "gratuitous reply", "answer to no question"],
)
def test_nobody_else_is_remembered(bench: Bench, operation: int, target: str) -> None:
    assert bench.hear_arp(operation, PEER, target) == []
    assert bench.table.entries == {}


@pytest.mark.parametrize("operation", [arp.REQUEST, arp.REPLY])
def test_a_gratuitous_packet_updates_an_entry_that_is_there(bench: Bench, operation: int) -> None:
    reachable(bench)
    elsewhere = b"\x02\0\0\0\0\x55"
    bench.hear_arp(operation, PEER, PEER, mac=elsewhere)
    assert state(bench) == "stale"
    assert send(bench)[0][:6] == elsewhere


def test_the_same_address_once_more_changes_nothing(bench: Bench) -> None:
    reachable(bench)
    bench.hear_arp(arp.REQUEST, PEER, "10.0.0.9")
    assert state(bench) == "reachable"
    assert len(bench.notes(kinds.ARP_LEARN)) == 1


def test_a_question_from_the_awaited_neighbour_is_as_good_as_its_answer(bench: Bench) -> None:
    send(bench, b"one")
    assert marks(bench, bench.hear_arp(arp.REQUEST, PEER, "10.0.0.9")) == [b"one"]
    assert state(bench) == "delay"


def test_a_neighbour_that_moved_in_the_delay_is_stale_and_not_probed_at_its_old_address(bench: Bench) -> None:
    reachable(bench)
    bench.at(31)
    send(bench)
    bench.hear_arp(arp.REQUEST, PEER, PEER, mac=b"\x02\0\0\0\0\x55")
    bench.at(60)
    assert bench.outside.take() == []
    assert state(bench) == "stale"


def test_a_probe_for_our_address_is_answered_and_nobody_learned(bench: Bench) -> None:
    ((_, answer),) = bench.asked(bench.hear_arp(arp.REQUEST, "0.0.0.0", "10.0.0.1", mac=bench.mac(PEER)))
    assert (answer.target_mac, answer.target_ip) == (bench.mac(PEER), parse_ip("0.0.0.0"))
    assert bench.table.entries == {}


def test_a_question_for_another_host_is_ignored(bench: Bench) -> None:
    assert bench.hear_arp(arp.REQUEST, PEER, "10.0.0.9") == []
    assert bench.notes(kinds.IGNORE) == ["asks for somebody else"]
    assert bench.journal.drops == {}


def test_every_address_of_the_interface_is_answered_for(bench: Bench) -> None:
    bench.stack.add_address(bench.eth0, parse_ip("10.7.0.1"), 16)
    ((_, answer),) = bench.asked(bench.hear_arp(arp.REQUEST, PEER, "10.7.0.1"))
    assert answer.sender_ip == parse_ip("10.7.0.1")


def test_the_question_is_asked_from_the_address_in_the_neighbours_subnet(bench: Bench) -> None:
    bench.stack.add_address(bench.eth0, parse_ip("10.7.0.1"), 16)
    ((_, question),) = bench.asked(send(bench, to="10.7.0.2"))
    assert question.sender_ip == parse_ip("10.7.0.1")


def test_somebody_with_our_address_is_a_conflict_and_no_neighbour(bench: Bench) -> None:
    bench.hear_arp(arp.REQUEST, "10.0.0.1", "10.0.0.1", mac=bench.mac(PEER))
    assert bench.notes(kinds.CONFLICT) == [(parse_ip("10.0.0.1"), bench.mac(PEER))]
    assert bench.table.entries == {}
    assert bench.table.conflicts == 1


def test_our_own_announcement_come_back_is_no_conflict(bench: Bench) -> None:
    bench.hear_arp(arp.REQUEST, "10.0.0.1", "10.0.0.1", mac=bench.eth0.mac)
    assert bench.notes(kinds.CONFLICT) == []


@pytest.mark.parametrize("mac", ["ffffffffffff", "01005e000001"])
def test_no_neighbour_has_the_address_of_a_group(bench: Bench, mac: str) -> None:  # RFC 1812 3.3.2
    send(bench)
    assert bench.answer(PEER, mac=bytes.fromhex(mac)) == []
    assert state(bench) == "incomplete"
    assert bench.journal.drops == {"martian address": 1}


@pytest.mark.parametrize("sender", ["10.0.0.255", "255.255.255.255", "224.0.0.5", "127.0.0.1", "0.0.0.7"])
def test_an_address_that_no_host_can_have_is_neither_learned_nor_answered(bench: Bench, sender: str) -> None:
    assert bench.hear_arp(arp.REQUEST, sender, "10.0.0.1", mac=bench.mac(PEER)) == []
    assert bench.table.entries == {}
    assert bench.journal.drops == {"martian address": 1}


def test_other_operations_are_dropped(bench: Bench) -> None:
    send(bench)
    assert bench.hear_arp(8, PEER, "10.0.0.1") == []  # InARP, RFC 2390
    assert state(bench) == "incomplete"
    assert bench.journal.drops == {"unknown ARP operation": 1}


def test_bytes_that_are_no_arp_are_dropped(bench: Bench) -> None:
    assert bench.hear(MAC_BROADCAST + bench.mac(PEER) + b"\x08\x06" + bytes(28)) == []
    assert bench.journal.drops == {"malformed ARP": 1}


# -- the table


def test_a_neighbour_entered_by_hand_is_never_asked_nor_changed(bench: Bench) -> None:
    bench.table.set_permanent(parse_ip(PEER), b"\x02\0\0\0\0\x55")
    bench.answer(PEER)
    bench.at(1000)
    (frame,) = send(bench)
    assert frame[:6] == b"\x02\0\0\0\0\x55"
    assert state(bench) == "permanent"
    bench.at(2000)
    assert bench.outside.take() == []


def test_entering_a_neighbour_by_hand_sends_what_waited(bench: Bench) -> None:
    send(bench, b"one")
    bench.table.set_permanent(parse_ip(PEER), bench.mac(PEER))
    assert marks(bench, bench.outside.take()) == [b"one"]
    bench.at(10)
    assert bench.outside.take() == []


def test_a_link_that_goes_down_takes_the_neighbours_and_what_waits_along(bench: Bench) -> None:
    bench.know("10.0.0.7")
    reachable(bench)
    send(bench, b"one", cause=11, to="10.0.0.3")
    bench.stack.set_up(bench.eth0, False, bench.now)
    assert [STATE_NAMES[entry.state] for entry in bench.table.entries.values()] == ["permanent"]
    assert bench.journal.drops == {"link down": 1}
    assert bench.recorder.note_subjects[-1] == 11
    bench.at(100)
    assert bench.outside.take() == []


def test_a_link_that_comes_up_is_told_our_addresses(bench: Bench) -> None:
    bench.stack.add_address(bench.eth0, parse_ip("10.7.0.1"), 16)
    bench.stack.set_up(bench.eth0, False, 0)
    bench.outside.take()
    bench.stack.set_up(bench.eth0, True, 0)
    told = bench.asked(bench.outside.take())
    assert [(mac, packet.sender_ip, packet.target_ip) for mac, packet in told] == [
        (MAC_BROADCAST, parse_ip(text), parse_ip(text)) for text in ("10.0.0.1", "10.7.0.1")
    ]


def test_the_table_is_bounded_and_the_oldest_entry_gives_way(bench: Bench) -> None:
    bench.table.limit = 3
    bench.know("10.0.0.9")
    for last in (2, 3, 4):
        bench.hear_arp(arp.REQUEST, f"10.0.0.{last}", "10.0.0.1")
    assert [address[3] for address in bench.table.entries] == [9, 3, 4]


def test_a_full_table_of_entries_in_waiting_gives_up_the_oldest_of_them(bench: Bench) -> None:
    bench.table.limit = 3
    for last in range(2, 9):
        send(bench, cause=last, to=f"10.0.0.{last}")
    assert [address[3] for address in bench.table.entries] == [6, 7, 8]
    assert bench.journal.drops == {"neighbour table full": 4}
    bench.at(10)
    assert bench.journal.drops == {"neighbour table full": 4, "host unreachable": 3}


def test_a_neighbour_that_gave_way_is_asked_for_again(bench: Bench) -> None:
    bench.table.limit = 1
    reachable(bench)
    send(bench, to="10.0.0.3")
    assert len(bench.asked(send(bench))) == 1  # no cached path leads to the entry that is gone
    assert marks(bench, bench.answer(PEER)) == [b"x"]


def test_paths_whose_lookup_evicted_one_another_are_not_kept(bench: Bench) -> None:
    bench.table.limit = 2
    for last in (2, 9):
        bench.hear_arp(arp.REQUEST, f"10.0.0.{last}", "10.0.0.1")
    for last in (2, 3):
        bench.stack.add_route(bytes(4), 0, parse_ip(f"10.0.0.{last}"))
    destination = parse_ip("8.8.8.8")
    bench.stack.paths_to(destination)  # the lookup of .3 takes the place of .2
    paths = bench.stack.paths_to(destination)
    assert [path.neighbour for path in paths] == [bench.table.entries[path.neighbour.address] for path in paths]
