from __future__ import annotations

import random
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.stack import reassembly
from sim.stack.core import Core
from sim.stack.fragments import fragment
from sim.stack.reassembly import Reassembly
from sim.testing import FakeOutside
from sim.tracing import kinds
from sim.tracing.journal import Journal
from sim.tracing.recorder import Recorder
from sim.units import SECOND
from sim.wire import icmpv4, ipv4
from sim.wire.addresses import parse_ip

if TYPE_CHECKING:
    from tests.stack.conftest import Bench

A, B = parse_ip("10.0.0.2"), parse_ip("10.0.0.1")


class Basket:
    """A reassembly alone, and the first fragments that were given up."""

    def __init__(self) -> None:
        self.recorder = Recorder()
        self.journal = Journal(self.recorder, self.recorder.add_node("h1", "host"))
        self.core = Core(FakeOutside(), self.journal)
        self.late: list[ipv4.Packet] = []
        self.reassembly = Reassembly(self.core, self.late.append)

    def put(self, *pieces: ipv4.Packet) -> list[ipv4.Packet]:
        """Take in the pieces in this order; what became whole."""
        return [whole for piece in pieces if (whole := self.reassembly.receive(piece)) is not None]

    def at(self, seconds: float) -> None:
        self.core.handle_timers(round(seconds * SECOND))

    @property
    def drops(self) -> dict[str, int]:
        return self.journal.drops

    def is_empty(self) -> bool:
        return not self.reassembly.partials and self.reassembly.memory == 0


@pytest.fixture
def basket() -> Basket:
    return Basket()


def datagram(size: int, identification: int = 1, source: bytes = A, protocol: int = 17) -> ipv4.Packet:
    return ipv4.Packet(source, B, protocol, random.Random(size).randbytes(size), identification=identification)


def piece(offset: int, size: int, *, more: bool = True, identification: int = 1, fill: int = 0) -> ipv4.Packet:
    return ipv4.Packet(
        A, B, 17, bytes([fill]) * size, identification=identification, fragment_offset=offset, more_fragments=more
    )


# -- what is put together


@pytest.mark.parametrize("order", ["in order", "reversed", "shuffled"])
def test_the_order_of_the_fragments_does_not_matter(basket: Basket, order: str) -> None:
    whole = datagram(4001)
    pieces = fragment(whole, 576)
    if order == "reversed":
        pieces.reverse()
    elif order == "shuffled":
        random.Random(1).shuffle(pieces)
    assert basket.put(*pieces) == [whole]
    assert basket.is_empty()
    assert basket.drops == {}


def test_the_header_of_the_whole_is_that_of_the_first_fragment(basket: Basket) -> None:
    pieces = fragment(datagram(100), 68)
    for number, one in enumerate(pieces):
        one.ttl = 60 - number
        one.tos = number * 4
    pieces[0].options = b"\x94\x04\0\0"
    (whole,) = basket.put(*reversed(pieces))
    assert (whole.ttl, whole.tos, whole.options, whole.is_fragment()) == (60, 0, b"\x94\x04\0\0", False)


def test_interleaved_datagrams_are_kept_apart(basket: Basket) -> None:
    wholes = [
        datagram(3000, 1),
        datagram(3001, 2),
        datagram(3002, 1, source=parse_ip("10.0.0.3")),
        datagram(3003, 1, protocol=99),
    ]
    cut = [fragment(whole, 576) for whole in wholes]
    assert basket.put(*(one for row in zip(*cut, strict=True) for one in row)) == wholes
    assert basket.is_empty()


def test_an_exact_duplicate_is_dropped_alone(basket: Basket) -> None:
    whole = datagram(2000)
    pieces = fragment(whole, 576)
    assert basket.put(pieces[0], pieces[0], pieces[2], pieces[2], *pieces[1:2], *pieces[3:]) == [whole]
    assert basket.drops == {"duplicate fragment": 2}


def test_the_identification_may_be_used_again(basket: Basket) -> None:
    for size in (2000, 3000):
        whole = datagram(size)
        assert basket.put(*fragment(whole, 576)) == [whole]


def test_the_longest_datagram_there_is(basket: Basket) -> None:
    whole = datagram(65535 - 20)
    assert basket.put(*fragment(whole, 1500)) == [whole]
    assert len(ipv4.emit(whole)) == 65535


def test_tiny_fragments_do_not_take_long(basket: Basket) -> None:
    pieces = [piece(offset, 8, more=offset != 8 * 8188) for offset in range(0, 8 * 8189, 8)]
    random.Random(3).shuffle(pieces)
    (whole,) = basket.put(*pieces)
    assert len(whole.payload) == 8 * 8189


@given(st.binary(min_size=1, max_size=400), st.data())
def test_any_split_in_any_order_with_duplicates_is_put_together(payload: bytes, data: st.DataObject) -> None:
    basket = Basket()
    units = (len(payload) + 7) // 8
    cuts = sorted(data.draw(st.sets(st.integers(1, max(units - 1, 1)), max_size=10)) - {units}) if units > 1 else []
    bounds = [0, *(cut * 8 for cut in cuts), len(payload)]
    pieces = [
        ipv4.Packet(
            A, B, 17, payload[start:end], fragment_offset=start, more_fragments=end < len(payload), identification=5
        )
        for start, end in pairwise(bounds)
    ]
    order = data.draw(st.permutations(pieces))
    duplicates = data.draw(st.lists(st.sampled_from(order[:-1]), max_size=3)) if len(order) > 1 else []
    wholes = basket.put(*order[:-1], *duplicates, order[-1])
    assert [whole.payload for whole in wholes] == [payload]
    assert basket.is_empty()


# -- what is dropped


@pytest.mark.parametrize(
    "second",
    [
        piece(8, 16, fill=1),
        piece(0, 24, fill=1),
        piece(8, 8, fill=1),
        piece(0, 32),
        piece(16, 16),
        piece(0, 24, more=False),
    ],
    ids=["tail", "same place, other bytes", "inside", "around", "end", "same place, longer"],
)
def test_an_overlap_spoils_the_whole_datagram(basket: Basket, second: ipv4.Packet) -> None:
    first = piece(0, 24)
    if second.payload == first.payload:
        first = piece(0, 16)
    assert basket.put(first, second) == []
    assert basket.drops == {"overlapping fragments": 1}
    assert basket.is_empty()


def test_a_fragment_between_two_others_may_touch_but_not_overlap_them(basket: Basket) -> None:
    assert basket.put(piece(0, 8), piece(24, 8, more=False), piece(8, 16)) != []
    assert basket.put(piece(0, 8), piece(24, 8, more=False), piece(8, 24)) == []
    assert basket.drops == {"overlapping fragments": 1}


@pytest.mark.parametrize(
    "pieces",
    [
        [piece(16, 8, more=False), piece(24, 8)],
        [piece(16, 8, more=False), piece(24, 8, more=False)],
        [piece(24, 8), piece(16, 8, more=False)],
        [piece(16, 8, more=False), piece(8, 16)],
    ],
    ids=["more behind the last", "two last ones", "last one before another", "more up to the end"],
)
def test_fragments_that_disagree_about_the_length_spoil_it(basket: Basket, pieces: list[ipv4.Packet]) -> None:
    assert basket.put(*pieces) == []
    assert basket.drops == {"overlapping fragments": 1}
    assert basket.is_empty()


@pytest.mark.parametrize(
    "bad",
    [piece(0, 12), piece(8, 0), piece(65512, 8, more=False), piece(65528, 100, more=False), piece(0, 0)],
    ids=["more to come after no multiple of eight", "empty", "one byte too far", "ping of death", "empty first"],
)
def test_a_malformed_fragment_is_dropped_and_opens_nothing(basket: Basket, bad: ipv4.Packet) -> None:
    assert basket.put(bad) == []
    assert basket.drops == {"malformed fragment": 1}
    assert basket.is_empty()


def test_a_whole_that_is_too_long_with_its_options_is_dropped(basket: Basket) -> None:
    pieces = fragment(datagram(65535 - 20), 1500)
    pieces[0].options = b"\x94\x04\0\0"
    assert basket.put(*pieces) == []
    assert basket.drops == {"malformed fragment": 1}
    assert basket.is_empty()


# -- what is given up


def test_after_thirty_seconds_it_is_given_up_and_the_first_fragment_reported(basket: Basket) -> None:
    pieces = fragment(datagram(2000), 576)
    basket.put(*pieces[:2])
    basket.at(29.9)
    assert basket.late == []
    basket.at(30)
    assert basket.late == [pieces[0]]
    assert basket.drops == {"reassembly timeout": 1}
    assert basket.is_empty()


def test_without_the_first_fragment_nothing_is_reported(basket: Basket) -> None:
    basket.put(*fragment(datagram(2000), 576)[1:])
    basket.at(30)
    assert basket.late == []
    assert basket.drops == {"reassembly timeout": 1}


def test_a_later_fragment_grants_no_more_time(basket: Basket) -> None:
    pieces = fragment(datagram(2000), 576)
    basket.put(pieces[0])
    basket.at(29)
    basket.put(pieces[1])
    basket.at(30)
    assert basket.is_empty()


def test_each_datagram_has_thirty_seconds_of_its_own_and_its_own_cause(basket: Basket) -> None:
    for second in range(3):
        basket.at(second)
        basket.core.cause = 50 + second
        basket.put(fragment(datagram(2000, second), 576)[0])
    basket.put(*fragment(datagram(2000, 1), 576)[1:])
    for second, late in ((29, 0), (30, 1), (31, 1), (32, 2)):
        basket.at(second)
        assert len(basket.late) == late
    subjects = zip(basket.recorder.note_subjects, basket.recorder.note_kinds, strict=True)
    assert [subject for subject, kind in subjects if kind == kinds.DROP] == [50, 52]


def test_the_number_of_datagrams_is_bounded_and_the_oldest_gives_way(basket: Basket) -> None:
    for number in range(reassembly.MAX_DATAGRAMS + 3):
        basket.core.cause = number
        basket.put(piece(0, 8, identification=number))
    assert len(basket.reassembly.partials) == reassembly.MAX_DATAGRAMS
    assert basket.drops == {"reassembly memory full": 3}
    subjects = zip(basket.recorder.note_subjects, basket.recorder.note_kinds, strict=True)
    assert [subject for subject, kind in subjects if kind == kinds.DROP] == [0, 1, 2]


def test_memory_is_bounded_however_small_the_fragments_are(basket: Basket) -> None:
    for number in range(5):
        for offset in range(8, 8 * 4000, 8):
            basket.put(piece(offset, 8, identification=number))
        assert basket.reassembly.memory <= reassembly.MAX_BYTES
    assert basket.drops == {"reassembly memory full": 2}  # three of them fit


def test_clear_forgets_everything(basket: Basket) -> None:
    for number in range(5):
        basket.put(piece(0, 8, identification=number))
    basket.reassembly.clear()
    assert basket.is_empty()
    basket.at(100)
    assert basket.late == []


# -- in a stack


def test_a_ping_in_fragments_is_answered_in_fragments(bench: Bench) -> None:
    bench.know("10.0.0.2")
    request = bench.echo("10.0.0.2", "10.0.0.1", bytes(3000))
    request.identification = 9
    answers = [frame for one in fragment(request, 1500) for frame in bench.hear_ip(one)]
    assert [packet.fragment_offset for packet in bench.parsed(answers)] == [0, 1480, 2960]
    assert bench.notes(kinds.REASSEMBLE) == [(3, 3008)]


def test_the_source_of_a_datagram_given_up_is_told(bench: Bench) -> None:
    bench.know("10.0.0.2")
    first, *_ = fragment(bench.udp("10.0.0.2", "10.0.0.1", data=bytes(3000)), 1500)
    assert bench.hear_ip(first) == []
    bench.at(30)
    (error,) = bench.errors(bench.outside.take())
    assert (error.kind, error.code) == (icmpv4.TIME_EXCEEDED, icmpv4.REASSEMBLY_TIME_EXCEEDED)
    assert error.payload == ipv4.emit(first)[: len(error.payload)]


def test_a_datagram_of_an_unknown_protocol_is_reported_once_it_is_whole(bench: Bench) -> None:
    bench.know("10.0.0.2")
    whole = datagram(2000, protocol=99)
    pieces = fragment(whole, 1500)
    for order in (pieces, pieces[::-1]):
        (error,) = bench.errors([frame for one in order for frame in bench.hear_ip(one)])
        assert (error.kind, error.code) == (3, 2)
        assert error.payload == ipv4.emit(whole)[: len(error.payload)]
