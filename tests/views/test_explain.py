from __future__ import annotations

from sim.tracing import kinds
from sim.tracing.journeys import Note
from sim.tracing.recorder import Detail
from sim.views.changes import changes, is_same_packet
from sim.views.explain import explain
from sim.wire import ethernet, ipv4
from sim.wire.addresses import parse_ip

MAC = bytes.fromhex("0200000000aa")


def test_every_kind_has_a_sentence() -> None:
    examples: dict[int, Detail] = {
        kinds.REPEAT: 3,
        kinds.LEARN: (MAC, "eth1"),
        kinds.MOVE: (MAC, "eth1", "eth2"),
        kinds.TABLE_FULL: (MAC, 4),
        kinds.EXPIRE: (MAC, "eth1"),
        kinds.FORGET: ("eth1", 2),
        kinds.FLOOD: ("unknown", 1),
        kinds.ARP_ASK: (b"\x0a\0\0\1", "eth0"),
        kinds.ARP_LEARN: (b"\x0a\0\0\1", MAC, "eth0"),
        kinds.ARP_FAIL: (b"\x0a\0\0\1", "eth0"),
        kinds.FRAGMENT: (3, 600),
        kinds.REASSEMBLE: (3, 1400),
        kinds.LINK: ("eth1", "down"),
        kinds.STEP: (1, "ping"),
        kinds.CONFLICT: (b"\x0a\0\0\1", MAC),
        kinds.TRANSLATE: ("source", "10.0.0.1:5", "203.0.113.2:5", "new mapping, port kept"),
        kinds.JUDGE: ("rule 2", "allow tcp to port 80"),
    }
    said = [explain(Note(0, "n", kind, examples.get(kind, "text"))) for kind in kinds.NAMES]
    assert len(set(said)) == len(kinds.NAMES)
    assert not [text for text in said if text.startswith("noted") or "{" in text or "b'" in text]


def test_sentences() -> None:
    assert explain(Note(0, "sw1", kinds.FLOOD, ("unknown", 3))) == (
        "floods it to 3 ports: it has not learned where the destination lives"
    )
    assert explain(Note(0, "sw1", kinds.LEARN, (MAC, "eth1"))) == "learns that 02:00:00:00:00:aa lives behind eth1"
    assert explain(Note(0, "r1", kinds.DROP, "TTL expired")) == "drops it: TTL expired"


def test_sentences_of_a_gateway() -> None:
    detail = ("source", "192.168.1.10:49152", "203.0.113.2:49152", "new mapping, port kept")
    assert explain(Note(0, "gw", kinds.TRANSLATE, detail)) == (
        "maps 192.168.1.10:49152 to 203.0.113.2:49152: new mapping, port kept"
    )
    assert explain(Note(0, "fw", kinds.JUDGE, ("rule 2", "allow tcp to port 80"))) == (
        "lets it pass: firewall rule 2 (allow tcp to port 80)"
    )


def frame(destination: bytes, source: bytes, ttl: int, identification: int = 7) -> bytes:
    packet = ipv4.Packet(b"\x0a\0\0\1", b"\x0a\0\1\1", 99, b"data", ttl=ttl, identification=identification)
    return ethernet.emit(ethernet.Frame(destination, source, 0x0800, ipv4.emit(packet)))


def test_changes_are_the_fields_that_a_router_writes() -> None:
    before, after = frame(MAC, b"\2" * 6, 64), frame(b"\2\0\0\0\0\3", MAC, 63)
    assert [name for name, _, _ in changes(before, after)] == [
        "Ethernet destination",
        "Ethernet source",
        "IPv4 time to live",
        "IPv4 header checksum",
    ]
    assert ("IPv4 time to live", "64", "63") in changes(before, after)
    assert changes(before, before) == []


def test_the_same_packet_is_known_by_its_addresses_and_identification() -> None:
    assert is_same_packet(frame(MAC, b"\2" * 6, 64), frame(b"\2\0\0\0\0\3", MAC, 63))
    assert not is_same_packet(frame(MAC, b"\2" * 6, 64), frame(MAC, b"\2" * 6, 64, identification=8))
    assert not is_same_packet(b"short", frame(MAC, b"\2" * 6, 64))


def translated(source: str, target: str, ttl: int, identification: int = 7, size: int = 4) -> bytes:
    ends = parse_ip(source), parse_ip(target)
    packet = ipv4.Packet(*ends, 17, bytes(8 + size), ttl=ttl, identification=identification)
    return ethernet.emit(ethernet.Frame(MAC, MAC, 0x0800, ipv4.emit(packet)))


def test_a_translated_packet_is_the_same_and_an_answer_is_not() -> None:
    came = translated("192.168.1.10", "198.51.100.9", 64)
    assert is_same_packet(came, translated("203.0.113.2", "198.51.100.9", 63))
    assert not is_same_packet(came, translated("198.51.100.9", "192.168.1.10", 63))
    assert not is_same_packet(came, translated("203.0.113.2", "198.51.100.9", 64))
    assert not is_same_packet(came, translated("203.0.113.2", "198.51.100.9", 63, size=5))
    assert not is_same_packet(came, translated("203.0.113.2", "198.51.100.9", 63, identification=8))
    hairpin = translated("192.168.1.10", "203.0.113.2", 64), translated("203.0.113.2", "192.168.1.11", 63)
    assert is_same_packet(*hairpin)
