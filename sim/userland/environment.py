"""What of the system a program has for itself: environment variables (`os.environ` while it runs; the real ones are
neither seen nor changed), and a working directory.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

from sim.userland.tasks import current

DEFAULTS: Final = {"HOME": "/nonexistent", "LANG": "C.UTF-8", "PATH": os.defpath, "USER": "root"}


class Environment(os._Environ[str]):
    """Has the type of `os.environ`, but nobody behind it."""

    def __init__(self, variables: dict[str, str]) -> None:
        self._data: dict[Any, Any] = {}  # in the form that the real system has
        real = os.environ
        super().__init__({}, real.encodekey, real.decodekey, real.encodevalue, real.decodevalue)
        for name, value in (DEFAULTS | variables).items():
            self[name] = value

    def __setitem__(self, name: str, value: str) -> None:
        self._data[self.encodekey(name)] = self.encodevalue(value)

    def __delitem__(self, name: str) -> None:
        try:
            del self._data[self.encodekey(name)]
        except KeyError:
            raise KeyError(name) from None


def mover(real: Callable[[Any], None]) -> Callable[[Any], None]:
    """`os.chdir` and `os.fchdir`."""

    def chdir(path: Any) -> None:
        task = current()
        if task is None:
            real(path)
        else:
            task.context.move(real, path)

    return chdir


def replacements() -> list[tuple[Any, str, Any]]:
    """(module, name, what stands there from now on)."""
    return [(os, name, mover(getattr(os, name))) for name in ("chdir", "fchdir") if hasattr(os, name)]
