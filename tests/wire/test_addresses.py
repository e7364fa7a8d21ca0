from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.wire import addresses


def test_mac_text() -> None:
    mac = bytes.fromhex("0200000000ab")
    assert addresses.parse_mac("02:00:00:00:00:ab") == mac
    assert addresses.parse_mac("02-00-00-00-00-AB") == mac
    assert addresses.format_mac(mac) == "02:00:00:00:00:ab"
    assert addresses.format_mac(addresses.MAC_BROADCAST) == "ff:ff:ff:ff:ff:ff"
    assert addresses.format_mac(addresses.MAC_ZERO) == "00:00:00:00:00:00"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "'' is not a MAC address: write six pairs of digits, like 02:00:00:00:00:11"),
        (
            "02:00:00:00:00",
            "'02:00:00:00:00' is not a MAC address: write six pairs of digits, like 02:00:00:00:00:11",
        ),
        (
            "02:00:00-00:00:00",
            "'02:00:00-00:00:00' is not a MAC address: write six pairs of digits, like 02:00:00:00:00:11",
        ),
        ("02:00:00:00:00:1", "'02:00:00:00:00:1' is not a MAC address: '1' is not two hexadecimal digits"),
        ("02:00:00:00:00:1g", "'02:00:00:00:00:1g' is not a MAC address: '1g' is not two hexadecimal digits"),
        ("02:00:00:00:00: 1", "'02:00:00:00:00: 1' is not a MAC address: ' 1' is not two hexadecimal digits"),
    ],
)
def test_bad_mac_text(text: str, error: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        addresses.parse_mac(text)
    assert str(caught.value) == error


@given(st.binary(min_size=6, max_size=6))
def test_mac_round_trip(mac: bytes) -> None:
    assert addresses.parse_mac(addresses.format_mac(mac)) == mac


def test_ipv4_text() -> None:
    assert addresses.parse_ip("192.168.1.10") == bytes((192, 168, 1, 10))
    assert addresses.parse_ip("0.0.0.0") == addresses.IPV4_ANY
    assert addresses.format_ip(addresses.IPV4_BROADCAST) == "255.255.255.255"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "'' is not an IP address: write four numbers, like 192.168.1.10"),
        ("10.0.0", "'10.0.0' is not an IP address: write four numbers, like 192.168.1.10"),
        ("1.2.3.4.5", "'1.2.3.4.5' is not an IP address: write four numbers, like 192.168.1.10"),
        ("10.0.0.256", "'10.0.0.256' is not an IP address: 256 is above 255"),
        ("10.0.0.1000000000000", "'10.0.0.1000000000000' is not an IP address: 1000000000000 is above 255"),
        ("10.0.0.01", "'10.0.0.01' is not an IP address: 01 has a leading zero, write 1"),
        ("10.0.0.x", "'10.0.0.x' is not an IP address: 'x' is not a number"),
        ("10.0.0.-1", "'10.0.0.-1' is not an IP address: '-1' is not a number"),
        ("10..0.1", "'10..0.1' is not an IP address: '' is not a number"),
        ("10.0.0.\u0661", "'10.0.0.\u0661' is not an IP address: '\u0661' is not a number"),
        ("2001:db8::g", "'2001:db8::g' is not an IPv6 address: write it like 2001:db8::1"),
        (":", "':' is not an IPv6 address: write it like 2001:db8::1"),
        ("fe80::1%eth0", "'fe80::1%eth0' is not an IPv6 address: write it without zone and prefix length"),
    ],
)
def test_bad_ip_text(text: str, error: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        addresses.parse_ip(text)
    assert str(caught.value) == error


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2001:0db8::0001", "2001:db8::1"),  # RFC 5952 4.1
        ("2001:db8:0:0:0:0:2:1", "2001:db8::2:1"),  # 4.2.1
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),  # 4.2.2
        ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),  # 4.2.3: the longest run
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),  # 4.2.3: the first of equals
        ("2001:DB8::ABCD", "2001:db8::abcd"),  # 4.3
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),  # 5
        ("::", "::"),
        ("::1", "::1"),
        ("fe80::", "fe80::"),
    ],
)
def test_ipv6_text_is_canonical(text: str, canonical: str) -> None:
    assert addresses.format_ip(addresses.parse_ip(text)) == canonical


@given(st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16))
def test_ip_round_trip(address: bytes) -> None:
    text = addresses.format_ip(address)
    assert addresses.parse_ip(text) == address
    assert ipaddress.ip_address(text).packed == address


@given(st.lists(st.sampled_from([0, 0, 0, 1, 0xABCD]), min_size=8, max_size=8))
def test_ipv6_text_agrees_with_the_standard_library(groups: list[int]) -> None:
    address = b"".join(group.to_bytes(2, "big") for group in groups)
    assert addresses.format_ip(address) == str(ipaddress.IPv6Address(address))


def test_an_address_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="an IP address has 4 or 16 bytes, not 6"):
        addresses.format_ip(bytes(6))


@pytest.mark.parametrize("text", ["192.168.1.10/24", "192.168.1.10/255.255.255.0"])
def test_interface_text(text: str) -> None:
    assert addresses.parse_interface(text) == (bytes((192, 168, 1, 10)), 24)


def test_interface_text_at_the_ends() -> None:
    assert addresses.parse_interface("10.0.0.1/0")[1] == 0
    assert addresses.parse_interface("10.0.0.1/0.0.0.0")[1] == 0
    assert addresses.parse_interface("10.0.0.1/32")[1] == 32
    assert addresses.parse_interface("10.0.0.1/255.255.255.255")[1] == 32
    assert addresses.parse_interface("2001:db8::1/64") == (addresses.parse_ip("2001:db8::1"), 64)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("10.0.0.1", "'10.0.0.1' has no prefix length: write it after a slash, like 10.0.0.1/24"),
        ("::1", "'::1' has no prefix length: write it after a slash, like ::1/64"),
        ("10.0.0.1/", "'10.0.0.1/' has a bad prefix length: '' is not a number from 0 to 32"),
        ("10.0.0.1/33", "'10.0.0.1/33' has a bad prefix length: '33' is not a number from 0 to 32"),
        ("10.0.0.1/-1", "'10.0.0.1/-1' has a bad prefix length: '-1' is not a number from 0 to 32"),
        ("10.0.0.1/24/8", "'10.0.0.1/24/8' has a bad prefix length: '24/8' is not a number from 0 to 32"),
        ("::1/129", "'::1/129' has a bad prefix length: '129' is not a number from 0 to 128"),
        (
            "10.0.0.1/255.0.255.0",
            "'255.0.255.0' is not a netmask: its ones must all come before its zeros, like 255.255.255.0",
        ),
        (
            "10.0.0.1/0.0.0.255",
            "'0.0.0.255' is not a netmask: its ones must all come before its zeros, like 255.255.255.0",
        ),
        ("10.0.0.1/255.255.256.0", "'255.255.256.0' is not an IP address: 256 is above 255"),
    ],
)
def test_bad_interface_text(text: str, error: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        addresses.parse_interface(text)
    assert str(caught.value) == error


def test_prefix_text() -> None:
    assert addresses.parse_prefix("10.0.0.0/8") == (bytes((10, 0, 0, 0)), 8)
    assert addresses.parse_prefix("0.0.0.0/0") == (addresses.IPV4_ANY, 0)
    assert addresses.format_prefix(bytes((10, 0, 0, 0)), 8) == "10.0.0.0/8"
    with pytest.raises(ValueError, match=r"'10\.1\.0\.0/8' is not a network: .* the network is 10\.0\.0\.0/8"):
        addresses.parse_prefix("10.1.0.0/8")


@given(st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16), st.data())
def test_prefix_arithmetic_agrees_with_the_standard_library(address: bytes, data: st.DataObject) -> None:
    length = data.draw(st.integers(0, 8 * len(address)))
    other = data.draw(st.binary(min_size=len(address), max_size=len(address)))
    network = ipaddress.ip_network((address, length), strict=False)
    assert addresses.network_of(address, length) == network.network_address.packed
    assert addresses.broadcast_of(address, length) == network.broadcast_address.packed
    assert addresses.mask_of(length, len(address)) == network.netmask.packed
    for tried in (other, addresses.broadcast_of(address, length)):
        assert addresses.in_prefix(tried, address, length) == (ipaddress.ip_address(tried) in network)


def test_prefix_arithmetic_at_the_ends() -> None:
    assert addresses.mask_of(24) == bytes((255, 255, 255, 0))
    assert not addresses.in_prefix(bytes(4), bytes(16), 0)
    with pytest.raises(ValueError, match="of 32 bits is from 0 to 32, not 33"):
        addresses.mask_of(33)
    with pytest.raises(ValueError, match="of 128 bits is from 0 to 128, not -1"):
        addresses.network_of(bytes(16), -1)


def test_multicast() -> None:
    assert addresses.is_multicast_mac(addresses.MAC_BROADCAST)
    assert addresses.is_multicast_mac(addresses.parse_mac("01:00:5e:00:00:01"))
    assert not addresses.is_multicast_mac(addresses.parse_mac("02:00:00:00:00:01"))
    for text, expected in (
        ("223.255.255.255", False),
        ("224.0.0.0", True),
        ("239.255.255.255", True),
        ("240.0.0.0", False),
        ("ff02::1", True),
        ("fe80::1", False),
    ):
        assert addresses.is_multicast_ip(addresses.parse_ip(text)) is expected, text


@pytest.mark.parametrize(
    ("group", "mac"),
    [
        ("224.0.0.1", "01:00:5e:00:00:01"),
        ("224.128.64.32", "01:00:5e:00:40:20"),  # RFC 1112 6.4: bit 24 is lost
        ("239.255.255.255", "01:00:5e:7f:ff:ff"),
        ("ff02::1:ff12:3456", "33:33:ff:12:34:56"),
    ],
)
def test_group_address_to_mac(group: str, mac: str) -> None:
    assert addresses.format_mac(addresses.multicast_mac(addresses.parse_ip(group))) == mac


def test_only_a_group_has_a_group_mac() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.1 is not a multicast address"):
        addresses.multicast_mac(addresses.parse_ip("10.0.0.1"))
