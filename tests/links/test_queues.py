"""The channel and its queue: when frames leave, what is recorded, and that none is lost without a reason."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.engine.engine import Engine
from sim.engine.streams import Streams
from sim.links.channel import Channel, Properties
from sim.links.queues.codel import CoDel
from sim.links.queues.discipline import MARKED, Discipline, Queue, Waiting
from sim.links.queues.fq_codel import FqCoDel
from sim.links.queues.named import DISCIPLINES, discipline_of
from sim.links.queues.red import Red
from sim.links.queues.token_bucket import TokenBucket
from sim.links.rules import PASS, Deliver, Drop, Verdict
from sim.testing import linked
from sim.tracing import kinds
from sim.tracing.digest import digest
from sim.tracing.recorder import NOT_SENT, Recorder

if TYPE_CHECKING:
    from tests.links.conftest import Bench

MS = 1_000_000
EAGER: dict[str, Discipline] = {
    "red": Red(min=1, max=3, probability=0.5, weight=0.5, ecn=True),
    "codel": CoDel(target=1000, interval=100_000, ecn=True),
    "fq_codel": FqCoDel(target=1000, interval=100_000, quantum=300, flows=4),
    "token_bucket": TokenBucket(rate=500_000, burst=1500),
}
"""Disciplines that drop, mark or hold back with few frames."""


class DropTail(Discipline):
    """The built-in discipline, by the way that the others go."""

    def queue(self, streams: Streams, name: str) -> Queue:
        return Queue()


SENDS = st.lists(
    st.tuples(
        st.integers(0, 3 * MS) | st.sampled_from([0, MS, 500_000]),
        st.integers(60, 1500) | st.sampled_from([125, 250]),
        st.integers(1, 5),
    ),
    min_size=1,
    max_size=40,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(sends=SENDS, frames=st.integers(0, 5), bandwidth=st.sampled_from([0, 10**6, 1_234_567]))
def test_drop_tail_is_the_same_either_way(
    bench: Callable[..., Bench], sends: list[tuple[int, int, int]], frames: int, bandwidth: int
) -> None:
    def run(discipline: Discipline | None) -> tuple[object, ...]:
        network = bench(discipline, bandwidth=bandwidth, delay=777, queue_frames=frames)
        now = 0
        for gap, size, count in sends:
            now += gap
            for _ in range(count):
                network.engine.at(now, partial(network.a.port.send, bytes([size % 251]) * size))
        network.engine.run()
        rows = zip(network.recorder.starts, network.recorder.arrivals, network.recorder.frames, strict=True)
        return network.b.frames, network.channel.drops, sorted(rows)

    assert run(None) == run(DropTail())


@pytest.mark.parametrize("discipline", [None, DropTail(), CoDel()])
def test_at_the_instant_at_which_the_transmitter_is_free_the_queue_goes_first(
    bench: Callable[..., Bench], discipline: Discipline | None
) -> None:
    network = bench(discipline, bandwidth=1_000_000, queue_frames=1)
    for number, time in enumerate((0, 0, MS, 2 * MS, 2 * MS)):
        network.engine.at(time, partial(network.a.port.send, bytes([number]) * 125))
    network.engine.run()
    assert [(time // MS, frame[0]) for time, frame in network.b.frames] == [(1, 0), (2, 1), (3, 2), (4, 3)]
    assert network.channel.drops == {"queue full": 1}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@pytest.mark.parametrize("name", EAGER)
@given(data=st.data(), sends=SENDS)
def test_every_frame_arrives_or_is_dropped_with_a_reason_or_waits(
    bench: Callable[..., Bench],
    udp: Callable[..., bytes],
    name: str,
    data: st.DataObject,
    sends: list[tuple[int, int, int]],
) -> None:
    limit = data.draw(st.sampled_from([{}, {"queue_frames": 3}, {"queue_bytes": 4000}]))
    network = bench(EAGER[name], bandwidth=1_000_000, delay=5000, **limit)
    channel, engine = network.channel, network.engine
    now, made, sent = 0, 0, []

    def send(frame: bytes) -> None:
        sent.append(frame)
        network.a.port.send(frame)

    for gap, size, count in sends:
        now += gap
        for _ in range(count):
            engine.at(now, partial(send, udp(size, port=made % 3, ecn=made % 4, number=made)))
            made += 1
    changes: dict[str, Callable[[], None]] = {
        "nothing": lambda: None,
        "cut": lambda: channel.set_up(False),
        "drop-tail": lambda: channel.set_queue(None),
        "other": lambda: channel.set_queue(FqCoDel().queue(Streams(1), "other")),
    }
    engine.at(data.draw(st.integers(0, now)), changes[data.draw(st.sampled_from(sorted(changes)))])
    for stop in (now // 2, now, None):
        engine.run(stop)
        recorder = network.recorder
        on_the_way = sum(1 for event in engine.queue if event[3])
        lost = sum((channel.drops or {}).values())
        waiting = 0 if channel.queue is None else channel.queue.frames
        assert len(recorder.ids) == len(network.b.frames) + lost + on_the_way
        assert len(sent) == len(recorder.ids) + waiting
        assert list(recorder.ids) == sorted(set(recorder.ids))
        assert len(recorder.lost) == lost
        assert "" not in recorder.lost.values()
    assert (channel.queued(), channel.backlog(), on_the_way) == (0, 0, 0)
    numbers = [int.from_bytes(frame[-4:], "big") for frame in network.recorder.frames]
    assert sorted(numbers) == list(range(made))


def test_what_is_recorded(bench: Callable[..., Bench], udp: Callable[..., bytes]) -> None:
    """Rows in the order of ids; the start is when the first bit left, the cause what made the device send it."""
    network = bench(CoDel(target=MS, interval=20 * MS, ecn=True), bandwidth=1_000_000, delay=50, queue_frames=10)
    for number in range(12):
        network.engine.cause = 100 + number
        network.a.port.send(udp(1000, ecn=0 if number == 4 else 2, number=number))
    network.engine.run()
    recorder = network.recorder
    assert list(recorder.ids) == sorted(set(recorder.ids))
    rows = {int.from_bytes(frame[-4:], "big"): row for row, frame in enumerate(recorder.frames)}
    assert [recorder.causes[rows[number]] for number in range(12)] == list(range(100, 112))
    full = rows[11]
    assert (recorder.starts[full], recorder.arrivals[full]) == (0, NOT_SENT)
    assert recorder.lost[recorder.ids[full]] == "queue full"
    dropped = rows[4]  # its turn comes at 32 ms; since 8 ms, for longer than the interval, the delay is too long
    assert (recorder.starts[dropped], recorder.arrivals[dropped]) == (32 * MS, NOT_SENT)
    assert recorder.lost[recorder.ids[dropped]] == "CoDel drop"
    assert recorder.starts[rows[5]] == 32 * MS
    marked = [row for row in range(len(recorder.ids)) if recorder.frames[row][15] == 3]
    notes = [
        subject
        for subject, kind, detail in zip(
            recorder.note_subjects, recorder.note_kinds, recorder.note_details, strict=True
        )
        if kind == kinds.ALTERED and detail == MARKED
    ]
    assert notes == [recorder.ids[row] for row in marked] != []
    assert [frame for _, frame in network.b.frames if frame[15] == 3] == [recorder.frames[row] for row in marked]
    assert recorder.altered == {}
    sent = [row for row in range(len(recorder.ids)) if recorder.arrivals[row] != NOT_SENT]
    assert [recorder.starts[row] for row in sent] == [8 * MS * place for place in range(len(sent))]
    assert all(recorder.arrivals[row] == recorder.starts[row] + 8 * MS + 50 for row in sent)


def test_a_drop_at_the_head_is_recorded_like_one_at_the_tail(bench: Callable[..., Bench]) -> None:
    network = bench(CoDel(target=MS, interval=10 * MS), bandwidth=1_000_000)
    for number in range(6):
        network.engine.cause = 7
        network.a.port.send(bytes([number]) * 1000)
    network.engine.run()
    recorder = network.recorder
    (lost,) = recorder.lost
    row = recorder.row(lost)
    assert (recorder.starts[row], recorder.arrivals[row], recorder.causes[row]) == (24 * MS, NOT_SENT, 7)
    assert recorder.frames[row][0] == 3
    assert [frame[0] for _, frame in network.b.frames] == [0, 1, 2, 4, 5]
    assert network.channel.drops == {"CoDel drop": 1}
    assert network.channel.frames == 5


def test_a_cut_link_empties_the_queue(bench: Callable[..., Bench]) -> None:
    network = bench(CoDel(), bandwidth=1_000_000, delay=MS)
    for number in range(4):
        network.engine.cause = 50 + number
        network.a.port.send(bytes([number]) * 1000)
    network.engine.at(10 * MS, lambda: network.channel.set_up(False))
    network.engine.at(12 * MS, lambda: network.a.port.send(bytes(1000)))
    network.engine.at(20 * MS, lambda: network.channel.set_up(True))
    network.engine.at(20 * MS, lambda: network.a.port.send(bytes(1000)))
    network.engine.run()
    assert [time for time, _ in network.b.frames] == [9 * MS, 29 * MS]
    assert network.channel.drops == {"link down": 4}
    recorder = network.recorder
    assert list(recorder.ids) == sorted(recorder.ids)
    rows = [recorder.row(number) for number in recorder.lost]
    assert [(recorder.starts[row] // MS, recorder.arrivals[row]) for row in rows] == [
        (8, 17 * MS),
        (10, NOT_SENT),
        (10, NOT_SENT),
        (12, NOT_SENT),
    ]
    assert [recorder.causes[row] for row in rows[:3]] == [51, 52, 53]
    assert (network.channel.queued(), network.channel.backlog()) == (0, 0)


def test_rules_judge_what_leaves_the_queue(bench: Callable[..., Bench], udp: Callable[..., bytes]) -> None:
    network = bench(CoDel(target=1, interval=MS, ecn=True), bandwidth=1_000_000)
    times: list[int] = []

    def judge(frame: bytes, time: int) -> Verdict:
        times.append(time)
        if frame[-1] == 2:
            return Drop("the second")
        return Deliver(copies=2) if frame[-1] == 3 else PASS

    network.channel.rules = (judge,)
    for number in range(1, 6):
        network.engine.cause = number
        network.a.port.send(udp(1000, ecn=1, number=number))
    network.engine.run()
    assert times == [8 * MS * place for place in range(1, 6)]
    assert [frame[-1] for _, frame in network.b.frames] == [1, 3, 3, 4, 5]
    assert [network.recorder.causes[row] for row in range(6)] == [1, 2, 3, 3, 4, 5]
    assert network.channel.drops == {"the second": 1}
    notes = list(zip(network.recorder.note_kinds, network.recorder.note_details, strict=True))
    assert notes.count((kinds.ALTERED, MARKED)) == 2  # the copies of the third


def test_mtu_and_empty_frames_are_seen_as_ever(bench: Callable[..., Bench]) -> None:
    network = bench(CoDel(), bandwidth=1_000_000, mtu=1000)
    network.a.port.send(bytes(1022))
    network.a.port.send(bytes(1023))
    assert network.channel.drops == {"exceeds link MTU": 1}
    network.a.port.send(b"")
    with pytest.raises(ValueError, match="empty frame"):
        network.engine.run()


def test_length_and_backlog(bench: Callable[..., Bench]) -> None:
    for discipline in (None, CoDel(), FqCoDel(), Red(), DropTail()):
        for limit in ({}, {"queue_frames": 10}, {"queue_bytes": 10_000}):
            network = bench(discipline, bandwidth=1_000_000, **limit)
            for _ in range(4):
                network.a.port.send(bytes(1000))
            assert (network.channel.queued(), network.channel.backlog()) == (3, 4000)
            network.engine.run(12 * MS)
            assert (network.channel.queued(), network.channel.backlog()) == (2, 2500)
            network.engine.run()
            assert (network.channel.queued(), network.channel.backlog()) == (0, 0)


@pytest.mark.parametrize("discipline", [None, DropTail(), CoDel(), FqCoDel()])
def test_who_observes_a_queue(bench: Callable[..., Bench], discipline: Discipline | None) -> None:
    """The same is told of every discipline; drop-tail is asked at the end for what it has not told yet."""
    network = bench(discipline, bandwidth=1_000_000, queue_frames=2)
    told: list[tuple[int, int]] = []
    network.channel.on_queue = lambda time, frames: told.append((time // MS, frames))
    for start in (0, 0, 0, 0, 10, 100, 200, 200):
        network.engine.at(start * MS, lambda: network.a.port.send(bytes(1000)))
    network.engine.at(203 * MS, lambda: network.channel.set_up(False))
    network.engine.run()
    assert network.channel.queued() == 0
    assert told == [(0, 1), (0, 2), (8, 1), (10, 2), (16, 1), (24, 0), (200, 1), (203, 0)]


def test_observing_changes_nothing(bench: Callable[..., Bench]) -> None:
    digests = set()
    for observed in (False, True):
        network = bench(None, bandwidth=1_000_000, queue_frames=5)
        if observed:
            network.channel.on_queue = lambda time, frames: None
        network.flow(1, 1000, 5 * MS, until=200 * MS)
        network.engine.run()
        digests.add(digest(network.recorder))
    assert len(digests) == 1


@pytest.mark.parametrize("name", EAGER)
def test_the_same_seed_makes_the_same_run(bench: Callable[..., Bench], name: str) -> None:
    def run() -> str:
        network = bench(EAGER[name], 5, bandwidth=1_000_000, queue_frames=20)
        for port in range(4):
            network.flow(port, 300 + 100 * port, 3 * MS, until=200 * MS, ecn=port)
        network.engine.run()
        return digest(network.recorder)

    assert run() == run()


def test_a_new_queue_takes_over_what_waits(bench: Callable[..., Bench]) -> None:
    network = bench(CoDel(), bandwidth=1_000_000)
    for number in range(5):
        network.a.port.send(bytes([number]) * 1000)
    network.engine.at(9 * MS, lambda: network.channel.set_queue(FqCoDel().queue(Streams(1), "x")))
    network.engine.at(17 * MS, lambda: network.channel.set_queue(None))
    network.engine.at(18 * MS, lambda: network.a.port.send(bytes([9]) * 1000))
    network.engine.run()
    assert [(time // MS, frame[0]) for time, frame in network.b.frames] == [
        (8, 0),
        (16, 1),
        (24, 2),
        (32, 3),
        (40, 4),
        (48, 9),
    ]


def test_a_queue_put_in_waits_for_what_drop_tail_has_sent(bench: Callable[..., Bench]) -> None:
    network = bench(None, bandwidth=1_000_000)
    network.a.port.send(bytes(1000))
    network.a.port.send(bytes(1000))
    network.channel.set_queue(CoDel().queue(Streams(1), "x"))
    network.a.port.send(bytes(1000))
    assert network.channel.queued() == 2
    network.engine.run()
    assert [time // MS for time, _ in network.b.frames] == [8, 16, 24]


def test_new_limits_and_a_new_bandwidth_reach_the_queue() -> None:
    engine, recorder = Engine(), Recorder()
    a, b, link = linked(engine, recorder, Properties(bandwidth=1_000_000))
    channel: Channel = link.channels[0]
    channel.set_queue(Queue())
    for _ in range(3):
        a.port.send(bytes(1000))
    link.configure(Properties(bandwidth=2_000_000, queue_frames=2))
    a.port.send(bytes(1000))
    engine.run()
    assert [time // MS for time, _ in b.frames] == [8, 12, 16]
    assert channel.drops == {"queue full": 1}


def test_a_discipline_of_ones_own(bench: Callable[..., Bench]) -> None:
    class DropHead(Queue):
        def enqueue(self, waiting: Waiting, now: int) -> None:
            while self.frames and not self.has_room(waiting.size):
                self.drop(self.pop(), "pushed out by a newer frame")
            self.push(waiting)

    network = bench(None, bandwidth=1_000_000, queue_frames=2)
    network.channel.set_queue(DropHead())
    for number in range(5):
        network.a.port.send(bytes([number]) * 1000)
    network.engine.run()
    assert [frame[0] for _, frame in network.b.frames] == [0, 3, 4]
    assert network.channel.drops == {"pushed out by a newer frame": 2}


def test_a_queue_that_gives_nothing_is_heard(bench: Callable[..., Bench]) -> None:
    class Miser(Queue):
        def dequeue(self, now: int) -> Waiting | None:
            return None

    network = bench(None)
    network.channel.set_queue(Miser())
    with pytest.raises(ValueError, match="does not say when"):
        network.a.port.send(bytes(100))


def test_names() -> None:
    assert discipline_of("codel") == CoDel()
    assert discipline_of("drop_tail") is discipline_of(None) is None
    assert discipline_of(EAGER["red"]) is EAGER["red"]
    assert set(DISCIPLINES) == {"drop_tail", "red", "codel", "fq_codel"}
    for name in ("coddle", "token_bucket"):
        with pytest.raises(ValueError, match=r"no queue discipline|no usual numbers"):
            discipline_of(name)
