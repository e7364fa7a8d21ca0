"""Random and mutated frames into `decode`: whatever the bytes, there are layers and a line, and no exception."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from sim.wire import decode
from sim.wire.checksum import internet_checksum
from sim.wire.layer import Malformed

FRAMES = 200_000
ROUND = 20_000


def flip(frame: bytearray, stream: random.Random) -> None:
    for _ in range(stream.randrange(1, 4)):
        frame[stream.randrange(len(frame))] ^= 1 << stream.randrange(8)


def overwrite(frame: bytearray, stream: random.Random) -> None:
    frame[stream.randrange(min(len(frame), 60))] = stream.choice((0x00, 0x01, 0x45, 0x4F, 0x7F, 0x80, 0xFF))


def cut(frame: bytearray, stream: random.Random) -> None:
    del frame[stream.randrange(len(frame)) :]


def insert(frame: bytearray, stream: random.Random) -> None:
    at = stream.randrange(len(frame))
    frame[at:at] = stream.randbytes(stream.randrange(1, 9))


def tag(frame: bytearray, stream: random.Random) -> None:
    frame[12:12] = stream.choice((b"\x81\x00", b"\x88\xa8")) + stream.randbytes(2)


MUTATORS = (flip, flip, overwrite, overwrite, cut, insert, tag)


def mend(frame: bytearray) -> None:
    """Make lengths and header checksum right again, so that what lies behind the IPv4 header is reached."""
    header_length = (frame[14] & 0x0F) * 4
    if len(frame) < 14 + header_length or header_length < 20:
        return
    frame[16:18] = (len(frame) - 14).to_bytes(2, "big")
    frame[24:26] = b"\0\0"
    frame[24:26] = internet_checksum(bytes(frame[14 : 14 + header_length])).to_bytes(2, "big")
    start = 14 + header_length
    if frame[23] == 1 and len(frame) >= start + 4:
        frame[start + 2 : start + 4] = b"\0\0"
        frame[start + 2 : start + 4] = internet_checksum(bytes(frame[start:])).to_bytes(2, "big")
    elif frame[23] == 17 and len(frame) >= start + 8:
        frame[start + 6 : start + 8] = b"\0\0"


def mutated(golden: list[bytes], stream: random.Random) -> bytes:
    frame = bytearray(stream.choice(golden))
    for _ in range(stream.randrange(1, 4)):
        if frame:
            stream.choice(MUTATORS)(frame, stream)
    if len(frame) > 34 and frame[12:14] == b"\x08\x00" and stream.random() < 0.5:
        mend(frame)
    return bytes(frame)


def check(frame: bytes, seen: Counter[str]) -> None:
    layers = decode.decode(frame)
    line = decode.summary(frame)
    assert layers
    assert line
    assert line.isprintable()
    last = decode.innermost(layers)
    seen[f"malformed {last.protocol}" if isinstance(last, Malformed) else last.title()] += 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(FRAMES // ROUND))
def test_random_and_mutated_frames(all_golden: dict[str, bytes], seed: int) -> None:
    stream = random.Random(seed)
    golden = list(all_golden.values())
    seen: Counter[str] = Counter()
    for number in range(ROUND):
        if number % 5 == 0:
            check(stream.randbytes(stream.randrange(120)), seen)
        else:
            check(mutated(golden, stream), seen)
    assert seen.total() == ROUND
    # Each layer, whole and broken, was reached often: the fuzz does not stop at the first checksum.
    for name in ("Ethernet", "802.1Q", "ARP", "IPv4", "ICMP", "UDP", "DHCP"):
        assert seen[name] > 100, seen
    for name in ("Ethernet", "ARP", "IPv4", "ICMP", "UDP", "TCP", "DHCP"):
        assert seen[f"malformed {name}"] > 100, seen


def test_each_layer_shows_itself_whatever_the_bytes(all_golden: dict[str, bytes]) -> None:
    """`fields`, `repr` and `hash` of what decode gives never raise either."""
    stream = random.Random(7)
    golden = list(all_golden.values())
    for _ in range(2000):
        for layer in decode.decode(mutated(golden, stream)):
            assert repr(layer)
            assert layer.summary()
            assert layer == layer  # noqa: PLR0124 - the fields of one layer equal themselves
            assert isinstance(hash(layer), int)
