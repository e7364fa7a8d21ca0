"""A program on a host: a function, a coroutine function or a Python file, with streams, an exit code and threads."""

from __future__ import annotations

import asyncio
import inspect
import io
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any, Final, Protocol

from greenlet import GreenletExit

from sim.engine.engine import Engine
from sim.errors import SimError
from sim.stack.ip import IpStack
from sim.units import format_duration
from sim.userland.contexts import Context, Streams
from sim.userland.diagnosis import is_ours
from sim.userland.environment import Environment
from sim.userland.local_object import LocalObject
from sim.userland.local_sockets import LocalSocket
from sim.userland.locks import share
from sim.userland.logs import Hooks
from sim.userland.resolver_settings import ResolverSettings
from sim.userland.signal_table import SIGKILL, SIGNALLED, SignalTable
from sim.userland.sockets import Socket
from sim.userland.table import SocketTable
from sim.userland.tasks import Scheduler, Task, current
from sim.userland.tracebacks import thread_excepthook

INTERRUPTED: Final = SIGNALLED + signal.SIGINT
KILLED: Final = SIGNALLED + SIGKILL
FIRST_PID: Final = 1000
MOST_NAMED: Final = 20
"""Threads that an error lists when nothing goes on."""


class Host(Protocol):
    """The host or router that a program runs on."""

    name: str
    engine: Engine
    stack: IpStack

    @property
    def resolver(self) -> ResolverSettings: ...

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
        self.pid = FIRST_PID + number
        self.program = program
        self.args = args
        self.name = name or _name_of(program)
        self.exit_code: int | None = None
        self.error: BaseException | None = None
        self.value: Any = None
        self.started = scheduler.engine.now
        self.ended: int | None = None
        self.on_exit: list[Callable[[], None]] = []
        self.environment = Environment(environment or {})
        if callable(program):
            share(program)
        self._remember_nothing(f"{seed}/{host.name}/{number}")
        self._out = _Captured("__stdout__")
        self._err = _Captured("__stderr__")
        self.streams = self._make_streams(stdin, folder)
        self.signals = SignalTable(self)
        self.main = self.start_thread(self._main, "MainThread", daemon=False)

    def _remember_nothing(self, seed: str) -> None:
        """What the modules in this folder keep for the program."""
        self.random = Random(seed)
        self.opened: dict[int, None] = {}  # descriptors of its sockets
        self.default_timeout: float | None = None  # of new sockets, in seconds
        self.threads: dict[Task, bool] = {}  # and whether they are daemons
        self.thread_objects: dict[int, Any] = {}  # threading.Thread by its identity
        self.threads_named = 0
        self.pools = 0
        self.hashed = 0  # objects that have a number as their hash
        self.tasks_named = 0  # of asyncio
        self.workers: dict[Any, Any] = {}  # of its thread pools, and their queues
        self.on_shutdown: list[Callable[[], None]] = []  # before its threads are joined
        self.at_exit: list[Callable[[], Any]] = []  # what it has given to `atexit`
        self.when_cut: list[Callable[[], None]] = []  # as long as it unwinds
        self.last_uuid_time = 0
        self.temporary_names: Iterator[str] | None = None
        self._seed = seed.encode()
        self._entropy = 0
        self._code = 0

    def _make_streams(self, stdin: str, folder: str) -> Streams:
        argv = [self.name if callable(self.program) else str(self.program), *[str(arg) for arg in self.args]]
        streams = Streams(
            io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"),
            io.TextIOWrapper(self._out, encoding="utf-8", errors="surrogateescape", write_through=True),
            io.TextIOWrapper(self._err, encoding="utf-8", errors="backslashreplace", write_through=True),
            argv,
            folder,
        )
        streams.environment = self.environment
        streams.hooks = Hooks(thread_excepthook)
        if not callable(self.program):
            streams.path = [str(Path(folder, self.program).resolve().parent)]
            streams.main_module = ModuleType("__main__")
        return streams

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
        """What the function returned. Raises what it raised; SimError while it runs, or when it was killed."""
        if not self.done:
            raise SimError(self._unfinished())
        if self.error is not None and not isinstance(self.error, SystemExit):
            raise self.error
        return self.value

    def whereabouts(self) -> str:
        """Where its threads stand, and what they wait for."""
        waiting = [task.stuck() for task in self.threads if not task.dying]
        return "; ".join(f"{one.thread} waits for {one.waits_for} at {one.line}" for one in waiting) or "nothing runs"

    def interrupt(self) -> None:
        """Ctrl-C (SIGINT): its handler, or KeyboardInterrupt, in its main thread where that waits."""
        self.signal(signal.SIGINT)

    def terminate(self) -> None:
        """SIGTERM: its handler in its main thread; without one it ends at once, with exit code 143."""
        self.signal(signal.SIGTERM)

    def signal(self, number: int) -> None:
        """Send it a signal; a program that has ended does not mind."""
        if not self.done:
            self.signals.deliver(int(number))

    def kill(self) -> None:
        """SIGKILL: end it at once, with exit code 137; its sockets are closed by the system."""
        self.end(KILLED, "killed")

    def cut(self) -> None:
        """The host's power failed: nothing is closed in an orderly way, nobody is told."""
        for descriptor in self._open_descriptors():
            end: Any = self.sockets.end(descriptor)
            if not isinstance(end.kernel, LocalSocket):
                self.sockets.remove(descriptor)
                del self.opened[descriptor]
        self.end(KILLED, "cut off with its host's power")

    # -- for the guest's own modules

    def start_thread(self, body: Callable[[], None], name: str, daemon: bool) -> Task:
        """Another thread of it."""
        task = Task(
            self.scheduler,
            ProcessContext(self.streams, self),
            body,
            self.name,
            host=self.host.name,
            thread=name,
        )
        self.threads[task] = daemon
        task.on_done.append(lambda: self._thread_ended(task))
        self.scheduler.start(task)
        return task

    def entropy(self, size: int) -> bytes:
        """Random bytes that come from the seed."""
        data = b""
        while len(data) < size:
            self._entropy += 1
            data += blake2b(self._seed + b"/" + self._entropy.to_bytes(8, "big")).digest()
        return data[:size]

    def end(self, code: int, reason: str) -> None:
        """Stop at once, with an exit code: its threads only unwind, and cannot do anything any more."""
        if self.done:
            return
        self._code = code
        self.error = SimError(f"{self.name} on {self.host.name} was {reason}")
        tasks = list(self.threads)
        self._finish()
        for task in tasks:
            task.kill()
        if current() in tasks:
            raise GreenletExit

    def write(self, descriptor: int, data: bytes) -> None:
        """Put data into a local socket of it, if it is one and there is room (what `signal.set_wakeup_fd` is for)."""
        end: Any = self.sockets.end_if_open(descriptor)
        if end is not None and isinstance(end.kernel, LocalSocket):
            try:
                end.kernel.send(data)
            except OSError:
                return

    def tell(self, text: str, error: BaseException) -> None:
        """Print a line and a traceback to its standard error."""
        if text:
            print(text, file=sys.stderr)  # noqa: T201 - as the interpreter does
        traceback.print_exception(type(error), error, _without_ours(error), file=sys.stderr)

    # -- inside

    def _main(self) -> None:
        try:
            self._call_program()
            for action in self.on_shutdown:
                action()
            self._join_threads()
            self._run_exit_functions()
        except GreenletExit as error:
            self._fail(self.main.verdict or error, KILLED)
            for action in self.when_cut:
                action()

    def _call_program(self) -> None:
        """Run it, and see what becomes of its exceptions."""
        try:
            self.main.take_interruptions()  # a signal may come before the first line
            self.value = self._call()
        except GreenletExit:
            raise
        except KeyboardInterrupt as error:
            if self.main.verdict is not None:
                self._fail(self.main.verdict, KILLED)
            elif self.signals.heard:
                self._fail(error, INTERRUPTED)
            else:
                raise  # that was for the simulator
        except BaseException as error:
            self._fail(error, 1)
        if self.done:
            raise GreenletExit  # killed, whatever came of it

    def _fail(self, error: BaseException, code: int) -> None:
        if self.done:
            return
        self.error, self._code = error, code
        if isinstance(error, SystemExit):
            self._code = _exit_code(error)
        elif isinstance(error, GreenletExit):
            return
        elif sys.excepthook is sys.__excepthook__:
            self.tell("", error)
        else:
            sys.excepthook(type(error), error, _without_ours(error))

    def _call(self) -> Any:
        if not callable(self.program):
            module = self.streams.main_module
            assert module is not None
            return _run_file(self.program, module)
        if inspect.iscoroutinefunction(self.program):
            return asyncio.run(self.program(*self.args))
        return self.program(*self.args)

    def _join_threads(self) -> None:
        """The interpreter ends when only daemons are left."""
        while any(not daemon for task, daemon in self.threads.items() if task is not self.main):
            self.main.park(None, "its other threads to end")

    def _run_exit_functions(self) -> None:
        while self.at_exit:
            function = self.at_exit.pop()
            try:
                function()
            except SystemExit as error:
                self._code = _exit_code(error)
            except Exception as error:
                self.tell(f"Exception ignored in atexit callback: {function!r}", error)

    def _thread_ended(self, task: Task) -> None:
        del self.threads[task]
        if self.done:
            return
        if task is not self.main:
            self.main.wake()
            return
        others = list(self.threads)
        self._finish()
        for other in others:
            other.kill()

    def _finish(self) -> None:
        self.exit_code = self._code
        self.ended = self.scheduler.engine.now
        for descriptor in self._open_descriptors():
            end: Any = self.sockets.end(descriptor)
            if isinstance(end.kernel, LocalSocket):
                LocalObject(self.sockets, end.kernel, descriptor).close()
            else:
                Socket(self.sockets, 2, 1, 0, descriptor).close()
        self.opened.clear()
        for action in self.on_exit:
            action()

    def _open_descriptors(self) -> list[int]:
        return [descriptor for descriptor in self.opened if self.sockets.end_if_open(descriptor) is not None]

    def _unfinished(self) -> str:
        """Why there is no result yet."""
        lines = [f"{self.name} on {self.host.name} has not ended"]
        own = [task.stuck() for task in self.threads if not task.dying]
        if all(not one.waits_for for one in own):
            return f"{lines[0]}: it has not begun, let time pass with net.run()"
        if not self.scheduler.at_rest():
            lines[0] += f" after {format_duration(self.scheduler.engine.now - self.started)}; it"
            return f"{lines[0]} {self.whereabouts()}"
        lines[0] += ", and never will: nothing is left to happen, and all programs wait"
        others = [one for one in self.scheduler.stuck() if one not in own]
        lines += [f"  {one}" for one in [*own, *others][:MOST_NAMED]]
        return "\n".join(lines)


class ProcessContext(Context):
    """The context of one thread of a process."""

    def __init__(self, streams: Streams, process: Process) -> None:
        super().__init__(streams)
        self.process = process


class _Captured(io.BytesIO):
    """What a program prints. It may close it; what it has printed stays.

    While it runs `sys.stdout` leads here, for all threads of this interpreter. What another one prints meanwhile,
    beside a network that has a thread of its own, is not the program's: it goes to the stream of `sys` called `real`.
    """

    def __init__(self, real: str) -> None:
        super().__init__()
        self._real = real

    def write(self, data: Any) -> int:
        """Keep what the program prints."""
        if current() is not None:
            return super().write(data)
        stream = getattr(sys, self._real)
        if stream is not None:
            stream.write(bytes(data).decode("utf-8", "replace"))
        return len(data)

    def close(self) -> None:
        """Nothing."""


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


def _without_ours(error: BaseException) -> Any:
    """The traceback from where the program begins."""
    step = error.__traceback__
    while step is not None and is_ours(step.tb_frame.f_code.co_filename):
        step = step.tb_next
    return step


def _run_file(path: str | Path, module: ModuleType) -> None:
    """Run a file as `python FILE` does."""
    code = compile(Path(path).read_bytes(), str(path), "exec")
    module.__dict__["__file__"] = str(path)
    exec(code, module.__dict__)
