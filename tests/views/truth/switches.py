"""Hubs and switches: what they say is compared with a MAC address table that is kept here from their own notes, and
with the table that the simulator had at that moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Final

from sim.tracing import kinds
from sim.wire.addresses import MAC_BROADCAST, format_mac
from tests.views.truth.evidence import Evidence, Said

ABOUT_SOURCE: Final = (kinds.LEARN, kinds.MOVE, kinds.TABLE_FULL)
AGEING: Final = 300_000_000_000  # ns; no shipped topology has another


class Switches:
    """The tables of all switches, followed note by note."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.tables: dict[int, dict[bytes, str]] = defaultdict(dict)

    def check(self, said: Said) -> str:
        """What is false about a note; "" if nothing is."""
        if said.kind in ABOUT_SOURCE and said.parts[0] != self.evidence.packet(said.subject).by:
            return "the address is not the frame's source"
        return CHECKS[said.kind](self, said)

    def repeat(self, said: Said) -> str:
        return self._count(said, said.parts[0])

    def learn(self, said: Said) -> str:
        table, mac, port = self.tables[said.node], _mac(said.parts[0]), str(said.parts[1])
        fresh = mac not in table and port == self.evidence.came_in(said)
        table[mac] = port
        return "" if fresh else "it was known already, or came in elsewhere"

    def move(self, said: Said) -> str:
        table, mac, new = self.tables[said.node], _mac(said.parts[0]), str(said.parts[2])
        moved = table.get(mac) == said.parts[1] and new == self.evidence.came_in(said)
        table[mac] = new
        return "" if moved else "it was not known there, or came in elsewhere"

    def table_full(self, said: Said) -> str:
        table = self.tables[said.node]
        full = len(table) == said.parts[1] and said.parts[0] not in table
        return "" if full else f"the table has {len(table)} addresses"

    def expire(self, said: Said) -> str:
        mac = _mac(said.parts[0])
        if self.tables[said.node].pop(mac, None) != said.parts[1]:
            return "it was not known there"
        quiet = said.time - self.evidence.last_heard(said.node, mac, said.time)
        return "" if quiet > AGEING else f"it was heard {quiet} ns ago"

    def forget(self, said: Said) -> str:
        table = self.tables[said.node]
        gone = [mac for mac, port in table.items() if port == said.parts[0]]
        for mac in gone:
            del table[mac]
        return "" if len(gone) == said.parts[1] else f"{len(gone)} addresses were known there"

    def forward(self, said: Said) -> str:
        out = self.evidence.ports_out(said)
        return self._agrees(said, said.text) or ("" if out == [said.text] else f"it went out of {out}")

    def filter(self, said: Said) -> str:
        kept = self.evidence.came_in(said) == said.text and not self.evidence.ports_out(said)
        return self._agrees(said, said.text) or ("" if kept else "it was sent on")

    def power(self, said: Said) -> str:
        self.tables[said.node].clear()
        return ""

    def flood(self, said: Said) -> str:
        why, count = said.parts
        packet = self.evidence.packet(said.subject)
        group = packet.to[0] & 1
        if why == "unknown":
            if packet.to in self.tables[said.node] or group:
                return "the address was in the table"
            known = self.evidence.known(said.node, "MAC", format_mac(packet.to), said.time)
            if None not in known:
                return f"the simulator's own table had {known}"
        elif why != ("broadcast" if packet.to == MAC_BROADCAST else "multicast" if group else ""):
            return "the destination is no such thing"
        return self._count(said, count)

    def _agrees(self, said: Said, port: str) -> str:
        to = self.evidence.packet(said.subject).to
        if self.tables[said.node].get(to) != port:
            return f"the notes before say {self.tables[said.node].get(to)}"
        known = self.evidence.known(said.node, "MAC", format_mac(to), said.time)
        return "" if (port,) in known else f"the simulator's own table had {known}"

    def _count(self, said: Said, count: object) -> str:
        out = self.evidence.ports_out(said)
        if self.evidence.came_in(said) in out or len(set(out)) != len(out):
            return "it went back, or out of one port twice"
        frames = {packet.data for packet in self.evidence.results(said)}
        if frames - {self.evidence.packet(said.subject).data}:
            return "another frame was sent"
        return "" if len(out) == count else f"it was sent to {len(out)}"


def _mac(part: object) -> bytes:
    assert isinstance(part, bytes)
    return part


CHECKS: Final[dict[int, Callable[[Switches, Said], str]]] = {
    kinds.REPEAT: Switches.repeat,
    kinds.LEARN: Switches.learn,
    kinds.MOVE: Switches.move,
    kinds.TABLE_FULL: Switches.table_full,
    kinds.EXPIRE: Switches.expire,
    kinds.FORGET: Switches.forget,
    kinds.FLOOD: Switches.flood,
    kinds.FORWARD: Switches.forward,
    kinds.FILTER: Switches.filter,
    kinds.POWER: Switches.power,
}
