"""asyncio: what transports and protocols do at their edges: limits, pauses, ends, aborts, buffers, errors."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from typing import Any

from tests.userland.parity.aio_transports import Buffered, Datagrams, Told, serve_once
from tests.userland.parity.outcome import Ready, tried


def extras_server(host: str, port: int, ready: Ready) -> None:
    asyncio.run(serve_once(host, port, ready, Told))


def extras_client(host: str, port: int) -> None:
    """What a transport tells of itself, and what it does not take."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_connection(Told, host, port)
        sock = transport.get_extra_info("socket")
        print(type(sock).__name__, sock.family.name, sock.type.name, sock.proto, sock.gettimeout())
        print(sock.getsockname() == transport.get_extra_info("sockname"), transport.get_extra_info("peername"))
        print([transport.get_extra_info(name) for name in ("cipher", "sslcontext", "pipe", "no such thing")])
        print(transport.get_extra_info("no such thing", "so this"))
        print(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), tried(sock.setblocking, True)[:40])
        print(transport.get_protocol() is protocol, transport.can_write_eof(), transport.is_reading())
        for data in (b"", b"bytes ", bytearray(b"bytearray "), memoryview(b"memoryview ")):
            transport.write(data)
        transport.writelines([b"li", bytearray(b"ne"), memoryview(b"s")])
        print(tried(transport.write, "text"), tried(transport.writelines, 5), transport.get_write_buffer_size())
        other = Told()
        other.transport = transport
        transport.set_protocol(other)
        transport.close()
        print(transport.is_closing(), tried(transport.close), transport.is_reading())
        await other.over
        print(protocol.over.done(), transport.get_extra_info("peername") is not None, sock.fileno())
        print(tried(transport.write, b"after the end"), tried(transport.abort), tried(transport.write_eof))

    asyncio.run(main())


def limits_server(host: str, port: int, ready: Ready) -> None:
    asyncio.run(serve_once(host, port, ready, Told))


def limits_client(host: str, port: int) -> None:
    async def main() -> None:
        transport, protocol = await asyncio.get_running_loop().create_connection(Told, host, port)
        print(transport.get_write_buffer_limits())
        pairs: tuple[tuple[int | None, int | None], ...] = ((None, None), (100, None), (None, 100), (5, 5), (1, 5))
        for high, low in (*pairs, (-1, None), (0, 0)):
            print(high, low, tried(transport.set_write_buffer_limits, high, low), transport.get_write_buffer_limits())
        transport.close()
        await protocol.over

    asyncio.run(main())


class Reads(Told):
    """Pauses and goes on, with the data that came meanwhile."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        for call in (transport.pause_reading, transport.pause_reading):
            print(tried(call), transport.is_reading())
        asyncio.get_running_loop().call_later(0.1, self.go_on)

    def go_on(self) -> None:
        print("meanwhile", self.received)
        for call in (self.transport.resume_reading, self.transport.resume_reading):
            print(tried(call), self.transport.is_reading())


def pauses_server(host: str, port: int, ready: Ready) -> None:
    asyncio.run(serve_once(host, port, ready, Reads))


def pauses_client(host: str, port: int) -> None:
    async def main() -> None:
        transport, protocol = await asyncio.get_running_loop().create_connection(Told, host, port)
        transport.write(b"while it does not read")
        await asyncio.sleep(0.2)
        transport.close()
        print(tried(transport.pause_reading), tried(transport.resume_reading), transport.is_reading())
        await protocol.over

    asyncio.run(main())


class Watermarks(Told):
    """Each pause and each resumption, with whether the buffer is above the high mark or below the low one."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 20_000)
        transport.set_write_buffer_limits(high=50_000, low=20_000)
        self.told: list[tuple[str, bool]] = []

    def pause_writing(self) -> None:
        self.told.append(("pause", self.transport.get_write_buffer_size() > 50_000))

    def resume_writing(self) -> None:
        self.told.append(("resume", self.transport.get_write_buffer_size() <= 20_000))


def watermarks_server(host: str, port: int, ready: Ready) -> None:
    asyncio.run(serve_once(host, port, ready, Told))


def watermarks_client(host: str, port: int) -> None:
    async def main() -> None:
        transport, protocol = await asyncio.get_running_loop().create_connection(Watermarks, host, port)
        for _ in range(3):
            transport.write(bytes(150_000))
            transport.write(bytes(150_000))
            print(protocol.told)
            while protocol.told[-1][0] == "pause":
                await asyncio.sleep(0.01)
        transport.write(bytes(150_000))
        transport.close()
        print(transport.is_closing(), transport.get_write_buffer_size() > 50_000, protocol.over.done())
        await protocol.over  # all that was written goes first
        print(protocol.told, transport.get_write_buffer_size())

    asyncio.run(main())


class Unread(Told):
    """Has not read what has come when it ends."""

    def __init__(self, end: str) -> None:
        super().__init__()
        self.end = end

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        transport.pause_reading()
        transport.write(b"hello")
        asyncio.get_running_loop().call_later(0.1, getattr(transport, self.end))


def unread_server(host: str, port: int, ready: Ready) -> None:
    for end in ("close", "abort"):
        asyncio.run(serve_once(host, port, ready, Unread, end))


def unread_client(host: str, port: int) -> None:
    """Who closes with data left resets the connection (RFC 2525 2.17)."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(2):
            transport, protocol = await loop.create_connection(Told, host, port)
            transport.write(b"nobody reads this")
            await protocol.over
            print(transport.is_closing(), tried(transport.write, b"more"), protocol.received)
            await asyncio.sleep(0.1)  # so that the next one is listening

    asyncio.run(main())


class Aborted(Told):
    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 20_000)

    def pause_writing(self) -> None:
        print("paused", self.transport.get_write_buffer_size() > 0)
        self.transport.abort()
        print(self.transport.is_closing(), self.transport.get_write_buffer_size())


def aborted_server(host: str, port: int, ready: Ready) -> None:
    """What was in the kernel already is still sent: an abort without SO_LINGER ends with a FIN."""
    asyncio.run(serve_once(host, port, ready, Less))


class Less(Told):
    def eof_received(self) -> bool:
        print("eof", 0 < len(self.received) < 1_000_000)
        return False


def aborted_client(host: str, port: int) -> None:
    async def main() -> None:
        transport, protocol = await asyncio.get_running_loop().create_connection(Aborted, host, port)
        transport.write(bytes(1_000_000))
        await protocol.over
        await asyncio.sleep(0.1)

    asyncio.run(main())


class HalfClosed(Told):
    """Keeps its own direction open, and ends it later."""

    def eof_received(self) -> bool:
        super().eof_received()
        asyncio.get_running_loop().call_later(0.05, self.finish)
        return True

    def finish(self) -> None:
        print(self.transport.is_closing(), self.transport.is_reading())
        self.transport.writelines([b"the ", b"answer"])
        print(tried(self.transport.write_eof), tried(self.transport.write_eof))
        print(tried(self.transport.write, b"too late"), tried(self.transport.writelines, [b"too late"]))
        asyncio.get_running_loop().call_later(0.05, self.transport.close)


def half_closed_server(host: str, port: int, ready: Ready) -> None:
    asyncio.run(serve_once(host, port, ready, HalfClosed))


def half_closed_client(host: str, port: int) -> None:
    async def main() -> None:
        transport, protocol = await asyncio.get_running_loop().create_connection(Told, host, port)
        transport.write(b"x" * 300_000)
        transport.write_eof()  # when all has been sent
        await protocol.over

    asyncio.run(main())


class Fails(Told):
    """One of its callbacks fails."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where = where

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        transport.write(b"go")
        if self.where == "connection_made":
            asyncio.get_running_loop().call_later(0.1, transport.close)
            raise ValueError(self.where)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.where == "data_received":
            raise ValueError(self.where)

    def eof_received(self) -> bool:
        if self.where == "eof_received":
            raise ValueError(self.where)
        return super().eof_received()


FAILING = ("connection_made", "data_received", "eof_received")


def failing_server(host: str, port: int, ready: Ready) -> None:
    def note(loop: Any, context: dict[str, Any]) -> None:
        print("handler:", context["message"].partition(" <")[0], repr(context.get("exception")))

    async def main(where: str) -> None:
        asyncio.get_running_loop().set_exception_handler(note)
        await serve_once(host, port, ready, Fails, where)

    for where in FAILING:
        asyncio.run(main(where))


def failing_client(host: str, port: int) -> None:
    for _ in FAILING:
        with socket.create_connection((host, port)) as sock:
            sock.recv(2, socket.MSG_WAITALL)
            sock.send(b"x")
            sock.shutdown(socket.SHUT_WR)
            print(sock.recv(100))
        time.sleep(0.2)  # the server begins anew


class Takes(Buffered):
    """Wants 4 bytes at a time; `keep` is what it says to an end of file."""

    def __init__(self, keep: bool | None) -> None:
        super().__init__()
        self.keep = keep
        self.hints: set[int] = set()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def get_buffer(self, sizehint: int) -> bytearray:
        self.hints.add(sizehint)
        return self.buffer[:0] if self.parts.endswith(b"!") else memoryview(self.buffer)[:4]  # type: ignore[return-value]

    def eof_received(self) -> bool | None:
        print("eof", self.hints)
        if self.keep:
            self.transport.write(b"still here")
            self.transport.close()
        return self.keep


def buffers_server(host: str, port: int, ready: Ready) -> None:
    server = socket.create_server((host, port))
    ready()
    for text in (b"one, two, three", b"four, five", b"a buffer without room!"):
        connection, _ = server.accept()
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        print(connection.recv(100))
        connection.close()


def buffers_client(host: str, port: int) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: print(context["message"], repr(context["exception"])))
        for keep in (None, True, None):
            _, protocol = await loop.create_connection(lambda keep=keep: Takes(keep), host, port)  # type: ignore[misc]
            await protocol.over

    asyncio.run(main())


def packets_alone(host: str, port: int) -> None:
    """Datagram endpoints at their edges: sizes, ends, ports that are taken, an error that belongs to nobody."""

    async def endpoint(**options: Any) -> tuple[Any, Datagrams]:
        return await asyncio.get_running_loop().create_datagram_endpoint(Datagrams, **options)

    async def fails(**options: Any) -> str:
        try:
            await endpoint(**options)
        except OSError as error:
            return f"{type(error).__name__} {errno.errorcode[error.errno or 0]}"
        except (ValueError, TypeError) as error:
            return f"{type(error).__name__} {error}"
        return "works"

    async def main() -> None:
        one, told = await endpoint(local_addr=(host, port))
        two, heard = await endpoint(remote_addr=(host, port), local_addr=(host, 0))
        print(two.get_extra_info("peername") == (host, port), two.get_extra_info("sockname")[0] == host)
        print(one.get_extra_info("peername"), one.is_closing(), one.get_write_buffer_limits())
        two.sendto(b"")  # before CPython 3.13 nothing is sent
        two.sendto(b"x" * 60_000)
        print(len((await told.got.get())[0]))
        two.sendto(b"x" * 70_000)
        print(await heard.got.get(), tried(two.sendto, "text"))
        print(await fails(local_addr=(host, port)), await fails(local_addr=(host, port), reuse_port=True))
        print(await fails(reuse_address=True, local_addr=(host, 0)), await fails(family=0))
        print(await fails(local_addr="no tuple"), await fails(local_addr=(host, 0), sock=one.get_extra_info("socket")))
        nobody, unheard = await endpoint(local_addr=(host, 0))
        nobody.sendto(b"to nobody", (host, 9))  # not connected: no error comes back
        await asyncio.sleep(0.05)
        print(unheard.got.empty())
        shared = [await endpoint(local_addr=(host, port + 1), reuse_port=True) for _ in range(2)]
        two.close()
        print(two.is_closing(), tried(two.sendto, b"late"), tried(two.close), tried(two.abort))
        for transport in (one, nobody, *[transport for transport, _ in shared]):
            transport.abort()
        await asyncio.sleep(0.01)

    asyncio.run(main())


def unreachable_server(host: str, port: int, ready: Ready) -> None:
    """Nobody listens for a while."""
    ready()
    time.sleep(0.3)
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind((host, port))
        print(sock.recv(100))


def unreachable_client(host: str, port: int) -> None:
    """What comes by ICMP ends up in error_received; the endpoint goes on."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(Datagrams, remote_addr=(host, port))
        for _ in range(2):
            transport.sendto(b"anybody?")
            print(await protocol.got.get(), transport.is_closing())
        await asyncio.sleep(0.5)
        transport.sendto(b"now?")
        transport.close()
        await asyncio.sleep(0.01)

    asyncio.run(main())
