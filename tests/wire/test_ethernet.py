from __future__ import annotations

from collections.abc import Callable

import pytest

from sim.errors import WireError
from sim.wire import ethernet
from sim.wire.addresses import MAC_BROADCAST, parse_mac

Golden = Callable[[str], bytes]
H1 = parse_mac("02:00:00:00:00:01")
H2 = parse_mac("02:00:00:00:00:02")


def test_parse(golden: Golden) -> None:
    data = golden("udp")
    frame = ethernet.parse(data)
    assert (frame.destination, frame.source, frame.ethertype, frame.tags) == (H2, H1, 0x0800, ())
    assert frame.payload == data[14:]
    assert not frame.is_length_frame()


def test_emit(golden: Golden) -> None:
    data = golden("udp")
    assert ethernet.emit(ethernet.Frame(H2, H1, ethernet.ETHERTYPE_IPV4, data[14:])) == data


def test_round_trip_of_every_golden_frame(all_golden: dict[str, bytes]) -> None:
    for name, data in all_golden.items():
        assert ethernet.emit(ethernet.parse(data)) == data, name


@pytest.mark.parametrize("length", range(14))
def test_truncated(golden: Golden, length: int) -> None:
    unit = "byte" if length == 1 else "bytes"
    with pytest.raises(WireError, match=rf"^cut short: {length} {unit} of a header of 14$"):
        ethernet.parse(golden("udp")[:length])


def test_peek(golden: Golden) -> None:
    data = golden("arp_request")
    assert ethernet.destination(data) == MAC_BROADCAST
    assert ethernet.source(data) == H1
    assert ethernet.ethertype(data) == ethernet.ETHERTYPE_ARP
    assert ethernet.ethertype(golden("vlan_arp_request")) == ethernet.ETHERTYPE_VLAN


def test_tag(golden: Golden) -> None:
    data = golden("vlan_arp_request")
    frame = ethernet.parse(data)
    assert frame.tags == (ethernet.Tag(5, False, 10),)
    assert frame.ethertype == ethernet.ETHERTYPE_ARP
    assert frame.payload == golden("arp_request")[14:]
    assert ethernet.emit(ethernet.Frame(MAC_BROADCAST, H1, 0x0806, data[18:], (ethernet.Tag(5, False, 10),))) == data
    assert frame.tags[0].summary() == "VLAN 10 priority 5"


def test_a_stack_of_tags() -> None:
    tags = (ethernet.Tag(0, True, 4095, ethernet.ETHERTYPE_SERVICE_VLAN), ethernet.Tag(7, False, 0))
    data = ethernet.emit(ethernet.Frame(H2, H1, 0x88CC, b"lldp", tags))
    assert data.hex() == "020000000002" + "020000000001" + "88a81fff" + "8100e000" + "88cc" + b"lldp".hex()
    assert ethernet.parse(data).tags == tags


@pytest.mark.parametrize("length", range(14, 18))
def test_truncated_tag(golden: Golden, length: int) -> None:
    with pytest.raises(WireError, match=rf"^cut short: {length - 12} bytes of a tag and the type after it$"):
        ethernet.parse(golden("vlan_arp_request")[:length])


def test_length_frame(golden: Golden) -> None:
    frame = ethernet.parse(golden("stp_bpdu"))
    assert frame.is_length_frame()
    assert frame.ethertype == 38
    assert len(frame.payload) == 46
    assert ("length", 38) in frame.fields()
    assert frame.summary() == "802.3 02:00:00:00:00:01 > 01:80:c2:00:00:00 length 38"
    assert ethernet.Frame(H2, H1, 1500, b"").is_length_frame()
    assert not ethernet.Frame(H2, H1, 1536, b"").is_length_frame()


def test_summary_and_fields() -> None:
    frame = ethernet.Frame(H2, H1, 0x0800, b"xyz", (ethernet.Tag(0, False, 7),))
    assert frame.summary() == "Ethernet 02:00:00:00:00:01 > 02:00:00:00:00:02 type IPv4 (0x0800) 3 bytes"
    assert [name for name, _ in frame.fields()] == ["destination", "source", "tags", "type", "payload"]


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        (ethernet.Frame(H2[:5], H1, 0x0800, b""), "a MAC address must have 6 bytes"),
        (ethernet.Frame(H2, H1 + b"x", 0x0800, b""), "a MAC address must have 6 bytes"),
        (ethernet.Frame(H2, H1, 0x10000, b""), "an ethertype is from 0 to 0xffff, not 65536"),
        (ethernet.Frame(H2, H1, 0, b"", (ethernet.Tag(8, False, 1),)), "a priority is from 0 to 7, not 8"),
        (ethernet.Frame(H2, H1, 0, b"", (ethernet.Tag(0, False, 4096),)), "a VLAN is from 0 to 4095, not 4096"),
        (ethernet.Frame(H2, H1, 0, b"", (ethernet.Tag(0, False, 1, 0x0800),)), "0x8100 or 0x88a8, not 0x0800"),
    ],
)
def test_absurd_values_are_not_emitted(frame: ethernet.Frame, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        ethernet.emit(frame)
