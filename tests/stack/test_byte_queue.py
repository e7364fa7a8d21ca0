"""A queue of bytes against a `bytearray`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.stack.byte_queue import IDLE, SMALL, ByteQueue

SIZE = st.one_of(st.integers(0, 5), st.integers(SMALL - 2, SMALL + 2), st.integers(0, 4 * SMALL))


@given(st.lists(st.tuples(st.sampled_from(["append", "take", "peek", "at", "clear"]), SIZE), max_size=60))
def test_it_is_what_a_bytearray_is(steps: list[tuple[str, int]]) -> None:
    queue, model, written = ByteQueue(), bytearray(), 0
    for what, size in steps:
        if what == "append":
            data = bytes((written + n) % 251 for n in range(size))
            written += size
            queue.append(data)
            model += data
        elif what == "take":
            assert queue.take(size) == model[:size]
            del model[:size]
        elif what == "peek":
            assert queue.peek(size) == model[:size]
        elif what == "clear":
            queue.clear()
            model.clear()
        elif size < len(model):
            assert queue.byte_at(size) == model[size]
        else:
            with pytest.raises(IndexError):
                queue.byte_at(size)
        assert queue.size == len(model)
    assert queue.take(queue.size) == model


def test_a_piece_that_is_taken_as_it_came_is_not_copied() -> None:
    queue = ByteQueue()
    pieces = [bytes([n]) * 1448 for n in range(2 * IDLE)]
    for piece in pieces:
        queue.append(piece)
    assert all(queue.take(1448) is piece for piece in pieces)


def test_single_bytes_are_put_together() -> None:
    queue = ByteQueue()
    for n in range(10 * SMALL):
        queue.append(bytes([n % 251]))
    assert len(queue._pieces) <= 10
    assert queue.take(20 * SMALL) == bytes(n % 251 for n in range(10 * SMALL))
