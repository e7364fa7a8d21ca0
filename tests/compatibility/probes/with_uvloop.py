"""uvloop.run of an echo server and its client."""

import asyncio
import sys

import uvloop

LIBRARIES = ("uvloop",)
EXPECTED = "answer: b'HELLO'"


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write((await reader.read(100)).upper())
    writer.close()


async def serve() -> None:
    async with await asyncio.start_server(shout, "0.0.0.0", 8000) as listener:
        await listener.serve_forever()


def server(host: str, folder: str) -> None:
    uvloop.run(serve())


async def ask(host: str) -> None:
    reader, writer = await asyncio.open_connection(host, 8000)
    writer.write(b"hello")
    print("answer:", await reader.read())
    writer.close()


def client(host: str, folder: str) -> None:
    uvloop.run(ask(host))


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]](*sys.argv[2:])
