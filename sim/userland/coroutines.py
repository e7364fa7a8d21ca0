"""asyncio's tasks and asynchronous generators in a program: named per program, and found in sets in an order that does
not differ from run to run.

asyncio keeps them in sets, and cancels, awaits, starts and closes them in the order in which it finds them there.
"""

from __future__ import annotations

import asyncio.base_events
import asyncio.tasks
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from sim.userland.hashes import number
from sim.userland.tasks import current

if TYPE_CHECKING:
    RealTask = asyncio.Task[Any]
    RealSet = set[Any]
    RealWeakSet = WeakSet[Any]
else:
    RealTask, RealSet, RealWeakSet = asyncio.Task, set, WeakSet


class GuestTask(RealTask):
    """`asyncio.Task` whose hash is a number of its program's (see hashes.py)."""

    __hash__ = number


GuestTask.__module__, GuestTask.__name__, GuestTask.__qualname__ = "_asyncio", "Task", "Task"


class InOrder(RealSet):
    """A set that is gone through in the order in which its members came."""

    def __init__(self, members: Iterable[Any] = ()) -> None:
        self._order = dict.fromkeys(members)
        super().__init__(self._order)

    def add(self, member: Any) -> None:
        """Take one in."""
        self._order[member] = None
        super().add(member)

    def discard(self, member: Any) -> None:
        """Let go of one."""
        self._order.pop(member, None)
        super().discard(member)

    def __iter__(self) -> Iterator[Any]:
        return (member for member in self._order if member in self)


InOrder.__name__ = InOrder.__qualname__ = "set"


class WeaklyInOrder(RealWeakSet):
    """The same for a set that does not keep its members alive: a loop's asynchronous generators."""

    def __init__(self) -> None:
        super().__init__()
        self.data = InOrder()


def create_task(real: Callable[..., Any]) -> Callable[..., Any]:
    """`BaseEventLoop.create_task`."""

    def create(self: Any, coro: Any, *, name: Any = None, **named: Any) -> Any:
        process = getattr(self, "_program", None)
        if process is None:
            return real(self, coro, name=name, **named)
        if name is None:
            process.tasks_named += 1
            name = f"Task-{process.tasks_named}"
        if self._task_factory is not None:
            return real(self, coro, name=name, **named)
        self._check_closed()
        task: Any = GuestTask(coro, loop=self, name=name, **named)
        if task._source_traceback:
            del task._source_traceback[-1]  # this function
        try:
            return task
        finally:
            del task  # no circle with its traceback

    return create


def new_set(members: Iterable[Any] = ()) -> set[Any]:
    """`set`, as asyncio's modules have it: futures, coroutines and generators cannot have a hash of their own."""
    return set(members) if current() is None else InOrder(members)


def replacements() -> list[tuple[Any, str, Any]]:
    """(module or class, name, what stands there from now on)."""
    loop: Any = asyncio.base_events.BaseEventLoop
    return [
        (loop, "create_task", create_task(loop.create_task)),
        (asyncio.tasks, "set", new_set),
        (asyncio.base_events, "set", new_set),
    ]
