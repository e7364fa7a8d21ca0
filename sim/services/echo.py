"""The echo service (RFC 862): what comes is sent back, by TCP and by UDP."""

from __future__ import annotations

import asyncio
from typing import Any

from sim.services import serving


def serve(port: int = 7, address: str = "0.0.0.0") -> None:
    """Serve until it is interrupted. Raises OSError for a port that is taken."""
    serving.run(_serve(address, port))


async def _serve(address: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(_Datagrams, (address, port))
    await serving.accept(_connection, address, port)


async def _connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        return
    finally:
        writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(data, addr)
