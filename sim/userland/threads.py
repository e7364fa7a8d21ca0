"""Threads and locks of a program: greenlets, one at a time, in place of `_thread`'s.

`threading` itself stays CPython's: conditions, events, semaphores, barriers, queues and timers are built there on locks,
and the locks are ours.
"""

from __future__ import annotations

import _thread
import _threading_local
import queue
import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

from sim.userland.guest_socket import here
from sim.userland.tasks import Task, current

NS: Final = 1_000_000_000
FIRST_IDENTITY: Final = 1 << 48


class GuestLock:
    """`threading.Lock()`: whoever waits longest gets it."""

    def __init__(self) -> None:
        self._locked = False
        self._waiting: deque[Task] = deque()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take it; waits for it, at most `timeout` seconds."""
        if timeout != -1 and (not blocking or timeout < 0):
            raise ValueError("can't specify a timeout for a non-blocking call" if not blocking else "bad timeout")
        if not self._locked:
            self._locked = True
            return True
        if not blocking:
            return False
        task = current()
        if task is None:
            raise RuntimeError("a lock of a program is held, and nobody else can wait for it")
        deadline = None if timeout == -1 else task.scheduler.engine.now + round(timeout * NS)
        self._waiting.append(task)
        while self._locked:
            if not task.park(deadline, "a lock") and self._locked:
                self._waiting.remove(task)
                return False
        self._waiting.remove(task)
        self._locked = True
        return True

    def release(self) -> None:
        """Give it back; any thread may."""
        if not self._locked:
            raise RuntimeError("release unlocked lock")
        self._locked = False
        if self._waiting:
            self._waiting[0].wake()

    def locked(self) -> bool:
        """Whether somebody has it."""
        return self._locked

    acquire_lock = acquire
    release_lock = release
    locked_lock = locked

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def _at_fork_reinit(self) -> None:
        self._locked = False


def get_ident(real: Callable[[], int]) -> Callable[[], int]:
    """`threading.get_ident`: each thread of a program has a number of its own."""

    def get() -> int:
        task = current()
        return real() if task is None else FIRST_IDENTITY + id(task)

    return get


def start(real: Callable[[threading.Thread], None]) -> Callable[[threading.Thread], None]:
    """`Thread.start`: in a program the thread is a task of it."""

    def begin(self: threading.Thread) -> None:
        if current() is None:
            real(self)
            return
        _, process = here()
        if self._started.is_set():  # type: ignore[attr-defined]
            raise RuntimeError("threads can only be started once")
        memory: Any = self
        memory._guest_done = GuestLock()
        memory._guest_done.acquire()
        memory._guest_task = process.start_thread(lambda: _run(self), self.name, self.daemon)
        memory._started.set()

    return begin


def _run(thread: threading.Thread) -> None:
    """What a thread does, and what becomes of its exceptions."""
    memory: Any = thread
    task = current()
    assert task is not None
    memory._ident = memory._native_id = FIRST_IDENTITY + id(task)
    threading._active[memory._ident] = thread  # type: ignore[attr-defined]
    try:
        thread.run()
    except SystemExit:
        pass
    except Exception:
        memory._invoke_excepthook(thread)
    finally:
        threading._active.pop(memory._ident, None)  # type: ignore[attr-defined]
        memory._is_stopped = True
        memory._guest_done.release()


def join(real: Callable[..., None]) -> Callable[..., None]:
    """`Thread.join`."""

    def wait(self: threading.Thread, timeout: float | None = None) -> None:
        lock: GuestLock | None = getattr(self, "_guest_done", None)
        if lock is None:
            real(self, timeout)
            return
        task = current()
        if task is not None and task is getattr(self, "_guest_task", None):
            raise RuntimeError("cannot join current thread")
        if lock.acquire(True, -1 if timeout is None else max(timeout, 0)):
            lock.release()

    return wait


def is_alive(real: Callable[[threading.Thread], bool]) -> Callable[[threading.Thread], bool]:
    """`Thread.is_alive`."""

    def alive(self: threading.Thread) -> bool:
        task: Task | None = getattr(self, "_guest_task", None)
        return real(self) if task is None else not task.done

    return alive


def start_new_thread(real: Callable[..., int]) -> Callable[..., int]:
    """`_thread.start_new_thread`."""

    def begin(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> int:
        if current() is None:
            return real(function, args, kwargs or {})
        _, process = here()
        task = process.start_thread(lambda: function(*args, **(kwargs or {})), "thread", daemon=True)
        return FIRST_IDENTITY + id(task)

    return begin


class GuestMainThread(threading.Thread):
    """What `threading.current_thread()` is in the first thread of a program."""

    def __init__(self, task: Task) -> None:
        super().__init__(name="MainThread", daemon=False)
        memory: Any = self
        memory._ident = FIRST_IDENTITY + id(task)
        memory._started.set()
        memory._guest_task = task


def current_thread(real: Callable[[], threading.Thread]) -> Callable[[], threading.Thread]:
    """`threading.current_thread`."""

    def get() -> threading.Thread:
        task = current()
        if task is None:
            return real()
        active = threading._active  # type: ignore[attr-defined]
        known = active.get(FIRST_IDENTITY + id(task))
        if known is None:
            known = active[FIRST_IDENTITY + id(task)] = GuestMainThread(task)
            task.on_done.append(lambda: active.pop(FIRST_IDENTITY + id(task), None))
        return known  # type: ignore[no-any-return]

    return get


def _lock(real: Callable[[], Any], guest: Callable[[], Any]) -> Callable[[], Any]:
    def make() -> Any:
        return real() if current() is None else guest()

    make.__name__ = make.__qualname__ = getattr(real, "__name__", "Lock")
    return make


def _guest_rlock() -> Any:
    return threading._PyRLock()  # type: ignore[attr-defined]


def _simple_queue(real: Any) -> Callable[[], Any]:
    def make() -> Any:
        return real() if current() is None else queue._PySimpleQueue()  # type: ignore[attr-defined]

    return make


def _local(real: Any) -> Any:
    """`threading.local`: values of a thread, and of a thread of a program."""

    class Local(_threading_local.local):
        """Thread-local data."""

    Local.__name__ = Local.__qualname__ = "local"
    return Local


def replacements() -> list[tuple[Any, str, Any]]:
    """(module or class, name, what stands there from now on)."""
    identity = get_ident(threading.get_ident)
    allocate = _lock(_thread.allocate_lock, GuestLock)
    return [
        (_thread, "allocate_lock", allocate),
        (_thread, "start_new_thread", start_new_thread(_thread.start_new_thread)),
        (_thread, "get_ident", identity),
        (threading, "get_ident", identity),
        (threading, "Lock", allocate),
        (threading, "_allocate_lock", allocate),
        (threading, "RLock", _lock(threading.RLock, _guest_rlock)),
        (threading, "current_thread", current_thread(threading.current_thread)),
        (threading, "local", _local(threading.local)),
        (threading.Thread, "start", start(threading.Thread.start)),
        (threading.Thread, "join", join(threading.Thread.join)),
        (threading.Thread, "is_alive", is_alive(threading.Thread.is_alive)),
        (queue, "SimpleQueue", _simple_queue(queue.SimpleQueue)),
    ]
