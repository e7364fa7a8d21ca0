"""Puts what programs need in place of what the interpreter has: once, and for programs only.

Every replacement asks first whether a program calls it; for all others (the simulator, a test, another library) it is
the original. Modules that have taken a name from one of these before (`from time import sleep`) get the replacement
as well.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from sim.userland import clocks, guest_socket, names, randomness, readiness, refusals, threads

_installed: list[bool] = []


def install() -> None:
    """Do it, unless it is done."""
    if _installed:
        return
    _installed.append(True)
    found = [
        *clocks.replacements(),
        *guest_socket.replacements(),
        *names.replacements(),
        *randomness.replacements(),
        *readiness.replacements(),
        *refusals.replacements(),
        *threads.replacements(),
    ]
    by_original: dict[int, tuple[Any, Any]] = {}
    for owner, name, replacement in found:
        original = owner.__dict__.get(name)
        if isinstance(owner, ModuleType) and original is not None and not isinstance(original, type):
            by_original[id(original)] = (original, replacement)
        setattr(owner, name, replacement)
    for module in list(sys.modules.values()):
        if isinstance(module, ModuleType) and not module.__name__.startswith("sim."):
            _rebind(module, by_original)


def _rebind(module: ModuleType, by_original: dict[int, tuple[Any, Any]]) -> None:
    """Exchange what a module has taken from elsewhere by `from ... import`."""
    for name, value in list(vars(module).items()):
        known = by_original.get(id(value))
        if known is not None and known[0] is value:
            setattr(module, name, known[1])
