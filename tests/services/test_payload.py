from __future__ import annotations

from sim.services.payload import CHUNK, HEAD, LINE, Incoming, Outgoing, pattern


def drain(outgoing: Outgoing, take: int) -> bytes:
    """All that there is now, in bites of at most `take` bytes."""
    found = b""
    while chunk := outgoing.chunk():
        outgoing.taken(chunk, min(take, len(chunk)))
        found += chunk[:take]
    return found


def test_each_line_of_the_pattern_tells_where_it_stands() -> None:
    lines = pattern().decode().splitlines(keepends=True)
    assert all(len(line) == LINE and line.isascii() for line in lines)
    assert [int(line[:7]) for line in lines] == list(range(0, len(pattern()), LINE))


def test_so_many_bytes_of_the_pattern_however_they_are_taken() -> None:
    size = len(pattern()) + 1000
    outgoing = Outgoing(size)
    assert drain(outgoing, 40_001) == pattern() + pattern()[:1000]
    assert outgoing.done
    assert outgoing.sent == size


def test_without_an_end_until_it_is_stopped() -> None:
    outgoing = Outgoing(None)
    for _ in range(100):
        chunk = outgoing.chunk()
        assert 0 < len(chunk) <= CHUNK
        outgoing.taken(chunk, len(chunk))
    assert not outgoing.done
    outgoing.stop()
    assert outgoing.done
    assert outgoing.chunk() == b""


def test_what_is_fed() -> None:
    outgoing = Outgoing.later()
    assert not outgoing.done
    outgoing.feed(b"abc")
    outgoing.feed(b"def")
    assert outgoing.waiting == 6
    assert drain(outgoing, 4) == b"abcdef"
    assert not outgoing.done
    outgoing.feed(b"x")
    outgoing.stop()
    assert not outgoing.done
    assert drain(outgoing, 4) == b"x"
    assert outgoing.done
    assert Outgoing.of(b"").done


def test_what_came_is_compared_by_length_and_hash() -> None:
    outgoing = Outgoing(5000)
    sent = drain(outgoing, 999)
    same, cut, other = Incoming(), Incoming(), Incoming()
    same.take(sent[:1234], 10)
    same.take(sent[1234:], 20)
    cut.take(sent[:-1], 10)
    other.take(sent[:-1] + b"?", 10)
    assert [one.equals(outgoing) for one in (same, cut, other)] == [True, False, False]
    assert (same.received, same.last_at, same.head, same.ended) == (5000, 20, sent[:HEAD], False)
    same.take(b"", 30)
    assert (same.received, same.last_at, same.ended) == (5000, 20, True)
