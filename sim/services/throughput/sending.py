"""The sending half of a measurement, at a rate or as fast as it goes."""

from __future__ import annotations

import asyncio
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable

from sim.services.throughput.protocol import DATAGRAM, DEFAULT_UDP_RATE, SECOND, Count, Plan


async def send_stream(writer: StreamWriter, plan: Plan) -> int:
    """Send over a TCP connection until the time is up, and close our half; the bytes that were sent."""
    data, sent = bytes(plan.length), 0
    loop = asyncio.get_running_loop()
    end = loop.time() + plan.duration / SECOND
    due = loop.time()
    while loop.time() < end:
        writer.write(data)
        await asyncio.wait_for(writer.drain(), plan.duration / SECOND + 60)
        sent += len(data)
        if plan.rate is not None:
            due += len(data) * 8 / plan.rate
            await asyncio.sleep(max(0.0, min(due, end) - loop.time()))
    writer.write_eof()
    return sent


async def send_datagrams(send: Callable[[bytes], None], cookie: bytes, stream: int, plan: Plan) -> int:
    """Send datagrams until the time is up; how many there were."""
    interval = plan.length * 8 / (plan.rate or DEFAULT_UDP_RATE)
    padding = bytes(plan.length - DATAGRAM.size)
    loop = asyncio.get_running_loop()
    begun, sequence = loop.time(), 0
    count = max(1, int(plan.duration / SECOND / interval))
    while sequence < count and loop.time() < begun + plan.duration / SECOND:
        send(DATAGRAM.pack(cookie, stream, sequence, time.monotonic_ns()) + padding)
        sequence += 1
        await asyncio.sleep(max(0.0, begun + sequence * interval - loop.time()))
    return sequence


async def receive_stream(reader: StreamReader, count: Count) -> None:
    """Take in a TCP connection to its end."""
    while data := await reader.read(262_144):
        count.take(len(data), time.monotonic_ns())
