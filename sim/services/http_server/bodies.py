"""The content of an answer: text, a file, or made-up bytes; any part of it can be had in pieces."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

PIECE: Final = 16_384
"""Bytes that are taken from a content at once."""
_LINE: Final = b"abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 012345678\n"


class Content(Protocol):
    """Bytes whose number is known before they are there. `tag` changes when they do (RFC 9110 8.8.3)."""

    @property
    def size(self) -> int: ...

    @property
    def tag(self) -> str: ...

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from `start` up to `stop`, little by little."""


@dataclass(frozen=True)
class Data:
    """Bytes that are there."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def tag(self) -> str:
        return hashlib.sha256(self.data).hexdigest()[:16]

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        for place in range(start, stop, PIECE):
            yield self.data[place : min(stop, place + PIECE)]


@dataclass(frozen=True)
class MadeUp:
    """So many bytes of text in lines of 64, made while they are sent."""

    size: int

    @property
    def tag(self) -> str:
        return f"made-up-{self.size}"

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        lines = _LINE * (PIECE // len(_LINE) + 2)
        for place in range(start, stop, PIECE):
            offset = place % len(_LINE)
            yield lines[offset : offset + min(PIECE, stop - place)]


@dataclass(frozen=True)
class FileContent:
    """A file as it was when its size was taken. One that has shrunk since raises EOFError."""

    path: str
    size: int

    @property
    def tag(self) -> str:
        digest = hashlib.sha256()
        for piece in self.pieces(0, self.size):
            digest.update(piece)
        return digest.hexdigest()[:16]

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        with open(self.path, "rb") as file:
            file.seek(start)
            while start < stop:
                piece = file.read(min(PIECE, stop - start))
                if not piece:
                    raise EOFError(f"{self.path} has become shorter")
                start += len(piece)
                yield piece
