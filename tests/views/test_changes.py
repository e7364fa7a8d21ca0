"""What differs between two frames, and when the second still carries the packet of the first."""

from __future__ import annotations

from sim.views.changes import changes, is_same_packet
from sim.wire import ethernet, ipv4
from sim.wire.addresses import parse_ip

MAC = bytes.fromhex("0200000000aa")


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
