"""What has arrived: in order for the program, out of order for later (RFC 9293 3.10.7.4), and the SACK blocks of it."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

PIECE_OVERHEAD: Final = 256
"""Bytes that a piece out of order is booked with besides its data: many tiny ones must not take all memory."""


class Piece:
    """Data out of order, from `seq` to `end`."""

    __slots__ = ("data", "end", "seq")

    def __init__(self, seq: i64, end: i64, data: bytes) -> None:
        self.seq: i64 = seq
        self.end: i64 = end
        self.data = data


class ReceiveBuffer:
    """`ready` is what the program may read. `sacks` are the blocks beyond the next expected byte, the latest first
    (RFC 2018 4); `duplicate` is the block that a D-SACK is to report next, None when there is nothing to report
    (RFC 2883).
    """

    def __init__(self) -> None:
        self.ready = bytearray()
        self.pieces: list[Piece] = []
        self.sacks: list[tuple[int, int]] = []
        self.duplicate: tuple[int, int] | None = None
        self.waiting: i64 = 0  # bytes out of order, with their overhead

    def held(self) -> int:
        """Bytes that lie here, as the window counts them."""
        return len(self.ready) + self.waiting

    def take(self, size: int) -> bytes:
        """Up to `size` bytes that are ready; they leave the buffer."""
        data = bytes(self.ready[:size])
        del self.ready[:size]
        return data

    def insert(self, seq: i64, data: bytes) -> None:
        """Keep data beyond a gap. What is here already stays as it is: the first to come counts."""
        end: i64 = seq + len(data)
        start: i64 = seq
        index = self._index(start)
        duplicate: tuple[int, int] | None = None
        while start < end:
            piece = self.pieces[index] if index < len(self.pieces) else None
            if piece is not None and piece.seq <= start:
                stop: i64 = min(piece.end, end)
                duplicate = (start, stop) if duplicate is None else (duplicate[0], stop)
                start = stop
                index += 1
                continue
            stop = end if piece is None else min(piece.seq, end)
            self.pieces.insert(index, Piece(start, stop, data[start - seq : stop - seq]))
            self.waiting += stop - start + PIECE_OVERHEAD
            index += 1
            start = stop
        self.duplicate = duplicate
        self.report(seq, end)

    def advance(self, next_expected: i64) -> i64:
        """The gap before `next_expected` is filled: take over what follows it; return the byte expected then."""
        count = 0
        for piece in self.pieces:
            if piece.seq > next_expected:
                break
            count += 1
            self.waiting -= piece.end - piece.seq + PIECE_OVERHEAD
            if piece.end > next_expected:
                self.ready += piece.data[next_expected - piece.seq :]
                next_expected = piece.end
        if count:
            del self.pieces[:count]
        self.sacks = [block for block in self.sacks if block[1] > next_expected]
        return next_expected

    def note_duplicates(self, next_expected: i64) -> None:
        """What came in order up to `next_expected` was partly here already: the first such piece is to be reported,
        with what touches it (RFC 2883 4).
        """
        for piece in self.pieces:
            if piece.seq >= next_expected:
                return
            end: i64 = min(piece.end, next_expected)
            if self.duplicate is None:
                self.duplicate = (int(piece.seq), int(end))
            elif piece.seq <= self.duplicate[1] and self.duplicate[0] <= end:
                self.duplicate = (min(self.duplicate[0], int(piece.seq)), max(self.duplicate[1], int(end)))

    def clear(self) -> None:
        """Forget all."""
        self.ready.clear()
        self.pieces.clear()
        self.sacks.clear()
        self.waiting = 0

    def _index(self, seq: i64) -> int:
        """The number of the first piece that ends behind `seq`."""
        pieces = self.pieces
        low, high = 0, len(pieces)
        while low < high:
            middle = (low + high) >> 1
            if pieces[middle].end <= seq:
                low = middle + 1
            else:
                high = middle
        return low

    def report(self, left: i64, right: i64) -> None:
        """Put the block that holds the latest data in front, joined with what touches it."""
        others: list[tuple[int, int]] = []
        low: int = left
        high: int = right
        for block in self.sacks:
            if block[0] <= high and low <= block[1]:
                low = min(low, block[0])
                high = max(high, block[1])
            else:
                others.append(block)
        self.sacks = [(low, high), *others]
