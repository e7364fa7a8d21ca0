"""How a server of asyncio listens, and waits for its end."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run it until it ends, or is interrupted: a service that is stopped has done nothing wrong."""
    try:
        asyncio.run(main)
    except KeyboardInterrupt:
        return


async def listen(
    handler: Callable[[StreamReader, StreamWriter], Awaitable[None]], address: str, port: int, **options: Any
) -> asyncio.Server:
    """`asyncio.start_server`, whose connections end quietly when the server does: before Python 3.12 each that is cut
    off by that is told as an error."""

    async def handle(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()

    return await asyncio.start_server(handle, address, port, **options)


async def forever() -> None:
    """Wait without an end."""
    await asyncio.get_running_loop().create_future()
