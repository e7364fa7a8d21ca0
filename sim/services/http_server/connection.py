"""One connection of a web server: requests in, answers out, one after the other (RFC 9112 9.3).

h11 is the grammar and the state machine; here is what takes time: waiting, limits, delays and rates.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import h11

from sim.services.http_server.answers import NO_CONTENT, Answer, Request, answer, failure
from sim.services.http_server.bodies import PIECE
from sim.services.http_server.sites import Sites
from sim.services.http_server.validators import http_date

LONGEST_HEAD: Final = 16_384
"""Bytes of a request line and header fields; more are answered with 431."""
HEAD_TIMEOUT: Final = 20.0
"""Seconds from a request's first byte to the end of its head."""
SLOWEST: Final = 500
"""Bytes per second that a content must come with in the long run; a drip would hold the connection for ever."""
WRITE_TIMEOUT: Final = 60.0
"""Seconds in which a client must take in a piece of an answer."""
LINGER: Final = 2.0
"""Seconds in which what still comes is thrown away, so that no reset overtakes the answer (RFC 9112 9.6)."""
STEP: Final = 0.05
"""Seconds of an answer that a rate sends at once."""
NS: Final = 1_000_000_000


@dataclass(frozen=True)
class Limits:
    """`max_body` bytes of a request's content, `idle` seconds between requests, `connections` at a time."""

    max_body: int = 1_000_000
    idle: float = 15.0
    connections: int = 1_000


class _Refusal(Exception):  # noqa: N818 - nothing is wrong with us
    """The request is answered with this status, and the connection closed."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Connection:
    """Serves one connection to its end. `modified` is passed on to `answers.answer`."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        sites: Sites,
        limits: Limits,
        modified: float | None = None,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._sites = sites
        self._limits = limits
        self._modified = modified
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_HEAD)
        self._peer = str((writer.get_extra_info("peername") or ("?",))[0])
        self._request: Request | None = None
        self._deadline = 0.0

    async def run(self, *, full: bool = False) -> None:
        """Answer until one side closes; with `full` only say that there is no room. Raises OSError and EOFError when
        the connection breaks."""
        if full:
            await self._send(failure(503))
            return
        going = True
        while going:
            self._request = None
            try:
                going = await self._one()
            except _Refusal as refusal:
                going = await self._refuse(refusal.status)
            except h11.RemoteProtocolError as error:
                going = await self._refuse(error.error_status_hint)
            if going:
                self._h11.start_next_cycle()

    # -- requests

    async def _one(self) -> bool:
        """One request and its answer; whether another may follow."""
        event = await self._head()
        if not isinstance(event, h11.Request):
            return False
        request = self._request = _request(event)
        await self._check(request)
        made = answer(request, self._sites, self._modified)
        content = [piece async for piece in self._content()]
        if made.echo:
            made.parts = list(content)
        if made.delay:
            await asyncio.sleep(made.delay / NS)
        await self._send(made)
        return self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE

    async def _head(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """The next request's head. Raises _Refusal for one that takes too long."""
        self._deadline = 0.0
        while True:
            event = self._h11.next_event()
            if event is not h11.NEED_DATA:
                return event
            begun = bool(self._h11.trailing_data[0])
            if begun and not self._deadline:
                self._deadline = time.monotonic() + HEAD_TIMEOUT
            try:
                await self._receive(self._deadline - time.monotonic() if begun else self._limits.idle)
            except TimeoutError:
                if begun:
                    raise _Refusal(408) from None
                return h11.ConnectionClosed()

    async def _check(self, request: Request) -> None:
        """Whether its content is welcome; the client may wait to hear so (RFC 9110 10.1.1)."""
        length = request.headers.get("content-length", "0")
        if int(length) > self._limits.max_body:
            raise _Refusal(413)
        expected = request.headers.get("expect")
        if expected is not None and expected.lower() != "100-continue":
            raise _Refusal(417)
        if self._h11.they_are_waiting_for_100_continue:
            go_on = h11.InformationalResponse(status_code=100, headers=[], reason="Continue")
            await self._write(self._h11.send(go_on) or b"")

    async def _content(self) -> AsyncIterator[bytes]:
        """The request's content, as it comes. Raises _Refusal for too much of it, or too little at a time."""
        received, begun = 0, time.monotonic()
        while True:
            event = self._h11.next_event()
            if event is h11.NEED_DATA:
                try:
                    await self._receive(begun + HEAD_TIMEOUT + received / SLOWEST - time.monotonic())
                except TimeoutError:
                    raise _Refusal(408) from None
            elif isinstance(event, h11.Data):
                received += len(event.data)
                if received > self._limits.max_body:
                    raise _Refusal(413)
                yield bytes(event.data)
            else:
                return

    async def _receive(self, timeout: float) -> None:
        self._h11.receive_data(await asyncio.wait_for(self._reader.read(65_536), max(0.0, timeout)))

    # -- answers

    async def _send(self, made: Answer) -> None:
        request = self._request
        headers = [("Date", http_date(time.time())), *made.headers]
        if request is None or self._h11.their_state is not h11.DONE:
            headers.append(("Connection", "close"))
        if made.status in NO_CONTENT:
            made.parts = []
        elif made.chunked and (request is None or request.version != "1.0"):
            headers.append(("Transfer-Encoding", "chunked"))
        elif not made.chunked:
            headers.append(("Content-Length", str(made.size)))
        head = h11.Response(status_code=made.status, headers=headers, reason=_reason(made))
        waiting, sent = self._h11.send(head) or b"", 0  # the head goes out together with what follows it
        if request is None or request.method != "HEAD":
            for piece in _paced(made):
                await self._write(waiting + (self._h11.send(h11.Data(data=piece)) or b""))
                waiting = b""
                sent += len(piece)
                if made.rate is not None:
                    await asyncio.sleep(len(piece) * 8 / made.rate)
        await self._write(waiting + (self._h11.send(h11.EndOfMessage()) or b""))
        self._log(made.status, sent)

    async def _write(self, data: bytes) -> None:
        if data:
            self._writer.write(data)
            await asyncio.wait_for(self._writer.drain(), WRITE_TIMEOUT)

    async def _refuse(self, status: int) -> bool:
        """Answer what cannot be understood, or will not be taken in, and close."""
        if self._h11.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            await self._send(failure(status))
            if self._writer.can_write_eof():
                self._writer.write_eof()
            await self._linger()
        return False

    async def _linger(self) -> None:
        end = time.monotonic() + LINGER
        while (left := end - time.monotonic()) > 0:
            try:
                if not await asyncio.wait_for(self._reader.read(65_536), left):
                    return
            except TimeoutError:
                return

    def _log(self, status: int, size: int) -> None:
        request = self._request
        what = "?" if request is None else f"{request.method} {_shown(request, bool(self._sites.named))}"
        print(f"{self._peer} {what} {status} {size}", flush=True)


def _request(event: h11.Request) -> Request:
    """h11's request in our words."""
    headers: dict[str, str] = {}
    for name, value in event.headers:
        key, text = name.decode("ascii"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return Request(
        event.method.decode("ascii"),
        event.target.decode("latin-1"),
        headers,
        event.http_version.decode("ascii"),
    )


def _paced(made: Answer) -> Iterator[bytes]:
    """The pieces of an answer; with a rate, of what it sends in a step."""
    most = PIECE if made.rate is None else min(PIECE, max(1, int(made.rate * STEP / 8)))
    for piece in made.pieces():
        for start in range(0, len(piece), most):
            yield piece[start : start + most]


def _reason(made: Answer) -> str:
    try:
        return HTTPStatus(made.status).phrase
    except ValueError:
        return ""


def _shown(request: Request, with_host: bool) -> str:
    """The target, on one line and not too long."""
    target = request.host + request.target if with_host and not request.absolute else request.target
    line = "".join(character if character.isprintable() else "?" for character in target)
    return line if len(line) <= 100 else line[:97] + "..."
