"""Initial sequence numbers (RFC 6528) and the offset of the timestamps clock (RFC 7323 5.4), from a host's secret."""

from __future__ import annotations

from hashlib import blake2s

NS_PER_TICK = 4_000
"""RFC 9293 3.4.1: the clock of sequence numbers counts every 4 microseconds."""


def initial_sequence(now: int, secret: bytes, ends: bytes) -> int:
    """M + F(addresses, ports, secret), 32 bits; `now` in ns."""
    return (now // NS_PER_TICK + _hash(secret, ends)) & 0xFFFFFFFF


def timestamp_offset(secret: bytes, addresses: bytes) -> int:
    """The same for all connections of two hosts, so that timestamps rise from one connection to the next."""
    return _hash(secret, b"timestamps" + addresses)


def _hash(secret: bytes, data: bytes) -> int:
    return int.from_bytes(blake2s(secret + b"\0" + data, digest_size=4).digest(), "big")
