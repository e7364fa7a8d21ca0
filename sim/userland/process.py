"""A program on a host: a function, a coroutine function or a Python file, with streams, an exit code and threads."""

from __future__ import annotations

import asyncio
import inspect
import io
import sys
import traceback
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any, Final, Protocol

from greenlet import GreenletExit

from sim.engine.engine import Engine
from sim.errors import SimError
from sim.stack.ip import IpStack
from sim.userland.contexts import Context, Streams
from sim.userland.local_sockets import LocalObject, LocalSocket
from sim.userland.sockets import Socket
from sim.userland.table import SocketTable
from sim.userland.tasks import Scheduler, Task

INTERRUPTED: Final = 130
KILLED: Final = 137


class Host(Protocol):
    """The host or router that a program runs on."""

    name: str
    engine: Engine
    stack: IpStack

    def originate(self, text: str) -> int: ...


class Process:
    """A running program. `exit_code` is None until it has ended; `stdout` and `stderr` are what it has printed."""

    def __init__(
        self,
        host: Host,
        sockets: SocketTable,
        scheduler: Scheduler,
        program: Callable[..., Any] | str | Path,
        args: tuple[Any, ...] = (),
        *,
        number: int = 1,
        seed: str = "",
        stdin: str = "",
        name: str = "",
        environment: dict[str, str] | None = None,
        folder: str = "",
    ) -> None:
        self.host = host
        self.sockets = sockets
        self.scheduler = scheduler
        self.number = number
        self.exit_code: int | None = None
        self.error: BaseException | None = None
        self.value: Any = None
        self.started = scheduler.engine.now
        self.ended: int | None = None
        self.random = Random(f"{seed}/{host.name}/{number}")
        self.environment = environment or {}
        self.opened: dict[int, None] = {}  # descriptors of its sockets
        self.threads: dict[Task, bool] = {}  # and whether they are daemons
        self.on_exit: list[Callable[[], None]] = []
        self.local_memory: dict[int, dict[Any, Any]] = {}
        self._entropy = 0
        self._seed = f"{seed}/{host.name}/{number}".encode()
        self._killed = False
        self.program = program
        self.args = args
        self.name = name or _name_of(program)
        self._out = io.BytesIO()
        self._err = io.BytesIO()
        self._last_error = ""
        argv = [str(program) if not callable(program) else self.name, *[str(arg) for arg in args]]
        self.streams = Streams(
            io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"),
            io.TextIOWrapper(self._out, encoding="utf-8", write_through=True),
            io.TextIOWrapper(self._err, encoding="utf-8", write_through=True),
            argv,
            folder,
        )
        self.main = self.start_thread(self._main, self.name, daemon=False)

    def __repr__(self) -> str:
        state = "running" if self.exit_code is None else f"exit code {self.exit_code}"
        return f"<process {self.number} {self.name} on {self.host.name}: {state}>"

    # -- for users

    @property
    def stdout(self) -> str:
        """What it has printed."""
        return self._out.getvalue().decode("utf-8", "replace")

    @property
    def stderr(self) -> str:
        """What it has printed to standard error, the traceback of what ended it included."""
        return self._err.getvalue().decode("utf-8", "replace")

    @property
    def done(self) -> bool:
        """Whether it has ended, with all its threads."""
        return self.exit_code is not None

    def result(self) -> Any:
        """What the function returned. Raises what it raised; SimError while it runs."""
        if not self.done:
            raise SimError(f"{self.name} on {self.host.name} has not ended: {self.whereabouts()}")
        if self.error is not None and not isinstance(self.error, SystemExit):
            raise self.error
        return self.value

    def whereabouts(self) -> str:
        """Where its threads stand, and what they wait for."""
        return "; ".join(f"waits for {task.waits_for} at {task.line()}" for task in self.threads) or "nothing runs"

    def interrupt(self) -> None:
        """Ctrl-C: KeyboardInterrupt is raised in its main thread where it waits."""
        self.main.throw(KeyboardInterrupt())

    def kill(self) -> None:
        """End it at once; its sockets are closed by the system."""
        if self.done:
            return
        self._killed = True
        for task in list(self.threads):
            task.throw(GreenletExit())
        if not self.threads:
            self._end()

    def cut(self) -> None:
        """The host's power failed: nothing is closed in an orderly way, nobody is told."""
        self.opened.clear()
        self.kill()

    # -- for the guest's own modules

    def start_thread(self, body: Callable[[], None], name: str, daemon: bool) -> Task:
        """Another thread of it."""
        task = Task(self.scheduler, ProcessContext(self.streams, self), body, f"{self.name} on {self.host.name}")
        self.threads[task] = daemon
        task.on_done.append(lambda: self._thread_ended(task))
        self.scheduler.start(task)
        return task

    def entropy(self, size: int) -> bytes:
        """Random bytes that come from the seed."""
        parts = []
        while sum(len(part) for part in parts) < size:
            self._entropy += 1
            parts.append(blake2b(self._entropy.to_bytes(8, "big"), key=self._seed[:64]).digest())
        return b"".join(parts)[:size]

    # -- inside

    def _main(self) -> None:
        try:
            self.value = self._call()
            self.exit_code_wanted = 0
        except SystemExit as error:
            self.error = error
            self.exit_code_wanted = _exit_code(error)
        except KeyboardInterrupt as error:
            self._report(error, INTERRUPTED)
        except GreenletExit:
            self.exit_code_wanted = KILLED
        except BaseException as error:
            self._report(error, 1)

    def _report(self, error: BaseException, code: int) -> None:
        self.error = error
        self.exit_code_wanted = code
        traceback.print_exception(error, file=sys.stderr)

    def _call(self) -> Any:
        if not callable(self.program):
            return _run_file(Path(self.program))
        if inspect.iscoroutinefunction(self.program):
            return asyncio.run(self.program(*self.args))
        return self.program(*self.args)

    def _thread_ended(self, task: Task) -> None:
        del self.threads[task]
        if task is self.main and self._killed:
            self.exit_code_wanted = KILLED
        if self.exit_code is None and self.main.done and not any(not daemon for daemon in self.threads.values()):
            for other in list(self.threads):
                other.throw(GreenletExit())
            self._end()

    def _end(self) -> None:
        self.exit_code = self.exit_code_wanted
        self.ended = self.scheduler.engine.now
        for descriptor in list(self.opened):
            end: Any = self.sockets.end_if_open(descriptor)
            if end is not None and isinstance(end.kernel, LocalSocket):
                LocalObject(self.sockets, end.kernel, descriptor).close()
            elif end is not None:
                Socket(self.sockets, 2, 1, 0, descriptor).close()
        self.opened.clear()
        for action in self.on_exit:
            action()

    exit_code_wanted: int = 0


class ProcessContext(Context):
    """The context of one thread of a process."""

    def __init__(self, streams: Streams, process: Process) -> None:
        super().__init__(streams)
        self.process = process
        self.thread: Any = None  # its threading.Thread


def _name_of(program: Callable[..., Any] | str | Path) -> str:
    if callable(program):
        return getattr(program, "__name__", type(program).__name__)
    return Path(program).name


def _exit_code(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    print(error.code, file=sys.stderr)  # noqa: T201 - as the interpreter does
    return 1


def _run_file(path: Path) -> None:
    """Run a file as `python FILE` does."""
    sys.path.insert(0, str(path.parent))
    code = compile(path.read_bytes(), str(path), "exec")
    exec(code, {"__name__": "__main__", "__file__": str(path), "__builtins__": __builtins__})
