"""Bytes that wait in order, in the pieces in which they came: what a program has written, or may read."""

from __future__ import annotations

from typing import Final

SMALL: Final = 512
"""Bytes below which pieces are put together: a program that writes byte by byte must not cost an object for each."""
IDLE: Final = 64
"""Places of pieces that are gone, before they are given back."""


class ByteQueue:
    """First in, first out; `size` is how many bytes wait.

    Not a `bytearray`: one that is taken from at the front and added to at the end copies all of itself again and again
    (measured: a tenth of the time of a bulk transfer). A piece that is taken as it came is not copied at all.
    """

    def __init__(self) -> None:
        self.size: int = 0
        self._pieces: list[bytes] = []
        self._first: int = 0  # the number of the first piece that is still here
        self._start: int = 0  # of its bytes, those that are gone

    def append(self, data: bytes) -> None:
        """Put bytes behind those that wait."""
        if not data:
            return
        pieces = self._pieces
        if len(data) < SMALL and len(pieces) > self._first and len(pieces[-1]) < SMALL:
            pieces[-1] += data
        else:
            pieces.append(data)
        self.size += len(data)

    def take(self, size: int) -> bytes:
        """Up to `size` bytes, which wait no more."""
        if size <= 0 or not self.size:
            return b""
        piece = self._pieces[self._first]
        start = self._start
        left = len(piece) - start
        if size < left:
            self._start = start + size
            self.size -= size
            return piece[start : start + size]
        self._drop_first()
        self.size -= left
        if start:
            piece = piece[start:]
        if size == left or not self.size:
            return piece
        rest = size - left
        parts = [piece]
        while rest > 0 and self.size:
            part = self.take(min(rest, len(self._pieces[self._first]) - self._start))
            parts.append(part)
            rest -= len(part)
        return b"".join(parts)

    def peek(self, size: int) -> bytes:
        """Up to `size` bytes, which stay."""
        parts: list[bytes] = []
        start = self._start
        for index in range(self._first, len(self._pieces)):
            if size <= 0:
                break
            part = self._pieces[index][start : start + size]
            parts.append(part)
            size -= len(part)
            start = 0
        return b"".join(parts)

    def byte_at(self, place: int) -> int:
        """The byte with `place` others before it. Raises IndexError."""
        place += self._start
        for index in range(self._first, len(self._pieces)):
            piece = self._pieces[index]
            if place < len(piece):
                return piece[place]
            place -= len(piece)
        raise IndexError("not so many bytes wait")

    def clear(self) -> None:
        """Let nothing wait."""
        self._pieces.clear()
        self._first = self._start = self.size = 0

    def _drop_first(self) -> None:
        self._start = 0
        first = self._first
        self._pieces[first] = b""
        first += 1
        if first == len(self._pieces):
            self._pieces.clear()
            first = 0
        elif first == IDLE:
            del self._pieces[:first]
            first = 0
        self._first = first
