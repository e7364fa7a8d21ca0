"""Puts what programs need in place of what the interpreter has: once, and for programs only.

Every replacement asks first whether a program calls it; for all others (the simulator, a test, another library) it is
the original. Whoever has taken a name from one of these modules before (`from time import sleep`, `clock=monotonic` as
a default value) gets the replacement as well.
"""

from __future__ import annotations

import sys
from functools import partial
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from sim.userland import (
    clocks,
    coroutines,
    descriptors,
    environment,
    guest_socket,
    hashes,
    ioctls,
    leftovers,
    libraries,
    local_names,
    locks,
    names,
    randomness,
    readiness,
    refusals,
    signals,
    threads,
    tls,
    tracebacks,
)

_installed: list[bool] = []
_Known = dict[int, tuple[Any, Any]]


class StandIn(partial[Any]):
    """A function in place of one that C code has made: like that, it is no method where a class has it as a value.

    And it is pickled by its name.
    """

    def __get__(self, instance: Any, owner: Any = None) -> StandIn:
        return self

    def __reduce__(self) -> str:
        return self.__qualname__  # type: ignore[attr-defined,no-any-return]

    def __repr__(self) -> str:
        return repr(self.func)


def install() -> None:
    """Do it, unless it is done."""
    libraries.guard()
    if _installed:
        return
    _installed.append(True)
    libraries.install()
    found = [
        *clocks.replacements(),
        *coroutines.replacements(),
        *descriptors.replacements(),
        *environment.replacements(),
        *ioctls.replacements(),
        *guest_socket.replacements(),
        *hashes.replacements(),
        *leftovers.replacements(),
        *local_names.replacements(),
        *locks.replacements(),
        *names.replacements(),
        *randomness.replacements(),
        *readiness.replacements(),
        *refusals.replacements(),
        *signals.replacements(),
        *threads.replacements(),
        *tls.replacements(),
        *tracebacks.replacements(),
    ]
    known: _Known = {}
    for owner, name, replacement in found:
        original = owner.__dict__.get(name)
        new = replacement
        if isinstance(owner, ModuleType) and original is not None:
            if isinstance(original, BuiltinFunctionType) and not isinstance(new, type):
                new = _stand_in(replacement, original)
            known[id(original)] = (original, new)
        setattr(owner, name, new)
    clocks.replace_dates()
    locks.adopt_subclasses()
    modules = [module for module in list(sys.modules.values()) if _may_be_changed(module)]
    known |= {id(local): (local, shared) for local, shared in locks.locals_made_before(modules)}
    for module in modules:
        _rebind(module, known)


def _may_be_changed(module: object) -> bool:
    return isinstance(module, ModuleType) and not module.__name__.startswith("sim.")


def _stand_in(replacement: Any, original: Any) -> StandIn:
    new = StandIn(replacement)
    for attribute in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(new, attribute, getattr(original, attribute, None))
    return new


def _rebind(module: ModuleType, known: _Known) -> None:
    """Exchange what a module has taken from elsewhere: by `from ... import`, or as a default value of an argument."""
    for name, value in list(vars(module).items()):
        new = _exchanged(value, known)
        if new is not value:
            setattr(module, name, new)
        elif type(value) is FunctionType:
            _rebind_defaults(value, known)
        elif isinstance(value, type) and value.__module__ == module.__name__:
            _rebind_class(value, vars(module), known)


def _exchanged(value: Any, known: _Known) -> Any:
    """What stands in place of a value; most often itself."""
    original, new = known.get(id(value), (None, None))
    return new if original is value and original is not None else value


def _rebind_class(kind: type, names: dict[str, Any], known: _Known) -> None:
    for attribute, member in list(vars(kind).items()):
        new = _exchanged(member, known)
        if type(member) is FunctionType:
            _rebind_defaults(member, known)
            _rebind_factories(member, names, known)
        elif new is not member and new is not kind and type(new) is not FunctionType:
            setattr(kind, attribute, new)  # a function would be a method there


def _rebind_factories(function: FunctionType, names: dict[str, Any], known: _Known) -> None:
    """What makes the values of fields that have none, in an `__init__` that was written by `dataclasses` or attrs.

    They keep it in cells, or in a copy of the module's names that is that function's alone.
    """
    if str(function.__globals__.get("__name__")).startswith("sim."):
        return  # one of ours, which has the original for all others
    for cell in function.__closure__ or ():
        try:
            value = cell.cell_contents
        except ValueError:
            continue  # not bound yet
        new = _exchanged(value, known)
        if new is not value:
            cell.cell_contents = new
    if function.__globals__ is not names:
        for name, value in list(function.__globals__.items()):
            new = _exchanged(value, known)
            if new is not value:
                function.__globals__[name] = new


def _rebind_defaults(function: FunctionType, known: _Known) -> None:
    values = function.__defaults__
    if values is not None and any(id(value) in known for value in values):
        function.__defaults__ = tuple(_exchanged(value, known) for value in values)
    for name, value in (function.__kwdefaults__ or {}).items():
        function.__kwdefaults__[name] = _exchanged(value, known)  # type: ignore[index]
