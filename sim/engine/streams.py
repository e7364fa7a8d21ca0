"""One seed, many random streams.

Every draw comes from a stream with a name ("link/h1:eth0/loss"), derived from the seed by a hash of our own choosing:
Python's `hash()` differs from process to process. So a new consumer of chance does not shift the draws of another.
"""

from __future__ import annotations

import hashlib
from random import Random


class Streams:
    """The named random streams of one seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._streams: dict[str, Random] = {}

    def stream(self, name: str) -> Random:
        """The stream called `name`: the same object each time, the same draws for the same seed."""
        stream = self._streams.get(name)
        if stream is None:
            digest = hashlib.sha256(f"{self.seed}/{name}".encode()).digest()
            stream = self._streams[name] = Random(int.from_bytes(digest, "big"))
        return stream
