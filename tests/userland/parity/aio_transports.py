"""asyncio: transports and protocols, and each of their callbacks."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

from tests.userland.parity.outcome import Ready


class Told(asyncio.Protocol):
    """Prints what it is told."""

    def __init__(self, keep_open: bool = False) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.keep_open = keep_open
        self.received = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        print("made", type(transport).__name__, transport.is_reading(), transport.is_closing())

    def data_received(self, data: bytes) -> None:
        self.received += data

    def eof_received(self) -> bool:
        print("eof", len(self.received), self.received[:20])
        return self.keep_open

    def connection_lost(self, exc: Exception | None) -> None:
        print("lost", repr(exc), self.transport.is_closing())
        if not self.over.done():
            self.over.set_result(None)


async def serve_once(host: str, port: int, ready: Ready, protocol: type[Told], *arguments: Any) -> Told:
    loop = asyncio.get_running_loop()
    made: asyncio.Future[Told] = loop.create_future()

    def factory() -> Told:
        made.set_result(protocol(*arguments))
        return made.result()

    server = await loop.create_server(factory, host, port)
    ready()
    connection = await made
    await connection.over
    server.close()
    await server.wait_closed()
    return connection


def eof_server(host: str, port: int, ready: Ready) -> None:
    asyncio.run(serve_once(host, port, ready, Told))


def eof_client(host: str, port: int) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_connection(Told, host, port)
        transport.write(b"some data")
        print(transport.can_write_eof(), transport.write_eof())
        await protocol.over

    asyncio.run(main())


class Answers(Told):
    def eof_received(self) -> bool:
        super().eof_received()
        self.transport.write(b"after your end")
        self.transport.close()
        return True


def half_open_server(host: str, port: int, ready: Ready) -> None:
    asyncio.run(serve_once(host, port, ready, Answers))


def half_open_client(host: str, port: int) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_connection(Told, host, port)
        transport.writelines([b"a", b"b", b"c"])
        transport.write_eof()
        await protocol.over
        try:
            transport.write(b"too late")
        except RuntimeError as error:
            print(error)

    asyncio.run(main())


class Slow(Told):
    """Reads nothing for a while."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        transport.pause_reading()
        print(transport.is_reading())
        asyncio.get_running_loop().call_later(0.3, transport.resume_reading)


class Pausing(Told):
    paused = 0
    resumed = 0

    def pause_writing(self) -> None:
        self.paused += 1
        self.since = time.monotonic()

    def resume_writing(self) -> None:
        self.resumed += 1
        print("resumed after long", time.monotonic() - self.since > 0.2)
        self.transport.close()


def pressure_server(host: str, port: int, ready: Ready) -> None:
    asyncio.run(serve_once(host, port, ready, Slow))


def pressure_client(host: str, port: int) -> None:
    """The writer is told to pause when the window of the slow reader is full, and to go on when it opens."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_connection(Pausing, host, port)
        transport.set_write_buffer_limits(high=10_000, low=1000)
        transport.write(b"z" * 8_000_000)
        print(protocol.paused, protocol.resumed, transport.get_write_buffer_size() > 10_000)
        await protocol.over
        print(protocol.paused, protocol.resumed)

    asyncio.run(main())


class Aborts(Told):
    def data_received(self, data: bytes) -> None:
        print(data)
        self.transport.get_extra_info("socket").setsockopt(1, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.transport.abort()


def reset_server(host: str, port: int, ready: Ready) -> None:
    asyncio.run(serve_once(host, port, ready, Aborts))


def reset_client(host: str, port: int) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_connection(Told, host, port)
        transport.write(b"reset me")
        await protocol.over

    asyncio.run(main())


class Buffered(asyncio.BufferedProtocol):
    def __init__(self) -> None:
        self.buffer = bytearray(10)
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.parts = b""

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.parts += bytes(self.buffer[:nbytes])

    def connection_lost(self, exc: Exception | None) -> None:
        print(self.parts, exc)
        self.over.set_result(None)


def buffered_server(host: str, port: int, ready: Ready) -> None:
    server = socket.create_server((host, port))
    ready()
    connection, _ = server.accept()
    connection.sendall(b"more than ten bytes at once")
    connection.close()


def buffered_client(host: str, port: int) -> None:
    async def main() -> None:
        _, protocol = await asyncio.get_running_loop().create_connection(Buffered, host, port)
        await protocol.over

    asyncio.run(main())


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.got: asyncio.Queue[Any] = asyncio.Queue()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        print("made", type(transport).__name__)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.got.put_nowait((data, addr))

    def error_received(self, exc: Exception) -> None:
        self.got.put_nowait(repr(exc))

    def connection_lost(self, exc: Exception | None) -> None:
        print("lost", exc)


def datagrams_server(host: str, port: int, ready: Ready) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(Datagrams, local_addr=(host, port))
        print(transport.get_extra_info("sockname") == (host, port), transport.get_extra_info("peername"))
        ready()
        for _ in range(3):
            data, address = await protocol.got.get()
            print(data)
            transport.sendto(data.upper(), address)
        await asyncio.sleep(0.05)
        transport.close()
        await asyncio.sleep(0.01)

    asyncio.run(main())


def datagrams_client(host: str, port: int) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(Datagrams, remote_addr=(host, port))
        print(transport.get_extra_info("peername") == (host, port))
        transport.sendto(b"one")
        print(await protocol.got.get())
        transport.sendto(b"two", (host, port))
        print(await protocol.got.get())
        try:
            transport.sendto(b"x", ("192.0.2.1", 5))
        except ValueError as error:
            print(error)
        transport.abort()
        await asyncio.sleep(0)
        transport, protocol = await loop.create_datagram_endpoint(Datagrams, family=socket.AF_INET)
        transport.sendto(b"three", (host, port))
        print(await protocol.got.get())
        transport.close()
        await asyncio.sleep(0)

    asyncio.run(main())


def refused_alone(host: str, port: int) -> None:
    """A datagram that nobody takes comes back as an error of the connected endpoint."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(Datagrams, remote_addr=(host, port))
        transport.sendto(b"anybody?")
        print(await protocol.got.get())
        transport.close()
        await asyncio.sleep(0)

    asyncio.run(main())


def broadcast_server(host: str, port: int, ready: Ready) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_datagram_endpoint(Datagrams, local_addr=("0.0.0.0", port))
        ready()
        print((await protocol.got.get())[0])

    asyncio.run(main())


def broadcast_client(host: str, port: int) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Datagrams, family=socket.AF_INET, allow_broadcast=True)
        transport.sendto(b"to all", ("127.255.255.255" if host.startswith("127") else "10.0.0.255", port))
        await asyncio.sleep(0.05)
        transport.close()

    asyncio.run(main())


def sockets_server(host: str, port: int, ready: Ready) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = socket.create_server((host, port))
        server.setblocking(False)
        ready()
        connection, _ = await loop.sock_accept(server)
        print(connection.gettimeout(), await loop.sock_recv(connection, 100))
        buffer = bytearray(20)
        count = await loop.sock_recv_into(connection, buffer)
        print(count, buffer[:count])
        await loop.sock_sendall(connection, b"y" * 1_000_000)
        connection.close()

    asyncio.run(main())


def sockets_client(host: str, port: int) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        client = socket.socket()
        client.setblocking(False)
        await loop.sock_connect(client, (host, port))
        await loop.sock_sendall(client, b"first")
        await asyncio.sleep(0.02)
        await loop.sock_sendall(client, b"second")
        total = 0
        while data := await loop.sock_recv(client, 65536):
            total += len(data)
        print(total)
        client.close()
        one, other = socket.socket(type=socket.SOCK_DGRAM), socket.socket(type=socket.SOCK_DGRAM)
        one.bind(("127.0.0.1", 0))
        for sock in (one, other):
            sock.setblocking(False)
        print(await loop.sock_sendto(other, b"datagram", one.getsockname()))
        data, address = await loop.sock_recvfrom(one, 100)
        print(data, address == ("127.0.0.1", other.getsockname()[1]))
        refused = socket.socket()
        refused.setblocking(False)
        one.close()
        try:
            await loop.sock_connect(refused, ("127.0.0.1", port + 1 if port < 65535 else 1))
        except OSError as error:
            print(type(error).__name__)

    asyncio.run(main())


def readers_alone(host: str, port: int) -> None:
    """add_reader and add_writer on a registered socket pair."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        one, other = socket.socketpair()
        done = loop.create_future()
        loop.add_reader(one, lambda: done.set_result(one.recv(100)))
        loop.call_later(0.02, other.send, b"hello")
        print(await done, loop.remove_reader(one), loop.remove_reader(one))
        writable = loop.create_future()
        loop.add_writer(other, writable.set_result, "writable")
        print(await writable, loop.remove_writer(other))
        one.close()
        other.close()

    asyncio.run(main())


def wrapped_server(host: str, port: int, ready: Ready) -> None:
    """A server on a socket of one's own; serve_forever ends when it is cancelled."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(4))
        await writer.drain()
        writer.close()
        asyncio.get_running_loop().call_later(0.05, task.cancel)

    async def main() -> None:
        global task  # noqa: PLW0603
        sock = socket.create_server((host, port))
        server = await asyncio.start_server(serve, sock=sock, start_serving=False)
        print(server.is_serving())
        ready()
        task = asyncio.create_task(server.serve_forever())
        try:
            await task
        except asyncio.CancelledError:
            print("cancelled", server.is_serving(), sock.fileno())

    asyncio.run(main())


task: asyncio.Task[None]


def wrapped_client(host: str, port: int) -> None:
    async def main() -> None:
        sock = socket.create_connection((host, port))
        reader, writer = await asyncio.open_connection(sock=sock)
        writer.write(b"ping")
        print(await reader.read())
        writer.close()
        await writer.wait_closed()
        print(sock.fileno())

    asyncio.run(main())
