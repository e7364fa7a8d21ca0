"""Tracebacks as a program prints them: without our own frames, for on a real machine those are calls into C.

Whoever gets hold of the exception outside of the program finds them all there.
"""

from __future__ import annotations

import inspect
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from types import FrameType, FunctionType
from typing import Any, Final

from sim.userland.diagnosis import is_ours
from sim.userland.tasks import current

_PyRLock: Any = threading._PyRLock  # type: ignore[attr-defined]

IN_C: Final = frozenset(each.__code__ for each in vars(_PyRLock).values() if isinstance(each, FunctionType))
"""Code of the library's that programs run here, and real ones do not."""


def _is_ours(frame: FrameType) -> bool:
    return is_ours(frame.f_code.co_filename) or frame.f_code in IN_C


def _without_ours(real: Callable[[Any], Iterator[Any]]) -> Callable[[Any], Iterator[Any]]:
    """A walk along a traceback or a stack: pairs of a frame and where it stands."""

    def walk(first: Any) -> Iterator[Any]:
        if current() is None or first is None:
            return real(first)
        return (pair for pair in real(first) if not _is_ours(pair[0]))

    walk.__name__ = walk.__qualname__ = real.__name__
    return walk


def thread_excepthook(arguments: Any, /) -> None:
    """`threading.excepthook` of programs: what the interpreter prints of a thread that has died."""
    if arguments.exc_type is SystemExit:
        return
    name = threading.get_ident() if arguments.thread is None else arguments.thread.name
    told = traceback.TracebackException(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
    if told.stack and told.stack[0].name == "run":
        told.stack.insert(0, _bootstrap())
    file: Any = sys.stderr
    print(f"Exception in thread {name}:", file=file)
    told.print(file=file)


def _bootstrap() -> traceback.FrameSummary:
    """The frame of CPython's that calls `Thread.run`."""
    memory: Any = threading.Thread
    lines, first = inspect.getsourcelines(memory._bootstrap_inner)
    offset = next(number for number, line in enumerate(lines) if "run()" in line)
    return traceback.FrameSummary(threading.__file__, first + offset, "_bootstrap_inner")


def replacements() -> list[tuple[Any, str, Any]]:
    """(module, name, what stands there from now on)."""
    inner: Any = traceback
    return [
        (traceback, "walk_tb", _without_ours(traceback.walk_tb)),
        (traceback, "walk_stack", _without_ours(traceback.walk_stack)),
        (traceback, "_walk_tb_with_full_positions", _without_ours(inner._walk_tb_with_full_positions)),
    ]
