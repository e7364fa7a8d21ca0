"""What is exchanged when another program runs: standard streams, arguments, working directory, asyncio's running loop.

Programs share one interpreter. What real processes and threads have for themselves is put in place when a task is
resumed, and taken away when it waits.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, Final, TextIO

from sim.userland.logs import Hooks, LogRoot, Opener

_chdir: Final = os.chdir  # the real one, whatever stands there later


class LoopLocal:
    """What asyncio keeps per thread: the loop that is set, and whether one was."""

    def __init__(self) -> None:
        self._loop: Any = None
        self._set_called = False


class Streams:
    """The standard streams and arguments of one process; `folder` is its working directory, "" as long as it is the
    real one."""

    def __init__(self, stdin: TextIO, stdout: TextIO, stderr: TextIO, argv: list[str], folder: str = "") -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.argv = argv
        self.folder = folder
        self.path: list[str] = []  # where its own modules lie
        self.log = LogRoot()
        self.hooks = Hooks()
        self.opener = Opener()
        self.cpu_time = 0  # ns; see `clocks.cpu_time`
        self.environment: Any = None  # os.environ; None for the real one
        self.main_module: Any = None  # sys.modules["__main__"]; None for the real one


class Context:
    """One task's view of the interpreter."""

    def __init__(self, streams: Streams) -> None:
        self.streams = streams
        self._local = LoopLocal()
        self._loop: Any = None  # asyncio's running loop while this task waits
        self._generators: Any = (None, None)  # who looks after its asynchronous generators: its loop
        self._outside: tuple[Any, ...] = ()
        self._folder = ""  # the working directory of those outside, while a program has its own
        self.expired = -1  # ns; when it has last waited for sockets in vain

    def enter(self) -> None:
        """The task runs."""
        streams = self.streams
        self._outside = (
            sys.stdin,
            sys.stdout,
            sys.stderr,
            sys.argv,
            sys.path,
            self._swap_loop(self._loop, self._local),
            sys.get_asyncgen_hooks(),
        )
        sys.set_asyncgen_hooks(*self._generators)
        sys.stdin, sys.stdout, sys.stderr, sys.argv = streams.stdin, streams.stdout, streams.stderr, streams.argv
        if streams.environment is not None:
            self._environment, os.environ = os.environ, streams.environment
        streams.log.exchange()
        streams.hooks.exchange()
        streams.opener.exchange()
        if streams.main_module is not None:
            self._main_module = sys.modules["__main__"]
            sys.modules["__main__"] = streams.main_module
        if streams.path:
            sys.path = [*streams.path, *sys.path]
        if streams.folder:
            self._folder = os.getcwd()
            _chdir(streams.folder)

    def leave(self) -> None:
        """The task waits, or is over."""
        streams = self.streams
        if streams.environment is not None:
            streams.environment, os.environ = os.environ, self._environment
        streams.log.exchange()
        streams.hooks.exchange()
        streams.opener.exchange()
        if streams.main_module is not None:
            sys.modules["__main__"] = self._main_module
        if streams.folder:
            _chdir(self._folder)
        streams.stdin, streams.stdout, streams.stderr = sys.stdin, sys.stdout, sys.stderr
        sys.stdin, sys.stdout, sys.stderr, sys.argv, sys.path, outside, generators = self._outside
        self._generators = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(*generators)
        self._loop, self._local = self._swap_loop(*outside)

    def move(self, change: Callable[[Any], None], place: Any) -> None:
        """Change the working directory: from now on that of the program, and nobody else's."""
        before = os.getcwd()
        change(place)
        if not self.streams.folder:
            self._folder = before
        self.streams.folder = os.getcwd()

    @staticmethod
    def _swap_loop(loop: Any, local: Any) -> tuple[Any, Any]:
        """Put a running loop and asyncio's own per-thread memory in place; return what was there."""
        events = sys.modules.get("asyncio.events")
        if events is None:
            return None, local
        before = events._get_running_loop()
        events._set_running_loop(loop)
        policy = events._event_loop_policy
        if policy is None or not hasattr(policy, "_local"):
            return before, local
        previous = policy._local
        policy._local = local
        return before, previous
