"""What a stored trace holds, arranged for questions: who sent what because of what, and who knew what when."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network

from sim.tracing.recorder import NOT_SENT, Detail, Recorder
from sim.tracing.tables import Row
from tests.views.truth.packet import Packet

NEVER = 1 << 62


@dataclass(frozen=True)
class Said:
    """A note: the `index`-th, by `node` at `time` about `subject`."""

    index: int
    time: int
    subject: int
    node: int
    kind: int
    detail: Detail

    @property
    def parts(self) -> tuple[str | int | bytes, ...]:
        return self.detail if isinstance(self.detail, tuple) else (self.detail,)

    @property
    def text(self) -> str:
        return str(self.parts[0])


class Evidence:
    """`recorder` has to hold tables. The row of a frame is its place in the recorder's columns."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.rows = {number: row for row, number in enumerate(recorder.ids)}
        self.caused: dict[tuple[int, int], list[int]] = defaultdict(list)  # (node, cause) -> rows that it sent
        self.sent: dict[int, list[int]] = defaultdict(list)  # node -> rows that it sent
        self.arrived: dict[int, list[tuple[int, int]]] = defaultdict(list)  # node -> (time, row)
        self.notes: list[Said] = []
        self.about: dict[tuple[int, int], list[Said]] = defaultdict(list)  # (node, subject) -> notes
        self.by_kind: dict[tuple[int, int], list[Said]] = defaultdict(list)  # (node, kind) -> notes
        for row, number in enumerate(recorder.ids):
            node = recorder.port_nodes[recorder.senders[row]]
            if number not in recorder.copies:
                self.caused[node, recorder.causes[row]].append(row)
                self.sent[node].append(row)
            peer = recorder.port_peers[recorder.senders[row]]
            arrival = recorder.arrivals[row]
            if peer >= 0 and arrival != NOT_SENT and number not in recorder.lost and arrival <= recorder.end:
                self.arrived[recorder.port_nodes[peer]].append((arrival, row))
        for arrivals in self.arrived.values():
            arrivals.sort()
        columns = (recorder.note_times, recorder.note_subjects, recorder.note_nodes, recorder.note_kinds)
        for index, values in enumerate(zip(*columns, recorder.note_details, strict=True)):
            said = Said(index, *values)
            self.notes.append(said)
            self.about[said.node, said.subject].append(said)
            self.by_kind[said.node, said.kind].append(said)
        self.packets: dict[int, Packet] = {}

    # -- frames

    def packet(self, number: int) -> Packet:
        """The frame as it arrived; an empty one for what is no frame."""
        found = self.packets.get(number)
        if found is None:
            row = self.rows.get(number)
            data = b"" if row is None else self.recorder.altered.get(number, self.recorder.frames[row])
            found = self.packets[number] = Packet(data)
        return found

    def of_row(self, row: int) -> Packet:
        """The frame as it was sent."""
        number = self.recorder.ids[row]
        return Packet(self.recorder.frames[row]) if number in self.recorder.altered else self.packet(number)

    def is_spoilt(self, number: int) -> bool:
        """Whether a link has changed a frame, or one that it was made of."""
        while number in self.rows:
            if number in self.recorder.altered:
                return True
            number = self.recorder.causes[self.rows[number]]
        return False

    def came_in(self, said: Said) -> str:
        """The name of the port at which the frame that a note is about reached the note's node; "" if it did not."""
        row = self.rows.get(said.subject)
        peer = -1 if row is None else self.recorder.port_peers[self.recorder.senders[row]]
        return self.recorder.ports[peer] if peer >= 0 and self.recorder.port_nodes[peer] == said.node else ""

    def results(self, said: Said) -> list[Packet]:
        """What the node sent because of the frame that a note is about."""
        return [self.of_row(row) for row in self.caused[said.node, said.subject]]

    def ports_out(self, said: Said) -> list[str]:
        """By which ports it did so."""
        return [self.recorder.ports[self.recorder.senders[row]] for row in self.caused[said.node, said.subject]]

    def said_too(self, said: Said, *wanted: int) -> list[Said]:
        """Other notes of the node about the same frame, of these kinds."""
        return [other for other in self.about[said.node, said.subject] if other.kind in wanted]

    def before(self, node: int, time: int) -> list[Packet]:
        """What has reached a node up to `time`."""
        arrivals = self.arrived[node]
        return [self.packet(self.recorder.ids[row]) for _, row in arrivals[: bisect_right(arrivals, (time, NEVER))]]

    def heard(self, node: int, since: int, until: int) -> list[Packet]:
        """What has reached a node between two times, both included."""
        arrivals = self.arrived[node]
        some = arrivals[bisect_left(arrivals, (since, 0)) : bisect_right(arrivals, (until, NEVER))]
        return [self.packet(self.recorder.ids[row]) for _, row in some]

    def sent_by(self, node: int, time: int = NEVER) -> list[Packet]:
        """What a node has sent up to `time`."""
        rows, starts = self.sent[node], self.recorder.starts
        return [self.of_row(row) for row in rows if starts[row] <= time]

    def last_heard(self, node: int, mac: bytes, time: int) -> int:
        """When a frame from `mac` last reached a node before `time`, or -1."""
        times = self._heard.get((node, mac), [])
        at = bisect_left(times, time)
        return times[at - 1] if at else -1

    @cached_property
    def _heard(self) -> dict[tuple[int, bytes], list[int]]:
        found: dict[tuple[int, bytes], list[int]] = defaultdict(list)
        for node, arrivals in self.arrived.items():
            for time, row in arrivals:
                found[node, self.packet(self.recorder.ids[row]).by].append(time)
        return found

    # -- tables

    @cached_property
    def _changes(self) -> dict[tuple[int, str], dict[str, list[tuple[int, Row | None]]]]:
        found: dict[tuple[int, str], dict[str, list[tuple[int, Row | None]]]] = {}
        tables = self.recorder.tables
        assert tables is not None
        for index, row in enumerate(tables.rows):
            table = found.setdefault((tables.nodes[index], tables.names[index]), {})
            table.setdefault(tables.keys[index], []).append((tables.times[index], row))
        return found

    def known(self, node: int, table: str, key: str, time: int) -> list[Row | None]:
        """What a row may have been at an instant: before it, and all that it became then."""
        history = self._changes.get((node, table), {}).get(key, [])
        start = bisect_left(history, time, key=lambda change: change[0])
        values: list[Row | None] = [history[start - 1][1] if start else None]
        while start < len(history) and history[start][0] == time:
            values.append(history[start][1])
            start += 1
        return values

    def rows_of(self, node: int, table: str, time: int) -> list[tuple[str, Row]]:
        """All rows that there may have been at an instant, with their keys."""
        keys = self._changes.get((node, table), {})
        return [(key, row) for key in keys for row in self.known(node, table, key, time) if row is not None]

    def addresses(self, node: int, time: int) -> list[Interface]:
        """Those of a node's interfaces, each with its network."""
        found: list[str] = []
        for _, (texts, _, _) in self.rows_of(node, "interfaces", time):
            found += [text for text in texts.split(", ") if text]
        return [Interface(text) for text in found]

    def owns(self, node: int, address: str, time: int) -> bool:
        """Whether an address is one of the node's at an instant."""
        return any(str(own.own) == address for own in self.addresses(node, time)) or address.startswith("127.")

    def is_to_many(self, node: int, address: str, time: int) -> bool:
        """Whether an address is a group's or a broadcast address where the node is."""
        if address == "255.255.255.255" or IPv4Address(address).is_multicast:
            return True
        return any(str(own.broadcast_address) == address for own in self.addresses(node, time))

    def mac(self, node: int, interface: str, time: int) -> list[str]:
        """An interface's MAC address."""
        return [row[1] for row in self.known(node, "interfaces", interface, time) if row]

    def best_routes(self, node: int, address: str, time: int) -> set[str]:
        """The usable routes with the longest prefix that fits, written as in a note."""
        return set(self._best_routes(node, address, time))

    def _best_routes(self, node: int, address: str, time: int) -> list[str]:
        key = (node, address, self._route_epoch(node, time))
        if key not in self._routes:
            there = int(IPv4Address(address))
            fitting = []
            for prefix, (hop, interface, metric) in self.rows_of(node, "routes", time):
                network = IPv4Network(prefix.partition(" ")[0])
                if there & int(network.netmask) == int(network.network_address) and self._is_up(node, interface, time):
                    way = "direct" if hop == "direct" else f"via {hop}"
                    fitting.append((-network.prefixlen, int(metric), f"{network} {way} dev {interface}"))
            fitting.sort()
            self._routes[key] = [text for length, metric, text in fitting if (length, metric) == fitting[0][:2]]
        return self._routes[key]

    def _is_up(self, node: int, interface: str, time: int) -> bool:
        """Whether a route by this interface can be used."""
        return any(row is not None and row[2] == "up" for row in self.known(node, "interfaces", interface, time))

    def _route_epoch(self, node: int, time: int) -> tuple[int, int]:
        times = self._route_times.get(node, [])
        return bisect_left(times, time), bisect_right(times, time)

    @cached_property
    def _routes(self) -> dict[tuple[int, str, tuple[int, int]], list[str]]:
        return {}

    @cached_property
    def _route_times(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = defaultdict(list)
        for (node, table), keys in self._changes.items():
            if table in ("routes", "interfaces"):
                found[node] += [time for history in keys.values() for time, _ in history]
        return {node: sorted(times) for node, times in found.items()}

    def name(self, node: int) -> str:
        return self.recorder.nodes[node]


class Interface(IPv4Network):
    """An address with its network."""

    def __init__(self, text: str) -> None:
        super().__init__(text, strict=False)
        self.own = IPv4Address(text.partition("/")[0])
