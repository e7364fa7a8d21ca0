"""The environment variables of a program: `os.environ` while it runs. The real ones are neither seen nor changed."""

from __future__ import annotations

import os
from typing import Any, Final

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
