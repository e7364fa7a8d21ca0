"""The retransmission queue against a list: order by sequence number, and the list by time of sending."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sim.stack.tcp.sent import COMPACT_AT, Sent, SentQueue
from sim.wire.tcp import ACK, FIN, PSH

SIZE = 10


def entry(seq: int, size: int = SIZE, at: int = 0, flags: int = ACK) -> Sent:
    payload = bytes((seq + n) & 0xFF for n in range(size))
    return Sent(seq, seq + size + (1 if flags & FIN else 0), flags, payload, at)


def filled(count: int) -> SentQueue:
    queue = SentQueue()
    for n in range(count):
        queue.append(entry(n * SIZE, at=n))
    return queue


def in_order(queue: SentQueue) -> list[int]:
    """The first sequence numbers, along the queue."""
    found = [queue.at(n) for n in range(queue.size())]
    return [one.seq for one in found if one is not None]


def by_time(queue: SentQueue) -> list[int]:
    """The first sequence numbers along the list by time, having walked it both ways."""
    ahead: list[int] = []
    one = queue.oldest
    while one is not None:
        assert one.linked
        ahead.append(one.seq)
        one = one.newer
    back: list[int] = []
    one = queue.newest
    while one is not None:
        back.append(one.seq)
        one = one.older
    assert back == ahead[::-1]
    return ahead


def test_an_empty_queue() -> None:
    queue = SentQueue()
    assert queue.size() == len(queue) == 0
    assert queue.first() is queue.last() is queue.at(0) is queue.oldest is queue.newest is None
    assert queue.index_of(5) == 0
    queue.clear()


def test_segments_come_in_the_order_they_were_sent() -> None:
    queue = filled(5)
    assert in_order(queue) == by_time(queue) == [0, 10, 20, 30, 40]
    first, last = queue.first(), queue.last()
    assert first is not None
    assert last is not None
    assert (first.seq, last.seq) == (0, 40)
    assert queue.at(5) is None


def test_index_of_finds_the_segment_that_holds_a_byte() -> None:
    queue = filled(5)
    queue.pop_first()
    assert [queue.index_of(seq) for seq in (0, 10, 19, 20, 45, 49, 50, 99)] == [0, 0, 0, 1, 3, 3, 4, 4]


def test_one_that_is_sent_again_is_the_newest() -> None:
    queue = filled(4)
    again = queue.at(1)
    assert again is not None
    queue.link(again)
    assert by_time(queue) == [0, 20, 30, 10]
    assert in_order(queue) == [0, 10, 20, 30]
    queue.link(again)
    assert by_time(queue) == [0, 20, 30, 10]


def test_one_that_is_not_waited_for_leaves_the_list_by_time_only() -> None:
    queue = filled(3)
    for n in (1, 1, 0, 2):
        one = queue.at(n)
        assert one is not None
        queue.unlink(one)
    assert by_time(queue) == []
    assert in_order(queue) == [0, 10, 20]


def test_acknowledged_segments_leave_both() -> None:
    queue = filled(3)
    queue.pop_first()
    assert in_order(queue) == by_time(queue) == [10, 20]
    queue.clear()
    assert queue.size() == 0
    assert queue.oldest is None
    queue.append(entry(70))
    assert in_order(queue) == by_time(queue) == [70]


def test_many_acknowledged_segments_leave_no_litter() -> None:
    queue = filled(10 * COMPACT_AT)
    for n in range(10 * COMPACT_AT - 1):
        first = queue.first()
        assert first is not None
        assert first.seq == n * SIZE
        queue.pop_first()
    assert in_order(queue) == [(10 * COMPACT_AT - 1) * SIZE]
    assert queue.index_of((10 * COMPACT_AT - 1) * SIZE) == 0


def test_split_shares_payload_numbers_and_flags() -> None:
    """PSH and FIN belong to the end, and the second part has it."""
    queue = SentQueue()
    queue.append(entry(0))
    whole = entry(10, 30, at=7, flags=ACK | PSH | FIN)
    whole.lost = whole.repeated = True
    whole.delivered, whole.delivered_at, whole.first_sent_at = 3, 4, 5
    queue.append(whole)
    queue.append(entry(41))
    payload = whole.payload
    rest = queue.split(1, 12)
    assert (whole.seq, whole.end, rest.seq, rest.end) == (10, 22, 22, 41)
    assert whole.payload + rest.payload == payload
    assert (whole.flags, rest.flags) == (ACK, ACK | PSH | FIN)
    assert (rest.lost, rest.sacked, rest.repeated, rest.sent_at) == (True, False, True, 7)
    assert (rest.delivered, rest.delivered_at, rest.first_sent_at) == (3, 4, 5)
    assert in_order(queue) == [0, 10, 22, 41]


def test_both_parts_of_a_split_segment_are_waited_for() -> None:
    """RACK walks the list by time: what is neither lost nor reported and not in it, it never finds lost."""
    queue = filled(3)
    rest = queue.split(1, 4)
    assert rest.linked
    assert by_time(queue) == [0, 10, 14, 20]


def test_a_lost_segment_is_not_waited_for_when_it_is_split() -> None:
    queue = filled(2)
    one = queue.at(0)
    assert one is not None
    one.lost = True
    queue.unlink(one)
    assert not queue.split(0, 4).linked
    assert by_time(queue) == [10]


def test_join_takes_out_the_follower() -> None:
    queue = filled(3)
    taken = queue.join(0)
    assert taken.seq == 10
    assert in_order(queue) == by_time(queue) == [0, 20]


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["append", "pop", "link", "unlink", "split", "join"]), st.integers(0, 99)), max_size=80
)


@given(OPERATIONS)
def test_any_operations_keep_both_orders(operations: list[tuple[str, int]]) -> None:
    queue = SentQueue()
    model: list[tuple[int, int]] = []
    times: list[int] = []
    end = 0
    for name, number in operations:
        index = number % len(model) if model else 0
        if name == "append":
            queue.append(entry(end, 1 + number))
            model.append((end, end + 1 + number))
            times.append(end)
            end += 1 + number
        elif not model:
            continue
        elif name == "pop":
            queue.pop_first()
            seq, _ = model.pop(0)
            times = [time for time in times if time != seq]
        elif name in ("link", "unlink"):
            one = queue.at(index)
            assert one is not None
            times = [time for time in times if time != one.seq]
            if name == "link":
                queue.link(one)
                times.append(one.seq)
            else:
                queue.unlink(one)
        elif name == "split" and model[index][1] - model[index][0] > 1:
            left, right = model[index]
            rest = queue.split(index, (right - left) // 2)
            middle = left + (right - left) // 2
            model[index : index + 1] = [(left, middle), (middle, right)]
            if rest.linked:
                times.insert(times.index(left) + 1, middle)
        elif name == "join" and index + 1 < len(model):
            joined = queue.join(index)
            one = queue.at(index)
            assert one is not None
            one.end, one.payload = joined.end, one.payload + joined.payload
            times = [time for time in times if time != joined.seq]
            model[index : index + 2] = [(model[index][0], joined.end)]
        assert queue.size() == len(queue) == len(model)
        assert in_order(queue) == [left for left, _ in model]
        assert by_time(queue) == times
    for seq in range(0, end, 7):
        assert queue.index_of(seq) == len([1 for _, right in model if right <= seq])
