"""TCP server and clients in nurseries, timeouts, worker threads on both hosts, memory channels, UDP, TLS."""

import ssl
import sys
import time
from functools import partial

import trio

LIBRARIES = ("trio",)
REPEATS = "shape"
EXPECTED = """['HELLO 0', 'HELLO 1', 'HELLO 2', 'HELLO 3', 'HELLO 4']
timed out after 2 s
threads: [1, 1, 1] in 1 s
the server's threads: slow done, slow done at once: True
channel: [0, 1, 2]
udp: b'PING'
tls: b'SECRET'"""


async def shout(stream: trio.abc.Stream) -> None:
    async for data in stream:
        if data == b"slow":
            await trio.to_thread.run_sync(time.sleep, 2)
            data = b"slow done"
        elif data != b"silence":
            data = data.upper()
        else:
            continue
        await stream.send_all(data)


async def udp(host: str, port: int) -> None:
    with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as sock:
        await sock.bind((host, port))
        while True:
            data, address = await sock.recvfrom(100)
            await sock.sendto(data.upper(), address)


async def serve(host: str, folder: str, port: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/server.pem")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(udp, host, port + 2)
        nursery.start_soon(partial(trio.serve_ssl_over_tcp, shout, port + 1, context, host=host))
        nursery.start_soon(partial(trio.serve_tcp, shout, port, host=host))


def server(host: str, folder: str, port: int) -> None:
    trio.run(serve, host, folder, port)


async def ask(host: str, folder: str, port: int) -> None:
    answers = []

    async def one(number: int) -> None:
        async with await trio.open_tcp_stream(host, port) as stream:
            await trio.sleep(number)
            await stream.send_all(b"hello %d" % number)
            answers.append((await stream.receive_some(100)).decode())

    async with trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(one, number)
    print(answers)
    async with await trio.open_tcp_stream(host, port) as stream:
        start = trio.current_time()
        with trio.move_on_after(2):
            await stream.send_all(b"silence")
            await stream.receive_some(100)
        print(f"timed out after {trio.current_time() - start:.0f} s")
    await threads(host, port)
    sender, receiver = trio.open_memory_channel[int](0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fill, sender)
        print("channel:", [number async for number in receiver])
    with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as sock:
        await sock.connect((host, port + 2))
        answer = b""
        while not answer:  # one may be lost
            await sock.send(b"ping")
            with trio.move_on_after(1):
                answer = await sock.recv(100)
        print("udp:", answer)
    trusted = ssl.create_default_context(cafile=f"{folder}/ca.pem")
    async with await trio.open_ssl_over_tcp_stream(host, port + 1, ssl_context=trusted) as secure:
        await secure.send_all(b"secret")
        print("tls:", await secure.receive_some(100))


async def threads(host: str, port: int) -> None:
    start = trio.current_time()
    slept = []

    def sleep() -> None:
        time.sleep(1)
        slept.append(trio.from_thread.run_sync(int, "1"))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(trio.to_thread.run_sync, sleep)
    print(f"threads: {slept} in {trio.current_time() - start:.0f} s")
    start = trio.current_time()
    answers = []

    async def one() -> None:
        async with await trio.open_tcp_stream(host, port) as stream:
            await stream.send_all(b"slow")
            answers.append((await stream.receive_some(100)).decode())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(one)
        nursery.start_soon(one)
    print(f"the server's threads: {', '.join(answers)} at once: {trio.current_time() - start < 4}")


async def fill(sender: trio.MemorySendChannel[int]) -> None:
    async with sender:
        for number in range(3):
            await sender.send(number)


def client(host: str, folder: str, port: int) -> None:
    trio.run(ask, host, folder, port)


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]](*sys.argv[2:4], int(sys.argv[4]))
