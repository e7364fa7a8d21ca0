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


async def accept(
    handler: Callable[[StreamReader, StreamWriter], Awaitable[None]], address: str, port: int, **options: Any
) -> None:
    """Listen, and handle connections without an end; `options` are those of `asyncio.start_server`.

    When the server is stopped its connections end quietly with it: each that is cut off would be told as an error
    before Python 3.12, and since then be waited for.
    """

    async def handle(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()

    server = await asyncio.start_server(handle, address, port, **options)
    try:
        await forever()
    finally:
        server.close()


async def forever() -> None:
    """Wait without an end."""
    await asyncio.get_running_loop().create_future()
