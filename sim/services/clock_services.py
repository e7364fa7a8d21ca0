"""What daytime and time have in common: whoever asks, by TCP or UDP, hears what time it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sim.services import serving


def serve(tell: Callable[[], bytes], port: int, address: str) -> None:
    """Answer each connection and each datagram with `tell()`, until interrupted."""
    serving.run(_serve(tell, address, port))


async def _serve(tell: Callable[[], bytes], address: str, port: int) -> None:
    async def connection(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(tell())
        writer.close()

    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: _Datagrams(tell), (address, port))
    await serving.accept(connection, address, port)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, tell: Callable[[], bytes]) -> None:
        self._tell = tell

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr[1] != self._transport.get_extra_info("sockname")[1]:  # two of us would never stop
            self._transport.sendto(self._tell(), addr)
