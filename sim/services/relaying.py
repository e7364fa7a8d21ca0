"""What proxies have in common: bytes are carried between two connections, both ways, until both have ended."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import StreamReader, StreamWriter
from typing import Final

CONNECT_TIMEOUT: Final = 20.0
IDLE: Final = 600.0
"""Seconds in which nothing moves in a direction, after which the pair is given up."""

Ends = tuple[StreamReader, StreamWriter]


async def connect(host: str, port: int) -> Ends:
    """A connection to where a client wants to go. Raises OSError."""
    async with asyncio.timeout(CONNECT_TIMEOUT):
        return await asyncio.open_connection(host, port)


async def relay(client: Ends, server: Ends) -> tuple[int, int]:
    """Carry bytes both ways; how many went to the server and how many came from it."""
    there = asyncio.create_task(_carry(client[0], server[1]))
    back = asyncio.create_task(_carry(server[0], client[1]))
    try:
        return await there, await back
    finally:
        there.cancel()
        back.cancel()
        server[1].close()


async def _carry(reader: StreamReader, writer: StreamWriter) -> int:
    """One way, to its end, which is passed on."""
    count = 0
    with contextlib.suppress(OSError):
        while data := await asyncio.wait_for(reader.read(65_536), IDLE):
            count += len(data)
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
        return count
    writer.transport.abort()  # one direction has broken: so has the other
    return count
