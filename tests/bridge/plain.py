"""A web server and clients that know nothing of ours: run as plain processes of this machine, and as programs inside.

python plain.py serve PORT
python plain.py with_requests HOST:PORT
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable

DATA = random.Random(1).randbytes(200_000)


def serve(port: str) -> None:
    """A server of aiohttp: `/data` has data, `/echo` gives back what it is sent, `/talk` is a web socket."""
    from aiohttp import WSMsgType, web

    async def data(_: web.Request) -> web.Response:
        return web.Response(body=DATA)

    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read(), headers={"X-From": request.remote or "nobody"})

    async def talk(request: web.Request) -> web.WebSocketResponse:
        opened = web.WebSocketResponse()
        await opened.prepare(request)
        async for message in opened:
            if message.type == WSMsgType.TEXT:
                await opened.send_str(message.data.upper())
            elif message.type == WSMsgType.BINARY:
                await opened.send_bytes(message.data[::-1])
        return opened

    async def main() -> None:
        app = web.Application(client_max_size=10_000_000)
        app.add_routes([web.get("/data", data), web.post("/echo", echo), web.get("/talk", talk)])
        runner = web.AppRunner(app)
        await runner.setup()
        # Inside there is no other machine to keep out; outside nobody but this machine shall come in.
        await web.TCPSite(runner, "127.0.0.1" if __name__ == "__main__" else "0.0.0.0", int(port)).start()
        print("ready", flush=True)
        await asyncio.Event().wait()

    asyncio.run(main())


def with_requests(where: str) -> str:
    """Three requests over one connection; who the server takes us for."""
    import requests

    with requests.Session() as session:
        session.trust_env = False
        assert session.get(f"http://{where}/data", timeout=30).content == DATA
        answer = session.post(f"http://{where}/echo", data=DATA, timeout=30)
        assert answer.content == DATA
        assert session.get(f"http://{where}/nothing", timeout=30).status_code == 404
        return answer.headers["X-From"]


def with_aiohttp(where: str) -> str:
    """Ten requests at once; who the server takes us for."""
    import aiohttp

    async def ask(session: aiohttp.ClientSession, number: int) -> str:
        sent = DATA[number:]
        async with session.post(f"http://{where}/echo", data=sent) as answer:
            assert await answer.read() == sent
            return answer.headers["X-From"]

    async def main() -> str:
        async with aiohttp.ClientSession() as session:
            seen = await asyncio.gather(*(ask(session, number) for number in range(10)))
        (one,) = set(seen)
        return one

    return asyncio.run(main())


def with_websockets(where: str) -> str:
    """A conversation over a web socket."""
    from websockets.asyncio.client import connect

    async def main() -> str:
        async with connect(f"ws://{where}/talk", proxy=None) as talk:
            for number in range(5):
                await talk.send(f"hello {number}")
                assert await talk.recv() == f"HELLO {number}"
            await talk.send(DATA)
            assert await talk.recv() == DATA[::-1]
        return "talked"

    return asyncio.run(main())


CLIENTS = (with_requests, with_aiohttp, with_websockets)

if __name__ == "__main__":
    chosen: Callable[[str], str | None] = {client.__name__: client for client in (serve, *CLIENTS)}[sys.argv[1]]
    print(chosen(sys.argv[2]))
