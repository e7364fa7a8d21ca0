"""Writes down what the devices of a network know, whenever that changes.

Before the clock goes on, the nodes that something has happened to are looked at: whoever sent, received or noted
something, or was touched (see `Journal.touch`). What ages by itself is looked at when it does. Nothing is asked of a
device while nobody watches.
"""

from __future__ import annotations

from heapq import heappop, heappush

from sim.devices.device import Device
from sim.lab.network import Network
from sim.lab.tables import FOREVER, tables
from sim.tracing.recorder import NOT_SENT
from sim.tracing.tables import Known, Tables


class TableWatch:
    """Watches a network from now on; `net.recorder.tables` holds what it saw. It has to be recorded."""

    def __init__(self, net: Network) -> None:
        self._net = net
        self._recorder = net.recorder
        self._tables = net.recorder.tables = Tables()
        self._known: dict[int, Known] = {}
        self._until: dict[int, int] = {}
        self._due: list[tuple[int, int, bool]] = []  # (when to look, at which node, whether since it ages)
        self._rows = len(self._recorder.ids)
        self._notes = len(self._recorder.note_nodes)
        self._nodes = {
            node.journal.node if isinstance(node, Device) else node.node: node for node in net.nodes.values()
        }
        for number in self._nodes:
            self._look(number, net.now)
        net.engine.observer = self.observe

    def observe(self, time: int) -> None:
        """All has happened that was to happen now, and the clock is about to go to `time` (ns)."""
        now = self._net.engine.now
        for number in sorted(self._touched()):
            self._look(number, now)
        due = self._due
        while due and due[0][0] < time:
            when, number, ages = heappop(due)
            if not ages or when == self._until.get(number):
                self._look(number, max(when, now))

    def finish(self) -> None:
        """The run is over for now: look at what has happened last."""
        self.observe(self._net.engine.now + 1)

    def let_go(self, rows: int, notes: int) -> None:
        """The first rows and notes of the recording are there no more."""
        self._rows = max(0, self._rows - rows)
        self._notes = max(0, self._notes - notes)

    def _touched(self) -> set[int]:
        """The nodes that may know something else than before; who will receive what was sent is looked at then."""
        recorder = self._recorder
        touched = recorder.touched
        found = set(touched)
        touched.clear()
        for row in range(self._rows, len(recorder.ids)):
            sender = recorder.senders[row]
            found.add(recorder.port_nodes[sender])
            receiver = recorder.port_peers[sender]
            if receiver >= 0 and recorder.arrivals[row] != NOT_SENT:
                heappush(self._due, (recorder.arrivals[row], recorder.port_nodes[receiver], False))
        self._rows = len(recorder.ids)
        found.update(recorder.note_nodes[self._notes :])
        self._notes = len(recorder.note_nodes)
        return found

    def _look(self, number: int, now: int) -> None:
        known, until = tables(self._nodes[number], now)
        before = self._known.get(number, {})
        if known != before:
            self._tables.update(now, number, before, known)
            self._known[number] = known
        if until != self._until.get(number, FOREVER):
            self._until[number] = until
            heappush(self._due, (until, number, True))
