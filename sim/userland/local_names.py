"""The names of a host's AF_UNIX sockets among its files: programs look for them, and remove them."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import Any

from sim.userland.guest_socket import here
from sim.userland.local_object import key_of
from sim.userland.local_sockets import LocalTable, Name
from sim.userland.tasks import current

MODE = stat.S_IFSOCK | 0o755


def _found(path: Any) -> tuple[LocalTable, Name] | None:
    """The table of the host and the name, if `path` is that of a socket there."""
    if current() is None or not isinstance(path, str | bytes | os.PathLike):
        return None
    names = here()[1].sockets.local
    if not names.bound:
        return None
    key = key_of(path)
    return (names, key) if key in names.bound else None


def _remove(real: Callable[..., None]) -> Callable[..., None]:
    def remove(path: Any, *, dir_fd: int | None = None) -> None:
        found = _found(path)
        if found is None:
            real(path, dir_fd=dir_fd)
        else:
            names, key = found
            del names.bound[key]

    return remove


def _stat(real: Callable[..., Any]) -> Callable[..., Any]:
    def look(path: Any, *arguments: Any, **named: Any) -> Any:
        found = _found(path)
        if found is None:
            return real(path, *arguments, **named)
        names, key = found
        inode = list(names.bound).index(key) + 1
        return os.stat_result((MODE, inode, 0, 1, 0, 0, 0, 0, 0, 0))

    return look


def replacements() -> list[tuple[Any, str, Any]]:
    """(module, name, what stands there from now on)."""
    found: list[tuple[Any, str, Any]] = [(os, name, _remove(getattr(os, name))) for name in ("unlink", "remove")]
    found += [(os, name, _stat(getattr(os, name))) for name in ("stat", "lstat")]
    return found
