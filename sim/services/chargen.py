"""The character generator (RFC 864): lines by TCP for as long as somebody reads them, by UDP one datagram for each."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from sim.services import serving

WIDTH: Final = 72
RING: Final = bytes(range(32, 127))
"""The printable characters of ASCII, in a ring."""
AT_ONCE: Final = len(RING)
"""Lines that are written together: then the pattern begins anew."""
LONGEST: Final = 512
"""Bytes of a datagram (RFC 864)."""


def serve(port: int = 19, address: str = "0.0.0.0") -> None:
    """Serve until it is interrupted. Raises OSError for a port that is taken."""
    serving.run(_serve(address, port))


def line(number: int) -> bytes:
    """The line of that number: each begins a character further round the ring."""
    start = number % len(RING)
    return (RING + RING)[start : start + WIDTH] + b"\r\n"


def lines(first: int, count: int) -> bytes:
    """So many lines from the first on."""
    return b"".join(line(number) for number in range(first, first + count))


async def _serve(address: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(_Datagrams, (address, port))
    await serving.accept(_connection, address, port)


async def _connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    ended = asyncio.create_task(_discard(reader))
    pattern = lines(0, AT_ONCE)
    try:
        while not ended.done():
            writer.write(pattern)
            await writer.drain()
            await asyncio.sleep(0)
    except ConnectionError:
        return
    finally:
        ended.cancel()
        writer.transport.abort()  # what is left in the buffers, nobody waits for


async def _discard(reader: asyncio.StreamReader) -> None:
    """Throw away what comes, until nothing more does."""
    try:
        while await reader.read(65_536):
            pass
    except ConnectionError:
        return


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self._next = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr[1] == self._transport.get_extra_info("sockname")[1]:
            return  # two of us would never stop
        count = LONGEST // (WIDTH + 2)
        self._transport.sendto(lines(self._next, count), addr)
        self._next += count
