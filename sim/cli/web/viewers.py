"""All who look: what is new goes to each, and who does not listen is sent away.

A viewer has a queue of its own with an end to it, so that one that stands still holds up neither the others nor the
network.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

MOST_VIEWERS: Final = 500
MOST_WAITING: Final = 1000
"""Messages that wait for one viewer: some ten seconds."""
MOST_TEXT: Final = 32_000_000
"""Characters of these."""
PATIENCE: Final = 10.0
"""Seconds that one message may take."""


class SlowViewerError(Exception):
    """A viewer does not take what it is sent."""


class Viewer:
    """One of them. `name` is for others to see whose command it was."""

    def __init__(self) -> None:
        self._waiting: deque[str] = deque()
        self._text = 0
        self._news = asyncio.Event()
        self._too_slow = False

    def put(self, messages: Sequence[str]) -> None:
        """Let it have these, as soon as it takes them."""
        self._waiting.extend(messages)
        self._text += sum(map(len, messages))
        self._news.set()

    def tell(self, message: str) -> None:
        """The same for one of many; whoever has too many waiting gets no more at all."""
        if len(self._waiting) >= MOST_WAITING or self._text + len(message) > MOST_TEXT:
            self._too_slow = True
            self._news.set()
        else:
            self.put([message])

    async def pump(self, send: Callable[[str], Awaitable[None]]) -> None:
        """Send what there is, for ever. Raises SlowViewerError."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                if self._too_slow:
                    raise SlowViewerError
                message = self._waiting.popleft()
                self._text -= len(message)
                try:
                    await asyncio.wait_for(send(message), PATIENCE)
                except TimeoutError:
                    raise SlowViewerError from None
            if self._too_slow:
                raise SlowViewerError


class Viewers:
    """All that are there now."""

    def __init__(self) -> None:
        self.here: set[Viewer] = set()
        self.total = 0
        self.sent_away = 0

    @property
    def full(self) -> bool:
        """Whether nobody else can come."""
        return len(self.here) >= MOST_VIEWERS

    def add(self, viewer: Viewer) -> None:
        """One has come."""
        self.here.add(viewer)
        self.total += 1

    def remove(self, viewer: Viewer) -> None:
        """One has gone."""
        self.here.discard(viewer)

    def tell(self, message: str) -> None:
        """Send something to everybody."""
        for viewer in list(self.here):
            viewer.tell(message)
