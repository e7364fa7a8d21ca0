"""A proxy for HTTP (RFC 9110 3.7, RFC 9112 3.2.2): whole URLs are fetched, and CONNECT makes a tunnel (9.3.6)."""

from __future__ import annotations

import asyncio
import hmac
import socket
from asyncio import StreamReader, StreamWriter
from base64 import b64decode
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import h11

from sim.services import serving
from sim.services.relaying import Ends, connect, relay

IDLE: Final = 60.0
HOP_BY_HOP: Final = frozenset(
    name.encode()
    for name in (
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te"),
        *("trailer", "transfer-encoding", "upgrade", "expect"),
    )
)
"""Fields of one connection, which are not passed on (RFC 9110 7.6.1)."""
VIA: Final = (b"via", b"1.1 packetsim")
LOOP: Final = b"1.1 packetsim"

Fields = list[tuple[bytes, bytes]]


class ProxyError(Exception):
    """The client hears this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def serve(
    port: int = 3_128,
    address: str = "0.0.0.0",
    *,
    users: Mapping[str, str] | None = None,
    connections: int = 1_000,
) -> None:
    """Serve until it is interrupted: `users` with their passwords, or everybody. Raises OSError for a port that is
    taken."""
    serving.run(_Proxy(users or {}, connections).run(address, port))


class _Proxy:
    def __init__(self, users: Mapping[str, str], connections: int) -> None:
        self.users = users
        self._most = connections
        self._open = 0

    async def run(self, address: str, port: int) -> None:
        await serving.accept(self._connected, address, port)

    async def _connected(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= self._most:
                await _Session(self.users, reader, writer).run()
        except (OSError, EOFError, h11.ProtocolError):
            writer.transport.abort()
        finally:
            self._open -= 1
            writer.close()


class _Session:
    """One client's connection: requests one after the other, or a tunnel."""

    def __init__(self, users: Mapping[str, str], reader: StreamReader, writer: StreamWriter) -> None:
        self._users = users
        self._reader = reader
        self._writer = writer
        self._h11 = h11.Connection(h11.SERVER)
        self._peer = writer.get_extra_info("peername")[0]

    async def run(self) -> None:
        """Serve the client to its end. Raises OSError and h11.ProtocolError when a connection breaks."""
        while True:
            try:
                request = await _next(self._h11, self._reader)
                if not isinstance(request, h11.Request):
                    return
                self._admit(request)
                if request.method == b"CONNECT":
                    await self._tunnel(request)
                    return
                await self._forward(request)
            except ProxyError as error:
                await self._refuse(error.status)
            except h11.RemoteProtocolError as error:
                await self._refuse(error.error_status_hint)
            if self._h11.our_state is not h11.DONE or self._h11.their_state is not h11.DONE:
                return
            self._h11.start_next_cycle()

    def _admit(self, request: h11.Request) -> None:
        """Whether the client may use us (RFC 9110 11.7, RFC 7617)."""
        if not self._users:
            return
        given = dict(request.headers).get(b"proxy-authorization", b"")
        scheme, _, token = given.partition(b" ")
        try:
            name, _, password = b64decode(token, validate=True).decode().partition(":")
        except ValueError:
            raise ProxyError(407) from None
        expected = self._users.get(name)
        if scheme.lower() != b"basic" or expected is None:
            raise ProxyError(407)
        if not hmac.compare_digest(expected.encode(), password.encode()):
            raise ProxyError(407)

    # -- CONNECT

    async def _tunnel(self, request: h11.Request) -> None:
        host, _, port = request.target.decode("ascii").rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
            raise ProxyError(400)
        server = await _reach(host, int(port))
        await self._send(h11.Response(status_code=200, headers=[], reason=b"Connection established"))
        early, _ = self._h11.trailing_data
        if early:
            server[1].write(early)
        self._log(request, "open")
        sent, received = await relay((self._reader, self._writer), server)
        self._log(request, f"closed {sent + len(early)} {received}")

    # -- whole URLs

    async def _forward(self, request: h11.Request) -> None:
        host, port, path = _split(request.target.decode("ascii", "replace"))
        if any(name == b"via" and LOOP in value for name, value in request.headers):
            raise ProxyError(508)
        if self._h11.they_are_waiting_for_100_continue:
            await self._send(h11.InformationalResponse(status_code=100, headers=[]))
        server = await _reach(host, port)
        try:
            await self._exchange(request, path, server)
        finally:
            server[1].close()

    async def _exchange(self, request: h11.Request, path: str, server: Ends) -> None:
        """Pass the request on, and the answer back, both as they come."""
        origin = h11.Connection(h11.CLIENT)
        fields = [*_passed_on(list(request.headers)), (b"connection", b"close"), VIA]
        if any(name == b"transfer-encoding" for name, _ in request.headers):
            fields.append((b"transfer-encoding", b"chunked"))
        server[1].write(origin.send(h11.Request(method=request.method, target=path, headers=fields)) or b"")
        while isinstance(event := await _next(self._h11, self._reader), h11.Data | h11.EndOfMessage):
            server[1].write(origin.send(event) or b"")
            await server[1].drain()
            if isinstance(event, h11.EndOfMessage):
                break
        size = 0
        try:
            response = await _next(origin, server[0])
            while isinstance(response, h11.InformationalResponse):
                response = await _next(origin, server[0])
        except (OSError, h11.RemoteProtocolError):
            raise ProxyError(502) from None
        if not isinstance(response, h11.Response):
            raise ProxyError(502)
        headers = [*_passed_on(list(response.headers)), VIA]
        await self._send(h11.Response(status_code=response.status_code, headers=headers, reason=response.reason))
        while isinstance(event := await _next(origin, server[0]), h11.Data):
            size += len(event.data)
            await self._send(h11.Data(data=event.data))
        await self._send(h11.EndOfMessage())
        self._log(request, f"{response.status_code} {size}")

    async def _refuse(self, status: int) -> None:
        if self._h11.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            raise ConnectionAbortedError("an answer was cut short")
        phrase = HTTPStatus(status).phrase
        body = f"{status} {phrase}\n".encode()
        fields = [("Content-Length", str(len(body))), ("Content-Type", "text/plain"), ("Connection", "close")]
        if status == 407:
            fields.append(("Proxy-Authenticate", 'Basic realm="packetsim"'))
        await self._send(h11.Response(status_code=status, headers=fields, reason=phrase))
        await self._send(h11.Data(data=body))
        await self._send(h11.EndOfMessage())
        print(f"{self._peer} refused {status}", flush=True)

    async def _send(self, event: h11.Event) -> None:
        self._writer.write(self._h11.send(event) or b"")
        await asyncio.wait_for(self._writer.drain(), IDLE)

    def _log(self, request: h11.Request, what: str) -> None:
        target = request.target.decode("ascii", "replace")[:100]
        print(f"{self._peer} {request.method.decode('ascii')} {target} {what}", flush=True)


def _split(url: str) -> tuple[str, int, str]:
    """Host, port and the rest of a whole URL. Raises ProxyError for what is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError:
        raise ProxyError(400) from None
    if parts.scheme.lower() != "http" or not parts.hostname:
        raise ProxyError(400)
    return parts.hostname, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


async def _reach(host: str, port: int) -> Ends:
    """A connection to the origin server. Raises ProxyError."""
    try:
        return await connect(host, port)
    except (socket.gaierror, UnicodeError):  # a label of 64 characters is no name
        raise ProxyError(502) from None
    except TimeoutError:
        raise ProxyError(504) from None
    except OSError:
        raise ProxyError(502) from None


async def _next(connection: h11.Connection, reader: StreamReader) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
    """The next event of a connection. Raises OSError and h11.RemoteProtocolError."""
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await asyncio.wait_for(reader.read(65_536), IDLE))
    return event


def _passed_on(fields: Fields) -> Fields:
    """Header fields without those that are of one connection, also those that Connection names."""
    named = {one.strip().lower() for name, value in fields if name == b"connection" for one in value.split(b",") if one}
    return [(name, value) for name, value in fields if name not in HOP_BY_HOP and name not in named]
