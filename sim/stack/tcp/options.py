"""The options of a segment (RFC 9293 3.2, RFC 7323, RFC 2018): read as Linux reads them, written in Linux's order."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from sim.wire.options import END_OF_LIST, NO_OPERATION
from sim.wire.tcp import (
    MAXIMUM_OPTIONS,
    OPTION_MSS,
    OPTION_SACK,
    OPTION_SACK_PERMITTED,
    OPTION_TIMESTAMPS,
    OPTION_WINDOW_SCALE,
)

LARGEST_SCALE: Final = 14  # RFC 7323 2.3
TIMESTAMPS_LENGTH: Final = 12
"""Bytes that the timestamps take in each segment, padded."""
SACK_BLOCK: Final = 8
ALIGNED_TIMESTAMPS: Final = b"\x01\x01\x08\x0a"


class Options:
    """What the options of one segment said. One object is filled again and again."""

    def __init__(self) -> None:
        self.mss: int = 0  # 0: not named
        self.scale: int = -1  # -1: not offered
        self.sack_permitted: bool = False
        self.timestamps: bool = False
        self.value: i64 = 0
        self.echo: i64 = 0
        self.sacks: list[tuple[int, int]] = []  # as on the wire, 32 bits each

    def read(self, data: bytes) -> None:
        """Take in the options of a segment. The first that is malformed ends them, as in Linux."""
        self.timestamps = False
        if self.sacks:
            self.sacks = []
        if len(data) == TIMESTAMPS_LENGTH and data.startswith(ALIGNED_TIMESTAMPS):
            self._read_timestamps(data, 4)
            return
        self.mss = 0
        self.scale = -1
        self.sack_permitted = False
        at = 0
        while at < len(data):
            kind = data[at]
            if kind == END_OF_LIST:
                return
            if kind == NO_OPERATION:
                at += 1
                continue
            length = data[at + 1] if at + 1 < len(data) else 0
            if length < 2 or at + length > len(data):
                return
            self._read_one(kind, data, at + 2, length - 2)
            at += length

    def _read_one(self, kind: int, data: bytes, at: int, length: int) -> None:
        if kind == OPTION_TIMESTAMPS and length == 8:
            self._read_timestamps(data, at)
        elif kind == OPTION_SACK and length >= SACK_BLOCK and length % SACK_BLOCK == 0:
            self.sacks = [(number(data, edge), number(data, edge + 4)) for edge in range(at, at + length, SACK_BLOCK)]
        elif kind == OPTION_MSS and length == 2:
            self.mss = data[at] << 8 | data[at + 1]
        elif kind == OPTION_WINDOW_SCALE and length == 1:
            self.scale = min(data[at], LARGEST_SCALE)
        elif kind == OPTION_SACK_PERMITTED and length == 0:
            self.sack_permitted = True

    def _read_timestamps(self, data: bytes, at: int) -> None:
        self.timestamps = True
        self.value = number(data, at)
        self.echo = number(data, at + 4)


def number(data: bytes, at: int) -> int:
    """The 32 bits at `at`."""
    return data[at] << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]


def four(value: i64) -> bytes:
    """The low 32 bits of a number."""
    low: int = value & 0xFFFFFFFF
    return low.to_bytes(4, "big")


def timestamps(value: i64, echo: i64) -> bytes:
    """The timestamps option behind two no-operations, which align it."""
    return ALIGNED_TIMESTAMPS + four(value) + four(echo)


def sack(blocks: list[tuple[int, int]], taken: int) -> bytes:
    """The SACK option with as many blocks as fit behind `taken` bytes of options (RFC 2018 3)."""
    room = (MAXIMUM_OPTIONS - taken - 4) // SACK_BLOCK
    edges = b"".join([four(left) + four(right) for left, right in blocks[:room]])
    return bytes((NO_OPERATION, NO_OPERATION, OPTION_SACK, 2 + len(edges))) + edges


def for_syn(mss: int, sack_permitted: bool, with_timestamps: bool, value: i64, echo: i64, scale: int) -> bytes:
    """The options of a SYN in Linux's order: MSS, SACK-permitted, timestamps, NOP, window scale; `scale` -1: none.

    SACK-permitted and the timestamps share 12 bytes; where one is missing, no-operations fill its place.
    """
    text = bytes((OPTION_MSS, 4, mss >> 8, mss & 0xFF))
    permitted = bytes((OPTION_SACK_PERMITTED, 2)) if sack_permitted else bytes((NO_OPERATION, NO_OPERATION))
    if with_timestamps:
        text += permitted + bytes((OPTION_TIMESTAMPS, 10)) + four(value) + four(echo)
    elif sack_permitted:
        text += bytes((NO_OPERATION, NO_OPERATION)) + permitted
    if scale >= 0:
        text += bytes((NO_OPERATION, OPTION_WINDOW_SCALE, 3, scale))
    return text
