"""An NTP server (RFC 5905) that answers from its own clock: mode 4 to mode 3, the rest is silence."""

from __future__ import annotations

import asyncio
import struct
import time
from typing import Any, Final

from sim.services import serving

NS: Final = 1_000_000_000
SINCE_1900: Final = 2_208_988_800
"""Seconds from 1900, where era 0 begins, to 1970; era 1 begins in 2036, and a timestamp says not which it is of."""
HEADER: Final = struct.Struct("!BBbbIIIQQQQ")
"""LI, version and mode; stratum; poll; precision; root delay and dispersion; reference id; the four timestamps."""
CLIENT, SERVER = 3, 4
VERSIONS: Final = range(1, 5)
PRECISION: Final = -20
"""log2 of seconds: about a microsecond."""
LOCAL: Final = int.from_bytes(b"LOCL", "big")
"""The reference clock: our own, with no authority behind it (RFC 5905 7.3)."""


def serve(port: int = 123, address: str = "0.0.0.0", *, stratum: int = 1, offset: int = 0) -> None:
    """Serve until it is interrupted. The clock is `offset` ns ahead of the machine's. Raises OSError for a port that
    is taken."""
    serving.run(_serve(address, port, stratum, offset))


def timestamp(since_1970: int) -> int:
    """ns since 1970 as an NTP timestamp: 32 bits of seconds in the era, 32 of their fraction (RFC 5905 6)."""
    seconds, rest = divmod(since_1970, NS)
    return (seconds + SINCE_1900 & 0xFFFF_FFFF) << 32 | (rest << 32) // NS


def reply(request: bytes, received: int, sent: int, stratum: int) -> bytes | None:
    """The answer to a request that came at `received` and leaves at `sent` (ns since 1970); None for what is none."""
    if len(request) < HEADER.size:
        return None
    flags, _, poll, *_, transmit = HEADER.unpack_from(request)
    version, mode = flags >> 3 & 7, flags & 7
    if mode != CLIENT or version not in VERSIONS:
        return None
    reference = received - received % (16 * NS)  # as if the clock had been set every 16 s
    return HEADER.pack(
        version << 3 | SERVER,
        stratum,
        poll,
        PRECISION,
        0,
        0,
        LOCAL,
        timestamp(reference),
        transmit,  # what the client has sent, it finds again as the origin
        timestamp(received),
        timestamp(sent),
    )


async def _serve(address: str, port: int, stratum: int, offset: int) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: _Datagrams(stratum, offset), (address, port))
    await serving.forever()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, stratum: int, offset: int) -> None:
        self._stratum = stratum
        self._offset = offset

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        received = time.time_ns() + self._offset
        answer = reply(data, received, time.time_ns() + self._offset, self._stratum)
        if answer is not None:
            self._transport.sendto(answer, addr)
