from __future__ import annotations

from collections.abc import Callable

import pytest

from sim.wire import arp, decode, ethernet, icmpv4, ipv4, tcp, udp
from sim.wire.addresses import MAC_ZERO, parse_ip, parse_mac
from sim.wire.layer import Malformed, Raw

Golden = Callable[[str], bytes]
H1, IP1 = parse_mac("02:00:00:00:00:01"), parse_ip("10.0.0.1")
H2, IP2 = parse_mac("02:00:00:00:00:02"), parse_ip("10.0.0.2")
LINK = "Ethernet 02:00:00:00:00:01 > 02:00:00:00:00:02"
ENDS = "IPv4 10.0.0.1 > 10.0.0.2"


def framed(payload: bytes, ethertype: int = ethernet.ETHERTYPE_IPV4, tags: tuple[ethernet.Tag, ...] = ()) -> bytes:
    return ethernet.emit(ethernet.Frame(H2, H1, ethertype, payload, tags))


def packed(protocol: int, payload: bytes) -> bytes:
    return framed(ipv4.emit(ipv4.Packet(IP1, IP2, protocol, payload)))


@pytest.mark.parametrize(
    ("name", "titles"),
    [
        ("arp_request", ["Ethernet", "ARP"]),
        ("arp_reply", ["Ethernet", "ARP"]),
        ("dhcp_ack", ["Ethernet", "IPv4", "UDP", "DHCP"]),
        ("dhcp_discover", ["Ethernet", "IPv4", "UDP", "DHCP"]),
        ("icmp_echo_request", ["Ethernet", "IPv4", "ICMP", "Raw"]),
        ("icmp_port_unreachable", ["Ethernet", "IPv4", "ICMP", "Raw"]),
        ("ipv4_first_fragment", ["Ethernet", "IPv4", "Raw"]),
        ("ipv4_last_fragment", ["Ethernet", "IPv4", "Raw"]),
        ("ipv4_record_route", ["Ethernet", "IPv4", "ICMP", "Raw"]),
        ("stp_bpdu", ["Ethernet", "Raw"]),
        ("tcp_syn", ["Ethernet", "IPv4", "TCP"]),
        ("udp", ["Ethernet", "IPv4", "UDP", "Raw"]),
        ("vlan_arp_request", ["Ethernet", "802.1Q", "ARP"]),
    ],
)
def test_layers(golden: Golden, name: str, titles: list[str]) -> None:
    assert [layer.title() for layer in decode.decode(golden(name))] == titles


def test_every_golden_frame_has_its_layers_tested_above(all_golden: dict[str, bytes]) -> None:
    assert len(all_golden) == 13


def test_every_truncation_ends_in_malformed(all_golden: dict[str, bytes]) -> None:
    for name, frame in all_golden.items():
        needed = 14 + 38 if name == "stp_bpdu" else len(frame)  # what follows is padding
        for length in range(min(needed, 300)):
            layers = decode.decode(frame[:length])
            assert isinstance(layers[-1], Malformed), (name, length)
            assert "malformed" in decode.summary(frame[:length]), (name, length)


def test_where_a_truncation_is_noticed(golden: Golden) -> None:
    frame = golden("udp")
    assert decode.decode(frame[:5]) == [Malformed("Ethernet", "cut short: 5 bytes of a header of 14", frame[:5])]
    assert decode.decode(frame[:20])[1:] == [Malformed("IPv4", "cut short: 6 bytes of a header of 20", frame[14:20])]
    assert decode.decode(golden("arp_request")[:20])[1:] == [
        Malformed("ARP", "cut short: 6 bytes of 28", golden("arp_request")[14:20])
    ]
    assert decode.decode(b"") == [Malformed("Ethernet", "cut short: 0 bytes of a header of 14", b"")]


@pytest.mark.parametrize(
    ("frame", "protocol", "reason"),
    [
        (packed(1, b"abc"), "ICMP", "cut short: 3 bytes of a header of 8"),
        (packed(1, b"\x08\0\0\0\0\0\0\0"), "ICMP", "bad checksum"),
        (packed(17, b"abc"), "UDP", "cut short: 3 bytes of a header of 8"),
        (packed(17, bytes.fromhex("0001000200081234")), "UDP", "bad checksum"),
        (packed(6, bytes(20)), "TCP", "data offset is 0, less than 20"),
        (
            packed(6, tcp.emit(tcp.Segment(1, 2, 3, 4, 0, 5, options=b"\x02\x09\0\0"), IP1, IP2)),
            "TCP",
            "option 2 has the length 9, 4 bytes are there",
        ),
        (framed(b"\x65" + bytes(19)), "IPv4", "version is 6, not 4"),
        (framed(b"abc", 4), "802.3", "cut short: 3 bytes of a payload of 4"),
        (framed(b"\x00\x06" + bytes(26), ethernet.ETHERTYPE_ARP), "ARP", "hardware type is 6, not 1 (Ethernet)"),
    ],
)
def test_broken_bytes(frame: bytes, protocol: str, reason: str) -> None:
    last = decode.decode(frame)[-1]
    assert isinstance(last, Malformed)
    assert (last.protocol, last.reason) == (protocol, reason)
    assert frame.endswith(last.data)


def test_values_are_those_of_the_codecs(golden: Golden) -> None:
    frame, packet, datagram, payload = decode.decode(golden("udp"))
    assert frame == ethernet.parse(golden("udp"))
    assert packet == ipv4.parse(golden("udp")[14:])
    assert datagram == udp.parse(golden("udp")[34:], IP1, IP2)
    assert payload == Raw(b"hello, packetsim")


def test_unknown_types_and_protocols_are_raw() -> None:
    assert decode.decode(framed(b"lldp", 0x88CC))[1:] == [Raw(b"lldp")]
    assert decode.decode(packed(99, b"what"))[2:] == [Raw(b"what")]
    assert len(decode.decode(framed(b"", 0x88CC))) == 1


def test_padding_is_not_payload() -> None:
    assert decode.decode(packed(17, udp.emit(udp.Datagram(1, 2, b""), IP1, IP2)) + bytes(18))[-1].title() == "UDP"
    assert decode.decode(framed(b"llc" + bytes(43), 3))[-1] == Raw(b"llc")


def test_tags_are_layers() -> None:
    tags = (ethernet.Tag(0, False, 5, ethernet.ETHERTYPE_SERVICE_VLAN), ethernet.Tag(0, False, 6))
    request = arp.emit(arp.Packet(1, H1, IP1, MAC_ZERO, IP2))
    frame = framed(request, ethernet.ETHERTYPE_ARP, tags)
    assert decode.decode(frame)[1:3] == list(tags)
    assert decode.summary(frame) == "VLAN 5 VLAN 6 ARP who has 10.0.0.2? tell 10.0.0.1"


def test_innermost(golden: Golden) -> None:
    assert decode.innermost(decode.decode(golden("udp"))).title() == "UDP"
    assert decode.innermost(decode.decode(golden("stp_bpdu"))).title() == "Ethernet"
    assert decode.innermost(decode.decode(b"")).title() == "Malformed"
    assert decode.innermost([Raw(b"x")]) == Raw(b"x")


@pytest.mark.parametrize(
    ("frame", "line"),
    [
        (framed(arp.emit(arp.Packet(1, H1, IP1, MAC_ZERO, IP2)), 0x0806), "ARP who has 10.0.0.2? tell 10.0.0.1"),
        (packed(1, icmpv4.emit(icmpv4.echo_request(1, 1, b"x"))), f"{ENDS} ICMP echo request id=1 seq=1 ttl=64"),
        (packed(17, udp.emit(udp.Datagram(1000, 53, b"x"), IP1, IP2)), f"{ENDS} UDP 1000 > 53 Len=1 ttl=64"),
        (
            packed(6, tcp.emit(tcp.Segment(1000, 80, 7, 0, tcp.SYN, 64240), IP1, IP2)),
            f"{ENDS} TCP 1000 > 80 [SYN] Seq=7 Win=64240 Len=0 ttl=64",
        ),
        (packed(99, b"x"), f"{ENDS} protocol 99 1 byte ttl=64"),
        (packed(17, b"x"), f"{ENDS} malformed UDP: cut short: 1 byte of a header of 8 ttl=64"),
        (framed(b"x", 0x88CC), f"{LINK} type 0x88cc 1 byte"),
        (
            framed(b"x"),
            f"{LINK} type IPv4 (0x0800) 1 byte malformed IPv4: cut short: 1 byte of a header of 20",
        ),
        (
            framed(b"", 0x88CC, (ethernet.Tag(1, False, 5),)),
            f"VLAN 5 priority 1 {LINK} type 0x88cc 0 bytes",
        ),
        (b"", "malformed Ethernet: cut short: 0 bytes of a header of 14"),
    ],
)
def test_summary(frame: bytes, line: str) -> None:
    assert decode.summary(frame) == line


def test_summary_of_a_fragment(golden: Golden) -> None:
    line = decode.summary(golden("ipv4_last_fragment"))
    assert line.startswith(f"{ENDS} ICMP 28 bytes fragment id=0x")
    assert line.endswith(" offset=1480 ttl=64")
