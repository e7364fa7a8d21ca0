"""The list of options behind an IPv4 or a TCP header: both are of one form (RFC 791 3.1, RFC 9293 3.2)."""

from __future__ import annotations

from typing import Final

from sim.errors import WireError
from sim.wire.layer import count_bytes

END_OF_LIST: Final = 0
NO_OPERATION: Final = 1


def walk_options(options: bytes) -> list[tuple[int, bytes]]:
    """(kind, data) of each option up to the end of the list; data is without kind and length, which counts both.

    No-operations are included. WireError where a length runs out of the header or is below 2.
    """
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(options):
        kind = options[at]
        if kind == END_OF_LIST:
            break
        if kind == NO_OPERATION:
            found.append((kind, b""))
            at += 1
            continue
        if at + 1 == len(options):
            raise WireError(f"option {kind} is cut short: its length is missing")
        length = options[at + 1]
        if length < 2 or at + length > len(options):
            raise WireError(f"option {kind} has the length {length}, {count_bytes(len(options) - at)} are there")
        found.append((kind, options[at + 2 : at + length]))
        at += length
    return found
