"""States of connections, and what is sent again."""

from __future__ import annotations

from collections import defaultdict

from sim.stack.tcp import states
from sim.tracing import kinds
from tests.views.truth.evidence import Evidence, Said
from tests.views.truth.packet import ACK, FIN, RST, SYN, TCP, Packet

MODULUS = 1 << 32
HALF = 1 << 31


class Connections:
    """The states of all connections, followed note by note."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.states: dict[tuple[int, object, object], list[str]] = defaultdict(list)  # notes do not name the other host
        self._fins: dict[tuple[int, int, int], list[int]] = defaultdict(list)
        starts = evidence.recorder.starts
        for node, rows in evidence.sent.items():
            for row in rows:
                packet = evidence.of_row(row)
                if packet.flags & FIN:
                    self._fins[node, packet.source_port, packet.destination_port].append(starts[row])

    def check(self, said: Said) -> str:
        local, remote, old, new = said.parts
        number = {name: index for index, name in enumerate(states.NAMES)}
        if (number[str(old)], number[str(new)]) not in states.LEGAL:
            return "there is no such transition"
        known = self.states[said.node, local, remote]
        if old in known:
            known.remove(str(old))
        elif old not in ("CLOSED", "LISTEN"):
            return f"it was {known}"
        known.append(str(new))
        return self._evidence(said, str(old), str(new))

    def _evidence(self, said: Said, old: str, new: str) -> str:
        evidence = self.evidence
        local, remote = said.parts[:2]
        packet = evidence.packet(said.subject)
        came = packet.flags if (packet.destination_port, packet.source_port) == (local, remote) else 0
        step = (old, new)
        if step == ("CLOSED", "SYN-SENT"):
            ends = local, remote
            sent = [p.flags for p in evidence.results(said) if (p.source_port, p.destination_port) == ends]
            unsent = evidence.said_too(said, kinds.DROP)
            return "" if unsent or SYN in [flags & (SYN | ACK) for flags in sent] else "it has sent no SYN"
        if step == ("LISTEN", "SYN-RECEIVED"):
            return "" if came & (SYN | ACK) == SYN else "there came no SYN"
        if step == ("SYN-SENT", "ESTABLISHED"):
            return "" if came & (SYN | ACK) == SYN | ACK else "there came no SYN and ACK"
        if old == "SYN-RECEIVED" and new != "CLOSED":
            return "" if came & ACK else "there came no ACK"
        if new in ("FIN-WAIT-1", "LAST-ACK"):
            later = [time for time in self._fins[said.node, int(str(local)), int(str(remote))] if time >= said.time]
            gone = self._ends(said)
            return "" if later or gone else "no FIN followed"
        if new in ("CLOSE-WAIT", "CLOSING") or step == ("FIN-WAIT-2", "TIME-WAIT"):
            return "" if self._has_come(said, FIN) else "there came no FIN"
        if step in (("FIN-WAIT-1", "FIN-WAIT-2"), ("FIN-WAIT-1", "TIME-WAIT"), ("CLOSING", "TIME-WAIT")):
            fin = [time for time in self._fins[said.node, int(str(local)), int(str(remote))] if time <= said.time]
            return "" if fin and came & ACK else "there came no ACK of a FIN"
        if new == "CLOSED" and came & RST == 0 and old not in ("LAST-ACK", "SYN-SENT"):
            return self._was_aborted(said)
        return ""

    def _has_come(self, said: Said, flag: int) -> bool:
        local, remote = said.parts[:2]
        return any(
            packet.flags & flag and (packet.destination_port, packet.source_port) == (local, remote)
            for packet in reversed(self.evidence.before(said.node, said.time))
        )

    def _ends(self, said: Said) -> bool:
        """Whether the connection came to its end before its FIN was sent."""
        return any(
            other.index > said.index and other.parts[:2] == said.parts[:2] and other.parts[3] == "CLOSED"
            for other in self.evidence.by_kind[said.node, kinds.TCP_STATE]
        )

    def _was_aborted(self, said: Said) -> str:
        """Without a reset that came, it has sent one itself, or has tried again and again for nothing."""
        local, remote = said.parts[:2]
        resets = [
            packet
            for packet in self.evidence.sent_by(said.node)
            if packet.flags & RST and (packet.source_port, packet.destination_port) == (local, remote)
        ]
        timeouts = [
            other
            for other in self.evidence.by_kind[said.node, kinds.RETRANSMIT]
            if other.time <= said.time and other.text == "timeout"
        ]
        return "" if resets or timeouts else "neither a reset nor a timeout"


def check_retransmit(evidence: Evidence, said: Said) -> str:
    """What is sent then has been sent before; a timeout has waited, and a fast one has seen later data acknowledged."""
    again = _next_segment(evidence, said)
    if again is None:
        return ""  # it never left: ARP asks for the way, or its queue was full
    key = (again.destination, again.source_port, again.destination_port)
    earlier = _segments(evidence, said.node, key)
    before = [time for time, sequence, end in earlier if time < said.time and _covers(sequence, end, again)]
    if not before:
        return "it was never sent before"
    if said.text == "timeout":
        return (
            "" if said.time - max(before) >= MINIMUM_TIMEOUT else f"the last time was {said.time - max(before)} ns ago"
        )
    if said.text == "fast retransmit":
        return (
            "" if _is_overtaken(evidence, said, again, max(before)) else "nothing that was sent later was acknowledged"
        )
    if said.text == "tail loss probe":
        later = [1 for time, sequence, _ in earlier if time < said.time and _less(again.sequence, sequence)]
        return "" if not later else "later data had been sent"
    return f"nothing checks {said.text!r}"


MINIMUM_TIMEOUT = 200_000_000  # ns; Linux: TCP_RTO_MIN


def _next_segment(evidence: Evidence, said: Said) -> Packet | None:
    """The segment that was sent for it: of those with the same cause the one that belongs to this note."""
    same = [other for other in evidence.about[said.node, said.subject] if other.kind == kinds.RETRANSMIT]
    rows = [row for row in evidence.caused[said.node, said.subject] if _carries(evidence.of_row(row))]
    repeated = [row for row in rows if _was_sent(evidence, said.node, row)]
    place = [other.index for other in same].index(said.index)
    return evidence.of_row(repeated[place]) if len(repeated) == len(same) else None


def _carries(packet: Packet) -> bool:
    return packet.protocol == TCP and bool(packet.tcp_payload or packet.flags & (SYN | FIN))


def _was_sent(evidence: Evidence, node: int, row: int) -> bool:
    packet = evidence.of_row(row)
    key = (packet.destination, packet.source_port, packet.destination_port)
    start = evidence.recorder.starts[row]
    first = evidence.recorder.ids[row]
    return any(
        time <= start and _covers(sequence, end, packet) and other < first
        for time, sequence, end, other in _all_segments(evidence, node).get(key, [])
    )


Key = tuple[str, int, int]


def _all_segments(evidence: Evidence, node: int) -> dict[Key, list[tuple[int, int, int, int]]]:
    """Time, sequence number, the one after it, and the id of each segment with data, SYN or FIN of a node."""
    cache: dict[int, dict[Key, list[tuple[int, int, int, int]]]] = evidence.__dict__.setdefault("segments", {})
    if node not in cache:
        found: dict[Key, list[tuple[int, int, int, int]]] = defaultdict(list)
        for row in evidence.sent[node]:
            packet = evidence.of_row(row)
            if _carries(packet):
                size = len(packet.tcp_payload) + bool(packet.flags & SYN) + bool(packet.flags & FIN)
                key = (packet.destination, packet.source_port, packet.destination_port)
                values = (evidence.recorder.starts[row], packet.sequence, packet.sequence + size)
                found[key].append((*values, evidence.recorder.ids[row]))
        cache[node] = found
    return cache[node]


def _segments(evidence: Evidence, node: int, key: Key) -> list[tuple[int, int, int]]:
    return [values[:3] for values in _all_segments(evidence, node).get(key, [])]


def _covers(sequence: int, end: int, packet: Packet) -> bool:
    """Whether a segment had the first byte of another."""
    return (packet.sequence - sequence) % MODULUS < end - sequence


def _less(one: int, other: int) -> bool:
    return 0 < (other - one) % MODULUS < HALF


def _is_overtaken(evidence: Evidence, said: Said, again: Packet, sent: int) -> bool:
    """Whether something has been acknowledged, up to there or selectively, that was sent after the segment was last."""
    key = (again.destination, again.source_port, again.destination_port)
    later = [(seq, end) for time, seq, end in _segments(evidence, said.node, key) if sent < time < said.time]
    for packet in evidence.heard(said.node, sent, said.time):
        ends = (packet.source, packet.source_port, packet.destination_port)
        if ends != (again.destination, again.destination_port, again.source_port):
            continue
        blocks = _blocks(packet)
        for seq, end in later:
            if not _less(packet.acknowledgment, end) or any(_is_within(seq, end, block) for block in blocks):
                return True
    return False


def _is_within(sequence: int, end: int, block: tuple[int, int]) -> bool:
    return not _less(sequence, block[0]) and not _less(block[1], end)


def _blocks(packet: Packet) -> list[tuple[int, int]]:
    """The blocks of a SACK option (RFC 2018 3)."""
    header = (packet.payload[12] >> 4) * 4
    options = packet.payload[20:header]
    found: list[tuple[int, int]] = []
    while options:
        kind = options[0]
        if kind == 0:
            break
        if kind == 1:
            options = options[1:]
            continue
        size = max(2, options[1])
        if kind == 5:
            edges = [int.from_bytes(options[at : at + 4], "big") for at in range(2, size, 4)]
            found += zip(edges[::2], edges[1::2], strict=True)
        options = options[size:]
    return found
