from __future__ import annotations

from collections.abc import Callable

import pytest

from sim.errors import WireError
from sim.wire import arp
from sim.wire.addresses import IPV4_ANY, MAC_ZERO, parse_ip, parse_mac

Golden = Callable[[str], bytes]
H1, IP1 = parse_mac("02:00:00:00:00:01"), parse_ip("10.0.0.1")
H2, IP2 = parse_mac("02:00:00:00:00:02"), parse_ip("10.0.0.2")
REQUEST = arp.Packet(arp.REQUEST, H1, IP1, MAC_ZERO, IP2)
REPLY = arp.Packet(arp.REPLY, H1, IP1, H2, IP2)


@pytest.mark.parametrize(("name", "packet"), [("arp_request", REQUEST), ("arp_reply", REPLY)])
def test_parse_and_emit(golden: Golden, name: str, packet: arp.Packet) -> None:
    data = golden(name)[14:]
    assert arp.parse(data) == packet
    assert arp.emit(packet) == data
    assert arp.emit(arp.parse(data)) == data


def test_padding_is_ignored(golden: Golden) -> None:
    assert arp.parse(golden("arp_request")[14:] + bytes(18)) == REQUEST


@pytest.mark.parametrize("length", range(28))
def test_truncated(golden: Golden, length: int) -> None:
    with pytest.raises(WireError, match=rf"^cut short: {length} bytes? of 28$"):
        arp.parse(golden("arp_request")[14 : 14 + length])


@pytest.mark.parametrize(
    ("at", "value", "error"),
    [
        (1, 6, "hardware type is 6, not 1 (Ethernet)"),
        (2, 0x86, "protocol type is 0x8600, not 0x0800 (IPv4)"),
        (4, 8, "address lengths are 8 and 4, not 6 and 4"),
        (5, 16, "address lengths are 6 and 16, not 6 and 4"),
    ],
)
def test_other_kinds_of_address_are_refused(at: int, value: int, error: str) -> None:
    data = bytearray(arp.emit(REQUEST))
    data[at] = value
    with pytest.raises(WireError) as caught:
        arp.parse(bytes(data))
    assert str(caught.value) == error


@pytest.mark.parametrize(
    ("packet", "line"),
    [
        (REQUEST, "ARP who has 10.0.0.2? tell 10.0.0.1"),
        (REPLY, "ARP 10.0.0.1 is at 02:00:00:00:00:01"),
        (
            arp.Packet(arp.REQUEST, H1, IP1, MAC_ZERO, IP1),
            "ARP 10.0.0.1 is at 02:00:00:00:00:01 (gratuitous)",
        ),
        (arp.Packet(arp.REQUEST, H1, IPV4_ANY, MAC_ZERO, IP2), "ARP who has 10.0.0.2? (probe from 02:00:00:00:00:01)"),
        (arp.Packet(9, H1, IP1, MAC_ZERO, IP2), "ARP operation 9 10.0.0.1 > 10.0.0.2"),
    ],
)
def test_summary(packet: arp.Packet, line: str) -> None:
    assert packet.summary() == line


def test_gratuitous_and_probe() -> None:
    assert arp.Packet(arp.REPLY, H1, IP1, H2, IP1).is_gratuitous()
    assert arp.Packet(arp.REQUEST, H1, IPV4_ANY, MAC_ZERO, IP2).is_probe()
    assert not REQUEST.is_gratuitous()
    assert not REQUEST.is_probe()


@pytest.mark.parametrize(
    ("packet", "error"),
    [
        (arp.Packet(65536, H1, IP1, H2, IP2), "an ARP operation is from 0 to 65535, not 65536"),
        (arp.Packet(1, H1[:5], IP1, H2, IP2), "a MAC address must have 6 bytes"),
        (arp.Packet(1, H1, IP1, H2, bytes(16)), "an address in ARP must have 4 bytes"),
    ],
)
def test_absurd_values_are_not_emitted(packet: arp.Packet, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        arp.emit(packet)
