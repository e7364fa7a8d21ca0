"""Pieces of a stream in any order, overlapping and repeated, against a model that knows each byte."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sim.stack.tcp.receive_buffer import MOST_JOINED, SHARED, ReceiveBuffer, memory_of

STREAM = bytes(n * 7 & 0xFF for n in range(120))
SPAN = st.tuples(st.integers(0, 119), st.integers(1, 40)).map(lambda span: (span[0], min(sum(span), 120)))


class Receiver:
    """A receive buffer as a connection uses it: beyond the gap `insert`, at the gap `ready` and `advance`."""

    def __init__(self, start: int = 0) -> None:
        self.start = start
        self.next = start
        self.buffer = ReceiveBuffer()
        self.have: set[int] = set()

    def receive(self, left: int, right: int, data: bytes | None = None) -> None:
        """Bytes `left` to `right` of the stream arrive."""
        piece = STREAM[left:right] if data is None else data
        seq = self.start + left
        if seq > self.next:
            self.buffer.insert(seq, piece)
        elif seq + len(piece) > self.next:
            self.buffer.append(piece[self.next - seq :])
            self.next = self.buffer.advance(seq + len(piece))
        self.have.update(range(seq, seq + len(piece)))

    def check(self) -> None:
        """The pieces are sorted, disjoint, not empty, beyond the gap; blocks and booking fit them."""
        pieces = self.buffer.pieces
        for piece in pieces:
            assert piece.seq < piece.end
            assert len(piece.data) == piece.end - piece.seq
            assert piece.data == STREAM[piece.seq - self.start : piece.end - self.start]
        edges = [edge for piece in pieces for edge in (piece.seq, piece.end)]
        assert edges == sorted(edges)
        assert not edges or edges[0] > self.next
        assert self.buffer.waiting == sum(memory_of(piece.end - piece.seq) for piece in pieces)
        assert self.buffer.held() >= self.buffer.ready.size + self.buffer.waiting
        reported = sorted(self.buffer.sacks)
        assert reported == islands(self.have, self.next)


def content(buffer: ReceiveBuffer) -> bytes:
    """What is ready."""
    return buffer.ready.peek(len(STREAM))


def islands(have: set[int], beyond: int) -> list[tuple[int, int]]:
    """The runs of numbers in `have` from `beyond` on."""
    found: list[tuple[int, int]] = []
    for number in sorted(number for number in have if number >= beyond):
        if found and found[-1][1] == number:
            found[-1] = (found[-1][0], number + 1)
        else:
            found.append((number, number + 1))
    return found


# -- the stream


@given(st.lists(SPAN, max_size=30), st.sampled_from([0, 1, 0xFFFFFFD0, 5 << 32]))
def test_any_order_gives_the_stream(spans: list[tuple[int, int]], start: int) -> None:
    receiver = Receiver(start)
    for left, right in spans:
        receiver.receive(left, right)
        receiver.check()
    assert content(receiver.buffer) == STREAM[: receiver.next - start]
    first_missing = next((n for n in range(120) if start + n not in receiver.have), 120)
    assert receiver.next == start + first_missing


@given(st.permutations([(n, n + 10) for n in range(0, 120, 10)]))
def test_a_permutation_is_complete(spans: list[tuple[int, int]]) -> None:
    receiver = Receiver()
    for left, right in spans:
        receiver.receive(left, right)
    assert content(receiver.buffer) == STREAM
    assert receiver.buffer.pieces == []
    assert receiver.buffer.sacks == []
    assert receiver.buffer.waiting == 0


@given(st.lists(st.tuples(SPAN, st.booleans()), max_size=30))
def test_the_first_to_come_counts(spans: list[tuple[tuple[int, int], bool]]) -> None:
    """Forged bytes for what is here already change nothing: the model writes each byte once."""
    buffer = ReceiveBuffer()
    model: dict[int, int] = {}
    for (left, right), forged in spans:
        seq, data = left + 1, b"\xee" * (right - left) if forged else STREAM[left:right]
        buffer.insert(seq, data)
        for at, byte in enumerate(data, seq):
            model.setdefault(at, byte)
    assert {at: byte for piece in buffer.pieces for at, byte in enumerate(piece.data, piece.seq)} == model


@given(st.lists(st.integers(0, 50), max_size=20))
def test_take_gives_no_more_than_there_is(sizes: list[int]) -> None:
    buffer = ReceiveBuffer()
    buffer.append(STREAM)
    taken = [buffer.take(size) for size in sizes]
    assert all(len(data) <= size for data, size in zip(taken, sizes, strict=True))
    assert b"".join(taken) + content(buffer) == STREAM


def test_a_segment_that_spans_several_pieces_swallows_them() -> None:
    receiver = Receiver()
    for left in (20, 40, 60):
        receiver.receive(left, left + 5)
    receiver.receive(10, 80)
    receiver.check()
    assert receiver.buffer.sacks == [(10, 80)]
    receiver.receive(0, 30)
    assert receiver.next == 80
    assert content(receiver.buffer) == STREAM[:80]


# -- SACK and D-SACK


def test_the_latest_block_comes_first() -> None:
    """RFC 2018 4: the first block holds the segment that triggered the ACK, the rest repeats the most recent."""
    receiver = Receiver()
    for left in (20, 60, 40):
        receiver.receive(left, left + 5)
    assert receiver.buffer.sacks == [(40, 45), (60, 65), (20, 25)]
    receiver.receive(62, 70)
    assert receiver.buffer.sacks == [(60, 70), (40, 45), (20, 25)]
    receiver.receive(25, 40)
    assert receiver.buffer.sacks == [(20, 45), (60, 70)]


@given(st.lists(SPAN, min_size=1, max_size=20))
@settings(max_examples=60)
def test_the_first_block_always_holds_what_came_last(spans: list[tuple[int, int]]) -> None:
    receiver = Receiver()
    for left, right in spans:
        before = receiver.next
        receiver.receive(left, right)
        if left > before:
            block = receiver.buffer.sacks[0]
            assert block[0] <= left
            assert right <= block[1]


def test_a_block_that_the_gap_reaches_is_reported_no_longer() -> None:
    receiver = Receiver()
    receiver.receive(20, 30)
    receiver.receive(40, 50)
    receiver.receive(0, 25)
    assert receiver.next == 30
    assert receiver.buffer.sacks == [(40, 50)]


def test_a_duplicate_out_of_order_is_reported_once() -> None:
    """RFC 2883 4: the D-SACK is the sub-range that came twice, within the block that follows it."""
    receiver = Receiver()
    receiver.receive(20, 30)
    assert receiver.buffer.duplicate is None
    receiver.receive(20, 30)
    assert receiver.buffer.duplicate == (20, 30)
    receiver.receive(50, 60)
    assert receiver.buffer.duplicate is None
    receiver.receive(25, 40)
    assert receiver.buffer.duplicate == (25, 30)
    assert receiver.buffer.sacks[0] == (20, 40)
    receiver.receive(15, 22)
    assert receiver.buffer.duplicate == (20, 22)
    receiver.receive(45, 70)
    assert receiver.buffer.duplicate == (50, 60)


# -- memory


def test_tiny_pieces_are_booked_with_their_overhead() -> None:
    """What fills the window is not the payload alone: a thousand single bytes are worth a thousand small objects."""
    buffer = ReceiveBuffer()
    for n in range(1000):
        buffer.insert(10 + 2 * n, b"x")
    assert buffer.waiting == 1000 * memory_of(1)
    assert len(buffer.pieces) == 1000


def test_the_memory_of_joined_segments_is_free_when_all_are_read() -> None:
    """Linux puts segments together: reading half of them frees nothing."""
    buffer = ReceiveBuffer()
    for _ in range(MOST_JOINED + 1):
        buffer.append(bytes(1000))
    joined = MOST_JOINED * memory_of(1000) - (MOST_JOINED - 1) * SHARED
    assert buffer.held() == joined + memory_of(1000)
    buffer.take(MOST_JOINED * 1000 - 1)
    assert buffer.held() == joined + memory_of(1000)
    buffer.take(1)
    assert buffer.held() == memory_of(1000)
    buffer.take(1000)
    assert buffer.held() == 0


def test_repeating_a_piece_takes_no_memory() -> None:
    buffer = ReceiveBuffer()
    for _ in range(100):
        buffer.insert(10, STREAM)
    assert len(buffer.pieces) == 1
    assert buffer.sacks == [(10, 130)]


def test_clear_forgets_all() -> None:
    receiver = Receiver()
    receiver.receive(0, 10)
    receiver.receive(20, 30)
    receiver.buffer.clear()
    assert receiver.buffer.held() == 0
    assert not receiver.buffer.pieces
    assert not receiver.buffer.sacks
