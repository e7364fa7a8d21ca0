"""What a node's own stub resolver says to a name: a small program that asks, in virtual time, and is listened to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sim.lab.nodes import Tools
from sim.wire.addresses import parse_ip

if TYPE_CHECKING:
    from sim.userland.process import Process


@dataclass
class Lookup:
    """What came of it: the name's addresses, or `error` in the words of a program's error. `roots` are its journeys."""

    name: str
    addresses: list[bytes] = field(default_factory=list)
    error: str = ""
    roots: list[int] = field(default_factory=list)


def look_up(node: Tools, name: str, on_done: Callable[[Lookup], None]) -> Process:
    """Let a node look up a name, as a program on it would; `on_done` gets what came of it."""
    from sim.userland.names import told

    process = node.spawn(told, name, name="resolver")

    def finish() -> None:
        lookup = Lookup(name, roots=list(node.origins_of(process)))
        if process.error is not None:
            lookup.error = str(process.error)
        else:
            addresses, lookup.error = process.result()
            lookup.addresses = [parse_ip(address) for address in addresses]
        on_done(lookup)

    process.on_exit.append(finish)
    return process
