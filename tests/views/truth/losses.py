"""Why something went no further, what happened to it on the way, and what happened to the network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Final

from sim.tracing import kinds
from sim.wire.checksum import remainder
from tests.views.truth.evidence import Evidence, Said
from tests.views.truth.gateways import check_filtered, check_rule
from tests.views.truth.packet import RST, SYN, TCP, UDP

ON_THE_LINK: Final = {"queue full", "CoDel drop", "loss", "burst loss", "partition", "RED early drop", "link down"}


def check_drop(evidence: Evidence, said: Said) -> str:
    """A loss on the link stands in the frame's row; what a node drops has its reason in the packet or the tables."""
    reason = said.text
    lost = evidence.recorder.lost.get(said.subject)
    if reason in ON_THE_LINK and said.subject in evidence.rows:
        return "" if lost == reason else f"its row says {lost}"
    if lost is not None:
        return f"it was lost on the link: {lost}"
    if reason.startswith("malformed "):
        return "" if evidence.is_spoilt(said.subject) else "nobody has spoilt it"
    if reason.startswith("firewall "):
        name, _, rest = reason.removeprefix("firewall ").partition(" (")
        return check_rule(evidence, said, rest.removesuffix(")"), name)
    check = REASONS.get(reason)
    return check(evidence, said) if check else f"nothing checks {reason!r}"


def _ttl(evidence: Evidence, said: Said) -> str:
    ttl = evidence.packet(said.subject).ttl
    return "" if ttl <= 1 else f"its TTL is {ttl}"


def _no_route(evidence: Evidence, said: Said) -> str:
    packet = evidence.packet(said.subject)
    to = packet.destination if said.text == "no route" else packet.source
    routes = evidence.best_routes(said.node, to, said.time)
    return "" if not routes else f"there was {routes}"


def _unreachable(evidence: Evidence, said: Said) -> str:
    failed = [other for other in evidence.by_kind[said.node, kinds.ARP_FAIL] if other.time == said.time]
    return "" if failed else "ARP had not failed"


def _closed(evidence: Evidence, said: Said) -> str:
    packet = evidence.packet(said.subject)
    bound = [key for key, _ in evidence.rows_of(said.node, "sockets", said.time)]
    there = [key for key in bound if key.startswith("UDP") and key.endswith(f":{packet.destination_port}")]
    return "" if packet.protocol == UDP and not there else f"there is {there}"


def _checksum(evidence: Evidence, said: Said) -> str:
    packet = evidence.packet(said.subject)
    return "" if remainder(packet.ip, 0, packet.header) else "it is right"


def _ether_type(evidence: Evidence, said: Said) -> str:
    return "" if evidence.packet(said.subject).kind not in (0x0800, 0x0806) else "it is IP or ARP"


def _martian(evidence: Evidence, said: Said) -> str:
    packet = evidence.packet(said.subject)
    first = int(packet.source.partition(".")[0])
    own = evidence.owns(said.node, packet.source, said.time)
    strange = own or first in (0, 127) or first >= 224 or packet.destination.startswith("127.")
    return "" if strange else f"it is from {packet.source}"


def _not_ours(evidence: Evidence, said: Said) -> str:
    destination = evidence.packet(said.subject).destination
    return "" if not evidence.owns(said.node, destination, said.time) else "it is"


def _too_long(evidence: Evidence, said: Said) -> str:
    packet = evidence.packet(said.subject)
    told = [str(other.detail) for other in evidence.said_too(said, kinds.ICMP_ERROR)]
    limit = int(told[0].partition("mtu=")[2].partition(" ")[0]) if told else 0
    return "" if not packet.may_be_cut and packet.length > limit > 0 else "it could have been cut, or fits"


def _no_connection(evidence: Evidence, said: Said) -> str:
    packet = evidence.packet(said.subject)
    if packet.protocol != TCP or bool(packet.flags & SYN) != (said.text == "connection refused"):
        return "it is no such segment"
    ends = f"{packet.destination}:{packet.destination_port} > {packet.source}:{packet.source_port}"
    known = evidence.known(said.node, "sockets", f"TCP {ends}", said.time)
    if None not in known:
        return f"there was {known}"
    answered = [other for other in evidence.results(said) if other.flags & RST]
    return "" if answered or packet.flags & RST else "no RST was sent"


REASONS: Final[dict[str, Callable[[Evidence, Said], str]]] = {
    "TTL expired": _ttl,
    "no route": _no_route,
    "no route for the echo reply": _no_route,
    "host unreachable": _unreachable,
    "port unreachable": _closed,
    "connection refused": _no_connection,
    "no such connection": _no_connection,
    "bad IPv4 checksum": _checksum,
    "unknown EtherType": _ether_type,
    "martian address": _martian,
    "not its IP address": _not_ours,
    "fragmentation needed": _too_long,
    "NAT filtering": check_filtered,
    "unsolicited SYN": check_filtered,
}


def check_altered(evidence: Evidence, said: Said) -> str:
    recorder = evidence.recorder
    if said.text == "corrupted":
        return "" if said.subject in recorder.altered else "its bytes are the same"
    if said.text == "duplicated":
        row = evidence.rows[said.subject]
        columns = (recorder.starts, recorder.senders, recorder.causes, recorder.frames)
        twins = [
            other
            for other in (row - 1, row + 1)
            if 0 <= other < len(recorder.ids) and all(column[other] == column[row] for column in columns)
        ]
        return "" if twins else "there is no copy"
    return f"nothing checks {said.text!r}"


class Circumstances:
    """Links, power and steps, followed note by note."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.links: dict[tuple[int, str], str] = defaultdict(lambda: "up")
        self.power: dict[int, str] = defaultdict(lambda: "up")
        self.steps: set[int] = set()

    def check(self, said: Said) -> str:
        if said.kind == kinds.STEP:
            again = said.parts[0] in self.steps
            self.steps.add(int(said.parts[0]))
            return "it has begun before" if again else ""
        if said.kind == kinds.POWER:
            before, self.power[said.node] = self.power[said.node], said.text
            return "" if before != said.text else "it was so before"
        port, now = said.text, str(said.parts[1])
        before, self.links[said.node, port] = self.links[said.node, port], now
        return "" if before != now else "it was so before"
