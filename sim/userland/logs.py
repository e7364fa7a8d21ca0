"""Who is told of what goes wrong, as one program has arranged it: `logging.basicConfig()` is nothing to the others."""

from __future__ import annotations

import logging
import sys
import threading
from typing import Any


class LogRoot:
    """The handlers and the level of the root logger, of whoever is not running now."""

    def __init__(self) -> None:
        self._handlers: list[logging.Handler] = []
        self._level = logging.WARNING

    def exchange(self) -> None:
        """Put these in place, and keep what was there."""
        root = logging.root
        self._handlers, root.handlers = root.handlers, self._handlers
        if self._level != root.level:
            before = root.level
            root.setLevel(self._level)
            self._level = before


class Hooks:
    """`sys.excepthook` and `threading.excepthook`, of whoever is not running now."""

    def __init__(self, of_threads: Any = threading.__excepthook__) -> None:
        self._of_main: Any = sys.__excepthook__
        self._of_threads: Any = of_threads

    def exchange(self) -> None:
        """Put these in place, and keep what was there."""
        self._of_main, sys.excepthook = sys.excepthook, self._of_main
        self._of_threads, threading.excepthook = threading.excepthook, self._of_threads
