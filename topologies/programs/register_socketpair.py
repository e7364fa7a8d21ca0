"""Registers sockets that are open already with asyncio's loop, in three ways. Needs no network, only one machine.

python register_socketpair.py
"""

import asyncio
import socket


async def with_add_reader():
    """The loop calls a function when a socket can be read."""
    loop = asyncio.get_running_loop()
    read_end, write_end = socket.socketpair()
    read_end.setblocking(False)
    received = loop.create_future()

    def readable():
        received.set_result(read_end.recv(100))
        loop.remove_reader(read_end.fileno())

    loop.add_reader(read_end.fileno(), readable)
    loop.call_soon(write_end.send, b"abc")
    print("add_reader:", (await received).decode(), flush=True)
    read_end.close()
    write_end.close()


class Collector(asyncio.Protocol):
    def __init__(self, done):
        self.done = done

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        print("protocol:", data.decode(), flush=True)
        self.transport.close()

    def connection_lost(self, error):
        self.done.set_result(None)


async def with_a_protocol():
    """The loop makes a transport of a socket, and calls a protocol."""
    loop = asyncio.get_running_loop()
    read_end, write_end = socket.socketpair()
    done = loop.create_future()
    await loop.create_connection(lambda: Collector(done), sock=read_end)
    loop.call_soon(write_end.send, b"def")
    await done
    write_end.close()


async def with_streams():
    """A coroutine waits for the data."""
    read_end, write_end = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=read_end)
    asyncio.get_running_loop().call_soon(write_end.send, b"ghi")
    print("streams:", (await reader.read(100)).decode(), flush=True)
    writer.close()
    await writer.wait_closed()
    write_end.close()


async def main():
    await with_add_reader()
    await with_a_protocol()
    await with_streams()


if __name__ == "__main__":
    asyncio.run(main())
