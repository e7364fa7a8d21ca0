"""Server and client: GET, POST of JSON, 20 requests at once, WebSocket, timeout, HTTPS."""

import asyncio
import ssl
import sys

import aiohttp
from aiohttp import web

LIBRARIES = ("aiohttp",)
REPEATS = "shape"
EXPECTED = """200 hello ann
{'got': {'a': 1}}
20 answers, 20 kinds
websocket: ['ONE', 'LATER'] closed 1000
slow: TimeoutError
https 200 hello bob"""


async def hello(request: web.Request) -> web.Response:
    return web.Response(text=f"hello {request.match_info['name']}")


async def take(request: web.Request) -> web.Response:
    return web.json_response({"got": await request.json()})


async def slow(request: web.Request) -> web.Response:
    await asyncio.sleep(30)
    return web.Response(text="late")


async def shout(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(heartbeat=0.5)
    await socket.prepare(request)
    async for message in socket:
        if message.data == "later":
            await asyncio.sleep(2)  # pings go to and fro
        await socket.send_str(message.data.upper())
    return socket


async def serve(host: str, folder: str, port: int) -> None:
    application = web.Application()
    application.add_routes(
        [web.get("/hello/{name}", hello), web.post("/", take), web.get("/slow", slow), web.get("/shout", shout)]
    )
    runner = web.AppRunner(application)
    await runner.setup()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/server.pem")
    await web.TCPSite(runner, host, port + 1, ssl_context=context).start()
    await web.TCPSite(runner, host, port).start()
    await asyncio.Event().wait()


def server(host: str, folder: str, port: int) -> None:
    asyncio.run(serve(host, folder, port))


async def ask(host: str, folder: str, port: int) -> None:
    async with aiohttp.ClientSession(f"http://{host}:{port}") as session:
        async with session.get("/hello/ann") as answer:
            print(answer.status, await answer.text())
        async with session.post("/", json={"a": 1}) as answer:
            print(await answer.json())

        async def one(number: int) -> str:
            async with session.get(f"/hello/{number}") as answer:
                return await answer.text()

        answers = await asyncio.gather(*[one(number) for number in range(20)])
        print(f"{len(answers)} answers, {len(set(answers))} kinds")
        async with session.ws_connect("/shout") as socket:
            heard = []
            for word in ("one", "later"):
                await socket.send_str(word)
                heard.append((await socket.receive()).data)
        print("websocket:", heard, "closed", socket.close_code)
        try:
            await session.get("/slow", timeout=aiohttp.ClientTimeout(total=2))
        except TimeoutError as error:
            print("slow:", "TimeoutError" if isinstance(error, TimeoutError) else error)
        trusted = ssl.create_default_context(cafile=f"{folder}/ca.pem")
        async with session.get(f"https://{host}:{port + 1}/hello/bob", ssl=trusted) as answer:
            print("https", answer.status, await answer.text())


def client(host: str, folder: str, port: int) -> None:
    asyncio.run(ask(host, folder, port))


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]](*sys.argv[2:4], int(sys.argv[4]))
