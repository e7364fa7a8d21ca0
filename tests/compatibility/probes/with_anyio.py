"""The same program on its asyncio and on its trio backend: TCP, UDP, task groups, cancel scopes, worker threads, TLS."""

import ssl
import sys
import threading
import time

import anyio
import anyio.to_thread
from anyio.abc import SocketStream
from anyio.streams.tls import TLSListener, TLSStream

LIBRARIES = ("anyio", "trio")
REPEATS = "shape"
EXPECTED = """asyncio: ['HELLO 0', 'HELLO 1', 'HELLO 2']
asyncio: timed out after 2 s
asyncio: two threads slept 1 s
asyncio: udp b'PING'
asyncio: tls b'SECRET'
trio: ['HELLO 0', 'HELLO 1', 'HELLO 2']
trio: timed out after 2 s
trio: two threads slept 1 s
trio: udp b'PING'
trio: tls b'SECRET'"""


async def shout(stream: SocketStream | TLSStream) -> None:
    async with stream:
        async for data in stream:
            if data != b"silence":
                await stream.send(data.upper())


async def udp(host: str, port: int) -> None:
    async with await anyio.create_udp_socket(local_host=host, local_port=port) as sock:
        async for data, (address, sender) in sock:
            await sock.sendto(data.upper(), address, sender)


async def serve(host: str, folder: str, port: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/server.pem")
    plain = await anyio.create_tcp_listener(local_host=host, local_port=port)
    secure = TLSListener(await anyio.create_tcp_listener(local_host=host, local_port=port + 1), context, False)
    async with anyio.create_task_group() as group:
        group.start_soon(udp, host, port + 2)
        group.start_soon(plain.serve, shout)
        group.start_soon(secure.serve, shout)


def server(host: str, folder: str, port: int) -> None:
    threading.Thread(
        target=anyio.run, args=(serve, host, folder, port + 3), kwargs={"backend": "trio"}, daemon=True
    ).start()
    anyio.run(serve, host, folder, port)


async def ask(host: str, folder: str, backend: str, port: int) -> None:
    answers = []

    async def one(number: int) -> None:
        async with await anyio.connect_tcp(host, port) as stream:
            await anyio.sleep(number)
            await stream.send(b"hello %d" % number)
            answers.append((await stream.receive()).decode())

    async with anyio.create_task_group() as group:
        for number in range(3):
            group.start_soon(one, number)
    print(f"{backend}: {answers}")
    async with await anyio.connect_tcp(host, port) as stream:
        await stream.send(b"silence")
        start = anyio.current_time()
        with anyio.move_on_after(2):
            await stream.receive()
        print(f"{backend}: timed out after {anyio.current_time() - start:.0f} s")
    start = anyio.current_time()
    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(anyio.to_thread.run_sync, time.sleep, 1)
    print(f"{backend}: two threads slept {anyio.current_time() - start:.0f} s")
    async with await anyio.create_connected_udp_socket(host, port + 2) as sock:
        answer = b""
        while not answer:  # one may be lost
            await sock.send(b"ping")
            with anyio.move_on_after(1):
                answer = await sock.receive()
        print(f"{backend}: udp {answer!r}")
    trusted = ssl.create_default_context(cafile=f"{folder}/ca.pem")
    async with await anyio.connect_tcp(
        host, port + 1, tls=True, ssl_context=trusted, tls_standard_compatible=False
    ) as secure:
        await secure.send(b"secret")
        print(f"{backend}: tls {await secure.receive()!r}")


def client(host: str, folder: str, port: int) -> None:
    for backend, first in (("asyncio", port), ("trio", port + 3)):
        anyio.run(ask, host, folder, backend, first, backend=backend)


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]](*sys.argv[2:4], int(sys.argv[4]))
