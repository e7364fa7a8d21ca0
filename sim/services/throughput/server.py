"""The server of measurements: any number of them, one after the other or side by side."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Coroutine
from typing import Any, Final

from sim.services import serving
from sim.services.throughput.protocol import DATAGRAM, HELLO, Count, Plan, ProtocolError, hear, read, say
from sim.services.throughput.sending import receive_stream, send_datagrams, send_stream

MOST_SESSIONS: Final = 32
PATIENCE: Final = 10.0
"""Seconds in which what was announced must come."""
STRAGGLERS: Final = 0.5
"""Seconds that late datagrams are waited for."""


def serve(port: int = 5_201, address: str = "0.0.0.0") -> None:
    """Serve until it is interrupted. Raises OSError for a port that is taken."""
    serving.run(_Server().run(address, port))


class _Session:
    """One measurement, as the server sees it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.counts = [Count() for _ in range(plan.parallel)]
        self.sent = [0] * plan.parallel
        self.streams: set[int] = set()
        self.ended = 0
        self.changed = asyncio.Event()

    def end_stream(self) -> None:
        """One of the streams is over."""
        self.ended += 1
        self.changed.set()

    async def wait(self, timeout: float) -> None:
        """Until all streams are over."""
        async with asyncio.timeout(timeout):
            while self.ended < self.plan.parallel:
                self.changed.clear()
                await self.changed.wait()


async def _while_listening(reader: StreamReader, wait: Coroutine[Any, Any, None]) -> None:
    """Wait for something, for as long as the client is there. Raises ProtocolError when it hangs up."""
    waiting, gone = asyncio.create_task(wait), asyncio.create_task(reader.read(1))
    try:
        await asyncio.wait((waiting, gone), return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            raise ProtocolError("the client has hung up")
        await waiting
    finally:
        waiting.cancel()
        gone.cancel()


class _Server(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self._sessions: dict[bytes, _Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: Any = None

    async def run(self, address: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, (address, port))
        await serving.accept(self._connected, address, port, limit=4_096)

    # -- TCP

    async def _connected(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                line = await reader.readline()
            if line.startswith(b"STREAM "):
                await self._stream(line.split(), reader, writer)
            elif line:
                await self._control(line, reader, writer)
        except (OSError, ValueError):
            return
        finally:
            with contextlib.suppress(OSError):
                writer.close()

    async def _control(self, line: bytes, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            plan = Plan.of(read(line))
            if len(self._sessions) >= MOST_SESSIONS:
                raise ProtocolError("the server is busy")
        except ProtocolError as error:
            await say(writer, {"error": str(error)})
            return
        cookie = os.urandom(8)
        session = self._sessions[cookie] = _Session(plan)
        try:
            await say(writer, {"cookie": cookie.hex()})
            await self._measure(session, reader, writer)
            self._print(session, writer)
        finally:
            del self._sessions[cookie]

    async def _measure(self, session: _Session, reader: StreamReader, writer: StreamWriter) -> None:
        plan = session.plan
        longest = plan.duration / 1e9 + 60
        if plan.reverse:
            await _while_listening(reader, session.wait(longest))
            await say(writer, {"sent": session.sent})
            return
        async with asyncio.timeout(longest):
            told = (await hear(reader)).get("sent")
        if not isinstance(told, list) or len(told) != plan.parallel or any(type(one) is not int for one in told):
            raise ProtocolError("not a count")
        session.sent = told
        if plan.protocol == "tcp":
            await _while_listening(reader, session.wait(PATIENCE))
        else:
            await self._stragglers(session)
        await say(writer, {"streams": [count.message() for count in session.counts]})

    async def _stragglers(self, session: _Session) -> None:
        end = time.monotonic() + STRAGGLERS
        while time.monotonic() < end and sum(count.datagrams for count in session.counts) < sum(session.sent):
            await asyncio.sleep(STRAGGLERS / 20)

    async def _stream(self, words: list[bytes], reader: StreamReader, writer: StreamWriter) -> None:
        session = self._sessions.get(bytes.fromhex(words[1].decode("ascii"))) if len(words) == 3 else None
        number = int(words[2]) if session is not None else 0
        if session is None or session.plan.protocol != "tcp" or not 0 <= number < session.plan.parallel:
            return
        try:
            if session.plan.reverse:
                session.sent[number] = await send_stream(writer, session.plan)
                await reader.read()  # until the client has it all
            else:
                await receive_stream(reader, session.counts[number])
        finally:
            session.end_stream()

    # -- UDP

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) < DATAGRAM.size:
            return
        cookie, stream, sequence, sent = DATAGRAM.unpack_from(data)
        session = self._sessions.get(cookie)
        if session is None or session.plan.protocol != "udp" or stream >= session.plan.parallel:
            return
        if sequence != HELLO:
            session.counts[stream].take_datagram(len(data), sequence, sent, time.monotonic_ns())
        elif session.plan.reverse and stream not in session.streams:
            session.streams.add(stream)
            task = asyncio.get_running_loop().create_task(self._send(session, cookie, stream, addr))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self, session: _Session, cookie: bytes, stream: int, addr: tuple[str, int]) -> None:
        def send(data: bytes) -> None:
            self._transport.sendto(data, addr)

        session.sent[stream] = await send_datagrams(send, cookie, stream, session.plan)
        session.end_stream()

    def _print(self, session: _Session, writer: StreamWriter) -> None:
        plan = session.plan
        way = "to" if plan.reverse else "from"
        peer = (writer.get_extra_info("peername") or ("?",))[0]
        size = sum(session.sent) * (plan.length if plan.protocol == "udp" else 1)
        if not plan.reverse:
            size = sum(count.size for count in session.counts)
        print(f"{plan.protocol} {way} {peer}, {plan.parallel} streams, {size} bytes", flush=True)
