"""Who takes a packet in, who does not, and what was meant to be sent."""

from __future__ import annotations

import re
from collections.abc import Callable

from sim.tracing import kinds
from sim.wire import dhcpv4
from sim.wire.addresses import MAC_BROADCAST, format_ip, format_mac
from tests.views.truth.evidence import Evidence, Said
from tests.views.truth.packet import ICMP, SYN, TCP, UDP, Packet

PROTOCOLS = {"ICMP": ICMP, "TCP": TCP, "UDP": UDP}


def check_deliver(evidence: Evidence, said: Said) -> str:
    packet = evidence.packet(said.subject)
    port = evidence.came_in(said)
    if not port:  # an error of its own making, that a raw socket hears
        of_itself = said.text.startswith("raw socket") and evidence.said_too(said, kinds.DROP)
        return "" if of_itself else "it did not reach that node"
    macs = [bytes.fromhex(mac.replace(":", "")) for mac in evidence.mac(said.node, port, said.time)]
    if port != "lo" and packet.to not in macs and not packet.to[0] & 1:
        return "the frame was for another MAC address"
    if said.text.startswith("ARP"):
        return _arp(evidence, said, packet)
    to_dhcp = packet.protocol == UDP and packet.destination_port in (67, 68)
    own = evidence.owns(said.node, packet.destination, said.time) or port == "lo"
    if not (own or evidence.is_to_many(said.node, packet.destination, said.time) or to_dhcp):
        return f"{packet.destination} is not its address"
    return _transport(evidence, said, _first(evidence, said, packet))


def _first(evidence: Evidence, said: Said, packet: Packet) -> Packet:
    """Of a fragment's packet the fragment that has the ports."""
    if not packet.is_fragment:
        return packet
    return next(
        other
        for other in evidence.before(said.node, said.time)
        if other.is_ip and other.datagram == packet.datagram and other.offset == 0
    )


def _arp(evidence: Evidence, said: Said, packet: Packet) -> str:
    if not packet.is_arp:
        return "it is no ARP"
    if said.text == "ARP request":
        answered = [other for other in evidence.results(said) if other.is_arp and not other.is_question]
        asked = evidence.owns(said.node, format_ip(packet.target_ip), said.time)
        return "" if packet.is_question and asked and answered else "it was not asked, or has not answered"
    if said.text == "ARP reply":
        known = evidence.known(said.node, "ARP", format_ip(packet.sender_ip), said.time)
        return "" if not packet.is_question and any(known) else "it is no reply of a neighbour"
    address = re.findall(r"\d+\.\d+\.\d+\.\d+", said.text)[0]
    return "" if address in (format_ip(packet.sender_ip), format_ip(packet.target_ip)) else "it is about another"


def _transport(evidence: Evidence, said: Said, packet: Packet) -> str:
    text = said.text
    if text.startswith("ICMP"):
        wanted = {"ICMP echo request": (8,), "ICMP echo reply": (0,), "ICMP error": (3, 4, 11, 12)}[text]
        if packet.icmp_type not in wanted:
            return f"it is of type {packet.icmp_type}"
        if text == "ICMP error" and not evidence.owns(said.node, packet.quoted.source, said.time):
            return f"it is about a packet of {packet.quoted.source}"
        return ""
    if text.startswith("raw socket, "):
        return "" if PROTOCOLS[text.removeprefix("raw socket, ")] == packet.protocol else "it is another protocol"
    match = re.fullmatch(r"(TCP|UDP) port (\d+)(, TIME-WAIT)?", text)
    if match is None:
        return "what is that?"
    if (packet.protocol, packet.destination_port) != (PROTOCOLS[match[1]], int(match[2])):
        return f"it is for port {packet.destination_port}"
    here = evidence.rows_of(said.node, "sockets", said.time)
    there = [key for key, _ in here if re.match(rf"{match[1]} [^>]*:{match[2]}( |$)", key)]
    daemons = match[1] == "UDP" and packet.destination_port in (67, 68)
    return "" if there or daemons else f"nobody has that port: {here}"


def check_ignore(evidence: Evidence, said: Said) -> str:
    packet = evidence.packet(said.subject)
    if said.text == "not its MAC address":
        macs = evidence.mac(said.node, evidence.came_in(said), said.time)
        other = format_mac(packet.to) not in macs and packet.to != MAC_BROADCAST
        return "" if macs and other else f"it is for {format_mac(packet.to)}"
    if said.text == "asks for somebody else":
        own = evidence.owns(said.node, format_ip(packet.target_ip), said.time)
        return "" if packet.is_question and not own else "it is asked itself"
    if said.text == "an answer to no question of ours":
        known = evidence.known(said.node, "ARP", format_ip(packet.sender_ip), said.time)
        return "" if packet.is_arp and not packet.is_question and None in known else f"the table has {known}"
    return f"nothing checks {said.text!r}"


def check_origin(evidence: Evidence, said: Said) -> str:
    """What was sent because of it is what it says; what it says nothing definite about is not checked."""
    sent = [packet for packet in evidence.results(said) if not packet.is_arp and not packet.offset]
    text = said.text
    patterns: dict[str, Callable[[Packet, re.Match[str]], bool]] = {
        r"ICMP echo request (\d+) to ([\d.]+)": lambda p, m: (
            (p.icmp_type, str(int.from_bytes(p.payload[6:8], "big")), p.destination) == (8, m[1], m[2])
        ),
        r"UDP datagram of (\d+) bytes to ([\d.]+) port (\d+)": lambda p, m: (
            p.protocol == UDP and p.destination == m[2] and (p.offset > 0 or str(p.destination_port) == m[3])
        ),
        r"TCP connection to ([\d.]+) port (\d+)": lambda p, m: (
            (p.flags & SYN, p.destination, str(p.destination_port)) == (SYN, m[1], m[2])
        ),
        r"(\d+) bytes by TCP to ([\d.]+) port (\d+)": lambda p, m: (
            (p.protocol, p.destination, str(p.destination_port)) == (TCP, m[2], m[3])
        ),
        r"traceroute probe with TTL (\d+) to ([\d.]+)": lambda p, m: (str(p.ttl), p.destination) == (m[1], m[2]),
        r"hand-crafted frame of (\d+) bytes": lambda p, m: str(len(p.data)) == m[1],
        r"raw packet of (\d+) bytes, protocol (\d+), to ([\d.]+)": lambda p, m: (
            (str(p.protocol), p.destination) == (m[2], m[3])
        ),
        r"DHCP (discover|request|decline|release|inform) from ([0-9a-f:]+).*": lambda p, m: (
            p.destination_port == 67 and format_mac(p.payload[8 + 28 : 8 + 34]) == m[2]
        ),
    }
    for pattern, fits in patterns.items():
        match = re.fullmatch(pattern, text)
        if match:
            frames = sent or (evidence.results(said) if "frame" in text else [])
            wrong = [packet for packet in frames if not fits(packet, match)]
            return "" if not wrong else f"what was sent first is {wrong[0].data[:60].hex()}"
    return ""


def check_dhcp(evidence: Evidence, said: Said) -> str:
    """An address that is used has been acknowledged; a relay has relayed."""
    if said.text.startswith("relays"):
        relayed = [packet for packet in evidence.results(said) if packet.protocol == UDP]
        return "" if relayed else "nothing was relayed"
    match = re.match(r"(?:uses|keeps) ([\d.]+)/\d+ for .*, says ([\d.]+)", said.text)
    if match is None:
        return ""
    for packet in evidence.before(said.node, said.time):
        if packet.protocol == UDP and packet.destination_port == 68:
            message = dhcpv4.parse(packet.payload[8:])
            if format_ip(message.yiaddr) == match[1]:
                return ""
    return "no server has given it"


def check_conflict(evidence: Evidence, said: Said) -> str:
    packet = evidence.packet(said.subject)
    address, mac = said.parts
    assert isinstance(address, bytes)
    told = packet.sender_ip == address and packet.sender_mac == mac
    return "" if told and evidence.owns(said.node, format_ip(address), said.time) else "nobody does"
