"""What a console tells at once: tables, counters and what it can do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sim.lab.naming import Node
from sim.lab.network import Network
from sim.lab.tables import tables
from sim.tracing.tables import COLUMNS
from sim.wire.addresses import format_mac


def show_table(net: Network, node: Node, name: str) -> str:
    """One table of a node as it is now, in columns."""
    known, _ = tables(node, net.now)
    rows = known.get(name)
    if not rows:
        return f"no entries under {name}\n"
    return aligned([COLUMNS[name], *((key, *row) for key, row in rows.items())])


def show_ports(node: Node) -> str:
    """The ports of a device that has no addresses."""
    rows = [(port.name, format_mac(port.mac), "up" if port.up else "down") for port in node.ports]
    return aligned([("port", "MAC", "state"), *rows])


def show_counters(node: Node) -> str:
    """What it has counted, and why it has dropped."""
    lines = [(name.replace("_", " "), str(count)) for name, count in node.counters().items()]
    lines += [(f"dropped: {reason}", str(count)) for reason, count in node.drops().items()]
    return aligned(lines)


def aligned(rows: Iterable[Sequence[str]]) -> str:
    """Rows as columns, two spaces apart."""
    listed = [list(row) for row in rows]
    widths = [max(len(row[column]) for row in listed if column < len(row)) for column in range(max(map(len, listed)))]
    lines = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=False)).rstrip() for row in listed)
    return "\n".join(lines) + "\n"
