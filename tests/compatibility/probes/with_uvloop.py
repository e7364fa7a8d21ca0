"""uvloop.run of an echo server and its client."""

import asyncio
import sys

import uvloop

LIBRARIES = ("uvloop",)
REPEATS = "bytes"
EXPECTED = "answer: b'HELLO'"


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write((await reader.read(100)).upper())
    writer.close()


async def serve(host: str, port: int) -> None:
    async with await asyncio.start_server(shout, host, port) as listener:
        await listener.serve_forever()


def server(host: str, folder: str, port: int) -> None:
    uvloop.run(serve(host, port))


async def ask(host: str, port: int) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"hello")
    print("answer:", await reader.read())
    writer.close()


def client(host: str, folder: str, port: int) -> None:
    uvloop.run(ask(host, port))


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]](*sys.argv[2:4], int(sys.argv[4]))
