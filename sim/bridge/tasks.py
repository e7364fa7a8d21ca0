"""What one thread lets another do, waiting for what comes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from sim.bridge.loopback import BridgeError


class Task:
    """A call that is made in another thread, with `do`."""

    def __init__(self, action: Callable[[], Any]) -> None:
        self._action = action
        self._done = threading.Event()
        self._result: Any = None
        self._error: BaseException | None = None

    def do(self) -> None:
        """Make it."""
        try:
            self._result = self._action()
        except BaseException as error:
            self._error = error
        self._done.set()

    def fail(self, error: BaseException) -> None:
        """It will not be made."""
        self._error = error
        self._done.set()

    def wait(self, timeout: float) -> Any:
        """What it returned; raises what it raised, and BridgeError after `timeout` seconds."""
        if not self._done.wait(timeout):
            raise BridgeError(f"the network has not answered within {timeout:g} s")
        if self._error is not None:
            raise self._error
        return self._result
