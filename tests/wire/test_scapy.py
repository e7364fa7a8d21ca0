"""Scapy as the oracle: for generated headers our bytes are Scapy's bytes, and each reads the other's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import (
    ICMP,
    IP,
    TCP,
    UDP,
    IPOption_LSRR,
    IPOption_NOP,
    IPOption_Router_Alert,
    IPOption_RR,
    IPOption_SSRR,
)
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import NoPayload, Raw

from sim.wire import arp, dhcpv4, ethernet, icmpv4, ipv4, tcp, udp
from sim.wire.addresses import format_ip, format_mac

pytestmark = pytest.mark.slow

HEADERS = 2000
"""Of each protocol."""
BATCH = 10
"""Headers in one example: hypothesis costs as much as Scapy does, so it is asked less often."""

thousands = settings(
    max_examples=HEADERS // BATCH,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
hundreds = settings(thousands, max_examples=30)


def batches(header: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(header, min_size=BATCH, max_size=BATCH)


MAC = st.binary(min_size=6, max_size=6)
IPV4 = st.binary(min_size=4, max_size=4)
IPV6 = st.binary(min_size=16, max_size=16)
BIT = st.booleans()
BYTE = st.integers(0, 0xFF)
WORD = st.integers(0, 0xFFFF)
LONG = st.integers(0, 0xFFFFFFFF)
DATA = st.binary(max_size=40)
TAG = st.builds(
    ethernet.Tag,
    st.integers(0, 7),
    BIT,
    st.integers(0, 4095),
    st.sampled_from([ethernet.ETHERTYPE_VLAN, ethernet.ETHERTYPE_SERVICE_VLAN]),
)


def with_payload(header: Any, payload: bytes) -> Any:
    return header / Raw(payload) if payload else header


# Ethernet ------------------------------------------------------------------------------------------------------

# Types that no layer of Scapy claims, and those of ours that it would dissect further.
TYPE = st.sampled_from([0x0800, 0x0806, 0x86DD, 0x0600, 0x88B5, 0x9000, 0xFFFF])


@thousands
@given(batches(st.builds(ethernet.Frame, MAC, MAC, TYPE, DATA, st.lists(TAG, max_size=3).map(tuple))))
def test_ethernet(frames: list[ethernet.Frame]) -> None:
    for frame in frames:
        compare_ethernet(frame)


def compare_ethernet(frame: ethernet.Frame) -> None:
    types = [tag.tpid for tag in frame.tags] + [frame.ethertype]
    theirs = Ether(dst=format_mac(frame.destination), src=format_mac(frame.source), type=types[0])
    for tag, kind in zip(frame.tags, types[1:], strict=True):
        theirs /= Dot1Q(prio=tag.priority, dei=int(tag.drop_eligible), vlan=tag.vlan, type=kind)
    ours = ethernet.emit(frame)
    assert ours == bytes(with_payload(theirs, frame.payload))
    assert ethernet.parse(ours) == frame
    read = Ether(ours)
    assert (read.dst, read.src, read.type) == (format_mac(frame.destination), format_mac(frame.source), types[0])


@thousands
@given(batches(TAG))
def test_scapy_reads_our_tags(tags: list[ethernet.Tag]) -> None:
    tags = [ethernet.Tag(tag.priority, tag.drop_eligible, tag.vlan) for tag in tags]
    read = Ether(ethernet.emit(ethernet.Frame(bytes(6), bytes(6), 0x88B5, b"x", tuple(tags))))
    for tag in tags:
        read = read.payload
        assert (read.prio, read.dei, read.vlan) == (tag.priority, tag.drop_eligible, tag.vlan)


# ARP -----------------------------------------------------------------------------------------------------------


@thousands
@given(batches(st.builds(arp.Packet, WORD, MAC, IPV4, MAC, IPV4)))
def test_arp(packets: list[arp.Packet]) -> None:
    for packet in packets:
        compare_arp(packet)


def compare_arp(packet: arp.Packet) -> None:
    fields = {
        "op": packet.operation,
        "hwsrc": format_mac(packet.sender_mac),
        "psrc": format_ip(packet.sender_ip),
        "hwdst": format_mac(packet.target_mac),
        "pdst": format_ip(packet.target_ip),
    }
    ours = arp.emit(packet)
    assert ours == bytes(ARP(**fields))
    assert arp.parse(ours) == packet
    read = ARP(ours)
    assert {name: getattr(read, name) for name in fields} == fields


# IPv4 ----------------------------------------------------------------------------------------------------------


@st.composite
def ip_options(draw: st.DrawFn) -> list[Any]:
    """Up to three options in Scapy's form, of at most 40 bytes together."""
    options = []
    for kind in draw(st.lists(st.sampled_from("nralls"), max_size=3)):
        if kind == "n":
            options.append(IPOption_NOP())
        elif kind == "a":
            options.append(IPOption_Router_Alert(alert=draw(WORD)))
        else:
            routed = {"r": IPOption_RR, "l": IPOption_LSRR, "s": IPOption_SSRR}[kind]
            options.append(routed(routers=[format_ip(router) for router in draw(st.lists(IPV4, max_size=2))]))
    return options


IP_PACKET = st.builds(
    ipv4.Packet,
    IPV4,
    IPV4,
    BYTE,
    DATA,
    ttl=BYTE,
    identification=WORD,
    dont_fragment=BIT,
    more_fragments=BIT,
    fragment_offset=st.integers(0, 0x1FFF).map(lambda units: units * 8),
    tos=BYTE,
)


@thousands
@given(batches(st.tuples(IP_PACKET, ip_options())))
def test_ipv4(batch: list[tuple[ipv4.Packet, list[Any]]]) -> None:
    for packet, options in batch:
        compare_ipv4(packet, options)


def compare_ipv4(packet: ipv4.Packet, options: list[Any]) -> None:
    flags = packet.dont_fragment * 2 + packet.more_fragments
    theirs = IP(
        src=format_ip(packet.source),
        dst=format_ip(packet.destination),
        proto=packet.protocol,
        tos=packet.tos,
        id=packet.identification,
        ttl=packet.ttl,
        flags=flags,
        frag=packet.fragment_offset // 8,
        options=options,
    )
    packet.options = b"".join(bytes(option) for option in options)
    ours = ipv4.emit(packet)
    assert ours == bytes(with_payload(theirs, packet.payload))
    packet.options += bytes(-len(packet.options) % 4)
    assert ipv4.parse(ours) == packet
    assert len(ipv4.parse_options(packet.options)) == len(options)
    read = IP(ours)
    assert (read.src, read.dst, read.proto) == (theirs.src, theirs.dst, packet.protocol)
    assert (read.tos, read.id, read.ttl) == (packet.tos, packet.identification, packet.ttl)
    assert (int(read.flags), read.frag * 8) == (flags, packet.fragment_offset)
    assert (read.ihl, read.len) == (5 + len(packet.options) // 4, len(ours))


# ICMP ----------------------------------------------------------------------------------------------------------


def icmp_of(kind: int, code: int, rest: int) -> tuple[Any, icmpv4.Message]:
    """One message in Scapy's form and in ours, each from the 32-bit word that the type gives a meaning to."""
    high, low = rest >> 16, rest & 0xFFFF
    if kind in {icmpv4.ECHO_REQUEST, icmpv4.ECHO_REPLY}:
        return ICMP(type=kind, code=code, id=high, seq=low), icmpv4.Message(kind, code, rest)
    if kind == icmpv4.REDIRECT:
        return ICMP(type=kind, code=code, gw=format_ip(rest.to_bytes(4, "big"))), icmpv4.Message(kind, code, rest)
    if kind == icmpv4.DESTINATION_UNREACHABLE:
        return ICMP(type=kind, code=code, nexthopmtu=low), icmpv4.Message(kind, code, low)
    if kind == icmpv4.PARAMETER_PROBLEM:
        pointer = rest >> 24
        return ICMP(type=kind, code=code, ptr=pointer), icmpv4.Message(kind, code, pointer << 24)
    if kind == icmpv4.TIME_EXCEEDED:
        return ICMP(type=kind, code=code), icmpv4.Message(kind, code, 0)
    return ICMP(type=kind, code=code, unused=rest), icmpv4.Message(kind, code, rest)


@thousands
@given(batches(st.tuples(st.sampled_from([0, 3, 4, 5, 8, 9, 11, 12]), BYTE, LONG, DATA)))
def test_icmp(batch: list[tuple[int, int, int, bytes]]) -> None:
    for kind, code, rest, payload in batch:
        compare_icmp(kind, code, rest, payload)


def compare_icmp(kind: int, code: int, rest: int, payload: bytes) -> None:
    theirs, message = icmp_of(kind, code, rest)
    message.payload = payload
    ours = icmpv4.emit(message)
    assert ours == bytes(with_payload(theirs, payload))
    assert icmpv4.parse(ours) == message
    read = ICMP(ours)
    assert (read.type, read.code) == (kind, code)
    if message.is_echo():
        assert (read.id, read.seq) == (message.identifier(), message.sequence())
    if kind == icmpv4.DESTINATION_UNREACHABLE:
        assert read.nexthopmtu == message.mtu()


# UDP -----------------------------------------------------------------------------------------------------------


def over_ipv4(source: bytes, destination: bytes, theirs: Any) -> bytes:
    return bytes(IP(src=format_ip(source), dst=format_ip(destination)) / theirs)[20:]


def over_ipv6(source: bytes, destination: bytes, theirs: Any) -> bytes:
    return bytes(IPv6(src=format_ip(source), dst=format_ip(destination)) / theirs)[40:]


DATAGRAM = st.builds(udp.Datagram, WORD, WORD, DATA)


@thousands
@given(batches(st.tuples(DATAGRAM, IPV4, IPV4)))
def test_udp(batch: list[tuple[udp.Datagram, bytes, bytes]]) -> None:
    for datagram, source, destination in batch:
        theirs = with_payload(UDP(sport=datagram.source_port, dport=datagram.destination_port), datagram.payload)
        ours = udp.emit(datagram, source, destination)
        assert ours == over_ipv4(source, destination, theirs)
        assert udp.parse(ours, source, destination) == datagram
        read = UDP(ours)
        assert (read.sport, read.dport, read.len) == (datagram.source_port, datagram.destination_port, len(ours))


@hundreds
@given(batches(st.tuples(DATAGRAM, IPV6, IPV6)))
def test_udp_over_ipv6(batch: list[tuple[udp.Datagram, bytes, bytes]]) -> None:
    for datagram, source, destination in batch:
        theirs = with_payload(UDP(sport=datagram.source_port, dport=datagram.destination_port), datagram.payload)
        ours = udp.emit(datagram, source, destination)
        assert ours == over_ipv6(source, destination, theirs)
        assert udp.parse(ours, source, destination) == datagram


# TCP -----------------------------------------------------------------------------------------------------------

TCP_OPTION = st.one_of(
    st.tuples(st.just("MSS"), WORD),
    st.tuples(st.just("NOP"), st.none()),
    st.tuples(st.just("WScale"), BYTE),
    st.tuples(st.just("SAckOK"), st.just(b"")),
    st.tuples(st.just("Timestamp"), st.tuples(LONG, LONG)),
    st.tuples(st.just("SAck"), st.tuples(LONG, LONG)),
)


def option_bytes(name: str, value: Any) -> bytes:
    """One TCP option of Scapy's form in bytes, written out by RFC 9293 3.2, RFC 7323 and RFC 2018."""
    if name == "NOP":
        return b"\x01"
    if name == "MSS":
        return b"\x02\x04" + int(value).to_bytes(2, "big")
    if name == "WScale":
        return bytes((3, 3, value))
    if name == "SAckOK":
        return b"\x04\x02"
    kind = 8 if name == "Timestamp" else 5
    return bytes((kind, 10)) + b"".join(int(part).to_bytes(4, "big") for part in value)


SEGMENT = st.builds(tcp.Segment, WORD, WORD, LONG, LONG, st.integers(0, 0xFFF), WORD, WORD, st.just(b""), DATA)


@thousands
@given(batches(st.tuples(SEGMENT, st.lists(TCP_OPTION, max_size=4), IPV4, IPV4)))
def test_tcp(batch: list[tuple[tcp.Segment, list[tuple[str, Any]], bytes, bytes]]) -> None:
    for segment, options, source, destination in batch:
        compare_tcp(segment, options, source, destination)


def compare_tcp(segment: tcp.Segment, options: list[tuple[str, Any]], source: bytes, destination: bytes) -> None:
    theirs = scapy_segment(segment, options)
    segment.options = b"".join(option_bytes(name, value) for name, value in options)
    ours = tcp.emit(segment, source, destination)
    assert ours == over_ipv4(source, destination, theirs)
    walked = tcp.parse_options(segment.options)
    assert len(walked) == len(options)
    segment.options += bytes(-len(segment.options) % 4)
    assert tcp.parse(ours, source, destination) == segment
    read = TCP(ours)
    assert (read.sport, read.dport) == (segment.source_port, segment.destination_port)
    assert (read.seq, read.ack, read.window) == (segment.sequence, segment.acknowledgment, segment.window)
    assert read.reserved << 9 | int(read.flags) == segment.flags
    assert read.urgptr == segment.urgent
    assert [option for option in read.options if option[0] != "EOL"] == options


@hundreds
@given(batches(st.tuples(SEGMENT, IPV6, IPV6)))
def test_tcp_over_ipv6(batch: list[tuple[tcp.Segment, bytes, bytes]]) -> None:
    for segment, source, destination in batch:
        ours = tcp.emit(segment, source, destination)
        assert ours == over_ipv6(source, destination, scapy_segment(segment, []))
        assert tcp.parse(ours, source, destination) == segment


def scapy_segment(segment: tcp.Segment, options: list[tuple[str, Any]]) -> Any:
    theirs = TCP(
        sport=segment.source_port,
        dport=segment.destination_port,
        seq=segment.sequence,
        ack=segment.acknowledgment,
        reserved=segment.flags >> 9,
        flags=segment.flags & 0x1FF,
        window=segment.window,
        urgptr=segment.urgent,
        options=options,
    )
    return with_payload(theirs, segment.payload)


# The goldens ---------------------------------------------------------------------------------------------------


def test_scapy_builds_every_golden_frame_again(all_golden: dict[str, bytes]) -> None:
    """With its lengths and checksums left out, Scapy computes the same that Linux and we do."""
    for name, data in all_golden.items():
        if name == "stp_bpdu":
            continue
        frame = Ether(data)
        layer = frame
        while not isinstance(layer, NoPayload) and layer.__class__.__name__ != "IPerror":
            for field in ("chksum", "len"):
                if field in layer.fields and "fragment" not in name:
                    del layer.fields[field]
            layer = layer.payload
        assert bytes(frame) == data, name


# DHCP ----------------------------------------------------------------------------------------------------------

DHCP_MESSAGE = st.builds(
    dhcpv4.Message,
    st.sampled_from([1, 2]),
    LONG,
    MAC,
    st.tuples(st.integers(1, 8), IPV4, st.lists(IPV4, min_size=1, max_size=3), LONG).map(
        lambda found: (
            (53, bytes((found[0],))),
            (1, found[1]),
            (6, b"".join(found[2])),
            (51, found[3].to_bytes(4, "big")),
            (15, b"corp.test"),
        )
    ),
    hops=BYTE,
    secs=WORD,
    flags=st.sampled_from([0, 0x8000]),
    ciaddr=IPV4,
    yiaddr=IPV4,
    siaddr=IPV4,
    giaddr=IPV4,
)


@thousands
@given(batches(DHCP_MESSAGE))
def test_dhcp(messages: list[dhcpv4.Message]) -> None:
    for message in messages:
        compare_dhcp(message)


def compare_dhcp(message: dhcpv4.Message) -> None:
    servers = [format_ip(server) for server in message.addresses(6)]
    theirs = BOOTP(
        op=message.operation,
        hops=message.hops,
        xid=message.xid,
        secs=message.secs,
        flags="B" if message.broadcast else 0,
        ciaddr=format_ip(message.ciaddr),
        yiaddr=format_ip(message.yiaddr),
        siaddr=format_ip(message.siaddr),
        giaddr=format_ip(message.giaddr),
        chaddr=message.chaddr,
    ) / DHCP(
        options=[
            ("message-type", message.kind),
            ("subnet_mask", format_ip(message.options[1][1])),
            ("name_server", *servers),
            ("lease_time", message.seconds(51)),
            ("domain", b"corp.test"),
            "end",
        ]
    )
    ours = dhcpv4.emit(message)
    assert ours.rstrip(b"\0") == bytes(theirs).rstrip(b"\0")
    assert dhcpv4.parse(bytes(theirs)) == message
    read = BOOTP(ours)
    assert (read.xid, read.yiaddr, read.chaddr[:6]) == (message.xid, format_ip(message.yiaddr), message.chaddr)
    assert ("lease_time", message.seconds(51)) in read[DHCP].options
