"""Client and AsyncClient: GET, POST of JSON, 20 requests at once, streaming, timeout, HTTPS in both."""

import asyncio
import json
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

LIBRARIES = ("httpx", "httpcore")
REPEATS = "shape"
EXPECTED = """200 hello
{'got': [1, 2]}
slow: ReadTimeout
https 200 hello
async: 20 answers, 1 kind
async streamed 50000
async slow: ReadTimeout
async https 200 hello"""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/slow":
            time.sleep(30)
        self.answer(b"x" * 50_000 if self.path == "/large" else b"hello")

    def do_POST(self) -> None:
        data = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(json.dumps({"got": data}).encode())

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            return

    def log_message(self, *_: object) -> None:
        pass


def server(host: str, folder: str, port: int) -> None:
    secure = ThreadingHTTPServer((host, port + 1), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/server.pem")
    secure.socket = context.wrap_socket(secure.socket, server_side=True)
    threading.Thread(target=secure.serve_forever, daemon=True).start()
    ThreadingHTTPServer.request_queue_size = 64
    ThreadingHTTPServer((host, port), Handler).serve_forever()


def client(host: str, folder: str, port: int) -> None:
    trusted = ssl.create_default_context(cafile=f"{folder}/ca.pem")
    with httpx.Client(base_url=f"http://{host}:{port}") as session:
        answer = session.get("/hello")
        print(answer.status_code, answer.text)
        print(session.post("/", json=[1, 2]).json())
        try:
            session.get("/slow", timeout=2)
        except httpx.TimeoutException as error:
            print("slow:", type(error).__name__)
    answer = httpx.get(f"https://{host}:{port + 1}/", verify=trusted)
    print("https", answer.status_code, answer.text)
    asyncio.run(asynchronously(host, port, trusted))


async def asynchronously(host: str, port: int, trusted: ssl.SSLContext) -> None:
    async with httpx.AsyncClient(base_url=f"http://{host}:{port}", verify=trusted) as session:
        answers = await asyncio.gather(*[session.get("/hello") for _ in range(20)])
        print(f"async: {len(answers)} answers, {len({answer.text for answer in answers})} kind")
        async with session.stream("GET", "/large") as answer:
            print("async streamed", sum([len(part) async for part in answer.aiter_bytes()]))
        try:
            await session.get("/slow", timeout=2)
        except httpx.TimeoutException as error:
            print("async slow:", type(error).__name__)
        answer = await session.get(f"https://{host}:{port + 1}/")
        print("async https", answer.status_code, answer.text)


if __name__ == "__main__":
    {"server": server, "client": client}[sys.argv[1]](*sys.argv[2:4], int(sys.argv[4]))
