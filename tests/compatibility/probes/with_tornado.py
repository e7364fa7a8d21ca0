"""HTTP server and client on asyncio: GET, streaming, WebSocket with pings, timeout, 20 requests at once, HTTPS."""

import asyncio
import ssl
import sys

import tornado.httpclient
import tornado.httpserver
import tornado.web
import tornado.websocket

LIBRARIES = ("tornado",)
REPEATS = "shape"
EXPECTED = """200 hello ann
streamed 0 1 2
websocket: LATER
slow: HTTPTimeoutError
20 answers, 20 kinds
https 200 hello bob"""


class Hello(tornado.web.RequestHandler):
    def get(self, name: str) -> None:
        self.write(f"hello {name}")


class Stream(tornado.web.RequestHandler):
    async def get(self) -> None:
        for number in range(3):
            self.write(f"{number} ")
            await self.flush()
            await asyncio.sleep(0.2)


class Slow(tornado.web.RequestHandler):
    async def get(self) -> None:
        await asyncio.sleep(30)


class Shout(tornado.websocket.WebSocketHandler):
    async def on_message(self, message: str) -> None:
        await self.write_message(message.upper())


async def serve(host: str, folder: str, port: int) -> None:
    routes = [("/hello/(.*)", Hello), ("/stream", Stream), ("/slow", Slow), ("/shout", Shout)]
    application = tornado.web.Application(routes, websocket_ping_interval=0.5)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/server.pem")
    tornado.httpserver.HTTPServer(application, ssl_options=context).listen(port + 1, host)
    application.listen(port, host)
    await asyncio.Event().wait()


def server(host: str, folder: str, port: int) -> None:
    asyncio.run(serve(host, folder, port))


async def ask(host: str, folder: str, port: int) -> None:
    fetch = tornado.httpclient.AsyncHTTPClient().fetch
    base = f"http://{host}:{port}"
    answer = await fetch(f"{base}/hello/ann")
    print(answer.code, answer.body.decode())
    parts: list[bytes] = []
    await fetch(f"{base}/stream", streaming_callback=parts.append)
    print("streamed", b"".join(parts).decode().strip())
    socket = await tornado.websocket.websocket_connect(f"ws://{host}:{port}/shout")
    await asyncio.sleep(2)  # pings go to and fro
    await socket.write_message("later")
    print("websocket:", await socket.read_message())
    try:
        await fetch(f"{base}/slow", request_timeout=2)
    except tornado.httpclient.HTTPError as error:
        print("slow:", type(error).__name__)
    answers = await asyncio.gather(*[fetch(f"{base}/hello/{number}") for number in range(20)])
    print(f"{len(answers)} answers, {len({answer.body for answer in answers})} kinds")
    answer = await fetch(f"https://{host}:{port + 1}/hello/bob", ca_certs=f"{folder}/ca.pem")
    print("https", answer.code, answer.body.decode())


def client(host: str, folder: str, port: int) -> None:
    asyncio.run(ask(host, folder, port))


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]](*sys.argv[2:4], int(sys.argv[4]))
