"""Routes, ARP, fragments and ICMP errors."""

from __future__ import annotations

import re

from sim.tracing import kinds
from sim.wire import icmpv4
from sim.wire.addresses import MAC_BROADCAST, format_ip, format_mac
from tests.views.truth.evidence import Evidence, Said
from tests.views.truth.packet import ICMP, Packet

ARP_KINDS = (kinds.ARP_ASK, kinds.ARP_PROBE, kinds.ARP_LEARN, kinds.ARP_FAIL)
PATIENCE = 3  # RFC 4861 10: MAX_MULTICAST_SOLICIT
QUESTION = 1_000_000_000  # ns between two questions


def check_route(evidence: Evidence, said: Said) -> str:
    """It is the longest prefix for what was then sent; if nothing was, for what was to be sent."""
    meant = {packet.destination for packet in evidence.results(said) if packet.is_ip}
    meant |= set(_meant(evidence, said))
    fitting = [address for address in meant if said.text in evidence.best_routes(said.node, address, said.time)]
    return "" if fitting else f"it is the best route for none of {sorted(meant)}"


def _meant(evidence: Evidence, said: Said) -> list[str]:
    """Destinations that follow from what the node was handling."""
    packet = evidence.packet(said.subject)
    found = [address for address in (packet.source, packet.destination) if address]
    for other in evidence.about[said.node, said.subject]:
        if other.kind in (kinds.ORIGIN, kinds.ICMP_ERROR):
            found += re.findall(r"\d+\.\d+\.\d+\.\d+", str(other.detail))
        if other.kind == kinds.ARP_ASK:
            found.append(format_ip(bytes(other.parts[0])))  # type: ignore[arg-type]
        if other.kind == kinds.TRANSLATE:
            found.append(str(other.parts[2]).partition(":")[0])
    return found


def check_forwarded(evidence: Evidence) -> list[str]:
    """The other way round: what a router passes on leaves by the best route, with a TTL that allows it."""
    problems = []
    for node, kind in enumerate(evidence.recorder.node_kinds):
        if kind not in ("router", "gateway"):
            continue
        for row in evidence.sent[node]:
            cause = evidence.packet(evidence.recorder.causes[row])
            packet = evidence.of_row(row)
            same = (
                packet.is_ip and cause.is_ip and packet.ip[4:6] == cause.ip[4:6] and packet.protocol == cause.protocol
            )
            if not same or packet.ttl == cause.ttl or packet.icmp_type == 0:
                continue
            time = evidence.recorder.starts[row]
            port = evidence.recorder.ports[evidence.recorder.senders[row]]
            routes = evidence.best_routes(node, packet.destination, time)
            noted = {
                said.text for said in evidence.about[node, evidence.recorder.causes[row]] if said.kind == kinds.ROUTE
            }
            if cause.ttl <= 1 or packet.ttl != cause.ttl - 1:
                problems.append(f"{evidence.name(node)} passes #{row} on with TTL {packet.ttl} of {cause.ttl}")
            if not any(text.endswith(f"dev {port}") for text in routes & noted):
                problems.append(f"{evidence.name(node)} sends #{row} by {port}, the best routes are {routes}")
    return problems


def check_arp(evidence: Evidence, said: Said) -> str:
    address = said.parts[0]
    assert isinstance(address, bytes)
    interface = str(said.parts[-1])
    if said.kind == kinds.ARP_LEARN:
        packet = evidence.packet(said.subject)
        told = packet.is_arp and packet.sender_ip == address and packet.sender_mac == said.parts[1]
        return "" if told and evidence.came_in(said) == interface else "the frame does not say so"
    known = evidence.known(said.node, "ARP", format_ip(address), said.time)
    if said.kind == kinds.ARP_FAIL:
        since = said.time - PATIENCE * QUESTION
        heard = [packet for packet in evidence.before(said.node, said.time) if packet.sender_ip == address]
        asked = [
            other
            for kind in (kinds.ARP_ASK, kinds.ARP_PROBE)
            for other in evidence.by_kind[said.node, kind]
            if other.parts[0] == address and since <= other.time and other.index < said.index
        ]
        before = len(heard) - len([p for p in evidence.before(said.node, since - 1) if p.sender_ip == address])
        if before or len(asked) != PATIENCE:
            return f"{before} answers to {len(asked)} questions"
        again = any(other.time == said.time and other.index > said.index for other in asked_again(evidence, said))
        return "" if again or any(row and row[1] == "failed" for row in known) else f"the table says {known}"
    probing = said.kind == kinds.ARP_PROBE
    questions = [packet for packet in evidence.results(said) if packet.is_question and packet.target_ip == address]
    if not any((packet.to != MAC_BROADCAST) == probing for packet in questions):
        return "no such question was sent"
    if probing:
        there = [format_mac(packet.to) for packet in questions]
        return "" if any(row and row[0] in there and row[1] == "probe" for row in known) else f"the table says {known}"
    asking = [row for row in known if row and row[1] in ("incomplete", "failed")]
    return "" if asking else f"the table says {known}"


def asked_again(evidence: Evidence, said: Said) -> list[Said]:
    """Questions of the node for the same address."""
    return [other for other in evidence.by_kind[said.node, kinds.ARP_ASK] if other.parts[0] == said.parts[0]]


def check_fragment(evidence: Evidence, said: Said) -> str:
    count, mtu = said.parts
    assert isinstance(mtu, int)
    pieces: dict[tuple[bytes, bytes, int, bytes], list[Packet]] = {}
    for packet in evidence.results(said):
        if packet.is_fragment:
            pieces.setdefault(packet.datagram, []).append(packet)
    for group in pieces.values():
        whole = sum(len(piece.payload) for piece in group) + group[0].header
        if len(group) == count and max(piece.length for piece in group) <= mtu < whole:
            return ""
    return f"what was sent: {[[piece.length for piece in group] for group in pieces.values()]}"


def check_reassemble(evidence: Evidence, said: Said) -> str:
    last = evidence.packet(said.subject)
    pieces = {
        packet.offset: packet
        for packet in evidence.before(said.node, said.time)
        if packet.is_fragment and packet.datagram == last.datagram
    }
    size = sum(len(piece.payload) for piece in pieces.values())
    return "" if (len(pieces), size) == said.parts else f"{len(pieces)} fragments with {size} bytes have come"


def check_wait(evidence: Evidence, said: Said) -> str:
    packet = evidence.packet(said.subject)
    if said.text == "the other fragments":
        return "" if packet.is_fragment else "it is no fragment"
    return "" if packet.flags == 2 else "it is no SYN"


def check_icmp_error(evidence: Evidence, said: Said) -> str:
    """Such an error was sent because of that packet, or the node says why not."""
    cause = evidence.packet(said.subject)
    for packet in evidence.results(said):
        if packet.protocol == ICMP and packet.icmp_type in (3, 11) and _summary(packet) == said.text:
            quoted = packet.quoted
            same = (quoted.source, quoted.destination) == (cause.source, cause.destination)
            return (
                ""
                if same or evidence.said_too(said, kinds.TRANSLATE) or not cause.is_ip
                else "it quotes another packet"
            )
    unsent = [other for other in evidence.said_too(said, kinds.DROP) if "ICMP error" in other.text]
    return "" if unsent else "no such error was sent"


def _summary(packet: Packet) -> str:
    return icmpv4.parse(packet.payload).summary()
