"""The card of an address: the boundary between network and host is seen at once."""

from __future__ import annotations

from textwrap import dedent

import pytest

from sim.scenario.addressing import explain
from sim.views.address_card import address_card, address_data
from sim.views.text import columns, plain


def card(text: str) -> str:
    return plain(address_card(explain(text)))


def test_the_card_of_a_host() -> None:
    assert dedent(card("172.16.37.200/20")) == dedent("""\
        172.16.37.200/20 is a private address of class B

                    172      16       37        200
        address     10101100.00010000.0010|0101.11001000
        mask        11111111.11111111.1111|0000.00000000
                    └────────────────────┘ └───────────┘
                    network, 20 bits       host, 12 bits

        class       B                   first octet 128 to 191; its own mask is /16
        purpose     private             RFC 1918
        mask        255.255.240.0       /20, wildcard 0.0.15.255
        network     172.16.32.0/20      every host bit 0
        broadcast   172.16.47.255       every host bit 1
        first host  172.16.32.1
        last host   172.16.47.254
        hosts       4094                2^12, less network and broadcast
        """)


@pytest.mark.parametrize(
    "text",
    ["255.255.255.255/24", "10.0.0.1", "1.2.3.4/1", "0.0.0.0/0", "1.2.3.4/31", "1.2.3.4/32", "224.0.0.251", "250.1.1.1",
     "2001:db8::1/64", "fe80::1/70", "::1", "::/0", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff/128"],
)  # fmt: skip
def test_every_card_fits_eighty_columns(text: str) -> None:
    assert max(columns(line) for line in card(text).splitlines()) <= 80


@pytest.mark.parametrize("prefix", range(33))
def test_the_brackets_stand_under_the_bits_they_name(prefix: int) -> None:
    lines = card(f"192.168.1.77/{prefix}").splitlines()
    address, mask, brackets = lines[3], lines[4], lines[5]
    boundary = address.index("|")
    assert mask.index("|") == boundary
    assert len(brackets) <= len(address)
    assert boundary >= len(brackets) or brackets[boundary] == " "
    starts = [at for at, mark in enumerate(brackets) if mark in "└│"]
    assert len(starts) == (prefix > 0) + (prefix < 32)
    assert all(at in (14, boundary + 1) for at in starts)


def test_an_address_that_no_host_can_have_is_called_so() -> None:
    assert "is the broadcast address of 10.0.0.0/24, not a host's" in card("10.0.0.255/24")
    assert "is the network address of 10.0.0.0/24, not a host's" in card("10.0.0.0/24")


def test_the_bits_of_ipv6_stand_on_two_lines() -> None:
    lines = card("2001:db8::1/70").splitlines()
    assert lines[3].strip().count(":") == 4
    assert lines[5].strip().startswith("000000|0000000000:")


def test_the_data_of_a_group() -> None:
    data = address_data(explain("224.0.0.251"))
    assert (data["class"], data["multicast_mac"], data["private"]) == ("D", "01:00:5e:00:00:fb", False)
    assert "network" not in data
