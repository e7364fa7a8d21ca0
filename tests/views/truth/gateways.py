"""Translation and firewalls."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network

from sim.tracing import kinds
from tests.views.truth.evidence import Evidence, Said
from tests.views.truth.packet import ICMP, TCP, UDP, Packet

PROTOCOLS = {"icmp": ICMP, "tcp": TCP, "udp": UDP}


def check_translate(evidence: Evidence, said: Said) -> str:
    """The addresses before are those of the frame that came, the ones after those of the frame that left."""
    what, old, new, why = said.parts
    came = evidence.packet(said.subject)
    left = [packet for packet in evidence.results(said) if packet.is_ip and packet.protocol == came.protocol]
    side = what == "destination"
    if str(why).startswith("an error about"):
        if came.icmp_type not in (3, 4, 11, 12):
            return "it is no error"
        came, left = came.quoted, [packet.quoted for packet in left]
    if not _is(came, side, str(old)):
        return f"it came with {came.ends}"
    if any(_is(packet, side, str(new)) for packet in left):
        return ""
    here = side and evidence.said_too(said, kinds.DELIVER)  # it was for the gateway itself, or for nobody beyond it
    kept = evidence.said_too(said, kinds.DROP)
    return "" if here or kept else f"it left with {[packet.ends for packet in left]}"


def _is(packet: Packet, destination: bool, end: str) -> bool:
    """Whether an end is that of a packet; a fragment has no ports, and an ICMP query one for both."""
    mine = packet.ends[destination]
    return mine == end if not packet.offset else mine.partition(":")[0] == end.partition(":")[0]


def check_judge(evidence: Evidence, said: Said) -> str:
    return check_rule(evidence, said, str(said.parts[1]), str(said.parts[0]))


def check_rule(evidence: Evidence, said: Said, text: str, name: str) -> str:
    """The rule's own words hold for the packet, as far as it shows in one frame."""
    packet = evidence.packet(said.subject)
    if name == "policy":
        return "" if text in ("allow", "deny", "reject") else f"nothing checks {text!r}"
    left = evidence.ports_out(said)
    for token in ("icmp", "tcp", "udp"):
        if re.search(rf"\b{token}\b", text) and packet.protocol != PROTOCOLS[token]:
            return f"it is no {token}"
    translated = [str(other.parts[2]) for other in evidence.said_too(said, kinds.TRANSLATE)]
    target = next((end for end in translated), packet.destination).partition(":")[0]
    prefixes = re.search(r"\bto ((?:[\d./]+(?:, )?)+)", text)
    if prefixes and not _within(target, prefixes[1]):
        return f"it is for {target}"
    sources = re.search(r"\bfrom ((?:[\d./]+(?:, )?)+)", text)
    if sources and not _within(packet.source, sources[1]):
        return f"it is from {packet.source}"
    ports = re.search(r"\bto .*?port ((?:[\d-]+(?:, )?)+)", text)
    if ports and not _among(packet.destination_port, ports[1]):
        return f"it is for port {packet.destination_port}"
    came = re.search(r"\bin (\w+)", text)
    if came and evidence.came_in(said) != came[1]:
        return f"it came in at {evidence.came_in(said)}"
    out = re.search(r"\bout (\w+)", text)
    if out and left and out[1] not in left:
        return f"it went out at {left}"
    if "established" in text and not _is_known(evidence, said, packet):
        return "nothing of the kind had come before"
    return ""


def _within(address: str, prefixes: str) -> bool:
    return any(IPv4Address(address) in IPv4Network(prefix.strip()) for prefix in prefixes.split(",") if prefix.strip())


def _among(port: int, ports: str) -> bool:
    for part in ports.split(","):
        low, _, high = part.strip().partition("-")
        if int(low) <= port <= int(high or low):
            return True
    return False


def _is_known(evidence: Evidence, said: Said, packet: Packet) -> bool:
    """Whether something has gone the other way before; what an error quotes, for a related packet."""
    seen = packet.quoted if packet.icmp_type in (3, 4, 11, 12) else packet
    there = seen.destination, seen.source
    if packet.icmp_type in (3, 4, 11, 12):
        there = seen.source, seen.destination
    earlier = evidence.before(said.node, said.time)
    return any((other.source, other.destination) == there for other in earlier)


def check_filtered(evidence: Evidence, said: Said) -> str:
    """Nobody inside has sent to that sender: nothing that left the gateway was for where this comes from."""
    packet = evidence.packet(said.subject)
    here, there = packet.ends[1], packet.ends[0]
    for other in evidence.sent_by(said.node, said.time):
        if other.is_ip and other.protocol == packet.protocol and other.ends == (here, there):
            return "something was sent there from here"
    return ""
