"""A switch: a transparent, learning bridge (IEEE 802.1D-2004, 7.7 to 7.9).

1. A frame comes in on a port.
2. Learn: its source MAC address lives behind that port. An address that was elsewhere has moved.
3. A destination that is broadcast or multicast: flood, send to every other port.
4. A destination that was never learned, or not heard for the ageing time: flood as well.
5. A destination behind the port it came from: filter, it has been heard there already.
6. Otherwise forward: send to the one port behind which the destination lives.

A full table learns nothing new, and what it does not know it floods. A port that goes down is forgotten.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from sim.devices.device import Device
from sim.engine.engine import Engine
from sim.links.port import Port
from sim.tracing import kinds
from sim.tracing.recorder import Recorder
from sim.wire.addresses import MAC_BROADCAST, format_mac

AGEING_TIME: Final = 300_000_000_000  # ns; IEEE 802.1D-2004 table 7-5
TABLE_SIZE: Final = 8192
RESERVED: Final = b"\x01\x80\xc2\x00\x00"  # ...00 to ...0F stop at the bridge (7.12.6)


class MacEntry:
    """Where a MAC address lives, and when it was last heard (ns)."""

    def __init__(self, port: Port, seen: int) -> None:
        self.port = port
        self.seen: i64 = seen


class Switch(Device):
    """A learning switch. `ageing` is ns, `table_size` the number of addresses it can remember."""

    def __init__(
        self,
        engine: Engine,
        name: str,
        recorder: Recorder,
        record: bool,
        ageing: int = AGEING_TIME,
        table_size: int = TABLE_SIZE,
    ) -> None:
        super().__init__(engine, name, "switch", recorder, record)
        self.ageing: i64 = ageing
        self.table_size = table_size
        self.table: dict[bytes, MacEntry] = {}
        self.flooded: int = 0
        self.forwarded: i64 = 0
        self.filtered: int = 0
        self.table_full: int = 0
        self._all_fresh_until: i64 = -1

    def receive(self, port: Port, frame: bytes) -> None:
        if len(frame) < 14:
            self.drop("runt frame")
            return
        now: i64 = self.engine.now
        known = self.table.get(frame[6:12])
        if known is not None and known.port is port:
            known.seen = now
        elif frame[6] & 1:
            self.drop("multicast source address")
            return
        else:
            self.learn(port, frame[6:12])
        destination = frame[0:6]
        if destination[0] & 1:
            self._send_to_group(port, destination, frame)
            return
        entry = self.table.get(destination)
        if entry is None or entry.seen + self.ageing < now:
            if entry is not None:
                self._expire(destination, entry)
            self.flood(port, frame, "unknown")
        elif entry.port is port:
            self.filtered += 1
            self.note(kinds.FILTER, port.name)
        else:
            self.forwarded += 1
            if self.journal.recording:
                self.note(kinds.FORWARD, entry.port.name)
            entry.port.send(frame)

    def learn(self, port: Port, source: bytes) -> None:
        """Remember that `source`, which was elsewhere or nowhere, lives behind `port`."""
        now = self.engine.now
        entry = self.table.get(source)
        if entry is not None:
            self.note(kinds.MOVE, (source, entry.port.name, port.name))
            entry.seen = now
            entry.port = port
        elif len(self.table) < self.table_size or self._expire_all():
            self.table[source] = MacEntry(port, now)
            self.note(kinds.LEARN, (source, port.name))
        else:
            self.table_full += 1
            self.note(kinds.TABLE_FULL, (source, self.table_size))

    def flood(self, port: Port, frame: bytes, why: str) -> None:
        """Send to every other port that is up."""
        others = [other for other in self.ports if other is not port and other.up]
        self.flooded += 1
        if self.journal.recording:
            self.note(kinds.FLOOD, (why, len(others)))
        for other in others:
            other.send(frame)

    def port_changed(self, port: Port) -> None:
        """Forget what lived behind a port that went down."""
        if port.up:
            return
        gone = [mac for mac, entry in self.table.items() if entry.port is port]
        for mac in gone:
            del self.table[mac]
        self._all_fresh_until = -1
        self.note(kinds.FORGET, (port.name, len(gone)))

    def set_power(self, on: bool) -> None:
        super().set_power(on)
        self.table.clear()

    def mac_table(self) -> dict[str, str]:
        """The MAC addresses that are known now, and the port of each."""
        now = self.engine.now
        return {
            format_mac(mac): entry.port.name for mac, entry in self.table.items() if entry.seen + self.ageing >= now
        }

    def counters(self) -> dict[str, int]:
        return super().counters() | {
            "flooded": self.flooded,
            "forwarded": self.forwarded,
            "filtered": self.filtered,
            "table_full": self.table_full,
        }

    def _send_to_group(self, port: Port, destination: bytes, frame: bytes) -> None:
        if destination[:5] == RESERVED and destination[5] < 0x10:
            self.drop("reserved for the link itself")
        else:
            self.flood(port, frame, "broadcast" if destination == MAC_BROADCAST else "multicast")

    def _expire(self, mac: bytes, entry: MacEntry) -> None:
        del self.table[mac]
        self.note(kinds.EXPIRE, (mac, entry.port.name))

    def _expire_all(self) -> bool:
        """Forget all that was not heard for the ageing time; True when that made room."""
        now: i64 = self.engine.now
        if now <= self._all_fresh_until:
            return False
        for mac, entry in list(self.table.items()):
            if entry.seen + self.ageing < now:
                self._expire(mac, entry)
        if len(self.table) < self.table_size:
            return True
        # Nobody can be forgotten before the one who was silent longest: no need to look again until then.
        self._all_fresh_until = min([entry.seen for entry in self.table.values()]) + self.ageing
        return False
