"""What has arrived: in order for the program, out of order for later (RFC 9293 3.10.7.4), and the SACK blocks of it."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from sim.stack.byte_queue import ByteQueue

FRAME_ROOM: Final = 118  # bytes: the headers of a frame, and what a driver leaves free before them
CACHE_LINE: Final = 64
BOOKKEEPING: Final = 576  # bytes: Linux's struct sk_buff, and struct skb_shared_info behind the frame
SHARED: Final = 256  # of that, what segments save that are put together
MOST_JOINED: Final = 18  # segments that are: one, and as many page fragments as it can refer to


def memory_of(length: int) -> int:
    """Bytes of memory that a segment with `length` bytes of data takes: what Linux calls truesize."""
    return (length + FRAME_ROOM + CACHE_LINE - 1) // CACHE_LINE * CACHE_LINE + BOOKKEEPING


class Chunk:
    """Segments in order that were put together. Their memory is free once all of their `length` bytes are read."""

    __slots__ = ("length", "memory", "segments")

    def __init__(self, length: i64, memory: i64) -> None:
        self.length: i64 = length
        self.memory: i64 = memory
        self.segments: int = 1


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
        self.ready = ByteQueue()
        self.pieces: list[Piece] = []
        self.sacks: list[tuple[int, int]] = []
        self.duplicate: tuple[int, int] | None = None
        self.waiting: i64 = 0  # bytes of memory that data out of order takes
        self._chunks: list[Chunk] = []
        self._booked: i64 = 0  # bytes of memory that the chunks take

    def held(self) -> int:
        """Bytes of memory that are taken."""
        return self._booked + self.waiting

    def append(self, data: bytes) -> None:
        """The next bytes of the stream, of one segment."""
        self.ready.append(data)
        self._book(len(data))

    def _book(self, length: i64) -> None:
        size: int = length
        memory: i64 = memory_of(size)
        last = self._chunks[-1] if self._chunks else None
        if last is not None and last.segments < MOST_JOINED:
            memory -= SHARED
            last.length += length
            last.memory += memory
            last.segments += 1
        else:
            self._chunks.append(Chunk(length, memory))
        self._booked += memory

    def take(self, size: int) -> bytes:
        """Up to `size` bytes that are ready; they leave the buffer."""
        data = self.ready.take(size)
        self._release(len(data))
        return data

    def skip_one(self) -> None:
        """The first byte that is ready leaves the buffer unread: it was urgent."""
        self.ready.take(1)
        self._release(1)

    def _release(self, length: i64) -> None:
        count = 0
        for chunk in self._chunks:
            if chunk.length > length:
                chunk.length -= length
                break
            length -= chunk.length
            self._booked -= chunk.memory
            count += 1
        if count:
            del self._chunks[:count]

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
            self.waiting += memory_of(int(stop - start))
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
            self.waiting -= memory_of(int(piece.end - piece.seq))
            if piece.end > next_expected:
                self.append(piece.data[next_expected - piece.seq :])
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
        self._chunks.clear()
        self._booked = 0
        self.forget_gaps()

    def forget_gaps(self) -> None:
        """Forget what came out of order, and what of it was to be reported."""
        self.pieces.clear()
        self.sacks.clear()
        self.duplicate = None
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
