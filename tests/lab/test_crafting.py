from __future__ import annotations

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

from sim.lab.crafting import craft, inspect

MAC = bytes.fromhex("02000000000a")


def test_an_expression_is_what_scapy_makes_of_it() -> None:
    text = 'Ether(dst="02:00:00:00:00:0b")/IP(dst="10.0.0.2", ttl=3)/UDP(sport=1, dport=2)/Raw(b"x\\x00" * 3)'
    packet = Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:0b") / IP(src="10.0.0.1", dst="10.0.0.2", ttl=3)
    assert craft(text, MAC, "10.0.0.1") == bytes(packet / UDP(sport=1, dport=2) / Raw(b"x\x00" * 3))


def test_what_is_not_said_comes_from_the_sender_not_from_this_machine() -> None:
    packet = inspect(craft("Ether()/IP()/ICMP()", MAC, "10.0.0.1"))
    assert (packet.src, packet.dst) == ("02:00:00:00:00:0a", "ff:ff:ff:ff:ff:ff")
    assert (packet[IP].src, packet[IP].dst) == ("10.0.0.1", "255.255.255.255")
    assert packet[ICMP].type == 8
    question = inspect(craft('Ether()/ARP(pdst="10.0.0.9")', MAC, "10.0.0.1"))
    assert (question[ARP].hwsrc, question[ARP].psrc) == ("02:00:00:00:00:0a", "10.0.0.1")


@pytest.mark.parametrize("text", ["ffff 0806", "FFFF0806", "ff\nff08 06"])
def test_hex(text: str) -> None:
    assert craft(text, MAC) == b"\xff\xff\x08\x06"


def test_layers_nest_and_options_are_lists() -> None:
    text = 'Ether()/IP(dst="10.0.0.2")/UDP(dport=53)/DNS(qd=DNSQR(qname="web.test"))'
    assert b"\x03web\x04test\x00" in craft(text, MAC)
    assert b"\x02\x04\x05\xb4" in craft('Ether()/IP()/TCP(options=[("MSS", 1460)])', MAC)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "neither hex nor an expression"),
        ("Ether(", "neither hex nor an expression"),
        ("abc", "not a layer"),
        ("Ethr()", "did you mean Ether"),
        ("Ether(colour=1)", "Ether has no field"),
        ("__import__('os').system('true')", "not a layer"),
        ("Ether(src=open('/etc/passwd'))", "no layer called 'open'"),
        ("Ether(src=(lambda: 1)())", "not a layer"),
        ("Ether()/IP(ttl=[x for x in (1,)])", "not a literal"),
        ("Ether(**{'src': 1})", "name=value"),
        ("'abc'", "begins with a layer"),
        ("Ether()/('x' * 1000000000)", "longer than any frame"),
        ("Ether()/Raw('x' * 70000)", "longer than any frame"),
        ("Ether()/IP(dst='www.example.test')", "IP dst: .*www.example.test"),
        ("Ether()/IP(dst='10.0.0.0/30')", "IP dst"),
        ("Ether()/ARP(pdst='printer')", "ARP pdst"),
        ("Ether()/IP()/UDP()/DNS(an=DNSRR(rrname='a', rdata='web'))", "DNSRR rdata"),
        ("Ether()/IP(ttl=-5)", "Scapy cannot build"),
        ("(" * 500, "neither hex nor an expression"),
        ("-" * 100_000 + "1", "neither hex nor an expression|not a layer"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        craft(text, MAC)
