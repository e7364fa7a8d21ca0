"""The client of measurements: says what is to be measured, sends or receives, and adds up."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from asyncio import StreamReader, StreamWriter
from dataclasses import dataclass, field
from typing import Any, Final

from sim.services.throughput.protocol import (
    DATAGRAM,
    DEFAULT_LENGTH,
    DEFAULT_UDP_RATE,
    HELLO,
    SECOND,
    Count,
    Plan,
    ProtocolError,
    hear,
    say,
)
from sim.services.throughput.sending import receive_stream, send_datagrams, send_stream

CONNECT_TIMEOUT: Final = 10.0
REPORT_TIMEOUT: Final = 60.0
HELLOS: Final = 5
HELLO_INTERVAL: Final = 0.2
STRAGGLERS: Final = 0.5


@dataclass
class Report:
    """What was measured, over all streams: bytes and datagrams, ns, bit/s of what was received."""

    sent: int = 0
    received: int = 0
    datagrams: int = 0
    lost: int = 0
    out_of_order: int = 0
    jitter: int | None = None
    throughput: int | None = None
    streams: list[dict[str, int]] = field(default_factory=list)
    error: str | None = None

    @property
    def loss(self) -> float | None:
        """The share of datagrams that did not come; None for TCP."""
        return self.lost / self.datagrams if self.datagrams else None


def measure(
    host: str,
    port: int = 5_201,
    *,
    protocol: str = "tcp",
    duration: int = SECOND,
    rate: int | None = None,
    reverse: bool = False,
    parallel: int = 1,
    length: int | None = None,
) -> Report:
    """Measure against a server, as `Plan` says. What fails is told by `error`, in words; nothing is raised."""
    if protocol == "udp" and rate is None:
        rate = DEFAULT_UDP_RATE
    plan = Plan(protocol, duration, rate, reverse, parallel, length or DEFAULT_LENGTH[protocol])
    report = Report()
    try:
        asyncio.run(_Client(host, port, plan, report).run())
    except OSError as error:
        report.error = _words(error)
    except ValueError as error:
        report.error = str(error)
    return report


def _words(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "name not known"
    if error.errno is None:
        return "timeout" if isinstance(error, TimeoutError) else str(error)
    return os.strerror(error.errno).lower()  # asyncio has words of its own, with addresses in them


class _Client(asyncio.DatagramProtocol):
    def __init__(self, host: str, port: int, plan: Plan, report: Report) -> None:
        self._host, self._port, self._plan, self._report = host, port, plan, report
        self._counts = [Count() for _ in range(plan.parallel)]
        self._cookie = b""
        self._open: list[Any] = []  # writers and transports

    async def run(self) -> None:
        try:
            await self._measure()
        finally:
            for end in self._open:
                end.close()
            await asyncio.sleep(0)  # asyncio closes a moment later

    async def _measure(self) -> None:
        reader, writer = await self._connect()
        await say(writer, self._plan.message())
        self._cookie = bytes.fromhex(str((await hear(reader)).get("cookie")))
        run = self._datagrams if self._plan.protocol == "udp" else self._streams
        sent = await run(reader)
        async with asyncio.timeout(REPORT_TIMEOUT):
            if self._plan.reverse:
                sent = _numbers((await hear(reader)).get("sent"), self._plan.parallel)
                if self._plan.protocol == "udp":
                    await self._stragglers(sum(sent))
                self._add_up(sent, [count.message() for count in self._counts])
            else:
                await say(writer, {"sent": sent})
                self._add_up(sent, (await hear(reader)).get("streams", []))

    async def _connect(self) -> tuple[StreamReader, StreamWriter]:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            reader, writer = await asyncio.open_connection(self._host, self._port)
        self._open.append(writer)
        return reader, writer

    # -- TCP

    async def _streams(self, control: StreamReader) -> list[int]:
        """All streams, side by side; what each has sent."""
        pairs = [await self._connect() for _ in range(self._plan.parallel)]
        for number, (_, writer) in enumerate(pairs):
            writer.write(f"STREAM {self._cookie.hex()} {number}\n".encode())
        return list(await asyncio.gather(*(self._stream(number, *pair) for number, pair in enumerate(pairs))))

    async def _stream(self, number: int, reader: StreamReader, writer: StreamWriter) -> int:
        if self._plan.reverse:
            await receive_stream(reader, self._counts[number])
            writer.close()
            return 0
        sent = await send_stream(writer, self._plan)
        await reader.read()  # the server closes when it has it all
        writer.close()
        return sent

    # -- UDP

    async def _datagrams(self, control: StreamReader) -> list[int]:
        loop = asyncio.get_running_loop()
        ends = []
        for _ in range(self._plan.parallel):
            transport, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=(self._host, self._port))
            ends.append(transport)
            self._open.append(transport)
        run = self._hear_datagrams if self._plan.reverse else self._send_datagrams
        return list(await asyncio.gather(*(run(number, end) for number, end in enumerate(ends))))

    async def _send_datagrams(self, number: int, transport: Any) -> int:
        return await send_datagrams(transport.sendto, self._cookie, number, self._plan)

    async def _hear_datagrams(self, number: int, transport: Any) -> int:
        """Show the server where we are, until something comes; a datagram may get lost."""
        for _ in range(HELLOS):
            transport.sendto(DATAGRAM.pack(self._cookie, number, HELLO, 0))
            await asyncio.sleep(HELLO_INTERVAL)
            if self._counts[number].datagrams:
                return 0
        raise ProtocolError("no datagram comes from the server")

    async def _stragglers(self, sent: int) -> None:
        end = time.monotonic() + STRAGGLERS
        while time.monotonic() < end and sum(count.datagrams for count in self._counts) < sent:
            await asyncio.sleep(STRAGGLERS / 20)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) >= DATAGRAM.size:
            cookie, stream, sequence, sent = DATAGRAM.unpack_from(data)
            if cookie == self._cookie and stream < self._plan.parallel:
                self._counts[stream].take_datagram(len(data), sequence, sent, time.monotonic_ns())

    def error_received(self, exc: Exception) -> None:
        """An ICMP error; what is lost is counted anyway."""

    # -- adding up

    def _add_up(self, sent: list[int], streams: Any) -> None:
        names = ("size", "datagrams", "first", "last", "out_of_order", "jitter")
        if not isinstance(streams, list) or len(streams) != len(sent):
            raise ProtocolError("not a report")
        report, counts = self._report, [{name: int(stream[name]) for name in names} for stream in streams]
        report.streams = counts
        report.received = sum(count["size"] for count in counts)
        report.sent = sum(sent)
        if self._plan.protocol == "udp":
            report.sent *= self._plan.length
            report.datagrams = sum(sent)
            report.lost = max(0, report.datagrams - sum(count["datagrams"] for count in counts))
            report.out_of_order = sum(count["out_of_order"] for count in counts)
            report.jitter = max(count["jitter"] for count in counts)
        there = [count for count in counts if count["size"]]
        if there:
            time_taken = max(count["last"] for count in there) - min(count["first"] for count in there)
            report.throughput = report.received * 8 * SECOND // max(time_taken, self._plan.duration)


def _numbers(told: Any, count: int) -> list[int]:
    if not isinstance(told, list) or len(told) != count or any(type(one) is not int for one in told):
        raise ProtocolError("not a count")
    return told
