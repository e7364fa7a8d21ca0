"""What a program has to send over a stream, and what it took in."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Final

CHUNK: Final = 65_536
"""Bytes that are offered to a socket at once."""
LINE: Final = 64
PATTERN_LINES: Final = 16_384
HEAD: Final = 1_000
"""Bytes of the beginning that are kept of what came in."""


@cache
def pattern() -> bytes:
    """A mebibyte of made-up text: lines of 64 bytes, each of which tells where in the pattern it stands."""
    rest = "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0\n"
    return "".join(f"{number * LINE:07d} {rest}" for number in range(PATTERN_LINES)).encode()


class Outgoing:
    """Bytes to send: `size` of the pattern (None: without an end), or what is fed to it.

    `sent` counts what has been taken, `digest()` is its hash.
    """

    def __init__(self, size: int | None = 0) -> None:
        self.sent = 0
        self._left = size
        self._fed = bytearray()
        self._open = False
        self._hash = hashlib.sha256()

    @classmethod
    def of(cls, data: bytes) -> Outgoing:
        """Just these bytes."""
        outgoing = cls()
        outgoing._fed += data
        return outgoing

    @classmethod
    def later(cls) -> Outgoing:
        """What will be fed, until `stop()`."""
        outgoing = cls()
        outgoing._open = True
        return outgoing

    @property
    def done(self) -> bool:
        """Whether nothing is left, and nothing more will come."""
        return self._left == 0 and not self._fed and not self._open

    @property
    def waiting(self) -> int:
        """Bytes that were fed and not yet taken."""
        return len(self._fed)

    def feed(self, data: bytes) -> None:
        """Send these too."""
        self._fed += data

    def stop(self) -> None:
        """Send what was fed, and no more."""
        self._left = 0
        self._open = False

    def chunk(self) -> bytes:
        """What to offer to the socket now; b"" when there is nothing now."""
        if self._fed:
            return bytes(self._fed[:CHUNK])
        start = self.sent % len(pattern()) if self._left != 0 else 0
        return pattern()[start : start + (CHUNK if self._left is None else min(CHUNK, self._left))]

    def taken(self, chunk: bytes, count: int) -> None:
        """The socket has taken the first `count` bytes of a chunk."""
        self.sent += count
        self._hash.update(chunk[:count])
        if self._fed:
            del self._fed[:count]
        elif self._left is not None:
            self._left -= count

    def digest(self) -> bytes:
        """SHA-256 of what was taken."""
        return self._hash.digest()


class Incoming:
    """Bytes that came: how many, when the last (ns; None before the first), their beginning, and their hash."""

    def __init__(self) -> None:
        self.received = 0
        self.last_at: int | None = None
        self.head = b""
        self.ended = False
        self._hash = hashlib.sha256()

    def take(self, data: bytes, now: int) -> None:
        """Bytes came in at `now` (ns); none are the end of the stream."""
        if not data:
            self.ended = True
            return
        self.received += len(data)
        self.last_at = now
        self._hash.update(data)
        if len(self.head) < HEAD:
            self.head += data[: HEAD - len(self.head)]

    def equals(self, outgoing: Outgoing) -> bool:
        """Whether this is all that was sent, to the byte."""
        return self.received == outgoing.sent and self._hash.digest() == outgoing.digest()
