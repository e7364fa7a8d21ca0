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
EXPECTED = """asyncio: ['HELLO 0', 'HELLO 1', 'HELLO 2']
asyncio: timed out after 2.0 s
asyncio: two threads slept 1.0 s
asyncio: udp b'PING'
asyncio: tls b'SECRET'
trio: ['HELLO 0', 'HELLO 1', 'HELLO 2']
trio: timed out after 2.0 s
trio: two threads slept 1.0 s
trio: udp b'PING'
trio: tls b'SECRET'"""


async def shout(stream: SocketStream | TLSStream) -> None:
    async with stream:
        async for data in stream:
            if data != b"silence":
                await stream.send(data.upper())


async def udp(port: int) -> None:
    async with await anyio.create_udp_socket(local_host="0.0.0.0", local_port=port) as sock:
        async for data, (host, sender) in sock:
            await sock.sendto(data.upper(), host, sender)


async def serve(folder: str, port: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/server.pem")
    plain = await anyio.create_tcp_listener(local_host="0.0.0.0", local_port=port)
    secure = TLSListener(await anyio.create_tcp_listener(local_host="0.0.0.0", local_port=port + 1), context, False)
    async with anyio.create_task_group() as group:
        group.start_soon(udp, port + 2)
        group.start_soon(plain.serve, shout)
        group.start_soon(secure.serve, shout)


def server(host: str, folder: str) -> None:
    threading.Thread(target=anyio.run, args=(serve, folder, 9100), kwargs={"backend": "trio"}, daemon=True).start()
    anyio.run(serve, folder, 9000)


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
        print(f"{backend}: timed out after {anyio.current_time() - start:.1f} s")
    start = anyio.current_time()
    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(anyio.to_thread.run_sync, time.sleep, 1)
    print(f"{backend}: two threads slept {anyio.current_time() - start:.1f} s")
    async with await anyio.create_connected_udp_socket(host, port + 2) as sock:
        await sock.send(b"ping")
        print(f"{backend}: udp {await sock.receive()!r}")
    trusted = ssl.create_default_context(cafile=f"{folder}/ca.pem")
    async with await anyio.connect_tcp(
        host, port + 1, tls=True, ssl_context=trusted, tls_standard_compatible=False
    ) as secure:
        await secure.send(b"secret")
        print(f"{backend}: tls {await secure.receive()!r}")


def client(host: str, folder: str) -> None:
    for backend, port in (("asyncio", 9000), ("trio", 9100)):
        anyio.run(ask, host, folder, backend, port, backend=backend)


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]](*sys.argv[2:])
