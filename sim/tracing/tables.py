"""What devices know, over time: the rows of their tables (MAC, ARP, routes, ...), one entry for each change.

A table has a name, rows with a key, and for each row the texts of its other columns (`COLUMNS` names them all). Like
series, tables are kept beside the trace and are no part of its digest.
"""

from __future__ import annotations

from array import array
from typing import Final

Row = tuple[str, ...]
Known = dict[str, dict[str, Row]]
"""The tables of one node by name, each with its rows by key."""

COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "MAC": ("address", "port"),
    "ARP": ("address", "MAC", "state", "interface"),
    "routes": ("destination", "next hop", "interface", "metric"),
    "interfaces": ("interface", "addresses", "MAC", "state"),
    "sockets": ("socket", "state"),
    "NAT": ("inside", "outside"),
    "connections": ("flow", "answer", "state"),
    "DNS cache": ("name", "records", "until"),
    "leases": ("address", "client", "until"),
    "DHCP": ("interface", "state", "address", "until"),
}
"""The names of the columns of each table; the first is the key's."""


class Tables:
    """Changes in the order of time: at `times` (ns) the row `keys` of table `names` of node `nodes` became `rows`, or
    went, where that is None."""

    def __init__(self) -> None:
        self.times: array[int] = array("q")
        self.nodes: array[int] = array("q")
        self.names: list[str] = []
        self.keys: list[str] = []
        self.rows: list[Row | None] = []

    def __len__(self) -> int:
        return len(self.keys)

    def add(self, time: int, node: int, name: str, key: str, row: Row | None) -> None:
        """A row has changed, is new, or has gone (None)."""
        self.times.append(time)
        self.nodes.append(node)
        self.names.append(name)
        self.keys.append(key)
        self.rows.append(row)

    def update(self, time: int, node: int, before: Known, after: Known) -> None:
        """Add what is different in `after`, the tables of a node at `time`."""
        for name in {**before, **after}:
            old, new = before.get(name, {}), after.get(name, {})
            if old == new:
                continue
            for key in old:
                if key not in new:
                    self.add(time, node, name, key, None)
            for key, row in new.items():
                if old.get(key) != row:
                    self.add(time, node, name, key, row)

    def at(self, time: int) -> dict[int, Known]:
        """All tables by node as they were once all had happened that happened at `time` (ns)."""
        found: dict[int, Known] = {}
        for index, when in enumerate(self.times):
            if when > time:
                break
            table = found.setdefault(self.nodes[index], {}).setdefault(self.names[index], {})
            row = self.rows[index]
            if row is None:
                table.pop(self.keys[index], None)
            else:
                table[self.keys[index]] = row
        return {node: {name: table for name, table in known.items() if table} for node, known in found.items()}
