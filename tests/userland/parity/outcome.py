"""What a call does, in words that are the same on every machine."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

Ready = Callable[[], None]
"""What a server calls when clients may come."""


def tried(call: Callable[..., Any], *arguments: Any, **named: Any) -> str:
    """Its value, or its exception: class, name of the errno, and text."""
    try:
        return f"-> {call(*arguments, **named)!r}"
    except OSError as error:
        number = "" if error.errno is None else f" {errno.errorcode.get(error.errno, error.errno)}"
        return f"{type(error).__name__}{number}: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
