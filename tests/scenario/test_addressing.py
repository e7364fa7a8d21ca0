"""What `sim ip` explains, against the RFCs and the standard library."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.scenario.addressing import class_of, explain, parse_ipv4, parse_mask, purpose_of


def test_an_ordinary_address() -> None:
    facts = explain("192.168.1.10/24")
    assert (facts.class_, facts.class_prefix, facts.purpose, facts.source) == ("C", 24, "private", "RFC 1918")
    assert facts.binary == "11000000.10101000.00000001|00001010"
    assert not facts.assumed_mask
    assert facts.multicast_mac is None
    network = facts.network
    assert network is not None
    assert (str(network.network), network.prefix, network.mask, network.wildcard) == (
        "192.168.1.0/24",
        24,
        "255.255.255.0",
        "0.0.0.255",
    )
    assert (network.host_part, network.broadcast, network.role) == ("0.0.0.10", "192.168.1.255", "host")
    assert (network.first, network.last, network.usable) == ("192.168.1.1", "192.168.1.254", 254)
    assert network.mask_binary == "11111111.11111111.11111111|00000000"


def test_a_boundary_within_an_octet() -> None:
    facts = explain("172.16.99.5/255.255.240.0")
    assert facts.binary == "10101100.00010000.0110|0011.00000101"
    assert facts.network is not None
    assert (str(facts.network.network), facts.network.host_part) == ("172.16.96.0/20", "0.0.3.5")


@pytest.mark.parametrize(
    ("address", "letter", "prefix"),
    [
        ("0.0.0.0", "A", 8),
        ("127.255.255.255", "A", 8),
        ("128.0.0.0", "B", 16),
        ("191.255.255.255", "B", 16),
        ("192.0.0.0", "C", 24),
        ("223.255.255.255", "C", 24),
        ("224.0.0.0", "D", None),
        ("239.255.255.255", "D", None),
        ("240.0.0.0", "E", None),
        ("255.255.255.255", "E", None),
    ],
)
def test_classes(address: str, letter: str, prefix: int | None) -> None:
    assert class_of(IPv4Address(address)) == (letter, prefix)
    facts = explain(address)
    assert facts.assumed_mask is (prefix is not None)
    assert (facts.network is None) is (prefix is None)


@pytest.mark.parametrize(
    ("address", "purpose"),
    [
        ("8.8.8.8", "public"),
        ("10.255.255.255", "private"),
        ("172.15.255.255", "public"),
        ("172.16.0.0", "private"),
        ("172.31.255.255", "private"),
        ("172.32.0.0", "public"),
        ("192.168.0.0", "private"),
        ("100.64.0.0", "carrier-grade NAT"),
        ("100.128.0.0", "public"),
        ("127.0.0.1", "loopback"),
        ("169.254.9.9", "link-local"),
        ("203.0.113.80", "documentation"),
        ("198.19.0.1", "benchmarking"),
        ("0.0.0.0", "this network"),
        ("224.0.0.1", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "limited broadcast"),
    ],
)
def test_purposes(address: str, purpose: str) -> None:
    assert purpose_of(IPv4Address(address))[0] == purpose


@pytest.mark.parametrize(
    ("text", "first", "last", "usable", "broadcast", "role"),
    [
        ("10.0.0.0/31", "10.0.0.0", "10.0.0.1", 2, None, "host"),
        ("10.0.0.7/32", "10.0.0.7", "10.0.0.7", 1, None, "host"),
        ("10.0.0.1/30", "10.0.0.1", "10.0.0.2", 2, "10.0.0.3", "host"),
        ("10.0.0.0/30", "10.0.0.1", "10.0.0.2", 2, "10.0.0.3", "network"),
        ("10.0.0.3/30", "10.0.0.1", "10.0.0.2", 2, "10.0.0.3", "broadcast"),
        ("1.2.3.4/0", "0.0.0.1", "255.255.255.254", 2**32 - 2, "255.255.255.255", "host"),
    ],
)
def test_ranges(text: str, first: str, last: str, usable: int, broadcast: str | None, role: str) -> None:
    network = explain(text).network
    assert network is not None
    assert (network.first, network.last, network.usable) == (first, last, usable)
    assert (network.broadcast, network.role) == (broadcast, role)


def test_multicast_mac() -> None:
    assert explain("224.0.0.251").multicast_mac == "01:00:5e:00:00:fb"
    assert explain("239.255.0.1").multicast_mac == explain("224.127.0.1").multicast_mac == "01:00:5e:7f:00:01"
    assert explain("ff02::1:ff00:1").multicast_mac == "33:33:ff:00:00:01"


def test_ipv6_as_far_as_it_applies() -> None:
    facts = explain("2001:db8::1/64")
    assert (facts.version, facts.class_, facts.purpose) == (6, None, "documentation")
    assert facts.network is not None
    assert (facts.network.mask, facts.network.broadcast, facts.network.usable) == (None, None, 2**64)
    assert explain("::1").network is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("192.168.1.256", "'192.168.1.256' is not an IPv4 address: 256 is above 255"),
        ("192.168.1", "'192.168.1' is not an IPv4 address: it has 3 numbers, not 4"),
        ("1.2.3.4.5", "'1.2.3.4.5' is not an IPv4 address: it has 5 numbers, not 4"),
        ("192..1.1", "'192..1.1' is not an IPv4 address: a number is missing"),
        (
            "192.168.010.1",
            (
                "'192.168.010.1' is not an IPv4 address: write 10 for 010, "
                "since some programs read a leading zero as octal"
            ),
        ),
        ("example.com", "'example.com' is not an IPv4 address: write four numbers, like 192.168.1.10"),
        ("", "'' is not an IPv4 address: write four numbers, like 192.168.1.10"),
        ("\u0661.2.3.4", "'\u0661.2.3.4' is not an IPv4 address: write four numbers, like 192.168.1.10"),
        ("1.2.3.4/33", "/33 is not a mask: write /0 to /32"),
        ("1.2.3.4/", "/ is not a mask: write /0 to /32"),
        ("1.2.3.4/08", "/08 is not a mask: write /0 to /32"),
        (
            "1.2.3.4/255.0.255.0",
            (
                "255.0.255.0 is not a mask: in binary all its ones must stand before its zeros "
                "(11111111.00000000.11111111.00000000)"
            ),
        ),
        ("1.2.3.4/0.0.0.255", "0.0.0.255 is a wildcard, the mask turned over: write 255.255.255.0"),
        ("1.2.3.4/255.255.256.0", "'255.255.256.0' is not a mask: 256 is above 255"),
        ("::g", "'::g' is not an IPv6 address: only hex digits permitted"),
        ("::1/129", "/129 is not a mask: write /0 to /128"),
    ],
)
def test_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared whole
        explain(text)
    assert str(caught.value) == message


@given(st.integers(0, 2**32 - 1), st.integers(0, 32))
def test_agrees_with_the_standard_library(value: int, prefix: int) -> None:
    address = IPv4Address(value)
    assert parse_ipv4(str(address)) == address
    reference = IPv4Interface((value, prefix))
    assert parse_mask(str(reference.netmask)) == prefix
    facts = explain(f"{address}/{prefix}")
    assert facts.network is not None
    assert facts.network.network == reference.network
    assert int(facts.binary.replace(".", "").replace("|", ""), 2) == value


@settings(max_examples=50)
@given(st.text(max_size=60))
def test_any_text_is_explained_or_refused(text: str) -> None:
    try:
        explain(text)
    except ValueError as error:
        assert len(str(error)) < 250  # noqa: PT017
