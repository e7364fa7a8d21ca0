"""Server and client on asyncio, and the blocking client on threads; fragments, ping, close codes, TLS."""

import asyncio
import ssl
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as connect_blocking

LIBRARIES = ("websockets",)
REPEATS = "shape"
EXPECTED = """ONE
a long one: 100000
ping came back: True
closed: 4001 enough
blocking: TWO
tls: THREE"""


async def shout(socket: ServerConnection) -> None:
    async for message in socket:
        if message == "enough":
            await socket.close(4001, "enough")
            return
        await socket.send(message.upper())


async def run_server(host: str, folder: str, port: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/server.pem")
    async with serve(shout, host, port + 1, ssl=context), serve(shout, host, port):
        await asyncio.Event().wait()


def server(host: str, folder: str, port: int) -> None:
    asyncio.run(run_server(host, folder, port))


async def ask(host: str, port: int) -> None:
    async with connect(f"ws://{host}:{port}", ping_interval=0.2) as socket:
        await socket.send("one")
        print(await socket.recv())
        await socket.send(["x" * 50_000, "y" * 50_000])
        print("a long one:", len(await socket.recv()))
        print("ping came back:", await (await socket.ping()) > 0)
        await asyncio.sleep(2)  # pings go to and fro
        await socket.send("enough")
        try:
            await socket.recv()
        except ConnectionClosed as error:
            print("closed:", error.rcvd.code, error.rcvd.reason)


def client(host: str, folder: str, port: int) -> None:
    asyncio.run(ask(host, port))
    with connect_blocking(f"ws://{host}:{port}") as socket:
        socket.send("two")
        print("blocking:", socket.recv(timeout=5))
    trusted = ssl.create_default_context(cafile=f"{folder}/ca.pem")
    with connect_blocking(f"wss://{host}:{port + 1}", ssl=trusted) as socket:
        socket.send("three")
        print("tls:", socket.recv())


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]](*sys.argv[2:4], int(sys.argv[4]))
