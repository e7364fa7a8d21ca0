"""asyncio: ways to connect and to serve, local sockets, TLS, files, and the calls of a loop on bare sockets."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket
import ssl
import tempfile
from collections.abc import Awaitable
from typing import Any

from tests.userland.parity.aio_transports import Told, serve_once
from tests.userland.parity.certificate import client_context, server_context
from tests.userland.parity.outcome import Ready


async def awaited(call: Awaitable[Any]) -> str:
    """What becomes of it."""
    try:
        return re.sub("fd=[0-9]+|0x[0-9a-f]+|/[^ ,]*/", "", f"-> {await call!r}")
    except ssl.SSLError as error:
        return f"{type(error).__name__} {error.reason}"
    except OSError as error:
        return f"{type(error).__name__} {errno.errorcode.get(error.errno or 0)}"
    except Exception as error:
        return f"{type(error).__name__} {str(error).partition(', got')[0].partition(' sockets=')[0]}"


def ways_server(host: str, port: int, ready: Ready) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read() + str(writer.get_extra_info("peername")[1] == port + 1).encode())
        writer.close()
        await writer.wait_closed()
        done.append(True)

    done: list[bool] = []

    async def main() -> None:
        server = await asyncio.start_server(serve, host, port, backlog=5, reuse_address=True, start_serving=False)
        print(server.is_serving(), server.get_loop() is asyncio.get_running_loop(), len(server.sockets))
        await server.start_serving()
        await server.start_serving()
        print(server.is_serving(), server.sockets[0].getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR))
        ready()
        while len(done) < 4:
            await asyncio.sleep(0.01)
        server.close()
        print(server.is_serving(), server.sockets, server.close())
        await server.wait_closed()

    asyncio.run(main())


def ways_client(host: str, port: int) -> None:
    async def ask(**options: Any) -> None:
        reader, writer = await asyncio.open_connection(**options)
        writer.write(b"from the right port: ")
        writer.write_eof()
        print(await reader.read())
        writer.close()
        await writer.wait_closed()

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        here = ("127.0.0.1" if host.startswith("127") else "10.0.0.1", port + 1)
        await ask(host=host, port=port, local_addr=here)
        sock = socket.socket()
        sock.setblocking(False)
        await loop.sock_connect(sock, (host, port))
        await ask(sock=sock)
        await ask(host=host, port=port, happy_eyeballs_delay=0.1, interleave=1)
        await ask(host=host, port=port, family=socket.AF_INET, proto=socket.IPPROTO_TCP)
        print(await awaited(loop.create_connection(Told, host, port, sock=sock)))
        print(await awaited(loop.create_connection(Told)))
        print(await awaited(loop.create_connection(Told, host, port, server_hostname="web")))
        print(await awaited(loop.create_connection(Told, sock=socket.socket(type=socket.SOCK_DGRAM))))
        print(await awaited(loop.create_connection(Told, host, port, local_addr=("192.0.2.1", 0))))
        print(await awaited(loop.create_connection(Told, host, 9, happy_eyeballs_delay=0.05)))
        print(await awaited(loop.create_server(Told, host, port, sock=sock)), await awaited(loop.create_server(Told)))

    asyncio.run(main())


def many_alone(host: str, port: int) -> None:
    """One server on two addresses; another that gets its connections from elsewhere; one that serves for ever."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        over: asyncio.Queue[bytes] = asyncio.Queue()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            over.put_nowait(await reader.read())
            writer.close()

        server = await asyncio.start_server(serve, ["127.0.0.1", "127.0.0.2"], port)
        print(sorted(sock.getsockname()[0][-1] for sock in server.sockets))
        for address in ("127.0.0.1", "127.0.0.2"):
            _, writer = await asyncio.open_connection(address, port)
            writer.write(address[-1:].encode())
            writer.close()
            print(await over.get())
        forever = asyncio.create_task(server.serve_forever())
        await asyncio.sleep(0.01)
        print(await awaited(server.serve_forever()))
        server.close()
        try:
            await forever
        except asyncio.CancelledError:
            print("cancelled", server.is_serving(), await awaited(server.start_serving()))
        with socket.create_server((host, port)) as listening:
            listening.setblocking(False)
            client = asyncio.create_task(loop.create_connection(Told, host, port))
            sock, _ = await loop.sock_accept(listening)
            transport, protocol = await loop.connect_accepted_socket(Told, sock)
            other, _ = await client
            other.write(b"by hand")
            other.close()
            await protocol.over
            print(protocol.received, transport.is_closing())

    asyncio.run(main())


def calls_server(host: str, port: int, ready: Ready) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.bind((host, port))
            sock.setblocking(False)
            ready()
            data, address = await loop.sock_recvfrom(sock, 100)
            buffer = bytearray(20)
            size, again = await loop.sock_recvfrom_into(sock, buffer)
            print(data, size, buffer[:size], again == address)
            print(await loop.sock_sendto(sock, b"both", address))
            print(await awaited(loop.sock_sendto(sock, b"x" * 70_000, address)))

    asyncio.run(main())


def calls_client(host: str, port: int) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            print(
                await loop.sock_sendto(sock, b"one", (host, port)), await loop.sock_sendto(sock, b"two", (host, port))
            )
            print(await loop.sock_recv(sock, 100))
            await loop.sock_connect(sock, (host, 9))
            await loop.sock_sendall(sock, b"to nobody")
            print(await awaited(loop.sock_recv(sock, 100)))
        one, other = socket.socketpair()
        for end in (one, other):
            end.setblocking(False)
        waiting = asyncio.create_task(loop.sock_recv(one, 10))
        await asyncio.sleep(0.01)
        print(waiting.done(), await awaited(loop.sock_sendall(other, b"wake up")), await waiting)
        try:
            await asyncio.wait_for(loop.sock_recv(one, 10), 0.02)
        except TimeoutError:
            print("nothing came", await awaited(loop.sock_sendall(other, b"later")), await loop.sock_recv(one, 10))
        big = asyncio.create_task(loop.sock_sendall(other, bytes(3_000_000)))
        buffer, size = bytearray(100_000), 0
        while size < 3_000_000:
            size += await loop.sock_recv_into(one, buffer)
        print(size, await awaited(big))
        other.close()
        print(await loop.sock_recv(one, 10), await loop.sock_recv_into(one, buffer))
        print(await awaited(loop.sock_sendall(one, b"x")))
        one.close()
        print(await awaited(loop.sock_recv(one, 10)))

    asyncio.run(main())


def sending_server(host: str, port: int, ready: Ready) -> None:
    with socket.create_server((host, port)) as server:
        ready()
        for _ in range(4):
            connection, _ = server.accept()
            with connection:
                data = connection.makefile("rb").read()
            print(len(data), data[:5], data[-5:])


def sending_client(host: str, port: int) -> None:
    """sendfile and sock_sendfile, by the system or by hand, a part or all."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with tempfile.TemporaryFile() as file:
            file.write(b"begin" + bytes(700_000) + b"finis")
            for offset, count, fallback in ((0, None, True), (3, 100_000, False)):
                file.seek(0)
                with socket.socket() as sock:
                    sock.setblocking(False)
                    await loop.sock_connect(sock, (host, port))
                    print(await loop.sock_sendfile(sock, file, offset, count, fallback=fallback), file.tell())
                transport, protocol = await loop.create_connection(Told, host, port)
                print(await loop.sendfile(transport, file, offset, count, fallback=fallback), file.tell())
                transport.close()
                await protocol.over
                print(await awaited(loop.sendfile(transport, file)))
        with tempfile.TemporaryFile("w") as text:
            print(await awaited(loop.sock_sendfile(socket.socket(), text)))  # type: ignore[arg-type]

    asyncio.run(main())


def unix_alone(host: str, port: int) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "sock")
            server = await loop.create_unix_server(Told, path, backlog=3)
            transport, protocol = await loop.create_unix_connection(Told, path)
            print([transport.get_extra_info("sockname"), transport.get_extra_info("peername") == path])
            transport.write(b"over a path")
            transport.write_eof()
            await protocol.over
            print(await awaited(loop.create_unix_server(Told, path)))
            server.close()
            await server.wait_closed()
            print(await awaited(loop.create_unix_connection(Told, path)))
            print(await awaited(loop.create_unix_connection(Told)), await awaited(loop.create_unix_server(Told)))
        one, other = socket.socketpair()
        _, written = await loop.create_unix_connection(Told, sock=one)
        reader, writer = await asyncio.open_unix_connection(sock=other)
        writer.write(b"a pair")
        writer.write_eof()
        await written.over
        print(written.received, await reader.read())
        writer.close()

    asyncio.run(main())


def secure_server(host: str, port: int, ready: Ready) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        secure = writer.get_extra_info("ssl_object")
        print(type(secure).__name__, secure.version(), type(writer.transport).__name__, writer.can_write_eof())
        while line := await reader.readline():
            writer.write(line.upper())
            await writer.drain()
        print("eof", reader.at_eof())
        writer.close()
        over.set()

    over: asyncio.Event

    async def main() -> None:
        nonlocal over
        over = asyncio.Event()
        server = await asyncio.start_server(serve, host, port, ssl=server_context(), ssl_handshake_timeout=5)
        ready()
        await over.wait()
        server.close()
        await server.wait_closed()

    asyncio.run(main())


def secure_client(host: str, port: int) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        unknown = ssl.create_default_context()
        print(await awaited(asyncio.open_connection(host, port, ssl=unknown, server_hostname="web")))
        print(await awaited(asyncio.open_connection(host, port, ssl=client_context(), server_hostname="other")))
        context = client_context()
        reader, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname="web")
        print([type(writer.get_extra_info(name)).__name__ for name in ("peercert", "cipher", "compression", "socket")])
        print(writer.get_extra_info("sslcontext") is context, writer.get_extra_info("peercert")["subject"])
        print(writer.can_write_eof(), await awaited(asyncio.to_thread(writer.write_eof)))
        writer.writelines([b"so", b"me\n", b"x" * 40_000, b"\n"])
        await writer.drain()
        print(await reader.readline(), len(await reader.readline()))
        writer.close()
        await writer.wait_closed()
        print(writer.is_closing())

    asyncio.run(main())


class Upgrades(Told):
    """Turns its connection into a secure one when it is told to."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if data == b"STARTTLS\n":
            self.transport.write(b"go\n")
            self.task = asyncio.get_running_loop().create_task(self.upgrade())
        elif self.received.endswith(b"bye\n"):
            print(self.received)
            self.transport.write(b"BYE\n")
            self.transport.close()

    async def upgrade(self) -> None:
        loop = asyncio.get_running_loop()
        secure = await loop.start_tls(self.transport, self, server_context(), server_side=True)
        assert secure is not None
        print(type(secure).__name__, secure.get_extra_info("ssl_object").version(), secure.get_protocol() is self)
        self.transport = secure


def upgrade_server(host: str, port: int, ready: Ready) -> None:
    for _ in range(2):
        asyncio.run(serve_once(host, port, ready, Upgrades))


def upgrade_client(host: str, port: int) -> None:
    """STARTTLS, by the streams and by the loop."""

    async def streams() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"STARTTLS\n")
        print(await reader.readline())
        await writer.start_tls(client_context(), server_hostname="web")
        print(writer.get_extra_info("ssl_object").version(), type(writer.transport).__name__)
        await asyncio.sleep(0.05)  # the other side has its new transport by then
        writer.write(b"bye\n")
        print(await reader.readline(), await reader.read())
        writer.close()
        await writer.wait_closed()

    async def transports() -> None:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_connection(Told, host, port)
        transport.write(b"STARTTLS\n")
        while not protocol.received:
            await asyncio.sleep(0.01)
        secure = await loop.start_tls(transport, protocol, client_context(), server_hostname="web")
        assert secure is not None
        protocol.transport = secure
        await asyncio.sleep(0.05)
        secure.write(b"bye\n")
        await protocol.over
        print(protocol.received, await awaited(loop.start_tls(secure, protocol, None)))  # type: ignore[arg-type]

    asyncio.run(streams())
    asyncio.run(asyncio.sleep(0.2))  # the server begins anew
    asyncio.run(transports())


def streamed_server(host: str, port: int, ready: Ready) -> None:
    """The server's side of STARTTLS by streams."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        print(await reader.readline(), writer.get_extra_info("ssl_object"))
        writer.write(b"go\n")
        await writer.drain()
        await writer.start_tls(server_context())
        print(writer.get_extra_info("ssl_object").version(), await reader.readline())
        writer.write(b"secret answer\n")
        await writer.drain()
        writer.close()
        over.append(True)

    over: list[bool] = []

    async def main() -> None:
        async with await asyncio.start_server(serve, host, port):
            ready()
            while not over:
                await asyncio.sleep(0.01)

    asyncio.run(main())


def streamed_client(host: str, port: int) -> None:
    with socket.create_connection((host, port)) as plain:
        plain.sendall(b"STARTTLS\n")
        print(plain.recv(3))
        with client_context().wrap_socket(plain, server_hostname="web") as secure:
            secure.sendall(b"secret question\n")
            print(secure.recv(100), secure.recv(100))
