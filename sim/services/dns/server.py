"""The DNS server (RFC 1035, RFC 7766): UDP, and TCP with any number of questions on a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from sim.services import serving
from sim.services.dns.answering import Answering
from sim.services.dns.authority import Authority
from sim.services.dns.cache import Cache
from sim.services.dns.exchange import UDP_SIZE
from sim.services.dns.recursion import Resolver
from sim.services.dns.zone import Record, Zone

IDLE: Final = 10.0
"""Seconds that a connection may be silent (RFC 7766 6.2.3)."""
MOST_AT_ONCE: Final = 1000
"""Questions that may wait for their answers; more are dropped, and their askers ask again."""


def serve(
    port: int = 53,
    address: str = "0.0.0.0",
    *,
    zones: Mapping[str, Iterable[Record]] | None = None,
    files: Mapping[str, str] | None = None,
    recursive: bool = False,
    forward: Iterable[str] = (),
    root_hints: Iterable[str] = (),
    cache: int = 10_000,
    udp_size: int = UDP_SIZE,
    rotate: bool = True,
    upstream_port: int = 53,
    show: Callable[[Any], None] | None = None,
) -> None:
    """Serve until it is interrupted. Raises OSError for a port that is taken, a zone's file that cannot be read.

    `zones` are records by the name of their zone, `files` the paths of master files. With `recursive` it also finds
    answers elsewhere: from the addresses in `forward`, or on its own from those in `root_hints`. `cache` counts what it
    remembers, `udp_size` bounds responses by UDP (bytes). `show` is called with the server, for those who watch it.
    """
    served = [Zone.from_records(origin, records) for origin, records in (zones or {}).items()]
    served += [Zone.from_file(origin, path) for origin, path in (files or {}).items()]
    authority = Authority(served, rotate)
    serving.run(
        _serve(address, port, authority, cache, recursive, (root_hints, forward, upstream_port), udp_size, show)
    )


async def _serve(
    address: str,
    port: int,
    authority: Authority,
    size: int,
    recursive: bool,
    upstream: tuple[Iterable[str], Iterable[str], int],
    udp_size: int,
    show: Callable[[Any], None] | None,
) -> None:
    loop = asyncio.get_running_loop()
    resolver = Resolver(Cache(loop.time, size), *upstream) if recursive else None
    answering = Answering(authority, resolver, udp_size)
    if show is not None:
        show(answering)
    await loop.create_datagram_endpoint(lambda: _Datagrams(answering), (address, port))
    await serving.accept(_Connections(answering).serve, address, port)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._transport: Any = None
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(self._tasks) < MOST_AT_ONCE:
            task = asyncio.get_running_loop().create_task(self._answer(data, addr))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, data: bytes, addr: tuple[str, int]) -> None:
        response = await self._answering.respond(data, by_tcp=False)
        if response is not None:
            self._transport.sendto(response, addr)


class _Connections:
    def __init__(self, answering: Answering) -> None:
        self._answering = answering

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer what comes, each as soon as it can be: not in the order of the questions (RFC 7766 7)."""
        tasks: set[asyncio.Task[None]] = set()
        try:
            while True:
                async with asyncio.timeout(IDLE):
                    size = int.from_bytes(await reader.readexactly(2), "big")
                    data = await reader.readexactly(size)
                while len(tasks) >= MOST_AT_ONCE:
                    answered, _ = await asyncio.wait(tasks, timeout=IDLE, return_when=asyncio.FIRST_COMPLETED)
                    if not answered:
                        raise TimeoutError
                task = asyncio.get_running_loop().create_task(self._answer(data, writer))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
        except (asyncio.IncompleteReadError, OSError):
            pass  # it is over, or has been silent for too long
        finally:
            if tasks:
                await asyncio.wait(tasks, timeout=IDLE)
            if tasks:
                writer.transport.abort()
            writer.close()

    async def _answer(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        response = await self._answering.respond(data, by_tcp=True)
        if response is not None and not writer.is_closing():
            writer.write(len(response).to_bytes(2, "big") + response)
            with suppress(OSError):  # who asks and does not listen is asked no more, and who is gone does not mind
                await writer.drain()
