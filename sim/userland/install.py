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
    descriptors,
    guest_socket,
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
        *descriptors.replacements(),
        *guest_socket.replacements(),
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
    for module in list(sys.modules.values()):
        if isinstance(module, ModuleType) and not module.__name__.startswith("sim."):
            _rebind(module, known)


def _stand_in(replacement: Any, original: Any) -> StandIn:
    new = StandIn(replacement)
    for attribute in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(new, attribute, getattr(original, attribute, None))
    return new


def _rebind(module: ModuleType, known: _Known) -> None:
    """Exchange what a module has taken from elsewhere: by `from ... import`, or as a default value of an argument."""
    for name, value in list(vars(module).items()):
        entry = known.get(id(value))
        if entry is not None and entry[0] is value:
            setattr(module, name, entry[1])
        elif type(value) is FunctionType:
            _rebind_defaults(value, known)
        elif isinstance(value, type) and value.__module__ == module.__name__:
            for attribute, member in list(vars(value).items()):
                entry = known.get(id(member))
                if entry is not None and entry[0] is member and isinstance(entry[1], StandIn):
                    setattr(value, attribute, entry[1])
                elif type(member) is FunctionType:
                    _rebind_defaults(member, known)


def _rebind_defaults(function: FunctionType, known: _Known) -> None:
    values = function.__defaults__
    if values is not None and any(id(value) in known for value in values):
        function.__defaults__ = tuple(known.get(id(value), (None, value))[1] for value in values)
    named = function.__kwdefaults__
    if named is not None:
        for name, value in named.items():
            if id(value) in known:
                named[name] = known[id(value)][1]
