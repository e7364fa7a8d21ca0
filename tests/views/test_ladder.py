from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sim.tracing import kinds
from sim.tracing.recorder import Recorder
from sim.views.dialogue import Turn, dialogue
from sim.views.exchange import Flow, exchange, flows
from sim.views.ladder import ladder
from sim.views.text import plain

if TYPE_CHECKING:
    from tests.views.conftest import Conversation

MS = 1_000_000


def turns(said: Conversation) -> list[Turn]:
    return dialogue(exchange(said.recorder, said.flow))


def marks(said: Conversation) -> list[str]:
    return [text for turn in turns(said) for _, text in turn.marks]


def drawn(said: Conversation, most: int = 40) -> list[str]:
    return plain(ladder(said.recorder, said.flow, most=most)).splitlines()


def test_the_whole_life_of_a_connection(said: Conversation) -> None:
    said.handshake()
    said.say(5 * MS, True, "P.", 1, 1, 5)
    said.say(7 * MS, False, ".", 1, 6)
    said.close(10 * MS, 6, 1)
    assert drawn(said) == [
        "                     pc1 10.0.0.1:49152                                      10.0.0.2:80 web",
        "0s          SYN-SENT │── [SYN] Seq=0 Win=64240 MSS=1460 SACK_PERM TS WS=128 ──────────────>│ SYN-RECEIVED",
        "2ms      ESTABLISHED │<─── [SYN, ACK] Seq=0 Ack=1 Win=65160 MSS=1460 SACK_PERM TS WS=128 ──│",
        "4ms                  │── [ACK] Seq=1 Ack=1 Win=64256 ─────────────────────────────────────>│ ESTABLISHED",
        "5ms                  │── [PSH, ACK] Seq=1 Ack=1 Len=5 Win=64256 ──────────────────────────>│",
        "7ms                  │<───────────────────────────────────── [ACK] Seq=1 Ack=6 Win=64256 ──│",
        "10ms      FIN-WAIT-1 │── [FIN, ACK] Seq=6 Ack=1 Win=64256 ────────────────────────────────>│ CLOSE-WAIT",
        "12ms       TIME-WAIT │<──────────────────────────────── [FIN, ACK] Seq=1 Ack=7 Win=64256 ──│ LAST-ACK",
        "14ms                 │── [ACK] Seq=7 Ack=2 Win=64256 ─────────────────────────────────────>│ CLOSED",
    ]


def test_nobody_listens(said: Conversation) -> None:
    said.say(0, True, "S", 0)
    said.say(2 * MS, False, "R.", 0, 1)
    assert [(turn.sender, turn.receiver) for turn in turns(said)] == [("SYN-SENT", "CLOSED"), ("CLOSED", "CLOSED")]
    assert drawn(said)[-1].endswith("[RST, ACK] Seq=1 Ack=1 ──│  reset")


def test_a_lost_segment_and_its_retransmission(said: Conversation) -> None:
    said.handshake()
    said.say(5 * MS, True, ".", 1, 1, 1448, lost="queue full")
    said.say(6 * MS, True, ".", 1449, 1, 1448)
    edges = [(said.client_start + edge) % 2**32 for edge in (1449, 2897)]
    sack = b"\x01\x01\x05\x0a" + b"".join(edge.to_bytes(4, "big") for edge in edges)
    said.say(8 * MS, False, ".", 1, 1, options=sack)
    said.say(210 * MS, True, ".", 1, 1, 1448)
    said.say(212 * MS, False, ".", 1, 2897)
    assert marks(said) == [
        "lost: queue full at pc1:eth0",
        "duplicate ACK 1",
        "SACK 1449-2897",
        "retransmission after 205ms",
    ]
    lost = next(line for line in drawn(said) if "lost" in line)
    assert "X" in lost
    assert ">" not in lost


def test_a_needless_retransmission_and_its_dsack(said: Conversation) -> None:
    said.handshake()
    said.say(5 * MS, True, ".", 1, 1, 100)
    said.say(6 * MS, False, ".", 1, 101, lost="loss")
    said.say(210 * MS, True, ".", 1, 1, 100)
    edges = [(said.client_start + edge) % 2**32 for edge in (1, 101)]
    sack = b"\x01\x01\x05\x0a" + b"".join(edge.to_bytes(4, "big") for edge in edges)
    said.say(212 * MS, False, ".", 1, 101, options=sack)
    assert marks(said)[1:] == ["retransmission after 205ms, though it had arrived", "D-SACK 1-101"]


def test_duplicate_acks_are_counted_until_something_new_is_acknowledged(said: Conversation) -> None:
    said.handshake()
    for number in range(4):
        said.say((5 + number) * MS, True, ".", 1 + 100 * number, 1, 100, lost="loss" if number == 1 else "")
    for number in range(4):
        said.say((10 + number) * MS, False, ".", 1, 101)
    said.say(14 * MS, False, ".", 1, 401)
    said.say(15 * MS, False, ".", 1, 401)  # nothing is outstanding: no duplicate
    said.say(16 * MS, True, ".", 401, 1, 100)
    said.say(18 * MS, False, ".", 1, 401)
    assert marks(said)[1:] == ["duplicate ACK 1", "duplicate ACK 2", "duplicate ACK 3", "duplicate ACK 1"]


def test_zero_window_probe_and_opening(said: Conversation) -> None:
    said.handshake()
    said.say(5 * MS, True, ".", 1, 1, 100)
    said.say(7 * MS, False, ".", 1, 101, window=0)
    said.say(300 * MS, True, ".", 100, 1)
    said.say(302 * MS, False, ".", 1, 101, window=0)
    said.say(500 * MS, False, ".", 1, 101, window=100)
    assert marks(said) == ["zero window", "window probe", "zero window", "window opens"]


def test_a_keep_alive_is_none_of_these(said: Conversation) -> None:
    said.handshake()
    said.say(9000 * MS, True, ".", 0, 1)
    assert marks(said) == ["keep-alive"]


@pytest.mark.parametrize(
    ("how", "mark"),
    [
        ({"late": 3 * MS}, "overtaken on the way"),
        ({"twice": True}, "arrives twice"),
        ({"marked": True}, "marked: congestion experienced"),
        ({"refused": "malformed TCP: bad checksum"}, "web drops it: malformed TCP: bad checksum"),
        ({"lost": "loss"}, "lost: loss at pc1:eth0"),
    ],
)
def test_what_happens_on_the_way(said: Conversation, how: dict[str, Any], mark: str) -> None:
    said.handshake()
    said.say(5 * MS, True, ".", 1, 1, 100, **how)
    said.say(6 * MS, True, ".", 101, 1, 100)
    assert marks(said) == [mark]


def test_what_is_refused_changes_no_state(said: Conversation) -> None:
    said.say(0, True, "S", 0)
    said.say(2 * MS, False, "S.", 0, 1, refused="bad checksum")
    assert [(turn.sender, turn.receiver) for turn in turns(said)] == [
        ("SYN-SENT", "SYN-RECEIVED"),
        ("SYN-RECEIVED", ""),
    ]


def test_a_fin_counts_when_all_before_it_has_come(said: Conversation) -> None:
    said.handshake()
    said.say(5 * MS, True, ".", 1, 1, 100, lost="loss")
    said.say(6 * MS, True, "F.", 101, 1)
    said.say(300 * MS, True, ".", 1, 1, 100)
    assert [turn.receiver for turn in turns(said)][-3:] == ["", "ESTABLISHED", "CLOSE-WAIT"]


def test_both_open_at_once(said: Conversation) -> None:
    said.say(0, True, "S", 0)
    said.say(100, False, "S", 0)
    said.say(2 * MS + 100, True, "S.", 0, 1)
    said.say(2 * MS + 200, False, "S.", 0, 1)
    assert [turn.receiver for turn in turns(said)][-2:] == ["ESTABLISHED", "ESTABLISHED"]


def test_both_close_at_once(said: Conversation) -> None:
    said.handshake()
    said.say(10 * MS, True, "F.", 1, 1)
    said.say(10 * MS, False, "F.", 1, 1)
    said.say(12 * MS, True, ".", 2, 2)
    said.say(12 * MS, False, ".", 2, 2)
    found = turns(said)[-4:]
    assert [turn.sender for turn in found] == ["FIN-WAIT-1", "FIN-WAIT-1", "CLOSING", "CLOSING"]
    assert [turn.receiver for turn in found] == ["CLOSING", "CLOSING", "TIME-WAIT", "TIME-WAIT"]


def test_segments_that_cross_do_not_show_a_state_of_the_past(said: Conversation) -> None:
    said.handshake()
    said.say(10 * MS, False, "F.", 1, 1)
    said.say(11 * MS, True, ".", 1, 1, 100)
    said.say(12 * MS, True, ".", 101, 2)
    lines = drawn(said)
    assert lines[-3].startswith("10ms      CLOSE-WAIT │<")
    assert lines[-2].startswith("11ms                 │── [ACK] Seq=1 ")
    assert lines[-1].endswith("│ FIN-WAIT-2")


def test_why_something_was_sent_again_when_its_sender_has_said_so(said: Conversation) -> None:
    said.handshake()
    said.say(5 * MS, True, ".", 1, 1, 100, lost="loss")
    said.recorder.note(210 * MS, said.cause, 0, kinds.RETRANSMIT, "timeout")
    said.say(210 * MS, True, ".", 1, 1, 100)
    assert marks(said)[1:] == ["retransmission (timeout) after 205ms"]


def test_a_frame_that_is_no_tcp_is_shown_as_such(said: Conversation) -> None:
    said.say(0, True, "S", 0)
    frame = bytearray(said.recorder.frames[0])
    frame[40] ^= 0xFF
    said.send(5 * MS, True, bytes(frame), "", "", 0, False, False)
    assert "[malformed TCP: bad checksum]" in drawn(said)[-1]


def transfer(said: Conversation, count: int, lost: tuple[int, ...] = ()) -> None:
    said.handshake()
    for number in range(count):
        time = (5 + number) * MS
        reason = "queue full" if number in lost else ""
        said.say(time, True, ".", 1 + number * 1000, 1, 1000, lost=reason)
        if not lost:
            said.say(time + 2 * said.delay, False, ".", 1, 1 + (number + 1) * 1000)
    for number in lost:
        said.say((5 + count + number) * MS, True, ".", 1 + number * 1000, 1, 1000)
    said.close(10_000 * MS, 1 + count * 1000, 1)


def test_a_long_transfer_is_folded(said: Conversation) -> None:
    transfer(said, 2000)
    lines = drawn(said)
    assert len(lines) < 25
    assert any("3,997 segments, 1.998 MB" in line for line in lines)
    assert [line for line in lines if "SYN-RECEIVED" in line]
    assert lines[-1].endswith("CLOSED")


def test_losses_stay_visible_as_far_as_there_is_room(said: Conversation) -> None:
    transfer(said, 500, lost=(100, 200, 300))
    lines = drawn(said)
    assert [("lost" in line, "retransmission after" in line) for line in lines].count((True, False)) == 3
    assert sum("retransmission after" in line for line in lines) == 3


@pytest.mark.parametrize("most", [12, 40, 100])
def test_it_is_bounded_whatever_happens(said: Conversation, most: int) -> None:
    transfer(said, 300, lost=tuple(range(10, 200, 2)))
    lines = drawn(said, most)
    assert len(lines) <= most + 12
    assert any("retransmissions" in line for line in lines)


def test_flows_of_a_recording(said: Conversation) -> None:
    said.say(0, True, "S", 0)
    said.say(2 * MS, False, "R.", 0, 1)
    assert flows(said.recorder) == [said.flow]
    assert Flow.of("10.0.0.1:49152", "10.0.0.2:80") == said.flow
    assert ladder(Recorder(), said.flow) == []


def test_only_what_was_sent_between_two_times(said: Conversation) -> None:
    said.handshake()
    said.close(10 * MS, 1, 1)
    assert len(exchange(said.recorder, said.flow, since=10 * MS).passages) == 3
    assert len(exchange(said.recorder, said.flow, until=4 * MS).passages) == 3


def test_frames_of_scapy_are_read_as_well(said: Conversation) -> None:
    from scapy.layers.inet import IP, TCP
    from scapy.layers.l2 import Dot1Q, Ether

    to_web = (
        Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / Dot1Q(vlan=7) / IP(src="10.0.0.1", dst="10.0.0.2")
    )
    options = [("MSS", 1400), ("NOP", None), ("WScale", 3)]
    segment = TCP(sport=49152, dport=80, flags="S", seq=77, window=1000, options=options)
    said.send(0, True, bytes(to_web / segment), "", "", 0, False, False)
    assert "[SYN] Seq=0 Win=1000 MSS=1400 WS=8" in drawn(said)[1]
