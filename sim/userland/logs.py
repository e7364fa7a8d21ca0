"""The root logger as one program has configured it: `logging.basicConfig()` in one is nothing to the others."""

from __future__ import annotations

import logging


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
