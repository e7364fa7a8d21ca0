"""The order in which a program goes through its sets: by numbers, not by addresses.

CPython's hash of an object without an equality of its own is its address, which differs from run to run, and with it
the order of a set: of the threads that a pool joins, the tasks that `asyncio.run` cancels, the writers that a chat
server has. Here those objects have numbers, counted by each program, as their hashes. Sets of other objects are in the
order of addresses, as on a real machine.
"""

from __future__ import annotations

import asyncio
import asyncio.base_events
import asyncio.selector_events
import threading
from typing import Any, Final

from sim.userland.guest_socket import GuestSocket, process_of
from sim.userland.tasks import current

KINDS: Final[tuple[Any, ...]] = (
    threading.Thread,
    GuestSocket,
    asyncio.StreamWriter,
    asyncio.StreamReader,
    asyncio.BaseProtocol,
    asyncio.selector_events._SelectorTransport,  # type: ignore[attr-defined]
)


def number(self: Any) -> int:
    """The hash of an object: decided the first time that somebody asks, by whoever that is."""
    try:
        return int(object.__getattribute__(self, "_hash_number"))
    except AttributeError:
        task = current()
        found = object.__hash__(self) if task is None else _next(task)
    try:
        object.__setattr__(self, "_hash_number", found)
    except AttributeError:  # a class with slots
        return object.__hash__(self)
    return found


def _next(task: Any) -> int:
    process = process_of(task)
    process.hashed += 1
    return int(process.hashed)


def replacements() -> list[tuple[Any, str, Any]]:
    """(class, name, what stands there from now on)."""
    return [(kind, "__hash__", number) for kind in KINDS]
