from __future__ import annotations

import pytest

from sim.stack.translation import firewall
from sim.stack.translation.firewall import ALLOW, DENY, ESTABLISHED, NEW, REJECT, RELATED, Firewall, Packet, Rule
from sim.stack.translation.flows import flow_of
from sim.wire.addresses import parse_prefix
from tests.stack.translation.conftest import echo_packet, tcp_packet, udp_packet

LAN = [parse_prefix("192.168.1.0/24")]
SSH = tcp_packet("198.51.100.9:4000", "192.168.1.80:22")


def seen(packet: bytes, came_in: str = "wan", out: str = "lan", state: int = NEW) -> Packet:
    return Packet(packet, came_in, out, flow_of(packet), state)


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        (Rule(DENY), True),
        (Rule(DENY, into="wan"), True),
        (Rule(DENY, into="lan"), False),
        (Rule(DENY, out="lan"), True),
        (Rule(DENY, out="wan"), False),
        (Rule(DENY, to_self=True), False),
        (Rule(DENY, destinations=LAN), True),
        (Rule(DENY, sources=LAN), False),
        (Rule(DENY, sources=[*LAN, parse_prefix("198.51.100.9/32")]), True),
        (Rule(DENY, sources=[parse_prefix("0.0.0.0/0")]), True),
        (Rule(DENY, protocol=6), True),
        (Rule(DENY, protocol=17), False),
        (Rule(DENY, ports=[(22, 22)]), True),
        (Rule(DENY, ports=[(80, 80), (20, 25)]), True),
        (Rule(DENY, ports=[(23, 65535)]), False),
        (Rule(DENY, source_ports=[(4000, 4000)]), True),
        (Rule(DENY, source_ports=[(22, 22)]), False),
        (Rule(DENY, states=NEW | RELATED), True),
        (Rule(DENY, states=ESTABLISHED), False),
        (Rule(DENY, protocol=6, ports=[(22, 22)], into="wan", out="lan", destinations=LAN, states=NEW), True),
    ],
)
def test_a_rule_fits_what_has_all_that_it_asks_for(rule: Rule, fits: bool) -> None:
    assert rule.fits(seen(SSH)) is fits


def test_what_has_no_port_has_none_that_a_rule_asks_for() -> None:
    assert not Rule(DENY, ports=[(0, 65535)]).fits(seen(echo_packet("198.51.100.9", "192.168.1.80")))


def test_for_this_node_itself() -> None:
    assert Rule(DENY, to_self=True).fits(seen(SSH, out=""))
    assert not Rule(DENY, out="lan").fits(seen(SSH, out=""))


def test_the_first_rule_that_fits_decides_and_is_counted() -> None:
    walls = Firewall([Rule(ALLOW, states=ESTABLISHED), Rule(REJECT, protocol=6), Rule(DENY, protocol=6)], DENY)
    udp = udp_packet("198.51.100.9:4000", "192.168.1.80:53")
    assert [walls.judge(seen(SSH)), walls.judge(seen(SSH, state=ESTABLISHED)), walls.judge(seen(udp))] == [
        "rule 2",
        "rule 1",
        "policy",
    ]
    walls.judge(seen(SSH))
    counts = {name: (rule.packets, rule.octets) for name, rule in walls.names.items()}
    assert counts == {
        "rule 1": (1, len(SSH)),
        "rule 2": (2, 2 * len(SSH)),
        "rule 3": (0, 0),
        "policy": (1, len(udp)),
    }


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (Rule(DENY), "deny"),
        (Rule(DENY, protocol=6, ports=[(22, 22)]), "deny tcp to port 22"),
        (Rule(ALLOW, states=ESTABLISHED | RELATED), "allow established/related"),
        (Rule(ALLOW, sources=LAN, protocol=17, ports=[(53, 53), (5000, 5010)]),
         "allow udp from 192.168.1.0/24 to port 53, 5000-5010"),
        (Rule(REJECT, to_self=True, protocol=1, into="wan"), "reject icmp to self in wan"),
        (Rule(ALLOW, destinations=[parse_prefix("192.168.1.80/32")], ports=[(80, 80)], out="lan"),
         "allow to 192.168.1.80 port 80 out lan"),
        (Rule(DENY, protocol=47, source_ports=[(1, 9)]), "deny protocol 47 from port 1-9"),
    ],
)  # fmt: skip
def test_a_rule_in_words(rule: Rule, text: str) -> None:
    assert rule.text == text


def test_a_drop_names_its_rule() -> None:
    walls = Firewall([Rule(DENY, protocol=6, ports=[(22, 22)])], DENY)
    assert walls.reason("rule 1") == "firewall rule 1 (deny tcp to port 22)"
    assert walls.reason("policy") == "firewall policy (deny)"


def test_state_is_tracked_only_where_a_rule_asks_for_it() -> None:
    assert not Firewall([Rule(DENY, protocol=6)]).asks_for_state()
    assert Firewall([Rule(DENY), Rule(ALLOW, states=firewall.INVALID)]).asks_for_state()
