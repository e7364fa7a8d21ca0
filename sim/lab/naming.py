"""What nodes, ports and links are called, and the errors for names and texts that make no sense."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from sim.devices.device import Device
from sim.errors import TopologyError
from sim.lab.nodes import Probe
from sim.links.port import Port

MOST_COMPARED: Final = 5000
"""Names that a wrong one is compared with; more would take longer than its sender wants to wait."""
SMALLEST_MTU: Final = 68
LARGEST_MTU: Final = 65_535

Node = Device | Probe
End = Node | Port | str
"""What a link's end may be given as: a node, a port, or the name of one."""


def check_mtu(mtu: int | None) -> None:
    """Raise ValueError for an MTU too small to carry any packet on (RFC 791 3.2), or larger than any packet."""
    if mtu is not None and not SMALLEST_MTU <= mtu <= LARGEST_MTU:
        raise ValueError(f"an MTU is {SMALLEST_MTU} to {LARGEST_MTU} bytes, not {mtu}")


def label(port: Port) -> str:
    """`sw1:eth2`."""
    return f"{port.owner.name}:{port.name}"


def name_of(end: End) -> str:
    """What to call a link's end in a message."""
    if isinstance(end, str):
        return end
    return label(end) if isinstance(end, Port) else end.name


def is_end(port: Port, end: End) -> bool:
    """Whether `end` (a node, a port, or the name of one) means this port."""
    return name_of(end) in (port.owner.name, label(port))


def unknown(what: str, name: str, known: Iterable[str]) -> TopologyError:
    """The error for a name that does not exist, with the nearest one that does."""
    near = difflib.get_close_matches(name[:64], list(known)[:MOST_COMPARED], n=1)
    return TopologyError(f"there is no {what} called {name!r}", hint=f"did you mean {near[0]!r}?" if near else None)


@contextmanager
def blame(what: str) -> Iterator[None]:
    """Turn the ValueError of a text that cannot be parsed into a TopologyError that says where it stood."""
    try:
        yield
    except (ValueError, KeyError) as error:
        text = error.args[0] if error.args else str(error)
        raise TopologyError(f"{what}: {text}") from None
