"""What modules of the standard library remember for a whole process, for one program: who is told of what goes wrong
(`logging.basicConfig()` is nothing to the others), and how `urllib` opens URLs."""

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


class Opener:
    """What `urllib.request.urlopen` keeps from its first use on, of whoever is not running now: the proxies of the
    environment, and from Python 3.12 on whom it trusts."""

    def __init__(self) -> None:
        self._opener: Any = None

    def exchange(self) -> None:
        """Put this in place, and keep what was there."""
        module: Any = sys.modules.get("urllib.request")
        if module is not None:
            self._opener, module._opener = getattr(module, "_opener", None), self._opener
