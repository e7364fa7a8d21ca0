"""What a program leaves behind when it ends or is cut off: a real system closes it without a word.

CPython's destructors warn of transports and loops that nobody has closed, and of tasks that were never finished. For a
program here they run at some time later, outside of it, where the warning would hit the wrong one.
"""

from __future__ import annotations

import asyncio.base_events
import asyncio.selector_events
import asyncio.sslproto
import asyncio.streams
import weakref
from collections.abc import Callable
from typing import Any, Final

from sim.userland.coroutines import WeaklyInOrder
from sim.userland.guest_socket import process_of
from sim.userland.tasks import current

MOST_WAITS: Final = 10


def init_loop(real: Callable[..., None]) -> Callable[..., None]:
    """`BaseEventLoop.__init__`: a loop remembers whose it is."""

    def init(self: Any, *arguments: Any, **named: Any) -> None:
        task = current()
        self._program = None if task is None else process_of(task)
        if self._program is not None:
            kept = weakref.ref(self)
            self._program.when_cut.append(lambda: _abandon(kept()))
        real(self, *arguments, **named)
        if self._program is not None:
            self._asyncgens = WeaklyInOrder()  # they are closed in this order

    return init


def _abandon(loop: Any) -> None:
    """End the coroutines of a loop that will never turn again, while they are still their program's.

    One that waits for something on its way out (`async with` does) has to be told more than once.
    """
    tasks = [] if loop is None else asyncio.all_tasks(loop)
    for task in sorted(tasks, key=lambda task: (len(task.get_name()), task.get_name())):
        coroutine: Any = task.get_coro()
        for _ in range(MOST_WAITS):
            try:
                coroutine.close()
                break
            except BaseException:
                continue


def quiet(real: Callable[[Any], None], loop_of: Callable[[Any], Any]) -> Callable[[Any], None]:
    """A destructor that is silent about what belonged to a program."""

    def forget(self: Any) -> None:
        if getattr(loop_of(self), "_program", None) is None:
            real(self)

    return forget


def call_exception_handler(real: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """`loop.call_exception_handler`: not for what is found when the program is over."""

    def call(self: Any, context: dict[str, Any]) -> None:
        process = getattr(self, "_program", None)
        if process is None or not (process.done or current() is None):
            real(self, context)

    return call


def replacements() -> list[tuple[Any, str, Any]]:
    """(class, name, what stands there from now on)."""
    transport: Any = asyncio.selector_events._SelectorTransport  # type: ignore[attr-defined]
    secure: Any = asyncio.sslproto._SSLProtocolTransport
    writer: Any = asyncio.streams.StreamWriter
    loop: Any = asyncio.base_events.BaseEventLoop
    found = [
        (transport, "__del__", quiet(transport.__del__, lambda self: self._loop)),
        (secure, "__del__", quiet(secure.__del__, lambda self: self._loop)),
        (loop, "__del__", quiet(loop.__del__, lambda self: self)),
        (loop, "__init__", init_loop(loop.__init__)),
        (loop, "call_exception_handler", call_exception_handler(loop.call_exception_handler)),
    ]
    if hasattr(writer, "__del__"):
        found.append((writer, "__del__", quiet(writer.__del__, lambda self: self._loop)))
    return found
