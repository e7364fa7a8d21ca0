"""Threads of a program: tasks of it, one at a time, in place of `_thread`'s.

`threading` itself stays CPython's: conditions, events, semaphores, barriers, queues and timers are built there on
locks, and the locks are ours (locks.py). What a `Thread` keeps of its real thread (`_tstate_lock` up to 3.12,
`_handle` from 3.13 on) is what `join` and `is_alive` ask: that is put in place when a program starts one.
"""

from __future__ import annotations

import _thread
import concurrent.futures.thread
import threading
import weakref
from collections.abc import Callable, MutableMapping
from typing import Any, Final

from sim.userland.guest_socket import here, process_of
from sim.userland.locks import GuestLock, SharedLock
from sim.userland.refusals import refusal
from sim.userland.tasks import Task, current

FIRST_IDENTITY: Final = 1 << 48
"""Above what a real thread has, so that nobody takes one for the other."""


def identity_of(task: Task) -> int:
    """What `threading.get_ident()` is in a task."""
    return FIRST_IDENTITY + task.number


class GuestHandle:
    """What `Thread._handle` is in Python 3.13: tells when the thread is done."""

    def __init__(self, identity: int) -> None:
        self.ident = identity
        self._over = GuestLock()
        self._over.acquire()

    def is_done(self) -> bool:
        """Whether it is."""
        return not self._over.locked()

    def join(self, timeout: float | None = None) -> None:
        """Wait for it."""
        if self._over.acquire(True, -1 if timeout is None else timeout):
            self._over.release()

    def set_done(self) -> None:
        """It is."""
        if self._over.locked():
            self._over.release()

    _set_done = set_done


def get_ident(real: Callable[[], int]) -> Callable[[], int]:
    """`threading.get_ident`, and `get_native_id`: each thread of a program has a number of its own."""

    def get() -> int:
        task = current()
        return real() if task is None else identity_of(task)

    return get


def get_native_id(real: Callable[[], int]) -> Callable[[], int]:
    """`threading.get_native_id`: the first thread's is the process id, as on Linux."""

    def get() -> int:
        task = current()
        return real() if task is None else native_of(task)

    return get


def native_of(task: Task) -> int:
    """The number that a system would show for a thread."""
    process = process_of(task)
    return process.pid if task is process.main else process.pid + 10_000 + task.number


def start(real: Callable[[threading.Thread], None]) -> Callable[[threading.Thread], None]:
    """`Thread.start`: in a program the thread is a task of it."""

    def start(self: threading.Thread) -> None:
        if current() is None:
            real(self)
            return
        memory: Any = self
        if not memory._initialized:
            raise RuntimeError("thread.__init__() not called")
        if memory._started.is_set():
            raise RuntimeError("threads can only be started once")
        _, process = here()
        handle = _Handle(self)
        task = process.start_thread(lambda: _run(self), self.name, self.daemon)
        task.on_done.append(handle.finish)
        memory._ident, memory._native_id = identity_of(task), native_of(task)
        process.thread_objects[memory._ident] = self
        handle.begin(memory._ident)
        memory._started.wait()  # as CPython does: most often the new thread has its first turn before start() is over

    return start


class _Handle:
    """What tells `join` and `is_alive` of a thread, in either version's way."""

    def __init__(self, thread: threading.Thread) -> None:
        self._memory: Any = thread
        self._handle: GuestHandle | None = None
        self._lock: GuestLock | None = None

    def begin(self, identity: int) -> None:
        """The thread runs."""
        if hasattr(self._memory, "_handle"):
            self._handle = self._memory._handle = GuestHandle(identity)
        else:
            self._lock = self._memory._tstate_lock = GuestLock()
            self._lock.acquire()

    def finish(self) -> None:
        """It is over."""
        if self._handle is not None:
            self._handle.set_done()
        if self._lock is not None and self._lock.locked():
            self._lock.release()


def _run(thread: threading.Thread) -> None:
    """What a thread does, and what becomes of its exceptions."""
    memory: Any = thread
    task, process = here()
    try:
        memory._started.set()
        _run_with_hooks(thread, memory)
    finally:
        process.thread_objects.pop(identity_of(task), None)


def _run_with_hooks(thread: threading.Thread, memory: Any) -> None:
    try:
        thread.run()
    except Exception:
        memory._invoke_excepthook(thread)
    except (KeyboardInterrupt, SystemExit):
        memory._invoke_excepthook(thread)  # which is silent about SystemExit


def start_new_thread(real: Callable[..., int]) -> Callable[..., int]:
    """`_thread.start_new_thread`."""

    def begin(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any] | None = None, /) -> int:
        if current() is None:
            return real(function, args, {} if kwargs is None else kwargs)
        return identity_of(_start_bare(function, args, kwargs or {}))

    return begin


def start_joinable_thread(real: Callable[..., Any]) -> Callable[..., Any]:
    """`_thread.start_joinable_thread` (Python 3.13)."""

    def begin(function: Callable[[], Any], **named: Any) -> Any:
        if current() is None:
            return real(function, **named)
        if named:
            raise refusal("_thread.start_joinable_thread", "not with a handle; threading.Thread has it all")
        task = _start_bare(function, (), {})
        made = GuestHandle(identity_of(task))
        task.on_done.append(made.set_done)
        return made

    return begin


def _start_bare(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Task:
    _, process = here()

    def body() -> None:
        try:
            function(*args, **kwargs)
        except SystemExit:
            pass
        except Exception as error:
            # as `sys.unraisablehook` does: the error ends this thread, and nothing else
            process.tell(f"Exception ignored in thread started by {function!r}:", error)

    return process.start_thread(body, "thread", daemon=True)


class _MainThread(threading.Thread):
    """What `threading.current_thread()` is in a thread that `threading` did not start: the first one, above all."""

    def __init__(self, task: Task, name: str, daemon: bool) -> None:
        super().__init__(name=name, daemon=daemon)
        memory: Any = self
        memory._ident, memory._native_id = identity_of(task), native_of(task)
        memory._started.set()
        handle = _Handle(self)
        handle.begin(memory._ident)
        task.on_done.append(handle.finish)


def thread_of(task: Task) -> threading.Thread:
    """The `Thread` of a task."""
    process = process_of(task)
    identity = identity_of(task)
    known = process.thread_objects.get(identity)
    if known is None:
        is_main = task is process.main
        name = "MainThread" if is_main else f"Dummy-{task.number}"
        known = process.thread_objects[identity] = _MainThread(task, name, not is_main)
        task.on_done.append(lambda: process.thread_objects.pop(identity, None))
    return known


def current_thread(real: Callable[[], threading.Thread]) -> Callable[[], threading.Thread]:
    """`threading.current_thread`."""

    def get() -> threading.Thread:
        task = current()
        return real() if task is None else thread_of(task)

    return get


def main_thread(real: Callable[[], threading.Thread]) -> Callable[[], threading.Thread]:
    """`threading.main_thread`: the program's."""

    def get() -> threading.Thread:
        task = current()
        return real() if task is None else thread_of(process_of(task).main)

    return get


def enumerate_threads(real: Callable[[], list[threading.Thread]]) -> Callable[[], list[threading.Thread]]:
    """`threading.enumerate`: the program's threads, and no other's."""

    def enumerate() -> list[threading.Thread]:  # noqa: A001
        task = current()
        return real() if task is None else [thread_of(other) for other in process_of(task).threads]

    return enumerate


def active_count(real: Callable[[], int]) -> Callable[[], int]:
    """`threading.active_count`."""

    def count() -> int:
        task = current()
        return real() if task is None else len(process_of(task).threads)

    return count


def names(real: Callable[[str], str]) -> Callable[[str], str]:
    """`threading._newname`: threads are counted per program."""

    def name(template: str = "Thread-%d") -> str:
        task = current()
        if task is None:
            return real(template)
        process = process_of(task)
        process.threads_named += 1
        return template % process.threads_named

    return name


class ThreadQueues(weakref.WeakKeyDictionary[threading.Thread, Any]):
    """The workers of thread pools, which the interpreter joins when it ends: a program's are its own affair."""

    def __setitem__(self, thread: threading.Thread, work: Any) -> None:
        task = current()
        if task is None:
            super().__setitem__(thread, work)
        else:
            process = process_of(task)
            if not process.workers:
                process.on_shutdown.append(lambda: end_workers(process.workers))
            process.workers[thread] = work


def end_workers(workers: MutableMapping[threading.Thread, Any]) -> None:
    """What `concurrent.futures.thread._python_exit` does: let each worker finish what it has to do, and end."""
    for thread, work in list(workers.items()):
        arguments = getattr(thread, "_args", None)
        executor = arguments[0]() if arguments else None
        if executor is not None:
            executor._shutdown = True
        work.put(None)
    for thread in list(workers):
        thread.join()


def replacements() -> list[tuple[Any, str, Any]]:
    """(module or class, name, what stands there from now on)."""
    identity, native = get_ident(threading.get_ident), get_native_id(threading.get_native_id)
    memory: Any = threading
    bare: Any = _thread
    begin = start_new_thread(_thread.start_new_thread)
    pools: Any = concurrent.futures.thread
    found = [
        (_thread, "start_new_thread", begin),
        (_thread, "start_new", begin),
        (_thread, "get_ident", identity),
        (_thread, "get_native_id", native),
        (threading, "get_ident", identity),
        (threading, "get_native_id", native),
        (threading, "_newname", names(memory._newname)),
        (threading, "current_thread", current_thread(threading.current_thread)),
        (threading, "main_thread", main_thread(threading.main_thread)),
        (threading, "enumerate", enumerate_threads(threading.enumerate)),
        (threading, "active_count", active_count(threading.active_count)),
        (threading.Thread, "start", start(threading.Thread.start)),
        (pools, "_threads_queues", ThreadQueues(pools._threads_queues)),
        (pools, "_global_shutdown_lock", SharedLock(pools._global_shutdown_lock)),
        (pools.ThreadPoolExecutor, "_counter", PoolCounter(pools.ThreadPoolExecutor._counter)),
    ]
    if hasattr(_thread, "start_joinable_thread"):
        found.append((_thread, "start_joinable_thread", start_joinable_thread(bare.start_joinable_thread)))
    return found


class PoolCounter:
    """Counts thread pools, for their names: those of a program apart."""

    def __init__(self, real: Callable[[], int]) -> None:
        self._real = real

    def __call__(self) -> int:
        task = current()
        if task is None:
            return self._real()
        process = process_of(task)
        process.pools += 1
        return process.pools - 1
