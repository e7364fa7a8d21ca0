"""The discard service (RFC 863): what comes is thrown away, by TCP and by UDP."""

from __future__ import annotations

import asyncio

from sim.services import serving


def serve(port: int = 9, address: str = "0.0.0.0") -> None:
    """Serve until it is interrupted. Raises OSError for a port that is taken."""
    serving.run(_serve(address, port))


async def _serve(address: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(asyncio.DatagramProtocol, (address, port))
    await serving.accept(_connection, address, port)


async def _connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while await reader.read(65_536):
            pass
    except ConnectionError:
        return
    finally:
        writer.close()
