"""Any packet there and back is itself, its checksums are right in between, and Scapy agrees."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.stack.translation.flows import flow_of, inverse, make, quoted_flow
from sim.stack.translation.rewriting import mend, rewrite, rewrite_error
from sim.wire import icmpv4, ipv4, tcp, udp
from sim.wire.checksum import internet_checksum, verify
from tests.stack.translation.conftest import echo_packet, error_packet, tcp_packet, udp_packet

addresses = st.binary(min_size=4, max_size=4)
ports = st.integers(1, 65535)
unhurried = settings(deadline=None)  # a busy machine, or Scapy when it is first used, takes its time
payloads = st.binary(max_size=60)


@st.composite
def packets(draw: st.DrawFn) -> bytes:
    source, destination = draw(addresses), draw(addresses)
    protocol = draw(st.sampled_from([1, 6, 17, 47]))
    one, other, data = draw(ports), draw(ports), draw(payloads)
    if protocol == 6:
        payload = tcp.emit(
            tcp.Segment(one, other, 5, 6, draw(st.integers(0, 255)), 7, payload=data), source, destination
        )
    elif protocol == 17:
        payload = udp.emit(udp.Datagram(one, other, data), source, destination)
    elif protocol == 1:
        kind = draw(st.sampled_from([0, 8, 13, 14, 17, 18]))
        payload = icmpv4.emit(icmpv4.Message(kind, 0, one << 16 | other, data))
    else:
        payload = data
    return ipv4.emit(ipv4.Packet(source, destination, protocol, payload, identification=one, options=b""))


@st.composite
def targets(draw: st.DrawFn, packet: bytes) -> bytes:
    """Another flow of the same protocol."""
    flow = flow_of(packet)
    if packet[9] == 1:
        request = packet[20] in (8, 13, 17)
        identifier = draw(ports).to_bytes(2, "big")
        kept = flow[11:13] if request else flow[9:11]
        pair = (identifier, kept) if request else (kept, identifier)
    elif packet[9] == 47:
        pair = (b"\0\0", b"\0\0")
    else:
        pair = (draw(ports).to_bytes(2, "big"), draw(ports).to_bytes(2, "big"))
    return make(packet[9], draw(addresses), pair[0], draw(addresses), pair[1])


def is_right(packet: bytes) -> bool:
    """Whether our own parsers, which check every checksum, take it."""
    parsed = ipv4.parse(packet)
    if parsed.protocol == 6:
        tcp.parse(parsed.payload, parsed.source, parsed.destination)
    elif parsed.protocol == 17:
        udp.parse(parsed.payload, parsed.source, parsed.destination)
    elif parsed.protocol == 1:
        icmpv4.parse(parsed.payload)
    return True


@unhurried
@given(st.data())
def test_there_and_back_is_the_identity(data: st.DataObject) -> None:
    packet = data.draw(packets())
    flow = data.draw(targets(packet))
    changed = rewrite(packet, flow)
    assert flow_of(changed) == flow
    assert is_right(changed)
    assert len(changed) == len(packet)
    assert rewrite(changed, flow_of(packet)) == packet


@unhurried
@given(st.data())
def test_scapy_finds_the_same_checksums(data: st.DataObject) -> None:
    """Scapy fills in the checksums of the same packet without any."""
    from scapy.layers.inet import ICMP, IP, TCP, UDP

    packet = data.draw(packets())
    changed = rewrite(packet, data.draw(targets(packet)))
    built = IP(changed)
    del built.chksum
    for layer in (TCP, UDP, ICMP):
        if layer in built:
            del built[layer].chksum
    rebuilt = bytes(built)
    assert changed[:20] == rebuilt[:20]
    if packet[9] in (6, 17):
        assert changed == rebuilt
    elif packet[9] == 1 and any(changed[20:22] + changed[24:]):
        assert changed[22:24] == rebuilt[22:24]


@unhurried
@given(st.data(), st.integers(8, 40).filter(lambda kept: kept != 17))  # half a checksum cannot be mended
def test_a_quote_cut_short_is_rewritten_as_far_as_it_goes(data: st.DataObject, kept: int) -> None:
    packet = data.draw(packets().filter(lambda packet: len(packet) >= 28))
    flow = data.draw(targets(packet))
    error = error_packet("192.0.2.1", "192.0.2.2", packet[: 20 + kept])
    changed = rewrite_error(error, flow, bytes(4), bytes([9] * 4))
    message = icmpv4.parse(ipv4.parse(changed).payload)  # the outer checksums are right
    whole = rewrite(packet, flow)
    assert message.payload == whole[: 20 + kept]
    assert quoted_flow(changed) == flow
    back = rewrite_error(changed, flow_of(packet), error[12:16], error[16:20])
    assert back == error


def test_a_udp_checksum_of_zero_stays_none() -> None:
    packet = bytearray(udp_packet("10.0.0.1:1", "10.0.0.2:2"))
    packet[26:28] = b"\0\0"
    changed = rewrite(bytes(packet), make(17, bytes([1] * 4), b"\0\5", bytes([2] * 4), b"\0\6"))
    assert changed[26:28] == b"\0\0"


def test_a_udp_checksum_that_comes_out_as_zero_is_sent_as_all_ones() -> None:
    """The port is chosen so that everything else sums up to all ones."""
    packet = udp_packet("10.0.0.1:1000", "10.0.0.2:2000", b"")
    rest = rewrite(packet, make(17, packet[12:16], b"\0\0", packet[16:20], packet[22:24]))
    port = rest[26:28]  # the checksum is what is missing to all ones
    changed = rewrite(packet, make(17, packet[12:16], port, packet[16:20], packet[22:24]))
    assert changed[26:28] == b"\xff\xff"
    assert is_right(changed)
    assert rewrite(changed, flow_of(packet)) == packet


def test_a_wrong_checksum_stays_wrong() -> None:
    packet = bytearray(tcp_packet("10.0.0.1:1000", "10.0.0.2:80"))
    packet[36] ^= 0x40
    changed = rewrite(bytes(packet), make(6, bytes([1] * 4), b"\0\5", bytes([2] * 4), b"\0\6"))
    with pytest.raises(ValueError, match="checksum"):
        is_right(changed)


def test_an_echo_of_nothing_but_zeros_has_the_other_zero() -> None:
    packet = echo_packet("10.0.0.1", "10.0.0.2", 7, reply=True)[:20] + icmpv4.emit(icmpv4.echo_reply(7, 0, b""))
    packet = packet[:2] + b"\0\x1c" + packet[4:]
    changed = rewrite(packet, make(1, packet[12:16], b"\0\x08", packet[16:20], b"\0\0"))
    assert verify(changed[20:])


@unhurried
@given(st.binary(min_size=2, max_size=40), st.binary(min_size=2, max_size=2))
def test_mend_is_what_a_fresh_sum_gives(words: bytes, new: bytes) -> None:
    words += b"\1" * (len(words) % 2) + b"\1\1"
    before = internet_checksum(words).to_bytes(2, "big")
    assert mend(before, words[:2], new) == internet_checksum(new + words[2:]).to_bytes(2, "big")


@unhurried
@given(packets())
def test_the_answer_of_the_answer_is_the_question(packet: bytes) -> None:
    flow = flow_of(packet)
    assert len(flow) == 13
    assert inverse(inverse(flow)) == flow


@unhurried
@given(st.binary(max_size=80))
def test_garbage_has_no_flow_or_one(data: bytes) -> None:
    packet = b"\x45" + data + bytes(19)
    assert len(flow_of(packet)) in (0, 13)
    assert len(quoted_flow(packet)) in (0, 13)
