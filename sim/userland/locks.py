"""Locks, queues and thread-local data of programs. Who waits for one parks, and virtual time goes on."""

from __future__ import annotations

import _thread
import inspect
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType, TracebackType
from typing import Any, Final
from weakref import WeakKeyDictionary, finalize

from sim.userland.tasks import Task, current

real_lock: Final = _thread.allocate_lock
_REAL_LOCAL: Final = _thread._local


class GuestLock:
    """`threading.Lock()`: whoever waits longest is asked first when it is released."""

    def __init__(self) -> None:
        self._locked = False
        self._waiting: deque[Task] = deque()

    def __repr__(self) -> str:
        return f"<{'locked' if self.locked() else 'unlocked'} lock of a program at {id(self):#x}>"

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take it; waits for it, at most `timeout` seconds."""
        if timeout != -1:
            _check(blocking, timeout)
        if self._take():
            return True
        if not blocking or timeout == 0:
            task = current()
            if task is not None:
                task.look()
            return False
        task = current()
        if task is None:
            raise RuntimeError("a program on a simulated host holds this lock, and out here nobody can wait for it")
        return self._wait(task, None if timeout == -1 else task.after(timeout))

    def _take(self) -> bool:
        if self._locked:
            return False
        self._locked = True
        return True

    def _wait(self, task: Task, deadline: int | None) -> bool:
        self._waiting.append(task)
        taken = False
        try:
            while not (taken := self._take()):
                if not task.park(deadline, "a lock"):
                    taken = self._take()
                    break
        finally:
            self._waiting.remove(task)
            if not taken:
                self._wake_next()  # perhaps it was our turn
        return taken

    def _wake_next(self) -> None:
        if self._waiting and not self.locked():
            self._waiting[0].wake()

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

    def acquire_lock(self, blocking: bool = True, timeout: float = -1) -> bool:
        """The old name of `acquire`."""
        return self.acquire(blocking, timeout)

    def release_lock(self) -> None:
        """The old name of `release`."""
        self.release()

    def locked_lock(self) -> bool:
        """The old name of `locked`."""
        return self.locked()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def _at_fork_reinit(self) -> None:
        self._locked = False


class SharedLock(GuestLock):
    """A real lock that programs use as well: they wait for it in virtual time, all others as ever."""

    def __init__(self, real: Any = None) -> None:
        super().__init__()
        self._real: Any = real_lock() if real is None else real

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if current() is None:
            return bool(self._real.acquire(blocking, timeout))
        return super().acquire(blocking, timeout)

    def _take(self) -> bool:
        return bool(self._real.acquire(False))

    def release(self) -> None:
        self._real.release()
        if self._waiting:
            self._waiting[0].wake()

    def locked(self) -> bool:
        return bool(self._real.locked())

    def _at_fork_reinit(self) -> None:
        self._real._at_fork_reinit()


class GuestRLock(threading._PyRLock):  # type: ignore[misc,name-defined]
    """`threading.RLock()` of a program: CPython's in Python, on our locks. Trio insists on the name of the one in C."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        return bool(super().acquire(blocking, timeout))

    __enter__ = acquire


GuestRLock.__module__, GuestRLock.__name__, GuestRLock.__qualname__ = "_thread", "RLock", "RLock"


def shared_rlock() -> Any:
    """A reentrant lock that programs and others use."""
    lock: Any = GuestRLock()
    lock._block = SharedLock()
    return lock


_NEGATIVE: Final = "timeout value must be " + ("a non-negative number" if sys.version_info >= (3, 13) else "positive")


def _check(blocking: bool, timeout: float) -> None:
    """Refuse what CPython refuses."""
    if not blocking:
        raise ValueError("can't specify a timeout for a non-blocking call")
    if timeout < 0:
        raise ValueError(_NEGATIVE)
    if timeout > threading.TIMEOUT_MAX:
        raise OverflowError("timeout value is too large")


class _LocalMemory(_thread._local):
    """`threading.local`: what a thread keeps there, and what a thread of a program does.

    Outside of programs it is CPython's own. A subclass's `__init__` is called once in each thread, as there. There are
    no members beyond CPython's, so that classes which were derived from that one can be given this one as their base.
    """

    __slots__ = ()

    def __new__(cls, /, *args: Any, **kwargs: Any) -> _LocalMemory:
        made = super().__new__(cls, *args, **kwargs)
        kept = _Kept(args, kwargs)
        _keep(made, kept)
        task = current()
        if task is not None:
            kept.values[task] = {}  # its __init__ is called by whoever makes it
        return made

    def __getattribute__(self, name: str) -> Any:
        task = current()
        if task is None or name == "__class__":
            return super().__getattribute__(name)
        values = _values(self, task)
        if name == "__dict__":
            return values
        found = _class_attribute(type(self), name)
        if hasattr(type(found), "__set__"):
            return type(found).__get__(found, self, type(self))
        if name in values:
            return values[name]
        if found is _NOTHING:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
        return found.__get__(self, type(self)) if hasattr(type(found), "__get__") else found

    def __setattr__(self, name: str, value: Any) -> None:
        task = current()
        found = _NOTHING if task is None else _class_attribute(type(self), name)
        if task is None or name == "__dict__" or hasattr(type(found), "__set__"):
            super().__setattr__(name, value)
        else:
            _values(self, task)[name] = value

    def __delattr__(self, name: str) -> None:
        task = current()
        if task is None or name == "__dict__":
            super().__delattr__(name)
        elif _values(self, task).pop(name, _NOTHING) is _NOTHING:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)


class _SharedLocal(_LocalMemory):
    """What stands in place of a `local` that was made before there were programs: outside of them it is that one."""

    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        if current() is None and name != "__class__":
            return getattr(_kept[id(self)].real, name)
        return super().__getattribute__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if current() is None:
            setattr(_kept[id(self)].real, name, value)
        else:
            super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        if current() is None:
            delattr(_kept[id(self)].real, name)
        else:
            super().__delattr__(name)


class _Kept:
    """What belongs to one `local`: the arguments of its `__init__`, and what each task keeps there."""

    real: Any = None  # what others than programs use

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args = args
        self.kwargs = kwargs
        self.values: WeakKeyDictionary[Task, dict[str, Any]] = WeakKeyDictionary()


_NOTHING: Final = object()
_kept: Final[dict[int, _Kept]] = {}
"""By the identity of a `local` (some have an `__eq__` and no hash), as long as it lives."""


def _keep(local: _LocalMemory, kept: _Kept) -> None:
    _kept[id(local)] = kept
    finalize(local, _kept.pop, id(local), None).atexit = False


def _values(local: _LocalMemory, task: Task) -> dict[str, Any]:
    """What a task keeps in a `local`."""
    kept = _kept.get(id(local))
    if kept is None:
        kept = _Kept((), {})
        _keep(local, kept)
    values = kept.values.get(task)
    if values is None:
        values = kept.values[task] = {}
        type(local).__init__(local, *kept.args, **kept.kwargs)
    return values


def adopt_subclasses() -> None:
    """Give classes that were derived from CPython's `threading.local` ours as their base."""
    for kind in _thread._local.__subclasses__():
        if kind is not _LocalMemory:
            kind.__bases__ = tuple(_LocalMemory if base is _thread._local else base for base in kind.__bases__)


def _class_attribute(kind: type, name: str) -> Any:
    for base in kind.__mro__:
        if name in base.__dict__:
            return base.__dict__[name]
    return _NOTHING


def share(program: Callable[..., Any]) -> None:
    """Let the locks and thread-local data that a function finds in its module, or around it, be fit for programs.

    They were made outside of programs, where the real ones are made.
    """
    function = inspect.unwrap(getattr(program, "__func__", program))
    scope: dict[str, Any] = getattr(function, "__globals__", {})
    for name, value in list(scope.items()):
        if type(value) in _SHARED:
            scope[name] = _SHARED[type(value)](value)
    for cell in getattr(function, "__closure__", None) or ():
        try:
            kind = type(cell.cell_contents)
        except ValueError:
            continue  # not bound yet
        if kind in _SHARED:
            cell.cell_contents = _SHARED[kind](cell.cell_contents)


def _shared_local(local: Any) -> _LocalMemory:
    made = _SharedLocal()
    _kept[id(made)].real = local
    return made


def locals_made_before(modules: Iterable[ModuleType]) -> Iterator[tuple[Any, _LocalMemory]]:
    """Each `threading.local()` that modules, or classes in them, have made, and what is to stand in place of it."""
    found: dict[int, Any] = {}
    for module in modules:
        for value in list(vars(module).values()):
            inside = vars(value).values() if isinstance(value, type) and value.__module__ == module.__name__ else ()
            found |= {id(thing): thing for thing in (value, *inside) if type(thing) is _REAL_LOCAL}
    for local in found.values():
        yield local, _shared_local(local)


_SHARED: Final[dict[type, Callable[[Any], Any]]] = {
    type(real_lock()): SharedLock,
    type(threading.RLock()): lambda _: shared_rlock(),
    _REAL_LOCAL: _shared_local,
}

for _kind in (_LocalMemory, _SharedLocal):  # as C has it: what cannot be found is not found in a '_thread._local'
    _kind.__name__, _kind.__qualname__, _kind.__module__ = "_thread._local", "_local", "_thread"


def either(real: Callable[..., Any], guest: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is one thing for programs and another for all others."""

    def call(*arguments: Any, **named: Any) -> Any:
        return (real if current() is None else guest)(*arguments, **named)

    call.__name__ = call.__qualname__ = getattr(real, "__name__", "call")
    return call


def either_class(real: Any, guest: Callable[..., Any], bases: tuple[type, ...]) -> type:
    """The same for what is a class: what was made by either is an instance of it."""

    class Kind(type):
        def __call__(cls, *arguments: Any, **named: Any) -> Any:
            if cls is made:
                return (real if current() is None else guest)(*arguments, **named)
            return super().__call__(*arguments, **named)

        def __instancecheck__(cls, thing: object) -> bool:
            return isinstance(thing, (real, guest)) if cls is made else super().__instancecheck__(thing)  # type: ignore[arg-type]

        def __subclasscheck__(cls, other: type) -> bool:
            return issubclass(other, real) if cls is made else super().__subclasscheck__(other)

    made: type = Kind(real.__name__, bases, {"__module__": real.__module__, "__doc__": real.__doc__})
    return made


def replacements() -> list[tuple[Any, str, Any]]:
    """(module, name, what stands there from now on)."""
    if isinstance(threading.Lock, type):  # from Python 3.13 on
        public: Any = either_class(threading.Lock, GuestLock, ())
    else:
        public = either(threading.Lock, GuestLock)
    allocate = either(real_lock, GuestLock)
    simple = queue._PySimpleQueue  # type: ignore[attr-defined]
    return [
        (_thread, "allocate_lock", allocate),
        (_thread, "allocate", allocate),
        (threading, "_allocate_lock", allocate),
        (threading, "Lock", public),
        (threading, "RLock", either(threading.RLock, GuestRLock)),
        (threading, "local", _LocalMemory),
        (queue, "SimpleQueue", either_class(queue.SimpleQueue, simple, (queue.SimpleQueue,))),
    ]
