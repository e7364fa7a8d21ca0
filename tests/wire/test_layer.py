from __future__ import annotations

from sim.wire import arp, decode, ipv4, udp
from sim.wire.layer import Layer, Malformed, Raw, named, named_hex


def test_layers_of_one_class_with_the_same_fields_are_equal() -> None:
    assert udp.Datagram(1, 2, b"x") == udp.Datagram(1, 2, b"x")
    assert hash(udp.Datagram(1, 2, b"x")) == hash(udp.Datagram(1, 2, b"x"))
    assert udp.Datagram(1, 2, b"x") != udp.Datagram(1, 3, b"x")
    assert udp.Datagram(1, 2, b"x") != udp.Datagram(1, 2, b"y")


def test_layers_of_different_classes_are_not_equal() -> None:
    assert Raw(b"") != Layer()
    assert Layer() == Layer()
    assert Raw(b"x") != b"x"


def test_a_set_keeps_one_of_equal_layers() -> None:
    assert len({Raw(b"x"), Raw(b"x"), Malformed("IPv4", "bad", b"x")}) == 2


def test_repr_names_every_field_in_words() -> None:
    packet = arp.Packet(1, b"\x02\0\0\0\0\x01", b"\x0a\0\0\x01", bytes(6), b"\x0a\0\0\x02")
    assert repr(packet) == (
        "<ARP: operation request (1), sender MAC 02:00:00:00:00:01, sender IP 10.0.0.1, "
        "target MAC 00:00:00:00:00:00, target IP 10.0.0.2>"
    )


def test_repr_shortens_long_data() -> None:
    assert repr(Raw(b"\xab" * 4)) == "<Raw: data abababab>"
    assert repr(Raw(b"")) == "<Raw: data empty>"
    assert repr(Raw(bytes(100))) == f"<Raw: data {'00' * 48}... (100 bytes)>"


def test_fields_stand_in_header_order() -> None:
    packet = ipv4.Packet(b"\x0a\0\0\x01", b"\x0a\0\0\x02", 17, b"x", ttl=9)
    assert packet.fields() == (
        ("type of service", 0),
        ("identification", 0),
        ("don't fragment", False),
        ("more fragments", False),
        ("fragment offset", 0),
        ("time to live", 9),
        ("protocol", "UDP (17)"),
        ("source", "10.0.0.1"),
        ("destination", "10.0.0.2"),
        ("options", b""),
        ("payload", b"x"),
    )


def test_summaries_of_raw_and_malformed() -> None:
    assert Raw(b"x").summary() == "1 byte"
    assert Raw(b"").summary() == "0 bytes"
    assert Malformed("UDP", "bad checksum", b"").summary() == "malformed UDP: bad checksum"


def test_numbers_with_and_without_a_name() -> None:
    assert named(17, {17: "UDP"}) == "UDP (17)"
    assert named(99, {17: "UDP"}) == "99"
    assert named_hex(0x0800, {0x0800: "IPv4"}) == "IPv4 (0x0800)"
    assert named_hex(0x88CC, {}) == "0x88cc"


def test_every_layer_of_every_golden_frame_equals_its_second_decoding(all_golden: dict[str, bytes]) -> None:
    for frame in all_golden.values():
        assert decode.decode(frame) == decode.decode(frame)
        assert [hash(layer) for layer in decode.decode(frame)] == [hash(layer) for layer in decode.decode(frame)]
